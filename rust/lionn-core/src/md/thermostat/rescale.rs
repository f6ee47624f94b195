//! Velocity rescaling to a programmed temperature.

use super::{Half, Law, Program, Thermostat};
use crate::error::Result;
use crate::md::state::State;

/// After every step the velocities are scaled so that the measured temperature is exactly the programmed one.
///
/// The measured temperature is what is corrected, so the kinetic energy that flows into the lattice of a crystal
/// started at rest is replaced at once. Velocity rescaling does not sample NVT. The conserved quantity is
/// `U + K` less the accumulated work of the rescaling.
#[derive(Debug, Clone)]
pub struct Rescale {
    program: Program,
    /// Steps made; work done on the atoms, eV.
    variables: [f64; 2],
}

impl Rescale {
    /// Program from `start_k` to `end_k` (K) in `n_steps` steps; the end temperature is held afterwards.
    ///
    /// # Errors
    /// As [`Program::new`].
    pub fn new(start_k: f64, end_k: f64, n_steps: u64, law: Law) -> Result<Self> {
        Ok(Self { program: Program::new(start_k, end_k, n_steps, law)?, variables: [0.0; 2] })
    }
}

impl Thermostat for Rescale {
    fn half_step(&mut self, half: Half, _timestep_fs: f64, state: &mut State) {
        if half == Half::First {
            return;
        }
        self.variables[0] += 1.0;
        let kinetic = state.kinetic_energy();
        let factor = (self.program.at(self.variables[0]) / state.temperature_of(kinetic)).sqrt();
        state.scale_velocities(factor);
        self.variables[1] += (factor * factor - 1.0) * kinetic;
    }

    fn energy(&self) -> f64 {
        -self.variables[1]
    }

    fn target(&self) -> Option<f64> {
        Some(self.program.at(self.variables[0]))
    }

    fn variables(&self) -> &[f64] {
        &self.variables
    }

    fn variables_mut(&mut self) -> &mut [f64] {
        &mut self.variables
    }
}
