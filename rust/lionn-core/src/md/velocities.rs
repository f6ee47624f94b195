//! Maxwell-Boltzmann velocities.

use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64;

use crate::error::{Error, Result};
use crate::linalg::{Vec3, dot};
use crate::units::{ACCELERATION, BOLTZMANN};

/// Velocities (Å/fs) drawn from the Maxwell-Boltzmann distribution at `temperature_k`, conditioned on zero
/// total momentum; the same seed gives the same velocities.
///
/// Each component has variance `k_B T / m`; subtracting the center-of-mass velocity leaves a kinetic energy
/// with `3N - 3` degrees of freedom. With `exact`, velocities are then scaled so that the temperature of these
/// `3N - 3` degrees of freedom is `temperature_k` to rounding; otherwise it fluctuates as in the canonical
/// ensemble, with standard deviation `T sqrt(2 / (3N - 3))`.
///
/// # Errors
/// [`Error::InvalidParameter`] for a negative or non-finite temperature, a mass that is not positive, or fewer
/// than two atoms.
pub fn maxwell_boltzmann(masses: &[f64], temperature_k: f64, seed: u64, exact: bool) -> Result<Vec<Vec3>> {
    if !temperature_k.is_finite() || temperature_k < 0.0 {
        return Err(Error::InvalidParameter(format!(
            "temperature must be at least 0 K, got {temperature_k}"
        )));
    }
    if masses.len() < 2 {
        return Err(Error::InvalidParameter(format!(
            "velocities with zero total momentum need at least two atoms, got {}",
            masses.len()
        )));
    }
    if let Some(i) = masses.iter().position(|m| !m.is_finite() || *m <= 0.0) {
        return Err(Error::InvalidParameter(format!("mass of atom {i} must be positive, got {}", masses[i])));
    }
    let mut random = Pcg64::seed_from_u64(seed);
    let thermal = ACCELERATION * BOLTZMANN * temperature_k;
    let mut velocities: Vec<Vec3> = masses
        .iter()
        .map(|m| {
            let width = (thermal / m).sqrt();
            [0; 3].map(|_| {
                let normal: f64 = StandardNormal.sample(&mut random);
                width * normal
            })
        })
        .collect();
    remove_momentum(masses, &mut velocities);
    if exact && temperature_k > 0.0 {
        let n_dof = (3 * masses.len() - 3) as f64;
        let sum: f64 = masses.iter().zip(&velocities).map(|(m, &v)| m * dot(v, v)).sum();
        let factor = (n_dof * thermal / sum).sqrt();
        velocities.iter_mut().flatten().for_each(|v| *v *= factor);
    }
    Ok(velocities)
}

/// Subtract the center-of-mass velocity.
pub fn remove_momentum(masses: &[f64], velocities: &mut [Vec3]) {
    let total: f64 = masses.iter().sum();
    for a in 0..3 {
        let momentum: f64 = masses.iter().zip(velocities.iter()).map(|(m, v)| m * v[a]).sum();
        let drift = momentum / total;
        velocities.iter_mut().for_each(|v| v[a] -= drift);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temperature(masses: &[f64], velocities: &[Vec3]) -> f64 {
        let sum: f64 = masses.iter().zip(velocities).map(|(m, &v)| m * dot(v, v)).sum();
        sum / (ACCELERATION * BOLTZMANN * (3 * masses.len() - 3) as f64)
    }

    fn masses() -> Vec<f64> {
        (0..50).map(|i| if i % 2 == 0 { 6.94 } else { 32.06 }).collect()
    }

    #[test]
    fn exact_temperature_zero_momentum_and_reproducible() {
        let masses = masses();
        let velocities = maxwell_boltzmann(&masses, 700.0, 5, true).unwrap();
        assert!((temperature(&masses, &velocities) - 700.0).abs() < 1e-9);
        for a in 0..3 {
            let momentum: f64 = masses.iter().zip(&velocities).map(|(m, v)| m * v[a]).sum();
            assert!(momentum.abs() < 1e-14);
        }
        assert_eq!(velocities, maxwell_boltzmann(&masses, 700.0, 5, true).unwrap());
        assert_ne!(velocities, maxwell_boltzmann(&masses, 700.0, 6, true).unwrap());
        assert!(maxwell_boltzmann(&masses, 0.0, 5, true).unwrap().iter().flatten().all(|v| *v == 0.0));
    }

    /// Over 2000 draws the mean temperature has standard error T sqrt(2/147)/sqrt(2000) = 0.26 % and its
    /// variance a relative standard error of about 3.2 %; limits are four standard errors.
    #[test]
    fn sampled_temperature_is_canonical() {
        let masses = masses();
        let draws: Vec<f64> = (0..2000)
            .map(|seed| temperature(&masses, &maxwell_boltzmann(&masses, 1.0, seed, false).unwrap()))
            .collect();
        let mean = draws.iter().sum::<f64>() / 2000.0;
        let variance = draws.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / 1999.0;
        assert!((mean - 1.0).abs() < 4.0 * 0.0026, "{mean}");
        assert!((variance / (2.0 / 147.0) - 1.0).abs() < 0.13, "{variance}");
    }

    #[test]
    fn bad_input_is_refused() {
        let error = |m: &[f64], t: f64| maxwell_boltzmann(m, t, 0, true).unwrap_err().to_string();
        assert_eq!(error(&[1.0, 1.0], -3.0), "temperature must be at least 0 K, got -3");
        assert!(error(&[1.0], 300.0).contains("at least two atoms, got 1"));
        assert!(error(&[1.0, -1.0], 300.0).contains("mass of atom 1"));
    }
}
