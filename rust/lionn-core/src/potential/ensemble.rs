//! The force call of one or several networks per element on a common fingerprint.

use super::center::{Kernel, Work};
use super::chunks::{ChunkResult, Chunks, Totals};
use super::{Assessment, Evaluation, NeuralPotential, SpreadScale, TrainingRange};
use crate::descriptors::fill_element_indices;
use crate::error::Result;
use crate::neighbors::NeighborList;
use crate::system::System;

/// Members that share one descriptor and repulsion, and what belongs to all of them.
#[derive(Clone, Copy)]
pub(super) struct Ensemble<'a> {
    pub members: &'a [NeuralPotential],
    pub range: Option<&'a [TrainingRange]>,
    pub scale: SpreadScale,
}

/// Energy, forces and virial of the mean of the members; with an assessment, everything that can be said about them.
/// The mean has the same bits with and without.
pub(super) fn evaluate(
    ensemble: Ensemble<'_>,
    system: &System,
    neighbors: &NeighborList,
    out: &mut Evaluation,
    mut assessment: Option<&mut Assessment>,
) -> Result<()> {
    let n_atoms = system.n_atoms();
    out.reset(n_atoms);
    let mut scratch = std::mem::take(&mut out.scratch);
    let elements = ensemble.members[0].descriptor().elements();
    fill_element_indices(elements, &system.numbers, &mut scratch.element_of)?;
    let Scratch { element_of, chunks } = &mut scratch;
    let kernel = Kernel { ensemble, full: assessment.is_some() };
    let calculation = Calculation { kernel, system, neighbors, element_of };
    let n_assessed = if ensemble.members.len() > 1 { ensemble.members.len() } else { 0 };
    if let Some(assessment) = assessment.as_deref_mut() {
        assessment.clear();
        assessment.member_energies.resize(n_assessed, 0.0);
        assessment.member_forces.resize(n_assessed * n_atoms, [0.0; 3]);
    }
    let totals = Totals { evaluation: out, assessment: assessment.as_deref_mut() };
    chunks.run(totals, |work, atoms, result| {
        for i in atoms {
            calculation.run_atom(i, work, result);
        }
    });
    out.energy = out.atomic_energies.iter().sum();
    out.scratch = scratch;
    if let Some(assessment) = assessment {
        assessment.fill_spread(n_atoms, ensemble.scale.energy, ensemble.scale.force);
    }
    Ok(())
}

/// What all threads read.
struct Calculation<'a> {
    kernel: Kernel<'a>,
    system: &'a System,
    neighbors: &'a NeighborList,
    element_of: &'a [u8],
}

impl Calculation<'_> {
    fn run_atom(&self, i: usize, work: &mut Work, out: &mut ChunkResult) {
        let first = &self.kernel.ensemble.members[0];
        let cutoff = first.descriptor().cutoff();
        let n_elements = first.elements().len();
        let list = self.neighbors.of(i);
        work.environment.fill(self.system, i, list, cutoff, self.element_of, n_elements);
        let excess = self.kernel.run(usize::from(self.element_of[i]), work, out);
        if excess > 0.0 {
            out.extrapolation.n_atoms += 1;
            if excess > out.extrapolation.worst {
                out.extrapolation.worst = excess;
                out.extrapolation.worst_atom = Some(i);
            }
        }
    }
}

/// Buffers kept inside an [`Evaluation`] so that repeated calls do not allocate.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    element_of: Vec<u8>,
    chunks: Chunks<Work>,
}
