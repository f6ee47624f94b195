//! The neighbor list as arrays.

use crate::convert;
use crate::error::to_py;
use lionn_core::neighbors::NeighborList;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

/// First atom, second atom and lattice shift of every pair.
type Pairs<'py> = (Bound<'py, PyArray1<u32>>, Bound<'py, PyArray1<u32>>, Bound<'py, PyArray2<i32>>);

/// Full neighbor list: all pairs closer than a cutoff, i-j and j-i, sorted by i.
///
/// Parameters
/// ----------
/// cell : (3, 3) float64, Å
///     Rows are the lattice vectors.
/// pbc : (3,) bool
///     Periodicity along each lattice vector.
/// numbers : (n_atoms,) uint8
///     Atomic numbers.
/// positions : (n_atoms, 3) float64, Å
///     Positions, wrapped or not.
/// cutoff : float, Å
///     May exceed the cell.
///
/// Returns
/// -------
/// (n_pairs,) uint32, (n_pairs,) uint32, (n_pairs, 3) int32
///     Atoms i and j and shift S with `r_ij = r_j - r_i + S @ cell`.
#[pyfunction]
fn neighbor_list<'py>(
    py: Python<'py>,
    cell: PyReadonlyArray2<'py, f64>,
    pbc: [bool; 3],
    numbers: PyReadonlyArray1<'py, u8>,
    positions: PyReadonlyArray2<'py, f64>,
    cutoff: f64,
) -> PyResult<Pairs<'py>> {
    let system = convert::system(&cell, pbc, &numbers, &positions)?;
    let (first, second, shifts) = py
        .detach(|| {
            let list = NeighborList::build(&system, cutoff)?;
            let mut first = Vec::with_capacity(list.n_pairs());
            let mut second = Vec::with_capacity(list.n_pairs());
            let mut shifts = Vec::with_capacity(3 * list.n_pairs());
            for i in 0..list.n_atoms() {
                for pair in list.of(i) {
                    first.push(i as u32);
                    second.push(pair.j);
                    shifts.extend(pair.shift);
                }
            }
            Ok((first, second, shifts))
        })
        .map_err(to_py)?;
    let n_pairs = first.len();
    let shifts = shifts.into_pyarray(py).reshape([n_pairs, 3])?;
    Ok((first.into_pyarray(py), second.into_pyarray(py), shifts))
}

/// Adds the function of this file to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(neighbor_list, module)?)
}
