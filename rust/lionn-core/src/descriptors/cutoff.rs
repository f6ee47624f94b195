//! Cutoff functions with derivatives.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Largest cutoff radius, Å. Neighbors grow with its third power and angular terms with the sixth: 60 Å need gigabytes for one atom of a
/// solid, and a damaged potential file would end the program.
const MAX_RADIUS: f64 = 30.0;

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
    /// 1 up to an inner radius, from there on a [`Shape`] of `x = (r - inner)/(Rc - inner)` (n2p2's cutoff types 1 and 4 to 8).
    Switch {
        /// Cutoff radius `Rc`, Å.
        radius: f64,
        /// Radius up to which the function is 1, Å.
        #[serde(default, skip_serializing_if = "is_zero")]
        inner: f64,
        /// How it goes to 0.
        shape: Shape,
    },
    /// `tanh³(1 - r/Rc)` (Behler, J. Chem. Phys. 134, 074106 (2011), Eq. 5), which is 0.44 at zero distance; divided by
    /// that if `normalized`.
    Tanh {
        /// Cutoff radius `Rc`, Å.
        radius: f64,
        /// Whether the function starts at 1.
        normalized: bool,
    },
    /// 1 up to the radius, 0 beyond: energies jump where an atom crosses it.
    Hard {
        /// Cutoff radius `Rc`, Å.
        radius: f64,
    },
}

/// A function of `x` that falls from 1 at 0 to 0 at 1, flat at both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// `(1 + cos(π x))/2`
    Cosine,
    /// `exp(1 - 1/(1 - x²))`, all of whose derivatives vanish at 1.
    Exponential,
    /// `1 - 3 x² + 2 x³`, one continuous derivative.
    Cubic,
    /// `1 - 10 x³ + 15 x⁴ - 6 x⁵`, two continuous derivatives.
    Quintic,
    /// `1 - 35 x⁴ + 84 x⁵ - 70 x⁶ + 20 x⁷`, three.
    Septic,
    /// `1 - 126 x⁵ + 420 x⁶ - 540 x⁷ + 315 x⁸ - 70 x⁹`, four.
    Nonic,
}

impl Shape {
    /// Coefficients of `Q` in `(1 - x)^n Q(x)`, lowest power first, where `n` is their number plus one: the polynomial with its
    /// zero at 1 split off. `Q_k = C(n - 1 + k, k)` are the first terms of `1/(1 - x)^n`.
    pub(super) fn without_zero(self) -> Option<&'static [f64]> {
        match self {
            Self::Cosine | Self::Exponential => None,
            Self::Cubic => Some(&[1.0, 2.0]),
            Self::Quintic => Some(&[1.0, 3.0, 6.0]),
            Self::Septic => Some(&[1.0, 4.0, 10.0, 20.0]),
            Self::Nonic => Some(&[1.0, 5.0, 15.0, 35.0, 70.0]),
        }
    }

    /// Value and derivative at `0 <= x < 1`, `rest = 1 - x`.
    fn at(self, x: f64, rest: f64) -> (f64, f64) {
        match self {
            // (1 + cos y)/2 = cos²(y/2) = sin²((π - y)/2) keeps its relative precision near the cutoff.
            Self::Cosine => ((0.5 * PI * rest).sin().powi(2), -0.5 * PI * (PI * x.min(rest)).sin()),
            Self::Exponential => {
                let gap = rest * (1.0 + x);
                let value = (-x * x / gap).exp();
                // Where the value underflows the quotient may not be finite.
                let slope = if value == 0.0 { 0.0 } else { -2.0 * x / (gap * gap) * value };
                (value, slope)
            }
            _ => {
                let q = self.without_zero().expect("all other shapes are polynomials");
                let (order, last) = (q.len() as i32, q[q.len() - 1]);
                let value = rest.powi(order) * q.iter().rev().fold(0.0, |sum, c| sum * x + c);
                // f' = -(2 m + 1) C(2 m, m) x^m (1 - x)^m, m the number of continuous derivatives.
                let slope = -f64::from(2 * order - 1) * last * (x * rest).powi(order - 1);
                (value, slope)
            }
        }
    }
}

impl Cutoff {
    /// Cutoff radius, Å.
    pub fn radius(&self) -> f64 {
        match *self {
            Self::Cosine { radius }
            | Self::Polynomial { radius, .. }
            | Self::Switch { radius, .. }
            | Self::Tanh { radius, .. }
            | Self::Hard { radius } => radius,
        }
    }

    /// First version of the potential file that knows the function.
    pub(super) fn file_version(&self) -> u32 {
        match self {
            Self::Cosine { .. } | Self::Polynomial { .. } => 1,
            Self::Switch { .. } | Self::Tanh { .. } | Self::Hard { .. } => 3,
        }
    }

    /// # Errors
    /// [`Error::InvalidParameter`] for a radius that is not positive or above 30 Å, `γ < 2` (the slope at `Rc` would jump) or an inner radius
    /// that does not lie below the outer one.
    pub fn validate(&self) -> Result<()> {
        let radius = self.radius();
        if !(radius.is_finite() && radius > 0.0) {
            return Err(Error::InvalidParameter(format!("cutoff radius must be positive, got {radius} Å")));
        }
        if radius > MAX_RADIUS {
            return Err(Error::InvalidParameter(format!(
                "cutoff radius must be at most {MAX_RADIUS} Å, got {radius} Å"
            )));
        }
        match *self {
            Self::Polynomial { gamma, .. } if !(gamma.is_finite() && gamma >= 2.0) => {
                Err(Error::InvalidParameter(format!("polynomial cutoff needs gamma >= 2, got {gamma}")))
            }
            Self::Switch { inner, .. } if !(inner >= 0.0 && inner < radius) => Err(Error::InvalidParameter(
                format!("inner radius of a cutoff must lie between 0 and {radius} Å, got {inner} Å"),
            )),
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
            Self::Switch { radius, inner, shape } => {
                if r <= inner {
                    return 1.0;
                }
                shape.at((r - inner) / (radius - inner), (radius - r) / (radius - inner)).0
            }
            Self::Tanh { radius, normalized } => {
                tanh_scale(normalized) * ((radius - r) / radius).tanh().powi(3)
            }
            Self::Hard { .. } => 1.0,
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
            Self::Switch { radius, inner, shape } => {
                if r <= inner {
                    return 0.0;
                }
                let width = radius - inner;
                shape.at((r - inner) / width, (radius - r) / width).1 / width
            }
            Self::Tanh { radius, normalized } => {
                let y = ((radius - r) / radius).tanh();
                -3.0 / radius * tanh_scale(normalized) * y * y * (1.0 - y * y)
            }
            Self::Hard { .. } => 0.0,
        }
    }
}

/// Factor of `tanh³(1 - r/Rc)`.
pub(super) fn tanh_scale(normalized: bool) -> f64 {
    if normalized { 1f64.tanh().powi(-3) } else { 1.0 }
}

fn is_zero(x: &f64) -> bool {
    *x == 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [Shape; 6] =
        [Shape::Cosine, Shape::Exponential, Shape::Cubic, Shape::Quintic, Shape::Septic, Shape::Nonic];

    #[test]
    fn values_and_derivatives() {
        let h = 1e-6;
        let mut cutoffs = vec![
            Cutoff::Cosine { radius: 6.5 },
            Cutoff::Polynomial { radius: 5.0, gamma: 4.0 },
            Cutoff::Tanh { radius: 6.0, normalized: true },
            Cutoff::Tanh { radius: 6.0, normalized: false },
            Cutoff::Hard { radius: 6.0 },
        ];
        for shape in SHAPES {
            cutoffs.extend([0.0, 1.2].map(|inner| Cutoff::Switch { radius: 6.0, inner, shape }));
        }
        for cutoff in cutoffs {
            let at_zero = match cutoff {
                Cutoff::Tanh { normalized: false, .. } => 1f64.tanh().powi(3),
                _ => 1.0,
            };
            assert!((cutoff.value(0.0) - at_zero).abs() < 1e-15);
            assert_eq!(cutoff.value(cutoff.radius()), 0.0);
            assert_eq!(cutoff.derivative(7.0), 0.0);
            for r in [0.3, 1.7, 3.2, 4.9] {
                let numeric = (cutoff.value(r + h) - cutoff.value(r - h)) / (2.0 * h);
                // Rounding of the difference quotient: eps/h.
                assert!((numeric - cutoff.derivative(r)).abs() < 1e-9, "{cutoff:?} {r}");
            }
        }
    }

    /// The polynomials as they stand in the documentation.
    #[test]
    fn shapes_are_their_polynomials() {
        for x in [0.1f64, 0.4, 0.8] {
            let polynomials = [
                (Shape::Cubic, 1.0 + x.powi(2) * (2.0 * x - 3.0)),
                (Shape::Quintic, 1.0 + x.powi(3) * ((15.0 - 6.0 * x) * x - 10.0)),
                (Shape::Septic, 1.0 + x.powi(4) * (x * (x * (20.0 * x - 70.0) + 84.0) - 35.0)),
                (
                    Shape::Nonic,
                    1.0 + x.powi(5) * (x * (x * ((315.0 - 70.0 * x) * x - 540.0) + 420.0) - 126.0),
                ),
                (Shape::Exponential, (1.0 + 1.0 / (x * x - 1.0)).exp()),
                (Shape::Cosine, 0.5 * (1.0 + (PI * x).cos())),
            ];
            for (shape, expected) in polynomials {
                // Terms of up to 100 cancel in the expanded form.
                assert!((shape.at(x, 1.0 - x).0 - expected).abs() < 1e-13, "{shape:?} {x}");
            }
        }
    }

    #[test]
    fn bad_parameters_are_refused() {
        assert!(Cutoff::Cosine { radius: 0.0 }.validate().is_err());
        assert!(Cutoff::Cosine { radius: f64::NAN }.validate().is_err());
        assert!(Cutoff::Polynomial { radius: 5.0, gamma: 1.0 }.validate().is_err());
        for inner in [-0.1, 5.0, f64::NAN] {
            assert!(Cutoff::Switch { radius: 5.0, inner, shape: Shape::Cubic }.validate().is_err());
        }
    }
}
