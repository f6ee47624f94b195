//! NumPy arrays to core types and back.

use crate::error::{ShapeError, to_py};
use lionn_core::linalg::{Mat3, Vec3};
use lionn_core::observables::Frames;
use lionn_core::{Cell, Error, Result, System};
use numpy::ndarray::Dimension;
use numpy::{
    IntoPyArray, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;

/// Rows of an `(n, 3)` array.
pub fn rows3(name: &str, array: &PyReadonlyArray2<'_, f64>) -> PyResult<Vec<Vec3>> {
    let shape = array.shape();
    if shape[1] != 3 {
        return Err(to_py(Error::shape(name, "(n, 3)", format!("({}, {})", shape[0], shape[1]))));
    }
    Ok(array.as_array().outer_iter().map(|row| [row[0], row[1], row[2]]).collect())
}

/// A 3x3 array.
pub fn matrix3(name: &str, array: &PyReadonlyArray2<'_, f64>) -> PyResult<Mat3> {
    let rows = rows3(name, array)?;
    <Mat3>::try_from(rows)
        .map_err(|rows: Vec<Vec3>| to_py(Error::shape(name, "(3, 3)", format!("({}, 3)", rows.len()))))
}

/// A structure from `cell (3, 3)`, `pbc (3,)`, `numbers (n,)` and `positions (n, 3)`.
pub fn system(
    cell: &PyReadonlyArray2<'_, f64>,
    pbc: [bool; 3],
    numbers: &PyReadonlyArray1<'_, u8>,
    positions: &PyReadonlyArray2<'_, f64>,
) -> PyResult<System> {
    let cell = Cell::new(matrix3("cell", cell)?, pbc).map_err(to_py)?;
    let numbers = numbers.as_array().to_vec();
    System::new(cell, numbers, rows3("positions", positions)?).map_err(to_py)
}

/// Vectors as an `(n, 3)` array.
pub fn to_array3<'py>(py: Python<'py>, rows: &[Vec3]) -> PyResult<Bound<'py, PyArray2<f64>>> {
    rows.as_flattened().to_vec().into_pyarray(py).reshape([rows.len(), 3])
}

/// The numbers of a C-contiguous array.
pub fn contiguous<'a, T: numpy::Element, D: Dimension>(
    array: &'a numpy::PyReadonlyArray<'_, T, D>,
    name: &str,
) -> PyResult<&'a [T]> {
    array.as_slice().map_err(|_| ShapeError::new_err(format!("{name} must be C-contiguous")))
}

/// Run `work` without the GIL on frames `(n_frames, n_atoms, 3)`.
pub fn on_frames<T: Send>(
    py: Python<'_>,
    positions: &PyReadonlyArray3<'_, f64>,
    work: impl FnOnce(Frames<'_>) -> Result<T> + Send,
) -> PyResult<T> {
    let &[n_frames, n_atoms, 3] = positions.shape() else {
        return Err(ShapeError::new_err(format!(
            "positions must have shape (n_frames, n_atoms, 3), got {:?}",
            positions.shape()
        )));
    };
    let slice = contiguous(positions, "positions")?;
    py.detach(|| Frames::new(slice, n_frames, n_atoms).and_then(work)).map_err(to_py)
}

/// Indices, or lags, as the core counts them.
pub fn indices(array: &PyReadonlyArray1<'_, u64>, name: &str) -> PyResult<Vec<usize>> {
    Ok(contiguous(array, name)?.iter().map(|&x| x as usize).collect())
}
