//! Matrices of the second-order optimizers.

use crate::error::to_py;
use crate::potential::NeuralPotential;
use crate::training::{TrainingSet, at, check_length, loss_weights};
use lionn_core::training::{GaussNewton as CoreMatrix, InverseHessian as CoreHessian, gauss_newton_bytes};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Inverse Hessian of BFGS in packed storage.
#[pyclass(frozen, module = "lionn_rs._core", skip_from_py_object)]
pub struct InverseHessian {
    inner: Mutex<CoreHessian>,
}

#[pymethods]
impl InverseHessian {
    /// `scale` times the identity of order `n`.
    #[new]
    fn new(n: usize, scale: f64) -> Self {
        Self { inner: Mutex::new(CoreHessian::identity(n, scale)) }
    }

    /// Matrix of order `n` from its lower triangle, row by row.
    #[staticmethod]
    fn from_lower(n: usize, lower: PyReadonlyArray1<'_, f64>) -> PyResult<Self> {
        let inner = CoreHessian::from_lower(n, lower.as_array().to_vec()).map_err(to_py)?;
        Ok(Self { inner: Mutex::new(inner) })
    }

    /// Lower triangle, row by row (a copy).
    fn lower<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.lock().lower().to_vec().into_pyarray(py)
    }

    /// Matrix times vector `(n,)`.
    fn product<'py>(
        &self,
        py: Python<'py>,
        vector: PyReadonlyArray1<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let vector = self.vector(&vector)?;
        Ok(py.detach(|| self.lock().product(&vector)).into_pyarray(py))
    }

    /// BFGS update for a step `s` that changed the gradient by `y`, `curvature = s·y > 0`.
    fn update(
        &self,
        py: Python<'_>,
        s: PyReadonlyArray1<'_, f64>,
        y: PyReadonlyArray1<'_, f64>,
        curvature: f64,
    ) -> PyResult<()> {
        let (s, y) = (self.vector(&s)?, self.vector(&y)?);
        py.detach(|| self.lock().update(&s, &y, curvature));
        Ok(())
    }
}

impl InverseHessian {
    fn lock(&self) -> MutexGuard<'_, CoreHessian> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn vector(&self, array: &PyReadonlyArray1<'_, f64>) -> PyResult<Vec<f64>> {
        vector_of_order(array, self.lock().order())
    }
}

/// A sum of `JᵀJ` over images: the Hessian of half the loss without second derivatives of the residuals.
#[pyclass(frozen, module = "lionn_rs._core", skip_from_py_object)]
pub struct GaussNewton {
    inner: Mutex<CoreMatrix>,
}

#[pymethods]
impl GaussNewton {
    /// The zero matrix for `n` parameters.
    #[new]
    fn new(n: usize) -> Self {
        Self { inner: Mutex::new(CoreMatrix::zero(n)) }
    }

    /// Matrix of order `n` from its lower triangle, row by row.
    #[staticmethod]
    fn from_lower(n: usize, lower: PyReadonlyArray1<'_, f64>) -> PyResult<Self> {
        let inner = CoreMatrix::from_lower(n, &lower.as_array().to_vec()).map_err(to_py)?;
        Ok(Self { inner: Mutex::new(inner) })
    }

    /// Bytes that a matrix and its use take for a model with `n_parameters` and images of up to `max_atoms` atoms.
    #[staticmethod]
    fn n_bytes(n_parameters: usize, max_atoms: usize) -> usize {
        gauss_newton_bytes(n_parameters, max_atoms)
    }

    /// Lower triangle, row by row (a copy).
    fn lower<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.lock().lower().into_pyarray(py)
    }

    /// Diagonal `(n,)`.
    fn diagonal<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.lock().diagonal().into_pyarray(py)
    }

    /// Matrix times vector `(n,)`.
    fn product<'py>(
        &self,
        py: Python<'py>,
        vector: PyReadonlyArray1<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let vector = self.vector(&vector)?;
        Ok(py.detach(|| self.lock().product(&vector)).into_pyarray(py))
    }

    /// Cholesky decomposition of `matrix + diag(damping)`; False if that is not positive definite to rounding.
    fn decompose(&self, py: Python<'_>, damping: PyReadonlyArray1<'_, f64>) -> PyResult<bool> {
        let damping = self.vector(&damping)?;
        Ok(py.detach(|| self.lock().decompose(&damping)))
    }

    /// `x (n,)` with `(matrix + diag(damping)) x = rhs` for the damping of the latest decomposition, or None.
    fn solve<'py>(
        &self,
        py: Python<'py>,
        rhs: PyReadonlyArray1<'py, f64>,
    ) -> PyResult<Option<Bound<'py, PyArray1<f64>>>> {
        let rhs = self.vector(&rhs)?;
        let x = py.detach(|| self.lock().solve(&rhs));
        Ok(x.map(|x| x.into_pyarray(py)))
    }

    /// Adds `factor JᵀJ` of the images `selection`; returns `factor Jᵀr (n,)`.
    #[allow(clippy::too_many_arguments)]
    fn add<'py>(
        &self,
        py: Python<'py>,
        images: &Bound<'py, TrainingSet>,
        potential: &Bound<'py, NeuralPotential>,
        parameters: PyReadonlyArray1<'py, f64>,
        weights: (f64, f64, f64, f64),
        selection: Vec<usize>,
        factor: f64,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let potential = at(potential, &parameters)?;
        let set = &images.get().inner;
        let weights = loss_weights(weights);
        let projection =
            py.detach(|| self.lock().add(set, &potential, &weights, &selection, factor)).map_err(to_py)?;
        Ok(projection.into_pyarray(py))
    }
}

impl GaussNewton {
    fn lock(&self) -> MutexGuard<'_, CoreMatrix> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn vector(&self, array: &PyReadonlyArray1<'_, f64>) -> PyResult<Vec<f64>> {
        vector_of_order(array, self.lock().order())
    }
}

/// A vector of as many numbers as a matrix has rows.
fn vector_of_order(array: &PyReadonlyArray1<'_, f64>, order: usize) -> PyResult<Vec<f64>> {
    let vector = array.as_array().to_vec();
    check_length("vector", vector.len(), order)?;
    Ok(vector)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<GaussNewton>()?;
    module.add_class::<InverseHessian>()
}
