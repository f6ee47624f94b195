//! The neighbor list as NumPy arrays; see `lionn_core::neighbors`.

use lionn_core::linalg::Vec3;
use lionn_core::neighbors::{NeighborList, PairArrays};
use lionn_core::{Cell, System};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::convert::{matrix3, rows3};
use crate::error::to_py;

/// `i`, `j`, `S` and `D` of all directed pairs.
type Arrays<'py> = (
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray2<i32>>,
    Bound<'py, PyArray2<f64>>,
);

/// All pairs of atoms closer than ``cutoff`` (Å), both i-j and j-i, in the order of the centers.
///
/// Parameters
/// ----------
/// cell : (3, 3) float64, Å
/// pbc : (bool, bool, bool)
/// positions : (n_atoms, 3) float64, Å
/// cutoff : float, Å
///
/// Returns
/// -------
/// i, j : (n_pairs,) int64
/// S : (n_pairs, 3) int32
/// D : (n_pairs, 3) float64, Å
#[pyfunction]
fn neighbor_list<'py>(
    py: Python<'py>,
    cell: PyReadonlyArray2<'py, f64>,
    pbc: [bool; 3],
    positions: PyReadonlyArray2<'py, f64>,
    cutoff: f64,
) -> PyResult<Arrays<'py>> {
    let cell = Cell::new(matrix3("cell", &cell)?, pbc).map_err(to_py)?;
    let positions = rows3("positions", &positions)?;
    let (system, list) = py
        .detach(|| {
            // The elements do not matter.
            let system = System::new(cell, vec![0; positions.len()], positions)?;
            let list = NeighborList::build(&system, cutoff)?;
            Ok((system, list))
        })
        .map_err(to_py)?;
    let n_pairs = list.n_pairs();
    let arrays = (
        PyArray1::zeros(py, n_pairs, false),
        PyArray1::zeros(py, n_pairs, false),
        PyArray2::zeros(py, [n_pairs, 3], false),
        PyArray2::zeros(py, [n_pairs, 3], false),
    );
    {
        let (mut i, mut j) = (arrays.0.readwrite(), arrays.1.readwrite());
        let (mut shifts, mut vectors) = (arrays.2.readwrite(), arrays.3.readwrite());
        let out = PairArrays {
            i: i.as_slice_mut()?,
            j: j.as_slice_mut()?,
            shifts: shifts.as_slice_mut()?.as_chunks_mut::<3>().0,
            vectors: vectors.as_slice_mut()?.as_chunks_mut::<3>().0 as &mut [Vec3],
        };
        py.detach(|| list.write(&system, out));
    }
    Ok(arrays)
}

/// Add the functions of this file to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(neighbor_list, module)?)
}
