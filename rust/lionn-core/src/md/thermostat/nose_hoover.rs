//! The Nosé-Hoover chain.

use super::{Half, Thermostat, positive, weights};
use crate::error::{Error, Result};
use crate::md::state::State;
use crate::units::BOLTZMANN;

/// Nosé-Hoover chain thermostat, which samples the canonical ensemble.
///
/// `dv/dt = F/m - ξ1 v`, `Q1 dξ1/dt = 2K - N_dof k_B T - Q1 ξ1 ξ2`,
/// `Qk dξk/dt = Q(k-1) ξ(k-1)² - k_B T - Qk ξk ξ(k+1)`, with `Q1 = N_dof k_B T tau²` and `Qk = k_B T tau²`
/// (Martyna, Klein, Tuckerman, J. Chem. Phys. 97, 2635 (1992), doi:10.1063/1.463940). Conserved:
/// `U + K + sum_k ½ Qk ξk² + N_dof k_B T η1 + k_B T sum_(k>1) ηk` with `dηk/dt = ξk`.
///
/// Half steps use the reversible factorization of Martyna et al., Mol. Phys. 87, 1117 (1996),
/// doi:10.1080/00268979600100761, with Suzuki-Yoshida weights and sub-steps. A chain of length 1 is the original
/// thermostat (Nosé, J. Chem. Phys. 81, 511 (1984), doi:10.1063/1.447334; Hoover, Phys. Rev. A 31, 1695 (1985),
/// doi:10.1103/PhysRevA.31.1695); it is not ergodic for stiff or small systems.
#[derive(Debug, Clone)]
pub struct NoseHooverChain {
    temperature_k: f64,
    n_dof: f64,
    masses: Vec<f64>,
    weights: Vec<f64>,
    n_substeps: usize,
    /// `ξ1..ξM` (1/fs), then `η1..ηM`.
    variables: Vec<f64>,
}

impl NoseHooverChain {
    /// A chain at rest for `n_dof` degrees of freedom; see [`super::ThermostatSpec`] for the parameters.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a number out of range.
    pub fn new(
        temperature_k: f64,
        tau_fs: f64,
        chain_length: usize,
        n_weights: usize,
        n_substeps: usize,
        n_dof: usize,
    ) -> Result<Self> {
        positive("thermostat temperature", temperature_k, "K")?;
        positive("thermostat time constant tau", tau_fs, "fs")?;
        if chain_length == 0 || n_substeps == 0 {
            return Err(Error::InvalidParameter(format!(
                "chain length and number of sub-steps must be at least 1, got {chain_length} and {n_substeps}"
            )));
        }
        let mass = BOLTZMANN * temperature_k * tau_fs * tau_fs;
        let n_dof = n_dof as f64;
        let mut masses = vec![mass; chain_length];
        masses[0] = n_dof * mass;
        let weights = weights(n_weights)?.iter().map(|w| w / n_substeps as f64).collect();
        Ok(Self { temperature_k, n_dof, masses, weights, n_substeps, variables: vec![0.0; 2 * chain_length] })
    }

    /// Thermostat masses `Q`, eV fs².
    pub fn masses(&self) -> &[f64] {
        &self.masses
    }

    /// Propagate the chain for `time` (fs) at kinetic energy `kinetic` (eV) of what it is coupled to; returns the factor
    /// for the velocities.
    pub fn propagate(&mut self, time: f64, mut kinetic: f64) -> f64 {
        let thermal = BOLTZMANN * self.temperature_k;
        let length = self.masses.len();
        let (xi, eta) = self.variables.split_at_mut(length);
        let masses = &self.masses;
        // Acceleration of ξk.
        let force = |k: usize, xi: &[f64], kinetic: f64| {
            if k == 0 {
                (2.0 * kinetic - self.n_dof * thermal) / masses[0]
            } else {
                (masses[k - 1] * xi[k - 1] * xi[k - 1] - thermal) / masses[k]
            }
        };
        let mut factor = 1.0;
        for _ in 0..self.n_substeps {
            for &weight in &self.weights {
                let half = 0.5 * weight * time;
                let friction = |k: usize, xi: &[f64]| {
                    if k + 1 < length { (-0.5 * half * xi[k + 1]).exp() } else { 1.0 }
                };
                for k in (0..length).rev() {
                    let damping = friction(k, xi);
                    xi[k] = (xi[k] * damping + half * force(k, xi, kinetic)) * damping;
                }
                let scale = (-2.0 * half * xi[0]).exp();
                factor *= scale;
                kinetic *= scale * scale;
                for k in 0..length {
                    eta[k] += 2.0 * half * xi[k];
                }
                for k in 0..length {
                    let damping = friction(k, xi);
                    xi[k] = (xi[k] * damping + half * force(k, xi, kinetic)) * damping;
                }
            }
        }
        factor
    }
}

impl Thermostat for NoseHooverChain {
    fn half_step(&mut self, _half: Half, timestep_fs: f64, state: &mut State) {
        let factor = self.propagate(0.5 * timestep_fs, state.kinetic_energy());
        state.scale_velocities(factor);
    }

    fn energy(&self) -> f64 {
        let thermal = BOLTZMANN * self.temperature_k;
        let (xi, eta) = self.variables.split_at(self.masses.len());
        let mut energy = self.n_dof * thermal * eta[0];
        for k in 0..xi.len() {
            energy += 0.5 * self.masses[k] * xi[k] * xi[k];
            if k > 0 {
                energy += thermal * eta[k];
            }
        }
        energy
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
    fn masses_follow_the_degrees_of_freedom() {
        let chain = NoseHooverChain::new(600.0, 50.0, 3, 3, 1, 147).unwrap();
        let mass = BOLTZMANN * 600.0 * 2500.0;
        for (q, expected) in chain.masses().iter().zip([147.0 * mass, mass, mass]) {
            assert!((q / expected - 1.0).abs() < 1e-14);
        }
        assert_eq!(chain.energy(), 0.0);
    }

    /// Forward, reverse ξ and the velocities, forward: back where it started.
    #[test]
    fn chain_propagation_is_time_reversible() {
        for length in 1..4 {
            let mut chain = NoseHooverChain::new(600.0, 20.0, length, 5, 2, 12).unwrap();
            for (k, x) in chain.variables.iter_mut().take(length).enumerate() {
                *x = 0.02 * (k as f64 + 1.0);
            }
            let start = chain.variables.clone();
            let factor = chain.propagate(4.0, 0.5);
            chain.variables.iter_mut().take(length).for_each(|x| *x = -*x);
            let back = chain.propagate(4.0, 0.5 * factor * factor);
            chain.variables.iter_mut().take(length).for_each(|x| *x = -*x);
            assert!((factor * back - 1.0).abs() < 1e-14);
            for (a, b) in chain.variables.iter().zip(&start) {
                assert!((a - b).abs() < 1e-15, "{a} {b}");
            }
        }
    }

    #[test]
    fn bad_numbers_are_refused() {
        let error = |t: f64, tau: f64, m: usize, w: usize, s: usize| {
            NoseHooverChain::new(t, tau, m, w, s, 3).unwrap_err().to_string()
        };
        assert_eq!(error(0.0, 1.0, 3, 3, 1), "thermostat temperature must be positive, got 0 K");
        assert!(error(1.0, f64::NAN, 3, 3, 1).contains("tau must be positive, got NaN fs"));
        assert!(error(1.0, 1.0, 0, 3, 1).contains("got 0 and 1"));
        assert!(error(1.0, 1.0, 3, 4, 1).contains("1, 3, 5 or 7 terms, got 4"));
    }
}
