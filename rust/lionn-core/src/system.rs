//! A structure: cell, atomic numbers and positions.

use crate::cell::{Cell, deform};
use crate::error::{Error, Result};
use crate::linalg::{Mat3, Vec3};

/// Atoms in a cell. Positions are Cartesian, Å, and need not lie inside the cell.
#[derive(Debug, Clone, PartialEq)]
pub struct System {
    /// The cell.
    pub cell: Cell,
    /// Atomic number of every atom.
    pub numbers: Vec<u8>,
    /// Cartesian positions, Å.
    pub positions: Vec<Vec3>,
}

impl System {
    /// Checked constructor.
    ///
    /// # Errors
    /// [`Error::Shape`] if the lengths differ, [`Error::Structure`] for a position that is not finite.
    pub fn new(cell: Cell, numbers: Vec<u8>, positions: Vec<Vec3>) -> Result<Self> {
        if numbers.len() != positions.len() {
            return Err(Error::shape(
                "positions",
                format!("({}, 3) to match the atomic numbers", numbers.len()),
                format!("({}, 3)", positions.len()),
            ));
        }
        let system = Self { cell, numbers, positions };
        system.check_finite()?;
        Ok(system)
    }

    /// Number of atoms.
    pub fn n_atoms(&self) -> usize {
        self.numbers.len()
    }

    /// # Errors
    /// [`Error::Structure`] naming the first atom with a position that is not finite.
    pub fn check_finite(&self) -> Result<()> {
        match self.positions.iter().position(|p| p.iter().any(|x| !x.is_finite())) {
            Some(i) => {
                Err(Error::Structure(format!("position of atom {i} is not finite: {:?}", self.positions[i])))
            }
            None => Ok(()),
        }
    }

    /// The homogeneously deformed system, `x · (1 + strain)`.
    pub fn deformed(&self, strain: &Mat3) -> Result<Self> {
        Ok(Self {
            cell: self.cell.deformed(strain)?,
            numbers: self.numbers.clone(),
            positions: self.positions.iter().map(|&x| deform(x, strain)).collect(),
        })
    }
}
