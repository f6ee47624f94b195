//! Descriptors.

use crate::convert;
use crate::error::to_py;
use lionn_core::descriptors::{
    Cutoff, Descriptor as CoreDescriptor, DescriptorSpec, fingerprints, per_atom, sets,
};
use lionn_core::species::symbol;
use lionn_core::{Error, Result};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pythonize::{depythonize, pythonize};
use std::sync::Arc;

/// A descriptor built from its specification (the `descriptor` section of a potential file).
#[pyclass(frozen, module = "lionn_rs._core", skip_from_py_object)]
pub struct Descriptor {
    pub spec: DescriptorSpec,
    pub inner: Arc<dyn CoreDescriptor>,
}

impl Descriptor {
    pub fn from_spec(spec: DescriptorSpec) -> Result<Self> {
        Ok(Self { inner: spec.build()?, spec })
    }
}

#[pymethods]
impl Descriptor {
    #[new]
    fn new(spec: &Bound<'_, PyAny>) -> PyResult<Self> {
        let spec: DescriptorSpec = depythonize(spec)
            .map_err(|e| to_py(Error::InvalidParameter(format!("descriptor specification: {e}"))))?;
        Self::from_spec(spec).map_err(to_py)
    }

    /// The specification as a dictionary.
    #[getter]
    fn spec<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize(py, &self.spec)?)
    }

    /// Element symbols, sorted.
    #[getter]
    fn elements(&self) -> Vec<&'static str> {
        self.inner.elements().iter().map(|&n| symbol(n)).collect()
    }

    /// Largest cutoff radius, Å.
    #[getter]
    fn cutoff(&self) -> f64 {
        self.inner.cutoff()
    }

    /// Number of features of every element, in the order of `elements`.
    #[getter]
    fn n_features(&self) -> Vec<usize> {
        (0..self.inner.elements().len()).map(|e| self.inner.n_features(e)).collect()
    }

    /// Fingerprint of every atom, a list of `(n_features,)` float64 arrays.
    fn fingerprints<'py>(
        &self,
        py: Python<'py>,
        cell: PyReadonlyArray2<'py, f64>,
        pbc: [bool; 3],
        numbers: PyReadonlyArray1<'py, u8>,
        positions: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Vec<Bound<'py, PyArray1<f64>>>> {
        let system = convert::system(&cell, pbc, &numbers, &positions)?;
        let values = py.detach(|| fingerprints(self.inner.as_ref(), &system)).map_err(to_py)?;
        Ok(values.into_iter().map(|v| v.into_pyarray(py)).collect())
    }

    /// Coefficients of the neighbor density of every atom: for each degree `l` a `(n_columns, 2 l + 1)` float64 array.
    fn density_coefficients<'py>(
        &self,
        py: Python<'py>,
        cell: PyReadonlyArray2<'py, f64>,
        pbc: [bool; 3],
        numbers: PyReadonlyArray1<'py, u8>,
        positions: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Vec<Vec<Bound<'py, PyArray2<f64>>>>> {
        let density = match &self.spec {
            DescriptorSpec::Gaussian(_) => Err(Error::InvalidParameter(
                "Gaussian symmetry functions are not made of density coefficients".to_owned(),
            )),
            DescriptorSpec::Zernike(spec) => spec.build(),
            DescriptorSpec::PowerSpectrum(spec) => spec.build(),
        }
        .map_err(to_py)?;
        let system = convert::system(&cell, pbc, &numbers, &positions)?;
        let coefficients = py
            .detach(|| {
                per_atom(&density, &system, |_, environment, work| {
                    density.expansion_coefficients(environment, work)
                })
            })
            .map_err(to_py)?;
        let to_array = |(l, flat): (usize, Vec<f64>)| {
            PyArray1::from_vec(py, flat).reshape([density.n_columns(l), 2 * l + 1])
        };
        coefficients
            .into_iter()
            .map(|shells| shells.into_iter().enumerate().map(to_array).collect())
            .collect()
    }
}

/// Specification of a named set of symmetry functions: "amp" or "shifted".
#[pyfunction]
fn named_set<'py>(
    py: Python<'py>,
    name: &str,
    elements: Vec<String>,
    cutoff: &Bound<'py, PyAny>,
    n_radial: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let cutoff: Cutoff =
        depythonize(cutoff).map_err(|e| to_py(Error::InvalidParameter(format!("cutoff: {e}"))))?;
    let spec = match name {
        "amp" => sets::amp_default(&elements, cutoff, n_radial),
        "shifted" => sets::shifted(&elements, cutoff, n_radial),
        _ => {
            return Err(to_py(Error::InvalidParameter(format!(
                "unknown set of symmetry functions '{name}', expected 'amp' or 'shifted'"
            ))));
        }
    };
    Ok(pythonize(py, &DescriptorSpec::Gaussian(spec))?)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Descriptor>()?;
    module.add_function(wrap_pyfunction!(named_set, module)?)
}
