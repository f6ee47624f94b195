//! Real spherical harmonics of the directions to the neighbors, and their derivatives, on whole vectors of neighbors.
//!
//! With the unit vector `(x, y, z)` and `m >= 0`
//! ```text
//! Y_lm = F_lm Q_lm c_m,   Y_l-m = F_lm Q_lm s_m,   c_m + i s_m = (x + i y)^m
//! F_lm = sqrt((2l + 1)/(2 π) (l - m)!/(l + m)!),  divided by √2 for m = 0
//! Q_mm = (2m - 1)!!,   (l - m) Q_lm = (2l - 1) z Q_(l-1)m - (l + m - 1) r² Q_(l-2)m
//! ```
//! orthonormal on the sphere. `r^l Y_lm` is a polynomial of the coordinates (a solid harmonic) with
//! ```text
//! ∂Q_lm/∂z = (l + m) Q_(l-1)m,   ∂Q_lm/∂x = -x Q_(l-1)(m+1),   ∂Q_lm/∂y = -y Q_(l-1)(m+1)
//! ```
//! so no angle, root or trigonometric function is needed (Bigi, Fraux, Browning and Ceriotti, J. Chem. Phys. 159, 064802
//! (2023), doi 10.1063/5.0156307). The derivative of `Y_lm` with respect to the neighbor's position is that of the solid
//! harmonic on the unit sphere less its radial part `l Y_lm`, divided by the distance.
//!
//! Harmonics are numbered `l² + l + m`.

use super::super::arrays::{Array, components, reserve, vectors, vectors_mut};
use crate::simd::MulAdd;
use pulp::Simd;
use std::f64::consts::PI;

/// Number of harmonics up to degree `l_max`.
pub(super) fn n_harmonics(l_max: usize) -> usize {
    (l_max + 1) * (l_max + 1)
}

/// Position of `Q_lm`, `m >= 0`.
#[inline(always)]
fn triangle(l: usize, m: usize) -> usize {
    l * (l + 1) / 2 + m
}

/// Prefactors `F_lm`.
#[derive(Debug, Clone)]
pub(super) struct Harmonics {
    pub l_max: usize,
    factors: Vec<f64>,
}

/// Directions and harmonics of all neighbors; rows of `n_vectors` vectors.
#[derive(Debug)]
pub(super) struct HarmonicTables {
    /// Components of the unit vectors.
    pub unit: [Array; 3],
    /// One over the distance.
    pub inverse: Array,
    pub y: Array,
    q: Array,
    c: Array,
    s: Array,
}

impl Default for HarmonicTables {
    fn default() -> Self {
        let [x, y, z, inverse, harmonics, q, c, s] = std::array::from_fn(|_| Array::new(64));
        Self { unit: [x, y, z], inverse, y: harmonics, q, c, s }
    }
}

/// A displacement of one vector of neighbors.
#[derive(Clone, Copy)]
struct Along<V> {
    inverse: V,
    d: [V; 3],
    /// Its part along the unit vectors.
    radial: V,
}

impl Harmonics {
    pub fn new(l_max: usize) -> Self {
        let mut factors = Vec::with_capacity(triangle(l_max + 1, 0));
        for l in 0..=l_max {
            for m in 0..=l {
                // (l - m)!/(l + m)!
                let ratio: f64 = ((l - m + 1)..=(l + m)).map(|k| 1.0 / k as f64).product();
                let half = if m == 0 { 0.5 } else { 1.0 };
                factors.push(((2 * l + 1) as f64 / (2.0 * PI) * ratio * half).sqrt());
            }
        }
        Self { l_max, factors }
    }

    /// Harmonics of the unit vectors in `tables`.
    #[inline(always)]
    pub fn fill<S: Simd>(&self, simd: S, n_vectors: usize, tables: &mut HarmonicTables) {
        let n = n_vectors * S::F64_LANES;
        let HarmonicTables { unit: [x, y, z], y: harmonics, q, c, s, .. } = tables;
        reserve(harmonics, n * n_harmonics(self.l_max));
        reserve(q, n * self.factors.len());
        reserve(c, n * (self.l_max + 1));
        reserve(s, n * (self.l_max + 1));
        let (x, y, z) = (vectors::<S>(x), vectors::<S>(y), vectors::<S>(z));
        let (harmonics, q) = (vectors_mut::<S>(harmonics), vectors_mut::<S>(q));
        let (c, s) = (vectors_mut::<S>(c), vectors_mut::<S>(s));
        let (zero, one) = (simd.splat_f64s(0.0), simd.splat_f64s(1.0));
        for v in 0..n_vectors {
            let (x, y, z) = (x[v], y[v], z[v]);
            (c[v], s[v]) = (one, zero);
            for m in 1..=self.l_max {
                let (below, row) = ((m - 1) * n_vectors + v, m * n_vectors + v);
                let (cos, sin) = (c[below], s[below]);
                c[row] = simd.mul_sub(x, cos, simd.mul_f64s(y, sin));
                s[row] = simd.mul_add(x, sin, simd.mul_f64s(y, cos));
            }
            let mut diagonal = 1.0;
            for m in 0..=self.l_max {
                q[triangle(m, m) * n_vectors + v] = simd.splat_f64s(diagonal);
                for l in m + 1..=self.l_max {
                    let (degree, order) = (l as f64, m as f64);
                    let first = simd.mul_f64s(z, q[triangle(l - 1, m) * n_vectors + v]);
                    let mut value =
                        simd.mul_f64s(simd.splat_f64s((2.0 * degree - 1.0) / (degree - order)), first);
                    if l > m + 1 {
                        let second = simd.splat_f64s((degree + order - 1.0) / (degree - order));
                        value = simd.neg_mul_add(second, q[triangle(l - 2, m) * n_vectors + v], value);
                    }
                    q[triangle(l, m) * n_vectors + v] = value;
                }
                diagonal *= (2 * m + 1) as f64;
            }
            for l in 0..=self.l_max {
                for m in 0..=l {
                    let t = triangle(l, m);
                    let scaled = simd.mul_f64s(simd.splat_f64s(self.factors[t]), q[t * n_vectors + v]);
                    let row = m * n_vectors + v;
                    harmonics[(l * l + l + m) * n_vectors + v] = simd.mul_f64s(scaled, c[row]);
                    if m > 0 {
                        harmonics[(l * l + l - m) * n_vectors + v] = simd.mul_f64s(scaled, s[row]);
                    }
                }
            }
        }
    }

    /// `sum_lm g_lm dY_lm/dr` of vector `v`, where `g` holds one vector per harmonic.
    #[inline(always)]
    pub fn gradient<S: Simd>(
        &self,
        simd: S,
        n_vectors: usize,
        tables: &HarmonicTables,
        v: usize,
        g: &[S::f64s],
    ) -> [S::f64s; 3] {
        let HarmonicTables { unit, inverse, y, q, c, s } = tables;
        let [ux, uy, uz] = components::<S>(unit, v);
        let inverse = vectors::<S>(inverse)[v];
        let (y, q) = (vectors::<S>(y), vectors::<S>(q));
        let (c, s) = (vectors::<S>(c), vectors::<S>(s));
        let zero = simd.splat_f64s(0.0);
        let [mut gx, mut gy, mut gz, mut inward, mut radial] = [zero; 5];
        for l in 1..=self.l_max {
            let mut own = simd.mul_f64s(g[l * l + l], y[(l * l + l) * n_vectors + v]);
            for m in 0..=l {
                let factor = simd.splat_f64s(self.factors[triangle(l, m)]);
                let plus = simd.mul_f64s(factor, g[l * l + l + m]);
                let row = m * n_vectors + v;
                let mut t = simd.mul_f64s(plus, c[row]);
                if m > 0 {
                    let minus = simd.mul_f64s(factor, g[l * l + l - m]);
                    t = simd.mul_add(minus, s[row], t);
                    let below = (m - 1) * n_vectors + v;
                    let (cos, sin) = (c[below], s[below]);
                    let value = q[triangle(l, m) * n_vectors + v];
                    let scaled = simd.mul_f64s(simd.splat_f64s(m as f64), value);
                    let along_x = simd.mul_add(plus, cos, simd.mul_f64s(minus, sin));
                    let along_y = simd.mul_sub(minus, cos, simd.mul_f64s(plus, sin));
                    gx = simd.mul_add(scaled, along_x, gx);
                    gy = simd.mul_add(scaled, along_y, gy);
                    own = simd.mul_add(value, t, own);
                }
                if m < l {
                    let slope =
                        simd.mul_f64s(simd.splat_f64s((l + m) as f64), q[triangle(l - 1, m) * n_vectors + v]);
                    gz = simd.mul_add(slope, t, gz);
                }
                if m + 1 < l {
                    inward = simd.mul_add(q[triangle(l - 1, m + 1) * n_vectors + v], t, inward);
                }
            }
            radial = simd.mul_add(simd.splat_f64s(l as f64), own, radial);
        }
        gx = simd.neg_mul_add(ux, simd.add_f64s(inward, radial), gx);
        gy = simd.neg_mul_add(uy, simd.add_f64s(inward, radial), gy);
        gz = simd.neg_mul_add(uz, radial, gz);
        [simd.mul_f64s(gx, inverse), simd.mul_f64s(gy, inverse), simd.mul_f64s(gz, inverse)]
    }

    /// `dY_lm/dr · d` of all neighbors, rows as in `tables.y`; `d` has one row per Cartesian component.
    #[inline(always)]
    pub fn tangent<S: Simd>(
        &self,
        simd: S,
        n_vectors: usize,
        tables: &HarmonicTables,
        d: &[Array; 3],
        out: &mut Array,
    ) {
        reserve(out, n_vectors * S::F64_LANES * n_harmonics(self.l_max));
        let out = vectors_mut::<S>(out);
        let zero = simd.splat_f64s(0.0);
        for v in 0..n_vectors {
            let unit = components::<S>(&tables.unit, v);
            let d = components::<S>(d, v);
            let inverse = vectors::<S>(&tables.inverse)[v];
            let across = simd.mul_add(unit[0], d[0], simd.mul_f64s(unit[1], d[1]));
            let radial = simd.mul_add(unit[2], d[2], across);
            let along = Along { inverse, d, radial };
            out[v] = zero;
            for l in 1..=self.l_max {
                self.tangent_of_degree(simd, n_vectors, tables, v, l, along, across, out);
            }
        }
    }

    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn tangent_of_degree<S: Simd>(
        &self,
        simd: S,
        n_vectors: usize,
        tables: &HarmonicTables,
        v: usize,
        l: usize,
        along: Along<S::f64s>,
        across: S::f64s,
        out: &mut [S::f64s],
    ) {
        let (y, q) = (vectors::<S>(&tables.y), vectors::<S>(&tables.q));
        let (c, s) = (vectors::<S>(&tables.c), vectors::<S>(&tables.s));
        let [dx, dy, dz] = along.d;
        let zero = simd.splat_f64s(0.0);
        let inward = simd.mul_f64s(simd.splat_f64s(l as f64), along.radial);
        for m in 0..=l {
            // Derivative of F Q along d, and F Q times the factor of the derivative of c and s.
            let mut slope = zero;
            if m < l {
                let rise =
                    simd.mul_f64s(simd.splat_f64s((l + m) as f64), q[triangle(l - 1, m) * n_vectors + v]);
                slope = simd.mul_f64s(rise, dz);
            }
            if m + 1 < l {
                slope = simd.neg_mul_add(q[triangle(l - 1, m + 1) * n_vectors + v], across, slope);
            }
            let factor = simd.splat_f64s(self.factors[triangle(l, m)]);
            slope = simd.mul_f64s(factor, slope);
            let (row, plus) = (m * n_vectors + v, (l * l + l + m) * n_vectors + v);
            let mut value = simd.mul_f64s(slope, c[row]);
            if m > 0 {
                let turn = simd.mul_f64s(simd.splat_f64s(m as f64), q[triangle(l, m) * n_vectors + v]);
                let turn = simd.mul_f64s(factor, turn);
                let below = (m - 1) * n_vectors + v;
                let cos = simd.mul_sub(c[below], dx, simd.mul_f64s(s[below], dy));
                let sin = simd.mul_add(s[below], dx, simd.mul_f64s(c[below], dy));
                value = simd.mul_add(turn, cos, value);
                let minus = (l * l + l - m) * n_vectors + v;
                let other = simd.mul_add(slope, s[row], simd.mul_f64s(turn, sin));
                out[minus] = simd.mul_f64s(along.inverse, simd.neg_mul_add(inward, y[minus], other));
            }
            out[plus] = simd.mul_f64s(along.inverse, simd.neg_mul_add(inward, y[plus], value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Level;
    use pulp::WithSimd;

    /// Harmonics of one unit vector from angles and associated Legendre functions.
    fn plain(l_max: usize, [x, y, z]: [f64; 3]) -> Vec<f64> {
        let table = Harmonics::new(l_max);
        let mut out = vec![0.0; n_harmonics(l_max)];
        let (sine, phi) = ((1.0 - z * z).sqrt(), y.atan2(x));
        for l in 0..=l_max {
            for m in 0..=l {
                // Without the Condon-Shortley phase, by upward recursion in l.
                let mut below = 0.0;
                let mut value = (0..m).map(|k| (2 * k + 1) as f64 * sine).product::<f64>();
                for k in m + 1..=l {
                    let next = ((2 * k - 1) as f64 * z * value - (k + m - 1) as f64 * below) / (k - m) as f64;
                    (below, value) = (value, next);
                }
                let scaled = table.factors[triangle(l, m)] * value;
                out[l * l + l + m] = scaled * (m as f64 * phi).cos();
                if m > 0 {
                    out[l * l + l - m] = scaled * (m as f64 * phi).sin();
                }
            }
        }
        out
    }

    struct Fill<'a>(&'a Harmonics, usize, &'a mut HarmonicTables);
    impl WithSimd for Fill<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            self.0.fill(simd, self.1 / S::F64_LANES, self.2);
        }
    }

    #[test]
    fn harmonics_are_those_of_the_angles() {
        const N: usize = 8;
        let l_max = 9;
        let directions: Vec<[f64; 3]> = (0..N)
            .map(|k| {
                let (z, phi) = (0.9 * (1.7 * k as f64).sin(), 2.3 * k as f64);
                let sine = (1.0 - z * z).sqrt();
                [sine * phi.cos(), sine * phi.sin(), z]
            })
            .collect();
        for level in Level::available() {
            let mut tables = HarmonicTables::default();
            for (axis, array) in tables.unit.iter_mut().enumerate() {
                reserve(array, N);
                directions.iter().enumerate().for_each(|(k, d)| array[k] = d[axis]);
            }
            level.run(Fill(&Harmonics::new(l_max), N, &mut tables));
            for (k, direction) in directions.iter().enumerate() {
                for (row, expected) in plain(l_max, *direction).iter().enumerate() {
                    let found = tables.y[row * N + k];
                    assert!(
                        (found - expected).abs() < 1e-12,
                        "{} {row} {k}: {found} {expected}",
                        level.name()
                    );
                }
            }
        }
    }
}
