//! Molecular dynamics: velocity Verlet with any [`Potential`], any [`Thermostat`] and, if wanted, a [`Barostat`].
//!
//! One step is `thermostat half step · half kick · drift · forces · half kick · thermostat half step`, a symmetric
//! product, hence time reversible and of second order. A barostat adds its own steps in the same symmetric way. Forces of the start are computed before the first step.
//! Nothing is allocated per step once the buffers have grown.

mod barostat;
mod guard;
mod integrator;
mod monitor;
mod observer;
mod snapshot;
mod state;
pub mod thermostat;
mod velocities;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub use barostat::{Barostat, BarostatSpec, Coupling};
pub use guard::{Guard, closest_pair};
pub use monitor::{AssessmentCount, Monitor, OnUncertain, UncertainFrame};
pub use observer::{Observer, Recorder, ThermoRow};
pub use snapshot::{ExtrapolationCount, Snapshot};
pub use state::State;
pub use velocities::{maxwell_boltzmann, remove_momentum};

use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::neighbors::VerletList;
use crate::potential::{Assesses, Assessment, Evaluation, Potential};
use crate::units::GIGAPASCAL;
use thermostat::{Half, Ramp, Thermostat, ThermostatSpec};

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

/// A molecular-dynamics run.
pub struct Dynamics {
    potential: Arc<dyn Potential>,
    settings: Settings,
    state: State,
    list: VerletList,
    evaluation: Evaluation,
    thermostat: Box<dyn Thermostat>,
    barostat: Option<Barostat>,
    ramp: Option<Ramp>,
    /// The cell of the start: its angles and volume.
    start_cell: Cell,
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
        let start_cell = state.system.cell.clone();
        let mut run = Self {
            potential,
            settings,
            state,
            list,
            evaluation: Evaluation::default(),
            thermostat: Box::new(thermostat::Nve),
            barostat: None,
            ramp: None,
            start_cell,
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

    /// Replace the thermostat; its variables start at rest, a ramp ends. The conserved quantity continues without a jump.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a number out of range, for rescaling atoms that do not move, or for random forces
    /// on atoms of which some degrees of freedom but the total momentum are frozen.
    pub fn set_thermostat(&mut self, spec: &ThermostatSpec) -> Result<()> {
        let rescales =
            matches!(spec, ThermostatSpec::Rescale { .. } | ThermostatSpec::StochasticRescale { .. });
        if rescales && self.state.kinetic_energy() == 0.0 {
            return Err(Error::InvalidParameter(
                "velocities are all zero and cannot be rescaled: draw Maxwell-Boltzmann velocities first"
                    .into(),
            ));
        }
        let n_dof = self.state.n_dof();
        let all = 3 * self.state.system.n_atoms();
        if matches!(spec, ThermostatSpec::Langevin { .. }) && n_dof != all && n_dof + 3 != all {
            return Err(Error::InvalidParameter(format!(
                "Langevin dynamics moves all {} or {all} degrees of freedom, N_dof is {n_dof}",
                all.saturating_sub(3)
            )));
        }
        let thermostat = spec.build(n_dof)?;
        self.ramp = None;
        self.exchanged += self.thermostat.energy() - thermostat.energy();
        self.thermostat = thermostat;
        self.keep_last_good();
        Ok(())
    }

    /// Let the target temperature of thermostat and barostat follow a program; `None` holds the present one. The heat that
    /// a change of the target costs is part of the conserved quantity.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a number out of range, or a thermostat without a target to be set.
    pub fn set_ramp(&mut self, ramp: Option<Ramp>) -> Result<()> {
        if let Some(target) = ramp.map(|ramp| ramp.at(self.state.step)).transpose()?
            && !self.set_target(target)
        {
            return Err(Error::InvalidParameter(
                "this thermostat has no target temperature that a program could change".into(),
            ));
        }
        self.ramp = ramp;
        self.keep_last_good();
        Ok(())
    }

    /// Replace the barostat, at rest, or take it away: the cell stays as it is then. The conserved quantity continues
    /// without a jump.
    ///
    /// # Errors
    /// As [`Barostat::new`].
    pub fn set_barostat(&mut self, spec: Option<&BarostatSpec>) -> Result<()> {
        let n_dof = self.state.n_dof();
        let barostat = spec.map(|spec| Barostat::new(spec, &self.start_cell, n_dof)).transpose()?;
        let before = self.barostat_energy();
        self.barostat = barostat;
        self.exchanged += before - self.barostat_energy();
        self.follow_ramp();
        self.keep_last_good();
        Ok(())
    }

    /// Energy of the barostat with the work `P V`, eV.
    fn barostat_energy(&self) -> f64 {
        self.barostat.as_ref().map_or(0.0, |barostat| barostat.energy(self.state.system.cell.volume()))
    }

    /// Sets the targets that the program has for the present step.
    fn follow_ramp(&mut self) {
        if let Some(Ok(target)) = self.ramp.map(|ramp| ramp.at(self.state.step)) {
            self.set_target(target);
        }
    }

    /// Another target for thermostat and barostat; `false` if the thermostat has none to be set.
    fn set_target(&mut self, temperature_k: f64) -> bool {
        let before = self.thermostat.energy() + self.barostat_energy();
        let follows = self.thermostat.set_target(temperature_k);
        if let Some(barostat) = self.barostat.as_mut().filter(|_| follows) {
            barostat.set_target(temperature_k);
        }
        self.exchanged += before - self.thermostat.energy() - self.barostat_energy();
        follows
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
        self.first_half().map_err(|error| self.failure(&error.to_string()))?;
        self.forces().map_err(|error| self.failure(&error.to_string()))?;
        self.second_half();
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

    /// Everything up to the new positions.
    fn first_half(&mut self) -> Result<()> {
        let timestep = self.settings.timestep_fs;
        let half = 0.5 * timestep;
        if let Some(barostat) = &mut self.barostat {
            barostat.thermalize(half);
        }
        self.thermostat.half_step(Half::First, timestep, &mut self.state);
        let moved = match &mut self.barostat {
            None => {
                integrator::kick(&mut self.state, &self.evaluation.forces, half);
                integrator::drift(&mut self.state, timestep);
                Ok(())
            }
            Some(barostat) => {
                barostat.push(&self.state, &self.evaluation.virial, half);
                barostat.kick(&mut self.state, &self.evaluation.forces, half);
                barostat.drift(&mut self.state, timestep)
            }
        };
        self.state.step += 1;
        moved
    }

    /// Everything after the new forces: the mirror image of the first half.
    fn second_half(&mut self) {
        let timestep = self.settings.timestep_fs;
        let half = 0.5 * timestep;
        match &mut self.barostat {
            None => integrator::kick(&mut self.state, &self.evaluation.forces, half),
            Some(barostat) => {
                barostat.kick(&mut self.state, &self.evaluation.forces, half);
                barostat.push(&self.state, &self.evaluation.virial, half);
            }
        }
        self.thermostat.half_step(Half::Second, timestep, &mut self.state);
        if let Some(barostat) = &mut self.barostat {
            barostat.thermalize(half);
        }
        self.follow_ramp();
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
                cell: *self.state.system.cell.vectors(),
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
        let scalars = guard.scalars(row, self.start_cell.volume(), &self.evaluation.forces);
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
        let cell = &self.state.system.cell;
        let virial = &self.evaluation.virial;
        let work = 2.0 * kinetic_energy + virial[0][0] + virial[1][1] + virial[2][2];
        let closed = cell.periodic() == [true; 3];
        ThermoRow {
            step: self.state.step,
            potential_energy: self.evaluation.energy,
            kinetic_energy,
            temperature_k: self.state.temperature_of(kinetic_energy),
            target_k: self.thermostat.target().unwrap_or(f64::NAN),
            volume: cell.volume(),
            lengths: cell.lengths(),
            pressure_gpa: if closed { work / (3.0 * cell.volume() * GIGAPASCAL) } else { f64::NAN },
            conserved: self.evaluation.energy
                + kinetic_energy
                + self.thermostat.energy()
                + self.barostat_energy()
                + self.exchanged,
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
}
