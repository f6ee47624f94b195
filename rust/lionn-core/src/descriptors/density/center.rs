//! From the coefficients of the density to the features of one center element.

use super::super::arrays::{Array, reset};
use super::Scratch;
use super::bispectrum::{Triple, degrees};
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
    triples: Vec<Triple>,
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
        center.find_support(expansion);
        center
    }

    /// The same with the bispectrum up to a degree, of as many channels as all three degrees have; there must be one
    /// block for each degree, in order.
    pub fn with_bispectrum(mut self, expansion: &Expansion, l_max: usize) -> Self {
        for degrees in degrees(l_max) {
            let blocks = degrees.map(|l| &self.blocks[l]);
            let n_channels = blocks.iter().map(|block| block.n_mixed).min().unwrap_or(0);
            let row = |l: usize, m: usize| self.blocks[l].mixed_start + m * self.blocks[l].mixed_width;
            self.triples.push(Triple::new(degrees, self.n_features, n_channels, row));
            self.n_features += n_channels;
        }
        self.find_support(expansion);
        self
    }

    fn find_support(&mut self, expansion: &Expansion) {
        self.support = (0..expansion.elements.len()).map(|e| self.features_of(expansion, e)).collect();
    }

    /// Features that change with a neighbor of an element.
    fn features_of(&self, expansion: &Expansion, element: usize) -> Vec<u32> {
        let (channel, _) = expansion.elements[element];
        let mut features = Vec::new();
        if !self.linear.is_empty() {
            let n = expansion.shells[0].radial.len();
            features.extend((channel * n..(channel + 1) * n).map(|f| f as u32));
        }
        let depends = |block: &Block, k: usize| {
            let n = expansion.shells[block.shell].radial.len();
            let row = &block.mixing[k * block.width..(k + 1) * block.width];
            row[channel * n..(channel + 1) * n].iter().any(|&x| x != 0.0)
        };
        for block in &self.blocks {
            let mut feature = block.first_feature as u32;
            for k in 0..block.n_mixed {
                for other in k..block.n_mixed {
                    if depends(block, k) || depends(block, other) {
                        features.push(feature);
                    }
                    feature += 1;
                }
            }
        }
        for triple in &self.triples {
            let own = (0..triple.n_channels)
                .filter(|&k| triple.degrees.iter().any(|&l| depends(&self.blocks[l], k)));
            features.extend(own.map(|k| (triple.first_feature + k) as u32));
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

    /// Degrees and number of channels of every product of three.
    pub fn triples(&self) -> impl Iterator<Item = ([usize; 3], usize)> {
        self.triples.iter().map(|triple| (triple.degrees, triple.n_channels))
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
        for triple in &self.triples {
            triple.values(simd, mixed, out);
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
        for triple in &self.triples {
            triple.tangent(simd, mixed, mixed_changes, out);
        }
    }

    /// Adds `dE/dA` to the adjoint in `scratch`; follows [`Center::values`].
    #[inline(always)]
    pub fn contract<S: Simd>(&self, simd: S, scratch: &mut Scratch, dedg: &[f64]) {
        let Scratch { adjoint, mixed, mixed_adjoint, square, .. } = scratch;
        for (&g, &index) in dedg.iter().zip(&self.linear) {
            adjoint[index] += g;
        }
        reset(mixed_adjoint, self.mixed_length, 0.0);
        self.add_pairs(simd, dedg, mixed, square, mixed_adjoint);
        for triple in &self.triples {
            triple.add_adjoint(simd, dedg, mixed, mixed_adjoint);
        }
        for block in &self.blocks {
            let mixed = (&mixed_adjoint[block.mixed_range()], block.mixed_width);
            multiply(simd, block.n_mixed, mixed, &block.mixing, &mut adjoint[block.range()], block.width);
        }
    }

    /// Adds the derivative of `g` times the products of two with respect to the mixed coefficients, `S_g C`.
    #[inline(always)]
    fn add_pairs<S: Simd>(&self, simd: S, g: &[f64], mixed: &[f64], square: &mut Array, out: &mut [f64]) {
        for block in &self.blocks {
            let width = block.mixed_width;
            block.symmetric(g, square);
            let mixed = (&mixed[block.mixed_range()], width);
            multiply(simd, block.n_mixed, mixed, square, &mut out[block.mixed_range()], width);
        }
    }

    /// Number of entries of all mixing matrices.
    pub fn n_mixing(&self) -> usize {
        self.blocks.iter().map(|block| block.n_mixed * block.n_columns).sum()
    }

    /// Adds the derivative of `h · G + g · dG` with respect to the mixing matrices (row by row, block after block), where
    /// `dG` is the change of the features; follows [`Center::values`] and [`Center::tangent`].
    ///
    /// With `C = W A`, and `X`, `Y` the derivatives with respect to `C` and `dC`: `dW = X Aᵀ + Y dAᵀ`, summed over `m`.
    #[inline(always)]
    pub fn add_mixing_gradient<S: Simd>(
        &self,
        simd: S,
        scratch: &mut Scratch,
        h: &[f64],
        g: &[f64],
        out: &mut [f64],
    ) {
        let Scratch {
            coefficients,
            changes,
            mixed,
            mixed_changes,
            mixed_adjoint,
            square,
            product,
            outer,
            ..
        } = scratch;
        reset(product, self.mixed_length, 0.0);
        self.add_pairs(simd, h, mixed, square, product);
        self.add_pairs(simd, g, mixed_changes, square, product);
        reset(mixed_adjoint, self.mixed_length, 0.0);
        self.add_pairs(simd, g, mixed, square, mixed_adjoint);
        for triple in &self.triples {
            triple.add_adjoint(simd, h, mixed, product);
            triple.add_adjoint_change(simd, g, mixed, mixed_changes, product);
            triple.add_adjoint(simd, g, mixed, mixed_adjoint);
        }
        let mut start = 0;
        for block in &self.blocks {
            let (n, width) = (block.n_mixed, block.mixed_width);
            reset(outer, n * block.width, 0.0);
            let (x, y) = (&product[block.mixed_range()], &mixed_adjoint[block.mixed_range()]);
            gram(simd, n, (x, width), &coefficients[block.range()], outer, block.width);
            gram(simd, n, (y, width), &changes[block.range()], outer, block.width);
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
            let own = &coefficients[block.range()];
            let out = &mut out[block.mixed_range()];
            multiply(simd, block.n_columns, (own, block.width), &block.transposed, out, block.mixed_width);
        }
    }
}

impl Block {
    fn range(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.n_m * self.width
    }

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
