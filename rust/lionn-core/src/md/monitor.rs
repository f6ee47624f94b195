//! Watching the reliability of the potential along a run.

use crate::error::{Error, Result};
use crate::linalg::{Mat3, Vec3};
use crate::potential::{Assessment, AssessmentSummary};

/// What to do where the potential is uncertain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUncertain {
    /// Count it.
    #[default]
    Report,
    /// End the run after the step, in a state that can be continued.
    Stop,
    /// Keep the frame, at most `n_frames` of them, `spacing` steps apart.
    Dump {
        /// Steps from one kept frame to the next, at least.
        spacing: u64,
        /// Frames of a run, at most.
        n_frames: u64,
    },
}

/// How often the potential is asked about its reliability, and what is too much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Monitor {
    /// Steps between two assessments.
    pub stride: u64,
    /// Largest force spread of an atom, eV/Å; no limit if infinite.
    pub max_force_std: f64,
    /// Largest extrapolation grade of an atom; no limit if infinite.
    pub max_grade: f64,
    /// What happens beyond a limit.
    pub action: OnUncertain,
}

impl Default for Monitor {
    /// Every 10 steps, no limits.
    fn default() -> Self {
        Self {
            stride: 10,
            max_force_std: f64::INFINITY,
            max_grade: f64::INFINITY,
            action: OnUncertain::Report,
        }
    }
}

impl Monitor {
    /// # Errors
    /// [`Error::InvalidParameter`] for a limit that is negative or NaN, or a stride of zero.
    pub fn validate(&self) -> Result<()> {
        let limits = [self.max_force_std, self.max_grade];
        if limits.iter().any(|x| x.is_nan() || *x < 0.0) || self.stride == 0 {
            return Err(Error::InvalidParameter(format!(
                "limits of the monitor must not be negative and the stride not 0: {self:?}"
            )));
        }
        Ok(())
    }

    /// What is beyond a limit, if anything is. A number that is not finite always is.
    pub(super) fn exceeded(&self, summary: &AssessmentSummary) -> Option<String> {
        let beyond = |value: f64, limit: f64| value.is_nan() || value > limit;
        if let Some(spread) = summary.spread.filter(|s| beyond(s.max_force, self.max_force_std)) {
            return Some(format!(
                "force spread of atom {} is {:.3} eV/Å (limit {} eV/Å)",
                spread.atom, spread.max_force, self.max_force_std
            ));
        }
        let grade = summary.grade.filter(|g| beyond(g.max, self.max_grade))?;
        Some(format!(
            "extrapolation grade of atom {} is {:.2} (limit {})",
            grade.atom, grade.max, self.max_grade
        ))
    }
}

/// What the assessments of a run gave.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AssessmentCount {
    /// Assessments.
    pub n_assessed: u64,
    /// Assessments beyond a limit.
    pub n_uncertain: u64,
    /// Largest force spread of an atom, eV/Å.
    pub max_force_std: f64,
    /// Step at which it was seen.
    pub max_force_std_step: u64,
    /// Sum over assessments of the mean force spread, eV/Å.
    pub sum_mean_force_std: f64,
    /// Largest extrapolation grade of an atom.
    pub max_grade: f64,
    /// Step at which it was seen.
    pub max_grade_step: u64,
    /// Frames kept.
    pub n_dumped: u64,
    /// Step of the last of them.
    pub last_dump_step: u64,
}

impl AssessmentCount {
    pub(super) fn add(&mut self, step: u64, summary: &AssessmentSummary) {
        self.n_assessed += 1;
        if let Some(spread) = summary.spread {
            self.sum_mean_force_std += spread.mean_force;
            if spread.max_force > self.max_force_std {
                (self.max_force_std, self.max_force_std_step) = (spread.max_force, step);
            }
        }
        if let Some(grade) = summary.grade.filter(|g| g.max > self.max_grade) {
            (self.max_grade, self.max_grade_step) = (grade.max, step);
        }
    }

    /// Whether a frame at `step` is to be kept; counts it if so.
    pub(super) fn keeps(&mut self, step: u64, action: OnUncertain) -> bool {
        let keep = match action {
            OnUncertain::Report => false,
            OnUncertain::Stop => true,
            OnUncertain::Dump { spacing, n_frames } => {
                self.n_dumped < n_frames && (self.n_dumped == 0 || step >= self.last_dump_step + spacing)
            }
        };
        if keep {
            self.n_dumped += 1;
            self.last_dump_step = step;
        }
        keep
    }
}

/// A frame at which the potential was uncertain.
#[derive(Debug, Clone, PartialEq)]
pub struct UncertainFrame {
    /// Steps since the start of the run.
    pub step: u64,
    /// Potential energy, eV.
    pub energy: f64,
    /// Lattice vectors, Å.
    pub cell: Mat3,
    /// Unwrapped positions, Å.
    pub positions: Vec<Vec3>,
    /// Forces, eV/Å.
    pub forces: Vec<Vec3>,
    /// What the potential said.
    pub assessment: Assessment,
}
