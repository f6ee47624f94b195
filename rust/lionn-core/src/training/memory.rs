//! Memory of prepared images, from their neighbor lists alone.

use super::image::{element_indices, in_image};
use super::jacobian::{Precision, Supports, n_entries};
use super::prepare::{PrepareWork, Prepared};
use crate::descriptors::Descriptor;
use crate::error::Result;
use crate::linalg::Vec3;
use crate::neighbors::NeighborList;
use crate::system::System;

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
    pub(super) fn needs_derivatives(&self) -> bool {
        self.forces || self.stress
    }
}

/// Memory of a training set in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// Structures, references, fingerprints and, for a factorized descriptor, neighbors: always kept.
    pub fixed: usize,
    /// Derivatives of all images: kept as far as the limit allows; none for a factorized descriptor.
    pub derivatives: usize,
}

impl MemoryEstimate {
    /// Bytes when everything is kept.
    pub fn total(&self) -> usize {
        self.fixed + self.derivatives
    }
}

/// Structure, references, fingerprints and their offsets.
pub(super) fn fixed_bytes(n_atoms: usize, n_values: usize, forces: bool) -> usize {
    let vectors = if forces { 2 } else { 1 };
    size_of::<Prepared>() + n_atoms * (vectors * size_of::<Vec3>() + 2 + 4) + 8 * n_values
}

/// Memory of one image, from its neighbor list.
pub(super) fn system_memory(
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
    if descriptor.is_factorized() {
        return Ok(MemoryEstimate { fixed: fixed + neighbors.bytes(), derivatives: 0 });
    }
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
