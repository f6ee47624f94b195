//! Buffers for the evaluation of images, kept between calls.

use super::double_backward::{DirectionWork, NodeBuffers, SweepWork};
use super::factorized::Factorized;
use super::jacobian::Jacobian;
use super::prepare::PrepareWork;
use crate::linalg::Vec3;
use crate::neighbors::NeighborList;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Buffers of one thread.
#[derive(Default)]
pub(super) struct Work {
    pub prepare: PrepareWork,
    pub sweep: SweepWork,
    pub directions: DirectionWork,
    /// Scaled fingerprints of all atoms of the image, concatenated.
    pub inputs: Vec<f64>,
    /// `dE_i/dG_i` of all atoms, concatenated.
    pub slopes: Vec<f64>,
    pub nodes: NodeBuffers,
    pub outputs: Vec<f64>,
    pub forces: Vec<Vec3>,
    pub residual: Vec<Vec3>,
    pub compact: Vec<f64>,
    pub direction: Vec<f64>,
    /// Derivative with respect to the scaled fingerprint of one atom.
    pub input_adjoint: Vec<f64>,
    /// Directions of the forces on the atom itself.
    pub own: Vec<f64>,
    pub factorized: Factorized,
    pub energy: f64,
    /// Stress in Voigt order, eV/Å³.
    pub stress: [f64; 6],
}

/// Buffers that no thread uses just now. Those of a factorized descriptor take megabytes, and a batch of images is soon done.
#[derive(Default)]
pub(super) struct Works(Mutex<Vec<Work>>);

/// Buffers on loan; they go back when dropped.
pub(super) struct Loan<'a> {
    works: &'a Works,
    work: Work,
}

impl Works {
    pub fn take(&self) -> Loan<'_> {
        let work = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        Loan { works: self, work }
    }
}

impl Deref for Loan<'_> {
    type Target = Work;

    fn deref(&self) -> &Work {
        &self.work
    }
}

impl DerefMut for Loan<'_> {
    fn deref_mut(&mut self) -> &mut Work {
        &mut self.work
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let work = std::mem::take(&mut self.work);
        self.works.0.lock().unwrap_or_else(PoisonError::into_inner).push(work);
    }
}

/// How the derivatives of an image's fingerprints enter.
#[derive(Clone, Copy)]
pub(super) enum Derivatives<'a> {
    /// Energies alone are wanted.
    Unused,
    Formed(&'a Jacobian),
    Factorized(&'a NeighborList),
}
