//! How far an environment is from those of the training set.
//!
//! Per element, fingerprints are centered and divided by the width of each feature over the training set,
//! `x = (G - center)/width`. Along the `k` leading principal directions `u` of the training environments the squared
//! distance is divided by the variance, the rest of `x` by one small variance, the noise:
//! ```text
//! d² = sum_k (u_k·x)²/v_k + (|x|² - sum_k (u_k·x)²)/noise,   grade = d/d_max
//! ```
//! This is the Mahalanobis distance of probabilistic principal component analysis (Tipping and Bishop, J. R. Stat. Soc. B
//! 61, 611 (1999), Eqs. 7 and 8). Features of atomic environments are nearly collinear: without the noise the inverse
//! of their covariance does not exist. `d_max` is the largest distance of a training environment: at most 1 is inside,
//! above 1 is farther out than anything in training.

use crate::error::{Error, Result};
use crate::linalg::long_dot;
use serde::{Deserialize, Serialize};

/// Partial sums of the scalar products.
const LANES: usize = 8;

/// Training environments of one element, as in a potential file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRange {
    /// Number of training environments.
    pub n_environments: u64,
    /// Mean of every feature.
    pub center: Vec<f64>,
    /// Width by which every feature is divided.
    pub width: Vec<f64>,
    /// Orthonormal principal directions in the divided features, one per row.
    pub directions: Vec<Vec<f64>>,
    /// Variance along every direction.
    pub variance: Vec<f64>,
    /// Variance of everything else.
    pub noise: f64,
    /// Largest distance of a training environment.
    pub largest: f64,
    /// Grades of the training environments at the quantiles 0.5, 0.9, 0.99: what is usual.
    pub quantiles: [f64; 3],
}

impl TrainingRange {
    /// # Errors
    /// [`Error::InvalidParameter`] for arrays that do not fit together, numbers that are not finite, or scales that
    /// are not positive.
    pub fn validate(&self, n_features: usize, element: &str) -> Result<()> {
        let refuse =
            |what: &str| Err(Error::InvalidParameter(format!("training range of {element}: {what}")));
        if self.center.len() != n_features || self.width.len() != n_features {
            return refuse(&format!("center and width must have {n_features} entries"));
        }
        if self.directions.len() != self.variance.len()
            || self.directions.iter().any(|u| u.len() != n_features)
        {
            return refuse(&format!("directions must be {} rows of {n_features}", self.variance.len()));
        }
        let scales = self.width.iter().chain(&self.variance).chain([&self.noise, &self.largest]);
        if scales.into_iter().any(|&x| !(x.is_finite() && x > 0.0)) {
            return refuse("widths, variances, noise and largest distance must be positive");
        }
        let others = self.center.iter().chain(self.directions.iter().flatten()).chain(&self.quantiles);
        if others.into_iter().any(|x| !x.is_finite()) {
            return refuse("a number is not finite");
        }
        Ok(())
    }

    /// Extrapolation grade of one fingerprint; `work` is scratch space.
    pub fn grade(&self, fingerprint: &[f64], work: &mut Vec<f64>) -> f64 {
        work.clear();
        work.extend(
            fingerprint.iter().zip(&self.center).zip(&self.width).map(|((g, center), w)| (g - center) / w),
        );
        let (mut inside, mut scaled) = (0.0, 0.0);
        for (direction, variance) in self.directions.iter().zip(&self.variance) {
            let square = long_dot::<LANES>(direction, work).powi(2);
            inside += square;
            scaled += square / variance;
        }
        // Rounding may make the rest of a vector in the span of the directions slightly negative; a NaN must survive.
        let rest = long_dot::<LANES>(work, work) - inside;
        let rest = if rest < 0.0 { 0.0 } else { rest };
        (scaled + rest / self.noise).sqrt() / self.largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range() -> TrainingRange {
        TrainingRange {
            n_environments: 4,
            center: vec![1.0, -1.0, 0.0],
            width: vec![2.0, 1.0, 0.5],
            directions: vec![vec![0.6, 0.8, 0.0], vec![-0.8, 0.6, 0.0]],
            variance: vec![4.0, 0.25],
            noise: 0.01,
            largest: 3.0,
            quantiles: [0.5, 0.9, 1.0],
        }
    }

    #[test]
    fn grade_is_the_distance_of_the_definition() {
        let range = range();
        let g = [1.7, -0.8, 0.1];
        // x = (0.35, 0.2, 0.2); the covariance is U diag(4, 0.25) U^T plus 0.01 along the third axis.
        let (a, b, c): (f64, f64, f64) = (0.6 * 0.35 + 0.8 * 0.2, -0.8 * 0.35 + 0.6 * 0.2, 0.2);
        let expected = (a * a / 4.0 + b * b / 0.25 + c * c / 0.01).sqrt() / 3.0;
        assert!((range.grade(&g, &mut Vec::new()) - expected).abs() < 1e-14);
        assert_eq!(range.grade(&range.center.clone(), &mut Vec::new()), 0.0);
        assert!(range.grade(&[f64::NAN, 0.0, 0.0], &mut Vec::new()).is_nan());
    }

    #[test]
    fn damaged_ranges_are_refused() {
        let message = |change: fn(&mut TrainingRange)| {
            let mut range = range();
            change(&mut range);
            range.validate(3, "Li").unwrap_err().to_string()
        };
        assert!(range().validate(3, "Li").is_ok());
        assert!(range().validate(4, "Li").unwrap_err().to_string().contains("must have 4 entries"));
        assert!(message(|r| r.directions[1].truncate(2)).contains("2 rows of 3"));
        assert!(message(|r| r.noise = 0.0).contains("must be positive"));
        assert!(message(|r| r.center[0] = f64::NAN).contains("not finite"));
    }
}
