//! The neural-network potential: `E = sum_i [slope_e net_e(s(G_i)) + intercept_e]`, `e` the element of atom `i`.

use super::{Evaluation, Extrapolation, Potential, Repulsion, RepulsionPair, Scaling};
use crate::descriptors::{Descriptor, Environment, Workspace, element_indices, fill_element_indices};
use crate::error::{Error, Result};
use crate::linalg::{Mat3, Vec3};
use crate::neighbors::NeighborList;
use crate::network::{FeedForward, NetworkWork, ParameterLayout};
use crate::species::symbol;
use crate::system::System;
use rayon::prelude::*;
use std::sync::{Arc, Mutex};

/// Atoms per parallel task. Tasks are summed in order, so the value changes no digit of the result for a given size.
const CHUNK: usize = 8;
/// Tasks whose pair gradients are held in memory at the same time.
const CHUNKS_IN_FLIGHT: usize = 64;

/// What belongs to one element.
#[derive(Debug, Clone, PartialEq)]
pub struct ElementModel {
    /// Scaling of its fingerprint.
    pub scaling: Scaling,
    /// Topology of its network.
    pub network: FeedForward,
}

/// Behler-Parrinello potential (Behler and Parrinello, Phys. Rev. Lett. 98, 146401 (2007)) with one network per
/// element. Cheap to clone apart from the parameters.
#[derive(Clone)]
pub struct NeuralPotential {
    descriptor: Arc<dyn Descriptor>,
    elements: Arc<Vec<ElementModel>>,
    layout: ParameterLayout,
    parameters: Vec<f64>,
    repulsion: Option<Arc<Repulsion>>,
}

impl NeuralPotential {
    /// Potential from its parts; `elements` and the networks in the flat `parameters` follow the order of
    /// [`Descriptor::elements`].
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::InvalidParameter`] if the parts do not fit together or a parameter is not finite.
    pub fn new(
        descriptor: Arc<dyn Descriptor>,
        elements: Vec<ElementModel>,
        parameters: Vec<f64>,
    ) -> Result<Self> {
        let n_elements = descriptor.elements().len();
        if elements.len() != n_elements {
            return Err(Error::shape(
                "element networks",
                format!("({n_elements},)"),
                format!("({},)", elements.len()),
            ));
        }
        for (e, model) in elements.iter().enumerate() {
            let n_features = descriptor.n_features(e);
            let name = symbol(descriptor.elements()[e]);
            if model.scaling.n_features() != n_features {
                return Err(Error::shape(
                    &format!("scaling of {name}"),
                    format!("({n_features},)"),
                    format!("({},)", model.scaling.n_features()),
                ));
            }
            if model.network.n_inputs() != n_features {
                return Err(Error::InvalidParameter(format!(
                    "network of {name} has {} inputs, but its fingerprint has {n_features} features",
                    model.network.n_inputs()
                )));
            }
        }
        let networks: Vec<FeedForward> = elements.iter().map(|m| m.network.clone()).collect();
        let layout = ParameterLayout::new(&networks);
        let potential = Self {
            descriptor,
            elements: Arc::new(elements),
            layout,
            parameters: Vec::new(),
            repulsion: None,
        };
        potential.with_parameters(parameters)
    }

    /// The same potential with other parameters.
    ///
    /// # Errors
    /// [`Error::Shape`] for a wrong length, [`Error::InvalidParameter`] for a value that is not finite.
    pub fn with_parameters(&self, parameters: Vec<f64>) -> Result<Self> {
        let expected = self.layout.n_parameters();
        if parameters.len() != expected {
            return Err(Error::shape(
                "parameters",
                format!("({expected},)"),
                format!("({},)", parameters.len()),
            ));
        }
        if let Some(k) = parameters.iter().position(|p| !p.is_finite()) {
            return Err(Error::InvalidParameter(format!("parameter {k} is not finite: {}", parameters[k])));
        }
        Ok(Self { parameters, ..self.clone() })
    }

    /// The same potential with a short-range repulsion between the given pairs of elements; none for an empty list.
    ///
    /// # Errors
    /// As [`Repulsion::new`].
    pub fn with_repulsion(&self, pairs: Vec<RepulsionPair>) -> Result<Self> {
        let repulsion = if pairs.is_empty() {
            None
        } else {
            Some(Arc::new(Repulsion::new(pairs, self.descriptor.elements(), self.descriptor.cutoff())?))
        };
        Ok(Self { repulsion, ..self.clone() })
    }

    /// The short-range repulsion.
    pub fn repulsion(&self) -> Option<&Repulsion> {
        self.repulsion.as_deref()
    }

    /// The descriptor.
    pub fn descriptor(&self) -> &Arc<dyn Descriptor> {
        &self.descriptor
    }

    /// Scaling and topology of every element.
    pub fn elements(&self) -> &[ElementModel] {
        &self.elements
    }

    /// Where the parameters of each element stand.
    pub fn layout(&self) -> &ParameterLayout {
        &self.layout
    }

    /// The flat parameter vector.
    pub fn parameters(&self) -> &[f64] {
        &self.parameters
    }

    fn run_chunk(
        &self,
        system: &System,
        neighbors: &NeighborList,
        element_of: &[u8],
        atoms: std::ops::Range<usize>,
        work: &mut Work,
        out: &mut ChunkResult,
    ) {
        out.clear();
        for i in atoms {
            self.run_atom(system, neighbors, element_of, i, work, out);
        }
    }

    fn run_atom(
        &self,
        system: &System,
        neighbors: &NeighborList,
        element_of: &[u8],
        i: usize,
        work: &mut Work,
        out: &mut ChunkResult,
    ) {
        let Work { environment, descriptor: scratch, network: nodes, values, dedg } = work;
        let e = usize::from(element_of[i]);
        let model = &self.elements[e];
        let cutoff = self.descriptor.cutoff();
        environment.fill(system, i, neighbors.of(i), cutoff, element_of, self.elements.len());
        values.resize(model.scaling.n_features(), 0.0);
        dedg.resize(model.scaling.n_features(), 0.0);
        self.descriptor.values(e, environment, scratch, values);
        let excess = model.scaling.apply(values);
        let parameters = &self.parameters[self.layout.network(e)];
        let output = model.network.evaluate_with_gradient(parameters, values, nodes, dedg);
        let slope = self.parameters[self.layout.slope(e)];
        for (d, factor) in dedg.iter_mut().zip(model.scaling.factors()) {
            *d *= slope * factor;
        }
        if excess > 0.0 {
            out.extrapolation.n_atoms += 1;
            if excess > out.extrapolation.worst {
                out.extrapolation.worst = excess;
                out.extrapolation.worst_atom = Some(i);
            }
        }
        let start = out.gradient.len();
        out.gradient.resize(start + environment.len(), [0.0; 3]);
        self.descriptor.contract(e, environment, scratch, dedg, &mut out.gradient[start..]);
        let mut energy = slope * output + self.parameters[self.layout.intercept(e)];
        if let Some(repulsion) = &self.repulsion {
            energy += add_repulsion(repulsion, e, environment, &mut out.gradient[start..]);
        }
        out.energies.push(energy);
        out.index.extend_from_slice(&environment.index);
        out.ends.push(out.gradient.len());
        for (n, g) in out.gradient[start..].iter().enumerate() {
            let r = environment.vector(n);
            for a in 0..3 {
                for b in 0..3 {
                    out.virial[a][b] -= g[a] * r[b];
                }
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

impl Potential for NeuralPotential {
    fn cutoff(&self) -> f64 {
        self.descriptor.cutoff()
    }

    fn check(&self, system: &System) -> Result<()> {
        element_indices(self.descriptor.elements(), &system.numbers).map(|_| ())
    }

    fn evaluate(&self, system: &System, neighbors: &NeighborList, out: &mut Evaluation) -> Result<()> {
        let n = system.n_atoms();
        out.reset(n);
        let mut scratch = std::mem::take(&mut out.scratch);
        fill_element_indices(self.descriptor.elements(), &system.numbers, &mut scratch.element_of)?;
        scratch.prepare(n);
        let Scratch { element_of, works, chunks } = &mut scratch;
        let block = CHUNK * CHUNKS_IN_FLIGHT;
        for block_start in (0..n).step_by(block) {
            let block_end = (block_start + block).min(n);
            let n_chunks = (block_end - block_start).div_ceil(CHUNK);
            chunks[..n_chunks].par_iter_mut().enumerate().for_each(|(c, chunk)| {
                let start = block_start + c * CHUNK;
                let atoms = start..(start + CHUNK).min(block_end);
                let slot = rayon::current_thread_index().map_or(0, |t| t + 1) % works.len();
                // A poisoned lock only means that another task panicked; the buffers are overwritten anyway.
                let mut work = works[slot].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                self.run_chunk(system, neighbors, element_of, atoms, &mut work, chunk);
            });
            for (c, chunk) in chunks[..n_chunks].iter().enumerate() {
                chunk.add_to(block_start + c * CHUNK, out);
            }
        }
        out.energy = out.atomic_energies.iter().sum();
        out.scratch = scratch;
        Ok(())
    }
}

/// Buffers of one thread.
#[derive(Debug, Default)]
struct Work {
    environment: Environment,
    descriptor: Workspace,
    network: NetworkWork,
    values: Vec<f64>,
    dedg: Vec<f64>,
}

/// Energies and pair gradients `dE_i/dr_ij` of the atoms of one task.
#[derive(Debug, Default)]
struct ChunkResult {
    energies: Vec<f64>,
    /// End of every atom's entries in `index` and `gradient`.
    ends: Vec<usize>,
    index: Vec<u32>,
    gradient: Vec<Vec3>,
    virial: Mat3,
    extrapolation: Extrapolation,
}

impl ChunkResult {
    fn clear(&mut self) {
        self.energies.clear();
        self.ends.clear();
        self.index.clear();
        self.gradient.clear();
        self.virial = [[0.0; 3]; 3];
        self.extrapolation = Extrapolation::default();
    }

    /// Adds to the totals; the only place where results of different tasks meet, always in the same order.
    fn add_to(&self, first_atom: usize, out: &mut Evaluation) {
        let mut start = 0;
        for (offset, (&end, &energy)) in self.ends.iter().zip(&self.energies).enumerate() {
            let i = first_atom + offset;
            out.atomic_energies[i] = energy;
            let mut own = [0.0; 3];
            for (&j, g) in self.index[start..end].iter().zip(&self.gradient[start..end]) {
                let force = &mut out.forces[j as usize];
                for a in 0..3 {
                    force[a] -= g[a];
                    own[a] += g[a];
                }
            }
            for a in 0..3 {
                out.forces[i][a] += own[a];
            }
            start = end;
        }
        for a in 0..3 {
            for b in 0..3 {
                out.virial[a][b] += self.virial[a][b];
            }
        }
        out.extrapolation.n_atoms += self.extrapolation.n_atoms;
        if self.extrapolation.worst > out.extrapolation.worst {
            out.extrapolation.worst = self.extrapolation.worst;
            out.extrapolation.worst_atom = self.extrapolation.worst_atom;
        }
    }
}

/// Buffers kept inside an [`Evaluation`] so that repeated calls do not allocate.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    element_of: Vec<u8>,
    works: Vec<Mutex<Work>>,
    chunks: Vec<ChunkResult>,
}

impl Scratch {
    fn prepare(&mut self, n_atoms: usize) {
        let n_works = rayon::current_num_threads() + 1;
        if self.works.len() < n_works {
            self.works.resize_with(n_works, Mutex::default);
        }
        let n_chunks = n_atoms.div_ceil(CHUNK).min(CHUNKS_IN_FLIGHT);
        if self.chunks.len() < n_chunks {
            self.chunks.resize_with(n_chunks, ChunkResult::default);
        }
    }
}
