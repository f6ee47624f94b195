//! Activation functions with first and second derivatives.

use serde::{Deserialize, Serialize};

/// Activation of a layer.
///
/// Derivatives take the argument `x` and the value `y` there, and use whichever is cheaper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// `tanh(x)`.
    Tanh,
    /// Logistic function `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x`.
    Linear,
    /// `log(1 + exp(x))`.
    Softplus,
    /// `max(x, 0)`: energies are smooth, forces jump where a node is zero.
    Relu,
    /// `exp(-x²/2)`.
    Gaussian,
    /// `cos(x)`.
    Cosine,
    /// `1 / (1 + exp(x))`.
    ReversedSigmoid,
    /// `exp(-x)`.
    Exponential,
    /// `x²`.
    Square,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Tanh,
        Self::Sigmoid,
        Self::Linear,
        Self::Softplus,
        Self::Relu,
        Self::Gaussian,
        Self::Cosine,
        Self::ReversedSigmoid,
        Self::Exponential,
        Self::Square,
    ];

    /// Name in configurations and potential files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Linear => "linear",
            Self::Softplus => "softplus",
            Self::Relu => "relu",
            Self::Gaussian => "gaussian",
            Self::Cosine => "cosine",
            Self::ReversedSigmoid => "reversedsigmoid",
            Self::Exponential => "exponential",
            Self::Square => "square",
        }
    }

    /// First version of the potential file that knows it.
    pub(crate) fn file_version(self) -> u32 {
        match self {
            Self::Tanh | Self::Sigmoid | Self::Linear => 1,
            Self::Softplus
            | Self::Relu
            | Self::Gaussian
            | Self::Cosine
            | Self::ReversedSigmoid
            | Self::Exponential
            | Self::Square => 3,
        }
    }

    /// Value at `x`.
    #[inline]
    pub fn value(self, x: f64) -> f64 {
        match self {
            Self::Tanh => x.tanh(),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Linear => x,
            Self::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Self::Relu => x.max(0.0),
            Self::Gaussian => (-0.5 * x * x).exp(),
            Self::Cosine => x.cos(),
            Self::ReversedSigmoid => 1.0 / (1.0 + x.exp()),
            Self::Exponential => (-x).exp(),
            Self::Square => x * x,
        }
    }

    /// First derivative at `x`, where the value is `y`.
    #[inline]
    pub fn derivative(self, x: f64, y: f64) -> f64 {
        match self {
            Self::Tanh => 1.0 - y * y,
            Self::Sigmoid => y * (1.0 - y),
            Self::Linear => 1.0,
            // The logistic function: exp(-y) = 1/(1 + exp(x)).
            Self::Softplus => -(-y).exp_m1(),
            Self::Relu => f64::from(x > 0.0),
            Self::Gaussian => -x * y,
            Self::Cosine => -x.sin(),
            Self::ReversedSigmoid => y * (y - 1.0),
            Self::Exponential => -y,
            Self::Square => 2.0 * x,
        }
    }

    /// Second derivative at `x`, where the value is `y`.
    #[inline]
    pub fn second_derivative(self, x: f64, y: f64) -> f64 {
        match self {
            Self::Tanh => -2.0 * y * (1.0 - y * y),
            Self::Sigmoid => y * (1.0 - y) * (1.0 - 2.0 * y),
            Self::Linear | Self::Relu => 0.0,
            Self::Softplus => {
                let rest = (-y).exp();
                rest * (1.0 - rest)
            }
            Self::Gaussian => (x * x - 1.0) * y,
            Self::Cosine => -y,
            Self::ReversedSigmoid => y * (y - 1.0) * (2.0 * y - 1.0),
            Self::Exponential => y,
            Self::Square => 2.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_agree_with_central_differences() {
        let h = 1e-5;
        for activation in Activation::ALL {
            // No point lies where the ramp has its corner.
            for x in [-2.3, -0.4, 0.1, 0.7, 1.9] {
                let at = |x: f64| activation.value(x);
                let first = (at(x + h) - at(x - h)) / (2.0 * h);
                let slope = |x: f64| activation.derivative(x, at(x));
                let second = (slope(x + h) - slope(x - h)) / (2.0 * h);
                // Central differences of a smooth function of order one: error h² plus rounding eps/h.
                assert!((first - slope(x)).abs() < 2e-9, "{activation:?} {x}");
                assert!((second - activation.second_derivative(x, at(x))).abs() < 2e-9, "{activation:?} {x}");
            }
        }
    }

    #[test]
    fn large_arguments_stay_finite() {
        let softplus = Activation::Softplus;
        assert_eq!([softplus.value(800.0), softplus.value(-800.0)], [800.0, 0.0]);
        assert_eq!([softplus.derivative(800.0, 800.0), softplus.derivative(-800.0, 0.0)], [1.0, 0.0]);
        assert_eq!([-800.0, 800.0].map(|x| Activation::ReversedSigmoid.value(x)), [1.0, 0.0]);
    }

    #[test]
    fn names_are_those_of_the_file() {
        for activation in Activation::ALL {
            assert_eq!(serde_json::to_value(activation).unwrap(), activation.name());
        }
    }
}
