//! Verlet list: a neighbor list with a skin that stays valid while atoms move a little.

use super::NeighborList;
use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::linalg::{Mat3, Vec3, dot, row_times, sub};
use crate::system::System;

/// Neighbor list out to `cutoff + skin` (Verlet, Phys. Rev. 159, 98 (1967)), rebuilt when two atoms that it does not hold
/// may have come closer than the cutoff. Positions must not be wrapped between updates.
///
/// With the deformation `F = H0⁻¹ H` of the cell since the last build, a pair at `r0` is now at `r0 F + u_j - u_i`, where
/// `u = x - x0 F` is what an atom moved beyond the deformation. Its length is at least `s |r0| - |u_i| - |u_j|` with the
/// smallest singular value `s >= 1 - |F - 1|` (Frobenius norm). So the list holds as long as the two largest `|u|` add up
/// to at most `s (cutoff + skin) - cutoff`, which is the skin where the cell has not changed.
#[derive(Debug, Clone)]
pub struct VerletList {
    cutoff: f64,
    skin: f64,
    reference: Vec<Vec3>,
    cell: Cell,
    list: NeighborList,
    n_rebuilds: usize,
}

impl VerletList {
    /// Builds the first list.
    ///
    /// # Errors
    /// As [`NeighborList::build`]; [`Error::InvalidParameter`] for a negative skin.
    pub fn new(system: &System, cutoff: f64, skin: f64) -> Result<Self> {
        if !(skin.is_finite() && skin >= 0.0) {
            return Err(Error::InvalidParameter(format!(
                "neighbor-list skin must be zero or positive, got {skin}"
            )));
        }
        let list = NeighborList::build(system, cutoff + skin)?;
        Ok(Self {
            cutoff,
            skin,
            reference: system.positions.clone(),
            cell: system.cell.clone(),
            list,
            n_rebuilds: 0,
        })
    }

    /// Brings the list up to date; `true` if it had to be rebuilt.
    ///
    /// # Errors
    /// As [`NeighborList::build`].
    pub fn update(&mut self, system: &System) -> Result<bool> {
        if self.is_valid(system) {
            self.list.follow(&system.cell);
            return Ok(false);
        }
        self.rebuild(system)?;
        Ok(true)
    }

    /// Rebuilds the list from the positions as they are.
    ///
    /// # Errors
    /// As [`NeighborList::build`].
    pub fn rebuild(&mut self, system: &System) -> Result<()> {
        // A list that could not be built is not valid for any positions.
        self.reference.clear();
        self.list.rebuild(system, self.cutoff + self.skin)?;
        self.reference.extend_from_slice(&system.positions);
        self.cell.clone_from(&system.cell);
        self.n_rebuilds += 1;
        Ok(())
    }

    /// The current list, complete at least to the cutoff.
    pub fn list(&self) -> &NeighborList {
        &self.list
    }

    /// The positions of the last build, Å.
    pub fn reference(&self) -> &[Vec3] {
        &self.reference
    }

    /// How often the list was rebuilt after the first time.
    pub fn n_rebuilds(&self) -> usize {
        self.n_rebuilds
    }

    /// The cell of the last build.
    pub fn reference_cell(&self) -> &Cell {
        &self.cell
    }

    /// Whether no pair within the cutoff can be missing.
    fn is_valid(&self, system: &System) -> bool {
        if self.reference.len() != system.n_atoms() {
            return false;
        }
        if self.cell == system.cell {
            return self.moved_less_than(self.skin, system, |old| old);
        }
        if self.cell.periodic() != system.cell.periodic() {
            return false;
        }
        let (deformation, strain) = deformation(&self.cell, &system.cell);
        let limit = (1.0 - strain) * (self.cutoff + self.skin) - self.cutoff;
        limit > 0.0 && self.moved_less_than(limit, system, |old| row_times(old, &deformation))
    }

    /// Whether the two largest displacements from where the reference positions have been `carried` to add up to at most
    /// `limit`.
    fn moved_less_than(&self, limit: f64, system: &System, carried: impl Fn(Vec3) -> Vec3) -> bool {
        let (mut largest, mut second): (f64, f64) = (0.0, 0.0);
        for (&old, &new) in self.reference.iter().zip(&system.positions) {
            let moved = sub(new, carried(old));
            let moved2 = dot(moved, moved);
            // The rebuild reports the bad atom.
            if moved2 > limit * limit || moved2.is_nan() {
                return false;
            }
            if moved2 > second {
                second = moved2.min(largest);
                largest = largest.max(moved2);
            }
        }
        largest.sqrt() + second.sqrt() <= limit
    }
}

/// `F = H0⁻¹ H`, which takes row vectors from one cell to the other, and the Frobenius norm of `F - 1`.
fn deformation(from: &Cell, to: &Cell) -> (Mat3, f64) {
    let columns = from.inverse();
    let matrix = [0, 1, 2].map(|a| row_times(columns[a], to.vectors()));
    let mut sum = 0.0;
    for (a, row) in matrix.iter().enumerate() {
        for (b, x) in row.iter().enumerate() {
            let excess = x - if a == b { 1.0 } else { 0.0 };
            sum += excess * excess;
        }
    }
    (matrix, sum.sqrt())
}
