//! Where ions are and how they move, on NumPy arrays: van Hove functions, densities, sites; see
//! `lionn_core::observables`.

use lionn_core::cell::Cell;
use lionn_core::observables::{density, sites, van_hove};
use numpy::{
    IntoPyArray, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use crate::convert::{contiguous, indices, on_frames, rows3};
use crate::error::to_py;

/// Displacements per distance bin for each lag, over all time origins: self part of the van Hove function.
///
/// Parameters
/// ----------
/// positions : (n_frames, n_atoms, 3) float64, Å
///     Unwrapped positions, C-contiguous.
/// atoms : (k,) uint64
///     Atom indices.
/// lags : (n_lags,) uint64
///     Lags in frames.
/// r_max : float, Å
///     Longer displacements are left out.
/// n_bins : int
///     Number of bins of equal width.
///
/// Returns
/// -------
/// (n_lags, n_bins) uint64
#[pyfunction]
#[pyo3(name = "van_hove_self")]
fn py_van_hove_self<'py>(
    py: Python<'py>,
    positions: PyReadonlyArray3<'py, f64>,
    atoms: PyReadonlyArray1<'py, u64>,
    lags: PyReadonlyArray1<'py, u64>,
    r_max: f64,
    n_bins: usize,
) -> PyResult<Bound<'py, PyArray2<u64>>> {
    let (atoms, lags) = (indices(&atoms, "atoms")?, indices(&lags, "lags")?);
    let counts =
        on_frames(py, &positions, |frames| van_hove::self_histogram(frames, &atoms, &lags, r_max, n_bins))?;
    counts.into_pyarray(py).reshape([lags.len(), n_bins])
}

/// Ordered pairs per distance bin, `second` a lag after `first`: distinct part of the van Hove function.
///
/// Parameters
/// ----------
/// cell : (3, 3) float64, Å
///     Rows are the lattice vectors, all periodic.
/// positions : (n_frames, n_atoms, 3) float64, Å
///     Unwrapped positions, C-contiguous.
/// first, second : (k,) uint64
///     Indices of the two kinds of atoms; they may be the same.
/// origins : (n_origins,) uint64
///     Frames of `first`.
/// lag : int
///     Frames between `first` and `second`.
/// r_max : float, Å
///     Largest distance; may exceed half of the cell.
/// n_bins : int
///     Number of bins of equal width.
///
/// Returns
/// -------
/// (n_origins, n_bins) uint64
///     An atom does not pair with itself, but does with its own periodic images.
#[pyfunction]
#[pyo3(name = "van_hove_distinct")]
#[allow(clippy::too_many_arguments)]
fn py_van_hove_distinct<'py>(
    py: Python<'py>,
    cell: [[f64; 3]; 3],
    positions: PyReadonlyArray3<'py, f64>,
    first: PyReadonlyArray1<'py, u64>,
    second: PyReadonlyArray1<'py, u64>,
    origins: PyReadonlyArray1<'py, u64>,
    lag: usize,
    r_max: f64,
    n_bins: usize,
) -> PyResult<Bound<'py, PyArray2<u64>>> {
    let (first, second) = (indices(&first, "first")?, indices(&second, "second")?);
    let origins = indices(&origins, "origins")?;
    let counts = on_frames(py, &positions, |frames| {
        let cell = Cell::new(cell, [true; 3])?;
        van_hove::distinct_histogram(&cell, frames, &first, &second, &origins, lag, r_max, n_bins)
    })?;
    counts.into_pyarray(py).reshape([origins.len(), n_bins])
}

/// How often atoms are nearest to each point of a grid that fills the cell.
///
/// Parameters
/// ----------
/// cell : (3, 3) float64, Å
///     Rows are the lattice vectors, all periodic.
/// positions : (n_frames, n_atoms, 3) float64, Å
///     Positions, wrapped or not, C-contiguous.
/// atoms : (k,) uint64
///     Atom indices.
/// shape : (int, int, int)
///     Grid points along each lattice vector; point 0 is the origin.
///
/// Returns
/// -------
/// shape uint64
///     Adds up to `n_frames * k`.
#[pyfunction]
#[pyo3(name = "density_counts")]
fn py_density_counts<'py>(
    py: Python<'py>,
    cell: [[f64; 3]; 3],
    positions: PyReadonlyArray3<'py, f64>,
    atoms: PyReadonlyArray1<'py, u64>,
    shape: [usize; 3],
) -> PyResult<Bound<'py, PyArray3<u64>>> {
    let atoms = indices(&atoms, "atoms")?;
    let counts = on_frames(py, &positions, |frames| {
        density::grid_counts(&Cell::new(cell, [true; 3])?, frames, &atoms, shape)
    })?;
    counts.into_pyarray(py).reshape(shape)
}

/// Basins of the peaks of a density on a periodic grid.
///
/// Parameters
/// ----------
/// density : (n_a, n_b, n_c) float64
///     Values on the grid, C-contiguous.
/// threshold : float
///     Points below it belong to no basin.
/// separation : float
///     Two peaks are told apart if the lower one is at least this many times denser than the saddle between them.
///
/// Returns
/// -------
/// (n_a, n_b, n_c) int64
///     Label of the basin, from 0 in the order of falling peaks; -1 below the threshold.
#[pyfunction]
#[pyo3(name = "density_basins")]
fn py_density_basins<'py>(
    py: Python<'py>,
    density: PyReadonlyArray3<'py, f64>,
    threshold: f64,
    separation: f64,
) -> PyResult<Bound<'py, PyArray3<i64>>> {
    let values = contiguous(&density, "density")?;
    let &[a, b, c] = density.shape() else { unreachable!("a three-dimensional array has three lengths") };
    let labels = py.detach(|| density::basins(values, [a, b, c], threshold, separation)).map_err(to_py)?;
    labels.into_pyarray(py).reshape([a, b, c])
}

/// The nearest site of each atom in each frame, if it is closer than a radius.
///
/// Parameters
/// ----------
/// cell : (3, 3) float64, Å
///     Rows are the lattice vectors, all periodic.
/// positions : (n_frames, n_atoms, 3) float64, Å
///     Unwrapped positions, C-contiguous.
/// atoms : (k,) uint64
///     Atom indices.
/// sites : (n_sites, 3) float64
///     Fractional coordinates.
/// radius : float, Å
///     Less than half of the smallest distance between opposite faces of the cell.
///
/// Returns
/// -------
/// site : (n_frames, k) int32
///     Index of the site, -1 between the sites.
/// shift : (n_frames, k, 3) int32
///     Lattice shift of the image of the site along the unwrapped path.
#[pyfunction]
#[pyo3(name = "assign_sites")]
#[allow(clippy::type_complexity)]
fn py_assign_sites<'py>(
    py: Python<'py>,
    cell: [[f64; 3]; 3],
    positions: PyReadonlyArray3<'py, f64>,
    atoms: PyReadonlyArray1<'py, u64>,
    sites: PyReadonlyArray2<'py, f64>,
    radius: f64,
) -> PyResult<(Bound<'py, PyArray2<i32>>, Bound<'py, PyArray3<i32>>)> {
    let atoms = indices(&atoms, "atoms")?;
    let places = rows3("sites", &sites)?;
    let found = on_frames(py, &positions, |frames| {
        sites::assign_sites(&Cell::new(cell, [true; 3])?, frames, &atoms, &places, radius)
    })?;
    let shape = [positions.shape()[0], atoms.len()];
    let site = found.site.into_pyarray(py).reshape(shape)?;
    Ok((site, found.shift.into_flattened().into_pyarray(py).reshape([shape[0], shape[1], 3])?))
}

/// Adds the functions of this file to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(py_van_hove_self, module)?)?;
    module.add_function(wrap_pyfunction!(py_van_hove_distinct, module)?)?;
    module.add_function(wrap_pyfunction!(py_density_counts, module)?)?;
    module.add_function(wrap_pyfunction!(py_density_basins, module)?)?;
    module.add_function(wrap_pyfunction!(py_assign_sites, module)?)?;
    Ok(())
}
