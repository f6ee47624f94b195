//! Thermostats: what happens to the velocities before and after the velocity Verlet step.

mod nose_hoover;
mod rescale;
mod suzuki_yoshida;

use serde::{Deserialize, Serialize};

pub use nose_hoover::NoseHooverChain;
pub use rescale::{Law, Rescale};
pub use suzuki_yoshida::weights;

use crate::error::{Error, Result};
use crate::md::state::State;

/// Which end of the step a thermostat acts at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Before the first kick.
    First,
    /// After the second kick.
    Second,
}

/// A rule that changes velocities so that the temperature follows a target.
pub trait Thermostat: Send + Sync {
    /// Act on the velocities for half a step of `timestep_fs`.
    fn half_step(&mut self, half: Half, timestep_fs: f64, state: &mut State);

    /// What must be added to `U + K` to give the conserved quantity, eV.
    fn energy(&self) -> f64;

    /// Target temperature at this moment, K; `None` where there is none.
    fn target(&self) -> Option<f64>;

    /// The internal variables, for a checkpoint.
    fn variables(&self) -> &[f64];

    /// The internal variables, to be set from a checkpoint; their number never changes.
    fn variables_mut(&mut self) -> &mut [f64];
}

/// A thermostat in words: what a protocol names and a checkpoint remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ThermostatSpec {
    /// No thermostat: constant energy.
    Nve,
    /// [`NoseHooverChain`]: samples the canonical ensemble.
    NoseHooverChain {
        /// Temperature, K.
        #[serde(rename = "temperature_K")]
        temperature_k: f64,
        /// Time constant, fs: `Q1 = N_dof k_B T tau²`, the others `k_B T tau²`.
        tau_fs: f64,
        /// Number of thermostat variables, at least 1.
        chain_length: usize,
        /// Number of Suzuki-Yoshida weights: 1, 3, 5 or 7.
        n_weights: usize,
        /// Equal sub-steps of each half step.
        n_substeps: usize,
    },
    /// [`Rescale`]: exact programmed kinetic energy; does not sample a known ensemble.
    Rescale {
        /// Temperature at the start of the program, K.
        #[serde(rename = "start_K")]
        start_k: f64,
        /// Temperature at the end of the program, K.
        #[serde(rename = "end_K")]
        end_k: f64,
        /// Length of the program, steps; afterwards the end temperature is held.
        n_steps: u64,
        /// What is linear in time.
        law: Law,
    },
}

impl ThermostatSpec {
    /// The thermostat for a system with `n_dof` degrees of freedom, its variables at rest.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a number out of range.
    pub fn build(&self, n_dof: usize) -> Result<Box<dyn Thermostat>> {
        Ok(match *self {
            Self::Nve => Box::new(Nve),
            Self::NoseHooverChain { temperature_k, tau_fs, chain_length, n_weights, n_substeps } => Box::new(
                NoseHooverChain::new(temperature_k, tau_fs, chain_length, n_weights, n_substeps, n_dof)?,
            ),
            Self::Rescale { start_k, end_k, n_steps, law } => {
                Box::new(Rescale::new(start_k, end_k, n_steps, law)?)
            }
        })
    }
}

/// No thermostat.
#[derive(Debug, Clone, Copy)]
pub struct Nve;

impl Thermostat for Nve {
    fn half_step(&mut self, _half: Half, _timestep_fs: f64, _state: &mut State) {}

    fn energy(&self) -> f64 {
        0.0
    }

    fn target(&self) -> Option<f64> {
        None
    }

    fn variables(&self) -> &[f64] {
        &[]
    }

    fn variables_mut(&mut self) -> &mut [f64] {
        &mut []
    }
}

/// `name` must be a positive finite number.
fn positive(name: &str, value: f64, unit: &str) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::InvalidParameter(format!("{name} must be positive, got {value} {unit}")))
}
