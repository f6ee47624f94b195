//! Paths of atoms that come in blocks: unwrapping and products of displacements; see `lionn_core::observables`.

use lionn_core::linalg::Mat3;
use lionn_core::observables::Frames;
use lionn_core::observables::displacement_products::{Accumulator, Product};
use lionn_core::observables::msd::{add_atoms, components};
use lionn_core::observables::unwrap::{Convention, Input, Unwrapper};
use numpy::ndarray::Array2;
use numpy::{
    IntoPyArray, PyArray2, PyReadonlyArray2, PyReadonlyArray3, PyReadwriteArray3, PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use crate::error::{ConfigError, ShapeError, to_py};

/// Unwraps a trajectory that comes in blocks of frames, each step by its certified shortest image.
///
/// Parameters
/// ----------
/// n_atoms : int
///     Number of atoms.
/// reference : (3, 3) sequence or None, Å
///     Cell that fractional paths are multiplied with (fractional convention); None for the Cartesian convention.
/// continuous : bool
///     The positions are continuous already: check the steps only.
///
/// Raises
/// ------
/// DataError
///     From `advance`: a step is not shorter than half of the shortest lattice vector.
#[pyclass(name = "Unwrapper", module = "lionn_rs._core")]
struct PyUnwrapper {
    inner: Unwrapper,
    n_atoms: usize,
}

#[pymethods]
impl PyUnwrapper {
    #[new]
    fn new(n_atoms: usize, reference: Option<Mat3>, continuous: bool) -> Self {
        let convention = reference.map_or(Convention::Cartesian, Convention::Fractional);
        let input = if continuous { Input::Continuous } else { Input::Wrapped };
        Self { inner: Unwrapper::new(n_atoms, convention, input), n_atoms }
    }

    /// Replace the positions of the next frames by unwrapped ones, in place.
    ///
    /// Parameters
    /// ----------
    /// positions : (n, n_atoms, 3) float64, Å
    ///     C-contiguous and writable.
    /// cells : (n or 1, 3, 3) float64, Å
    ///     Cell of each frame, or of all.
    fn advance(
        &mut self,
        py: Python<'_>,
        mut positions: PyReadwriteArray3<'_, f64>,
        cells: PyReadonlyArray3<'_, f64>,
    ) -> PyResult<()> {
        if positions.shape()[1..] != [self.n_atoms, 3] || cells.shape()[1..] != [3, 3] {
            return Err(ShapeError::new_err(format!(
                "positions must have shape (n, {}, 3) and cells (n or 1, 3, 3), got {:?} and {:?}",
                self.n_atoms,
                positions.shape(),
                cells.shape()
            )));
        }
        let cells: Vec<Mat3> = cells
            .as_array()
            .outer_iter()
            .map(|cell| std::array::from_fn(|i| std::array::from_fn(|j| cell[[i, j]])))
            .collect();
        let slice =
            positions.as_slice_mut().map_err(|_| ShapeError::new_err("positions must be C-contiguous"))?;
        let inner = &mut self.inner;
        py.detach(|| inner.advance(slice, &cells)).map_err(to_py)
    }

    /// The longest step so far relative to its limit: (length Å, limit Å, frame at its beginning, atom).
    #[getter]
    fn longest(&self) -> (f64, f64, usize, usize) {
        let step = self.inner.longest();
        (step.length, step.limit, step.frame, step.atom)
    }
}

/// Window-averaged products of displacements, summed over members that come in blocks.
///
/// Parameters
/// ----------
/// n_frames : int
///     Length of all series.
/// n_series : int
///     Series of one member.
/// products : sequence of (first, second, slot)
///     Series `first` times series `second` is added to curve `slot`.
#[pyclass(name = "DisplacementProducts", module = "lionn_rs._core")]
struct PyDisplacementProducts {
    inner: Option<Accumulator>,
    n_frames: usize,
    n_series: usize,
}

#[pymethods]
impl PyDisplacementProducts {
    #[new]
    fn new(n_frames: usize, n_series: usize, products: Vec<(usize, usize, usize)>) -> PyResult<Self> {
        let products: Vec<Product> =
            products.into_iter().map(|(first, second, slot)| Product { first, second, slot }).collect();
        let inner = Accumulator::new(n_frames, n_series, &products).map_err(to_py)?;
        Ok(Self { inner: Some(inner), n_frames, n_series })
    }

    /// For members of three series, the coordinates of an atom: the tensor xx, yy, zz, xy, xz, yz or its diagonal.
    #[staticmethod]
    fn of_atoms(n_frames: usize, tensor: bool) -> PyResult<Self> {
        let inner = Accumulator::new(n_frames, 3, components(tensor)).map_err(to_py)?;
        Ok(Self { inner: Some(inner), n_frames, n_series: 3 })
    }

    /// Add all atoms of a block, (n_frames, n, 3) float64, C-contiguous.
    fn add_atoms(&mut self, py: Python<'_>, positions: PyReadonlyArray3<'_, f64>) -> PyResult<()> {
        let &[n_frames, n_atoms, 3] = positions.shape() else {
            return Err(ShapeError::new_err(format!(
                "positions must have shape ({}, n, 3), got {:?}",
                self.n_frames,
                positions.shape()
            )));
        };
        if n_frames != self.n_frames || self.n_series != 3 {
            return Err(ShapeError::new_err(format!(
                "positions must have {} frames of {} series, got {n_frames} of 3",
                self.n_frames, self.n_series
            )));
        }
        let slice =
            positions.as_slice().map_err(|_| ShapeError::new_err("positions must be C-contiguous"))?;
        let inner = open(&mut self.inner)?;
        py.detach(|| {
            let atoms: Vec<usize> = (0..n_atoms).collect();
            add_atoms(inner, Frames::new(slice, n_frames, n_atoms)?, &atoms);
            Ok(())
        })
        .map_err(to_py)
    }

    /// Add one member, (n_series, n_frames) float64, C-contiguous.
    fn add_member(&mut self, py: Python<'_>, series: PyReadonlyArray2<'_, f64>) -> PyResult<()> {
        if series.shape() != [self.n_series, self.n_frames] {
            return Err(ShapeError::new_err(format!(
                "series must have shape ({}, {}), got {:?}",
                self.n_series,
                self.n_frames,
                series.shape()
            )));
        }
        let slice = series.as_slice().map_err(|_| ShapeError::new_err("series must be C-contiguous"))?;
        let (inner, n_frames) = (open(&mut self.inner)?, self.n_frames);
        py.detach(|| {
            inner.add(1, |_, out| {
                out.iter_mut()
                    .zip(slice.chunks_exact(n_frames))
                    .for_each(|(to, from)| to.copy_from_slice(from));
            });
        });
        Ok(())
    }

    /// Close the sums: the curves (n_slots, n_frames), summed over the members, averaged over windows.
    fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let inner = self.inner.take().ok_or_else(closed)?;
        let n_slots = inner.n_slots();
        let curves = py.detach(|| inner.finish());
        let shape = (n_slots, self.n_frames);
        Ok(Array2::from_shape_vec(shape, curves).expect("the core returns all curves").into_pyarray(py))
    }
}

fn open(inner: &mut Option<Accumulator>) -> PyResult<&mut Accumulator> {
    inner.as_mut().ok_or_else(closed)
}

fn closed() -> PyErr {
    ConfigError::new_err("these sums are finished: make a new DisplacementProducts")
}

/// Adds the classes of this file to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyUnwrapper>()?;
    module.add_class::<PyDisplacementProducts>()?;
    Ok(())
}
