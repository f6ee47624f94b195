//! The neural-network potential: `E = sum_i [slope_e net_e(s(G_i)) + intercept_e]`, `e` the element of atom `i`.

use super::TrainingRange;
use super::ensemble::{Ensemble, evaluate};
use super::{Assesses, Assessment, Evaluation, Potential, Repulsion, RepulsionPair, Scaling, SpreadScale};
use crate::descriptors::{Descriptor, element_indices};
use crate::error::{Error, Result};
use crate::neighbors::NeighborList;
use crate::network::{FeedForward, ParameterLayout};
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
    range: Option<Arc<Vec<TrainingRange>>>,
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
            range: None,
        };
        potential.with_parameters(parameters)
    }

    /// Number of parameters inside the descriptor that can be learned.
    pub fn n_descriptor_parameters(&self) -> usize {
        (0..self.elements.len()).map(|e| self.descriptor.n_parameters(e)).sum()
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

    /// The same potential with a training range per element, or none. It changes no energy.
    ///
    /// # Errors
    /// [`Error::Shape`] for a wrong number of elements, [`Error::InvalidParameter`] as [`TrainingRange::validate`].
    pub fn with_range(&self, range: Option<Vec<TrainingRange>>) -> Result<Self> {
        let range = range.map(|range| check_range(&self.descriptor, range)).transpose()?;
        Ok(Self { range, ..self.clone() })
    }

    /// The same networks on another descriptor with as many features: an equal object that a committee shares, or one with
    /// another contraction.
    ///
    /// # Errors
    /// As [`NeuralPotential::new`].
    pub fn with_descriptor(&self, descriptor: &Arc<dyn Descriptor>) -> Result<Self> {
        let other = Self::new(descriptor.clone(), self.elements.to_vec(), self.parameters.clone())?;
        Ok(Self { repulsion: self.repulsion.clone(), range: self.range.clone(), ..other })
    }

    /// The same potential without training range.
    pub(super) fn without_range(self) -> Self {
        Self { range: None, ..self }
    }

    /// Training range of every element.
    pub fn range(&self) -> Option<&[TrainingRange]> {
        self.range.as_deref().map(Vec::as_slice)
    }

    fn ensemble(&self) -> Ensemble<'_> {
        Ensemble { members: std::slice::from_ref(self), range: self.range(), scale: SpreadScale::default() }
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
}

/// Ranges that fit the descriptor, one per element.
///
/// # Errors
/// [`Error::Shape`] for a wrong number of elements, [`Error::InvalidParameter`] as [`TrainingRange::validate`].
pub(super) fn check_range(
    descriptor: &Arc<dyn Descriptor>,
    range: Vec<TrainingRange>,
) -> Result<Arc<Vec<TrainingRange>>> {
    let elements = descriptor.elements();
    if range.len() != elements.len() {
        let [expected, got] = [elements.len(), range.len()].map(|n| format!("({n},)"));
        return Err(Error::shape("training ranges", expected, got));
    }
    for (e, range) in range.iter().enumerate() {
        range.validate(descriptor.n_features(e), symbol(elements[e]))?;
    }
    Ok(Arc::new(range))
}

impl Potential for NeuralPotential {
    fn cutoff(&self) -> f64 {
        self.descriptor.cutoff()
    }

    fn check(&self, system: &System) -> Result<()> {
        element_indices(self.descriptor.elements(), &system.numbers).map(|_| ())
    }

    fn evaluate(&self, system: &System, neighbors: &NeighborList, out: &mut Evaluation) -> Result<()> {
        evaluate(self.ensemble(), system, neighbors, out, None)
    }

    fn assesses(&self) -> Assesses {
        Assesses { spread: false, grade: self.range.is_some() }
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
