//! Expansion of the neighbor density: `A_anlm = sum_j f_n(r_ij) Y_lm(r_ij)` over the neighbors `j` of channel `a`.
//!
//! A channel is an element, or all elements together with a weight for each. The coefficients of one [`Shell`] (degree
//! `l`) form a matrix with a row per `m` and a column per channel and radial function; rows are padded to [`PAD`]. The
//! cost is linear in the number of neighbors, forward and backward.

use super::super::Environment;
use super::super::arrays::{Array, FAR, components, lanes, reserve, reset, vectors, vectors_mut};
use super::harmonics::{HarmonicTables, Harmonics, n_harmonics};
use super::radial::{RadialBasis, RadialTables};
use crate::linalg::Vec3;
use crate::simd::MulAdd;
use pulp::Simd;
use std::ops::Range;

/// Rows of coefficients are padded to whole vectors of the widest instruction set.
pub(super) const PAD: usize = 8;

/// Radial functions of one degree.
#[derive(Debug, Clone)]
pub(super) struct Shell {
    pub l: usize,
    /// Radial functions, among those of the basis.
    pub radial: Range<usize>,
    /// Start of the coefficients among those of all shells.
    pub start: usize,
    /// Length of a padded row.
    pub width: usize,
}

/// How the neighbor density is expanded.
#[derive(Debug, Clone)]
pub(super) struct Expansion {
    pub harmonics: Harmonics,
    pub basis: RadialBasis,
    /// Channel and weight of every neighbor element.
    pub elements: Vec<(usize, f64)>,
    pub n_channels: usize,
    pub shells: Vec<Shell>,
}

/// Where the neighbors of an environment stand in the tables.
#[derive(Debug, Default)]
struct Layout {
    /// Neighbors of channel `a` take the places `channels[a]`, padding at the end.
    channels: Vec<Range<usize>>,
    /// Neighbors of the environment in each channel.
    occupants: Vec<Range<usize>>,
    n_vectors: usize,
}

/// Neighbors with everything the expansion needs of them, and buffers of the backward passes.
#[derive(Debug)]
pub(super) struct NeighborTables {
    layout: Layout,
    harmonics: HarmonicTables,
    radial: RadialTables,
    /// Displacements, then their part along the unit vectors times `df/dr`, and the change of the harmonics.
    displacement: [Array; 3],
    radial_change: Array,
    harmonic_change: Array,
    /// One vector per harmonic.
    slopes: Array,
}

impl Default for NeighborTables {
    fn default() -> Self {
        let [dx, dy, dz, radial_change, harmonic_change, slopes] = std::array::from_fn(|_| Array::new(64));
        Self {
            layout: Layout::default(),
            harmonics: HarmonicTables::default(),
            radial: RadialTables::default(),
            displacement: [dx, dy, dz],
            radial_change,
            harmonic_change,
            slopes,
        }
    }
}

impl Expansion {
    /// Total length of the coefficients of all shells.
    pub fn n_coefficients(&self) -> usize {
        self.shells.last().map_or(0, |s| s.start + (2 * s.l + 1) * s.width)
    }

    /// Columns of a shell that hold numbers.
    pub fn n_columns(&self, shell: &Shell) -> usize {
        self.n_channels * shell.radial.len()
    }

    /// Lays the neighbors out and computes their harmonics and radial functions.
    #[inline(always)]
    pub fn load<S: Simd>(&self, simd: S, environment: &Environment, tables: &mut NeighborTables) {
        let lanes = S::F64_LANES;
        let NeighborTables { layout, harmonics, radial, .. } = &mut *tables;
        layout.channels.clear();
        layout.occupants.clear();
        let mut n = 0;
        for channel in 0..self.n_channels {
            // Elements of one channel follow each other in the environment: all of them, or one.
            let mut own =
                self.elements.iter().enumerate().filter(|(_, (c, _))| *c == channel).map(|(e, _)| e);
            let first = own.next().expect("every channel has an element");
            let last = own.next_back().unwrap_or(first);
            let occupants = environment.ranges[first]..environment.ranges[last + 1];
            layout.channels.push(n..n + occupants.len().next_multiple_of(lanes));
            n += occupants.len().next_multiple_of(lanes);
            layout.occupants.push(occupants);
        }
        layout.n_vectors = n / lanes;
        let [x, y, z] = &mut harmonics.unit;
        reset(x, n, 0.0);
        reset(y, n, 0.0);
        reset(z, n, 1.0);
        reset(&mut harmonics.inverse, n, FAR);
        reset(&mut radial.weight, n, 1.0);
        for (places, occupants) in layout.channels.iter().zip(&layout.occupants) {
            let places = places.start..places.start + occupants.len();
            x[places.clone()].copy_from_slice(&environment.x[occupants.clone()]);
            y[places.clone()].copy_from_slice(&environment.y[occupants.clone()]);
            z[places.clone()].copy_from_slice(&environment.z[occupants.clone()]);
            harmonics.inverse[places].copy_from_slice(&environment.r2[occupants.clone()]);
        }
        for (e, &(channel, weight)) in self.elements.iter().enumerate() {
            let shift = layout.channels[channel].start;
            let first = layout.occupants[channel].start;
            let own = environment.ranges[e]..environment.ranges[e + 1];
            radial.weight[own.start - first + shift..own.end - first + shift].fill(weight);
        }
        self.directions(simd, tables);
        let n_vectors = tables.layout.n_vectors;
        self.harmonics.fill(simd, n_vectors, &mut tables.harmonics);
        self.basis.fill(simd, n_vectors, &mut tables.radial);
    }

    /// From vectors and squared distances to unit vectors, inverse distances and reduced distances.
    #[inline(always)]
    fn directions<S: Simd>(&self, simd: S, tables: &mut NeighborTables) {
        let n_vectors = tables.layout.n_vectors;
        let HarmonicTables { unit: [x, y, z], inverse, .. } = &mut tables.harmonics;
        reserve(&mut tables.radial.rho, n_vectors * S::F64_LANES);
        let one = simd.splat_f64s(1.0);
        let scale = simd.splat_f64s(1.0 / self.basis.cutoff.radius());
        let (x, y, z) = (vectors_mut::<S>(x), vectors_mut::<S>(y), vectors_mut::<S>(z));
        let rho = vectors_mut::<S>(&mut tables.radial.rho);
        for (v, inverse) in vectors_mut::<S>(inverse).iter_mut().enumerate().take(n_vectors) {
            let r = simd.sqrt_f64s(*inverse);
            *inverse = simd.div_f64s(one, r);
            rho[v] = simd.min_f64s(simd.mul_f64s(r, scale), one);
            for component in [&mut x[v], &mut y[v], &mut z[v]] {
                *component = simd.mul_f64s(*component, *inverse);
            }
        }
    }

    /// Coefficients of all shells, after [`Expansion::load`].
    #[inline(always)]
    pub fn coefficients<S: Simd>(&self, simd: S, tables: &NeighborTables, out: &mut Array) {
        reset(out, self.n_coefficients(), 0.0);
        self.accumulate(simd, &tables.layout, &tables.radial.f, &tables.harmonics.y, out);
    }

    /// Adds `sum_j f_n Y_lm` to the coefficients.
    #[inline(always)]
    fn accumulate<S: Simd>(&self, simd: S, layout: &Layout, f: &Array, y: &Array, out: &mut Array) {
        let n_vectors = layout.n_vectors;
        let (f, y) = (vectors::<S>(f), vectors::<S>(y));
        for shell in &self.shells {
            let n_radial = shell.radial.len();
            let out = &mut out[shell.start..shell.start + (2 * shell.l + 1) * shell.width];
            let y = &y[shell.l * shell.l * n_vectors..];
            let f = &f[shell.radial.start * n_vectors..];
            for (channel, places) in layout.channels.iter().enumerate() {
                let own = places.start / S::F64_LANES..places.end / S::F64_LANES;
                if own.is_empty() {
                    continue;
                }
                let block =
                    Block { f, y, n_vectors, own, out, width: shell.width, column: channel * n_radial };
                block.accumulate(simd, n_radial, 2 * shell.l + 1);
            }
        }
    }

    /// `dE/dr_ij` of all neighbors from `dE/dA`, after [`Expansion::load`].
    #[inline(always)]
    pub fn contract<S: Simd>(
        &self,
        simd: S,
        tables: &mut NeighborTables,
        adjoint: &Array,
        gradient: &mut [Vec3],
    ) {
        let NeighborTables { layout, harmonics, radial, slopes, .. } = tables;
        let width = S::F64_LANES;
        let n_vectors = layout.n_vectors;
        let n = n_harmonics(self.harmonics.l_max);
        reserve(slopes, n * width);
        let slopes = &mut vectors_mut::<S>(slopes)[..n];
        for (channel, (places, occupants)) in layout.channels.iter().zip(&layout.occupants).enumerate() {
            for v in places.start / width..places.end / width {
                let along = self.slopes(simd, n_vectors, harmonics, radial, adjoint, channel, v, slopes);
                let mut g = self.harmonics.gradient(simd, n_vectors, harmonics, v, slopes);
                let unit = components::<S>(&harmonics.unit, v);
                for (g, unit) in g.iter_mut().zip(unit) {
                    *g = simd.mul_add(along, unit, *g);
                }
                let first = occupants.start + v * width - places.start;
                let g = lanes::<S>(&g);
                for (lane, out) in gradient[first..occupants.end.min(first + width)].iter_mut().enumerate() {
                    *out = [g[lane], g[width + lane], g[2 * width + lane]];
                }
            }
        }
    }

    /// `dE/dY_lm` of one vector of neighbors, and its part along the unit vector through the radial functions.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn slopes<S: Simd>(
        &self,
        simd: S,
        n_vectors: usize,
        harmonics: &HarmonicTables,
        radial: &RadialTables,
        adjoint: &Array,
        channel: usize,
        v: usize,
        slopes: &mut [S::f64s],
    ) -> S::f64s {
        let (f, df) = (vectors::<S>(&radial.f), vectors::<S>(&radial.df));
        let y = vectors::<S>(&harmonics.y);
        slopes.fill(simd.splat_f64s(0.0));
        let mut along = [simd.splat_f64s(0.0); 2];
        for shell in &self.shells {
            let n_radial = shell.radial.len();
            let n_m = 2 * shell.l + 1;
            let first = shell.l * shell.l;
            let slopes = &mut slopes[first..first + n_m];
            let y = &y[first * n_vectors..];
            let mut n = 0;
            while n < n_radial {
                let row = (shell.radial.start + n) * n_vectors;
                let adjoint = &adjoint[shell.start + channel * n_radial + n..];
                let rows =
                    Rows { f: &f[row..], df: &df[row..], y, n_vectors, v, adjoint, width: shell.width };
                n += match n_radial - n {
                    4.. => rows.add::<S, 4>(simd, slopes, &mut along),
                    2.. => rows.add::<S, 2>(simd, slopes, &mut along),
                    _ => rows.add::<S, 1>(simd, slopes, &mut along),
                };
            }
        }
        simd.add_f64s(along[0], along[1])
    }

    /// `sum_j dA/dr_ij · d_j` after [`Expansion::load`].
    #[inline(always)]
    pub fn tangent<S: Simd>(&self, simd: S, tables: &mut NeighborTables, d: &[Vec3], out: &mut Array) {
        let NeighborTables {
            layout, harmonics, radial, displacement, radial_change, harmonic_change, ..
        } = tables;
        let n_vectors = layout.n_vectors;
        let n = n_vectors * S::F64_LANES;
        for (axis, component) in displacement.iter_mut().enumerate() {
            reset(component, n, 0.0);
            for (places, occupants) in layout.channels.iter().zip(&layout.occupants) {
                for (place, d) in (places.start..).zip(&d[occupants.clone()]) {
                    component[place] = d[axis];
                }
            }
        }
        reserve(radial_change, n * self.basis.count());
        let df = vectors::<S>(&radial.df);
        let change = vectors_mut::<S>(radial_change);
        for v in 0..n_vectors {
            let [x, y, z] = components::<S>(&harmonics.unit, v);
            let [dx, dy, dz] = components::<S>(displacement, v);
            let across = simd.mul_add(y, dy, simd.mul_f64s(z, dz));
            let along = simd.mul_add(x, dx, across);
            for row in 0..self.basis.count() {
                change[row * n_vectors + v] = simd.mul_f64s(along, df[row * n_vectors + v]);
            }
        }
        self.harmonics.tangent(simd, n_vectors, harmonics, displacement, harmonic_change);
        reset(out, self.n_coefficients(), 0.0);
        self.accumulate(simd, layout, &radial.f, harmonic_change, out);
        self.accumulate(simd, layout, radial_change, &harmonics.y, out);
    }
}

/// Some radial functions of one vector of neighbors, and the adjoint of their coefficients.
struct Rows<'a, V> {
    f: &'a [V],
    df: &'a [V],
    y: &'a [V],
    n_vectors: usize,
    v: usize,
    adjoint: &'a [f64],
    width: usize,
}

impl<V: Copy> Rows<'_, V> {
    /// Adds the part of `N` radial functions to `dE/dY_lm` and to the radial derivative; returns `N`.
    #[inline(always)]
    fn add<S: Simd<f64s = V>, const N: usize>(&self, simd: S, slopes: &mut [V], along: &mut [V; 2]) -> usize {
        let Self { n_vectors, v, .. } = *self;
        let mut f = [simd.splat_f64s(0.0); N];
        let mut df = f;
        for k in 0..N {
            (f[k], df[k]) = (self.f[k * n_vectors + v], self.df[k * n_vectors + v]);
        }
        for m in 0..slopes.len() {
            let adjoint = &self.adjoint[m * self.width..][..N];
            let (mut value, mut change) = (slopes[m], simd.splat_f64s(0.0));
            for k in 0..N {
                let a = simd.splat_f64s(adjoint[k]);
                value = simd.mul_add(a, f[k], value);
                change = simd.mul_add(a, df[k], change);
            }
            slopes[m] = value;
            along[m % 2] = simd.mul_add(change, self.y[m * n_vectors + v], along[m % 2]);
        }
        N
    }
}

/// The neighbors of one channel and the coefficients of one shell.
struct Block<'a, V> {
    f: &'a [V],
    y: &'a [V],
    n_vectors: usize,
    own: Range<usize>,
    out: &'a mut [f64],
    width: usize,
    column: usize,
}

impl<V: Copy> Block<'_, V> {
    /// Adds all products of `n_radial` radial functions and `n_m` harmonics, in tiles that fit into the registers.
    #[inline(always)]
    fn accumulate<S: Simd<f64s = V>>(mut self, simd: S, n_radial: usize, n_m: usize) {
        let mut n = 0;
        while n < n_radial {
            let step = if n + 4 <= n_radial { 4 } else { 1 };
            let mut m = 0;
            while m < n_m {
                m += match (step, n_m - m) {
                    (4, 1) => self.tile::<S, 4, 1>(simd, n, m),
                    (4, 2 | 4) => self.tile::<S, 4, 2>(simd, n, m),
                    (4, _) => self.tile::<S, 4, 3>(simd, n, m),
                    (_, 8..) => self.tile::<S, 1, 8>(simd, n, m),
                    (_, 4..) => self.tile::<S, 1, 4>(simd, n, m),
                    _ => self.tile::<S, 1, 1>(simd, n, m),
                };
            }
            n += step;
        }
    }

    /// `N` radial functions from `n` times `M` harmonics from `m`; returns `M`.
    #[inline(always)]
    fn tile<S: Simd<f64s = V>, const N: usize, const M: usize>(
        &mut self,
        simd: S,
        n: usize,
        m: usize,
    ) -> usize {
        let length = self.own.len();
        let (mut f, mut y): ([&[V]; N], [&[V]; M]) = ([&[]; N], [&[]; M]);
        for (k, f) in f.iter_mut().enumerate() {
            *f = &self.f[(n + k) * self.n_vectors + self.own.start..][..length];
        }
        for (k, y) in y.iter_mut().enumerate() {
            *y = &self.y[(m + k) * self.n_vectors + self.own.start..][..length];
        }
        let mut sums = [[simd.splat_f64s(0.0); M]; N];
        for v in 0..length {
            for i in 0..N {
                for k in 0..M {
                    sums[i][k] = simd.mul_add(f[i][v], y[k][v], sums[i][k]);
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            for (k, &sum) in sums.iter().enumerate() {
                self.out[(m + k) * self.width + self.column + n + i] += simd.reduce_sum_f64s(sum);
            }
        }
        M
    }
}
