//! The committee of neural potentials.

use std::sync::Arc;

use lionn_core::Error;
use lionn_core::model_file::{Model, ModelFile};
use lionn_core::potential::{CommitteePotential, Potential, SpreadScale};
use lionn_core::species::symbol;
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pythonize::{depythonize, pythonize};

use crate::convert;
use crate::descriptor::Descriptor;
use crate::error::to_py;
use crate::potential::{
    NeuralPotential, RepulsionTuple, add_assessment, evaluate_system, evaluation_to_py, range_from_py,
    range_to_py, repulsion_tuple,
};

/// Potentials of one descriptor with a common mean; immutable.
#[pyclass(frozen, module = "lionn_rs._core", skip_from_py_object)]
pub struct Committee {
    pub inner: Arc<CommitteePotential>,
    descriptor: Arc<Descriptor>,
}

#[pymethods]
impl Committee {
    /// Committee of potentials with equal descriptors and repulsions.
    #[staticmethod]
    fn assemble(members: Vec<PyRef<'_, NeuralPotential>>) -> PyResult<Self> {
        let Some(first) = members.first() else {
            return Err(to_py(Error::InvalidParameter("a committee needs at least one member".into())));
        };
        let descriptor = first.inner.descriptor();
        let mut shared = Vec::new();
        for (k, member) in members.iter().enumerate() {
            // Equal descriptors may be different objects; a different one is left for the core to refuse.
            if member.spec() == first.spec() {
                shared.push(member.inner.with_descriptor(descriptor).map_err(to_py)?);
            } else {
                return Err(to_py(Error::InvalidParameter(format!(
                    "member {k} of the committee has another descriptor than member 0: all members must share one"
                ))));
            }
        }
        let inner = CommitteePotential::new(shared).map_err(to_py)?;
        Ok(Self::of(inner, first.spec()))
    }

    /// Contents of the potential file, without metadata.
    fn document<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let empty = serde_json::Value::Object(serde_json::Map::new());
        let file = ModelFile::of_committee(&self.inner, self.descriptor.spec.clone(), empty);
        Ok(pythonize(py, &file)?)
    }

    /// The members.
    #[getter]
    fn members(&self) -> Vec<NeuralPotential> {
        let one = |member: &lionn_core::potential::NeuralPotential| {
            NeuralPotential::of(member.clone(), &self.descriptor.spec)
        };
        self.inner.members().iter().map(one).collect()
    }

    /// The descriptor of all members.
    #[getter]
    fn descriptor(&self) -> Descriptor {
        Descriptor { spec: self.descriptor.spec.clone(), inner: self.descriptor.inner.clone() }
    }

    /// Element symbols, sorted.
    #[getter]
    fn elements(&self) -> Vec<&'static str> {
        self.inner.descriptor().elements().iter().map(|&n| symbol(n)).collect()
    }

    /// Cutoff radius, Å.
    #[getter]
    fn cutoff(&self) -> f64 {
        self.inner.cutoff()
    }

    /// Short-range repulsion: `(element, element, inner Å, outer Å)`.
    #[getter]
    fn repulsion(&self) -> Vec<RepulsionTuple> {
        let pairs = self.inner.members()[0].repulsion().map(|r| r.pairs().to_vec()).unwrap_or_default();
        pairs.into_iter().map(repulsion_tuple).collect()
    }

    /// Factors of the energy and the force spread.
    #[getter]
    fn spread_scale(&self) -> (f64, f64) {
        let SpreadScale { energy, force } = self.inner.scale();
        (energy, force)
    }

    /// The same committee with other factors of the spread.
    fn with_spread_scale(&self, energy: f64, force: f64) -> PyResult<Self> {
        let inner = self.inner.with_scale(SpreadScale { energy, force }).map_err(to_py)?;
        Ok(Self { inner: Arc::new(inner), descriptor: self.descriptor.clone() })
    }

    /// Training environments of every element, as in the potential file; `None` if unknown.
    #[getter]
    fn training_range<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.inner.range().map(|range| range_to_py(py, self.inner.descriptor().as_ref(), range)).transpose()
    }

    /// The same committee with training environments, or none.
    fn with_training_range(&self, ranges: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let ranges =
            ranges.map(|ranges| range_from_py(self.inner.descriptor().as_ref(), ranges)).transpose()?;
        let inner = self.inner.with_range(ranges).map_err(to_py)?;
        Ok(Self { inner: Arc::new(inner), descriptor: self.descriptor.clone() })
    }

    /// Mean energy, atomic energies, forces, virial and extrapolation of a structure.
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

    /// `evaluate`, energies and forces of the members, their spread, and what is known about every atom.
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

impl Committee {
    fn of(inner: CommitteePotential, spec: &lionn_core::descriptors::DescriptorSpec) -> Self {
        let descriptor = Descriptor { spec: spec.clone(), inner: inner.descriptor().clone() };
        Self { inner: Arc::new(inner), descriptor: Arc::new(descriptor) }
    }
}

/// Potential or committee, and metadata, from the contents of a potential file.
#[pyfunction]
fn read_model<'py>(
    py: Python<'py>,
    document: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let value: serde_json::Value =
        depythonize(document).map_err(|e| to_py(Error::ModelFile(e.to_string())))?;
    let file = ModelFile::from_value(value).map_err(to_py)?;
    let model = match file.build().map_err(to_py)? {
        Model::One(inner) => NeuralPotential::of(inner, &file.descriptor).into_pyobject(py)?.into_any(),
        Model::Committee(inner) => Committee::of(inner, &file.descriptor).into_pyobject(py)?.into_any(),
    };
    Ok((model, pythonize(py, &file.metadata)?))
}

/// Add the classes and functions of this file to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Committee>()?;
    module.add_function(wrap_pyfunction!(read_model, module)?)
}
