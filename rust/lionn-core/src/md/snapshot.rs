//! The state of a run, complete, and how to go back to it.

use super::{AssessmentCount, Dynamics};
use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::linalg::{Mat3, Vec3};

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
    /// Lattice vectors, Å.
    pub cell: Mat3,
    /// Lattice vectors with which the neighbor list was last built, Å.
    pub list_cell: Mat3,
    /// Internal variables of the thermostat.
    pub thermostat: Vec<f64>,
    /// Internal variables of the barostat.
    pub barostat: Vec<f64>,
    /// Energy exchanged with earlier thermostats, eV.
    pub exchanged: f64,
    /// Extrapolation so far.
    pub extrapolation: ExtrapolationCount,
    /// Assessments so far.
    pub assessments: AssessmentCount,
}

impl Dynamics {
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
        match &mut self.barostat {
            Some(barostat) => barostat.load(&snapshot.barostat)?,
            None if snapshot.barostat.is_empty() => (),
            None => {
                let got = format!("({},)", snapshot.barostat.len());
                return Err(Error::shape("barostat variables", "(0,)".to_string(), got));
            }
        }
        let periodic = self.state.system.cell.periodic();
        self.state.step = snapshot.step;
        self.state.velocities.clone_from(&snapshot.velocities);
        self.state.system.positions.clone_from(&snapshot.list_positions);
        self.state.system.cell = Cell::new(snapshot.list_cell, periodic)?;
        self.list.rebuild(&self.state.system)?;
        self.state.system.positions.clone_from(&snapshot.positions);
        self.state.system.cell = Cell::new(snapshot.cell, periodic)?;
        self.thermostat.variables_mut().copy_from_slice(&snapshot.thermostat);
        self.follow_ramp();
        self.exchanged = snapshot.exchanged;
        self.extrapolation = snapshot.extrapolation;
        self.assessments = snapshot.assessments;
        self.uncertain_frames.clear();
        self.forces()?;
        self.keep_last_good();
        self.failed = false;
        self.check(&self.row(), true)
    }

    pub(super) fn keep_last_good(&mut self) {
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
        out.cell = *self.state.system.cell.vectors();
        out.list_cell = *self.list.reference_cell().vectors();
        out.barostat.clear();
        if let Some(barostat) = &self.barostat {
            barostat.save(&mut out.barostat);
        }
        out.thermostat.clear();
        out.thermostat.extend_from_slice(self.thermostat.variables());
        out.exchanged = self.exchanged;
        out.extrapolation = self.extrapolation;
        out.assessments = self.assessments;
    }
}
