//! Energy of one atom and its derivatives: the part of a force call that knows nothing of other atoms.

use super::chunks::{AtomRange, ChunkResult, add_forces};
use super::ensemble::Ensemble;
use super::{CommitteePotential, Repulsion};
use crate::descriptors::{Environment, Workspace};
use crate::linalg::{Mat3, Vec3};
use crate::network::NetworkWork;

/// What is computed of every atom.
#[derive(Clone, Copy)]
pub(super) struct Kernel<'a> {
    pub ensemble: Ensemble<'a>,
    /// Whether the members and the training range are assessed too.
    pub full: bool,
}

impl Kernel<'_> {
    /// Appends energy, gradient and virial of a center of element `e` with the neighbors in `work.environment`; returns the
    /// largest excess of its fingerprint.
    pub fn run(&self, e: usize, work: &mut Work, out: &mut ChunkResult) -> f64 {
        let first = &self.ensemble.members[0];
        let descriptor = first.descriptor();
        work.values.resize(descriptor.n_features(e), 0.0);
        descriptor.values(e, &work.environment, &mut work.descriptor, &mut work.values);
        let (mut energy, excess) = self.networks(e, work, out);
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
        excess
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
pub(super) struct Work {
    pub environment: Environment,
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

/// Buffers of [`CommitteePotential::evaluate_center`], reused from atom to atom.
#[derive(Debug, Default)]
pub struct CenterWork {
    work: Work,
    result: ChunkResult,
}

/// Energy of one atom and its derivatives.
#[derive(Debug, Clone, Copy)]
pub struct Center<'a> {
    /// Energy of the atom, eV.
    pub energy: f64,
    /// Its neighbors within the cutoff.
    pub environment: &'a Environment,
    /// `dE_i/dr_ij` of every neighbor, eV/Å.
    pub gradient: &'a [Vec3],
    /// Part of the virial `W = -V·stress`, eV.
    pub virial: Mat3,
}

impl Center<'_> {
    /// Adds the forces on the neighbors and on the center `i` itself, eV/Å.
    pub fn add_forces(&self, i: usize, forces: &mut [Vec3]) {
        add_forces(i, &self.environment.index, self.gradient, forces);
    }
}

impl CommitteePotential {
    /// Mean energy of the members for one atom, for a caller that brings atoms and neighbors itself. Adding up all atoms is what
    /// [`super::Potential::evaluate`] does.
    ///
    /// `center` is the element index of the atom, `neighbors` atom index and `r_ij` of each of its neighbors, those beyond
    /// the cutoff being ignored, `element_of` the element index of every atom.
    pub fn evaluate_center<'a>(
        &self,
        center: usize,
        neighbors: impl ExactSizeIterator<Item = (u32, Vec3)>,
        element_of: &[u8],
        buffers: &'a mut CenterWork,
    ) -> Center<'a> {
        let CenterWork { work, result } = buffers;
        let descriptor = self.descriptor();
        let n_elements = descriptor.elements().len();
        work.environment.fill_from(neighbors, descriptor.cutoff(), element_of, n_elements);
        result.clear();
        Kernel { ensemble: self.ensemble(), full: false }.run(center, work, result);
        Center {
            energy: result.energies[0],
            environment: &work.environment,
            gradient: &result.gradient,
            virial: result.virial,
        }
    }
}
