//! `exp(-x)` on vectors, without a call of the mathematical library.

use crate::simd::MulAdd;
use pulp::Simd;

/// Largest number of squarings. Each doubles the relative error, to 2e-13 in the end; `exp(-2^10)` is zero in double precision.
pub(super) const MAX_HALVINGS: u32 = 10;

/// `exp(-1/2) (-1)^k / k!`: the expansion of `exp(-x)` around `x = 1/2`; the first term left out is below 1e-16 on `[0, 1]`.
const EXPONENTIAL: [f64; 14] = {
    let mut coefficients = [0.606_530_659_712_633_4; 14];
    let mut k = 1;
    while k < 14 {
        coefficients[k] = -coefficients[k - 1] / k as f64;
        k += 1;
    }
    coefficients
};

/// How often `x` must be halved to lie in `[0, 1]`, up to the limit.
pub(super) fn halvings(largest: f64) -> u32 {
    (0..MAX_HALVINGS).find(|&m| largest <= f64::from(1u32 << m)).unwrap_or(MAX_HALVINGS)
}

/// `exp(-2^halvings x)` for `x >= 0`; `x` above 1 is taken as 1.
#[inline(always)]
pub(super) fn negative_exponential<S: Simd>(simd: S, x: S::f64s, halvings: u32) -> S::f64s {
    let (&last, lower) = EXPONENTIAL.split_last().expect("the expansion has coefficients");
    let t = simd.sub_f64s(simd.min_f64s(x, simd.splat_f64s(1.0)), simd.splat_f64s(0.5));
    let mut e = simd.splat_f64s(last);
    for &c in lower.iter().rev() {
        e = simd.mul_add(e, t, simd.splat_f64s(c));
    }
    for _ in 0..halvings {
        e = simd.mul_f64s(e, e);
    }
    e
}
