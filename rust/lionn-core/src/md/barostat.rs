//! Constant pressure: the equations of Martyna, Tobias and Klein.

use serde::{Deserialize, Serialize};

use super::thermostat::{NoseHooverChain, Thermostat, positive};
use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::linalg::{Mat3, Vec3, row_times};
use crate::md::state::State;
use crate::units::{ACCELERATION, BOLTZMANN, GIGAPASCAL};

/// Which lengths of the cell follow the pressure; angles never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Coupling {
    /// All lengths change by one factor.
    Isotropic,
    /// The three lengths change on their own.
    Anisotropic,
}

impl Coupling {
    /// Independent lengths.
    fn n_lengths(self) -> usize {
        match self {
            Self::Isotropic => 1,
            Self::Anisotropic => 3,
        }
    }
}

/// A barostat in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarostatSpec {
    /// Which lengths change.
    pub coupling: Coupling,
    /// Pressure, GPa (1 GPa = 10 kbar).
    #[serde(rename = "pressure_GPa")]
    pub pressure_gpa: f64,
    /// Temperature of the barostat, K: that of the thermostat.
    #[serde(rename = "temperature_K")]
    pub temperature_k: f64,
    /// Time constant of barostat and chain, fs: `W = (N_dof + 3) k_B T tau²`.
    pub tau_fs: f64,
    /// Number of thermostat variables of the barostat, at least 1.
    pub chain_length: usize,
    /// Number of Suzuki-Yoshida weights: 1, 3, 5 or 7.
    pub n_weights: usize,
    /// Equal sub-steps of each half step of the chain.
    pub n_substeps: usize,
}

/// Martyna-Tobias-Klein barostat, which samples the isothermal-isobaric ensemble together with a thermostat that samples
/// the canonical one (Martyna, Tobias, Klein, J. Chem. Phys. 101, 4177 (1994), doi:10.1063/1.467468).
///
/// Rows `a_i` of the cell are lattice vectors, `b_i` the reciprocal ones, `a_i · b_j = δ_ij`. With the rates `e_i` of the
/// lengths, `G = sum_i e_i b_i ⊗ a_i` and `d = 3`:
///
/// - `da_i/dt = e_i a_i`, `dx/dt = v + x G`, `dv/dt = F/m - v Gᵀ - (tr G/N_dof) v`
/// - `W/3 de_i/dt = a_i Π b_i - P V + 2K/N_dof`, `Π = sum m v ⊗ v + virial`, `W = (N_dof + d) k_B T tau²`
///
/// and for isotropic coupling the mean of the three forces acts on each `e_i`. The term `2K/N_dof` and its partner in
/// `dv/dt` are the factor `1 + d/N_dof` of the paper, without which the ensemble is wrong. The barostat has a Nosé-Hoover
/// chain of its own. Conserved, with the energies of both thermostats: `U + K + P V + W/6 sum_i e_i²`.
///
/// In an orthorhombic cell this is the paper's flexible cell with its off-diagonal rates left out. In a triclinic one the
/// rates are those of the lengths along the fixed directions of the lattice vectors, so that angles stay; the sampled
/// distribution is `exp(-β (U + P V)) V^(N-1) da db dc` of the lengths for scaled positions. (Total momentum is zero, hence `N - 1`.)
///
/// A step is the reversible factorization of Tuckerman, Alejandre, López-Rendón, Jochim, Martyna, J. Phys. A 39, 5629
/// (2006), doi:10.1088/0305-4470/39/19/S18: half steps of chain and thermostat · [`Barostat::push`] · [`Barostat::kick`] ·
/// [`Barostat::drift`] over the whole step · forces · the same backwards.
#[derive(Debug, Clone)]
pub struct Barostat {
    coupling: Coupling,
    /// eV/Å³.
    pressure: f64,
    /// `W/3`, eV fs².
    mass: f64,
    n_dof: f64,
    chain: NoseHooverChain,
    /// `b_i ⊗ a_i`, the same for all lengths of the lattice vectors.
    projectors: [Mat3; 3],
    /// `e_i`, 1/fs.
    rates: Vec3,
}

impl Barostat {
    /// A barostat at rest for a cell with the angles of `cell` and `n_dof` degrees of freedom.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a number out of range or a cell that is not periodic in all directions.
    pub fn new(spec: &BarostatSpec, cell: &Cell, n_dof: usize) -> Result<Self> {
        if cell.periodic() != [true; 3] {
            return Err(Error::InvalidParameter(format!(
                "constant pressure needs a cell that is periodic along a, b and c, got {:?}",
                cell.periodic()
            )));
        }
        if !spec.pressure_gpa.is_finite() {
            return Err(Error::InvalidParameter(format!(
                "pressure must be finite, got {} GPa",
                spec.pressure_gpa
            )));
        }
        positive("barostat time constant tau", spec.tau_fs, "fs")?;
        let chain = NoseHooverChain::new(
            spec.temperature_k,
            spec.tau_fs,
            spec.chain_length,
            spec.n_weights,
            spec.n_substeps,
            spec.coupling.n_lengths(),
        )?;
        let (lattice, inverse) = (cell.vectors(), cell.inverse());
        let projectors = [0, 1, 2].map(|i| inverse.map(|row| lattice[i].map(|x| row[i] * x)));
        let mass = (n_dof + 3) as f64 * BOLTZMANN * spec.temperature_k * spec.tau_fs * spec.tau_fs / 3.0;
        Ok(Self {
            coupling: spec.coupling,
            pressure: spec.pressure_gpa * GIGAPASCAL,
            mass,
            n_dof: n_dof as f64,
            chain,
            projectors,
            rates: [0.0; 3],
        })
    }

    /// `W/6 sum_i e_i²`, eV.
    fn kinetic_energy(&self) -> f64 {
        0.5 * self.mass * self.rates.iter().map(|e| e * e).sum::<f64>()
    }

    /// What must be added to `U + K` and the energy of the thermostat to give the conserved quantity, eV.
    pub fn energy(&self, volume: f64) -> f64 {
        self.pressure * volume + self.kinetic_energy() + self.chain.energy()
    }

    /// Follow another temperature from now on.
    pub fn set_target(&mut self, temperature_k: f64) {
        self.chain.set_target(temperature_k);
    }

    /// The chain of the barostat acts on the rates for `time_fs`.
    pub fn thermalize(&mut self, time_fs: f64) {
        let factor = self.chain.propagate(time_fs, self.kinetic_energy());
        self.rates = self.rates.map(|e| e * factor);
    }

    /// The pressure acts on the rates for `time_fs`.
    pub fn push(&mut self, state: &State, virial: &Mat3, time_fs: f64) {
        let kinetic = state.kinetic_tensor();
        let trace = kinetic[0][0] + kinetic[1][1] + kinetic[2][2];
        let common = trace / self.n_dof - self.pressure * state.system.cell.volume();
        let mut forces = self.projectors.map(|projector| {
            let mut sum = common;
            for a in 0..3 {
                for b in 0..3 {
                    sum += (kinetic[a][b] + virial[a][b]) * projector[a][b];
                }
            }
            sum
        });
        if self.coupling == Coupling::Isotropic {
            forces = [forces.iter().sum::<f64>() / 3.0; 3];
        }
        for (rate, force) in self.rates.iter_mut().zip(forces) {
            *rate += time_fs * force / self.mass;
        }
    }

    /// Forces and the changing cell act on the velocities for `time_fs`.
    pub fn kick(&self, state: &mut State, forces: &[Vec3], time_fs: f64) {
        let shared = self.rates.iter().sum::<f64>() / self.n_dof;
        let exponents = self.rates.map(|e| -(e + shared) * time_fs);
        let keep = transposed(&self.sum(exponents.map(f64::exp)));
        let gain = transposed(&self.sum(exponents.map(|x| ACCELERATION * time_fs * mean_exponential(x))));
        let (masses, velocities) = state.masses_and_velocities_mut();
        for ((v, m), force) in velocities.iter_mut().zip(masses).zip(forces) {
            let (old, new) = (row_times(*v, &keep), row_times(*force, &gain));
            *v = [0, 1, 2].map(|a| old[a] + new[a] / m);
        }
    }

    /// Atoms move and the cell stretches for `time_fs`.
    ///
    /// # Errors
    /// [`Error::Structure`] for a cell that has collapsed or is not finite.
    pub fn drift(&self, state: &mut State, time_fs: f64) -> Result<()> {
        let exponents = self.rates.map(|e| e * time_fs);
        let factors = exponents.map(f64::exp);
        let carry = self.sum(factors);
        let gain = self.sum(exponents.map(|x| time_fs * mean_exponential(x)));
        for (x, v) in state.system.positions.iter_mut().zip(&state.velocities) {
            let (old, new) = (row_times(*x, &carry), row_times(*v, &gain));
            *x = [0, 1, 2].map(|a| old[a] + new[a]);
        }
        state.system.cell = state.system.cell.stretched(factors)?;
        Ok(())
    }

    /// `sum_i factor_i b_i ⊗ a_i`.
    fn sum(&self, factors: Vec3) -> Mat3 {
        let mut sum = [[0.0; 3]; 3];
        for (factor, projector) in factors.iter().zip(&self.projectors) {
            for a in 0..3 {
                for b in 0..3 {
                    sum[a][b] += factor * projector[a][b];
                }
            }
        }
        sum
    }

    /// Appends the internal variables: rates, then those of the chain.
    pub fn save(&self, out: &mut Vec<f64>) {
        out.extend_from_slice(&self.rates);
        out.extend_from_slice(self.chain.variables());
    }

    /// Sets the internal variables.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of them.
    pub fn load(&mut self, variables: &[f64]) -> Result<()> {
        let expected = 3 + self.chain.variables().len();
        if variables.len() != expected {
            let got = format!("({},)", variables.len());
            return Err(Error::shape("barostat variables", format!("({expected},)"), got));
        }
        self.rates.copy_from_slice(&variables[..3]);
        self.chain.variables_mut().copy_from_slice(&variables[3..]);
        Ok(())
    }
}

/// Mean of `exp(s x)` over `s` in [0, 1]: `(exp(x) - 1)/x`.
fn mean_exponential(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { x.exp_m1() / x }
}

fn transposed(m: &Mat3) -> Mat3 {
    [0, 1, 2].map(|a| [0, 1, 2].map(|b| m[b][a]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> BarostatSpec {
        BarostatSpec {
            coupling: Coupling::Anisotropic,
            pressure_gpa: 1.0,
            temperature_k: 300.0,
            tau_fs: 500.0,
            chain_length: 3,
            n_weights: 3,
            n_substeps: 1,
        }
    }

    /// `sum_i b_i ⊗ a_i = 1` and `a_i (b_j ⊗ a_j) = δ_ij a_i`, in a triclinic cell.
    #[test]
    fn projectors_resolve_the_identity() {
        let cell = Cell::new([[4.0, 0.2, 0.0], [1.0, 5.0, -0.3], [0.4, 0.6, 6.0]], [true; 3]).unwrap();
        let barostat = Barostat::new(&spec(), &cell, 30).unwrap();
        let one = barostat.sum([1.0; 3]);
        for a in 0..3 {
            for b in 0..3 {
                assert!((one[a][b] - if a == b { 1.0 } else { 0.0 }).abs() < 1e-14);
            }
            let stretched = row_times(cell.vectors()[a], &barostat.sum([1.5, 2.0, 3.0]));
            for b in 0..3 {
                assert!((stretched[b] - [1.5, 2.0, 3.0][a] * cell.vectors()[a][b]).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn bad_numbers_and_open_cells_are_refused() {
        let cell = Cell::new([[4.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 6.0]], [true; 3]).unwrap();
        let error = |spec: BarostatSpec, cell: &Cell| Barostat::new(&spec, cell, 30).unwrap_err().to_string();
        assert!(
            error(spec(), &Cell::open()).contains("periodic along a, b and c, got [false, false, false]")
        );
        let bad = BarostatSpec { tau_fs: 0.0, ..spec() };
        assert_eq!(error(bad, &cell), "barostat time constant tau must be positive, got 0 fs");
        let bad = BarostatSpec { pressure_gpa: f64::NAN, ..spec() };
        assert_eq!(error(bad, &cell), "pressure must be finite, got NaN GPa");
    }
}
