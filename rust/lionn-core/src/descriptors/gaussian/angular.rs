//! Angular functions with integer `zeta`, grouped.
//!
//! All functions of one pair of neighbor elements that share `eta`, `Rs` and cutoff share the factor
//! `A = f(s_ij) f(s_ik) f(s_jk)` of every triple. With `x = cos t_jik` each of them is
//! `sum A P(x)` with a polynomial `P(x) = 2^(1-zeta) (1 + gamma x)^zeta`, a linear combination of the moments
//! `M_n = sum A x^n`. In the force pass the whole group is one polynomial with coefficients
//! `p_n = sum_f dE/dG_f P_f,n`.
//!
//! Triples with `r_jk` beyond the cutoff contribute nothing. They are left out by whole vectors of `k`: the first loop
//! writes every vector, but moves on only after one that has a triple inside, so nothing is branched on.

use super::factor::Factor;
use super::function::{Function, Kind};
use super::scratch::{
    FactorTable, N_GRADIENT, N_LEGS, N_VIEW, Scratch, Triples, lanes, of_place, vectors, vectors_mut,
};
use crate::simd::MulAdd;
use pulp::Simd;

/// Largest integer `zeta` treated by moments.
pub(super) const MAX_ZETA: usize = 16;
/// Moments are computed for powers `0..N`; kernels exist for these `N`.
const MAX_MOMENTS: usize = MAX_ZETA + 1;

/// Functions that share elements, exponents and cutoff.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// Elements of the two neighbors, ascending.
    pub neighbors: [usize; 2],
    /// Index of the radial factor.
    pub factor: usize,
    /// Whether `f(s_jk)` belongs to the factor (G4).
    pub narrow: bool,
    /// Number of moments, highest `zeta` plus one.
    n_moments: usize,
    /// Feature index and polynomial coefficients of every function, multiplied by its weight.
    members: Vec<(usize, [f64; MAX_MOMENTS])>,
}

impl Group {
    /// An empty group that `function` may join.
    pub fn like(function: &Function, factor: usize) -> Option<Self> {
        match function.kind {
            Kind::Triple { neighbors, narrow, .. } => {
                Some(Self { neighbors, factor, narrow, n_moments: 1, members: Vec::new() })
            }
            Kind::Pair { .. } => None,
        }
    }

    /// Whether a function belongs here.
    pub fn accepts(&self, function: &Function, factor: usize) -> bool {
        match function.kind {
            Kind::Triple { neighbors, narrow, .. } => {
                neighbors == self.neighbors && narrow == self.narrow && factor == self.factor
            }
            Kind::Pair { .. } => false,
        }
    }

    /// Adds a function with integer `zeta`.
    pub fn push(&mut self, feature: usize, weight: f64, zeta: usize, gamma: f64) {
        self.n_moments = self.n_moments.max(zeta + 1);
        self.members.push((feature, angular_polynomial(zeta, gamma).map(|c| weight * c)));
    }

    /// Features of the group.
    pub fn features(&self) -> impl Iterator<Item = usize> + '_ {
        self.members.iter().map(|(feature, _)| *feature)
    }

    /// Evaluates all members; leaves what the force pass needs in `triples`.
    #[inline(always)]
    pub fn values<S: Simd>(
        &self,
        simd: S,
        factor: &Factor,
        scratch: &Scratch,
        triples: &mut Triples,
        out: &mut [f64],
    ) {
        self.collect(simd, factor, scratch, triples);
        let table = &scratch.factors[self.factor];
        match self.n_moments {
            0..=2 => self.multiply_and_sum::<S, 2>(simd, table, triples, out),
            3 => self.multiply_and_sum::<S, 3>(simd, table, triples, out),
            4..=5 => self.multiply_and_sum::<S, 5>(simd, table, triples, out),
            6..=9 => self.multiply_and_sum::<S, 9>(simd, table, triples, out),
            _ => self.multiply_and_sum::<S, MAX_MOMENTS>(simd, table, triples, out),
        }
    }

    /// Adds the derivatives of `sum_f weights_f G_f` over the members to the accumulators of `scratch`.
    #[inline(always)]
    pub fn contract<S: Simd>(&self, simd: S, weights: &[f64], triples: &Triples, scratch: &mut Scratch) {
        match self.n_moments {
            0..=2 => self.contract_triples::<S, 2>(simd, weights, triples, scratch),
            3 => self.contract_triples::<S, 3>(simd, weights, triples, scratch),
            4..=5 => self.contract_triples::<S, 5>(simd, weights, triples, scratch),
            6..=9 => self.contract_triples::<S, 9>(simd, weights, triples, scratch),
            _ => self.contract_triples::<S, MAX_MOMENTS>(simd, weights, triples, scratch),
        }
    }

    /// Cosines and `f(s_jk)` with derivative of all triples that count.
    #[inline(always)]
    fn collect<S: Simd>(&self, simd: S, factor: &Factor, scratch: &Scratch, triples: &mut Triples) {
        let [a, b] = self.neighbors;
        let n_vectors = |e: usize| scratch.padded(e).len() / S::F64_LANES;
        // Rows go over the element that makes fewer vectors in total.
        let swap = scratch.occupied(b).len() * n_vectors(a) < scratch.occupied(a).len() * n_vectors(b);
        let (rows, columns) = if swap { (b, a) } else { (a, b) };
        let search = Search {
            view: &scratch.factors[self.factor].view,
            rows: scratch.occupied(rows),
            columns: scratch.padded(columns).start / S::F64_LANES..scratch.padded(columns).end / S::F64_LANES,
        };
        match (self.narrow, a == b) {
            (true, true) => search.run::<S, true, true>(simd, triples),
            (true, false) => search.run::<S, true, false>(simd, triples),
            (false, true) => search.run::<S, false, true>(simd, triples),
            (false, false) => search.run::<S, false, false>(simd, triples),
        }
        let used = triples.len * S::F64_LANES;
        let (f, df) = (&mut triples.f[..used], &mut triples.df[..used]);
        if self.narrow {
            factor.evaluate(simd, &triples.w[..used], f, df);
        } else {
            for (f, w) in f.iter_mut().zip(&triples.w[..used]) {
                *f = if *w > 0.0 { 1.0 } else { 0.0 };
            }
            df.fill(0.0);
        }
    }

    /// Multiplies `f(s_ij) f(s_ik)` to `f(s_jk)` and its derivative; sums the moments, and from them the members.
    #[inline(always)]
    fn multiply_and_sum<S: Simd, const N: usize>(
        &self,
        simd: S,
        table: &FactorTable,
        triples: &mut Triples,
        out: &mut [f64],
    ) {
        let len = triples.len;
        let of_vectors = vectors::<S>(&table.f);
        let cos = &vectors::<S>(&triples.cos)[..len];
        let f = &mut vectors_mut::<S>(&mut triples.f)[..len];
        let df = &mut vectors_mut::<S>(&mut triples.df)[..len];
        let mut sums = [simd.splat_f64s(0.0); N];
        for (((&[j, k], &c), f), df) in triples.places[..len].iter().zip(cos).zip(f).zip(df) {
            let legs = simd.mul_f64s(simd.splat_f64s(table.f[j as usize]), of_vectors[k as usize]);
            *f = simd.mul_f64s(*f, legs);
            *df = simd.mul_f64s(*df, legs);
            let mut term = *f;
            sums[0] = simd.add_f64s(sums[0], term);
            for sum in &mut sums[1..] {
                term = simd.mul_f64s(term, c);
                *sum = simd.add_f64s(*sum, term);
            }
        }
        let mut moments = [0.0; N];
        for (moment, sum) in moments.iter_mut().zip(sums) {
            *moment = simd.reduce_sum_f64s(sum);
        }
        for (feature, polynomial) in &self.members {
            let mut value = 0.0;
            for n in 0..N {
                value += polynomial[n] * moments[n];
            }
            out[*feature] += value;
        }
    }

    /// Per triple, with `q = P' A`, `t = 2 P f_j f_k f_jk'` (primes of `f` with respect to `s`):
    /// ```text
    /// dE/dr_j = alpha_j r_j + b r_k      alpha_j = 2 P A f_j'/f_j + t - q x / s_j
    /// dE/dr_k = alpha_k r_k + b r_j      alpha_k = 2 P A f_k'/f_k + t - q x / s_k
    /// b = q / (r_j r_k) - t
    /// ```
    /// In the loop `q` is doubled, as `P` is; the inverse distances contain the other half.
    #[inline(always)]
    fn contract_triples<S: Simd, const N: usize>(
        &self,
        simd: S,
        weights: &[f64],
        triples: &Triples,
        scratch: &mut Scratch,
    ) {
        let mut coefficients = [0.0; N];
        for (feature, polynomial) in &self.members {
            for n in 0..N {
                coefficients[n] += 2.0 * weights[*feature] * polynomial[n];
            }
        }
        let mut p = [simd.splat_f64s(0.0); N];
        for (p, &coefficient) in p.iter_mut().zip(&coefficients) {
            *p = simd.splat_f64s(coefficient);
        }
        let Scratch { factors, gradient, gradient_of_rows, .. } = scratch;
        let legs = &factors[self.factor].legs;
        let (of_vectors, _) = vectors::<S>(legs).as_chunks::<N_LEGS>();
        let (gradient_k, _) = vectors_mut::<S>(gradient).as_chunks_mut::<N_GRADIENT>();
        let (gradient_j, _) = vectors_mut::<S>(gradient_of_rows).as_chunks_mut::<N_GRADIENT>();
        let len = triples.len;
        let places = &triples.places[..len];
        let cos = &vectors::<S>(&triples.cos)[..len];
        let (f, df) = (&vectors::<S>(&triples.f)[..len], &vectors::<S>(&triples.df)[..len]);
        for (((&[j, k], &c), &f), &df) in places.iter().zip(cos).zip(f).zip(df) {
            let (j, k) = (j as usize, k as usize);
            let [x_j, y_j, z_j, inverse_j, inverse2_j, log_slope_j] = of_place(simd, of_vectors, j);
            let [x_k, y_k, z_k, inverse_k, inverse2_k, log_slope_k] = of_vectors[k];
            let mut value = p[N - 1];
            let mut slope = p[N - 1];
            for m in (1..N - 1).rev() {
                value = simd.mul_add(value, c, p[m]);
                slope = simd.mul_add(slope, c, value);
            }
            value = simd.mul_add(value, c, p[0]);
            let q = simd.mul_f64s(slope, f);
            let t = simd.mul_f64s(value, df);
            let radial = simd.mul_f64s(value, f);
            let angular = simd.mul_f64s(q, c);
            let b = simd.mul_sub(q, simd.mul_f64s(inverse_j, inverse_k), t);
            let alpha_j = simd.mul_add(radial, log_slope_j, t);
            let alpha_j = simd.neg_mul_add(angular, inverse2_j, alpha_j);
            let alpha_k = simd.mul_add(radial, log_slope_k, t);
            let alpha_k = simd.neg_mul_add(angular, inverse2_k, alpha_k);
            let [alpha, x, y, z] = &mut gradient_j[j];
            *alpha = simd.add_f64s(*alpha, alpha_j);
            *x = simd.mul_add(b, x_k, *x);
            *y = simd.mul_add(b, y_k, *y);
            *z = simd.mul_add(b, z_k, *z);
            let [alpha, x, y, z] = &mut gradient_k[k];
            *alpha = simd.add_f64s(*alpha, alpha_k);
            *x = simd.mul_add(b, x_j, *x);
            *y = simd.mul_add(b, y_j, *y);
            *z = simd.mul_add(b, z_j, *z);
        }
    }
}

/// Where to look for triples: neighbors `j` of one element, whole vectors of neighbors `k` of another or the same.
struct Search<'a> {
    view: &'a [f64],
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
}

impl Search<'_> {
    /// One loop over all `j` and `k`, without branches: the lengths of the rows cannot be predicted.
    #[inline(always)]
    fn run<S: Simd, const NARROW: bool, const SAME: bool>(self, simd: S, triples: &mut Triples) {
        let Self { view, rows, columns } = self;
        // For equal elements every unordered pair once: `k` starts in the vector of the place after `j`.
        let first = |j: usize| if SAME { (j + 1) / S::F64_LANES } else { columns.start };
        let total: usize = rows.clone().map(|j| columns.end - first(j)).sum();
        // One vector more than there are: the last may be written without being counted.
        triples.clear(total + 1, S::F64_LANES);
        let (of_vectors, _) = vectors::<S>(view).as_chunks::<N_VIEW>();
        let (cos, w) = (vectors_mut::<S>(&mut triples.cos), vectors_mut::<S>(&mut triples.w));
        let places = &mut triples.places[..];
        let (one, outside) = (simd.splat_f64s(1.0), simd.splat_f64s(-1.0));
        let mut n = 0;
        let mut j = rows.start;
        let mut k = first(j);
        for _ in 0..total {
            let [x_j, y_j, z_j, w_j, reach_j, place_j] = of_place(simd, of_vectors, j);
            let [x_k, y_k, z_k, w_k, reach_k, place_k] = of_vectors[k];
            let yz = simd.mul_add(y_j, y_k, simd.mul_f64s(z_j, z_k));
            let dot = simd.mul_add(x_j, x_k, yz);
            let mut w_jk = if NARROW {
                // s_jk = s_j + s_k - 2 r_j r_k x, hence w_jk = w_j + w_k - 1 + (√2 r_j) (√2 r_k) x / Rc².
                let legs = simd.sub_f64s(simd.add_f64s(w_j, w_k), one);
                simd.mul_add(simd.mul_f64s(reach_j, reach_k), dot, legs)
            } else {
                simd.min_f64s(w_j, w_k)
            };
            if SAME {
                w_jk = simd.select_f64s(simd.greater_than_f64s(place_k, place_j), w_jk, outside);
            }
            cos[n] = dot;
            w[n] = w_jk;
            places[n] = [j as u32, k as u32];
            n += usize::from(any_positive::<S>(&w_jk));
            k += 1;
            let done = usize::from(k == columns.end);
            j += done;
            k -= columns.end.saturating_sub(first(j)) & done.wrapping_neg();
        }
        triples.len = n;
    }
}

/// Whether some lane is positive.
#[inline(always)]
fn any_positive<S: Simd>(vector: &S::f64s) -> bool {
    lanes::<S>(std::slice::from_ref(vector)).iter().fold(false, |any, &x| any | (x > 0.0))
}

/// Coefficients of `2^(1-zeta) (1 + gamma x)^zeta`, lowest power first.
fn angular_polynomial(zeta: usize, gamma: f64) -> [f64; MAX_MOMENTS] {
    let mut coefficients = [0.0; MAX_MOMENTS];
    coefficients[0] = 2f64.powi(1 - zeta as i32);
    for _ in 0..zeta {
        for n in (1..MAX_MOMENTS).rev() {
            coefficients[n] += gamma * coefficients[n - 1];
        }
    }
    coefficients
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomial_of_zeta_four() {
        assert_eq!(angular_polynomial(1, -1.0)[..3], [1.0, -1.0, 0.0]);
        assert_eq!(angular_polynomial(4, 1.0)[..6], [0.125, 0.5, 0.75, 0.5, 0.125, 0.0]);
    }
}
