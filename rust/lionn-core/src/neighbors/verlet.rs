//! Verlet list: a neighbor list with a skin that stays valid while atoms move a little.

use super::NeighborList;
use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::linalg::{Vec3, dot, sub};
use crate::system::System;

/// Neighbor list out to `cutoff + skin` (Verlet, Phys. Rev. 159, 98 (1967)), rebuilt when two atoms may have come closer
/// by the skin, that is when the two largest displacements since the last build add up to more than it, or when the cell
/// has changed. Positions must not be wrapped between updates.
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

    fn is_valid(&self, system: &System) -> bool {
        if self.reference.len() != system.n_atoms() || self.cell != system.cell {
            return false;
        }
        let (mut largest, mut second): (f64, f64) = (0.0, 0.0);
        for (&old, &new) in self.reference.iter().zip(&system.positions) {
            let moved = sub(new, old);
            let moved2 = dot(moved, moved);
            // The rebuild reports the bad atom.
            if moved2 > self.skin * self.skin || moved2.is_nan() {
                return false;
            }
            if moved2 > second {
                second = moved2.min(largest);
                largest = largest.max(moved2);
            }
        }
        largest.sqrt() + second.sqrt() <= self.skin
    }
}
