//! Neighbor search under any periodicity, also where the cell is smaller than the cutoff.

mod brute_force;
mod cell_list;
mod verlet;

pub use brute_force::brute_force;
pub use verlet::VerletList;

use crate::error::{Error, Result};
use crate::linalg::{Vec3, add, sub};
use crate::system::System;

/// A neighbor of some center `i`: atom `j` in the cell shifted by `S` lattice vectors,
/// `r_ij = r_j - r_i + S·H`. An atom may be its own neighbor through a shift that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Index of the neighbor.
    pub j: u32,
    /// Integer lattice shift `S`, zero along directions that are not periodic.
    pub shift: [i32; 3],
}

/// Full neighbor list (both `i-j` and `j-i`), neighbors of one atom stored contiguously.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NeighborList {
    cutoff: f64,
    offsets: Vec<usize>,
    pairs: Vec<Pair>,
}

impl NeighborList {
    /// All pairs closer than `cutoff` (Å).
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a cutoff that is not positive, [`Error::Structure`] for positions that are
    /// not finite or two atoms at the same place.
    pub fn build(system: &System, cutoff: f64) -> Result<Self> {
        if !(cutoff.is_finite() && cutoff > 0.0) {
            return Err(Error::InvalidParameter(format!("neighbor cutoff must be positive, got {cutoff}")));
        }
        system.check_finite()?;
        let (offsets, pairs) = cell_list::search(system, cutoff)?;
        Ok(Self { cutoff, offsets, pairs })
    }

    /// The distance up to which the list is complete, Å.
    pub fn cutoff(&self) -> f64 {
        self.cutoff
    }

    /// Number of atoms.
    pub fn n_atoms(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Number of directed pairs.
    pub fn n_pairs(&self) -> usize {
        self.pairs.len()
    }

    /// Neighbors of atom `i`.
    #[inline]
    pub fn of(&self, i: usize) -> &[Pair] {
        &self.pairs[self.offsets[i]..self.offsets[i + 1]]
    }

    /// `r_ij = r_j - r_i + S·H`.
    #[inline]
    pub fn vector(system: &System, i: usize, pair: &Pair) -> Vec3 {
        let direct = sub(system.positions[pair.j as usize], system.positions[i]);
        if pair.shift == [0; 3] { direct } else { add(direct, system.cell.shift_vector(pair.shift)) }
    }
}
