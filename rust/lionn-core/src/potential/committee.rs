//! A committee: several networks on one fingerprint; its mean drives the dynamics, its spread says how far to trust it.
//!
//! Behler, Int. J. Quantum Chem. 115, 1032 (2015); Schran, Brezina, Marsalek, J. Chem. Phys. 153, 104105 (2020), doi
//! 10.1063/5.0016004.

use super::ensemble::{Ensemble, evaluate};
use super::{Assesses, Assessment, Evaluation, NeuralPotential, Potential, TrainingRange};
use crate::descriptors::{Descriptor, element_indices};
use crate::error::{Error, Result};
use crate::neighbors::NeighborList;
use crate::system::System;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Factors that turn the spread over the members into an error estimate; 1 until they are fitted to errors on
/// images (Musil, Willatt, Langovoy, Ceriotti, J. Chem. Theory Comput. 15, 906 (2019)).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpreadScale {
    /// Factor of the energy spread.
    pub energy: f64,
    /// Factor of the force spread.
    pub force: f64,
}

impl Default for SpreadScale {
    fn default() -> Self {
        Self { energy: 1.0, force: 1.0 }
    }
}

/// Potentials of one descriptor. Energy, forces and virial are the means over the members, so forces are the
/// derivative of the energy.
///
/// The mean of the forces is one contraction of the mean `dE/dG`: [`Potential::evaluate`] costs little more than that of
/// one member. The spread of the forces needs one contraction per member ([`Potential::evaluate_and_assess`]).
#[derive(Clone)]
pub struct CommitteePotential {
    members: Vec<NeuralPotential>,
    scale: SpreadScale,
    range: Option<Arc<Vec<TrainingRange>>>,
}

impl CommitteePotential {
    /// Committee of potentials that were built with the same descriptor object and have the same repulsion. Training
    /// ranges of the members are set aside; see [`CommitteePotential::with_range`].
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for no members, or members that differ in descriptor or repulsion.
    pub fn new(members: Vec<NeuralPotential>) -> Result<Self> {
        let Some(first) = members.first() else {
            return Err(Error::InvalidParameter("a committee needs at least one member".into()));
        };
        for (k, member) in members.iter().enumerate() {
            if !Arc::ptr_eq(member.descriptor(), first.descriptor()) {
                return Err(Error::InvalidParameter(format!(
                    "member {k} of the committee has another descriptor than member 0: all members must share one"
                )));
            }
            if member.repulsion() != first.repulsion() {
                return Err(Error::InvalidParameter(format!(
                    "member {k} of the committee has another repulsion than member 0: all members must share one"
                )));
            }
        }
        let members = members.into_iter().map(NeuralPotential::without_range).collect();
        Ok(Self { members, scale: SpreadScale::default(), range: None })
    }

    /// The same committee with other factors of the spread.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a factor that is not positive.
    pub fn with_scale(&self, scale: SpreadScale) -> Result<Self> {
        if [scale.energy, scale.force].iter().any(|x| !(x.is_finite() && *x > 0.0)) {
            return Err(Error::InvalidParameter(format!(
                "factors of the committee spread must be positive, got {} (energy) and {} (force)",
                scale.energy, scale.force
            )));
        }
        Ok(Self { scale, ..self.clone() })
    }

    /// The same committee with a training range per element, or none.
    ///
    /// # Errors
    /// As [`NeuralPotential::with_range`].
    pub fn with_range(&self, range: Option<Vec<TrainingRange>>) -> Result<Self> {
        let range = range.map(|range| super::neural::check_range(self.descriptor(), range)).transpose()?;
        Ok(Self { range, ..self.clone() })
    }

    /// The members.
    pub fn members(&self) -> &[NeuralPotential] {
        &self.members
    }

    /// Factors of the spread.
    pub fn scale(&self) -> SpreadScale {
        self.scale
    }

    /// Training range of every element.
    pub fn range(&self) -> Option<&[TrainingRange]> {
        self.range.as_deref().map(Vec::as_slice)
    }

    /// The descriptor of all members.
    pub fn descriptor(&self) -> &Arc<dyn Descriptor> {
        self.members[0].descriptor()
    }

    pub(super) fn ensemble(&self) -> Ensemble<'_> {
        Ensemble { members: &self.members, range: self.range(), scale: self.scale }
    }
}

impl Potential for CommitteePotential {
    fn cutoff(&self) -> f64 {
        self.descriptor().cutoff()
    }

    fn check(&self, system: &System) -> Result<()> {
        element_indices(self.descriptor().elements(), &system.numbers).map(|_| ())
    }

    fn evaluate(&self, system: &System, neighbors: &NeighborList, out: &mut Evaluation) -> Result<()> {
        evaluate(self.ensemble(), system, neighbors, out, None)
    }

    fn assesses(&self) -> Assesses {
        Assesses { spread: self.members.len() > 1, grade: self.range.is_some() }
    }

    fn evaluate_and_assess(
        &self,
        system: &System,
        neighbors: &NeighborList,
        out: &mut Evaluation,
        assessment: &mut Assessment,
    ) -> Result<()> {
        evaluate(self.ensemble(), system, neighbors, out, Some(assessment))
    }
}
