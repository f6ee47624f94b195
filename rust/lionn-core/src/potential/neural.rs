//! The neural-network potential: `E = sum_i [slope_e net_e(s(G_i)) + intercept_e]`, `e` the element of atom `i`.

use super::chunks::{ChunkResult, Chunks};
use super::{Evaluation, Potential, Repulsion, RepulsionPair, Scaling};
use crate::descriptors::{Descriptor, Environment, Workspace, element_indices, fill_element_indices};
use crate::error::{Error, Result};
use crate::linalg::Vec3;
use crate::neighbors::NeighborList;
use crate::network::{FeedForward, NetworkWork, ParameterLayout};
use crate::species::symbol;
use crate::system::System;
use std::sync::Arc;

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
        out.reset(system.n_atoms());
        let mut scratch = std::mem::take(&mut out.scratch);
        fill_element_indices(self.descriptor.elements(), &system.numbers, &mut scratch.element_of)?;
        let Scratch { element_of, chunks } = &mut scratch;
        chunks.run(out, |work, atoms, result| {
            for i in atoms {
                self.run_atom(system, neighbors, element_of, i, work, result);
            }
        });
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

/// Buffers kept inside an [`Evaluation`] so that repeated calls do not allocate.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    element_of: Vec<u8>,
    chunks: Chunks<Work>,
}
