//! Scaling of fingerprints before they enter a network.

use crate::error::{Error, Result};

/// Fingerprint ranges narrower than this are constant for all practical purposes and are left unscaled, as AMP does.
pub const CONSTANT_RANGE: f64 = 1e-8;

/// Min-max scaling of one element's fingerprint: `s = 2 (G - min)/(max - min) - 1`.
///
/// Features whose range over the training images is below `1e-8` enter unscaled
/// (Khorshidi and Peterson, Comput. Phys. Commun. 207, 310 (2016)).
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    min: Vec<f64>,
    max: Vec<f64>,
    factor: Vec<f64>,
    offset: Vec<f64>,
}

impl Scaling {
    /// Scaling from the smallest and largest value of every feature over the training images.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for ranges that are not finite or reversed, or lengths that differ.
    pub fn min_max(min: Vec<f64>, max: Vec<f64>) -> Result<Self> {
        if min.len() != max.len() {
            return Err(Error::shape(
                "scaling maxima",
                format!("({},)", min.len()),
                format!("({},)", max.len()),
            ));
        }
        for (feature, (lo, hi)) in min.iter().zip(&max).enumerate() {
            if !(lo.is_finite() && hi.is_finite() && lo <= hi) {
                return Err(Error::InvalidParameter(format!(
                    "scaling range of feature {feature} must be finite with min <= max, got [{lo}, {hi}]"
                )));
            }
        }
        let width = |k: usize| max[k] - min[k];
        let is_constant = |k: usize| width(k) <= CONSTANT_RANGE;
        let factor = (0..min.len()).map(|k| if is_constant(k) { 1.0 } else { 2.0 / width(k) }).collect();
        let offset = (0..min.len())
            .map(|k| if is_constant(k) { 0.0 } else { -1.0 - 2.0 * min[k] / width(k) })
            .collect();
        Ok(Self { min, max, factor, offset })
    }

    /// Number of features.
    pub fn n_features(&self) -> usize {
        self.min.len()
    }

    /// Smallest value of every feature in training.
    pub fn min(&self) -> &[f64] {
        &self.min
    }

    /// Largest value of every feature in training.
    pub fn max(&self) -> &[f64] {
        &self.max
    }

    /// `ds/dG` of every feature.
    pub fn factors(&self) -> &[f64] {
        &self.factor
    }

    /// Replaces fingerprint values by scaled ones and returns the largest excess beyond the training range in units
    /// of the width of the range (0 inside). Constant features do not count.
    pub fn apply(&self, values: &mut [f64]) -> f64 {
        let mut worst: f64 = 0.0;
        for (k, value) in values.iter_mut().enumerate() {
            *value = *value * self.factor[k] + self.offset[k];
            if self.max[k] - self.min[k] > CONSTANT_RANGE {
                worst = worst.max(0.5 * (value.abs() - 1.0));
            }
        }
        // Values on the edge of the range differ from ±1 by rounding only.
        if worst > 1e-12 { worst } else { 0.0 }
    }

    /// The feature farthest outside its range, of scaled values.
    pub fn worst_feature(&self, scaled: &[f64]) -> usize {
        let counts = |k: &usize| self.max[*k] - self.min[*k] > CONSTANT_RANGE;
        let size = |k: &usize| scaled[*k].abs();
        (0..scaled.len()).filter(counts).max_by(|a, b| size(a).total_cmp(&size(b))).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_maps_to_minus_one_and_one_and_excess_is_measured() {
        let scaling = Scaling::min_max(vec![1.0, 5.0], vec![3.0, 5.0]).unwrap();
        let mut values = [1.0, 5.0];
        assert_eq!(scaling.apply(&mut values), 0.0);
        assert_eq!(values, [-1.0, 5.0]);
        let mut outside = [3.5, 7.0];
        assert!((scaling.apply(&mut outside) - 0.25).abs() < 1e-12);
        assert_eq!(scaling.worst_feature(&outside), 0);
        assert_eq!(outside[1], 7.0);
    }

    #[test]
    fn bad_ranges_are_refused() {
        assert!(Scaling::min_max(vec![1.0], vec![0.0]).is_err());
        assert!(Scaling::min_max(vec![f64::NAN], vec![0.0]).is_err());
        assert!(Scaling::min_max(vec![1.0], vec![]).is_err());
    }
}
