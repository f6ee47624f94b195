//! The formulas as they stand in the papers, function by function and triple by triple.
//!
//! This is the oracle of the fast path and the way functions with a non-integer `zeta` are computed.
//!
//! Behler, J. Chem. Phys. 134, 074106 (2011), Eqs. 6, 8 and 9, every unordered pair of neighbors once:
//! ```text
//! G2 = sum_j     exp(-eta (r_ij - Rs)²) fc(r_ij)
//! G4 = 2^(1-zeta) sum_{j<k} (1 + gamma cos t_jik)^zeta R(r_ij) R(r_ik) R(r_jk)
//! G5 = 2^(1-zeta) sum_{j<k} (1 + gamma cos t_jik)^zeta R(r_ij) R(r_ik)
//! R(r) = exp(-eta (r - Rs)²) fc(r)
//! ```

use super::super::{Descriptor, Environment, Workspace};
use super::Gaussian;
use super::function::{Function, Kind};
use crate::linalg::{Vec3, dot, norm, scale, sub};

/// Value of one function.
pub fn value(function: &Function, environment: &Environment) -> f64 {
    match function.kind {
        Kind::Pair { neighbor } => {
            neighbors(environment, neighbor).map(|n| function.radial.value(environment.r2[n].sqrt())).sum()
        }
        Kind::Triple { neighbors: [a, b], .. } => {
            let mut sum = 0.0;
            for j in neighbors(environment, a) {
                for k in partners(environment, a, b, j) {
                    sum += triple(function, environment.vector(j), environment.vector(k)).0;
                }
            }
            sum
        }
    }
}

/// Adds `weight · dG/dr_ij` of one function to the gradient of every neighbor.
pub fn add_gradient(function: &Function, environment: &Environment, weight: f64, gradient: &mut [Vec3]) {
    match function.kind {
        Kind::Pair { neighbor } => {
            for n in neighbors(environment, neighbor) {
                let r = environment.r2[n].sqrt();
                accumulate(
                    &mut gradient[n],
                    weight * function.radial.derivative(r) / r,
                    environment.vector(n),
                );
            }
        }
        Kind::Triple { neighbors: [a, b], .. } => {
            for j in neighbors(environment, a) {
                for k in partners(environment, a, b, j) {
                    let (_, [dj, dk]) = triple(function, environment.vector(j), environment.vector(k));
                    accumulate(&mut gradient[j], weight, dj);
                    accumulate(&mut gradient[k], weight, dk);
                }
            }
        }
    }
}

fn neighbors(environment: &Environment, element: usize) -> std::ops::Range<usize> {
    environment.ranges[element]..environment.ranges[element + 1]
}

/// Second neighbors `k` that make an unordered pair with `j` exactly once.
fn partners(environment: &Environment, a: usize, b: usize, j: usize) -> std::ops::Range<usize> {
    let range = neighbors(environment, b);
    if a == b { j + 1..range.end } else { range }
}

fn accumulate(target: &mut Vec3, factor: f64, v: Vec3) {
    for axis in 0..3 {
        target[axis] += factor * v[axis];
    }
}

/// Contribution of one triple and its derivatives with respect to `r_ij` and `r_ik`.
fn triple(function: &Function, rj: Vec3, rk: Vec3) -> (f64, [Vec3; 2]) {
    let Kind::Triple { zeta, gamma, narrow, .. } = function.kind else {
        unreachable!("triples belong to angular functions")
    };
    let radial = &function.radial;
    let (j, k) = (norm(rj), norm(rk));
    let between = sub(rj, rk);
    let jk = norm(between);
    let (fj, fk) = (radial.value(j), radial.value(k));
    let (dfj, dfk) = (radial.derivative(j), radial.derivative(k));
    let (fjk, dfjk) = if narrow { (radial.value(jk), radial.derivative(jk)) } else { (1.0, 0.0) };
    let cos = dot(rj, rk) / (j * k);
    // Rounding may put the base a little below zero for opposite neighbors.
    let base = (1.0 + gamma * cos).max(0.0);
    let norm_factor = 2f64.powf(1.0 - zeta);
    let angular = norm_factor * base.powf(zeta);
    let d_angular = norm_factor * zeta * gamma * base.powf(zeta - 1.0);
    let mut dj = scale(d_angular * fj * fk * fjk, sub(scale(1.0 / (j * k), rk), scale(cos / (j * j), rj)));
    let mut dk = scale(d_angular * fj * fk * fjk, sub(scale(1.0 / (j * k), rj), scale(cos / (k * k), rk)));
    accumulate(&mut dj, angular * dfj * fk * fjk / j, rj);
    accumulate(&mut dk, angular * fj * dfk * fjk / k, rk);
    if narrow {
        accumulate(&mut dj, angular * fj * fk * dfjk / jk, between);
        accumulate(&mut dk, -angular * fj * fk * dfjk / jk, between);
    }
    (angular * fj * fk * fjk, [dj, dk])
}

/// A [`Gaussian`] that evaluates every function by the formulas above: slow, for tests and comparisons.
pub struct ReferenceGaussian(pub Gaussian);

impl Descriptor for ReferenceGaussian {
    fn cutoff(&self) -> f64 {
        self.0.cutoff()
    }

    fn elements(&self) -> &[u8] {
        self.0.elements()
    }

    fn n_features(&self, center: usize) -> usize {
        self.0.n_features(center)
    }

    fn values(&self, center: usize, environment: &Environment, _work: &mut Workspace, out: &mut [f64]) {
        for (feature, g) in self.0.features(center).iter().zip(out) {
            *g = feature.terms.iter().map(|(weight, function)| weight * value(function, environment)).sum();
        }
    }

    fn contract(
        &self,
        center: usize,
        environment: &Environment,
        _work: &mut Workspace,
        dedg: &[f64],
        gradient: &mut [Vec3],
    ) {
        gradient.fill([0.0; 3]);
        for (feature, &dedg) in self.0.features(center).iter().zip(dedg) {
            for (weight, function) in &feature.terms {
                add_gradient(function, environment, weight * dedg, gradient);
            }
        }
    }

    fn support(&self, center: usize, neighbor: usize) -> &[u32] {
        self.0.support(center, neighbor)
    }

    fn jacobian(&self, center: usize, environment: &Environment, work: &mut Workspace, out: &mut Vec<Vec3>) {
        super::super::testing::jacobian_by_contraction(self, center, environment, work, out);
    }
}
