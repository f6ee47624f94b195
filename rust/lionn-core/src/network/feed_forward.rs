//! Fully connected feed-forward network with one output.

use super::activation::Activation;
use super::dense::{AddRows, RowProducts};
use crate::error::{Error, Result};
use crate::simd::Level;

/// Topology of one network; the parameters live in a flat slice outside.
///
/// Layer `l` maps `a_l` (width `n_l`) to `a_{l+1} = f_l([a_l, 1] W_l)`, where `W_l` has `n_l + 1` rows (the last
/// one holds the biases) and `n_{l+1}` columns, stored row by row (Khorshidi and Peterson, Comput. Phys. Commun.
/// 207, 310 (2016), doi 10.1016/j.cpc.2016.05.010).
#[derive(Debug, Clone, PartialEq)]
pub struct FeedForward {
    widths: Vec<usize>,
    activations: Vec<Activation>,
}

/// Scratch space of one evaluation, reused between calls.
#[derive(Debug, Clone)]
pub struct NetworkWork {
    level: Level,
    /// Values of all nodes after the activation, layer by layer, without the input layer.
    nodes: Vec<f64>,
    /// The same before the activation.
    sums: Vec<f64>,
    /// Derivative of the output with respect to the pre-activations of one layer and of the one below.
    delta: [Vec<f64>; 2],
}

impl Default for NetworkWork {
    fn default() -> Self {
        // Whoever builds a descriptor or neighbor list is told of a level that does not exist.
        let level = Level::detect().unwrap_or(Level::available()[0]);
        Self { level, nodes: Vec::new(), sums: Vec::new(), delta: [Vec::new(), Vec::new()] }
    }
}

impl FeedForward {
    /// Network with the given widths (input first, output last and equal to 1) and one activation per layer.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for fewer than two widths, an empty layer, an output wider than one node or
    /// a number of activations other than the number of layers.
    pub fn new(widths: Vec<usize>, activations: Vec<Activation>) -> Result<Self> {
        let valid = widths.len() >= 2 && widths.last() == Some(&1) && !widths.contains(&0);
        if !valid {
            return Err(Error::InvalidParameter(format!(
                "network widths must be positive, at least two, and end with 1, got {widths:?}"
            )));
        }
        if activations.len() != widths.len() - 1 {
            return Err(Error::InvalidParameter(format!(
                "network with widths {widths:?} needs {} activations, got {}",
                widths.len() - 1,
                activations.len()
            )));
        }
        Ok(Self { widths, activations })
    }

    /// Widths of all layers, input first, output (1) last.
    pub fn widths(&self) -> &[usize] {
        &self.widths
    }

    /// Activation of every layer, the output layer last.
    pub fn activations(&self) -> &[Activation] {
        &self.activations
    }

    /// Number of inputs.
    pub fn n_inputs(&self) -> usize {
        self.widths[0]
    }

    /// Number of weights and biases.
    pub fn n_parameters(&self) -> usize {
        self.widths.windows(2).map(|w| (w[0] + 1) * w[1]).sum()
    }

    /// Offset of every layer's weight matrix in the parameters of this network.
    pub fn layer_offsets(&self) -> Vec<usize> {
        let mut offset = 0;
        self.widths
            .windows(2)
            .map(|w| {
                let start = offset;
                offset += (w[0] + 1) * w[1];
                start
            })
            .collect()
    }

    /// Output for one input vector.
    pub fn evaluate(&self, parameters: &[f64], input: &[f64], work: &mut NetworkWork) -> f64 {
        self.forward(parameters, input, work);
        work.nodes[work.nodes.len() - 1]
    }

    /// Output and its derivative with respect to the input.
    pub fn evaluate_with_gradient(
        &self,
        parameters: &[f64],
        input: &[f64],
        work: &mut NetworkWork,
        d_input: &mut [f64],
    ) -> f64 {
        self.forward(parameters, input, work);
        let output = work.nodes[work.nodes.len() - 1];
        let mut node_start = work.nodes.len() - 1;
        let mut weight_start = parameters.len();
        let [delta, below] = &mut work.delta;
        delta.clear();
        delta.push(self.activations[self.activations.len() - 1].derivative(work.sums[node_start], output));
        for layer in (0..self.activations.len()).rev() {
            let (n_in, n_out) = (self.widths[layer], self.widths[layer + 1]);
            weight_start -= (n_in + 1) * n_out;
            let weights = &parameters[weight_start..weight_start + n_in * n_out];
            if layer == 0 {
                work.level.run(RowProducts { weights, delta, out: &mut *d_input });
            } else {
                node_start -= n_in;
                let own = node_start..node_start + n_in;
                let nodes = work.sums[own.clone()].iter().zip(&work.nodes[own]);
                let activation = self.activations[layer - 1];
                below.resize(n_in, 0.0);
                work.level.run(RowProducts { weights, delta, out: &mut *below });
                for (below, (&x, &y)) in below.iter_mut().zip(nodes) {
                    *below *= activation.derivative(x, y);
                }
                std::mem::swap(delta, below);
            }
        }
        output
    }

    fn forward(&self, parameters: &[f64], input: &[f64], work: &mut NetworkWork) {
        debug_assert_eq!(parameters.len(), self.n_parameters());
        debug_assert_eq!(input.len(), self.n_inputs());
        let NetworkWork { level, nodes, sums, .. } = work;
        nodes.clear();
        sums.clear();
        let mut weight_start = 0;
        let mut below_start = 0;
        for (layer, activation) in self.activations.iter().enumerate() {
            let (n_in, n_out) = (self.widths[layer], self.widths[layer + 1]);
            let weights = &parameters[weight_start..weight_start + (n_in + 1) * n_out];
            let start = nodes.len();
            nodes.extend_from_slice(&weights[n_in * n_out..]);
            let (lower, current) = nodes.split_at_mut(start);
            let below = if layer == 0 { input } else { &lower[below_start..] };
            let weights = &weights[..n_in * n_out];
            level.run(AddRows { input: below, weights, out: &mut *current });
            sums.extend_from_slice(current);
            for node in current {
                *node = activation.value(*node);
            }
            weight_start += (n_in + 1) * n_out;
            below_start = start;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(output: Activation) -> (FeedForward, Vec<f64>, Vec<f64>) {
        let net =
            FeedForward::new(vec![4, 5, 3, 1], vec![Activation::Tanh, Activation::Sigmoid, output]).unwrap();
        let parameters = (0..net.n_parameters()).map(|k| (k as f64 * 1.7).sin()).collect();
        (net, parameters, vec![0.3, -0.7, 1.1, 0.2])
    }

    #[test]
    fn one_linear_layer_by_hand() {
        let net = FeedForward::new(vec![2, 1], vec![Activation::Linear]).unwrap();
        let value = net.evaluate(&[2.0, -3.0, 0.5], &[1.5, 1.0], &mut NetworkWork::default());
        assert_eq!(value, 2.0 * 1.5 - 3.0 + 0.5);
    }

    #[test]
    fn input_gradient_agrees_with_central_differences() {
        for output in Activation::ALL {
            let (net, parameters, input) = example(output);
            let mut work = NetworkWork::default();
            let mut gradient = vec![0.0; 4];
            let value = net.evaluate_with_gradient(&parameters, &input, &mut work, &mut gradient);
            assert_eq!(value, net.evaluate(&parameters, &input, &mut work));
            let h = 1e-5;
            for k in 0..4 {
                let mut shifted = |delta: f64| {
                    let mut x = input.clone();
                    x[k] += delta;
                    net.evaluate(&parameters, &x, &mut work)
                };
                let numeric = (shifted(h) - shifted(-h)) / (2.0 * h);
                assert!((numeric - gradient[k]).abs() < 1e-9, "input {k}: {numeric} {}", gradient[k]);
            }
        }
    }

    #[test]
    fn wrong_topologies_are_refused() {
        assert!(FeedForward::new(vec![3], vec![]).is_err());
        assert!(FeedForward::new(vec![3, 2], vec![Activation::Linear]).is_err());
        assert!(FeedForward::new(vec![3, 0, 1], vec![Activation::Tanh, Activation::Linear]).is_err());
        assert!(FeedForward::new(vec![3, 1], vec![]).is_err());
    }
}
