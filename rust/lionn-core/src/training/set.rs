//! Images prepared once for many evaluations of the loss.

use super::jacobian::{Jacobian, JacobianBuilder, Precision, Supports, n_entries};
use crate::descriptors::{Descriptor, Environment, Workspace};
use crate::error::{Error, Result};
use crate::linalg::{Mat3, Vec3};
use crate::neighbors::NeighborList;
use crate::potential::Scaling;
use crate::species::symbol;
use crate::system::System;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Images handled between two calls of the progress function.
const BATCH: usize = 64;
/// Smallest number of atoms whose gradients are summed by one thread before the ordered sum over chunks.
const CHUNK_ATOMS: usize = 256;
/// Largest number of chunks, which bounds the memory for partial gradients.
const MAX_CHUNKS: usize = 256;

/// A structure with its reference values.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Cell, elements and positions.
    pub system: System,
    /// Reference energy, eV.
    pub energy: f64,
    /// Reference forces, eV/Å.
    pub forces: Option<Vec<Vec3>>,
    /// Reference stress, eV/Å³, positive under tension.
    pub stress: Option<Mat3>,
    /// Weight of the image in the loss.
    pub weight: f64,
}

/// What is kept of the derivatives of the fingerprints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// Precision of the derivatives.
    pub precision: Precision,
    /// Whether forces will be computed.
    pub forces: bool,
    /// Whether stresses will be computed.
    pub stress: bool,
    /// Bytes that the whole set may take; derivatives of the images beyond it are recomputed in every evaluation.
    pub max_bytes: Option<usize>,
}

impl Default for Storage {
    fn default() -> Self {
        Self { precision: Precision::Float32, forces: true, stress: false, max_bytes: None }
    }
}

impl Storage {
    fn needs_derivatives(&self) -> bool {
        self.forces || self.stress
    }
}

/// Memory of a training set in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// Structures, references and fingerprints: always kept.
    pub fixed: usize,
    /// Derivatives of all images: kept as far as the limit allows.
    pub derivatives: usize,
}

impl MemoryEstimate {
    /// Bytes when everything is kept.
    pub fn total(&self) -> usize {
        self.fixed + self.derivatives
    }
}

/// One image with its fingerprints and, if they fit, their derivatives.
#[derive(Debug)]
pub(super) struct Prepared {
    pub image: Image,
    /// Element index of every atom.
    pub elements: Vec<u8>,
    /// Fingerprints of all atoms, concatenated.
    pub values: Vec<f64>,
    /// Start of every atom's fingerprint, and the total length.
    pub starts: Vec<u32>,
    pub jacobian: Option<Jacobian>,
}

/// Images with fingerprints and derivatives, ready for [`TrainingSet::evaluate`].
pub struct TrainingSet {
    pub(super) descriptor: Arc<dyn Descriptor>,
    pub(super) supports: Supports,
    pub(super) storage: Storage,
    pub(super) images: Vec<Prepared>,
    pub(super) chunks: Vec<Range<usize>>,
    n_atoms: usize,
}

/// Buffers for the preparation of one image.
#[derive(Default)]
pub(super) struct PrepareWork {
    environment: Environment,
    workspace: Workspace,
    derivatives: Vec<Vec3>,
    seen: Vec<u32>,
}

impl TrainingSet {
    /// Computes fingerprints and derivatives of all images.
    ///
    /// `progress` is called on the calling thread with the number of images done so far; an error from it, such as
    /// [`Error::Interrupted`], ends the preparation.
    ///
    /// # Errors
    /// [`Error::Structure`] naming the image and atom for unknown elements and for values that are not finite;
    /// [`Error::Shape`] for forces that do not match the positions.
    pub fn build(
        images: Vec<Image>,
        descriptor: Arc<dyn Descriptor>,
        storage: Storage,
        progress: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<Self> {
        if images.is_empty() {
            return Err(Error::InvalidParameter("a training set needs at least one image".to_owned()));
        }
        let supports = Supports::new(&*descriptor);
        let mut prepared: Vec<Prepared> = Vec::with_capacity(images.len());
        let mut images = images.into_iter().enumerate();
        let mut used = 0;
        loop {
            let batch: Vec<(usize, Image)> = images.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            let sized: Vec<(usize, Image, usize)> = batch
                .into_par_iter()
                .map_init(PrepareWork::default, |work, (index, image)| {
                    check_references(index, &image)?;
                    let memory =
                        system_memory(index, &image.system, &*descriptor, &supports, &storage, work)?;
                    Ok((index, image, memory.total()))
                })
                .collect::<Result<_>>()?;
            // Images are kept with their derivatives in order, until the limit is reached.
            let keep: Vec<bool> = sized
                .iter()
                .map(|(_, _, bytes)| {
                    used += bytes;
                    storage.needs_derivatives() && storage.max_bytes.is_none_or(|limit| used <= limit)
                })
                .collect();
            let done: Vec<Prepared> = sized
                .into_par_iter()
                .zip(keep)
                .map_init(PrepareWork::default, |work, ((index, image, _), keep)| {
                    prepare(index, image, &*descriptor, &supports, &storage, keep, work)
                })
                .collect::<Result<_>>()?;
            prepared.extend(done);
            progress(prepared.len())?;
        }
        let n_atoms = prepared.iter().map(|p| p.image.system.n_atoms()).sum();
        let chunks = chunks(&prepared, n_atoms);
        Ok(Self { descriptor, supports, storage, images: prepared, chunks, n_atoms })
    }

    /// Number of images.
    pub fn n_images(&self) -> usize {
        self.images.len()
    }

    /// Number of atoms of all images.
    pub fn n_atoms(&self) -> usize {
        self.n_atoms
    }

    /// Number of images whose derivatives are kept; the others are recomputed in every evaluation.
    pub fn n_stored(&self) -> usize {
        self.images.iter().filter(|p| p.jacobian.is_some()).count()
    }

    /// What is kept.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// The descriptor of the fingerprints.
    pub fn descriptor(&self) -> &Arc<dyn Descriptor> {
        &self.descriptor
    }

    /// The images in order.
    pub fn images(&self) -> impl Iterator<Item = &Image> {
        self.images.iter().map(|p| &p.image)
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.images.iter().map(Prepared::bytes).sum()
    }

    /// Min-max scaling of every element's fingerprint over these images. An element without atoms here gets ranges of
    /// width zero, so that its fingerprints stay unscaled.
    ///
    /// # Errors
    /// Never for a prepared set; the error type is that of [`Scaling::min_max`].
    pub fn scalings(&self) -> Result<Vec<Scaling>> {
        let n_elements = self.supports.n_elements();
        let mut ranges: Vec<(Vec<f64>, Vec<f64>)> = (0..n_elements)
            .map(|e| {
                let n = self.descriptor.n_features(e);
                (vec![f64::INFINITY; n], vec![f64::NEG_INFINITY; n])
            })
            .collect();
        for prepared in &self.images {
            for (i, &element) in prepared.elements.iter().enumerate() {
                let (min, max) = &mut ranges[usize::from(element)];
                for (k, &value) in prepared.fingerprint(i).iter().enumerate() {
                    min[k] = min[k].min(value);
                    max[k] = max[k].max(value);
                }
            }
        }
        ranges
            .into_iter()
            .map(|(min, max)| {
                if min.iter().any(|x| x.is_infinite()) {
                    return Scaling::min_max(vec![0.0; min.len()], vec![0.0; max.len()]);
                }
                Scaling::min_max(min, max)
            })
            .collect()
    }

    /// Memory that [`TrainingSet::build`] will need for `systems`, found from their neighbor lists alone.
    ///
    /// # Errors
    /// As [`TrainingSet::build`].
    pub fn estimate_memory(
        systems: &[System],
        descriptor: &dyn Descriptor,
        storage: &Storage,
    ) -> Result<MemoryEstimate> {
        let supports = Supports::new(descriptor);
        let parts: Vec<MemoryEstimate> = systems
            .par_iter()
            .enumerate()
            .map_init(PrepareWork::default, |work, (index, system)| {
                system_memory(index, system, descriptor, &supports, storage, work)
            })
            .collect::<Result<_>>()?;
        Ok(parts.into_iter().fold(MemoryEstimate::default(), |sum, part| MemoryEstimate {
            fixed: sum.fixed + part.fixed,
            derivatives: sum.derivatives + part.derivatives,
        }))
    }

    /// Derivatives of an image that are not kept.
    pub(super) fn recompute(&self, index: usize, work: &mut PrepareWork) -> Result<Jacobian> {
        let prepared = &self.images[index];
        let system = &prepared.image.system;
        let neighbors = NeighborList::build(system, self.descriptor.cutoff())?;
        let mut values = vec![0.0; prepared.values.len()];
        Ok(fingerprints(
            system,
            &prepared.elements,
            &prepared.starts,
            &neighbors,
            &*self.descriptor,
            &self.supports,
            Some(&self.storage),
            work,
            &mut values,
        )
        .expect("derivatives were asked for"))
    }
}

impl Prepared {
    /// Fingerprint of atom `i`.
    #[inline]
    pub fn fingerprint(&self, i: usize) -> &[f64] {
        &self.values[self.starts[i] as usize..self.starts[i + 1] as usize]
    }

    fn bytes(&self) -> usize {
        let image = &self.image;
        fixed_bytes(image.system.n_atoms(), self.values.capacity(), image.forces.is_some())
            + self.jacobian.as_ref().map_or(0, Jacobian::bytes)
    }
}

/// Structure, references, fingerprints and their offsets.
fn fixed_bytes(n_atoms: usize, n_values: usize, forces: bool) -> usize {
    let vectors = if forces { 2 } else { 1 };
    size_of::<Prepared>() + n_atoms * (vectors * size_of::<Vec3>() + 2 + 4) + 8 * n_values
}

/// Memory of one image, from its neighbor list.
fn system_memory(
    index: usize,
    system: &System,
    descriptor: &dyn Descriptor,
    supports: &Supports,
    storage: &Storage,
    work: &mut PrepareWork,
) -> Result<MemoryEstimate> {
    let n_elements = supports.n_elements();
    let elements = element_indices(index, system, descriptor)?;
    let n_values: usize = elements.iter().map(|&e| descriptor.n_features(usize::from(e))).sum();
    let fixed = fixed_bytes(system.n_atoms(), n_values, true);
    if !storage.needs_derivatives() {
        return Ok(MemoryEstimate { fixed, derivatives: 0 });
    }
    let neighbors =
        NeighborList::build(system, descriptor.cutoff()).map_err(|error| in_image(index, error))?;
    work.seen.clear();
    work.seen.resize(system.n_atoms(), u32::MAX);
    let mut n_pairs = 0;
    let mut total = 0;
    let mut counts = vec![0; n_elements];
    for i in 0..system.n_atoms() {
        counts.fill(0);
        work.seen[i] = i as u32;
        for pair in neighbors.of(i) {
            if work.seen[pair.j as usize] != i as u32 {
                work.seen[pair.j as usize] = i as u32;
                counts[usize::from(elements[pair.j as usize])] += 1;
                n_pairs += 1;
            }
        }
        total += n_entries(supports, usize::from(elements[i]), &counts);
    }
    let mut derivatives = total * storage.precision.bytes() + 4 * n_pairs;
    derivatives += 4 * system.n_atoms() * (n_elements + 1);
    if storage.stress {
        derivatives += 6 * n_values * storage.precision.bytes() + 4 * system.n_atoms();
    }
    Ok(MemoryEstimate { fixed, derivatives })
}

fn element_indices(index: usize, system: &System, descriptor: &dyn Descriptor) -> Result<Vec<u8>> {
    let known = descriptor.elements();
    let find = |(i, &number): (usize, &u8)| match known.iter().position(|&z| z == number) {
        Some(element) => Ok(element as u8),
        None => Err(Error::Structure(format!(
            "image {index}: atom {i} is {}, which is not among the descriptor's elements {}",
            symbol(number),
            known.iter().map(|&z| symbol(z)).collect::<Vec<_>>().join(", ")
        ))),
    };
    system.numbers.iter().enumerate().map(find).collect()
}

fn in_image(index: usize, error: Error) -> Error {
    Error::Structure(format!("image {index}: {error}"))
}

/// References must be finite and have the right size.
fn check_references(index: usize, image: &Image) -> Result<()> {
    let n_atoms = image.system.n_atoms();
    let fail = |text: String| Err(Error::Structure(format!("image {index}: {text}")));
    if n_atoms == 0 {
        return fail("has no atoms".to_owned());
    }
    if !image.energy.is_finite() {
        return fail(format!("reference energy is {}", image.energy));
    }
    if !(image.weight.is_finite() && image.weight >= 0.0) {
        return fail(format!("weight must be zero or positive, got {}", image.weight));
    }
    if let Some(forces) = &image.forces {
        if forces.len() != n_atoms {
            return Err(Error::shape(
                &format!("forces of image {index}"),
                format!("({n_atoms}, 3) to match positions"),
                format!("({}, 3)", forces.len()),
            ));
        }
        if let Some(i) = forces.iter().position(|f| f.iter().any(|x| !x.is_finite())) {
            return fail(format!("reference force on atom {i} is {:?}", forces[i]));
        }
    }
    match image.stress {
        Some(stress) if stress.iter().flatten().any(|x| !x.is_finite()) => {
            fail(format!("reference stress is {stress:?}"))
        }
        _ => Ok(()),
    }
}

fn prepare(
    index: usize,
    image: Image,
    descriptor: &dyn Descriptor,
    supports: &Supports,
    storage: &Storage,
    keep: bool,
    work: &mut PrepareWork,
) -> Result<Prepared> {
    let system = &image.system;
    let elements = element_indices(index, system, descriptor)?;
    let mut starts = Vec::with_capacity(elements.len() + 1);
    let mut n_values = 0;
    for &element in &elements {
        starts.push(n_values as u32);
        n_values += descriptor.n_features(usize::from(element));
    }
    starts.push(n_values as u32);
    let mut values = vec![0.0; n_values];
    let neighbors =
        NeighborList::build(system, descriptor.cutoff()).map_err(|error| in_image(index, error))?;
    let jacobian = fingerprints(
        system,
        &elements,
        &starts,
        &neighbors,
        descriptor,
        supports,
        keep.then_some(storage),
        work,
        &mut values,
    );
    if let Some(k) = values.iter().position(|x| !x.is_finite()) {
        let i = starts.partition_point(|&start| start as usize <= k) - 1;
        return Err(Error::Structure(format!(
            "image {index}: feature {} of atom {i} ({}) is {}",
            k - starts[i] as usize,
            symbol(system.numbers[i]),
            values[k]
        )));
    }
    Ok(Prepared { image, elements, values, starts, jacobian })
}

/// Fingerprints of all atoms and, with `storage`, their derivatives.
#[allow(clippy::too_many_arguments)]
fn fingerprints(
    system: &System,
    elements: &[u8],
    starts: &[u32],
    neighbors: &NeighborList,
    descriptor: &dyn Descriptor,
    supports: &Supports,
    storage: Option<&Storage>,
    work: &mut PrepareWork,
    values: &mut [f64],
) -> Option<Jacobian> {
    let n_atoms = system.n_atoms();
    let mut builder = storage.map(|storage| {
        let strain = storage.stress.then_some(6 * values.len());
        JacobianBuilder::new(supports, n_atoms, storage.precision, strain)
    });
    for i in 0..n_atoms {
        let center = usize::from(elements[i]);
        work.environment.fill(
            system,
            i,
            neighbors.of(i),
            descriptor.cutoff(),
            elements,
            supports.n_elements(),
        );
        let out = &mut values[starts[i] as usize..starts[i + 1] as usize];
        descriptor.values(center, &work.environment, &mut work.workspace, out);
        if let Some(builder) = &mut builder {
            descriptor.jacobian(center, &work.environment, &mut work.workspace, &mut work.derivatives);
            builder.push(i, center, &work.environment, &work.derivatives, out.len());
        }
    }
    builder.map(JacobianBuilder::finish)
}

/// Consecutive images with about the same number of atoms each; depends on the images only, not on the threads.
fn chunks(images: &[Prepared], n_atoms: usize) -> Vec<Range<usize>> {
    let target = CHUNK_ATOMS.max(n_atoms.div_ceil(MAX_CHUNKS));
    let mut chunks = Vec::new();
    let (mut start, mut atoms) = (0, 0);
    for (index, prepared) in images.iter().enumerate() {
        atoms += prepared.image.system.n_atoms();
        if atoms >= target {
            chunks.push(start..index + 1);
            (start, atoms) = (index + 1, 0);
        }
    }
    if start < images.len() {
        chunks.push(start..images.len());
    }
    chunks
}
