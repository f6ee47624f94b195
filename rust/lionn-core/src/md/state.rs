//! The mechanical state of a run: unwrapped positions, velocities and masses.

use crate::error::{Error, Result};
use crate::linalg::{Mat3, Vec3, dot};
use crate::system::System;
use crate::units::{ACCELERATION, BOLTZMANN};

/// Positions, velocities and masses of all atoms, and the number of steps made.
///
/// Positions are never wrapped into the cell: displacements since the start are differences of positions.
#[derive(Debug, Clone)]
pub struct State {
    /// Cell, atomic numbers and unwrapped positions (Å).
    pub system: System,
    /// Velocities, Å/fs.
    pub velocities: Vec<Vec3>,
    /// Masses, u.
    masses: Vec<f64>,
    /// Number of degrees of freedom that carry kinetic energy.
    n_dof: usize,
    /// Steps made since the start of the run.
    pub step: u64,
}

impl State {
    /// State at step 0. `n_dof` is `3N - 3` unless given: the total momentum is zero and stays so.
    ///
    /// # Errors
    /// [`Error::Shape`] for arrays of different length; [`Error::InvalidParameter`] for a mass that is not
    /// positive, a velocity that is not finite, or no degree of freedom.
    pub fn new(
        system: System,
        velocities: Vec<Vec3>,
        masses: Vec<f64>,
        n_dof: Option<usize>,
    ) -> Result<Self> {
        let n = system.n_atoms();
        if velocities.len() != n {
            let got = format!("({}, 3)", velocities.len());
            return Err(Error::shape("velocities", format!("({n}, 3) to match positions"), got));
        }
        if masses.len() != n {
            let got = format!("({},)", masses.len());
            return Err(Error::shape("masses", format!("({n},) to match positions"), got));
        }
        if let Some(i) = masses.iter().position(|m| !m.is_finite() || *m <= 0.0) {
            return Err(Error::InvalidParameter(format!(
                "mass of atom {i} must be positive, got {}",
                masses[i]
            )));
        }
        if let Some(i) = velocities.iter().position(|v| v.iter().any(|x| !x.is_finite())) {
            return Err(Error::InvalidParameter(format!(
                "velocity of atom {i} is not finite: {:?}",
                velocities[i]
            )));
        }
        let n_dof = n_dof.unwrap_or((3 * n).saturating_sub(3));
        if n_dof == 0 || n_dof > 3 * n {
            return Err(Error::InvalidParameter(format!(
                "{n} atoms cannot have {n_dof} degrees of freedom; molecular dynamics needs at least two atoms"
            )));
        }
        Ok(Self { system, velocities, masses, n_dof, step: 0 })
    }

    /// Masses, u.
    pub fn masses(&self) -> &[f64] {
        &self.masses
    }

    /// Masses (u), and velocities (Å/fs) to be changed.
    pub fn masses_and_velocities_mut(&mut self) -> (&[f64], &mut [Vec3]) {
        (&self.masses, &mut self.velocities)
    }

    /// Degrees of freedom that carry kinetic energy.
    pub fn n_dof(&self) -> usize {
        self.n_dof
    }

    /// Kinetic energy `sum_i ½ m_i v_i²`, eV, summed in the order of the atoms.
    pub fn kinetic_energy(&self) -> f64 {
        let sum: f64 = self.masses.iter().zip(&self.velocities).map(|(m, &v)| m * dot(v, v)).sum();
        0.5 * sum / ACCELERATION
    }

    /// `sum_i m_i v_i ⊗ v_i`, eV; its trace is twice the kinetic energy.
    pub fn kinetic_tensor(&self) -> Mat3 {
        let mut tensor = [[0.0; 3]; 3];
        for (m, v) in self.masses.iter().zip(&self.velocities) {
            for a in 0..3 {
                for b in 0..3 {
                    tensor[a][b] += m * v[a] * v[b] / ACCELERATION;
                }
            }
        }
        tensor
    }

    /// Temperature of a kinetic energy, `2 K / (N_dof k_B)`, K.
    pub fn temperature_of(&self, kinetic_energy: f64) -> f64 {
        2.0 * kinetic_energy / (self.n_dof as f64 * BOLTZMANN)
    }

    /// Instantaneous temperature, K.
    pub fn temperature(&self) -> f64 {
        self.temperature_of(self.kinetic_energy())
    }

    /// Total momentum, u Å/fs.
    pub fn momentum(&self) -> Vec3 {
        let mut total = [0.0; 3];
        for (m, v) in self.masses.iter().zip(&self.velocities) {
            for a in 0..3 {
                total[a] += m * v[a];
            }
        }
        total
    }

    /// All velocities times `factor`.
    pub fn scale_velocities(&mut self, factor: f64) {
        for v in &mut self.velocities {
            for x in v {
                *x *= factor;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;

    #[test]
    fn kinetic_energy_in_ev_and_default_degrees_of_freedom() {
        let system = System::new(Cell::open(), vec![3, 16], vec![[0.0; 3], [2.0, 0.0, 0.0]]).unwrap();
        let velocities = vec![[0.01, 0.0, 0.0], [0.0, -0.002, 0.0]];
        let state = State::new(system, velocities, vec![6.94, 32.06], None).unwrap();
        // ½ m v² in J/eV: 6.94 u (0.01 Å/fs)² + 32.06 u (0.002 Å/fs)² = 8.2224e-4 u Å²/fs².
        let expected = 0.5 * 8.2224e-4 * 1.660_539_066_60e-27 * 1e10 / 1.602_176_634e-19;
        assert!((state.kinetic_energy() / expected - 1.0).abs() < 1e-12);
        assert_eq!(state.n_dof(), 3);
        assert!((state.temperature() - 2.0 * expected / (3.0 * 8.617_333_262e-5)).abs() < 1e-6);
    }

    #[test]
    fn inconsistent_input_is_refused() {
        let system = System::new(Cell::open(), vec![3, 16], vec![[0.0; 3], [2.0, 0.0, 0.0]]).unwrap();
        let error = |v: usize, m: Vec<f64>, n: Option<usize>| {
            State::new(system.clone(), vec![[0.0; 3]; v], m, n).unwrap_err().to_string()
        };
        assert_eq!(
            error(1, vec![1.0; 2], None),
            "velocities must have shape (2, 3) to match positions, got (1, 3)"
        );
        assert!(error(2, vec![1.0, 0.0], None).contains("mass of atom 1 must be positive, got 0"));
        assert!(error(2, vec![1.0, 1.0], Some(7)).contains("cannot have 7 degrees of freedom"));
    }
}
