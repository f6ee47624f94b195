//! Stochastic velocity rescaling.

use rand_distr::{ChiSquared, Distribution, StandardNormal};

use super::{Half, Thermostat, half_step_random, positive};
use crate::error::{Error, Result};
use crate::md::state::State;
use crate::units::BOLTZMANN;

/// Stochastic velocity rescaling, which samples the canonical ensemble: all velocities get one factor, such that the kinetic
/// energy follows `dK = (K0 - K) dt/tau + 2 √(K K0/(N_dof tau)) dW` with `K0 = N_dof k_B T/2` (Bussi, Donadio, Parrinello,
/// J. Chem. Phys. 126, 014101 (2007), doi:10.1063/1.2408420, Eq. 7).
///
/// Each half step takes the exact solution over its time, Eq. A7 there:
/// `α² = c + (1 - c) K0/(N_dof K) sum_i R_i² + 2 R_1 √(c (1 - c) K0/(N_dof K))` with `c = exp(-dt/(2 tau))` and `N_dof`
/// normal numbers, the sign of `α` being that of `R_1 + √(c N_dof K/((1 - c) K0))`. Conserved up to the error of the step
/// is `U + K` less the heat from the thermostat, as there.
#[derive(Debug, Clone)]
pub struct StochasticRescale {
    temperature_k: f64,
    tau_fs: f64,
    seed: u64,
    /// Sum of the squares of all normal numbers but the first; none for a single degree of freedom.
    others: Option<ChiSquared<f64>>,
    /// Heat given to the atoms, eV.
    variables: [f64; 1],
}

impl StochasticRescale {
    /// Temperature (K), relaxation time (fs) and seed, for `n_dof` degrees of freedom.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a temperature or time that is not positive.
    pub fn new(temperature_k: f64, tau_fs: f64, seed: u64, n_dof: usize) -> Result<Self> {
        positive("thermostat temperature", temperature_k, "K")?;
        positive("thermostat time constant tau", tau_fs, "fs")?;
        let others = (n_dof > 1).then(|| ChiSquared::new((n_dof - 1) as f64)).transpose();
        let others = others.map_err(|error| Error::InvalidParameter(format!("{n_dof} degrees: {error}")))?;
        Ok(Self { temperature_k, tau_fs, seed, others, variables: [0.0] })
    }
}

impl Thermostat for StochasticRescale {
    fn half_step(&mut self, half: Half, timestep_fs: f64, state: &mut State) {
        let mut random = half_step_random(self.seed, half, state.step);
        let first: f64 = StandardNormal.sample(&mut random);
        let squares = first * first + self.others.map_or(0.0, |others| others.sample(&mut random));
        let kinetic = state.kinetic_energy();
        let keep = (-0.5 * timestep_fs / self.tau_fs).exp();
        // Kinetic energy of one degree of freedom at the target, in units of the present one, times 1 - c.
        let share = (1.0 - keep) * 0.5 * BOLTZMANN * self.temperature_k / kinetic;
        let square = keep + share * squares + 2.0 * first * (keep * share).sqrt();
        let factor = square.max(0.0).sqrt().copysign(first + (keep / share).sqrt());
        state.scale_velocities(factor);
        self.variables[0] += (factor * factor - 1.0) * kinetic;
    }

    fn energy(&self) -> f64 {
        -self.variables[0]
    }

    fn target(&self) -> Option<f64> {
        Some(self.temperature_k)
    }

    fn set_target(&mut self, temperature_k: f64) -> bool {
        self.temperature_k = temperature_k;
        true
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
    fn bad_numbers_are_refused() {
        let error = |t: f64, tau: f64| StochasticRescale::new(t, tau, 0, 3).unwrap_err().to_string();
        assert_eq!(error(0.0, 1.0), "thermostat temperature must be positive, got 0 K");
        assert_eq!(error(1.0, -2.0), "thermostat time constant tau must be positive, got -2 fs");
    }
}
