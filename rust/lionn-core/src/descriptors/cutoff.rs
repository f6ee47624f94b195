//! Cutoff functions with derivatives.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// A function that goes smoothly from 1 at zero distance to 0 at the cutoff radius (Å).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Cutoff {
    /// `(1 + cos(π r/Rc))/2` (Behler and Parrinello, Phys. Rev. Lett. 98, 146401 (2007), Eq. 5).
    Cosine {
        /// Cutoff radius `Rc`, Å.
        radius: f64,
    },
    /// `1 + γ (r/Rc)^(γ+1) - (γ+1) (r/Rc)^γ` (Khorshidi and Peterson, Comput. Phys. Commun. 207, 310 (2016)).
    Polynomial {
        /// Cutoff radius `Rc`, Å.
        radius: f64,
        /// Exponent `γ >= 2`, AMP's default is 4.
        gamma: f64,
    },
}

impl Cutoff {
    /// Cutoff radius, Å.
    pub fn radius(&self) -> f64 {
        match *self {
            Self::Cosine { radius } | Self::Polynomial { radius, .. } => radius,
        }
    }

    /// # Errors
    /// [`Error::InvalidParameter`] for a radius that is not positive or `γ < 2` (the slope at `Rc` would jump).
    pub fn validate(&self) -> Result<()> {
        let radius = self.radius();
        if !(radius.is_finite() && radius > 0.0) {
            return Err(Error::InvalidParameter(format!("cutoff radius must be positive, got {radius} Å")));
        }
        match *self {
            Self::Polynomial { gamma, .. } if !(gamma.is_finite() && gamma >= 2.0) => {
                Err(Error::InvalidParameter(format!("polynomial cutoff needs gamma >= 2, got {gamma}")))
            }
            _ => Ok(()),
        }
    }

    /// Value at distance `r`.
    #[inline]
    pub fn value(&self, r: f64) -> f64 {
        let x = r / self.radius();
        if x >= 1.0 {
            return 0.0;
        }
        match *self {
            // (1 + cos y)/2 = cos²(y/2) keeps its relative precision near the cutoff.
            Self::Cosine { .. } => (0.5 * PI * x).cos().powi(2),
            Self::Polynomial { gamma, .. } => {
                1.0 + gamma * x.powf(gamma + 1.0) - (gamma + 1.0) * x.powf(gamma)
            }
        }
    }

    /// Derivative with respect to `r` at distance `r`, 1/Å.
    #[inline]
    pub fn derivative(&self, r: f64) -> f64 {
        let x = r / self.radius();
        if x >= 1.0 {
            return 0.0;
        }
        match *self {
            Self::Cosine { radius } => -0.5 * PI / radius * (PI * x).sin(),
            Self::Polynomial { radius, gamma } => {
                gamma * (gamma + 1.0) / radius * (x.powf(gamma) - x.powf(gamma - 1.0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_derivatives() {
        let h = 1e-6;
        for cutoff in [Cutoff::Cosine { radius: 6.5 }, Cutoff::Polynomial { radius: 5.0, gamma: 4.0 }] {
            assert_eq!(cutoff.value(0.0), 1.0);
            assert_eq!(cutoff.value(cutoff.radius()), 0.0);
            assert_eq!(cutoff.derivative(7.0), 0.0);
            for r in [0.3, 1.7, 3.2, 4.9] {
                let numeric = (cutoff.value(r + h) - cutoff.value(r - h)) / (2.0 * h);
                // Rounding of the difference quotient: eps/h.
                assert!((numeric - cutoff.derivative(r)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn bad_parameters_are_refused() {
        assert!(Cutoff::Cosine { radius: 0.0 }.validate().is_err());
        assert!(Cutoff::Cosine { radius: f64::NAN }.validate().is_err());
        assert!(Cutoff::Polynomial { radius: 5.0, gamma: 1.0 }.validate().is_err());
    }
}
