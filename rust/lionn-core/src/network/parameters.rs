//! The flat parameter vector of a potential.

use super::feed_forward::FeedForward;
use std::ops::Range;

/// Where each element's weights, intercept and slope stand in the flat vector.
///
/// The order is AMP's: elements sorted by symbol, layers ascending, each weight matrix row by row (bias row last);
/// then per element intercept and slope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterLayout {
    networks: Vec<Range<usize>>,
    scalings_start: usize,
}

impl ParameterLayout {
    /// Layout of the networks of all elements, in element order.
    pub fn new(networks: &[FeedForward]) -> Self {
        let mut start = 0;
        let ranges = networks
            .iter()
            .map(|net| {
                let range = start..start + net.n_parameters();
                start = range.end;
                range
            })
            .collect();
        Self { networks: ranges, scalings_start: start }
    }

    /// Length of the flat vector.
    pub fn n_parameters(&self) -> usize {
        self.scalings_start + 2 * self.networks.len()
    }

    /// Number of elements.
    pub fn n_elements(&self) -> usize {
        self.networks.len()
    }

    /// Weights and biases of element `element`.
    pub fn network(&self, element: usize) -> Range<usize> {
        self.networks[element].clone()
    }

    /// Index of the intercept of `element`, eV.
    pub fn intercept(&self, element: usize) -> usize {
        self.scalings_start + 2 * element
    }

    /// Index of the slope of `element`, eV.
    pub fn slope(&self, element: usize) -> usize {
        self.scalings_start + 2 * element + 1
    }
}
