//! Langevin dynamics.

use rand_distr::{Distribution, StandardNormal};

use super::{Half, Thermostat, half_step_random, positive};
use crate::error::Result;
use crate::md::state::State;
use crate::md::velocities::remove_momentum;
use crate::units::{ACCELERATION, BOLTZMANN};

/// Langevin thermostat, which samples the canonical ensemble: `m dv = F dt - γ m v dt + √(2 γ m k_B T) dW`.
///
/// Friction and noise are integrated exactly over half a step at both ends of the velocity Verlet step,
/// `v <- c v + √((1 - c²) k_B T/m) R` with `c = exp(-γ dt/2)` and normal numbers `R` (Bussi, Parrinello, Phys. Rev. E
/// 75, 056707 (2007), doi:10.1103/PhysRevE.75.056707): a symmetric product, of second order in dt. Conserved
/// up to the error of the step is `U + K` less the heat from the thermostat, as there.
///
/// Where the total momentum is no degree of freedom (`N_dof <= 3N - 3`) the noise is projected on zero total momentum: the
/// process of the other `3N - 3` is not changed by this, and they get the canonical distribution. The motion of the
/// atoms is not that of Newton's equations: for equilibration, not for diffusion.
#[derive(Debug, Clone)]
pub struct Langevin {
    temperature_k: f64,
    friction_per_fs: f64,
    seed: u64,
    /// Heat given to the atoms, eV.
    variables: [f64; 1],
}

impl Langevin {
    /// Temperature (K), friction (1/ps) and the seed of the noise.
    ///
    /// # Errors
    /// [`crate::Error::InvalidParameter`] for a temperature or friction that is not positive.
    pub fn new(temperature_k: f64, friction_per_ps: f64, seed: u64) -> Result<Self> {
        const FS_PER_PS: f64 = 1000.0;
        positive("thermostat temperature", temperature_k, "K")?;
        positive("Langevin friction", friction_per_ps, "1/ps")?;
        Ok(Self { temperature_k, friction_per_fs: friction_per_ps / FS_PER_PS, seed, variables: [0.0] })
    }
}

impl Thermostat for Langevin {
    fn half_step(&mut self, half: Half, timestep_fs: f64, state: &mut State) {
        let mut random = half_step_random(self.seed, half, state.step);
        let before = state.kinetic_energy();
        let decay = self.friction_per_fs * 0.5 * timestep_fs;
        let keep = (-decay).exp();
        // 1 - c², without cancellation for little friction.
        let thermal = -(-2.0 * decay).exp_m1() * ACCELERATION * BOLTZMANN * self.temperature_k;
        let is_free = state.n_dof() == 3 * state.system.n_atoms();
        let (masses, velocities) = state.masses_and_velocities_mut();
        for (m, v) in masses.iter().zip(velocities.iter_mut()) {
            let width = (thermal / m).sqrt();
            for x in v {
                let normal: f64 = StandardNormal.sample(&mut random);
                *x = keep * *x + width * normal;
            }
        }
        if !is_free {
            remove_momentum(masses, velocities);
        }
        self.variables[0] += state.kinetic_energy() - before;
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
        let error = |t: f64, friction: f64| Langevin::new(t, friction, 0).unwrap_err().to_string();
        assert_eq!(error(-1.0, 1.0), "thermostat temperature must be positive, got -1 K");
        assert_eq!(error(1.0, 0.0), "Langevin friction must be positive, got 0 1/ps");
    }
}
