//! The force call of one or several networks per element on a common fingerprint.

use super::chunks::{AtomRange, ChunkResult, Chunks, Totals};
use super::{Assessment, Evaluation, NeuralPotential, Repulsion, SpreadScale, TrainingRange};
use crate::descriptors::{Environment, Workspace, fill_element_indices};
use crate::error::Result;
use crate::linalg::{Mat3, Vec3};
use crate::neighbors::NeighborList;
use crate::network::NetworkWork;
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
    let calculation = Calculation { ensemble, system, neighbors, element_of, full: assessment.is_some() };
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
    ensemble: Ensemble<'a>,
    system: &'a System,
    neighbors: &'a NeighborList,
    element_of: &'a [u8],
    full: bool,
}

impl Calculation<'_> {
    fn run_atom(&self, i: usize, work: &mut Work, out: &mut ChunkResult) {
        let first = &self.ensemble.members[0];
        let descriptor = first.descriptor();
        let e = usize::from(self.element_of[i]);
        let n_features = descriptor.n_features(e);
        let n_elements = first.elements().len();
        let list = self.neighbors.of(i);
        work.environment.fill(self.system, i, list, descriptor.cutoff(), self.element_of, n_elements);
        work.values.resize(n_features, 0.0);
        descriptor.values(e, &work.environment, &mut work.descriptor, &mut work.values);
        let (mut energy, excess) = self.networks(e, work, out);
        if excess > 0.0 {
            out.extrapolation.n_atoms += 1;
            if excess > out.extrapolation.worst {
                out.extrapolation.worst = excess;
                out.extrapolation.worst_atom = Some(i);
            }
        }
        let start = out.gradient.len();
        out.gradient.resize(start + work.environment.len(), [0.0; 3]);
        let gradient = &mut out.gradient[start..];
        descriptor.contract(e, &work.environment, &mut work.descriptor, &work.dedg, gradient);
        let mut repulsive = 0.0;
        if let Some(repulsion) = first.repulsion() {
            repulsive = add_repulsion(repulsion, e, &work.environment, gradient);
            energy += repulsive;
        }
        add_virial(&work.environment, gradient, &mut out.virial);
        out.energies.push(energy);
        out.index.extend_from_slice(&work.environment.index);
        out.ends.push(start + work.environment.len());
        if self.full {
            self.assess_atom(e, repulsive, work, out);
        }
    }

    /// Mean energy of the members, largest excess of the fingerprint; leaves the mean of `dE/dG` in `work.dedg`, and that
    /// of every member in `work.member_dedg` if it is wanted.
    fn networks(&self, e: usize, work: &mut Work, out: &mut ChunkResult) -> (f64, f64) {
        let Work { network: nodes, values, scaled, dedg, member_dedg, .. } = work;
        let members = self.ensemble.members;
        let n_features = values.len();
        let several = self.full && members.len() > 1;
        dedg.clear();
        dedg.resize(n_features, 0.0);
        member_dedg.resize(n_features * if several { members.len() } else { 1 }, 0.0);
        let (mut energy, mut worst, mut worst_feature) = (0.0, 0.0, None);
        for (m, member) in members.iter().enumerate() {
            let model = &member.elements()[e];
            let start = if several { m * n_features } else { 0 };
            let own = &mut member_dedg[start..start + n_features];
            scaled.clear();
            scaled.extend_from_slice(values);
            let excess = model.scaling.apply(scaled);
            if excess > worst {
                worst = excess;
                worst_feature = self.full.then(|| model.scaling.worst_feature(scaled) as u32);
            }
            let parameters = member.parameters();
            let layout = member.layout();
            let output =
                model.network.evaluate_with_gradient(&parameters[layout.network(e)], scaled, nodes, own);
            let slope = parameters[layout.slope(e)];
            for ((d, factor), sum) in own.iter_mut().zip(model.scaling.factors()).zip(dedg.iter_mut()) {
                *d *= slope * factor;
                *sum += *d;
            }
            let own_energy = slope * output + parameters[layout.intercept(e)];
            energy += own_energy;
            if several {
                out.member_energies.push(own_energy);
            }
        }
        if self.full {
            out.atoms.push(AtomRange { excess: worst, feature: worst_feature, grade: None });
        }
        let share = members.len() as f64;
        if members.len() > 1 {
            dedg.iter_mut().for_each(|d| *d /= share);
        }
        (energy / share, worst)
    }

    /// Grade of the fingerprint and forces of every member.
    fn assess_atom(&self, e: usize, repulsive: f64, work: &mut Work, out: &mut ChunkResult) {
        if let (Some(range), Some(atom)) = (self.ensemble.range, out.atoms.last_mut()) {
            atom.grade = Some(range[e].grade(&work.values, &mut work.scaled));
        }
        let n_members = self.ensemble.members.len();
        if n_members < 2 {
            return;
        }
        let first = &self.ensemble.members[0];
        let n_features = work.values.len();
        let atoms = out.energies.len();
        for energy in &mut out.member_energies[(atoms - 1) * n_members..] {
            *energy += repulsive;
        }
        out.member_gradients.resize_with(n_members, Vec::new);
        for (own, gradients) in work.member_dedg.chunks_exact(n_features).zip(&mut out.member_gradients) {
            let start = gradients.len();
            gradients.resize(start + work.environment.len(), [0.0; 3]);
            let gradient = &mut gradients[start..];
            first.descriptor().contract(e, &work.environment, &mut work.descriptor, own, gradient);
            if let Some(repulsion) = first.repulsion() {
                add_repulsion(repulsion, e, &work.environment, gradient);
            }
        }
    }
}

/// `W -= g ⊗ r` of every neighbor.
fn add_virial(environment: &Environment, gradient: &[Vec3], virial: &mut Mat3) {
    for (n, g) in gradient.iter().enumerate() {
        let r = environment.vector(n);
        for a in 0..3 {
            for b in 0..3 {
                virial[a][b] -= g[a] * r[b];
            }
        }
    }
}

/// Energy of one center, half of every pair; adds its derivatives to the gradient of the neighbors.
fn add_repulsion(
    repulsion: &Repulsion,
    center: usize,
    environment: &Environment,
    gradient: &mut [Vec3],
) -> f64 {
    let mut energy = 0.0;
    for element in 0..environment.ranges.len() - 1 {
        let range2 = repulsion.range(center, element).powi(2);
        for n in environment.ranges[element]..environment.ranges[element + 1] {
            if environment.r2[n] < range2 {
                let r = environment.r2[n].sqrt();
                let (value, slope) = repulsion.pair(center, element, r);
                energy += 0.5 * value;
                for (g, x) in gradient[n].iter_mut().zip(environment.vector(n)) {
                    *g += 0.5 * slope / r * x;
                }
            }
        }
    }
    energy
}

/// Buffers of one thread.
#[derive(Debug, Default)]
struct Work {
    environment: Environment,
    descriptor: Workspace,
    network: NetworkWork,
    /// The fingerprint, unscaled.
    values: Vec<f64>,
    scaled: Vec<f64>,
    /// `dE/dG` of the mean.
    dedg: Vec<f64>,
    /// `dE/dG` of the members, one after the other, or of the last one.
    member_dedg: Vec<f64>,
}

/// Buffers kept inside an [`Evaluation`] so that repeated calls do not allocate.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    element_of: Vec<u8>,
    chunks: Chunks<Work>,
}
