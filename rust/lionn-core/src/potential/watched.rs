//! A potential that drives the dynamics, and a committee that only says how far to trust it.

use super::{Assesses, Assessment, CommitteePotential, Evaluation, Potential};
use crate::error::Result;
use crate::neighbors::NeighborList;
use crate::system::System;
use std::sync::{Arc, Mutex, PoisonError};

/// Energy, forces and virial of one potential, bit for bit; the spread is that of a committee beside it, the excess and
/// the grade are those of the potential.
///
/// The committee may have another descriptor and another cutoff. It is evaluated only where the potential is assessed.
pub struct WatchedPotential {
    potential: Arc<dyn Potential>,
    committee: Arc<CommitteePotential>,
    buffers: Mutex<Buffers>,
}

/// What the committee computes, kept so that repeated calls do not allocate.
#[derive(Default)]
struct Buffers {
    list: NeighborList,
    out: Evaluation,
    assessment: Assessment,
}

impl WatchedPotential {
    /// The potential, watched by a committee.
    pub fn new(potential: Arc<dyn Potential>, committee: Arc<CommitteePotential>) -> Self {
        Self { potential, committee, buffers: Mutex::default() }
    }
}

impl Potential for WatchedPotential {
    fn cutoff(&self) -> f64 {
        self.potential.cutoff()
    }

    fn check(&self, system: &System) -> Result<()> {
        self.potential.check(system)?;
        self.committee.check(system)
    }

    fn evaluate(&self, system: &System, neighbors: &NeighborList, out: &mut Evaluation) -> Result<()> {
        self.potential.evaluate(system, neighbors, out)
    }

    fn assesses(&self) -> Assesses {
        Assesses { spread: self.committee.assesses().spread, ..self.potential.assesses() }
    }

    fn evaluate_and_assess(
        &self,
        system: &System,
        neighbors: &NeighborList,
        out: &mut Evaluation,
        assessment: &mut Assessment,
    ) -> Result<()> {
        self.potential.evaluate_and_assess(system, neighbors, out, assessment)?;
        // Nothing that a panic could have left half done is read before it is overwritten.
        let mut guard = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let Buffers { list, out: other, assessment: spread } = &mut *guard;
        // The list of the potential, made longer, would have another order: the committee has its own.
        list.rebuild(system, self.committee.cutoff())?;
        self.committee.evaluate_and_assess(system, list, other, spread)?;
        if assessment.excess.is_empty() {
            // A potential that knows no training range leaves none.
            assessment.excess.resize(system.n_atoms(), 0.0);
            assessment.feature.resize(system.n_atoms(), None);
        }
        assessment.member_energies.clone_from(&spread.member_energies);
        assessment.member_forces.clone_from(&spread.member_forces);
        assessment.energy_std = spread.energy_std;
        assessment.force_std.clone_from(&spread.force_std);
        Ok(())
    }
}
