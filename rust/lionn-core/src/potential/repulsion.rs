//! Short-range repulsion below the distances seen in training.
//!
//! A network knows nothing about atoms closer than any pair of the training images and may pull them together. Below that
//! distance the universal screened nuclear repulsion of Ziegler, Biersack and Littmark takes over:
//! ```text
//! V(r) = Z_i Z_j e²/(4π ε0 r) φ(r/a) S(r),   a = 0.8854 a0 / (Z_i^0.23 + Z_j^0.23)
//! φ(x) = 0.18175 exp(-3.19980 x) + 0.50986 exp(-0.94229 x) + 0.28022 exp(-0.40290 x) + 0.02817 exp(-0.20162 x)
//! ```
//! `S` is the quintic step that falls from 1 at `inner` to 0 at `outer` with two continuous derivatives. With `outer` below the
//! shortest training distance of the pair, the repulsion is zero on every training image and changes no fitted number.
//!
//! J. F. Ziegler, J. P. Biersack, U. Littmark, The Stopping and Range of Ions in Matter (Pergamon, 1985).

use crate::error::{Error, Result};
use crate::linalg::{Mat3, Vec3, norm};
use crate::neighbors::NeighborList;
use crate::species::{atomic_number, symbol};
use crate::system::System;
use serde::{Deserialize, Serialize};

/// `e²/(4π ε0)`, eV Å (CODATA 2018).
const COULOMB: f64 = 14.399_645_478;
/// `0.8854 a0`, Å.
const SCREENING: f64 = 0.8854 * 0.529_177_210_9;
/// Amplitudes and decay constants of the universal screening function.
const UNIVERSAL: [(f64, f64); 4] =
    [(0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162)];

/// Repulsion of one pair of elements, as in a potential file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepulsionPair {
    /// The two elements, in any order.
    pub elements: [String; 2],
    /// Distance below which the repulsion acts in full, Å.
    pub inner: f64,
    /// Distance from which it is zero, Å.
    pub outer: f64,
}

/// Screened nuclear repulsion between all pairs of elements that have one.
#[derive(Debug, Clone, PartialEq)]
pub struct Repulsion {
    pairs: Vec<RepulsionPair>,
    n_elements: usize,
    table: Vec<Option<Screened>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Screened {
    strength: f64,
    length: f64,
    inner: f64,
    outer: f64,
}

impl Repulsion {
    /// Repulsion for the elements `numbers` (sorted by symbol).
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for elements that are not among `numbers`, or unless
    /// `0 < inner < outer <= cutoff`.
    pub fn new(pairs: Vec<RepulsionPair>, numbers: &[u8], cutoff: f64) -> Result<Self> {
        let n_elements = numbers.len();
        let mut table = vec![None; n_elements * n_elements];
        for pair in &pairs {
            let name = pair.elements.join("-");
            let valid = 0.0 < pair.inner && pair.inner < pair.outer && pair.outer <= cutoff;
            if !valid {
                return Err(Error::InvalidParameter(format!(
                    "repulsion of {name} needs 0 < inner < outer <= cutoff {cutoff} Å, got {} and {}",
                    pair.inner, pair.outer
                )));
            }
            let z = [atomic_number(&pair.elements[0])?, atomic_number(&pair.elements[1])?];
            let mut index = [0; 2];
            for (slot, z) in index.iter_mut().zip(z) {
                *slot = numbers.iter().position(|&n| n == z).ok_or_else(|| {
                    Error::InvalidParameter(format!(
                        "repulsion of {name}: element {} is not in the model",
                        symbol(z)
                    ))
                })?;
            }
            let [a, b] = z.map(f64::from);
            let screened = Screened {
                strength: COULOMB * a * b,
                length: SCREENING / (a.powf(0.23) + b.powf(0.23)),
                inner: pair.inner,
                outer: pair.outer,
            };
            table[index[0] * n_elements + index[1]] = Some(screened);
            table[index[1] * n_elements + index[0]] = Some(screened);
        }
        Ok(Self { pairs, n_elements, table })
    }

    /// The pairs as in the file.
    pub fn pairs(&self) -> &[RepulsionPair] {
        &self.pairs
    }

    /// Largest distance at which it acts, Å.
    pub fn cutoff(&self) -> f64 {
        self.pairs.iter().map(|p| p.outer).fold(0.0, f64::max)
    }

    /// Distance from which the repulsion between two element indices is zero, Å.
    #[inline]
    pub fn range(&self, a: usize, b: usize) -> f64 {
        self.table[a * self.n_elements + b].map_or(0.0, |s| s.outer)
    }

    /// Adds forces (eV/Å) and the strain derivative (eV) of a whole structure and returns its energy, eV.
    ///
    /// # Errors
    /// As [`NeighborList::build`].
    pub fn add_to(
        &self,
        system: &System,
        element_of: &[u8],
        forces: &mut [Vec3],
        strain_derivative: &mut Mat3,
    ) -> Result<f64> {
        let list = NeighborList::build(system, self.cutoff())?;
        let mut energy = 0.0;
        for i in 0..system.n_atoms() {
            for pair in list.of(i) {
                let vector = NeighborList::vector(system, i, pair);
                let r = norm(vector);
                let neighbor = element_of[pair.j as usize];
                let (value, slope) = self.pair(usize::from(element_of[i]), usize::from(neighbor), r);
                energy += 0.5 * value;
                for a in 0..3 {
                    // The list holds every pair twice, so each end takes its force from its own entry.
                    let gradient = slope / r * vector[a];
                    if let Some(force) = forces.get_mut(i) {
                        force[a] += gradient;
                    }
                    for b in 0..3 {
                        strain_derivative[a][b] += 0.5 * gradient * vector[b];
                    }
                }
            }
        }
        Ok(energy)
    }

    /// Energy (eV) and its derivative (eV/Å) of two atoms at distance `r`.
    pub fn pair(&self, a: usize, b: usize, r: f64) -> (f64, f64) {
        match &self.table[a * self.n_elements + b] {
            Some(screened) if r < screened.outer => screened.evaluate(r),
            _ => (0.0, 0.0),
        }
    }
}

impl Screened {
    fn evaluate(&self, r: f64) -> (f64, f64) {
        let (mut phi, mut dphi) = (0.0, 0.0);
        for (amplitude, decay) in UNIVERSAL {
            let term = amplitude * (-decay * r / self.length).exp();
            phi += term;
            dphi -= decay / self.length * term;
        }
        let (value, slope) = (self.strength * phi / r, self.strength * (dphi - phi / r) / r);
        if r <= self.inner {
            return (value, slope);
        }
        let width = self.outer - self.inner;
        let t = (self.outer - r) / width;
        let step = t * t * t * (10.0 + t * (6.0 * t - 15.0));
        let d_step = -30.0 * (t * (1.0 - t)).powi(2) / width;
        (value * step, slope * step + value * d_step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repulsion() -> Repulsion {
        let pair = RepulsionPair { elements: ["S".into(), "Li".into()], inner: 1.2, outer: 2.0 };
        Repulsion::new(vec![pair], &[3, 16], 6.0).unwrap()
    }

    #[test]
    fn slope_is_the_derivative_and_the_joints_are_smooth() {
        let repulsion = repulsion();
        let h = 1e-5;
        for r in [0.3, 1.0, 1.199_99, 1.2, 1.5, 1.999, 2.0, 2.5] {
            let at = |r: f64| repulsion.pair(0, 1, r).0;
            let numeric = (at(r + h) - at(r - h)) / (2.0 * h);
            let (_, slope) = repulsion.pair(1, 0, r);
            // h² times the third derivative, which is large close to the nucleus.
            assert!((numeric - slope).abs() < 1e-6 * (1.0 + slope.abs()), "{r}: {numeric} {slope}");
        }
        assert_eq!(repulsion.pair(0, 1, 2.0), (0.0, 0.0));
        assert_eq!(repulsion.pair(0, 0, 0.5), (0.0, 0.0));
        assert_eq!(repulsion.range(0, 1), 2.0);
    }

    /// Li-S at 1 Å: Z product 48, screening length 0.4686/(3^0.23 + 16^0.23) = 0.14735 Å, φ(6.7865) = 0.026298.
    #[test]
    fn value_of_the_universal_potential() {
        let x: f64 = 1.0 / (SCREENING / (3f64.powf(0.23) + 16f64.powf(0.23)));
        let phi = 0.18175 * (-3.1998 * x).exp()
            + 0.50986 * (-0.94229 * x).exp()
            + 0.28022 * (-0.4029 * x).exp()
            + 0.02817 * (-0.20162 * x).exp();
        assert!((repulsion().pair(0, 1, 1.0).0 - 48.0 * COULOMB * phi).abs() < 1e-10);
    }

    #[test]
    fn bad_pairs_are_refused() {
        let make = |elements: [&str; 2], inner, outer| {
            Repulsion::new(
                vec![RepulsionPair { elements: elements.map(String::from), inner, outer }],
                &[3, 16],
                6.0,
            )
            .unwrap_err()
            .to_string()
        };
        assert!(make(["Li", "S"], 2.0, 1.0).contains("0 < inner < outer"));
        assert!(make(["Li", "S"], 2.0, 7.0).contains("<= cutoff 6 Å"));
        assert!(make(["Li", "Cl"], 1.0, 2.0).contains("element Cl is not in the model"));
    }
}
