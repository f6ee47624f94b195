//! Buffers of the fast path: neighbors padded so that every element starts at a vector boundary.

use super::super::Environment;
use super::factor::Factor;
use pulp::Simd;

/// Padding unit: the widest vector (eight doubles).
const LANES: usize = 8;

/// Radial factors of all neighbors.
#[derive(Debug, Default)]
pub(super) struct FactorTable {
    pub f: Vec<f64>,
    pub df: Vec<f64>,
}

/// Cosines and `f(s_jk)` of the triples of one group.
#[derive(Debug, Default)]
pub(super) struct GroupScratch {
    pub cos: Vec<f64>,
    pub f: Vec<f64>,
    pub df: Vec<f64>,
    pub s_jk: Vec<f64>,
}

impl GroupScratch {
    pub fn resize(&mut self, n: usize) {
        for array in [&mut self.cos, &mut self.f, &mut self.df, &mut self.s_jk] {
            if array.len() < n {
                array.resize(n, 0.0);
            }
        }
    }
}

/// Scratch space of [`super::Gaussian`].
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
    pub(super) z: Vec<f64>,
    /// Squared distances.
    pub(super) s: Vec<f64>,
    /// Inverse distances, zero in the padding.
    pub(super) inv: Vec<f64>,
    starts: Vec<usize>,
    counts: Vec<usize>,
    pub(super) factors: Vec<FactorTable>,
    pub(super) groups: Vec<GroupScratch>,
    /// Gradient accumulators: `dE/dr_n = alpha_n r_n + b_n`.
    pub(super) alpha: Vec<f64>,
    pub(super) bx: Vec<f64>,
    pub(super) by: Vec<f64>,
    pub(super) bz: Vec<f64>,
}

impl Scratch {
    /// Largest multiple of the vector width not above `index`.
    #[inline(always)]
    pub(super) fn vector_start(index: usize) -> usize {
        index / LANES * LANES
    }

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
            end += count.next_multiple_of(LANES);
        }
        self.starts.push(end);
        let beyond = factors.iter().map(Factor::beyond).fold(1.0, f64::max);
        for (array, padding) in [
            (&mut self.x, 0.0),
            (&mut self.y, 0.0),
            (&mut self.z, 0.0),
            (&mut self.s, beyond),
            (&mut self.inv, 0.0),
        ] {
            array.clear();
            array.resize(end, padding);
        }
        for e in 0..n_elements {
            let source = environment.ranges[e]..environment.ranges[e + 1];
            let target = self.occupied(e);
            self.x[target.clone()].copy_from_slice(&environment.x[source.clone()]);
            self.y[target.clone()].copy_from_slice(&environment.y[source.clone()]);
            self.z[target.clone()].copy_from_slice(&environment.z[source.clone()]);
            self.s[target.clone()].copy_from_slice(&environment.r2[source.clone()]);
            for (inv, r2) in self.inv[target].iter_mut().zip(&environment.r2[source]) {
                *inv = 1.0 / r2.sqrt();
            }
        }
        self.factors.resize_with(factors.len(), FactorTable::default);
        for (factor, table) in factors.iter().zip(&mut self.factors) {
            table.f.resize(end, 0.0);
            table.df.resize(end, 0.0);
            factor.evaluate(simd, &self.s, &mut table.f, &mut table.df);
        }
        self.groups.resize_with(n_groups, GroupScratch::default);
    }

    /// Sets the gradient accumulators to zero.
    #[inline(always)]
    pub(super) fn clear_gradient(&mut self) {
        let n = self.x.len();
        for array in [&mut self.alpha, &mut self.bx, &mut self.by, &mut self.bz] {
            array.clear();
            array.resize(n, 0.0);
        }
    }

    /// `dE/dr` at a padded place.
    #[inline(always)]
    pub(super) fn gradient(&self, place: usize) -> [f64; 3] {
        let alpha = self.alpha[place];
        [
            alpha * self.x[place] + self.bx[place],
            alpha * self.y[place] + self.by[place],
            alpha * self.z[place] + self.bz[place],
        ]
    }
}
