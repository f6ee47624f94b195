//! From the coefficients of the density to the features of one center element.

use super::super::arrays::{Array, reset};
use super::Scratch;
use super::expansion::{Expansion, PAD};
use super::matrix::{gram, multiply, upper_gram};
use pulp::Simd;

/// Products of the mixed coefficients of one shell.
#[derive(Debug, Clone)]
struct Block {
    shell: usize,
    /// Number of `m`.
    n_m: usize,
    /// Start and row length of the shell's coefficients, and how many columns are in use.
    start: usize,
    width: usize,
    n_columns: usize,
    /// Number of mixed coefficients per `m`, and their padded row.
    n_mixed: usize,
    mixed_width: usize,
    /// Start of the mixed coefficients among those of all blocks.
    mixed_start: usize,
    /// First feature; they are the products `k <= k'`, `k` outer.
    first_feature: usize,
    /// Mixing matrix, one row of `width` per mixed coefficient, and its transpose with rows of `mixed_width`.
    mixing: Array,
    transposed: Array,
}

/// Features of one center element.
#[derive(Debug, Clone, Default)]
pub(super) struct Center {
    /// Coefficients that are features themselves (`l = 0`).
    linear: Vec<usize>,
    blocks: Vec<Block>,
    n_features: usize,
    mixed_length: usize,
    /// Features that depend on each neighbor element.
    support: Vec<Vec<u32>>,
}

impl Center {
    /// Features of blocks given by the number of a shell and a mixing matrix, `[k][column]`. With `linear` the coefficients
    /// of the first shell come first.
    pub fn new(expansion: &Expansion, blocks: &[(usize, Vec<Vec<f64>>)], linear: bool) -> Self {
        let mut center = Self::default();
        if linear {
            let shell = &expansion.shells[0];
            center.linear = (shell.start..shell.start + expansion.n_columns(shell)).collect();
            center.n_features = center.linear.len();
        }
        for (index, rows) in blocks {
            let shell = &expansion.shells[*index];
            let n_mixed = rows.len();
            let mixed_width = n_mixed.next_multiple_of(PAD);
            let mut block = Block {
                shell: *index,
                n_m: 2 * shell.l + 1,
                start: shell.start,
                width: shell.width,
                n_columns: expansion.n_columns(shell),
                n_mixed,
                mixed_width,
                mixed_start: center.mixed_length,
                first_feature: center.n_features,
                mixing: Array::new(64),
                transposed: Array::new(64),
            };
            reset(&mut block.mixing, n_mixed * shell.width, 0.0);
            reset(&mut block.transposed, block.n_columns * mixed_width, 0.0);
            for (k, row) in rows.iter().enumerate() {
                for (column, &value) in row.iter().enumerate() {
                    block.mixing[k * shell.width + column] = value;
                    block.transposed[column * mixed_width + k] = value;
                }
            }
            center.n_features += n_mixed * (n_mixed + 1) / 2;
            center.mixed_length += block.n_m * mixed_width;
            center.blocks.push(block);
        }
        center.support = (0..expansion.elements.len()).map(|e| center.features_of(expansion, e)).collect();
        center
    }

    /// Features that change with a neighbor of an element.
    fn features_of(&self, expansion: &Expansion, element: usize) -> Vec<u32> {
        let (channel, _) = expansion.elements[element];
        let mut features = Vec::new();
        if !self.linear.is_empty() {
            let n = expansion.shells[0].radial.len();
            features.extend((channel * n..(channel + 1) * n).map(|f| f as u32));
        }
        for block in &self.blocks {
            let n = expansion.shells[block.shell].radial.len();
            let depends = |k: usize| {
                let row = &block.mixing[k * block.width..(k + 1) * block.width];
                row[channel * n..(channel + 1) * n].iter().any(|&x| x != 0.0)
            };
            let mut feature = block.first_feature as u32;
            for k in 0..block.n_mixed {
                for other in k..block.n_mixed {
                    if depends(k) || depends(other) {
                        features.push(feature);
                    }
                    feature += 1;
                }
            }
        }
        features
    }

    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Whether coefficients are features themselves.
    pub fn has_linear(&self) -> bool {
        !self.linear.is_empty()
    }

    /// Shell and mixing matrix of every block, row by row, without padding.
    pub fn blocks(&self) -> impl Iterator<Item = (usize, Vec<&[f64]>)> {
        self.blocks.iter().map(|block| {
            let rows = block.mixing.chunks_exact(block.width).map(|row| &row[..block.n_columns]);
            (block.shell, rows.collect())
        })
    }

    pub fn support(&self, element: usize) -> &[u32] {
        &self.support[element]
    }

    /// Features from the coefficients in `scratch`, which also gets the mixed ones.
    #[inline(always)]
    pub fn values<S: Simd>(&self, simd: S, scratch: &mut Scratch, out: &mut [f64]) {
        let Scratch { coefficients, mixed, square, .. } = scratch;
        for (out, &index) in out.iter_mut().zip(&self.linear) {
            *out = coefficients[index];
        }
        self.mix(simd, coefficients, mixed);
        for block in &self.blocks {
            let mixed = &mixed[block.mixed_range()];
            reset(square, block.n_mixed * block.mixed_width, 0.0);
            upper_gram(simd, block.n_mixed, mixed, mixed, square, block.mixed_width);
            block.write_features(square, out);
        }
    }

    /// Change of the features with the change of the coefficients in `scratch`; follows [`Center::values`].
    #[inline(always)]
    pub fn tangent<S: Simd>(&self, simd: S, scratch: &mut Scratch, out: &mut [f64]) {
        let Scratch { changes, mixed, mixed_changes, square, .. } = scratch;
        for (out, &index) in out.iter_mut().zip(&self.linear) {
            *out = changes[index];
        }
        self.mix(simd, changes, mixed_changes);
        for block in &self.blocks {
            let (mixed, changes) = (&mixed[block.mixed_range()], &mixed_changes[block.mixed_range()]);
            reset(square, block.n_mixed * block.mixed_width, 0.0);
            upper_gram(simd, block.n_mixed, mixed, changes, square, block.mixed_width);
            upper_gram(simd, block.n_mixed, changes, mixed, square, block.mixed_width);
            block.write_features(square, out);
        }
    }

    /// Adds `dE/dA` to the adjoint in `scratch`; follows [`Center::values`].
    #[inline(always)]
    pub fn contract<S: Simd>(&self, simd: S, scratch: &mut Scratch, dedg: &[f64]) {
        let Scratch { adjoint, mixed, mixed_changes, square, .. } = scratch;
        for (&g, &index) in dedg.iter().zip(&self.linear) {
            adjoint[index] += g;
        }
        for block in &self.blocks {
            let width = block.mixed_width;
            block.symmetric(dedg, square);
            reset(mixed_changes, block.n_m * width, 0.0);
            let mixed = &mixed[block.mixed_range()];
            multiply(simd, block.n_mixed, (mixed, width), square, mixed_changes, width);
            let adjoint = &mut adjoint[block.start..block.start + block.n_m * block.width];
            multiply(simd, block.n_mixed, (mixed_changes, width), &block.mixing, adjoint, block.width);
        }
    }

    /// Number of entries of all mixing matrices.
    pub fn n_mixing(&self) -> usize {
        self.blocks.iter().map(|block| block.n_mixed * block.n_columns).sum()
    }

    /// Adds the derivative of `h · G + g · dG` with respect to the mixing matrices (row by row, block after block), where
    /// `dG` is the change of the features; follows [`Center::values`] and [`Center::tangent`].
    ///
    /// With `C = W A`, `S_g` the symmetric matrix of `g`: `dW = (S_h C + S_g dC) Aᵀ + S_g C dAᵀ`, summed over `m`.
    #[inline(always)]
    pub fn add_mixing_gradient<S: Simd>(
        &self,
        simd: S,
        scratch: &mut Scratch,
        h: &[f64],
        g: &[f64],
        out: &mut [f64],
    ) {
        let Scratch { coefficients, changes, mixed, mixed_changes, square, product, outer, .. } = scratch;
        let mut start = 0;
        for block in &self.blocks {
            let (n, width) = (block.n_mixed, block.mixed_width);
            let (mixed, mixed_changes) = (&mixed[block.mixed_range()], &mixed_changes[block.mixed_range()]);
            let own = block.start..block.start + block.n_m * block.width;
            reset(outer, n * block.width, 0.0);
            reset(product, block.n_m * width, 0.0);
            block.symmetric(g, square);
            multiply(simd, n, (mixed, width), square, product, width);
            gram(simd, n, (product, width), &changes[own.clone()], outer, block.width);
            reset(product, block.n_m * width, 0.0);
            multiply(simd, n, (mixed_changes, width), square, product, width);
            block.symmetric(h, square);
            multiply(simd, n, (mixed, width), square, product, width);
            gram(simd, n, (product, width), &coefficients[own], outer, block.width);
            for row in outer.chunks_exact(block.width) {
                for (out, x) in out[start..start + block.n_columns].iter_mut().zip(row) {
                    *out += x;
                }
                start += block.n_columns;
            }
        }
    }

    #[inline(always)]
    fn mix<S: Simd>(&self, simd: S, coefficients: &[f64], out: &mut Array) {
        reset(out, self.mixed_length, 0.0);
        for block in &self.blocks {
            let own = &coefficients[block.start..block.start + block.n_m * block.width];
            let out = &mut out[block.mixed_range()];
            multiply(simd, block.n_columns, (own, block.width), &block.transposed, out, block.mixed_width);
        }
    }
}

impl Block {
    fn mixed_range(&self) -> std::ops::Range<usize> {
        self.mixed_start..self.mixed_start + self.n_m * self.mixed_width
    }

    /// Derivative of `g · G` with respect to the mixed coefficients of one `m`, as a symmetric matrix.
    #[inline(always)]
    fn symmetric(&self, g: &[f64], square: &mut Array) {
        let width = self.mixed_width;
        reset(square, self.n_mixed * width, 0.0);
        let mut feature = self.first_feature;
        for k in 0..self.n_mixed {
            square[k * width + k] = 2.0 * g[feature];
            for other in k + 1..self.n_mixed {
                let g = g[feature + other - k];
                square[k * width + other] = g;
                square[other * width + k] = g;
            }
            feature += self.n_mixed - k;
        }
    }

    /// Copies the products `k <= k'`.
    #[inline(always)]
    fn write_features(&self, square: &[f64], out: &mut [f64]) {
        let mut feature = self.first_feature;
        for k in 0..self.n_mixed {
            let n = self.n_mixed - k;
            out[feature..feature + n].copy_from_slice(&square[k * self.mixed_width + k..][..n]);
            feature += n;
        }
    }
}
