//! Products of vectors with a fixed number of partial sums and without fused operations: the same bits on every instruction
//! set.

use crate::linalg::long_dot;

/// Vector lanes of the reductions: fixed, so that the result has the same bits on every instruction set.
const LANES: usize = 4;

/// Scalar product with [`LANES`] partial sums.
#[inline(always)]
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    long_dot::<LANES>(a, b)
}

/// [`dot`] of every row with `x`; four rows at a time, so that their sums do not wait for each other.
#[inline(always)]
pub(super) fn products(rows: &[f64], n_in: usize, x: &[f64], out: &mut [f64]) {
    let (blocks, rest) = out.as_chunks_mut::<4>();
    let n_blocks = blocks.len();
    for (block, out) in blocks.iter_mut().enumerate() {
        let row = |r: usize| &rows[(4 * block + r) * n_in..][..n_in];
        let (a, b, c, d) = (row(0), row(1), row(2), row(3));
        let mut sums = [[0.0; LANES]; 4];
        let whole = n_in - n_in % LANES;
        for start in (0..whole).step_by(LANES) {
            let x: &[f64; LANES] = x[start..].first_chunk().expect("whole vectors");
            for (sums, row) in sums.iter_mut().zip([a, b, c, d]) {
                let row: &[f64; LANES] = row[start..].first_chunk().expect("whole vectors");
                for lane in 0..LANES {
                    sums[lane] += row[lane] * x[lane];
                }
            }
        }
        for ((out, s), row) in out.iter_mut().zip(&sums).zip([a, b, c, d]) {
            let rest: f64 = row[whole..].iter().zip(&x[whole..]).map(|(w, x)| w * x).sum();
            *out = (s[0] + s[2]) + (s[1] + s[3]) + rest;
        }
    }
    for (r, out) in rest.iter_mut().enumerate() {
        *out = dot(&rows[(4 * n_blocks + r) * n_in..][..n_in], x);
    }
}

/// `y += factor x`.
#[inline(always)]
pub(super) fn add_scaled(y: &mut [f64], factor: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

/// `y += a x + b z`.
#[inline(always)]
pub(super) fn add_two_scaled(y: &mut [f64], a: f64, x: &[f64], b: f64, z: &[f64]) {
    for ((y, x), z) in y.iter_mut().zip(x).zip(z) {
        *y += a * x + b * z;
    }
}
