//! Molecular dynamics: velocity Verlet with any [`Potential`] and any [`Thermostat`].
//!
//! One step is `thermostat half step · half kick · drift · forces · half kick · thermostat half step`, a symmetric
//! product, hence time reversible and of second order. Forces of the start are computed before the first step.
//! Nothing is allocated per step once the buffers have grown.

mod guard;
mod integrator;
mod monitor;
mod observer;
mod state;
pub mod thermostat;
mod velocities;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub use guard::{Guard, closest_pair};
pub use monitor::{AssessmentCount, Monitor, OnUncertain, UncertainFrame};
pub use observer::{Observer, Recorder, ThermoRow};
pub use state::State;
pub use velocities::{maxwell_boltzmann, remove_momentum};

use crate::error::{Error, Result};
use crate::linalg::Vec3;
use crate::neighbors::VerletList;
use crate::potential::{Assesses, Assessment, Evaluation, Potential};
use thermostat::{Half, Thermostat, ThermostatSpec};

/// Numerical settings of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Time step, fs.
    pub timestep_fs: f64,
    /// Skin of the neighbor list, Å.
    pub skin: f64,
    /// When to stop.
    pub guard: Guard,
}

impl Settings {
    /// # Errors
    /// [`Error::InvalidParameter`] for a number out of range.
    fn validate(&self) -> Result<()> {
        if !(self.timestep_fs.is_finite() && self.timestep_fs > 0.0) {
            return Err(Error::InvalidParameter(format!(
                "timestep must be positive, got {} fs",
                self.timestep_fs
            )));
        }
        self.guard.validate()
    }
}

/// How often environments left the training range, over all force calls after the first.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ExtrapolationCount {
    /// Steps with at least one such environment.
    pub n_steps: u64,
    /// Environments, summed over steps.
    pub n_environments: u64,
    /// Largest excess, in units of the width of the range.
    pub worst: f64,
    /// Step at which it was seen.
    pub worst_step: u64,
}

/// Everything needed to continue a run with the same bits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// Steps made.
    pub step: u64,
    /// Unwrapped positions, Å.
    pub positions: Vec<Vec3>,
    /// Velocities, Å/fs.
    pub velocities: Vec<Vec3>,
    /// Positions at which the neighbor list was last built, Å; they fix the order of summation.
    pub list_positions: Vec<Vec3>,
    /// Internal variables of the thermostat.
    pub thermostat: Vec<f64>,
    /// Energy exchanged with earlier thermostats, eV.
    pub exchanged: f64,
    /// Extrapolation so far.
    pub extrapolation: ExtrapolationCount,
    /// Assessments so far.
    pub assessments: AssessmentCount,
}

/// A molecular-dynamics run.
pub struct Dynamics {
    potential: Arc<dyn Potential>,
    settings: Settings,
    state: State,
    list: VerletList,
    evaluation: Evaluation,
    thermostat: Box<dyn Thermostat>,
    exchanged: f64,
    extrapolation: ExtrapolationCount,
    monitor: Option<Monitor>,
    assessment: Assessment,
    assessments: AssessmentCount,
    uncertain_frames: Vec<UncertainFrame>,
    stop_reason: Option<String>,
    last_good: Snapshot,
    failed: bool,
}

impl Dynamics {
    /// A run at constant energy; the forces of the start are computed here.
    ///
    /// # Errors
    /// Whatever the potential and the neighbor list report; [`Error::InvalidParameter`] for bad settings;
    /// [`Error::Simulation`] if the start already violates the guard.
    pub fn new(potential: Arc<dyn Potential>, state: State, settings: Settings) -> Result<Self> {
        settings.validate()?;
        potential.check(&state.system)?;
        let list = VerletList::new(&state.system, potential.cutoff(), settings.skin)?;
        let mut run = Self {
            potential,
            settings,
            state,
            list,
            evaluation: Evaluation::default(),
            thermostat: Box::new(thermostat::Nve),
            exchanged: 0.0,
            extrapolation: ExtrapolationCount::default(),
            monitor: None,
            assessment: Assessment::default(),
            assessments: AssessmentCount::default(),
            uncertain_frames: Vec::new(),
            stop_reason: None,
            last_good: Snapshot::default(),
            failed: false,
        };
        run.potential.evaluate(&run.state.system, run.list.list(), &mut run.evaluation)?;
        run.keep_last_good();
        run.check(&run.row(), true)?;
        Ok(run)
    }

    /// Replace the thermostat; its variables start at rest. The conserved quantity continues without a jump.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a number out of range, or for rescaling atoms that do not move.
    pub fn set_thermostat(&mut self, spec: &ThermostatSpec) -> Result<()> {
        if matches!(spec, ThermostatSpec::Rescale { .. }) && self.state.kinetic_energy() == 0.0 {
            return Err(Error::InvalidParameter(
                "velocities are all zero and cannot be rescaled: draw Maxwell-Boltzmann velocities first"
                    .into(),
            ));
        }
        let thermostat = spec.build(self.state.n_dof())?;
        self.exchanged += self.thermostat.energy() - thermostat.energy();
        self.thermostat = thermostat;
        self.keep_last_good();
        Ok(())
    }

    /// Watch the reliability of the potential from now on, beginning with the present state; without effect for a
    /// potential that knows nothing about it. The trajectory keeps its bits.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for settings out of range, or a limit on what the potential does not know.
    pub fn set_monitor(&mut self, monitor: Monitor) -> Result<()> {
        monitor.validate()?;
        let assesses = self.potential.assesses();
        if monitor.max_force_std.is_finite() && !assesses.spread {
            return Err(Error::InvalidParameter(
                "a limit on the force spread needs a committee of at least two members".into(),
            ));
        }
        if monitor.max_grade.is_finite() && !assesses.grade {
            return Err(Error::InvalidParameter(
                "a limit on the extrapolation grade needs a potential with a training range".into(),
            ));
        }
        self.monitor = (assesses != Assesses::default()).then_some(monitor);
        self.forces()
    }

    /// Make up to `n_steps` steps, fewer if `time_limit` of wall time passes or the monitor stops the run
    /// ([`Dynamics::stop_reason`]); returns the number made. How a run is cut into calls does not change its bits.
    ///
    /// # Errors
    /// [`Error::Simulation`] if the guard stops the run; [`Dynamics::restore`] of [`Dynamics::last_good`] goes back
    /// to the last state that passed all checks.
    pub fn run(
        &mut self,
        n_steps: u64,
        time_limit: Option<Duration>,
        observer: &mut dyn Observer,
    ) -> Result<u64> {
        if self.failed {
            return Err(Error::Simulation(format!(
                "the run failed at step {}: restore a good state before continuing",
                self.state.step
            )));
        }
        observer.prepare(&self.state, n_steps);
        self.stop_reason = None;
        let start = Instant::now();
        for done in 0..n_steps {
            if time_limit.is_some_and(|limit| start.elapsed() >= limit) {
                return Ok(done);
            }
            if let Err(error) = self.step(observer) {
                self.failed = true;
                return Err(error);
            }
            if self.stop_reason.is_some() {
                return Ok(done + 1);
            }
        }
        Ok(n_steps)
    }

    /// Show the present state to an observer: the start of a run, before any step.
    pub fn observe(&self, observer: &mut dyn Observer) {
        observer.observe(&self.state, &self.row());
    }

    fn step(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let timestep = self.settings.timestep_fs;
        self.thermostat.half_step(Half::First, timestep, &mut self.state);
        integrator::kick(&mut self.state, &self.evaluation.forces, 0.5 * timestep);
        integrator::drift(&mut self.state, timestep);
        self.state.step += 1;
        self.forces().map_err(|error| self.failure(&error.to_string()))?;
        integrator::kick(&mut self.state, &self.evaluation.forces, 0.5 * timestep);
        self.thermostat.half_step(Half::Second, timestep, &mut self.state);
        let row = self.row();
        let full = self.state.step.is_multiple_of(self.settings.guard.stride);
        self.check(&row, full)?;
        self.count(&row);
        if full {
            self.keep_last_good();
        }
        self.watch(&row);
        observer.observe(&self.state, &row);
        Ok(())
    }

    fn forces(&mut self) -> Result<()> {
        self.list.update(&self.state.system)?;
        let (system, list) = (&self.state.system, self.list.list());
        self.assessment.clear();
        match self.monitor {
            Some(monitor) if self.state.step.is_multiple_of(monitor.stride) => {
                self.potential.evaluate_and_assess(system, list, &mut self.evaluation, &mut self.assessment)
            }
            _ => self.potential.evaluate(system, list, &mut self.evaluation),
        }
    }

    /// Counts an assessment and does what the monitor asks for beyond its limits.
    fn watch(&mut self, row: &ThermoRow) {
        let (Some(monitor), Some(summary)) = (self.monitor, row.assessment) else {
            return;
        };
        self.assessments.add(row.step, &summary);
        let Some(reason) = monitor.exceeded(&summary) else {
            return;
        };
        self.assessments.n_uncertain += 1;
        if self.assessments.keeps(row.step, monitor.action) {
            self.uncertain_frames.push(UncertainFrame {
                step: row.step,
                energy: row.potential_energy,
                positions: self.state.system.positions.clone(),
                forces: self.evaluation.forces.clone(),
                assessment: self.assessment.clone(),
            });
        }
        if monitor.action == OnUncertain::Stop {
            self.stop_reason = Some(format!("step {}: {reason}", row.step));
        }
    }

    fn check(&self, row: &ThermoRow, full: bool) -> Result<()> {
        let guard = &self.settings.guard;
        let scalars = guard.scalars(row, &self.evaluation.forces);
        if !full && scalars.is_none() {
            return Ok(());
        }
        // Atoms that are too close are the cause to name when anything else looks wrong as well.
        match (scalars, guard.distances(&self.state.system, self.list.list())) {
            (None, None) => Ok(()),
            (Some(what), None) => Err(self.failure(&what)),
            (None, Some(why)) => {
                Err(self.failure(&format!("temperature {:.4e} K, {why}", row.temperature_k)))
            }
            (Some(what), Some(why)) => Err(self.failure(&format!("{what}, {why}"))),
        }
    }

    fn failure(&self, reason: &str) -> Error {
        let last = self.last_good.step;
        Error::Simulation(format!("step {}: {reason}; last good state is step {last}", self.state.step))
    }

    fn count(&mut self, row: &ThermoRow) {
        if row.n_extrapolating > 0 {
            self.extrapolation.n_steps += 1;
            self.extrapolation.n_environments += row.n_extrapolating as u64;
        }
        if row.worst_excess > self.extrapolation.worst {
            self.extrapolation.worst = row.worst_excess;
            self.extrapolation.worst_step = row.step;
        }
    }

    /// The quantities of the present state.
    pub fn row(&self) -> ThermoRow {
        let kinetic_energy = self.state.kinetic_energy();
        ThermoRow {
            step: self.state.step,
            potential_energy: self.evaluation.energy,
            kinetic_energy,
            temperature_k: self.state.temperature_of(kinetic_energy),
            target_k: self.thermostat.target().unwrap_or(f64::NAN),
            conserved: self.evaluation.energy + kinetic_energy + self.thermostat.energy() + self.exchanged,
            n_extrapolating: self.evaluation.extrapolation.n_atoms,
            worst_excess: self.evaluation.extrapolation.worst,
            assessment: (!self.assessment.excess.is_empty()).then(|| self.assessment.summary()),
        }
    }

    /// The present state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Energy, forces and virial of the present state.
    pub fn evaluation(&self) -> &Evaluation {
        &self.evaluation
    }

    /// How often environments left the training range so far.
    pub fn extrapolation(&self) -> ExtrapolationCount {
        self.extrapolation
    }

    /// What the assessments gave so far.
    pub fn assessments(&self) -> AssessmentCount {
        self.assessments
    }

    /// What the potential can say about its reliability.
    pub fn assesses(&self) -> Assesses {
        self.potential.assesses()
    }

    /// Why the monitor ended the last call of [`Dynamics::run`], if it did. Another call goes on.
    pub fn stop_reason(&self) -> Option<&str> {
        self.stop_reason.as_deref()
    }

    /// Takes the frames that the monitor kept since the last call.
    pub fn take_uncertain_frames(&mut self) -> Vec<UncertainFrame> {
        std::mem::take(&mut self.uncertain_frames)
    }

    /// How often the neighbor list was rebuilt by this object.
    pub fn n_rebuilds(&self) -> usize {
        self.list.n_rebuilds()
    }

    /// The present state, complete.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        self.write_snapshot(&mut snapshot);
        snapshot
    }

    /// The last state that passed all checks, distances included.
    pub fn last_good(&self) -> &Snapshot {
        &self.last_good
    }

    /// Continue from `snapshot`, taken with the same potential, structure, settings and thermostat.
    ///
    /// # Errors
    /// [`Error::Shape`] if it belongs to another structure or thermostat; whatever the potential reports.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<()> {
        let n = self.state.system.n_atoms();
        for (what, array) in [
            ("positions", &snapshot.positions),
            ("velocities", &snapshot.velocities),
            ("list_positions", &snapshot.list_positions),
        ] {
            if array.len() != n {
                return Err(Error::shape(what, format!("({n}, 3)"), format!("({}, 3)", array.len())));
            }
        }
        let n_variables = self.thermostat.variables().len();
        if snapshot.thermostat.len() != n_variables {
            let got = format!("({},)", snapshot.thermostat.len());
            return Err(Error::shape("thermostat variables", format!("({n_variables},)"), got));
        }
        self.state.step = snapshot.step;
        self.state.velocities.clone_from(&snapshot.velocities);
        self.state.system.positions.clone_from(&snapshot.list_positions);
        self.list.rebuild(&self.state.system)?;
        self.state.system.positions.clone_from(&snapshot.positions);
        self.thermostat.variables_mut().copy_from_slice(&snapshot.thermostat);
        self.exchanged = snapshot.exchanged;
        self.extrapolation = snapshot.extrapolation;
        self.assessments = snapshot.assessments;
        self.uncertain_frames.clear();
        self.forces()?;
        self.keep_last_good();
        self.failed = false;
        self.check(&self.row(), true)
    }

    fn keep_last_good(&mut self) {
        let mut snapshot = std::mem::take(&mut self.last_good);
        self.write_snapshot(&mut snapshot);
        self.last_good = snapshot;
    }

    fn write_snapshot(&self, out: &mut Snapshot) {
        out.step = self.state.step;
        out.positions.clone_from(&self.state.system.positions);
        out.velocities.clone_from(&self.state.velocities);
        out.list_positions.clear();
        out.list_positions.extend_from_slice(self.list.reference());
        out.thermostat.clear();
        out.thermostat.extend_from_slice(self.thermostat.variables());
        out.exchanged = self.exchanged;
        out.extrapolation = self.extrapolation;
        out.assessments = self.assessments;
    }
}
