//! The plain formulas: the oracle of the fast path.
//!
//! By the addition theorem of the spherical harmonics the power spectrum is a sum over pairs of neighbors,
//! ```text
//! p^ab_nn'l = (2l + 1)/(4 π) sum_j∈a,k∈b f_n(r_ij) f_n'(r_ik) P_l(cos θ_jik)
//! ```
//! which needs no harmonics at all. By the same theorem the bispectrum is the integral over the directions `u` of
//! ```text
//! Π_i sum_n W_kn sum_j f_n(r_ij) (2 l_i + 1)/(4 π) P_li(u · u_ij),   i = 1, 2, 3
//! ```

use super::DensityCorrelations;
use super::bispectrum::{legendre, sphere};
use super::radial::plain_radial;
use crate::descriptors::{Descriptor, Environment};
use std::f64::consts::PI;

/// Power spectrum without spherical harmonics, quadratic in the number of neighbors.
#[derive(Debug, Clone)]
pub struct ReferenceDensity(pub DensityCorrelations);

impl ReferenceDensity {
    /// Fingerprint of one environment.
    pub fn values(&self, center: usize, environment: &Environment) -> Vec<f64> {
        let DensityCorrelations { expansion, centers, .. } = &self.0;
        let center_of = &centers[center];
        let mut out = Vec::with_capacity(self.0.n_features(center));
        if center_of.has_linear() {
            for (_, channel, row) in self.columns(0) {
                out.push(
                    self.neighbors(environment, channel)
                        .map(|(j, w)| w * self.f(row, environment, j))
                        .sum::<f64>()
                        / (4.0 * PI).sqrt(),
                );
            }
        }
        for (index, mixing) in center_of.blocks() {
            let shell = &expansion.shells[index];
            let columns = self.columns(index);
            let n = columns.len();
            let mut square = vec![0.0; n * n];
            for &(x, a, row_a) in &columns {
                for &(y, b, row_b) in &columns {
                    let mut sum = 0.0;
                    for (j, w_j) in self.neighbors(environment, a) {
                        for (k, w_k) in self.neighbors(environment, b) {
                            let radial =
                                w_j * w_k * self.f(row_a, environment, j) * self.f(row_b, environment, k);
                            sum += radial * legendre(shell.l, cosine(environment, j, k))[1];
                        }
                    }
                    square[x * n + y] = sum * (2 * shell.l + 1) as f64 / (4.0 * PI);
                }
            }
            for (k, left) in mixing.iter().enumerate() {
                for right in &mixing[k..] {
                    let product = |x: usize, y: usize| left[x] * right[y] * square[x * n + y];
                    out.push((0..n * n).map(|xy| product(xy / n, xy % n)).sum());
                }
            }
        }
        let mixings: Vec<_> = center_of.blocks().map(|(_, mixing)| mixing).collect();
        for (degrees, n_channels) in center_of.triples() {
            let directions = sphere(degrees.iter().sum());
            for k in 0..n_channels {
                let at = |u: [f64; 3]| degrees.map(|l| self.field(environment, l, mixings[l][k], u));
                out.push(directions.iter().map(|&(u, w)| w * at(u).iter().product::<f64>()).sum());
            }
        }
        out
    }

    /// Part of degree `l` of the mixed density in a direction.
    fn field(&self, environment: &Environment, l: usize, mixing: &[f64], u: [f64; 3]) -> f64 {
        let mut sum = 0.0;
        for (column, channel, row) in self.columns(l) {
            for (j, weight) in self.neighbors(environment, channel) {
                let cosine = crate::linalg::dot(environment.vector(j), u) / environment.r2[j].sqrt();
                sum += mixing[column] * weight * self.f(row, environment, j) * legendre(l, cosine)[1];
            }
        }
        sum * (2 * l + 1) as f64 / (4.0 * PI)
    }

    /// Column, channel and radial function of the coefficients of a shell.
    fn columns(&self, shell: usize) -> Vec<(usize, usize, usize)> {
        let shell = &self.0.expansion.shells[shell];
        let n = shell.radial.len();
        (0..self.0.expansion.n_columns(shell)).map(|c| (c, c / n, shell.radial.start + c % n)).collect()
    }

    /// Neighbors of a channel with their weights.
    fn neighbors<'a>(
        &'a self,
        environment: &'a Environment,
        channel: usize,
    ) -> impl Iterator<Item = (usize, f64)> + 'a {
        let elements = self.0.expansion.elements.iter().enumerate();
        elements.filter(move |(_, (c, _))| *c == channel).flat_map(|(e, &(_, weight))| {
            (environment.ranges[e]..environment.ranges[e + 1]).map(move |j| (j, weight))
        })
    }

    fn f(&self, row: usize, environment: &Environment, j: usize) -> f64 {
        plain_radial(&self.0.expansion.basis, row, environment.r2[j].sqrt())
    }
}

fn cosine(environment: &Environment, j: usize, k: usize) -> f64 {
    let dot = crate::linalg::dot(environment.vector(j), environment.vector(k));
    dot / (environment.r2[j] * environment.r2[k]).sqrt()
}
