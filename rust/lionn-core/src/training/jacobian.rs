//! Sparse derivatives of the fingerprints of one image.
//!
//! Moving atom `j` changes the fingerprint of atom `i` by `J_ij = sum_S dG_i/dr_ijS` (all periodic images of `j` move
//! together); moving `i` itself changes it by `-sum_j J_ij`, which is not stored. A neighbor of element `b` touches
//! only the features in `support(center, b)`, so only those are kept, as one row per Cartesian component. Rows
//! are padded with zeros to a multiple of four.

use crate::descriptors::{Descriptor, Environment};
use crate::linalg::Vec3;

/// Rows are padded to a multiple of this, the number of partial sums in every product.
const LANES: usize = 4;

/// Independent components of a symmetric tensor in the order xx, yy, zz, yz, xz, xy (Voigt).
pub(super) const VOIGT: [(usize, usize); 6] = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)];

/// Number of bits in which derivatives are kept. Products are always accumulated in double precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Single precision: half the memory; rounding of about 1e-7 of a derivative.
    #[default]
    Float32,
    /// Double precision.
    Float64,
}

impl Precision {
    /// Bytes of one number.
    pub fn bytes(self) -> usize {
        match self {
            Self::Float32 => 4,
            Self::Float64 => 8,
        }
    }
}

/// Which features depend on neighbors of which element, for all pairs of elements.
#[derive(Debug, Clone)]
pub(super) struct Supports {
    n_elements: usize,
    features: Vec<Vec<u32>>,
}

impl Supports {
    pub fn new(descriptor: &dyn Descriptor) -> Self {
        let n = descriptor.elements().len();
        let features = (0..n * n).map(|index| descriptor.support(index / n, index % n).to_vec()).collect();
        Self { n_elements: n, features }
    }

    pub fn n_elements(&self) -> usize {
        self.n_elements
    }

    pub fn of(&self, center: usize, neighbor: usize) -> &[u32] {
        &self.features[center * self.n_elements + neighbor]
    }

    /// Length of one padded row.
    pub fn width(&self, center: usize, neighbor: usize) -> usize {
        self.of(center, neighbor).len().next_multiple_of(LANES)
    }
}

/// Stored numbers of either precision.
#[derive(Debug, Clone)]
enum Entries {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl Entries {
    fn with_capacity(precision: Precision, capacity: usize) -> Self {
        match precision {
            Precision::Float32 => Self::Single(Vec::with_capacity(capacity)),
            Precision::Float64 => Self::Double(Vec::with_capacity(capacity)),
        }
    }

    fn extend(&mut self, values: impl Iterator<Item = f64>) {
        match self {
            Self::Single(data) => data.extend(values.map(|x| x as f32)),
            Self::Double(data) => data.extend(values),
        }
    }

    fn shrink_to_fit(&mut self) {
        match self {
            Self::Single(data) => data.shrink_to_fit(),
            Self::Double(data) => data.shrink_to_fit(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Single(data) => data.len(),
            Self::Double(data) => data.len(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Single(data) => 4 * data.capacity(),
            Self::Double(data) => 8 * data.capacity(),
        }
    }
}

/// A stored number that widens to `f64` for arithmetic.
trait Entry: Copy {
    fn widen(self) -> f64;
}

impl Entry for f32 {
    #[inline(always)]
    fn widen(self) -> f64 {
        f64::from(self)
    }
}

impl Entry for f64 {
    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
}

/// Derivatives of all fingerprints of one image.
#[derive(Debug, Clone)]
pub(super) struct Jacobian {
    /// Pairs of atom `i` with element `b` are `blocks[i n_elements + b]..blocks[i n_elements + b + 1]`.
    blocks: Vec<u32>,
    neighbors: Vec<u32>,
    /// Start of every atom's rows in `entries`.
    starts: Vec<u32>,
    entries: Entries,
    /// `sum_jS dG_i/dr_ijS ⊗ r_ijS` per atom, six rows over all features (symmetric by rotational invariance).
    strain: Option<Entries>,
    strain_starts: Vec<u32>,
}

/// Number of derivative entries of one atom with `counts[b]` distinct neighbor atoms of element `b`.
pub(super) fn n_entries(supports: &Supports, center: usize, counts: &[usize]) -> usize {
    counts.iter().enumerate().map(|(b, &count)| 3 * count * supports.width(center, b)).sum()
}

/// Collects the derivatives of one image atom by atom.
pub(super) struct JacobianBuilder<'a> {
    supports: &'a Supports,
    jacobian: Jacobian,
    /// Position of every atom among the distinct neighbors of the current center.
    slot: Vec<u32>,
    merged: Vec<Vec3>,
    distinct: Vec<u32>,
}

const NO_SLOT: u32 = u32::MAX;

impl<'a> JacobianBuilder<'a> {
    /// Builder for an image of `n_atoms` atoms; `strain_capacity` is the number of strain derivatives, if wanted.
    pub fn new(
        supports: &'a Supports,
        n_atoms: usize,
        precision: Precision,
        strain_capacity: Option<usize>,
    ) -> Self {
        let mut blocks = Vec::with_capacity(n_atoms * supports.n_elements() + 1);
        blocks.push(0);
        let jacobian = Jacobian {
            blocks,
            neighbors: Vec::new(),
            starts: Vec::with_capacity(n_atoms),
            entries: Entries::with_capacity(precision, 0),
            strain: strain_capacity.map(|n| Entries::with_capacity(precision, n)),
            strain_starts: Vec::new(),
        };
        Self { supports, jacobian, slot: vec![NO_SLOT; n_atoms], merged: Vec::new(), distinct: Vec::new() }
    }

    /// Adds atom `i` of element `center`. `derivatives` holds, for every neighbor of the environment in order, the
    /// derivatives of its support features with respect to `r_ij`.
    pub fn push(
        &mut self,
        i: usize,
        center: usize,
        env: &Environment,
        derivatives: &[Vec3],
        n_features: usize,
    ) {
        self.jacobian.starts.push(self.jacobian.entries.len() as u32);
        let mut rows = derivatives;
        for b in 0..self.supports.n_elements() {
            let width = self.supports.of(center, b).len();
            let range = env.ranges[b]..env.ranges[b + 1];
            let (block, rest) = rows.split_at(width * range.len());
            rows = rest;
            self.merge(i, &env.index[range], block, width);
            self.store(width);
        }
        self.store_strain(center, env, derivatives, n_features);
    }

    /// Sums the rows of all periodic images of the same atom; images of the center itself do not move against it.
    fn merge(&mut self, i: usize, index: &[u32], block: &[Vec3], width: usize) {
        self.merged.clear();
        self.distinct.clear();
        for (n, &j) in index.iter().enumerate() {
            if j as usize == i {
                continue;
            }
            let row = &block[n * width..(n + 1) * width];
            let slot = &mut self.slot[j as usize];
            if *slot == NO_SLOT {
                *slot = self.distinct.len() as u32;
                self.distinct.push(j);
                self.merged.extend_from_slice(row);
                continue;
            }
            let sums = &mut self.merged[*slot as usize * width..][..width];
            for (sum, d) in sums.iter_mut().zip(row) {
                for axis in 0..3 {
                    sum[axis] += d[axis];
                }
            }
        }
        for &j in &self.distinct {
            self.slot[j as usize] = NO_SLOT;
        }
    }

    fn store(&mut self, width: usize) {
        let padding = width.next_multiple_of(LANES) - width;
        let jacobian = &mut self.jacobian;
        jacobian.neighbors.extend_from_slice(&self.distinct);
        jacobian.blocks.push(jacobian.neighbors.len() as u32);
        for n in 0..self.distinct.len() {
            let row = &self.merged[n * width..(n + 1) * width];
            for axis in 0..3 {
                let padded = row.iter().map(|d| d[axis]).chain(std::iter::repeat_n(0.0, padding));
                jacobian.entries.extend(padded);
            }
        }
    }

    fn store_strain(&mut self, center: usize, env: &Environment, derivatives: &[Vec3], n_features: usize) {
        let Some(strain) = &mut self.jacobian.strain else { return };
        let mut sums = vec![0.0; 6 * n_features];
        let mut rows = derivatives;
        for b in 0..self.supports.n_elements() {
            let support = self.supports.of(center, b);
            for n in env.ranges[b]..env.ranges[b + 1] {
                let r = [env.x[n], env.y[n], env.z[n]];
                let (row, rest) = rows.split_at(support.len());
                rows = rest;
                for (&feature, d) in support.iter().zip(row) {
                    for (component, &(p, q)) in VOIGT.iter().enumerate() {
                        sums[component * n_features + feature as usize] += d[p] * r[q];
                    }
                }
            }
        }
        self.jacobian.strain_starts.push(strain.len() as u32);
        strain.extend(sums.into_iter());
    }

    pub fn finish(mut self) -> Jacobian {
        self.jacobian.neighbors.shrink_to_fit();
        self.jacobian.entries.shrink_to_fit();
        self.jacobian
    }
}

impl Jacobian {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let indices = self.blocks.capacity()
            + self.neighbors.capacity()
            + self.starts.capacity()
            + self.strain_starts.capacity();
        4 * indices + self.entries.bytes() + self.strain.as_ref().map_or(0, Entries::bytes)
    }

    /// Adds the forces `-dE_i/dx` of atom `i`, given `g = dE_i/dG_i`.
    #[inline(always)]
    pub fn add_forces(
        &self,
        supports: &Supports,
        i: usize,
        center: usize,
        g: &[f64],
        compact: &mut Vec<f64>,
        forces: &mut [Vec3],
    ) {
        match &self.entries {
            Entries::Single(data) => self.add_forces_from(data, supports, i, center, g, compact, forces),
            Entries::Double(data) => self.add_forces_from(data, supports, i, center, g, compact, forces),
        }
    }

    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn add_forces_from<T: Entry>(
        &self,
        data: &[T],
        supports: &Supports,
        i: usize,
        center: usize,
        g: &[f64],
        compact: &mut Vec<f64>,
        forces: &mut [Vec3],
    ) {
        let mut start = self.starts[i] as usize;
        let mut own = [0.0; 3];
        for b in 0..supports.n_elements() {
            let width = supports.width(center, b);
            compact.clear();
            compact.extend(supports.of(center, b).iter().map(|&k| g[k as usize]));
            compact.resize(width, 0.0);
            for (&j, row) in self.block(data, supports, i, b, width, &mut start) {
                let f = product(compact, row, width);
                let target = &mut forces[j as usize];
                for axis in 0..3 {
                    target[axis] -= f[axis];
                    own[axis] += f[axis];
                }
            }
        }
        for axis in 0..3 {
            forces[i][axis] += own[axis];
        }
    }

    /// `v = sum_j J_ij · (r_i - r_j)`: how `sum_k r_k · F_k` changes with `g_i`.
    #[inline(always)]
    pub fn contract_residual(
        &self,
        supports: &Supports,
        i: usize,
        center: usize,
        residual: &[Vec3],
        compact: &mut Vec<f64>,
        v: &mut [f64],
    ) {
        v.fill(0.0);
        match &self.entries {
            Entries::Single(data) => self.contract_from(data, supports, i, center, residual, compact, v),
            Entries::Double(data) => self.contract_from(data, supports, i, center, residual, compact, v),
        }
    }

    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn contract_from<T: Entry>(
        &self,
        data: &[T],
        supports: &Supports,
        i: usize,
        center: usize,
        residual: &[Vec3],
        compact: &mut Vec<f64>,
        v: &mut [f64],
    ) {
        let mut start = self.starts[i] as usize;
        let own = residual[i];
        for b in 0..supports.n_elements() {
            let width = supports.width(center, b);
            compact.clear();
            compact.resize(width, 0.0);
            for (&j, row) in self.block(data, supports, i, b, width, &mut start) {
                let other = residual[j as usize];
                let d = [own[0] - other[0], own[1] - other[1], own[2] - other[2]];
                let (x, yz) = row.split_at(width);
                let (y, z) = yz.split_at(width);
                for (((v, x), y), z) in compact.iter_mut().zip(x).zip(y).zip(z) {
                    *v += x.widen() * d[0] + y.widen() * d[1] + z.widen() * d[2];
                }
            }
            for (&k, value) in supports.of(center, b).iter().zip(compact.iter()) {
                v[k as usize] += value;
            }
        }
    }

    /// Neighbors of element `b` of atom `i` with their three rows, which begin at `start`; moves `start` to the next block.
    #[inline(always)]
    fn block<'a, T: Entry>(
        &'a self,
        data: &'a [T],
        supports: &Supports,
        i: usize,
        b: usize,
        width: usize,
        start: &mut usize,
    ) -> impl Iterator<Item = (&'a u32, &'a [T])> {
        let pairs = self.pairs(supports, i, b);
        let rows = &data[*start..*start + 3 * width * pairs.len()];
        *start += rows.len();
        pairs.iter().zip(rows.chunks_exact((3 * width).max(1)))
    }

    /// All rows of atom `i` in double precision: for every element, neighbor and Cartesian component one padded row over
    /// the supported features.
    pub fn widen_rows(&self, supports: &Supports, i: usize, center: usize, out: &mut Vec<f64>) {
        let start = self.starts[i] as usize;
        let length = |b: usize| 3 * supports.width(center, b) * self.pairs(supports, i, b).len();
        let end = start + (0..supports.n_elements()).map(length).sum::<usize>();
        out.clear();
        match &self.entries {
            Entries::Single(data) => out.extend(data[start..end].iter().map(|x| x.widen())),
            Entries::Double(data) => out.extend_from_slice(&data[start..end]),
        }
    }

    pub fn pairs(&self, supports: &Supports, i: usize, b: usize) -> &[u32] {
        let block = i * supports.n_elements() + b;
        &self.neighbors[self.blocks[block] as usize..self.blocks[block + 1] as usize]
    }

    /// `dE_i/d(strain)` in Voigt order added to `sums`, given `g = dE_i/dG_i`.
    #[inline(always)]
    pub fn add_strain_derivative(&self, i: usize, g: &[f64], sums: &mut [f64; 6]) {
        for (component, sum) in sums.iter_mut().enumerate() {
            match &self.strain {
                Some(Entries::Single(data)) => {
                    *sum += row_dot(g, self.strain_row(data, i, component, g.len()))
                }
                Some(Entries::Double(data)) => {
                    *sum += row_dot(g, self.strain_row(data, i, component, g.len()))
                }
                None => {}
            }
        }
    }

    /// Adds `sum_c q_c dG_i/d(strain_c)` to `v`.
    #[inline(always)]
    pub fn add_strain_residual(&self, i: usize, q: &[f64; 6], v: &mut [f64]) {
        for (component, &q) in q.iter().enumerate() {
            match &self.strain {
                Some(Entries::Single(data)) => add_row(v, q, self.strain_row(data, i, component, v.len())),
                Some(Entries::Double(data)) => add_row(v, q, self.strain_row(data, i, component, v.len())),
                None => {}
            }
        }
    }

    fn strain_row<'a, T>(&self, data: &'a [T], i: usize, component: usize, n_features: usize) -> &'a [T] {
        &data[self.strain_starts[i] as usize + component * n_features..][..n_features]
    }
}

/// The three components `sum_k g_k J_k`, with a fixed number of partial sums.
#[inline(always)]
fn product<T: Entry>(g: &[f64], row: &[T], width: usize) -> Vec3 {
    let (x, yz) = row.split_at(width);
    let (y, z) = yz.split_at(width);
    let mut sums = [[0.0; LANES]; 3];
    let lanes = g
        .chunks_exact(LANES)
        .zip(x.chunks_exact(LANES))
        .zip(y.chunks_exact(LANES))
        .zip(z.chunks_exact(LANES));
    for (((g, x), y), z) in lanes {
        for lane in 0..LANES {
            sums[0][lane] += g[lane] * x[lane].widen();
            sums[1][lane] += g[lane] * y[lane].widen();
            sums[2][lane] += g[lane] * z[lane].widen();
        }
    }
    sums.map(|s| (s[0] + s[2]) + (s[1] + s[3]))
}

#[inline(always)]
fn row_dot<T: Entry>(g: &[f64], row: &[T]) -> f64 {
    let mut sums = [0.0; LANES];
    let (g_lanes, row_lanes) = (g.chunks_exact(LANES), row.chunks_exact(LANES));
    let rest: f64 = g_lanes.remainder().iter().zip(row_lanes.remainder()).map(|(g, x)| g * x.widen()).sum();
    for (g, x) in g_lanes.zip(row_lanes) {
        for lane in 0..LANES {
            sums[lane] += g[lane] * x[lane].widen();
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3]) + rest
}

#[inline(always)]
fn add_row<T: Entry>(v: &mut [f64], factor: f64, row: &[T]) {
    for (v, x) in v.iter_mut().zip(row) {
        *v += factor * x.widen();
    }
}
