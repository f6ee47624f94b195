//! Training sets: arrays in, loss, gradient and predictions out.

use crate::convert;
use crate::descriptor::Descriptor;
use crate::error::to_py;
use crate::potential::{NeuralPotential, RepulsionTuple, repulsion_tuple};
use lionn_core::linalg::Mat3;
use lionn_core::potential::NeuralPotential as CorePotential;
use lionn_core::training::{Image, LossReport, LossWeights, Precision, Storage, TrainingSet as CoreSet};
use lionn_core::{Cell, Error, System};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Minima and maxima of every feature, per element.
type Ranges = (Vec<Vec<f64>>, Vec<Vec<f64>>);
/// Energies, forces or None, stresses or None.
type PyPredictions<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyAny>, Bound<'py, PyAny>);

/// Images with fingerprints and their derivatives, ready for many evaluations of the loss.
///
/// Images are given as concatenated arrays: atoms of image `k` are rows `offsets[k]..offsets[k + 1]`.
#[pyclass(frozen, module = "lionn_rs._core", skip_from_py_object)]
pub struct TrainingSet {
    pub inner: CoreSet,
}

#[pymethods]
impl TrainingSet {
    /// Prepare images. `progress`, if given, is called with the number of images done.
    ///
    /// The GIL is released; Ctrl-C is seen between batches of images.
    #[new]
    #[pyo3(signature = (descriptor, *, offsets, numbers, positions, cells, pbc, energies, forces=None, stresses=None,
        weights=None, precision="float32", use_forces=true, use_stress=false, max_bytes=None, progress=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        descriptor: &Bound<'_, Descriptor>,
        offsets: Vec<usize>,
        numbers: PyReadonlyArray1<'_, u8>,
        positions: PyReadonlyArray2<'_, f64>,
        cells: PyReadonlyArray3<'_, f64>,
        pbc: PyReadonlyArray2<'_, bool>,
        energies: PyReadonlyArray1<'_, f64>,
        forces: Option<PyReadonlyArray2<'_, f64>>,
        stresses: Option<PyReadonlyArray3<'_, f64>>,
        weights: Option<PyReadonlyArray1<'_, f64>>,
        precision: &str,
        use_forces: bool,
        use_stress: bool,
        max_bytes: Option<usize>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let systems = systems(&offsets, &numbers, &positions, &cells, &pbc)?;
        let energies = energies.as_array().to_vec();
        check_length("energies", energies.len(), systems.len())?;
        let weights = weights.map_or_else(|| vec![1.0; systems.len()], |w| w.as_array().to_vec());
        check_length("weights", weights.len(), systems.len())?;
        let forces = forces.map(|array| convert::rows3("forces", &array)).transpose()?;
        if let Some(forces) = &forces {
            check_length("forces", forces.len(), offsets[systems.len()])?;
        }
        let stresses = stresses.map(|array| matrices("stresses", &array)).transpose()?;
        if let Some(stresses) = &stresses {
            check_length("stresses", stresses.len(), systems.len())?;
        }
        let images = systems.into_iter().enumerate().map(|(k, system)| Image {
            system,
            energy: energies[k],
            forces: forces.as_ref().map(|rows| rows[offsets[k]..offsets[k + 1]].to_vec()),
            // A stress of NaN stands for an image without one.
            stress: stresses.as_ref().map(|s| s[k]).filter(|s| !s.iter().flatten().all(|x| x.is_nan())),
            weight: weights[k],
        });
        let images: Vec<Image> = images.collect();
        let storage = storage(precision, use_forces, use_stress, max_bytes)?;
        let descriptor = descriptor.get().inner.clone();
        let mut failure = None;
        let mut report = |done: usize| {
            let seen = Python::attach(|py| {
                py.check_signals()?;
                progress.as_ref().map(|f| f.call1(py, (done,)).map(drop)).transpose()
            });
            seen.map(drop).map_err(|error| {
                failure = Some(error);
                Error::Interrupted
            })
        };
        let built = py.detach(|| CoreSet::build(images, descriptor, storage, &mut report));
        match (built, failure) {
            (_, Some(error)) => Err(error),
            (built, None) => Ok(Self { inner: built.map_err(to_py)? }),
        }
    }

    /// Bytes that a set will need: `(always kept, derivatives of all images)`.
    #[staticmethod]
    #[pyo3(signature = (descriptor, *, offsets, numbers, positions, cells, pbc, precision="float32", use_forces=true,
        use_stress=false))]
    #[allow(clippy::too_many_arguments)]
    fn estimate_memory(
        py: Python<'_>,
        descriptor: &Bound<'_, Descriptor>,
        offsets: Vec<usize>,
        numbers: PyReadonlyArray1<'_, u8>,
        positions: PyReadonlyArray2<'_, f64>,
        cells: PyReadonlyArray3<'_, f64>,
        pbc: PyReadonlyArray2<'_, bool>,
        precision: &str,
        use_forces: bool,
        use_stress: bool,
    ) -> PyResult<(usize, usize)> {
        let systems = systems(&offsets, &numbers, &positions, &cells, &pbc)?;
        let storage = storage(precision, use_forces, use_stress, None)?;
        let descriptor = descriptor.get().inner.clone();
        let estimate =
            py.detach(|| CoreSet::estimate_memory(&systems, &*descriptor, &storage)).map_err(to_py)?;
        Ok((estimate.fixed, estimate.derivatives))
    }

    /// Number of images.
    #[getter]
    fn n_images(&self) -> usize {
        self.inner.n_images()
    }

    /// Number of atoms of all images.
    #[getter]
    fn n_atoms(&self) -> usize {
        self.inner.n_atoms()
    }

    /// Number of images whose derivatives are kept; the others are recomputed in every evaluation.
    #[getter]
    fn n_stored(&self) -> usize {
        self.inner.n_stored()
    }

    /// Bytes held.
    #[getter]
    fn n_bytes(&self) -> usize {
        self.inner.bytes()
    }

    /// Smallest and largest value of every feature, per element: `(minima, maxima)`.
    fn ranges(&self) -> PyResult<Ranges> {
        let scalings = self.inner.scalings().map_err(to_py)?;
        Ok(scalings.iter().map(|s| (s.min().to_vec(), s.max().to_vec())).unzip())
    }

    /// Repulsion below the shortest distances of these images: `(element, element, inner Å, outer Å)`.
    fn repulsion(&self, py: Python<'_>) -> PyResult<Vec<RepulsionTuple>> {
        let pairs = py.detach(|| self.inner.repulsion()).map_err(to_py)?;
        Ok(pairs.into_iter().map(repulsion_tuple).collect())
    }

    /// Loss at `parameters (n_parameters,)`, its parts and the errors as a dictionary. `weights` are those of energy,
    /// force, stress and squared network weights.
    fn loss<'py>(
        &self,
        py: Python<'py>,
        potential: &Bound<'py, NeuralPotential>,
        parameters: PyReadonlyArray1<'py, f64>,
        weights: (f64, f64, f64, f64),
    ) -> PyResult<Bound<'py, PyDict>> {
        let potential = at(potential, &parameters)?;
        let report =
            py.detach(|| self.inner.evaluate(&potential, &loss_weights(weights), None)).map_err(to_py)?;
        dictionary(py, &report)
    }

    /// Loss as [`TrainingSet::loss`] and its gradient `(n_parameters,)`, of all images or of the images `selection`
    /// alone, to which their share of the penalty on the weights belongs. With `learn` the derivatives with respect to
    /// the contraction of a power spectrum (by center, degree, channel, column) follow behind those of the parameters.
    #[pyo3(signature = (potential, parameters, weights, selection=None, learn=false))]
    fn loss_and_gradient<'py>(
        &self,
        py: Python<'py>,
        potential: &Bound<'py, NeuralPotential>,
        parameters: PyReadonlyArray1<'py, f64>,
        weights: (f64, f64, f64, f64),
        selection: Option<Vec<usize>>,
        learn: bool,
    ) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyArray1<f64>>)> {
        let potential = at(potential, &parameters)?;
        let n_learned = if learn { potential.n_descriptor_parameters() } else { 0 };
        let mut gradient = vec![0.0; potential.parameters().len() + n_learned];
        let (set, weights, target) = (&self.inner, loss_weights(weights), Some(&mut gradient[..]));
        let report = py.detach(|| match &selection {
            Some(selection) => set.evaluate_selection(&potential, &weights, selection, target),
            None => set.evaluate(&potential, &weights, target),
        });
        let report = report.map_err(to_py)?;
        Ok((dictionary(py, &report)?, gradient.into_pyarray(py)))
    }

    /// Residuals whose squares sum up to the loss: `(n_residuals,)`, image by image.
    fn residuals<'py>(
        &self,
        py: Python<'py>,
        potential: &Bound<'py, NeuralPotential>,
        parameters: PyReadonlyArray1<'py, f64>,
        weights: (f64, f64, f64, f64),
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let potential = at(potential, &parameters)?;
        let residuals =
            py.detach(|| self.inner.residuals(&potential, &loss_weights(weights))).map_err(to_py)?;
        Ok(residuals.into_pyarray(py))
    }

    /// Energies `(n_images,)`, forces `(n_atoms, 3)` or None, stresses `(n_images, 3, 3)` or None.
    fn predict<'py>(
        &self,
        py: Python<'py>,
        potential: &Bound<'py, NeuralPotential>,
        parameters: PyReadonlyArray1<'py, f64>,
    ) -> PyResult<PyPredictions<'py>> {
        let potential = at(potential, &parameters)?;
        let predictions = py.detach(|| self.inner.predict(&potential)).map_err(to_py)?;
        let energies: Vec<f64> = predictions.iter().map(|p| p.energy).collect();
        let storage = self.inner.storage();
        let none = || py.None().into_bound(py);
        let forces = if storage.forces {
            let rows: Vec<[f64; 3]> = predictions.iter().flat_map(|p| p.forces.iter().copied()).collect();
            convert::to_array3(py, &rows)?.into_any()
        } else {
            none()
        };
        let stresses = if storage.stress {
            let rows: Vec<f64> =
                predictions.iter().filter_map(|p| p.stress).flat_map(|s| s.into_iter().flatten()).collect();
            let n = predictions.len();
            rows.into_pyarray(py).call_method1("reshape", (n, 3, 3))?
        } else {
            none()
        };
        Ok((energies.into_pyarray(py), forces, stresses))
    }
}

/// The potential with other parameters.
pub fn at(
    potential: &Bound<'_, NeuralPotential>,
    parameters: &PyReadonlyArray1<'_, f64>,
) -> PyResult<CorePotential> {
    potential.get().inner.with_parameters(parameters.as_array().to_vec()).map_err(to_py)
}

fn storage(precision: &str, forces: bool, stress: bool, max_bytes: Option<usize>) -> PyResult<Storage> {
    let precision = match precision {
        "float32" => Precision::Float32,
        "float64" => Precision::Float64,
        other => {
            return Err(to_py(Error::InvalidParameter(format!(
                "unknown precision '{other}', expected float32 or float64"
            ))));
        }
    };
    Ok(Storage { precision, forces, stress, max_bytes })
}

pub fn loss_weights((energy, force, stress, l2): (f64, f64, f64, f64)) -> LossWeights {
    LossWeights { energy, force, stress, l2 }
}

pub fn check_length(name: &str, got: usize, expected: usize) -> PyResult<()> {
    if got == expected {
        return Ok(());
    }
    Err(to_py(Error::shape(name, format!("{expected} rows"), format!("{got} rows"))))
}

fn matrices(name: &str, array: &PyReadonlyArray3<'_, f64>) -> PyResult<Vec<Mat3>> {
    let array = array.as_array();
    if array.shape()[1..] != [3, 3] {
        return Err(to_py(Error::shape(name, "(n, 3, 3)", format!("{:?}", array.shape()))));
    }
    Ok(array.outer_iter().map(|m| [0, 1, 2].map(|a| [0, 1, 2].map(|b| m[[a, b]]))).collect())
}

/// The structures in concatenated arrays.
fn systems(
    offsets: &[usize],
    numbers: &PyReadonlyArray1<'_, u8>,
    positions: &PyReadonlyArray2<'_, f64>,
    cells: &PyReadonlyArray3<'_, f64>,
    pbc: &PyReadonlyArray2<'_, bool>,
) -> PyResult<Vec<System>> {
    let (numbers, pbc) = (numbers.as_array(), pbc.as_array());
    let positions = convert::rows3("positions", positions)?;
    let cells = matrices("cells", cells)?;
    let n_images = offsets.len().saturating_sub(1);
    let ascending = offsets.windows(2).all(|w| w[0] <= w[1]);
    if !ascending || offsets.first() != Some(&0) || offsets[n_images] != positions.len() {
        return Err(to_py(Error::shape(
            "offsets",
            format!("ascending numbers from 0 to {}", positions.len()),
            format!("{offsets:?}"),
        )));
    }
    check_length("numbers", numbers.len(), positions.len())?;
    check_length("cells", cells.len(), n_images)?;
    check_length("pbc", pbc.shape()[0], n_images)?;
    check_length("pbc columns", pbc.shape()[1], 3)?;
    (0..n_images)
        .map(|k| {
            let atoms = offsets[k]..offsets[k + 1];
            let periodic = [0, 1, 2].map(|axis| pbc[[k, axis]]);
            let numbers = atoms.clone().map(|i| numbers[i]).collect();
            Cell::new(cells[k], periodic)
                .and_then(|cell| System::new(cell, numbers, positions[atoms].to_vec()))
                .map_err(|error| to_py(Error::Structure(format!("image {k}: {error}"))))
        })
        .collect()
}

fn dictionary<'py>(py: Python<'py>, report: &LossReport) -> PyResult<Bound<'py, PyDict>> {
    let result = PyDict::new(py);
    result.set_item("loss", report.loss)?;
    result.set_item("energy_loss", report.energy)?;
    result.set_item("force_loss", report.force)?;
    result.set_item("stress_loss", report.stress)?;
    result.set_item("l2_loss", report.l2)?;
    result.set_item("energy_rmse_per_atom", report.energy_rmse_per_atom)?;
    result.set_item("force_rmse", report.force_rmse)?;
    result.set_item("stress_rmse", report.stress_rmse)?;
    Ok(result)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<TrainingSet>()
}
