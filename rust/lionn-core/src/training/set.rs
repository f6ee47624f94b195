//! Images prepared once for many evaluations of the loss.

use super::image::{Image, check_references};
use super::jacobian::{Jacobian, Supports};
use super::memory::{MemoryEstimate, Storage, system_memory};
use super::prepare::{PrepareWork, Prepared, fingerprints, prepare};
use super::work::Works;
use crate::descriptors::Descriptor;
use crate::error::{Error, Result};
use crate::neighbors::NeighborList;
use crate::potential::Scaling;
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
/// The same for a selection of images, where few atoms must feed several threads: smallest number of atoms of a chunk.
const SELECTION_CHUNK_ATOMS: usize = 32;
/// Largest number of chunks of a selection.
const MAX_SELECTION_CHUNKS: usize = 64;

/// Images with fingerprints and derivatives, ready for [`TrainingSet::evaluate`].
pub struct TrainingSet {
    pub(super) descriptor: Arc<dyn Descriptor>,
    pub(super) supports: Supports,
    pub(super) storage: Storage,
    pub(super) images: Vec<Prepared>,
    pub(super) chunks: Vec<Range<usize>>,
    n_atoms: usize,
    pub(super) works: Works,
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
                    // Sizes matter only where a limit asks for them: they cost a neighbor list.
                    let bytes = match storage.max_bytes {
                        Some(_) => {
                            let system = &image.system;
                            system_memory(index, system, &*descriptor, &supports, &storage, work)?.total()
                        }
                        None => 0,
                    };
                    Ok((index, image, bytes))
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
        let n_atoms: usize = prepared.iter().map(|p| p.image.system.n_atoms()).sum();
        let target = CHUNK_ATOMS.max(n_atoms.div_ceil(MAX_CHUNKS));
        let chunks = chunks(prepared.iter().map(|p| p.image.system.n_atoms()), target);
        let works = Works::default();
        Ok(Self { descriptor, supports, storage, images: prepared, chunks, n_atoms, works })
    }

    /// Number of images.
    pub fn n_images(&self) -> usize {
        self.images.len()
    }

    /// Number of atoms of all images.
    pub fn n_atoms(&self) -> usize {
        self.n_atoms
    }

    /// Number of images whose derivatives are kept, or never formed; the others are recomputed in every evaluation.
    pub fn n_stored(&self) -> usize {
        self.images.iter().filter(|p| p.has_derivatives()).count()
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

    /// # Errors
    /// [`Error::InvalidParameter`] if the selection is empty or has an image that does not exist.
    pub(super) fn check_selection(&self, selection: &[usize]) -> Result<()> {
        let n_images = self.n_images();
        if let Some(index) = selection.iter().find(|&&index| index >= n_images) {
            return Err(Error::InvalidParameter(format!(
                "image {index} does not exist, there are {n_images}"
            )));
        }
        if selection.is_empty() {
            return Err(Error::InvalidParameter("a selection needs at least one image".to_owned()));
        }
        Ok(())
    }

    /// Chunks of positions in a selection; as those of all images, they depend on the images only.
    pub(super) fn selection_chunks(&self, selection: &[usize]) -> Vec<Range<usize>> {
        let counts = || selection.iter().map(|&index| self.images[index].image.system.n_atoms());
        let target = SELECTION_CHUNK_ATOMS.max(counts().sum::<usize>().div_ceil(MAX_SELECTION_CHUNKS));
        chunks(counts(), target)
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

/// Consecutive images with `target` or more atoms each; depends on the images only, not on the threads.
fn chunks(n_atoms: impl Iterator<Item = usize>, target: usize) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    let (mut start, mut end, mut atoms) = (0, 0, 0);
    for count in n_atoms {
        end += 1;
        atoms += count;
        if atoms >= target {
            chunks.push(start..end);
            (start, atoms) = (end, 0);
        }
    }
    if start < end {
        chunks.push(start..end);
    }
    chunks
}
