//! Products of a weight matrix, stored row by row, with a vector from either side.

use crate::simd::MulAdd;
use pulp::{Simd, WithSimd};

/// `out[o] += sum_i input[i] weights[i][o]`.
pub(super) struct AddRows<'a> {
    pub input: &'a [f64],
    pub weights: &'a [f64],
    pub out: &'a mut [f64],
}

impl WithSimd for AddRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let lanes = S::F64_LANES;
        let n = self.out.len();
        let mut o = 0;
        while n - o >= lanes {
            o += match (n - o) / lanes {
                8.. => self.columns::<S, 8>(simd, o),
                4.. => self.columns::<S, 4>(simd, o),
                2.. => self.columns::<S, 2>(simd, o),
                _ => self.columns::<S, 1>(simd, o),
            };
        }
        let rest = &mut self.out[o..];
        for (&x, row) in self.input.iter().zip(self.weights.chunks_exact(n)) {
            for (out, w) in rest.iter_mut().zip(&row[o..]) {
                *out += x * w;
            }
        }
    }
}

impl AddRows<'_> {
    /// `N` vectors of columns from `o` on, kept in registers over all rows; returns how many columns that are.
    #[inline(always)]
    fn columns<S: Simd, const N: usize>(&mut self, simd: S, o: usize) -> usize {
        let n = self.out.len();
        let width = N * S::F64_LANES;
        let mut sums = [simd.splat_f64s(0.0); N];
        let out = S::as_mut_simd_f64s(&mut self.out[o..o + width]).0;
        sums.copy_from_slice(out);
        for (&x, row) in self.input.iter().zip(self.weights.chunks_exact(n)) {
            let x = simd.splat_f64s(x);
            let row = S::as_simd_f64s(&row[o..o + width]).0;
            for k in 0..N {
                sums[k] = simd.mul_add(x, row[k], sums[k]);
            }
        }
        out.copy_from_slice(&sums);
        width
    }
}

/// `out[i] = sum_o weights[i][o] delta[o]`.
pub(super) struct RowProducts<'a> {
    pub weights: &'a [f64],
    pub delta: &'a [f64],
    pub out: &'a mut [f64],
}

impl WithSimd for RowProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let n = self.delta.len();
        let (delta, delta_rest) = S::as_simd_f64s(self.delta);
        let mut rows = self.weights.chunks_exact(4 * n);
        let mut out = self.out.chunks_exact_mut(4);
        for (block, out) in rows.by_ref().zip(out.by_ref()) {
            let mut sums = [simd.splat_f64s(0.0); 4];
            for r in 0..4 {
                let row = S::as_simd_f64s(&block[r * n..(r + 1) * n]).0;
                for k in 0..delta.len() {
                    sums[r] = simd.mul_add(row[k], delta[k], sums[r]);
                }
            }
            for r in 0..4 {
                let tail = &block[(r + 1) * n - delta_rest.len()..(r + 1) * n];
                out[r] = simd.reduce_sum_f64s(sums[r]) + scalar_product(tail, delta_rest);
            }
        }
        for (row, out) in rows.remainder().chunks_exact(n).zip(out.into_remainder()) {
            *out = scalar_product(row, self.delta);
        }
    }
}

#[inline(always)]
fn scalar_product(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (a, b) in a.iter().zip(b) {
        sum += a * b;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Level;

    #[test]
    fn every_instruction_set_gives_the_plain_products() {
        for (n_in, n_out) in [(1, 1), (3, 5), (9, 8), (56, 13), (7, 32), (30, 71)] {
            let weights: Vec<f64> = (0..n_in * n_out).map(|k| (1.3 * k as f64).sin()).collect();
            let input: Vec<f64> = (0..n_in).map(|k| (0.7 * k as f64).cos()).collect();
            let delta: Vec<f64> = (0..n_out).map(|k| (0.4 * k as f64).cos()).collect();
            for level in Level::available() {
                let (mut forward, mut backward) = (delta.clone(), vec![0.0; n_in]);
                level.run(AddRows { input: &input, weights: &weights, out: &mut forward });
                level.run(RowProducts { weights: &weights, delta: &delta, out: &mut backward });
                for o in 0..n_out {
                    let expected: f64 =
                        delta[o] + (0..n_in).map(|i| input[i] * weights[i * n_out + o]).sum::<f64>();
                    assert!((forward[o] - expected).abs() < 1e-13);
                }
                for i in 0..n_in {
                    let expected: f64 = (0..n_out).map(|o| delta[o] * weights[i * n_out + o]).sum();
                    assert!((backward[i] - expected).abs() < 1e-13);
                }
            }
        }
    }
}
