//! Products of small matrices with padded rows.

use super::super::arrays::vectors;
use crate::simd::MulAdd;
use pulp::Simd;

/// `out[m] += sum_i left[m][i] right[i]`: rows of `left` are `left_width` long, rows of `right` and `out` are whole vectors.
#[inline(always)]
pub(super) fn multiply<S: Simd>(
    simd: S,
    n_inner: usize,
    (left, left_width): (&[f64], usize),
    right: &[f64],
    out: &mut [f64],
    width: usize,
) {
    let n_rows = out.len() / width;
    let n_vectors = width / S::F64_LANES;
    let right = vectors::<S>(right);
    let out = S::as_mut_simd_f64s(out).0;
    let mut m = 0;
    while m < n_rows {
        let rows = match n_rows - m {
            1 => 1,
            2 | 4 => 2,
            _ => 3,
        };
        let mut v = 0;
        while v < n_vectors {
            let tile = Tile { n_inner, left: &left[m * left_width..], left_width, right, n_vectors, v };
            let out = &mut out[m * n_vectors..];
            v += match (rows, n_vectors - v) {
                (1, 1) => tile.add::<S, 1, 1>(simd, out),
                (2, 1) => tile.add::<S, 2, 1>(simd, out),
                (3, 1) => tile.add::<S, 3, 1>(simd, out),
                (1, 4..) => tile.add::<S, 1, 4>(simd, out),
                (2, 4..) => tile.add::<S, 2, 4>(simd, out),
                (3, 4..) => tile.add::<S, 3, 4>(simd, out),
                (1, _) => tile.add::<S, 1, 2>(simd, out),
                (2, _) => tile.add::<S, 2, 2>(simd, out),
                (_, _) => tile.add::<S, 3, 2>(simd, out),
            };
        }
        m += rows;
    }
}

/// A few rows and vectors of a product, which stay in registers.
struct Tile<'a, V> {
    n_inner: usize,
    left: &'a [f64],
    left_width: usize,
    right: &'a [V],
    n_vectors: usize,
    v: usize,
}

impl<V: Copy> Tile<'_, V> {
    #[inline(always)]
    fn add<S: Simd<f64s = V>, const R: usize, const N: usize>(&self, simd: S, out: &mut [V]) -> usize {
        let Self { n_inner, left, left_width, right, n_vectors, v } = *self;
        let mut rows: [&[f64]; R] = [&[]; R];
        let mut sums = [[simd.splat_f64s(0.0); N]; R];
        for r in 0..R {
            rows[r] = &left[r * left_width..][..n_inner];
            sums[r].copy_from_slice(&out[r * n_vectors + v..][..N]);
        }
        for i in 0..n_inner {
            let right = &right[i * n_vectors + v..][..N];
            for r in 0..R {
                let factor = simd.splat_f64s(rows[r][i]);
                for k in 0..N {
                    sums[r][k] = simd.mul_add(factor, right[k], sums[r][k]);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            out[r * n_vectors + v..r * n_vectors + v + N].copy_from_slice(sums);
        }
        N
    }
}

/// `out[k] += sum_m x[m][k] y[m]` in the columns from `k` on (rounded down to whole vectors); all rows are `width` long.
#[inline(always)]
pub(super) fn upper_gram<S: Simd>(simd: S, n: usize, x: &[f64], y: &[f64], out: &mut [f64], width: usize) {
    let n_vectors = width / S::F64_LANES;
    let out = S::as_mut_simd_f64s(out).0;
    for k in 0..n {
        for v in k / S::F64_LANES..n.div_ceil(S::F64_LANES) {
            let mut sum = out[k * n_vectors + v];
            for (x, y) in x.chunks_exact(width).zip(y.chunks_exact(width)) {
                sum = simd.mul_add(simd.splat_f64s(x[k]), vectors::<S>(y)[v], sum);
            }
            out[k * n_vectors + v] = sum;
        }
    }
}

/// `out[k] += sum_m x[m][k] y[m]` for `k < n`; rows of `y` and `out` are `width` long.
#[inline(always)]
pub(super) fn gram<S: Simd>(
    simd: S,
    n: usize,
    (x, x_width): (&[f64], usize),
    y: &[f64],
    out: &mut [f64],
    width: usize,
) {
    for (x, y) in x.chunks_exact(x_width).zip(y.chunks_exact(width)) {
        let y = vectors::<S>(y);
        for (k, out) in out.chunks_exact_mut(width).take(n).enumerate() {
            let factor = simd.splat_f64s(x[k]);
            for (out, &y) in S::as_mut_simd_f64s(out).0.iter_mut().zip(y) {
                *out = simd.mul_add(factor, y, *out);
            }
        }
    }
}
