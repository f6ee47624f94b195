//! Potentials: energy, forces and virial of a structure.

pub mod analytic;
mod assessment;
mod center;
mod chunks;
mod committee;
mod ensemble;
mod neural;
mod range;
mod repulsion;
mod scaling;
mod watched;

pub use assessment::{Assesses, Assessment, AssessmentSummary, GradeSummary, SpreadSummary};
pub use center::{Center, CenterWork};
pub use committee::{CommitteePotential, SpreadScale};
pub use neural::{ElementModel, NeuralPotential};
pub use range::TrainingRange;
pub use repulsion::{Repulsion, RepulsionPair};
pub use scaling::Scaling;
pub use watched::WatchedPotential;

use crate::error::Result;
use crate::linalg::{Mat3, Vec3};
use crate::neighbors::NeighborList;
use crate::system::System;

/// How far the environments of a structure lie outside the range seen in training.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Extrapolation {
    /// Number of atoms with at least one fingerprint outside its training range.
    pub n_atoms: usize,
    /// Largest excess beyond a range, in units of the width of that range.
    pub worst: f64,
    /// The atom with the largest excess.
    pub worst_atom: Option<usize>,
}

/// Result of a potential; buffers are reused from call to call.
#[derive(Debug, Default)]
pub struct Evaluation {
    /// Potential energy, eV.
    pub energy: f64,
    /// Energy of every atom, eV; their sum is the energy.
    pub atomic_energies: Vec<f64>,
    /// Force on every atom, eV/Å.
    pub forces: Vec<Vec3>,
    /// Virial `W = -V·stress`, eV.
    pub virial: Mat3,
    /// Distance from the training range; all zero for analytic potentials.
    pub extrapolation: Extrapolation,
    scratch: ensemble::Scratch,
}

impl Evaluation {
    /// Sets everything to zero for `n_atoms` atoms.
    pub fn reset(&mut self, n_atoms: usize) {
        self.energy = 0.0;
        self.atomic_energies.clear();
        self.atomic_energies.resize(n_atoms, 0.0);
        self.forces.clear();
        self.forces.resize(n_atoms, [0.0; 3]);
        self.virial = [[0.0; 3]; 3];
        self.extrapolation = Extrapolation::default();
    }
}

/// A potential energy surface.
pub trait Potential: Send + Sync {
    /// Largest distance at which two atoms feel each other, Å.
    fn cutoff(&self) -> f64;

    /// Whether the potential can treat the structure.
    ///
    /// # Errors
    /// [`crate::Error::Structure`] naming an element the potential does not know.
    fn check(&self, system: &System) -> Result<()>;

    /// Energy, forces and virial. `neighbors` is a full list of the system that reaches at least to the cutoff;
    /// pairs beyond the cutoff are ignored, so a list with a skin may be passed.
    ///
    /// # Errors
    /// As [`Potential::check`].
    fn evaluate(&self, system: &System, neighbors: &NeighborList, out: &mut Evaluation) -> Result<()>;

    /// What [`Potential::evaluate_and_assess`] can tell; nothing for potentials that know nothing about themselves.
    fn assesses(&self) -> Assesses {
        Assesses::default()
    }

    /// [`Potential::evaluate`], with the same bits, and what the potential can say about its reliability.
    ///
    /// # Errors
    /// As [`Potential::evaluate`].
    fn evaluate_and_assess(
        &self,
        system: &System,
        neighbors: &NeighborList,
        out: &mut Evaluation,
        assessment: &mut Assessment,
    ) -> Result<()> {
        assessment.clear();
        self.evaluate(system, neighbors, out)
    }
}
