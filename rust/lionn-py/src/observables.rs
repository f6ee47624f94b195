//! Observables on NumPy arrays; see `lionn_core::observables`.

use lionn_core::Result;
use lionn_core::cell::Cell;
use lionn_core::observables::{Frames, covariance, density, msd, rdf, sites, vacf, van_hove};
use numpy::ndarray::{Array, Dimension, IntoDimension};
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2,
    PyReadonlyArray3, PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use crate::convert::rows3;
use crate::error::{ShapeError, to_py};

fn contiguous<'a, T: numpy::Element, D: Dimension>(
    array: &'a numpy::PyReadonlyArray<'_, T, D>,
    name: &str,
) -> PyResult<&'a [T]> {
    array.as_slice().map_err(|_| ShapeError::new_err(format!("{name} must be C-contiguous")))
}

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

/// Run `work` without the GIL on frames `(n_frames, n_atoms, 3)`.
fn on_frames<T: Send>(
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

fn indices(array: &PyReadonlyArray1<'_, u64>, name: &str) -> PyResult<Vec<usize>> {
    Ok(contiguous(array, name)?.iter().map(|&x| x as usize).collect())
}

/// Adds the functions of this file to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(py_msd, module)?)?;
    module.add_function(wrap_pyfunction!(py_msd_per_atom, module)?)?;
    module.add_function(wrap_pyfunction!(py_displacement_moments, module)?)?;
    module.add_function(wrap_pyfunction!(py_window_products, module)?)?;
    module.add_function(wrap_pyfunction!(py_pair_histogram, module)?)?;
    module.add_function(wrap_pyfunction!(py_van_hove_self, module)?)?;
    module.add_function(wrap_pyfunction!(py_van_hove_distinct, module)?)?;
    module.add_function(wrap_pyfunction!(py_density_counts, module)?)?;
    module.add_function(wrap_pyfunction!(py_density_basins, module)?)?;
    module.add_function(wrap_pyfunction!(py_assign_sites, module)?)?;
    module.add_function(wrap_pyfunction!(py_autocorrelation, module)?)?;
    Ok(())
}
