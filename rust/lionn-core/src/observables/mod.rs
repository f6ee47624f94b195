//! Observables: pure functions on arrays.
//!
//! Trajectories are flat slices of shape `(n_frames, n_atoms, 3)` in C order: **unwrapped** Cartesian positions, Å.

pub mod covariance;
pub mod density;
pub mod displacement_products;
pub mod msd;
pub mod rdf;
pub mod shortest_image;
pub mod sites;
pub mod unwrap;
pub mod vacf;
pub mod van_hove;

use crate::error::{Error, Result};
use crate::linalg::Vec3;

/// A borrowed trajectory: unwrapped Cartesian positions of shape `(n_frames, n_atoms, 3)`, Å.
#[derive(Debug, Clone, Copy)]
pub struct Frames<'a> {
    positions: &'a [f64],
    n_frames: usize,
    n_atoms: usize,
}

impl<'a> Frames<'a> {
    /// Checked view of a flat slice.
    ///
    /// # Errors
    /// [`Error::Shape`] if the length is not `n_frames * n_atoms * 3`, [`Error::Structure`] naming the first frame
    /// and atom with a position that is not finite.
    pub fn new(positions: &'a [f64], n_frames: usize, n_atoms: usize) -> Result<Self> {
        if positions.len() != n_frames * n_atoms * 3 {
            return Err(Error::shape(
                "positions",
                format!("({n_frames}, {n_atoms}, 3)"),
                format!("{} numbers", positions.len()),
            ));
        }
        if let Some(k) = positions.iter().position(|x| !x.is_finite()) {
            let (frame, atom) = (k / (3 * n_atoms), k / 3 % n_atoms);
            return Err(Error::Structure(format!(
                "position of atom {atom} in frame {frame} is not finite: {}",
                positions[k]
            )));
        }
        Ok(Self { positions, n_frames, n_atoms })
    }

    /// Number of frames.
    pub fn n_frames(&self) -> usize {
        self.n_frames
    }

    /// Number of atoms.
    pub fn n_atoms(&self) -> usize {
        self.n_atoms
    }

    /// Coordinate `axis` of `atom` in `frame`.
    #[inline]
    pub fn at(&self, frame: usize, atom: usize, axis: usize) -> f64 {
        self.positions[(frame * self.n_atoms + atom) * 3 + axis]
    }

    /// Position of `atom` in `frame`.
    #[inline]
    pub fn vector(&self, frame: usize, atom: usize) -> Vec3 {
        let at = (frame * self.n_atoms + atom) * 3;
        [self.positions[at], self.positions[at + 1], self.positions[at + 2]]
    }

    fn check_lags(&self, lags: &[usize]) -> Result<()> {
        match lags.iter().find(|&&lag| lag >= self.n_frames) {
            Some(lag) => Err(Error::InvalidParameter(format!(
                "lag of {lag} frames does not fit a trajectory of {} frames",
                self.n_frames
            ))),
            None => Ok(()),
        }
    }

    fn check_atoms(&self, atoms: &[usize]) -> Result<()> {
        match atoms.iter().find(|&&atom| atom >= self.n_atoms) {
            Some(atom) => Err(Error::InvalidParameter(format!(
                "atom index {atom} is out of range for {} atoms",
                self.n_atoms
            ))),
            None => Ok(()),
        }
    }
}
