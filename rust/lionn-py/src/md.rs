//! Molecular dynamics: arrays in and out, runs in slices so that Ctrl-C is seen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lionn_core::linalg::Vec3;
use lionn_core::md::thermostat::{Ramp, ThermostatSpec};
use lionn_core::md::{
    BarostatSpec, Dynamics, Guard, Monitor, Observer, OnUncertain, Recorder, Settings, State, ThermoRow,
    UncertainFrame,
};
use lionn_core::potential::{AssessmentSummary, Potential, WatchedPotential};
use lionn_core::{Error, md};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::de::DeserializeOwned;

use crate::analytic::{Harmonic, LennardJones};
use crate::committee::Committee;
use crate::convert::{rows3, system, to_array3};
use crate::error::to_py;
use crate::md_snapshot::{from_dict, to_dict};
use crate::potential::{NeuralPotential, add_assessment};

/// Wall time between two looks at Ctrl-C.
const SLICE: Duration = Duration::from_millis(60);

/// The core potential inside a Python object.
fn core_potential(object: &Bound<'_, PyAny>) -> PyResult<Arc<dyn Potential>> {
    if let Ok(potential) = object.cast::<NeuralPotential>() {
        return Ok(potential.get().inner.clone());
    }
    if let Ok(committee) = object.cast::<Committee>() {
        return Ok(committee.get().inner.clone());
    }
    if let Ok(potential) = object.cast::<Watched>() {
        return Ok(potential.get().0.clone());
    }
    if let Ok(potential) = object.cast::<LennardJones>() {
        return Ok(potential.get().0.clone());
    }
    if let Ok(potential) = object.cast::<Harmonic>() {
        return Ok(potential.get().0.clone());
    }
    let name = object.get_type().name()?;
    Err(to_py(Error::InvalidParameter(format!("potential must be a compiled potential, got {name}"))))
}

/// A potential for :class:`MdRun` with a committee beside it, which only says how far to trust it.
///
/// Energy and forces are those of ``potential``, bit for bit; the spread is that of ``committee``.
#[pyclass(frozen, module = "lionn_rs._core")]
pub struct Watched(Arc<WatchedPotential>);

#[pymethods]
impl Watched {
    #[new]
    fn new(potential: &Bound<'_, PyAny>, committee: PyRef<'_, Committee>) -> PyResult<Self> {
        let potential = core_potential(potential)?;
        Ok(Self(Arc::new(WatchedPotential::new(potential, committee.inner.clone()))))
    }
}

/// A molecular-dynamics run whose loop is in Rust.
///
/// Positions are unwrapped, Å; velocities Å/fs; energies eV. Records are kept until :meth:`drain` takes them.
#[pyclass(module = "lionn_rs._core")]
pub struct MdRun {
    dynamics: Dynamics,
    recorder: Recorder,
    pool: Option<ThreadPool>,
}

#[pymethods]
impl MdRun {
    #[new]
    #[pyo3(signature = (potential, *, cell, pbc, numbers, positions, velocities, masses, timestep_fs, skin,
        n_dof=None, min_distance=0.5, max_temperature_K=1e5, max_excess=f64::INFINITY, max_volume_factor=2.0,
        check_stride=10, stride_thermo=1, stride_frames=0, record_velocities=false, n_threads=None))]
    #[allow(clippy::too_many_arguments, non_snake_case)]
    fn new(
        py: Python<'_>,
        potential: &Bound<'_, PyAny>,
        cell: PyReadonlyArray2<'_, f64>,
        pbc: [bool; 3],
        numbers: PyReadonlyArray1<'_, u8>,
        positions: PyReadonlyArray2<'_, f64>,
        velocities: PyReadonlyArray2<'_, f64>,
        masses: PyReadonlyArray1<'_, f64>,
        timestep_fs: f64,
        skin: f64,
        n_dof: Option<usize>,
        min_distance: f64,
        max_temperature_K: f64,
        max_excess: f64,
        max_volume_factor: f64,
        check_stride: u64,
        stride_thermo: u64,
        stride_frames: u64,
        record_velocities: bool,
        n_threads: Option<usize>,
    ) -> PyResult<Self> {
        let potential = core_potential(potential)?;
        let system = system(&cell, pbc, &numbers, &positions)?;
        let velocities = rows3("velocities", &velocities)?;
        let masses = masses.as_array().to_vec();
        let guard = Guard {
            min_distance,
            max_temperature_k: max_temperature_K,
            max_excess,
            max_volume_factor,
            stride: check_stride,
        };
        let settings = Settings { timestep_fs, skin, guard };
        let pool = n_threads.map(thread_pool).transpose()?;
        let dynamics = py
            .detach(|| {
                let state = State::new(system, velocities, masses, n_dof)?;
                install(&pool, || Dynamics::new(potential, state, settings))
            })
            .map_err(to_py)?;
        Ok(Self { dynamics, recorder: Recorder::new(stride_thermo, stride_frames, record_velocities), pool })
    }

    /// Replace the thermostat by the one that ``spec`` describes, at rest; the conserved quantity continues. Its target
    /// follows ``ramp``, if there is one.
    #[pyo3(signature = (spec, ramp=None))]
    fn set_thermostat(&mut self, spec: &Bound<'_, PyAny>, ramp: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let spec: ThermostatSpec = from_words("thermostat", spec)?;
        let ramp: Option<Ramp> = ramp.map(|ramp| from_words("ramp", ramp)).transpose()?;
        self.dynamics.set_thermostat(&spec).map_err(to_py)?;
        self.dynamics.set_ramp(ramp).map_err(to_py)
    }

    /// Replace the barostat by the one that ``spec`` describes, at rest; ``None`` keeps the cell as it is from now on.
    fn set_barostat(&mut self, spec: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let spec: Option<BarostatSpec> = spec.map(|spec| from_words("barostat", spec)).transpose()?;
        self.dynamics.set_barostat(spec.as_ref()).map_err(to_py)
    }

    /// Watch the reliability of the potential: ``action`` is "report", "stop" or "dump".
    #[pyo3(signature = (*, stride, max_force_std, max_grade, action, spacing, n_frames))]
    #[allow(clippy::too_many_arguments)]
    fn set_monitor(
        &mut self,
        py: Python<'_>,
        stride: u64,
        max_force_std: f64,
        max_grade: f64,
        action: &str,
        spacing: u64,
        n_frames: u64,
    ) -> PyResult<()> {
        let action = match action {
            "report" => OnUncertain::Report,
            "stop" => OnUncertain::Stop,
            "dump" => OnUncertain::Dump { spacing, n_frames },
            other => {
                return Err(to_py(Error::InvalidParameter(format!(
                    "unknown action '{other}', expected report, stop or dump"
                ))));
            }
        };
        let monitor = Monitor { stride, max_force_std, max_grade, action };
        let Self { dynamics, pool, .. } = self;
        py.detach(|| install(pool, || dynamics.set_monitor(monitor))).map_err(to_py)
    }

    /// Use another number of threads from now on; the result keeps its bits.
    fn set_n_threads(&mut self, n_threads: usize) -> PyResult<()> {
        if self.pool.as_ref().is_none_or(|pool| pool.current_num_threads() != n_threads) {
            self.pool = Some(thread_pool(n_threads)?);
        }
        Ok(())
    }

    /// Record the present state, if its step is due.
    fn observe(&mut self) {
        self.dynamics.observe(&mut self.recorder);
    }

    /// Make ``n_steps`` steps, or fewer if ``time_limit_s`` passes; returns the number made.
    ///
    /// The GIL is released. Ctrl-C raises KeyboardInterrupt between two steps and the state stays consistent.
    #[pyo3(signature = (n_steps, time_limit_s=None))]
    fn run(&mut self, py: Python<'_>, n_steps: u64, time_limit_s: Option<f64>) -> PyResult<u64> {
        let start = Instant::now();
        let limit = time_limit_s.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        let Self { dynamics, recorder, pool } = self;
        recorder.prepare(dynamics.state(), n_steps);
        let mut done = 0;
        while done < n_steps {
            let slice = match limit {
                Some(limit) => SLICE.min(limit.saturating_sub(start.elapsed())),
                None => SLICE,
            };
            if slice.is_zero() {
                break;
            }
            done += py
                .detach(|| install(pool, || dynamics.run(n_steps - done, Some(slice), recorder)))
                .map_err(to_py)?;
            py.check_signals()?;
            if dynamics.stop_reason().is_some() {
                break;
            }
        }
        Ok(done)
    }

    /// Take what was recorded: columns of the thermo table and frames.
    fn drain<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let records = PyDict::new(py);
        let rows = &self.recorder.thermo;
        let column = |value: fn(&ThermoRow) -> f64| PyArray1::from_iter(py, rows.iter().map(value));
        records.set_item("step", PyArray1::from_iter(py, rows.iter().map(|row| row.step)))?;
        records.set_item("potential_energy", column(|row| row.potential_energy))?;
        records.set_item("kinetic_energy", column(|row| row.kinetic_energy))?;
        records.set_item("temperature_K", column(|row| row.temperature_k))?;
        records.set_item("target_K", column(|row| row.target_k))?;
        records.set_item("conserved", column(|row| row.conserved))?;
        records.set_item("volume", column(|row| row.volume))?;
        records.set_item("pressure_GPa", column(|row| row.pressure_gpa))?;
        records.set_item("a", column(|row| row.lengths[0]))?;
        records.set_item("b", column(|row| row.lengths[1]))?;
        records.set_item("c", column(|row| row.lengths[2]))?;
        records.set_item(
            "n_extrapolating",
            PyArray1::from_iter(py, rows.iter().map(|row| row.n_extrapolating as u64)),
        )?;
        records.set_item("worst_excess", column(|row| row.worst_excess))?;
        let assesses = self.dynamics.assesses();
        let assessed = |value: fn(&AssessmentSummary) -> Option<f64>| {
            let values = rows.iter().map(|row| row.assessment.as_ref().and_then(value).unwrap_or(f64::NAN));
            PyArray1::from_iter(py, values)
        };
        if assesses.spread {
            records.set_item("energy_std", assessed(|a| a.spread.map(|s| s.energy)))?;
            records.set_item("mean_force_std", assessed(|a| a.spread.map(|s| s.mean_force)))?;
            records.set_item("max_force_std", assessed(|a| a.spread.map(|s| s.max_force)))?;
        }
        if assesses.grade {
            records.set_item("mean_grade", assessed(|a| a.grade.map(|g| g.mean)))?;
            records.set_item("max_grade", assessed(|a| a.grade.map(|g| g.max)))?;
        }
        let n_frames = self.recorder.frame_steps.len();
        let n_atoms = self.dynamics.state().system.n_atoms();
        let frames = |values: &[Vec3]| {
            let count = if values.is_empty() { 0 } else { n_frames };
            values.as_flattened().to_vec().into_pyarray(py).call_method1("reshape", ((count, n_atoms, 3),))
        };
        records.set_item("frame_step", PyArray1::from_slice(py, &self.recorder.frame_steps))?;
        records.set_item("positions", frames(&self.recorder.positions)?)?;
        records.set_item("velocities", frames(&self.recorder.velocities)?)?;
        let cells = self.recorder.cells.as_flattened().as_flattened().to_vec().into_pyarray(py);
        records.set_item("cells", cells.call_method1("reshape", ((n_frames, 3, 3),))?)?;
        self.recorder.clear();
        Ok(records)
    }

    /// Take the frames that the monitor kept: dicts with step, energy, positions, forces and what is known per atom.
    fn take_uncertain_frames<'py>(&mut self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let to_dict = |frame: UncertainFrame| {
            let dict = PyDict::new(py);
            dict.set_item("step", frame.step)?;
            dict.set_item("energy", frame.energy)?;
            dict.set_item("cell", to_array3(py, &frame.cell)?)?;
            dict.set_item("positions", to_array3(py, &frame.positions)?)?;
            dict.set_item("forces", to_array3(py, &frame.forces)?)?;
            add_assessment(&dict, frame.assessment)?;
            Ok(dict)
        };
        self.dynamics.take_uncertain_frames().into_iter().map(to_dict).collect()
    }

    /// Why the monitor ended the last call of ``run``; another call goes on.
    #[getter]
    fn stop_reason(&self) -> Option<&str> {
        self.dynamics.stop_reason()
    }

    /// What the potential can say about its reliability: force spread, extrapolation grade.
    #[getter]
    fn assesses(&self) -> (bool, bool) {
        let assesses = self.dynamics.assesses();
        (assesses.spread, assesses.grade)
    }

    /// What the assessments gave so far.
    #[getter]
    fn assessments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let count = self.dynamics.assessments();
        let dict = PyDict::new(py);
        dict.set_item("n_assessed", count.n_assessed)?;
        dict.set_item("n_uncertain", count.n_uncertain)?;
        let assesses = self.dynamics.assesses();
        if assesses.spread {
            dict.set_item("max_force_std", count.max_force_std)?;
            dict.set_item("max_force_std_step", count.max_force_std_step)?;
            let mean = count.sum_mean_force_std / count.n_assessed.max(1) as f64;
            dict.set_item("mean_force_std", mean)?;
        }
        if assesses.grade {
            dict.set_item("max_grade", count.max_grade)?;
            dict.set_item("max_grade_step", count.max_grade_step)?;
        }
        dict.set_item("n_dumped", count.n_dumped)?;
        Ok(dict)
    }

    /// Everything needed to continue with the same bits, as a dict of arrays.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        to_dict(py, &self.dynamics.snapshot())
    }

    /// The last state that passed all checks, as a dict of arrays.
    fn last_good<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        to_dict(py, self.dynamics.last_good())
    }

    /// Continue from a snapshot taken with the same potential, structure, settings and thermostat.
    fn restore(&mut self, py: Python<'_>, snapshot: &Bound<'_, PyDict>) -> PyResult<()> {
        let snapshot = from_dict(snapshot, self.dynamics.state().system.cell.vectors())?;
        let Self { dynamics, pool, .. } = self;
        py.detach(|| install(pool, || dynamics.restore(&snapshot))).map_err(to_py)
    }

    /// Steps made since the start.
    #[getter]
    fn step(&self) -> u64 {
        self.dynamics.state().step
    }

    /// Unwrapped positions, (n_atoms, 3), Å.
    #[getter]
    fn positions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        to_array3(py, &self.dynamics.state().system.positions)
    }

    /// Lattice vectors as rows, (3, 3), Å.
    #[getter]
    fn cell<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        to_array3(py, self.dynamics.state().system.cell.vectors())
    }

    /// Virial, (3, 3), eV.
    #[getter]
    fn virial<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        to_array3(py, &self.dynamics.evaluation().virial)
    }

    /// Velocities, (n_atoms, 3), Å/fs.
    #[getter]
    fn velocities<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        to_array3(py, &self.dynamics.state().velocities)
    }

    /// Forces, (n_atoms, 3), eV/Å.
    #[getter]
    fn forces<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        to_array3(py, &self.dynamics.evaluation().forces)
    }

    /// Potential energy, eV.
    #[getter]
    fn potential_energy(&self) -> f64 {
        self.dynamics.evaluation().energy
    }

    /// Instantaneous temperature, K.
    #[getter]
    #[allow(non_snake_case)]
    fn temperature_K(&self) -> f64 {
        self.dynamics.state().temperature()
    }

    /// Conserved quantity, eV.
    #[getter]
    fn conserved(&self) -> f64 {
        self.dynamics.row().conserved
    }

    /// Degrees of freedom that carry kinetic energy.
    #[getter]
    fn n_dof(&self) -> usize {
        self.dynamics.state().n_dof()
    }

    /// Rebuilds of the neighbor list by this object.
    #[getter]
    fn n_rebuilds(&self) -> usize {
        self.dynamics.n_rebuilds()
    }

    /// How often environments left the training range so far.
    #[getter]
    fn extrapolation<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let count = self.dynamics.extrapolation();
        let dict = PyDict::new(py);
        dict.set_item("n_steps", count.n_steps)?;
        dict.set_item("n_environments", count.n_environments)?;
        dict.set_item("worst_excess", count.worst)?;
        dict.set_item("worst_step", count.worst_step)?;
        Ok(dict)
    }
}

/// Maxwell-Boltzmann velocities (n_atoms, 3), Å/fs, with zero total momentum.
///
/// Parameters
/// ----------
/// masses : (n_atoms,) float64, u
/// temperature_K : float
/// seed : int
/// exact : bool
///     Scale to exactly this temperature of the 3N - 3 degrees of freedom, instead of letting it fluctuate.
#[pyfunction]
#[pyo3(signature = (masses, temperature_K, *, seed, exact=true))]
#[allow(non_snake_case)]
fn maxwell_boltzmann<'py>(
    py: Python<'py>,
    masses: PyReadonlyArray1<'py, f64>,
    temperature_K: f64,
    seed: u64,
    exact: bool,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let masses = masses.as_array().to_vec();
    let velocities = md::maxwell_boltzmann(&masses, temperature_K, seed, exact).map_err(to_py)?;
    to_array3(py, &velocities)
}

/// Add the classes and functions of this file to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Watched>()?;
    module.add_class::<MdRun>()?;
    module.add_function(wrap_pyfunction!(maxwell_boltzmann, module)?)
}

/// What a dict says, as the type of the core that it describes.
fn from_words<T: DeserializeOwned>(what: &str, words: &Bound<'_, PyAny>) -> PyResult<T> {
    pythonize::depythonize(words).map_err(|error| to_py(Error::InvalidParameter(format!("{what}: {error}"))))
}

fn thread_pool(n_threads: usize) -> PyResult<ThreadPool> {
    if n_threads == 0 {
        return Err(to_py(Error::InvalidParameter("n_threads must be at least 1, got 0".into())));
    }
    ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .build()
        .map_err(|error| to_py(Error::Simulation(format!("cannot start {n_threads} threads: {error}"))))
}

/// Run in the pool, or in the global one.
fn install<R: Send>(pool: &Option<ThreadPool>, work: impl FnOnce() -> R + Send) -> R {
    match pool {
        Some(pool) => pool.install(work),
        None => work(),
    }
}
