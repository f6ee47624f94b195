//! One element network during training: output, input gradient, and the parameter gradient of both.
//!
//! For an atom with scaled fingerprint `s` the loss depends on the network `N(s; θ)` through its output (energy) and
//! through `dN/ds` (forces, stress). With `c = dL/dN` and `u = dL/d(dN/ds)` the parameter gradient of
//! `c N + u · dN/ds` is wanted. `u · dN/ds` is the derivative of `N` along `u`, so one tangent sweep
//! `ȧ_l = f'(z_l) (ȧ_{l-1} W_l)` with `ȧ_0 = u`, followed by one reverse sweep over value and tangent, gives it
//! exactly at the price of about four evaluations.
//!
//! Weights are held with one row per output node, so that all inner loops run over contiguous inputs.

use super::products::{add_scaled, add_two_scaled, dot, products};
use crate::network::Activation;
use crate::potential::ElementModel;
use std::ops::Range;

#[derive(Debug, Clone)]
struct Layer {
    n_in: usize,
    n_out: usize,
    activation: Activation,
    /// Start of the layer in the parameters of its network: `n_out` rows of `n_in` weights, then `n_out` biases.
    weights: usize,
    /// Start of the layer's output nodes among all nodes.
    nodes: usize,
}

/// Network, scaling, slope and intercept of one element at fixed parameters.
#[derive(Debug, Clone)]
pub(super) struct ElementNetwork {
    layers: Vec<Layer>,
    weights: Vec<f64>,
    n_nodes: usize,
    pub intercept: f64,
    pub slope: f64,
    /// `ds/dG` of every feature.
    pub factor: Vec<f64>,
    offset: Vec<f64>,
}

/// Scratch of one atom's reverse sweep.
#[derive(Debug, Clone, Default)]
pub(super) struct SweepWork {
    /// Tangent of the pre-activations.
    tangent_below: Vec<f64>,
    /// Tangent of the node values.
    tangent: Vec<f64>,
    adjoint: Vec<f64>,
    adjoint_next: Vec<f64>,
    adjoint_below: Vec<f64>,
}

/// Scratch of [`ElementNetwork::direction_basis`] and [`ElementNetwork::add_direction`].
#[derive(Debug, Clone, Default)]
pub(super) struct DirectionWork {
    sweep: SweepWork,
    tangents: Vec<f64>,
    basis: Vec<f64>,
    gradient: Vec<f64>,
}

/// Nodes of one atom, filled by the forward and backward sweep and read by the parameter sweep.
pub(super) struct Nodes<'a> {
    /// Values before the activation.
    pub sums: &'a mut [f64],
    /// Values after the activation.
    pub values: &'a mut [f64],
    /// `dN/d(value)`.
    pub beta: &'a mut [f64],
    /// `dN/d(pre-activation)`.
    pub delta: &'a mut [f64],
}

/// Nodes of all atoms of an image.
#[derive(Debug, Clone, Default)]
pub(super) struct NodeBuffers {
    sums: Vec<f64>,
    values: Vec<f64>,
    beta: Vec<f64>,
    delta: Vec<f64>,
}

impl NodeBuffers {
    pub fn resize(&mut self, n_nodes: usize) {
        for buffer in [&mut self.sums, &mut self.values, &mut self.beta, &mut self.delta] {
            buffer.resize(n_nodes, 0.0);
        }
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Those of one atom.
    #[inline(always)]
    pub fn of(&mut self, own: Range<usize>) -> Nodes<'_> {
        Nodes {
            sums: &mut self.sums[own.clone()],
            values: &mut self.values[own.clone()],
            beta: &mut self.beta[own.clone()],
            delta: &mut self.delta[own],
        }
    }
}

impl ElementNetwork {
    pub fn new(element: &ElementModel, parameters: &[f64], intercept: f64, slope: f64) -> Self {
        let ElementModel { network, scaling } = element;
        let mut layers = Vec::new();
        let mut weights = Vec::with_capacity(parameters.len());
        let mut n_nodes = 0;
        for (width, &activation) in network.widths().windows(2).zip(network.activations()) {
            let (n_in, n_out) = (width[0], width[1]);
            let start = weights.len();
            let rows = &parameters[start..start + (n_in + 1) * n_out];
            for o in 0..n_out {
                weights.extend((0..n_in).map(|i| rows[i * n_out + o]));
            }
            weights.extend_from_slice(&rows[n_in * n_out..]);
            layers.push(Layer { n_in, n_out, activation, weights: start, nodes: n_nodes });
            n_nodes += n_out;
        }
        let mut offset = vec![0.0; scaling.n_features()];
        scaling.apply(&mut offset);
        Self { layers, weights, n_nodes, intercept, slope, factor: scaling.factors().to_vec(), offset }
    }

    pub fn n_nodes(&self) -> usize {
        self.n_nodes
    }

    /// Scaled network inputs of a fingerprint.
    #[inline(always)]
    pub fn scale(&self, fingerprint: &[f64], input: &mut [f64]) {
        for (k, s) in input.iter_mut().enumerate() {
            *s = fingerprint[k] * self.factor[k] + self.offset[k];
        }
    }

    /// Fills the node values before and after the activation and returns the output `N`.
    #[inline(always)]
    pub fn forward(&self, input: &[f64], nodes: &mut Nodes<'_>) -> f64 {
        let Nodes { sums, values, .. } = nodes;
        for (l, layer) in self.layers.iter().enumerate() {
            let (lower, upper) = values.split_at_mut(layer.nodes);
            let below = if l == 0 { input } else { &lower[self.layers[l - 1].nodes..] };
            let rows = &self.weights[layer.weights..];
            let biases = &rows[layer.n_in * layer.n_out..];
            products(rows, layer.n_in, below, &mut upper[..layer.n_out]);
            let sums = &mut sums[layer.nodes..layer.nodes + layer.n_out];
            for ((upper, bias), sum) in upper.iter_mut().zip(&biases[..layer.n_out]).zip(sums) {
                *sum = bias + *upper;
                *upper = layer.activation.value(*sum);
            }
        }
        values[self.n_nodes - 1]
    }

    /// Fills `beta` and `delta` and writes `dN/ds`.
    #[inline(always)]
    pub fn backward(&self, nodes: &mut Nodes<'_>, d_input: &mut [f64]) {
        nodes.beta.fill(0.0);
        nodes.beta[self.n_nodes - 1] = 1.0;
        d_input.fill(0.0);
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let own = layer.nodes..layer.nodes + layer.n_out;
            for node in own {
                let slope = layer.activation.derivative(nodes.sums[node], nodes.values[node]);
                nodes.delta[node] = nodes.beta[node] * slope;
            }
            let rows = &self.weights[layer.weights..];
            let below =
                if l == 0 { &mut *d_input } else { &mut nodes.beta[self.layers[l - 1].nodes..layer.nodes] };
            for o in 0..layer.n_out {
                let row = &rows[o * layer.n_in..(o + 1) * layer.n_in];
                add_scaled(below, nodes.delta[layer.nodes + o], row);
            }
        }
    }

    /// Derivative of `slope (c N + direction · dN/ds)` with respect to the input `s`, after
    /// [`ElementNetwork::parameter_gradient`].
    #[inline(always)]
    pub fn input_adjoint(&self, work: &SweepWork, out: &mut [f64]) {
        let first = &self.layers[0];
        out.fill(0.0);
        for o in 0..first.n_out {
            add_scaled(out, work.adjoint_below[o], &self.weights[o * first.n_in..(o + 1) * first.n_in]);
        }
    }

    /// Adds the parameter gradient of `slope (c N + direction · dN/ds)` to `gradient` (layout of the weights here) and
    /// returns `direction · dN/ds`. Without a direction only the output term is differentiated.
    #[inline(always)]
    pub fn parameter_gradient(
        &self,
        input: &[f64],
        nodes: &Nodes<'_>,
        c: f64,
        direction: Option<&[f64]>,
        work: &mut SweepWork,
        gradient: &mut [f64],
    ) -> f64 {
        work.resize(self.n_nodes);
        let derivative = match direction {
            Some(u) => self.tangent_sweep(u, nodes, work),
            None => {
                work.tangent_below.fill(0.0);
                0.0
            }
        };
        work.adjoint[0] = self.slope * c;
        self.reverse_sweep(input, nodes, direction, work, gradient);
        derivative
    }

    /// Adds the parameter gradient for the tangents and the adjoint of the output in `work`.
    #[inline(always)]
    fn reverse_sweep(
        &self,
        input: &[f64],
        nodes: &Nodes<'_>,
        direction: Option<&[f64]>,
        work: &mut SweepWork,
        gradient: &mut [f64],
    ) {
        for (l, layer) in self.layers.iter().enumerate().rev() {
            for o in 0..layer.n_out {
                let node = layer.nodes + o;
                let (x, y) = (nodes.sums[node], nodes.values[node]);
                // Adjoint of z: through the value and, because f' depends on z, through the tangent.
                work.adjoint_below[o] = layer.activation.derivative(x, y) * work.adjoint[o]
                    + layer.activation.second_derivative(x, y)
                        * work.tangent_below[node]
                        * self.slope
                        * nodes.beta[node];
            }
            let (values, tangents) = if l == 0 {
                (input, direction.unwrap_or(&[]))
            } else {
                let below = self.layers[l - 1].nodes..layer.nodes;
                (&nodes.values[below.clone()], &work.tangent[below])
            };
            let target = &mut gradient[layer.weights..layer.weights + (layer.n_in + 1) * layer.n_out];
            let (target_rows, target_biases) = target.split_at_mut(layer.n_in * layer.n_out);
            for o in 0..layer.n_out {
                let row = &mut target_rows[o * layer.n_in..(o + 1) * layer.n_in];
                let z_adjoint = work.adjoint_below[o];
                target_biases[o] += z_adjoint;
                if direction.is_some() {
                    let tangent_adjoint = self.slope * nodes.delta[layer.nodes + o];
                    add_two_scaled(row, z_adjoint, values, tangent_adjoint, tangents);
                } else {
                    add_scaled(row, z_adjoint, values);
                }
            }
            if l > 0 {
                let rows = &self.weights[layer.weights..];
                let next = &mut work.adjoint_next[..layer.n_in];
                next.fill(0.0);
                for o in 0..layer.n_out {
                    let row = &rows[o * layer.n_in..(o + 1) * layer.n_in];
                    add_scaled(next, work.adjoint_below[o], row);
                }
                std::mem::swap(&mut work.adjoint, &mut work.adjoint_next);
            }
        }
    }

    /// Fills the tangents of all nodes for the input direction `u` and returns the derivative of the output along it.
    #[inline(always)]
    fn tangent_sweep(&self, u: &[f64], nodes: &Nodes<'_>, work: &mut SweepWork) -> f64 {
        let first = &self.layers[0];
        let tangents = &mut work.tangent_below[first.nodes..first.nodes + first.n_out];
        products(&self.weights, first.n_in, u, tangents);
        self.upper_tangents(nodes, work)
    }

    /// Fills all other tangents from those of the pre-activations of the first layer.
    #[inline(always)]
    fn upper_tangents(&self, nodes: &Nodes<'_>, work: &mut SweepWork) -> f64 {
        for (l, layer) in self.layers.iter().enumerate() {
            let (lower, upper) = work.tangent.split_at_mut(layer.nodes);
            let rows = &self.weights[layer.weights..];
            for o in 0..layer.n_out {
                let node = layer.nodes + o;
                if l > 0 {
                    let below = &lower[self.layers[l - 1].nodes..];
                    work.tangent_below[node] = dot(&rows[o * layer.n_in..(o + 1) * layer.n_in], below);
                }
                let slope = layer.activation.derivative(nodes.sums[node], nodes.values[node]);
                upper[o] = slope * work.tangent_below[node];
            }
        }
        work.tangent[self.n_nodes - 1]
    }

    /// Parameters behind the weights of the first layer: its biases and all further layers.
    pub fn tail(&self) -> Range<usize> {
        let first = &self.layers[0];
        first.n_in * first.n_out..self.weights.len()
    }

    /// Prepares [`ElementNetwork::add_direction`] for one atom: the gradient of `slope u · dN/ds` with respect to the
    /// [`ElementNetwork::tail`] is linear in the tangents `t = W_1 u` of the first layer; `basis` gets one row per
    /// component of `t`.
    pub fn direction_basis(&self, nodes: &Nodes<'_>, work: &mut DirectionWork) {
        let first = &self.layers[0];
        let tail = self.tail();
        work.sweep.resize(self.n_nodes);
        work.tangents.resize(first.n_out, 0.0);
        work.basis.clear();
        for h in 0..first.n_out {
            work.sweep.tangent_below.fill(0.0);
            work.sweep.tangent_below[first.nodes + h] = 1.0;
            self.upper_tangents(nodes, &mut work.sweep);
            work.sweep.adjoint[0] = 0.0;
            work.gradient.clear();
            work.gradient.resize(self.weights.len(), 0.0);
            // Without input and direction nothing is added to the weights of the first layer.
            self.reverse_sweep(&[], nodes, Some(&[]), &mut work.sweep, &mut work.gradient);
            work.basis.extend_from_slice(&work.gradient[tail.clone()]);
        }
    }

    /// Adds the parameter gradient of `slope u · dN/ds` to `gradient` and returns `u · dN/ds`, as
    /// [`ElementNetwork::parameter_gradient`] does, cheaply for many `u` at one atom.
    #[inline(always)]
    pub fn add_direction(
        &self,
        input: &[f64],
        nodes: &Nodes<'_>,
        u: &[f64],
        work: &mut DirectionWork,
        gradient: &mut [f64],
    ) -> f64 {
        let first = &self.layers[0];
        let n_in = first.n_in;
        let mut along = 0.0;
        for (h, t) in work.tangents.iter_mut().enumerate() {
            *t = dot(&self.weights[h * n_in..(h + 1) * n_in], u);
            along += nodes.delta[h] * *t;
        }
        let (weights, tail) = gradient.split_at_mut(n_in * first.n_out);
        let adjoints = &mut work.gradient[..first.n_out];
        adjoints.fill(0.0);
        for (&t, row) in work.tangents.iter().zip(work.basis.chunks_exact(tail.len())) {
            add_scaled(adjoints, t, row);
            add_scaled(tail, t, row);
        }
        for (h, row) in weights.chunks_exact_mut(n_in).enumerate() {
            add_two_scaled(row, adjoints[h], input, self.slope * nodes.delta[h], u);
        }
        along
    }

    /// From the layout used here to the flat parameter order of [`FeedForward`].
    pub fn restore_order(&self, gradient: &[f64], out: &mut [f64]) {
        for layer in &self.layers {
            let (n_in, n_out) = (layer.n_in, layer.n_out);
            for i in 0..n_in {
                for o in 0..n_out {
                    out[layer.weights + i * n_out + o] = gradient[layer.weights + o * n_in + i];
                }
            }
            let biases = layer.weights + n_in * n_out..layer.weights + (n_in + 1) * n_out;
            out[biases.clone()].copy_from_slice(&gradient[biases]);
        }
    }
}

impl SweepWork {
    #[inline(always)]
    fn resize(&mut self, n_nodes: usize) {
        if self.tangent.len() < n_nodes {
            for buffer in [
                &mut self.tangent_below,
                &mut self.tangent,
                &mut self.adjoint,
                &mut self.adjoint_next,
                &mut self.adjoint_below,
            ] {
                buffer.resize(n_nodes, 0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{FeedForward, NetworkWork};
    use crate::potential::Scaling;

    /// Network, scaling, parameters, fingerprint and a direction for tests.
    fn example(hidden: Activation, output: Activation) -> (ElementModel, Vec<f64>, Vec<f64>, Vec<f64>) {
        let network = FeedForward::new(vec![6, 5, 3, 1], vec![hidden, hidden, output]).unwrap();
        let min = (0..6).map(|k| -0.3 * f64::from(k)).collect();
        let mut max: Vec<f64> = (0..6).map(|k| 1.0 + 0.2 * f64::from(k)).collect();
        max[0] = 0.0; // a constant feature, left unscaled
        let scaling = Scaling::min_max(min, max).unwrap();
        let parameters = (0..network.n_parameters()).map(|k| 0.8 * (k as f64 * 1.37).sin()).collect();
        let fingerprint = (0..6).map(|k| (k as f64 * 0.9).cos()).collect();
        let direction = (0..6).map(|k| (k as f64 * 2.1 + 0.4).sin()).collect();
        (ElementModel { scaling, network }, parameters, fingerprint, direction)
    }

    /// `slope (c N + u · dN/ds)` from the reference implementation of the network.
    fn objective(net: &FeedForward, p: &[f64], input: &[f64], slope: f64, c: f64, u: &[f64]) -> f64 {
        let mut d_input = vec![0.0; input.len()];
        let value = net.evaluate_with_gradient(p, input, &mut NetworkWork::default(), &mut d_input);
        slope * (c * value + dot(u, &d_input))
    }

    #[test]
    fn sweeps_agree_with_the_reference_network_and_with_central_differences() {
        use Activation::{Linear, Sigmoid, Tanh};
        let with_output = |output| Activation::ALL.map(|hidden| (hidden, output));
        for (hidden, output) in
            [(Tanh, Tanh), (Sigmoid, Sigmoid), (Linear, Tanh)].into_iter().chain(with_output(Linear))
        {
            let (model, parameters, fingerprint, u) = example(hidden, output);
            let net = &model.network;
            let (slope, c) = (1.7, -0.6);
            let element = ElementNetwork::new(&model, &parameters, 0.3, slope);
            let mut input = vec![0.0; 6];
            element.scale(&fingerprint, &mut input);
            let mut buffers = NodeBuffers::default();
            buffers.resize(9);
            let mut nodes = buffers.of(0..9);
            let output_value = element.forward(&input, &mut nodes);
            let mut d_input = vec![0.0; 6];
            element.backward(&mut nodes, &mut d_input);
            let mut expected = vec![0.0; 6];
            let reference =
                net.evaluate_with_gradient(&parameters, &input, &mut NetworkWork::default(), &mut expected);
            // Functions without bounds, as the exponential, give large numbers.
            let close = |a: f64, b: f64, tolerance: f64| (a - b).abs() < tolerance * b.abs().max(1.0);
            assert!(close(output_value, reference, 1e-14), "{hidden:?}");
            for k in 0..6 {
                assert!(close(d_input[k], expected[k], 1e-14), "{hidden:?} {k}");
            }

            let mut raw = vec![0.0; net.n_parameters()];
            let along =
                element.parameter_gradient(&input, &nodes, c, Some(&u), &mut SweepWork::default(), &mut raw);
            assert!(close(along, dot(&u, &expected), 1e-14), "{hidden:?}");
            let mut gradient = vec![0.0; net.n_parameters()];
            element.restore_order(&raw, &mut gradient);
            let h = 1e-5;
            for k in 0..net.n_parameters() {
                let shifted = |delta: f64| {
                    let mut p = parameters.clone();
                    p[k] += delta;
                    objective(net, &p, &input, slope, c, &u)
                };
                let numeric = (shifted(h) - shifted(-h)) / (2.0 * h);
                // Central difference of a function of order one: h² truncation and eps/h rounding, both 1e-10.
                assert!(close(numeric, gradient[k], 1e-8), "{hidden:?} {k}: {numeric} {}", gradient[k]);
            }
        }
    }

    #[test]
    fn without_a_direction_only_the_output_counts() {
        let (model, parameters, fingerprint, _) = example(Activation::Tanh, Activation::Linear);
        let element = ElementNetwork::new(&model, &parameters, 0.0, 2.0);
        let mut input = vec![0.0; 6];
        element.scale(&fingerprint, &mut input);
        let mut buffers = NodeBuffers::default();
        buffers.resize(9);
        let mut nodes = buffers.of(0..9);
        element.forward(&input, &mut nodes);
        element.backward(&mut nodes, &mut [0.0; 6]);
        let gradient = |direction: Option<&[f64]>| {
            // Dirty scratch from another call must not leak into the result.
            let mut work = SweepWork::default();
            let mut out = vec![0.0; model.network.n_parameters()];
            element.parameter_gradient(&input, &nodes, 1.0, Some(&[1.0; 6]), &mut work, &mut out.clone());
            element.parameter_gradient(&input, &nodes, 1.0, direction, &mut work, &mut out);
            out
        };
        let (plain, zero) = (gradient(None), gradient(Some(&[0.0; 6])));
        for k in 0..plain.len() {
            assert!((plain[k] - zero[k]).abs() < 1e-15);
        }
    }
}
