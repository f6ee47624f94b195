//! Target temperatures that change along a run.

use serde::{Deserialize, Serialize};

use super::positive;
use crate::error::{Error, Result};

/// What grows linearly in time during a temperature program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Law {
    /// The target temperature: `T(t) = T0 + (T1 - T0) t/t1`.
    Temperature,
    /// The target velocity, the square root of the temperature: `T(t) = (√T0 + (√T1 - √T0) t/t1)²`.
    Velocity,
}

/// A temperature as a function of the number of steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Program {
    start_k: f64,
    end_k: f64,
    n_steps: u64,
    law: Law,
}

impl Program {
    /// From `start_k` to `end_k` (K) in `n_steps` steps; the end temperature is held afterwards.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a temperature that is not positive or zero steps.
    pub fn new(start_k: f64, end_k: f64, n_steps: u64, law: Law) -> Result<Self> {
        positive("start temperature", start_k, "K")?;
        positive("end temperature", end_k, "K")?;
        if n_steps == 0 {
            return Err(Error::InvalidParameter(
                "a temperature program needs at least one step, got 0".into(),
            ));
        }
        Ok(Self { start_k, end_k, n_steps, law })
    }

    /// Temperature after `steps` steps, K.
    pub fn at(&self, steps: f64) -> f64 {
        let part = (steps / self.n_steps as f64).min(1.0);
        match self.law {
            Law::Temperature => self.start_k + part * (self.end_k - self.start_k),
            Law::Velocity => {
                let (start, end) = (self.start_k.sqrt(), self.end_k.sqrt());
                (start + part * (end - start)).powi(2)
            }
        }
    }
}

/// A program for the target of a thermostat, in words.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// Temperature at the start of the program, K.
    #[serde(rename = "start_K")]
    pub start_k: f64,
    /// Temperature at the end of the program, K.
    #[serde(rename = "end_K")]
    pub end_k: f64,
    /// Steps of the run made before the program starts.
    pub first_step: u64,
    /// Length of the program, steps.
    pub n_steps: u64,
    /// What is linear in time.
    pub law: Law,
}

impl Ramp {
    /// Target after `step` steps of the run, K.
    ///
    /// # Errors
    /// As [`Program::new`].
    pub fn at(&self, step: u64) -> Result<f64> {
        let program = Program::new(self.start_k, self.end_k, self.n_steps, self.law)?;
        let steps = step.saturating_sub(self.first_step);
        // Exactly the end, not up to rounding: what follows at that temperature has the same bits after a restart.
        Ok(if steps >= self.n_steps { self.end_k } else { program.at(steps as f64) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_linear_in_what_they_say() {
        let linear = Program::new(100.0, 900.0, 10, Law::Temperature).unwrap();
        assert_eq!(linear.at(0.0), 100.0);
        assert_eq!(linear.at(5.0), 500.0);
        assert_eq!(linear.at(99.0), 900.0);
        let velocity = Program::new(100.0, 900.0, 10, Law::Velocity).unwrap();
        assert!((velocity.at(5.0) - 400.0).abs() < 1e-12);
        assert!((velocity.at(10.0) - 900.0).abs() < 1e-12);
    }

    #[test]
    fn ramps_end_exactly() {
        for law in [Law::Temperature, Law::Velocity] {
            for end_k in [0.3, 33.3, 900.7] {
                let ramp = Ramp { start_k: 100.1, end_k, first_step: 7, n_steps: 13, law };
                assert_eq!(ramp.at(20).unwrap(), end_k);
                assert!((ramp.at(7).unwrap() - 100.1).abs() < 1e-12);
                assert!((ramp.at(19).unwrap() - end_k).abs() > 1e-3);
            }
        }
    }

    #[test]
    fn bad_programs_are_refused() {
        let error = |a, b, n| Program::new(a, b, n, Law::Temperature).unwrap_err().to_string();
        assert_eq!(error(0.0, 900.0, 5), "start temperature must be positive, got 0 K");
        assert!(error(100.0, 900.0, 0).contains("at least one step"));
    }
}
