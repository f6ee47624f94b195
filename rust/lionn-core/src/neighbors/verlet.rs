//! Verlet list: a neighbor list with a skin that stays valid while atoms move a little.

use super::NeighborList;
use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::linalg::{Vec3, dot, sub};
use crate::system::System;

/// Neighbor list out to `cutoff + skin`, rebuilt when some atom has moved half the skin (Verlet, Phys. Rev. 159,
/// 98 (1967)) or the cell has changed. Positions must not be wrapped between updates.
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
        self.list = NeighborList::build(system, self.cutoff + self.skin)?;
        self.reference.clone_from(&system.positions);
        self.cell = system.cell.clone();
        self.n_rebuilds += 1;
        Ok(())
    }

    /// The current list, complete at least to the cutoff.
    pub fn list(&self) -> &NeighborList {
        &self.list
    }

    /// How often the list was rebuilt after the first time.
    pub fn n_rebuilds(&self) -> usize {
        self.n_rebuilds
    }

    fn is_valid(&self, system: &System) -> bool {
        if self.reference.len() != system.n_atoms() || self.cell != system.cell {
            return false;
        }
        let limit = (0.5 * self.skin).powi(2);
        // A comparison that is false for NaN makes the rebuild report the bad atom.
        self.reference.iter().zip(&system.positions).all(|(&old, &new)| {
            let moved = sub(new, old);
            dot(moved, moved) <= limit
        })
    }
}
