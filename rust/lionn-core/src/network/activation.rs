//! Activation functions with first and second derivatives.

use serde::{Deserialize, Serialize};

/// Activation of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// `tanh(x)`.
    Tanh,
    /// Logistic function `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x`.
    Linear,
}

impl Activation {
    /// Value at `x`.
    #[inline]
    pub fn value(self, x: f64) -> f64 {
        match self {
            Self::Tanh => x.tanh(),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Linear => x,
        }
    }

    /// First derivative, expressed by the value `y`.
    #[inline]
    pub fn derivative(self, y: f64) -> f64 {
        match self {
            Self::Tanh => 1.0 - y * y,
            Self::Sigmoid => y * (1.0 - y),
            Self::Linear => 1.0,
        }
    }

    /// Second derivative, expressed by the value `y`.
    #[inline]
    pub fn second_derivative(self, y: f64) -> f64 {
        match self {
            Self::Tanh => -2.0 * y * (1.0 - y * y),
            Self::Sigmoid => y * (1.0 - y) * (1.0 - 2.0 * y),
            Self::Linear => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_agree_with_central_differences() {
        let h = 1e-5;
        for activation in [Activation::Tanh, Activation::Sigmoid, Activation::Linear] {
            for x in [-2.3, -0.4, 0.0, 0.7, 1.9] {
                let at = |x: f64| activation.value(x);
                let first = (at(x + h) - at(x - h)) / (2.0 * h);
                let slope = |x: f64| activation.derivative(at(x));
                let second = (slope(x + h) - slope(x - h)) / (2.0 * h);
                // Central differences of a smooth function of order one: error h² plus rounding eps/h.
                assert!((first - activation.derivative(at(x))).abs() < 1e-9);
                assert!((second - activation.second_derivative(at(x))).abs() < 1e-9);
            }
        }
    }
}
