//! Preparation of one image: fingerprints, and derivatives if they are kept.

use super::image::{Image, element_indices, in_image};
use super::jacobian::{Jacobian, JacobianBuilder, Supports};
use super::memory::{Storage, fixed_bytes};
use super::work::Derivatives;
use crate::descriptors::{Descriptor, Environment, Workspace};
use crate::error::{Error, Result};
use crate::linalg::Vec3;
use crate::neighbors::NeighborList;
use crate::species::symbol;
use crate::system::System;

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
    /// For a factorized descriptor instead.
    pub neighbors: Option<NeighborList>,
}

impl Prepared {
    /// Fingerprint of atom `i`.
    #[inline]
    pub fn fingerprint(&self, i: usize) -> &[f64] {
        &self.values[self.starts[i] as usize..self.starts[i + 1] as usize]
    }

    /// Whether nothing has to be recomputed before derivatives can be applied.
    pub fn has_derivatives(&self) -> bool {
        self.jacobian.is_some() || self.neighbors.is_some()
    }

    /// How derivatives enter, with those that were recomputed if there are any.
    pub fn derivatives<'a>(&'a self, fresh: Option<&'a Jacobian>) -> Derivatives<'a> {
        match (&self.neighbors, self.jacobian.as_ref().or(fresh)) {
            (Some(neighbors), _) => Derivatives::Factorized(neighbors),
            (None, Some(jacobian)) => Derivatives::Formed(jacobian),
            (None, None) => Derivatives::Unused,
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let image = &self.image;
        fixed_bytes(image.system.n_atoms(), self.values.capacity(), image.forces.is_some())
            + self.jacobian.as_ref().map_or(0, Jacobian::bytes)
            + self.neighbors.as_ref().map_or(0, NeighborList::bytes)
    }
}

/// Buffers for the preparation of one image.
#[derive(Default)]
pub(super) struct PrepareWork {
    environment: Environment,
    workspace: Workspace,
    derivatives: Vec<Vec3>,
    pub(super) seen: Vec<u32>,
}

pub(super) fn prepare(
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
    let formed = keep && !descriptor.is_factorized();
    let jacobian = fingerprints(
        system,
        &elements,
        &starts,
        &neighbors,
        descriptor,
        supports,
        formed.then_some(storage),
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
    let factorized = storage.needs_derivatives() && descriptor.is_factorized();
    let neighbors = factorized.then(|| neighbors.shrunk());
    Ok(Prepared { image, elements, values, starts, jacobian, neighbors })
}

/// Fingerprints of all atoms and, with `storage`, their derivatives.
#[allow(clippy::too_many_arguments)]
pub(super) fn fingerprints(
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
