//! Potentials with closed formulas.

use std::sync::Arc;

use lionn_core::potential::analytic;
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::convert::rows3;
use crate::error::to_py;

/// Lennard-Jones potential, the same for all elements, switched to zero between ``onset`` and ``cutoff`` (Å).
#[pyclass(frozen, module = "lionn_rs._core")]
pub struct LennardJones(pub Arc<analytic::LennardJones>);

#[pymethods]
impl LennardJones {
    #[new]
    #[pyo3(signature = (*, epsilon, sigma, onset, cutoff))]
    fn new(epsilon: f64, sigma: f64, onset: f64, cutoff: f64) -> PyResult<Self> {
        Ok(Self(Arc::new(analytic::LennardJones::new(epsilon, sigma, onset, cutoff).map_err(to_py)?)))
    }

    /// What distinguishes this potential from others: its parameters.
    #[getter]
    fn hash(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// Einstein crystal: every atom bound to its site (Å) by a spring (eV/Å²).
#[pyclass(frozen, module = "lionn_rs._core")]
pub struct Harmonic(pub Arc<analytic::Harmonic>);

#[pymethods]
impl Harmonic {
    #[new]
    #[pyo3(signature = (*, sites, stiffness))]
    fn new(sites: PyReadonlyArray2<'_, f64>, stiffness: PyReadonlyArray1<'_, f64>) -> PyResult<Self> {
        let sites = rows3("sites", &sites)?;
        let stiffness = stiffness.as_array().to_vec();
        Ok(Self(Arc::new(analytic::Harmonic::new(sites, stiffness).map_err(to_py)?)))
    }
}

/// Add the classes of this file to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<LennardJones>()?;
    module.add_class::<Harmonic>()
}
