//! Products of three coefficients of the density: the bispectrum.
//!
//! With the coefficients `C_klm` of one channel,
//! ```text
//! b_kl1l2l3 = sum_m1m2m3 G_m1m2m3 C_kl1m1 C_kl2m2 C_kl3m3,   G = ∫ Y_l1m1 Y_l2m2 Y_l3m3 dΩ
//! ```
//! is invariant to rotations and, for even `l1 + l2 + l3`, to reflections; it sees four atoms at once, where the power
//! spectrum sees three (Bartók, Payne, Kondor and Csányi, Phys. Rev. Lett. 104, 136403 (2010),
//! doi 10.1103/PhysRevLett.104.136403; all three factors in one channel: Darby, Kovács, Batatia, Caro, Hart, Ortner and
//! Csányi, Phys. Rev. Lett. 131, 028001 (2023), doi 10.1103/PhysRevLett.131.028001).

use super::super::arrays::{reserve, vectors, vectors_mut};
use super::harmonics::{HarmonicTables, Harmonics, n_harmonics};
use crate::simd::MulAdd;
use pulp::{Scalar, Simd};
use std::collections::BTreeMap;
use std::f64::consts::PI;

/// Gaunt coefficients below this are rounding errors; the others are larger than a hundredth.
const NEGLIGIBLE: f64 = 1e-10;

/// `b_kl1l2l3` of three degrees, for the first channels of each.
#[derive(Debug, Clone)]
pub(super) struct Triple {
    pub degrees: [usize; 3],
    pub first_feature: usize,
    pub n_channels: usize,
    terms: Vec<Term>,
}

/// `factor C_a C_b C_c`, rows by their start among the mixed coefficients.
#[derive(Debug, Clone)]
struct Term {
    rows: [usize; 3],
    factor: f64,
}

/// Degrees `0 < l1 <= l2 <= l3 <= l_max` whose product has an invariant part of even parity.
pub(super) fn degrees(l_max: usize) -> Vec<[usize; 3]> {
    let mut all = Vec::new();
    for third in 1..=l_max {
        for second in 1..=third {
            for first in 1..=second {
                if first + second >= third && (first + second + third) % 2 == 0 {
                    all.push([first, second, third]);
                }
            }
        }
    }
    all
}

impl Triple {
    /// `row(l, m)` is where the mixed coefficients of all channels stand, `m` counted from 0.
    pub fn new(
        degrees: [usize; 3],
        first_feature: usize,
        n_channels: usize,
        row: impl Fn(usize, usize) -> usize,
    ) -> Self {
        // Equal products come together if a degree occurs twice.
        let mut sums: BTreeMap<[usize; 3], f64> = BTreeMap::new();
        for (m, value) in gaunt(degrees) {
            let mut rows = [0, 1, 2].map(|k| row(degrees[k], m[k]));
            rows.sort_unstable();
            *sums.entry(rows).or_default() += value;
        }
        let terms = sums.into_iter().map(|(rows, factor)| Term { rows, factor }).collect();
        Self { degrees, first_feature, n_channels, terms }
    }

    /// Writes the features of mixed coefficients.
    #[inline(always)]
    pub fn values<S: Simd>(&self, simd: S, mixed: &[f64], out: &mut [f64]) {
        let mixed = vectors::<S>(mixed);
        for (v, out) in self.own_mut(out).chunks_mut(S::F64_LANES).enumerate() {
            let mut sum = simd.splat_f64s(0.0);
            for term in &self.terms {
                let [a, b, c] = term.at::<S>(mixed, v);
                let factor = simd.splat_f64s(term.factor);
                sum = simd.mul_add(simd.mul_f64s(factor, a), simd.mul_f64s(b, c), sum);
            }
            simd.partial_store_f64s(out, sum);
        }
    }

    /// Writes the change of the features with that of the mixed coefficients.
    #[inline(always)]
    pub fn tangent<S: Simd>(&self, simd: S, mixed: &[f64], changes: &[f64], out: &mut [f64]) {
        let (mixed, changes) = (vectors::<S>(mixed), vectors::<S>(changes));
        for (v, out) in self.own_mut(out).chunks_mut(S::F64_LANES).enumerate() {
            let mut sum = simd.splat_f64s(0.0);
            for term in &self.terms {
                let [a, b, c] = term.at::<S>(mixed, v);
                let [da, db, dc] = term.at::<S>(changes, v);
                let factor = simd.splat_f64s(term.factor);
                let outer = simd.mul_add(da, b, simd.mul_f64s(a, db));
                let change = simd.mul_add(outer, c, simd.mul_f64s(simd.mul_f64s(a, b), dc));
                sum = simd.mul_add(factor, change, sum);
            }
            simd.partial_store_f64s(out, sum);
        }
    }

    /// Adds the derivative of `g · b` with respect to the mixed coefficients.
    #[inline(always)]
    pub fn add_adjoint<S: Simd>(&self, simd: S, g: &[f64], mixed: &[f64], out: &mut [f64]) {
        let (mixed, out) = (vectors::<S>(mixed), vectors_mut::<S>(out));
        for (v, g) in self.own(g).chunks(S::F64_LANES).enumerate() {
            let g = simd.partial_load_f64s(g);
            for term in &self.terms {
                let [a, b, c] = term.at::<S>(mixed, v);
                let g = simd.mul_f64s(simd.splat_f64s(term.factor), g);
                let (ga, bc) = (simd.mul_f64s(g, a), simd.mul_f64s(b, c));
                let [at_a, at_b, at_c] = term.places::<S>(v);
                out[at_a] = simd.mul_add(g, bc, out[at_a]);
                out[at_b] = simd.mul_add(ga, c, out[at_b]);
                out[at_c] = simd.mul_add(ga, b, out[at_c]);
            }
        }
    }

    /// Adds the change of [`Triple::add_adjoint`] with that of the mixed coefficients.
    #[inline(always)]
    pub fn add_adjoint_change<S: Simd>(
        &self,
        simd: S,
        g: &[f64],
        mixed: &[f64],
        changes: &[f64],
        out: &mut [f64],
    ) {
        let (mixed, changes) = (vectors::<S>(mixed), vectors::<S>(changes));
        let out = vectors_mut::<S>(out);
        for (v, g) in self.own(g).chunks(S::F64_LANES).enumerate() {
            let g = simd.partial_load_f64s(g);
            for term in &self.terms {
                let [a, b, c] = term.at::<S>(mixed, v);
                let [da, db, dc] = term.at::<S>(changes, v);
                let g = simd.mul_f64s(simd.splat_f64s(term.factor), g);
                let [at_a, at_b, at_c] = term.places::<S>(v);
                let of_a = simd.mul_add(db, c, simd.mul_f64s(b, dc));
                let of_b = simd.mul_add(da, c, simd.mul_f64s(a, dc));
                let of_c = simd.mul_add(da, b, simd.mul_f64s(a, db));
                out[at_a] = simd.mul_add(g, of_a, out[at_a]);
                out[at_b] = simd.mul_add(g, of_b, out[at_b]);
                out[at_c] = simd.mul_add(g, of_c, out[at_c]);
            }
        }
    }

    fn own<'a>(&self, features: &'a [f64]) -> &'a [f64] {
        &features[self.first_feature..self.first_feature + self.n_channels]
    }

    fn own_mut<'a>(&self, features: &'a mut [f64]) -> &'a mut [f64] {
        &mut features[self.first_feature..self.first_feature + self.n_channels]
    }
}

impl Term {
    #[inline(always)]
    fn places<S: Simd>(&self, v: usize) -> [usize; 3] {
        let [a, b, c] = self.rows;
        [a / S::F64_LANES + v, b / S::F64_LANES + v, c / S::F64_LANES + v]
    }

    #[inline(always)]
    fn at<S: Simd>(&self, mixed: &[S::f64s], v: usize) -> [S::f64s; 3] {
        let [a, b, c] = self.places::<S>(v);
        [mixed[a], mixed[b], mixed[c]]
    }
}

/// Integrals over the sphere of three real harmonics, by `m` counted from 0; zeros are left out.
fn gaunt(degrees: [usize; 3]) -> Vec<([usize; 3], f64)> {
    let l_max = degrees[2];
    let nodes = sphere(degrees.iter().sum());
    let mut tables = HarmonicTables::default();
    for (axis, array) in tables.unit.iter_mut().enumerate() {
        reserve(array, nodes.len());
        for (place, (direction, _)) in array.iter_mut().zip(&nodes) {
            *place = direction[axis];
        }
    }
    Harmonics::new(l_max).fill(Scalar::new(), nodes.len(), &mut tables);
    let harmonic = |l: usize, m: usize| &tables.y[(l * l + m) * nodes.len()..][..nodes.len()];
    debug_assert_eq!(tables.y.len(), n_harmonics(l_max) * nodes.len());
    let [first, second, third] = degrees.map(|l| 0..2 * l + 1);
    let mut found = Vec::new();
    for a in first {
        for b in second.clone() {
            for c in third.clone() {
                let (x, y, z) = (harmonic(degrees[0], a), harmonic(degrees[1], b), harmonic(degrees[2], c));
                let value: f64 = nodes.iter().enumerate().map(|(k, (_, w))| w * x[k] * y[k] * z[k]).sum();
                if value.abs() > NEGLIGIBLE {
                    found.push(([a, b, c], value));
                }
            }
        }
    }
    found
}

/// Directions and weights that integrate every polynomial up to a degree over the unit sphere: Gauss-Legendre nodes in `z`
/// times evenly spaced angles.
pub(super) fn sphere(degree: usize) -> Vec<([f64; 3], f64)> {
    let (n_z, n_phi) = (degree / 2 + 1, degree + 1);
    let mut nodes = Vec::with_capacity(n_z * n_phi);
    for i in 0..n_z {
        // Newton's method on the Legendre polynomial from Tricomi's estimate of its root.
        let mut z = (PI * (i as f64 + 0.75) / (n_z as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..10 {
            let [below, value] = legendre(n_z, z);
            slope = n_z as f64 * (z * value - below) / (z * z - 1.0);
            z -= value / slope;
        }
        let weight = 2.0 / ((1.0 - z * z) * slope * slope) * 2.0 * PI / n_phi as f64;
        let sine = (1.0 - z * z).sqrt();
        for j in 0..n_phi {
            let (sin, cos) = (2.0 * PI * j as f64 / n_phi as f64).sin_cos();
            nodes.push(([sine * cos, sine * sin, z], weight));
        }
    }
    nodes
}

/// Legendre polynomials `P_(l-1)` (0 for `l = 0`) and `P_l`.
pub(super) fn legendre(l: usize, x: f64) -> [f64; 2] {
    let (mut below, mut value) = (0.0, 1.0);
    for k in 1..=l {
        let next = ((2 * k - 1) as f64 * x * value - (k - 1) as f64 * below) / k as f64;
        (below, value) = (value, next);
    }
    [below, value]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_of_even_parity_inside_the_triangle() {
        assert_eq!(degrees(1), Vec::<[usize; 3]>::new());
        assert_eq!(degrees(2), [[1, 1, 2], [2, 2, 2]]);
        assert_eq!(degrees(3)[2..], [[1, 2, 3], [2, 3, 3]]);
        assert_eq!(degrees(4).len(), 9);
    }

    #[test]
    fn the_sphere_integrates_polynomials() {
        for degree in 0..12 {
            let nodes = sphere(degree);
            let integral = |f: &dyn Fn([f64; 3]) -> f64| nodes.iter().map(|(u, w)| w * f(*u)).sum::<f64>();
            assert!((integral(&|_| 1.0) - 4.0 * PI).abs() < 1e-12);
            for power in 0..=degree as i32 {
                let expected = if power % 2 == 0 { 4.0 * PI / f64::from(power + 1) } else { 0.0 };
                for axis in 0..3 {
                    assert!(
                        (integral(&|u| u[axis].powi(power)) - expected).abs() < 1e-12,
                        "{degree} {power}"
                    );
                }
            }
        }
    }

    /// `∫ Y_10 Y_10 Y_20 dΩ = 1/sqrt(5 π)` and `∫ Y_20³ dΩ = sqrt(5/π)/7` (3j symbols).
    #[test]
    fn known_gaunt_coefficients() {
        let at = |degrees: [usize; 3], m: [usize; 3]| gaunt(degrees).iter().find(|(k, _)| *k == m).unwrap().1;
        assert!((at([1, 1, 2], [1, 1, 2]) - 1.0 / (5.0 * PI).sqrt()).abs() < 1e-13);
        assert!((at([2, 2, 2], [2, 2, 2]) - (5.0 / PI).sqrt() / 7.0).abs() < 1e-13);
        // m1 + m2 = m3 for cosines, or their differences.
        assert_eq!(gaunt([1, 1, 2]).len(), 11);
    }
}
