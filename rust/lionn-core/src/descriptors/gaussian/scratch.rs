//! Buffers of the fast path: structure of arrays, neighbors padded so that every element starts at a vector boundary.

use super::super::Environment;
pub(super) use super::super::arrays::{Array, FAR, lanes, reserve, reset, vectors, vectors_mut};
use super::factor::Factor;
use crate::linalg::Vec3;
use crate::simd::MulAdd;
use pulp::Simd;

/// One radial factor at all neighbors.
#[derive(Debug)]
pub(super) struct FactorTable {
    pub f: Array,
    /// `df/ds`.
    pub df: Array,
    /// `1 - s/Rc²`.
    w: Array,
    /// What the search for triples needs of a vector of neighbors, side by side: [`N_VIEW`] vectors.
    pub view: Array,
    /// What the force pass needs of a vector of neighbors, side by side: [`N_LEGS`] vectors.
    pub legs: Array,
}

/// Components of the direction; `1 - s/Rc²`, or far below zero where `f` is zero, so that no pair with such a neighbor
/// counts; `√2 r/Rc`, where the product of two, times the cosine, is the mixed term of `s_jk/Rc²`; the place itself.
pub(super) const N_VIEW: usize = 6;
/// Components of `r`; `√(1/2)/r`; `1/(2 s)`; `df/ds / f`, zero where `f` is.
pub(super) const N_LEGS: usize = 6;
/// Gradient accumulators of a neighbor: `dE/dr = alpha r + beta`; `alpha` and the components of `beta`.
pub(super) const N_GRADIENT: usize = 4;

impl Default for FactorTable {
    fn default() -> Self {
        let [f, df, w, view, legs] = std::array::from_fn(|_| Array::new(64));
        Self { f, df, w, view, legs }
    }
}

impl FactorTable {
    /// Values and derivatives at the squared distances `s`.
    #[inline(always)]
    fn fill<S: Simd>(&mut self, simd: S, factor: &Factor, s: &[f64]) {
        for array in [&mut self.f, &mut self.df, &mut self.w] {
            array.resize(s.len(), 0.0);
        }
        let one = simd.splat_f64s(1.0);
        let inv_rc2 = simd.splat_f64s(factor.inv_rc2);
        for (w, &s) in vectors_mut::<S>(&mut self.w).iter_mut().zip(vectors::<S>(s)) {
            *w = simd.neg_mul_add(s, inv_rc2, one);
        }
        factor.evaluate(simd, &self.w, &mut self.f, &mut self.df);
    }

    /// What angular functions need in addition.
    #[inline(always)]
    fn fill_angular<S: Simd>(&mut self, simd: S, factor: &Factor, s: &[f64], position: &[Array; 3]) {
        self.view.resize(s.len() * N_VIEW, 0.0);
        self.legs.resize(s.len() * N_LEGS, 0.0);
        let (one, zero, far) = (simd.splat_f64s(1.0), simd.splat_f64s(0.0), simd.splat_f64s(-FAR));
        let root_half = simd.splat_f64s(std::f64::consts::FRAC_1_SQRT_2);
        let scale = simd.splat_f64s((2.0 * factor.inv_rc2).sqrt());
        let mut place = lane_numbers::<S>();
        let step = simd.splat_f64s(S::F64_LANES as f64);
        let [x, y, z] = position;
        let (x, y, z) = (vectors::<S>(x), vectors::<S>(y), vectors::<S>(z));
        let (f, df, w) = (vectors::<S>(&self.f), vectors::<S>(&self.df), vectors::<S>(&self.w));
        let (view, _) = vectors_mut::<S>(&mut self.view).as_chunks_mut::<N_VIEW>();
        let (legs, _) = vectors_mut::<S>(&mut self.legs).as_chunks_mut::<N_LEGS>();
        for (k, &s) in vectors::<S>(s).iter().enumerate() {
            let counts = simd.greater_than_f64s(f[k], zero);
            let r = simd.sqrt_f64s(s);
            let inverse = simd.div_f64s(one, r);
            view[k] = [
                simd.mul_f64s(x[k], inverse),
                simd.mul_f64s(y[k], inverse),
                simd.mul_f64s(z[k], inverse),
                simd.select_f64s(counts, w[k], far),
                simd.mul_f64s(scale, r),
                place,
            ];
            place = simd.add_f64s(place, step);
            let half = simd.mul_f64s(root_half, inverse);
            let log_slope = simd.select_f64s(counts, simd.div_f64s(df[k], f[k]), zero);
            legs[k] = [x[k], y[k], z[k], half, simd.mul_f64s(half, half), log_slope];
        }
    }
}

/// The numbers of one place, in all lanes.
#[inline(always)]
pub(super) fn of_place<S: Simd, const N: usize>(
    simd: S,
    vectors: &[[S::f64s; N]],
    place: usize,
) -> [S::f64s; N] {
    let lanes = lanes::<S>(&vectors[place / S::F64_LANES]);
    let mut result = [simd.splat_f64s(0.0); N];
    for (n, result) in result.iter_mut().enumerate() {
        *result = simd.splat_f64s(lanes[n * S::F64_LANES + place % S::F64_LANES]);
    }
    result
}

/// The triples of one group that count, by whole vectors of neighbors `k` for one neighbor `j`.
#[derive(Debug)]
pub(super) struct Triples {
    /// Place `j` and index of the vector of places `k`.
    pub places: Vec<[u32; 2]>,
    /// How many vectors there are; the arrays may be longer.
    pub len: usize,
    pub cos: Array,
    /// `1 - s_jk/Rc²`, not positive for triples that do not count.
    pub w: Array,
    /// `f(s_jk)`, later `f(s_ij) f(s_ik) f(s_jk)`.
    pub f: Array,
    /// `df/ds(s_jk)`, later times `f(s_ij) f(s_ik)`.
    pub df: Array,
}

impl Default for Triples {
    fn default() -> Self {
        let [cos, w, f, df] = std::array::from_fn(|_| Array::new(64));
        Self { places: Vec::new(), len: 0, cos, w, f, df }
    }
}

impl Triples {
    /// Empties the list and makes room for `n` vectors of `lanes` numbers.
    pub fn clear(&mut self, n: usize, lanes: usize) {
        self.len = 0;
        for array in [&mut self.cos, &mut self.w, &mut self.f, &mut self.df] {
            reserve(array, n * lanes);
        }
        if self.places.len() < n {
            self.places.resize(n, [0; 2]);
        }
    }
}

/// Scratch space of [`super::Gaussian`].
#[derive(Debug)]
pub struct Scratch {
    /// `r_ij`; zero in the padding.
    pub(super) position: [Array; 3],
    /// Squared distances.
    s: Array,
    starts: Vec<usize>,
    counts: Vec<usize>,
    pub(super) factors: Vec<FactorTable>,
    pub(super) triples: Vec<Triples>,
    /// Gradient accumulators of vectors of neighbors, [`N_GRADIENT`] vectors each.
    pub(super) gradient: Array,
    /// Gradient accumulators of single neighbors, whose lanes are still to be summed: as many vectors each.
    pub(super) gradient_of_rows: Array,
}

impl Default for Scratch {
    fn default() -> Self {
        let [s, gradient, gradient_of_rows] = std::array::from_fn(|_| Array::new(64));
        Self {
            position: std::array::from_fn(|_| Array::new(64)),
            s,
            starts: Vec::new(),
            counts: Vec::new(),
            factors: Vec::new(),
            triples: Vec::new(),
            gradient,
            gradient_of_rows,
        }
    }
}

impl Scratch {
    /// Padded places of an element.
    #[inline(always)]
    pub(super) fn padded(&self, element: usize) -> std::ops::Range<usize> {
        self.starts[element]..self.starts[element + 1]
    }

    /// Places of an element that hold neighbors.
    #[inline(always)]
    pub(super) fn occupied(&self, element: usize) -> std::ops::Range<usize> {
        self.starts[element]..self.starts[element] + self.counts[element]
    }

    /// Copies an environment and evaluates all radial factors.
    #[inline(always)]
    pub(super) fn load<S: Simd>(
        &mut self,
        simd: S,
        environment: &Environment,
        factors: &[Factor],
        n_groups: usize,
    ) {
        let n_elements = environment.ranges.len() - 1;
        self.starts.clear();
        self.counts.clear();
        let mut end = 0;
        for e in 0..n_elements {
            let count = environment.ranges[e + 1] - environment.ranges[e];
            self.starts.push(end);
            self.counts.push(count);
            end += count.next_multiple_of(S::F64_LANES);
        }
        self.starts.push(end);
        for array in &mut self.position {
            reset(array, end, 0.0);
        }
        reset(&mut self.s, end, FAR);
        for e in 0..n_elements {
            let source = environment.ranges[e]..environment.ranges[e + 1];
            let target = self.occupied(e);
            for (to, from) in self.position.iter_mut().zip([&environment.x, &environment.y, &environment.z]) {
                to[target.clone()].copy_from_slice(&from[source.clone()]);
            }
            self.s[target].copy_from_slice(&environment.r2[source]);
        }
        self.factors.resize_with(factors.len(), FactorTable::default);
        for (factor, table) in factors.iter().zip(&mut self.factors) {
            table.fill(simd, factor, &self.s);
            if factor.angular {
                table.fill_angular(simd, factor, &self.s, &self.position);
            }
        }
        self.triples.resize_with(n_groups, Triples::default);
    }

    /// Sets the gradient accumulators to zero.
    #[inline(always)]
    pub(super) fn clear_gradient<S: Simd>(&mut self) {
        let n = self.s.len();
        reset(&mut self.gradient, n * N_GRADIENT, 0.0);
        reset(&mut self.gradient_of_rows, n * N_GRADIENT * S::F64_LANES, 0.0);
    }

    /// Sums the accumulators: `dE/dr` of the neighbors of an element, in order, every `stride` entries of `out`.
    #[inline(always)]
    pub(super) fn write_gradient<S: Simd>(&self, simd: S, element: usize, out: &mut [Vec3], stride: usize) {
        let (of_rows, _) = vectors::<S>(&self.gradient_of_rows).as_chunks::<N_GRADIENT>();
        let [x, y, z] = &self.position;
        for (place, out) in self.occupied(element).zip(out.iter_mut().step_by(stride)) {
            let start = place / S::F64_LANES * N_GRADIENT * S::F64_LANES + place % S::F64_LANES;
            let sums = &of_rows[place];
            let alpha = self.gradient[start] + simd.reduce_sum_f64s(sums[0]);
            let beta_x = self.gradient[start + S::F64_LANES] + simd.reduce_sum_f64s(sums[1]);
            let beta_y = self.gradient[start + 2 * S::F64_LANES] + simd.reduce_sum_f64s(sums[2]);
            let beta_z = self.gradient[start + 3 * S::F64_LANES] + simd.reduce_sum_f64s(sums[3]);
            *out = [alpha * x[place] + beta_x, alpha * y[place] + beta_y, alpha * z[place] + beta_z];
        }
    }
}

/// Numbers of the lanes.
#[inline(always)]
fn lane_numbers<S: Simd>() -> S::f64s {
    let numbers = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
    vectors::<S>(&numbers[..S::F64_LANES])[0]
}
