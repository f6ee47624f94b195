//! Observables on NumPy arrays; see `lionn_core::observables`.

use lionn_core::cell::Cell;
use lionn_core::observables::{covariance, msd, rdf, vacf};
use numpy::ndarray::{Array, Dimension, IntoDimension};
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArray3, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use crate::convert::{contiguous, indices, on_frames};
use crate::error::{ShapeError, to_py};

fn shaped<D: Dimension>(values: Vec<f64>, shape: impl IntoDimension<Dim = D>) -> Array<f64, D> {
    Array::from_shape_vec(shape, values).expect("the core returns the documented shape")
}

/// MSD of groups of atoms, window-averaged by FFT, per axis and for every lag.
///
/// Parameters
/// ----------
/// positions : (n_frames, n_atoms, 3) float64, Å
///     Unwrapped positions, C-contiguous.
/// groups : (n_atoms,) uint64
///     Group of each atom; labels of `n_groups` or more are left out.
/// n_groups : int
///     Number of groups.
/// tensor : bool
///     All six components xx, yy, zz, xy, xz, yz instead of the first three.
///
/// Returns
/// -------
/// (n_groups, 3 or 6, n_frames) float64, Å²
///     Entry `n` along the last axis belongs to a lag of `n` frames.
#[pyfunction]
#[pyo3(name = "msd")]
fn py_msd<'py>(
    py: Python<'py>,
    positions: PyReadonlyArray3<'py, f64>,
    groups: PyReadonlyArray1<'py, u64>,
    n_groups: usize,
    tensor: bool,
) -> PyResult<Bound<'py, PyArray3<f64>>> {
    let labels = indices(&groups, "groups")?;
    let result = on_frames(py, &positions, |frames| msd::msd(frames, &labels, n_groups, tensor))?;
    let components = msd::components(tensor).len();
    Ok(shaped(result, (n_groups, components, positions.shape()[0])).into_pyarray(py))
}

/// MSD of single atoms at chosen lags, window-averaged, per axis.
///
/// Parameters
/// ----------
/// positions : (n_frames, n_atoms, 3) float64, Å
///     Unwrapped positions, C-contiguous.
/// atoms : (k,) uint64
///     Atom indices.
/// lags : (n_lags,) uint64
///     Lags in frames.
///
/// Returns
/// -------
/// (k, n_lags, 3) float64, Å²
#[pyfunction]
#[pyo3(name = "msd_per_atom")]
fn py_msd_per_atom<'py>(
    py: Python<'py>,
    positions: PyReadonlyArray3<'py, f64>,
    atoms: PyReadonlyArray1<'py, u64>,
    lags: PyReadonlyArray1<'py, u64>,
) -> PyResult<Bound<'py, PyArray3<f64>>> {
    let (atoms, lags) = (indices(&atoms, "atoms")?, indices(&lags, "lags")?);
    let result = on_frames(py, &positions, |frames| msd::msd_per_atom(frames, &atoms, &lags))?;
    Ok(shaped(result, (atoms.len(), lags.len(), 3)).into_pyarray(py))
}

/// Second and fourth moments of the displacement, averaged over windows and atoms.
///
/// Parameters
/// ----------
/// positions : (n_frames, n_atoms, 3) float64, Å
///     Unwrapped positions, C-contiguous.
/// atoms : (k,) uint64
///     Atom indices.
/// lags : (n_lags,) uint64
///     Lags in frames.
///
/// Returns
/// -------
/// (n_lags, 8) float64
///     `<dx²> <dy²> <dz²> <dx⁴> <dy⁴> <dz⁴> <r²> <r⁴>` in Å² and Å⁴.
#[pyfunction]
#[pyo3(name = "displacement_moments")]
fn py_displacement_moments<'py>(
    py: Python<'py>,
    positions: PyReadonlyArray3<'py, f64>,
    atoms: PyReadonlyArray1<'py, u64>,
    lags: PyReadonlyArray1<'py, u64>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (atoms, lags) = (indices(&atoms, "atoms")?, indices(&lags, "lags")?);
    let result = on_frames(py, &positions, |frames| msd::displacement_moments(frames, &atoms, &lags))?;
    Ok(shaped(result, (lags.len(), 8)).into_pyarray(py))
}

/// Average of `G(u)**power` over all pairs of windows of two lags.
///
/// With `G(u) = (M(u+n) + M(u-m) - M(u) - M(u+n-m)) / 2` and `power=2`, twice the result is the covariance of the
/// window-averaged MSD of one Gaussian coordinate with structure function `M`.
///
/// Parameters
/// ----------
/// structure : (n_frames,) float64
///     `M` at lags 0, 1, ... n_frames-1.
/// lags : (n_lags,) uint64
///     Lags in frames, at least 1.
/// memory : int
///     Lag in frames from which `M` is a straight line.
/// power : int
///     1 or 2.
///
/// Returns
/// -------
/// (n_lags, n_lags) float64
#[pyfunction]
#[pyo3(name = "window_products")]
fn py_window_products<'py>(
    py: Python<'py>,
    structure: PyReadonlyArray1<'py, f64>,
    lags: PyReadonlyArray1<'py, u64>,
    memory: usize,
    power: u32,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let slice = contiguous(&structure, "structure")?;
    let lags = indices(&lags, "lags")?;
    let result = py.detach(|| covariance::window_products(slice, &lags, memory, power)).map_err(to_py)?;
    Ok(shaped(result, (lags.len(), lags.len())).into_pyarray(py))
}

/// Number of ordered pairs per distance bin in one frame, all periodic images included.
///
/// Parameters
/// ----------
/// cell : (3, 3) float64, Å
///     Rows are the lattice vectors.
/// pbc : (3,) bool
///     Periodicity along each lattice vector.
/// positions : (n_atoms, 3) float64, Å
///     Positions, wrapped or not.
/// first, second : (k,) uint64
///     Indices of the two kinds of atoms; they may be the same.
/// r_max : float, Å
///     Largest distance; may exceed half of the cell.
/// n_bins : int
///     Number of bins of equal width.
///
/// Returns
/// -------
/// (n_bins,) uint64
#[pyfunction]
#[pyo3(name = "pair_histogram")]
#[allow(clippy::too_many_arguments)]
fn py_pair_histogram<'py>(
    py: Python<'py>,
    cell: [[f64; 3]; 3],
    pbc: [bool; 3],
    positions: PyReadonlyArray2<'py, f64>,
    first: PyReadonlyArray1<'py, u64>,
    second: PyReadonlyArray1<'py, u64>,
    r_max: f64,
    n_bins: usize,
) -> PyResult<Bound<'py, PyArray1<u64>>> {
    let (points, rest) = contiguous(&positions, "positions")?.as_chunks::<3>();
    if !rest.is_empty() || positions.as_array().ncols() != 3 {
        return Err(ShapeError::new_err("positions must have shape (n_atoms, 3)"));
    }
    let (first, second) = (indices(&first, "first")?, indices(&second, "second")?);
    let counts = py
        .detach(|| {
            let cell = Cell::new(cell, pbc)?;
            rdf::pair_histogram(&cell, points, &first, &second, r_max, n_bins)
        })
        .map_err(to_py)?;
    Ok(counts.into_pyarray(py))
}

/// Autocorrelation of vectors of groups of atoms, window-averaged by FFT, per axis and for every lag.
///
/// Parameters
/// ----------
/// vectors : (n_frames, n_atoms, 3) float64
///     Velocities, C-contiguous. No mean is subtracted.
/// groups : (n_atoms,) uint64
///     Group of each atom; labels of `n_groups` or more are left out.
/// n_groups : int
///     Number of groups.
///
/// Returns
/// -------
/// (n_groups, 3, n_frames) float64
///     Entry `n` along the last axis belongs to a lag of `n` frames.
#[pyfunction]
#[pyo3(name = "autocorrelation")]
fn py_autocorrelation<'py>(
    py: Python<'py>,
    vectors: PyReadonlyArray3<'py, f64>,
    groups: PyReadonlyArray1<'py, u64>,
    n_groups: usize,
) -> PyResult<Bound<'py, PyArray3<f64>>> {
    let labels = indices(&groups, "groups")?;
    let result = on_frames(py, &vectors, |frames| vacf::autocorrelation(frames, &labels, n_groups))?;
    Ok(shaped(result, (n_groups, 3, vectors.shape()[0])).into_pyarray(py))
}

/// Adds the functions of this file to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(py_msd, module)?)?;
    module.add_function(wrap_pyfunction!(py_msd_per_atom, module)?)?;
    module.add_function(wrap_pyfunction!(py_displacement_moments, module)?)?;
    module.add_function(wrap_pyfunction!(py_window_products, module)?)?;
    module.add_function(wrap_pyfunction!(py_pair_histogram, module)?)?;
    module.add_function(wrap_pyfunction!(py_autocorrelation, module)?)?;
    Ok(())
}
