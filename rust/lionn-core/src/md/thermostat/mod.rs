//! Thermostats: what happens to the velocities before and after the velocity Verlet step.

mod langevin;
mod nose_hoover;
mod program;
mod rescale;
mod stochastic_rescale;
mod suzuki_yoshida;

use rand::SeedableRng;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

pub use langevin::Langevin;
pub use nose_hoover::NoseHooverChain;
pub use program::{Law, Program, Ramp};
pub use rescale::Rescale;
pub use stochastic_rescale::StochasticRescale;
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

    /// Follow another target from now on; `false` where there is none to be set from outside. Masses keep the values of
    /// the temperature that the thermostat was made for.
    fn set_target(&mut self, _temperature_k: f64) -> bool {
        false
    }

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
    /// [`Langevin`]: samples the canonical ensemble, with forces of its own on every atom.
    Langevin {
        /// Temperature, K.
        #[serde(rename = "temperature_K")]
        temperature_k: f64,
        /// Friction, 1/ps.
        friction_per_ps: f64,
        /// Seed of the random forces.
        seed: u64,
    },
    /// [`StochasticRescale`]: samples the canonical ensemble with one random factor for all velocities.
    StochasticRescale {
        /// Temperature, K.
        #[serde(rename = "temperature_K")]
        temperature_k: f64,
        /// Relaxation time of the kinetic energy, fs.
        tau_fs: f64,
        /// Seed of the random factors.
        seed: u64,
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
            Self::Langevin { temperature_k, friction_per_ps, seed } => {
                Box::new(Langevin::new(temperature_k, friction_per_ps, seed)?)
            }
            Self::StochasticRescale { temperature_k, tau_fs, seed } => {
                Box::new(StochasticRescale::new(temperature_k, tau_fs, seed, n_dof)?)
            }
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

/// Random numbers of one half step: a generator of its own, made from the seed and the number of the half step since the
/// start of the run, so that nothing has to be saved for the same bits after a restart.
fn half_step_random(seed: u64, half: Half, step: u64) -> Pcg64 {
    // The step is counted before the second half; both ends of a step are even and odd numbers of it.
    let number = match half {
        Half::First => 2 * step + 2,
        Half::Second => 2 * step + 1,
    };
    // Weyl sequence of the golden ratio: numbers far apart for neighboring half steps and seeds.
    Pcg64::seed_from_u64(seed.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

/// `name` must be a positive finite number.
pub(super) fn positive(name: &str, value: f64, unit: &str) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::InvalidParameter(format!("{name} must be positive, got {value} {unit}")))
}
