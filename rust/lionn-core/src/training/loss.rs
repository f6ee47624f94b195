//! The loss of a set of images and its parts.

use crate::error::{Error, Result};

/// Weights of the terms of the loss.
///
/// ```text
/// L = sum_images w [ w_E ((E - E_ref)/N)² + w_F/(3N) sum_k |F_k - F_ref,k|² + w_S/9 sum_ab (σ_ab - σ_ref,ab)² ]
///     + λ sum_weights W²
/// ```
///
/// With `w_S = λ = 0` this is AMP's loss (Khorshidi and Peterson, Comput. Phys. Commun. 207, 310 (2016),
/// doi 10.1016/j.cpc.2016.05.010); its defaults `w_E = 1`, `w_F = 0.04` are the defaults here. All nine
/// components of the stress count, which makes the term independent of the orientation of the cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossWeights {
    /// Weight `w_E` of the squared energy error per atom, 1/eV².
    pub energy: f64,
    /// Weight `w_F` of the mean squared force component error, Å²/eV².
    pub force: f64,
    /// Weight `w_S` of the mean squared stress component error, Å⁶/eV².
    pub stress: f64,
    /// Strength `λ` of the penalty on squared weights (biases, slopes and intercepts are free).
    pub l2: f64,
}

impl Default for LossWeights {
    fn default() -> Self {
        Self { energy: 1.0, force: 0.04, stress: 0.0, l2: 0.0 }
    }
}

impl LossWeights {
    /// # Errors
    /// [`Error::InvalidParameter`] for a weight that is negative or not finite, or if all terms are switched off.
    pub fn check(&self) -> Result<()> {
        let named =
            [("energy", self.energy), ("force", self.force), ("stress", self.stress), ("l2", self.l2)];
        for (name, value) in named {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::InvalidParameter(format!(
                    "loss weight '{name}' must be zero or positive, got {value}"
                )));
            }
        }
        if self.energy + self.force + self.stress == 0.0 {
            return Err(Error::InvalidParameter(
                "at least one of the loss weights energy, force, stress must be positive".to_owned(),
            ));
        }
        Ok(())
    }
}

/// Loss of a set of images, its parts, and the plain errors (image weights do not enter the errors).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LossReport {
    /// The loss, sum of the four parts.
    pub loss: f64,
    /// Energy part, `w_E` included.
    pub energy: f64,
    /// Force part, `w_F` included.
    pub force: f64,
    /// Stress part, `w_S` included.
    pub stress: f64,
    /// Penalty on the weights, `λ` included.
    pub l2: f64,
    /// Root mean squared energy error per atom, eV/atom.
    pub energy_rmse_per_atom: f64,
    /// Root mean squared force component error, eV/Å; NaN if forces were neither present nor computed.
    pub force_rmse: f64,
    /// Root mean squared stress component error, eV/Å³; NaN if stresses were neither present nor computed.
    pub stress_rmse: f64,
}

/// Running sums over images, added up in a fixed order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LossSums {
    pub energy: f64,
    pub force: f64,
    pub stress: f64,
    pub energy_squares: f64,
    pub n_images: usize,
    pub force_squares: f64,
    pub n_components: usize,
    pub stress_squares: f64,
    pub n_stresses: usize,
}

impl LossSums {
    pub fn add(&mut self, other: &Self) {
        self.energy += other.energy;
        self.force += other.force;
        self.stress += other.stress;
        self.energy_squares += other.energy_squares;
        self.n_images += other.n_images;
        self.force_squares += other.force_squares;
        self.n_components += other.n_components;
        self.stress_squares += other.stress_squares;
        self.n_stresses += other.n_stresses;
    }

    pub fn report(&self, l2: f64) -> LossReport {
        let root = |sum: f64, count: usize| (sum / count as f64).sqrt();
        LossReport {
            loss: self.energy + self.force + self.stress + l2,
            energy: self.energy,
            force: self.force,
            stress: self.stress,
            l2,
            energy_rmse_per_atom: root(self.energy_squares, self.n_images),
            force_rmse: root(self.force_squares, self.n_components),
            stress_rmse: root(self.stress_squares, 9 * self.n_stresses),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_and_absent_terms_are_refused() {
        let negative = LossWeights { force: -1.0, ..LossWeights::default() };
        assert!(negative.check().unwrap_err().to_string().contains("'force'"));
        let nothing = LossWeights { energy: 0.0, force: 0.0, ..LossWeights::default() };
        assert!(nothing.check().unwrap_err().to_string().contains("at least one"));
        assert!(LossWeights::default().check().is_ok());
    }
}
