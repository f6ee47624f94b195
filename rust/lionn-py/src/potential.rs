//! The neural potential.

use crate::convert;
use crate::descriptor::Descriptor;
use crate::error::to_py;
use lionn_core::descriptors::{Descriptor as CoreDescriptor, DescriptorSpec};
use lionn_core::model_file::{Model, ModelFile};
use lionn_core::neighbors::NeighborList;
use lionn_core::network::{Activation, FeedForward};
use lionn_core::potential::{
    Assessment, ElementModel, Evaluation, NeuralPotential as CorePotential, Potential, RepulsionPair,
    Scaling, TrainingRange,
};
use lionn_core::species::symbol;
use lionn_core::{Error, System};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pythonize::{depythonize, pythonize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A Behler-Parrinello potential; immutable.
#[pyclass(frozen, module = "lionn_rs._core", skip_from_py_object)]
pub struct NeuralPotential {
    pub inner: Arc<CorePotential>,
    descriptor: Arc<Descriptor>,
}

#[pymethods]
impl NeuralPotential {
    /// Potential from a descriptor, the feature ranges, one topology for all elements and the flat parameters.
    #[staticmethod]
    fn assemble(
        descriptor: &Bound<'_, Descriptor>,
        minima: Vec<Vec<f64>>,
        maxima: Vec<Vec<f64>>,
        hidden_layers: Vec<usize>,
        activations: Vec<String>,
        parameters: Vec<f64>,
    ) -> PyResult<Self> {
        let descriptor = descriptor.get();
        let activations: Vec<Activation> =
            activations.iter().map(|name| activation(name)).collect::<PyResult<_>>()?;
        let mut models = Vec::new();
        for (min, max) in minima.into_iter().zip(maxima) {
            let mut widths = vec![min.len()];
            widths.extend(&hidden_layers);
            widths.push(1);
            let network = FeedForward::new(widths, activations.clone()).map_err(to_py)?;
            models.push(ElementModel { scaling: Scaling::min_max(min, max).map_err(to_py)?, network });
        }
        let inner = CorePotential::new(descriptor.inner.clone(), models, parameters).map_err(to_py)?;
        let copy = Descriptor { spec: descriptor.spec.clone(), inner: descriptor.inner.clone() };
        Ok(Self { inner: Arc::new(inner), descriptor: Arc::new(copy) })
    }

    /// Potential and metadata from the contents of a potential file.
    #[staticmethod]
    fn from_document<'py>(
        py: Python<'py>,
        document: &Bound<'py, PyAny>,
    ) -> PyResult<(Self, Bound<'py, PyAny>)> {
        let value: serde_json::Value =
            depythonize(document).map_err(|e| to_py(Error::ModelFile(e.to_string())))?;
        let file = ModelFile::from_value(value).map_err(to_py)?;
        let inner = file.build().and_then(Model::one).map_err(to_py)?;
        let metadata = pythonize(py, &file.metadata)?;
        Ok((Self::of(inner, &file.descriptor), metadata))
    }

    /// Contents of the potential file, without metadata.
    fn document<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let empty = serde_json::Value::Object(serde_json::Map::new());
        let file = ModelFile::of(&self.inner, self.descriptor.spec.clone(), empty);
        Ok(pythonize(py, &file)?)
    }

    /// The descriptor.
    #[getter]
    fn descriptor(&self) -> Descriptor {
        Descriptor { spec: self.descriptor.spec.clone(), inner: self.descriptor.inner.clone() }
    }

    /// Element symbols, sorted.
    #[getter]
    fn elements(&self) -> Vec<&'static str> {
        self.inner.descriptor().elements().iter().map(|&n| lionn_core::species::symbol(n)).collect()
    }

    /// Cutoff radius, Å.
    #[getter]
    fn cutoff(&self) -> f64 {
        self.inner.cutoff()
    }

    /// The flat parameter vector (a copy).
    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.inner.parameters().to_vec().into_pyarray(py)
    }

    /// The same potential with other parameters.
    fn with_parameters(&self, parameters: Vec<f64>) -> PyResult<Self> {
        let inner = self.inner.with_parameters(parameters).map_err(to_py)?;
        Ok(Self { inner: Arc::new(inner), descriptor: self.descriptor.clone() })
    }

    /// The same networks on another descriptor with as many features.
    fn with_descriptor(&self, descriptor: &Bound<'_, Descriptor>) -> PyResult<Self> {
        let descriptor = descriptor.get();
        let inner = self.inner.with_descriptor(&descriptor.inner).map_err(to_py)?;
        let copy = Descriptor { spec: descriptor.spec.clone(), inner: descriptor.inner.clone() };
        Ok(Self { inner: Arc::new(inner), descriptor: Arc::new(copy) })
    }

    /// The same potential with short-range repulsion; an empty list removes it.
    fn with_repulsion(&self, pairs: Vec<RepulsionTuple>) -> PyResult<Self> {
        let pairs = pairs
            .into_iter()
            .map(|(a, b, inner, outer)| RepulsionPair { elements: [a, b], inner, outer })
            .collect();
        let inner = self.inner.with_repulsion(pairs).map_err(to_py)?;
        Ok(Self { inner: Arc::new(inner), descriptor: self.descriptor.clone() })
    }

    /// Short-range repulsion: `(element, element, inner Å, outer Å)`.
    #[getter]
    fn repulsion(&self) -> Vec<RepulsionTuple> {
        let pairs = self.inner.repulsion().map(|r| r.pairs().to_vec()).unwrap_or_default();
        pairs.into_iter().map(repulsion_tuple).collect()
    }

    /// Training environments of every element, as in the potential file; `None` if unknown.
    #[getter]
    fn training_range<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.inner.range().map(|range| range_to_py(py, self.inner.descriptor().as_ref(), range)).transpose()
    }

    /// The same potential with training environments, or none.
    fn with_training_range(&self, ranges: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let ranges =
            ranges.map(|ranges| range_from_py(self.inner.descriptor().as_ref(), ranges)).transpose()?;
        let inner = self.inner.with_range(ranges).map_err(to_py)?;
        Ok(Self { inner: Arc::new(inner), descriptor: self.descriptor.clone() })
    }

    /// Energy, atomic energies, forces, virial and extrapolation of a structure.
    fn evaluate<'py>(
        &self,
        py: Python<'py>,
        cell: PyReadonlyArray2<'py, f64>,
        pbc: [bool; 3],
        numbers: PyReadonlyArray1<'py, u8>,
        positions: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let system = convert::system(&cell, pbc, &numbers, &positions)?;
        let (out, _) = evaluate_system(py, &*self.inner, &system, false)?;
        evaluation_to_py(py, out)
    }

    /// `evaluate`, and what is known about the reliability of every atom.
    fn assess<'py>(
        &self,
        py: Python<'py>,
        cell: PyReadonlyArray2<'py, f64>,
        pbc: [bool; 3],
        numbers: PyReadonlyArray1<'py, u8>,
        positions: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let system = convert::system(&cell, pbc, &numbers, &positions)?;
        let (out, assessment) = evaluate_system(py, &*self.inner, &system, true)?;
        let result = evaluation_to_py(py, out)?;
        add_assessment(&result, assessment)?;
        Ok(result)
    }
}

impl NeuralPotential {
    pub fn of(inner: CorePotential, spec: &DescriptorSpec) -> Self {
        let descriptor = Descriptor { spec: spec.clone(), inner: inner.descriptor().clone() };
        Self { inner: Arc::new(inner), descriptor: Arc::new(descriptor) }
    }

    pub fn spec(&self) -> &DescriptorSpec {
        &self.descriptor.spec
    }
}

/// Evaluates without the GIL.
pub fn evaluate_system(
    py: Python<'_>,
    potential: &dyn Potential,
    system: &System,
    assess: bool,
) -> PyResult<(Evaluation, Assessment)> {
    py.detach(|| {
        let (mut out, mut assessment) = (Evaluation::default(), Assessment::default());
        potential.check(system)?;
        let list = NeighborList::build(system, potential.cutoff())?;
        if assess {
            potential.evaluate_and_assess(system, &list, &mut out, &mut assessment)?;
        } else {
            potential.evaluate(system, &list, &mut out)?;
        }
        Ok((out, assessment))
    })
    .map_err(to_py)
}

pub fn evaluation_to_py(py: Python<'_>, out: Evaluation) -> PyResult<Bound<'_, PyDict>> {
    let result = PyDict::new(py);
    let virial: Bound<'_, PyArray2<f64>> = convert::to_array3(py, &out.virial)?;
    result.set_item("energy", out.energy)?;
    result.set_item("energies", out.atomic_energies.into_pyarray(py))?;
    result.set_item("forces", convert::to_array3(py, &out.forces)?)?;
    result.set_item("virial", virial)?;
    result.set_item("n_extrapolating", out.extrapolation.n_atoms)?;
    result.set_item("worst_extrapolation", out.extrapolation.worst)?;
    result.set_item("worst_atom", out.extrapolation.worst_atom)?;
    Ok(result)
}

/// Adds `excess`, `feature` (-1 inside the range), and `grade`, `energy_std`, `force_std` where they are known.
pub fn add_assessment(result: &Bound<'_, PyDict>, assessment: Assessment) -> PyResult<()> {
    let py = result.py();
    let feature = assessment.feature.iter().map(|f| f.map_or(-1, i64::from));
    result.set_item("feature", PyArray1::from_iter(py, feature))?;
    if !assessment.grade.is_empty() {
        result.set_item("grade", assessment.grade.into_pyarray(py))?;
    }
    if assessment.member_energies.len() > 1 {
        result.set_item("energy_std", assessment.energy_std)?;
        result.set_item("force_std", convert::to_array3(py, &assessment.force_std)?)?;
        let n_members = assessment.member_energies.len();
        let n_atoms = assessment.force_std.len();
        result.set_item("member_energies", assessment.member_energies.into_pyarray(py))?;
        let forces = convert::to_array3(py, &assessment.member_forces)?;
        result.set_item("member_forces", forces.reshape([n_members, n_atoms, 3])?)?;
    }
    result.set_item("excess", assessment.excess.into_pyarray(py))
}

/// Training ranges as a mapping from element symbols.
pub fn range_to_py<'py>(
    py: Python<'py>,
    descriptor: &dyn CoreDescriptor,
    range: &[TrainingRange],
) -> PyResult<Bound<'py, PyAny>> {
    let names = descriptor.elements().iter().map(|&n| symbol(n));
    Ok(pythonize(py, &names.zip(range).collect::<BTreeMap<_, _>>())?)
}

/// Training ranges in the order of the elements of the descriptor.
pub fn range_from_py(
    descriptor: &dyn CoreDescriptor,
    ranges: &Bound<'_, PyAny>,
) -> PyResult<Vec<TrainingRange>> {
    let mut ranges: BTreeMap<String, TrainingRange> = depythonize(ranges)
        .map_err(|error| to_py(Error::InvalidParameter(format!("training range: {error}"))))?;
    descriptor
        .elements()
        .iter()
        .map(|&n| {
            ranges.remove(symbol(n)).ok_or_else(|| {
                to_py(Error::InvalidParameter(format!("training range: none for element {}", symbol(n))))
            })
        })
        .collect()
}

/// Two element symbols, inner and outer distance in Å.
pub type RepulsionTuple = (String, String, f64, f64);

pub fn repulsion_tuple(pair: RepulsionPair) -> RepulsionTuple {
    let [a, b] = pair.elements;
    (a, b, pair.inner, pair.outer)
}

fn activation(name: &str) -> PyResult<Activation> {
    Activation::ALL.into_iter().find(|activation| activation.name() == name).ok_or_else(|| {
        let names = Activation::ALL.map(Activation::name).join(", ");
        to_py(Error::InvalidParameter(format!("unknown activation '{name}', expected one of {names}")))
    })
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<NeuralPotential>()
}
