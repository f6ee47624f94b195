//! Angular functions with integer `zeta`, grouped.
//!
//! All functions of one pair of neighbor elements that share `eta`, `Rs` and cutoff share the factor
//! `A = f(s_ij) f(s_ik) f(s_jk)` of every triple. With `x = cos t_jik` each of them is
//! `sum A P(x)` with a polynomial `P(x) = 2^(1-zeta) (1 + gamma x)^zeta`, a linear combination of the moments
//! `M_n = sum A x^n`. In the force pass the whole group is one polynomial with coefficients
//! `p_n = sum_f dE/dG_f P_f,n`.

use super::factor::Factor;
use super::function::{Function, Kind};
use super::scratch::{GroupScratch, Scratch};
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
    /// Feature index and polynomial coefficients of every function.
    members: Vec<(usize, Vec<f64>)>,
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
    pub fn push(&mut self, feature: usize, zeta: usize, gamma: f64) {
        self.n_moments = self.n_moments.max(zeta + 1);
        self.members.push((feature, angular_polynomial(zeta, gamma)));
    }

    /// Features of the group.
    pub fn features(&self) -> impl Iterator<Item = usize> + '_ {
        self.members.iter().map(|(feature, _)| *feature)
    }

    /// Evaluates all members; leaves cosines and factors of all triples in `rows`.
    #[inline(always)]
    pub fn values<S: Simd>(
        &self,
        simd: S,
        factor: &Factor,
        scratch: &Scratch,
        rows: &mut GroupScratch,
        out: &mut [f64],
    ) {
        self.fill_rows(simd, factor, scratch, rows);
        let mut moments = [0.0; MAX_MOMENTS];
        match self.n_moments {
            0..=2 => self.moments::<S, 2>(simd, scratch, rows, &mut moments),
            3 => self.moments::<S, 3>(simd, scratch, rows, &mut moments),
            4..=5 => self.moments::<S, 5>(simd, scratch, rows, &mut moments),
            6..=9 => self.moments::<S, 9>(simd, scratch, rows, &mut moments),
            _ => self.moments::<S, MAX_MOMENTS>(simd, scratch, rows, &mut moments),
        }
        for (feature, polynomial) in &self.members {
            out[*feature] = polynomial.iter().zip(&moments).map(|(p, m)| p * m).sum();
        }
    }

    /// The polynomial of the whole group for given `dE/dG`.
    pub fn weighted_polynomial(&self, dedg: &[f64]) -> [f64; MAX_MOMENTS] {
        let mut sum = [0.0; MAX_MOMENTS];
        for (feature, polynomial) in &self.members {
            for (s, p) in sum.iter_mut().zip(polynomial) {
                *s += dedg[*feature] * p;
            }
        }
        sum
    }

    /// The polynomial of one member.
    pub fn member_polynomial(&self, feature: usize) -> [f64; MAX_MOMENTS] {
        let mut result = [0.0; MAX_MOMENTS];
        if let Some((_, polynomial)) = self.members.iter().find(|(f, _)| *f == feature) {
            result[..polynomial.len()].copy_from_slice(polynomial);
        }
        result
    }

    /// Adds the derivatives of `sum A P(x)` to the accumulators of `scratch`.
    #[inline(always)]
    pub fn contract<S: Simd>(
        &self,
        simd: S,
        polynomial: &[f64; MAX_MOMENTS],
        rows: &GroupScratch,
        scratch: &mut Scratch,
    ) {
        match self.n_moments {
            0..=2 => self.contract_rows::<S, 2>(simd, polynomial, rows, scratch),
            3 => self.contract_rows::<S, 3>(simd, polynomial, rows, scratch),
            4..=5 => self.contract_rows::<S, 5>(simd, polynomial, rows, scratch),
            6..=9 => self.contract_rows::<S, 9>(simd, polynomial, rows, scratch),
            _ => self.contract_rows::<S, MAX_MOMENTS>(simd, polynomial, rows, scratch),
        }
    }

    /// The neighbors `k` of row `j`, padded to whole vectors, and how many of its first entries repeat a pair.
    #[inline(always)]
    fn row(&self, scratch: &Scratch, j: usize) -> (std::ops::Range<usize>, usize) {
        let [a, b] = self.neighbors;
        let range = scratch.padded(b);
        if a == b {
            let start = Scratch::vector_start(j + 1);
            (start..range.end, j + 1 - start)
        } else {
            (range, 0)
        }
    }

    /// Cosines and `f(s_jk)` with derivative of all triples, row by row.
    #[inline(always)]
    fn fill_rows<S: Simd>(&self, simd: S, factor: &Factor, scratch: &Scratch, rows: &mut GroupScratch) {
        let [a, b] = self.neighbors;
        let first = scratch.occupied(a);
        rows.resize(first.len() * scratch.padded(b).len());
        let two = simd.splat_f64s(2.0);
        let mut place = 0;
        for j in first {
            let (row, repeated) = self.row(scratch, j);
            if row.is_empty() {
                continue;
            }
            let n = row.len();
            let [xj, yj, zj, sj, ij] =
                [scratch.x[j], scratch.y[j], scratch.z[j], scratch.s[j], scratch.inv[j]]
                    .map(|v| simd.splat_f64s(v));
            let (x, y, z) = (
                chunks::<S>(&scratch.x[row.clone()]),
                chunks::<S>(&scratch.y[row.clone()]),
                chunks::<S>(&scratch.z[row.clone()]),
            );
            let (s, inv) = (chunks::<S>(&scratch.s[row.clone()]), chunks::<S>(&scratch.inv[row]));
            let (cos, _) = S::as_mut_simd_f64s(&mut rows.cos[place..place + n]);
            let (s_jk, _) = S::as_mut_simd_f64s(&mut rows.s_jk[..n]);
            for k in 0..cos.len() {
                let dot =
                    simd.mul_add_e_f64s(xj, x[k], simd.mul_add_e_f64s(yj, y[k], simd.mul_f64s(zj, z[k])));
                cos[k] = simd.mul_f64s(dot, simd.mul_f64s(ij, inv[k]));
                s_jk[k] = simd.negate_mul_add_e_f64s(two, dot, simd.add_f64s(sj, s[k]));
            }
            let (f, df) = (&mut rows.f[place..place + n], &mut rows.df[place..place + n]);
            if self.narrow {
                rows.s_jk[..repeated].fill(factor.beyond());
                factor.evaluate(simd, &rows.s_jk[..n], f, df);
            } else {
                f.fill(1.0);
                f[..repeated].fill(0.0);
                df.fill(0.0);
            }
            place += n;
        }
    }

    #[inline(always)]
    fn moments<S: Simd, const N: usize>(
        &self,
        simd: S,
        scratch: &Scratch,
        rows: &GroupScratch,
        out: &mut [f64; MAX_MOMENTS],
    ) {
        let table = &scratch.factors[self.factor];
        let mut sums = [simd.splat_f64s(0.0); N];
        let mut place = 0;
        for j in scratch.occupied(self.neighbors[0]) {
            let (row, _) = self.row(scratch, j);
            let n = row.len();
            let fk = chunks::<S>(&table.f[row]);
            let (f, cos) = (chunks::<S>(&rows.f[place..place + n]), chunks::<S>(&rows.cos[place..place + n]));
            let fj = simd.splat_f64s(table.f[j]);
            for k in 0..fk.len() {
                let mut term = simd.mul_f64s(simd.mul_f64s(fj, fk[k]), f[k]);
                sums[0] = simd.add_f64s(sums[0], term);
                for sum in &mut sums[1..] {
                    term = simd.mul_f64s(term, cos[k]);
                    *sum = simd.add_f64s(*sum, term);
                }
            }
            place += n;
        }
        for (value, sum) in out.iter_mut().zip(sums) {
            *value = simd.reduce_sum_f64s(sum);
        }
    }

    /// Per triple, with `q = P' A`, `t = 2 P f_j f_k f_jk'` (primes of `f` with respect to `s`):
    /// ```text
    /// dE/dr_j = alpha_j r_j + b r_k      alpha_j = 2 P f_j' f_k f_jk + t - q x / s_j
    /// dE/dr_k = alpha_k r_k + b r_j      alpha_k = 2 P f_j f_k' f_jk + t - q x / s_k
    /// b = q / (r_j r_k) - t
    /// ```
    #[inline(always)]
    fn contract_rows<S: Simd, const N: usize>(
        &self,
        simd: S,
        polynomial: &[f64; MAX_MOMENTS],
        rows: &GroupScratch,
        scratch: &mut Scratch,
    ) {
        let p: [S::f64s; N] = std::array::from_fn(|n| simd.splat_f64s(polynomial[n]));
        let zero = simd.splat_f64s(0.0);
        let two = simd.splat_f64s(2.0);
        let mut place = 0;
        for j in scratch.occupied(self.neighbors[0]) {
            let (row, _) = self.row(scratch, j);
            let n = row.len();
            let Scratch { x, y, z, inv, factors, alpha, bx, by, bz, .. } = &mut *scratch;
            let table = &factors[self.factor];
            let [xj, yj, zj, ij, fj, dfj] =
                [x[j], y[j], z[j], inv[j], table.f[j], table.df[j]].map(|v| simd.splat_f64s(v));
            let (xk, yk, zk) =
                (chunks::<S>(&x[row.clone()]), chunks::<S>(&y[row.clone()]), chunks::<S>(&z[row.clone()]));
            let ik = chunks::<S>(&inv[row.clone()]);
            let (fk, dfk) = (chunks::<S>(&table.f[row.clone()]), chunks::<S>(&table.df[row.clone()]));
            let cos = chunks::<S>(&rows.cos[place..place + n]);
            let (fjk, dfjk) =
                (chunks::<S>(&rows.f[place..place + n]), chunks::<S>(&rows.df[place..place + n]));
            let (alpha_k, _) = S::as_mut_simd_f64s(&mut alpha[row.clone()]);
            let (bx_k, _) = S::as_mut_simd_f64s(&mut bx[row.clone()]);
            let (by_k, _) = S::as_mut_simd_f64s(&mut by[row.clone()]);
            let (bz_k, _) = S::as_mut_simd_f64s(&mut bz[row]);
            let (mut sum_alpha, mut sum_x, mut sum_y, mut sum_z) = (zero, zero, zero, zero);
            for k in 0..cos.len() {
                let c = cos[k];
                let mut value = p[N - 1];
                let mut slope = zero;
                for m in (0..N - 1).rev() {
                    slope = simd.mul_add_e_f64s(slope, c, value);
                    value = simd.mul_add_e_f64s(value, c, p[m]);
                }
                let p2 = simd.mul_f64s(two, value);
                let fjfk = simd.mul_f64s(fj, fk[k]);
                let q = simd.mul_f64s(slope, simd.mul_f64s(fjfk, fjk[k]));
                let t = simd.mul_f64s(p2, simd.mul_f64s(fjfk, dfjk[k]));
                let p2f = simd.mul_f64s(p2, fjk[k]);
                let qc = simd.mul_f64s(q, c);
                let b = simd.mul_sub(q, simd.mul_f64s(ij, ik[k]), t);
                let radial_j = simd.mul_add_e_f64s(p2f, simd.mul_f64s(dfj, fk[k]), t);
                let radial_k = simd.mul_add_e_f64s(p2f, simd.mul_f64s(fj, dfk[k]), t);
                let aj = simd.negate_mul_add_e_f64s(qc, simd.mul_f64s(ij, ij), radial_j);
                let ak = simd.negate_mul_add_e_f64s(qc, simd.mul_f64s(ik[k], ik[k]), radial_k);
                sum_alpha = simd.add_f64s(sum_alpha, aj);
                sum_x = simd.mul_add_e_f64s(b, xk[k], sum_x);
                sum_y = simd.mul_add_e_f64s(b, yk[k], sum_y);
                sum_z = simd.mul_add_e_f64s(b, zk[k], sum_z);
                alpha_k[k] = simd.add_f64s(alpha_k[k], ak);
                bx_k[k] = simd.mul_add_e_f64s(b, xj, bx_k[k]);
                by_k[k] = simd.mul_add_e_f64s(b, yj, by_k[k]);
                bz_k[k] = simd.mul_add_e_f64s(b, zj, bz_k[k]);
            }
            alpha[j] += simd.reduce_sum_f64s(sum_alpha);
            bx[j] += simd.reduce_sum_f64s(sum_x);
            by[j] += simd.reduce_sum_f64s(sum_y);
            bz[j] += simd.reduce_sum_f64s(sum_z);
            place += n;
        }
    }
}

/// `a b - c`.
trait MulSub: Simd {
    #[inline(always)]
    fn mul_sub(self, a: Self::f64s, b: Self::f64s, c: Self::f64s) -> Self::f64s {
        self.mul_add_e_f64s(a, b, self.neg_f64s(c))
    }
}
impl<S: Simd> MulSub for S {}

#[inline(always)]
fn chunks<S: Simd>(slice: &[f64]) -> &[S::f64s] {
    S::as_simd_f64s(slice).0
}

/// Coefficients of `2^(1-zeta) (1 + gamma x)^zeta`, lowest power first.
fn angular_polynomial(zeta: usize, gamma: f64) -> Vec<f64> {
    let mut coefficients = vec![2f64.powi(1 - zeta as i32)];
    for _ in 0..zeta {
        let mut next = coefficients.clone();
        next.push(0.0);
        for (k, c) in coefficients.iter().enumerate() {
            next[k + 1] += gamma * c;
        }
        coefficients = next;
    }
    coefficients
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomial_of_zeta_four() {
        assert_eq!(angular_polynomial(1, -1.0), [1.0, -1.0]);
        assert_eq!(angular_polynomial(4, 1.0), [0.125, 0.5, 0.75, 0.5, 0.125]);
    }
}
