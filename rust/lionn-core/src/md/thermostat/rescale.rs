//! Velocity rescaling to a programmed temperature.

use serde::{Deserialize, Serialize};

use super::{Half, Thermostat, positive};
use crate::error::{Error, Result};
use crate::md::state::State;

/// What grows linearly in time during a temperature program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Law {
    /// The target temperature.
    Temperature,
    /// The target velocity, the square root of the temperature.
    Velocity,
}

/// After every step the velocities are scaled so that the measured temperature is exactly the programmed one.
///
/// The measured temperature is what is corrected, so the kinetic energy that flows into the lattice of a crystal
/// started at rest is replaced at once. Velocity rescaling does not sample NVT. The conserved quantity is
/// `U + K` less the accumulated work of the rescaling.
#[derive(Debug, Clone)]
pub struct Rescale {
    start_k: f64,
    end_k: f64,
    n_steps: u64,
    law: Law,
    /// Steps made; work done on the atoms, eV.
    variables: [f64; 2],
}

impl Rescale {
    /// Program from `start_k` to `end_k` (K) in `n_steps` steps; the end temperature is held afterwards.
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
        Ok(Self { start_k, end_k, n_steps, law, variables: [0.0; 2] })
    }

    /// Programmed temperature after `steps` steps, K.
    fn program(&self, steps: f64) -> f64 {
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

impl Thermostat for Rescale {
    fn half_step(&mut self, half: Half, _timestep_fs: f64, state: &mut State) {
        if half == Half::First {
            return;
        }
        self.variables[0] += 1.0;
        let kinetic = state.kinetic_energy();
        let factor = (self.program(self.variables[0]) / state.temperature_of(kinetic)).sqrt();
        state.scale_velocities(factor);
        self.variables[1] += (factor * factor - 1.0) * kinetic;
    }

    fn energy(&self) -> f64 {
        -self.variables[1]
    }

    fn target(&self) -> Option<f64> {
        Some(self.program(self.variables[0]))
    }

    fn variables(&self) -> &[f64] {
        &self.variables
    }

    fn variables_mut(&mut self) -> &mut [f64] {
        &mut self.variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_linear_in_what_they_say() {
        let linear = Rescale::new(100.0, 900.0, 10, Law::Temperature).unwrap();
        assert_eq!(linear.program(0.0), 100.0);
        assert_eq!(linear.program(5.0), 500.0);
        assert_eq!(linear.program(99.0), 900.0);
        let velocity = Rescale::new(100.0, 900.0, 10, Law::Velocity).unwrap();
        assert!((velocity.program(5.0) - 400.0).abs() < 1e-12);
        assert!((velocity.program(10.0) - 900.0).abs() < 1e-12);
    }

    #[test]
    fn bad_programs_are_refused() {
        let error = |a, b, n| Rescale::new(a, b, n, Law::Temperature).unwrap_err().to_string();
        assert_eq!(error(0.0, 900.0, 5), "start temperature must be positive, got 0 K");
        assert!(error(100.0, 900.0, 0).contains("at least one step"));
    }
}
