//! Polynomials that stand for `f(s) = exp(-eta s) fc(√s)`, a function of the squared distance `s = r²`.
//!
//! With the cosine cutoff the square root of `f` is an entire function of `u = s/Rc²` with a simple zero at the cutoff.
//! With `w = 1 - u`:
//! ```text
//! f = v²,   v = w H(w),   H = h exp(-eta Rc² u / 2),   h = cos(π √u / 2) / w
//! df/ds = 2 v dv/ds,      dv/ds = -1/Rc² d(w H)/dw
//! ```
//! `H` has no zero in `[0, 1]`, so a polynomial reproduces value and derivative to nearly full *relative* precision with
//! no square root, division or transcendental function. Clamping `w` at zero makes both vanish beyond the cutoff.

use super::super::cutoff::Cutoff;
use super::function::Radial;
use super::scratch::{vectors, vectors_mut};
use crate::simd::MulAdd;
use pulp::Simd;
use std::f64::consts::{FRAC_PI_2, PI};

/// Highest degree of a polynomial that is still faster than the formula.
const MAX_DEGREE: usize = 40;
/// Relative error of the polynomial that is asked for.
const TOLERANCE: f64 = 1e-14;
/// Relative error above which the formula is used instead.
const ACCEPTED: f64 = 1e-13;
/// Vectors evaluated together; with the coefficients they fill sixteen registers.
const BLOCK: usize = 4;
/// Chebyshev nodes of the fit; more than the highest degree, so that aliasing is negligible.
const NODES: usize = 64;

/// `f` and `df/ds` as polynomials in `w`.
#[derive(Debug, Clone)]
pub(super) struct Series {
    /// Coefficients of `H` and of `2 dv/ds`, highest power first.
    terms: Vec<[f64; 2]>,
}

impl Series {
    /// The polynomials of a radial part; `None` if it is no even function or too narrow.
    pub fn fit(radial: &Radial) -> Option<Self> {
        let Cutoff::Cosine { radius } = radial.cutoff else { return None };
        if radial.rs != 0.0 {
            return None;
        }
        let inv_rc2 = 1.0 / (radius * radius);
        let half_exponent = 0.5 * radial.eta * radius * radius;
        let coefficients = fit_polynomial(|w| root_without_zero(w, half_exponent))?;
        let terms = coefficients
            .iter()
            .enumerate()
            .map(|(n, c)| [*c, -2.0 * inv_rc2 * (n + 1) as f64 * c])
            .rev()
            .collect();
        Some(Self { terms })
    }

    /// Values and derivatives `df/ds` at `w = 1 - s/Rc²`.
    #[inline(always)]
    pub fn evaluate<S: Simd>(&self, simd: S, w: &[f64], f: &mut [f64], df: &mut [f64]) {
        debug_assert!(w.len().is_multiple_of(S::F64_LANES), "arrays are padded to whole vectors");
        let (w, w_rest) = vectors::<S>(w).as_chunks::<BLOCK>();
        let (f, f_rest) = vectors_mut::<S>(f).as_chunks_mut::<BLOCK>();
        let (df, df_rest) = vectors_mut::<S>(df).as_chunks_mut::<BLOCK>();
        for ((w, f), df) in w.iter().zip(f).zip(df) {
            self.evaluate_block(simd, w, f, df);
        }
        for ((w, f), df) in w_rest.iter().zip(f_rest).zip(df_rest) {
            self.evaluate_block(
                simd,
                std::array::from_ref(w),
                std::array::from_mut(f),
                std::array::from_mut(df),
            );
        }
    }

    /// Several vectors at once share the loads of the coefficients and hide the latency of Horner's rule.
    #[inline(always)]
    fn evaluate_block<S: Simd, const N: usize>(
        &self,
        simd: S,
        w: &[S::f64s; N],
        f: &mut [S::f64s; N],
        df: &mut [S::f64s; N],
    ) {
        let zero = simd.splat_f64s(0.0);
        let ([first, first_slope], lower) =
            self.terms.split_first().expect("a fitted series has coefficients");
        let mut clamped = [zero; N];
        for n in 0..N {
            clamped[n] = simd.max_f64s(w[n], zero);
        }
        let mut h = [simd.splat_f64s(*first); N];
        let mut slope = [simd.splat_f64s(*first_slope); N];
        for [c, c_slope] in lower {
            let (c, c_slope) = (simd.splat_f64s(*c), simd.splat_f64s(*c_slope));
            for n in 0..N {
                h[n] = simd.mul_add(h[n], clamped[n], c);
                slope[n] = simd.mul_add(slope[n], clamped[n], c_slope);
            }
        }
        for n in 0..N {
            let v = simd.mul_f64s(clamped[n], h[n]);
            f[n] = simd.mul_f64s(v, v);
            df[n] = simd.mul_f64s(v, slope[n]);
        }
    }
}

/// Coefficients, lowest power first, of a polynomial that equals a function without zeros on `[0, 1]` to nearly full relative
/// precision; `None` if its degree would be too high.
pub(super) fn fit_polynomial(exact: impl Fn(f64) -> f64) -> Option<Vec<f64>> {
    let chebyshev = chebyshev_coefficients(&exact);
    let mut best: Option<(f64, Vec<f64>)> = None;
    for degree in 4..=MAX_DEGREE {
        let coefficients = powers(&chebyshev[..=degree]);
        let error = relative_error(&coefficients, &exact);
        if best.as_ref().is_none_or(|(least, _)| error < *least) {
            best = Some((error, coefficients));
        }
        if error < TOLERANCE {
            break;
        }
    }
    best.filter(|(error, _)| *error < ACCEPTED).map(|(_, coefficients)| coefficients)
}

/// `H(w) = cos(π √u/2) / w · exp(-half_exponent u)`, `u = 1 - w`.
///
/// With `1 - √u = w/(1 + √u)` the cosine is `sin(y)`, `y = π/2 w/(1 + √u)`, and the zero cancels.
fn root_without_zero(w: f64, half_exponent: f64) -> f64 {
    let u = 1.0 - w;
    let scale = FRAC_PI_2 / (1.0 + u.sqrt());
    let y = scale * w;
    let sinc = if y.abs() < 1e-4 { 1.0 - y * y / 6.0 } else { y.sin() / y };
    scale * sinc * (-half_exponent * u).exp()
}

/// Coefficients of the Chebyshev polynomials `T_m(2 w - 1)`.
fn chebyshev_coefficients(function: impl Fn(f64) -> f64) -> Vec<f64> {
    let n = NODES as f64;
    let angle = |k: usize| PI * (k as f64 + 0.5) / n;
    let samples: Vec<f64> = (0..NODES).map(|k| function(0.5 * (1.0 + angle(k).cos()))).collect();
    (0..NODES)
        .map(|m| {
            let sum: f64 = samples.iter().enumerate().map(|(k, y)| y * (m as f64 * angle(k)).cos()).sum();
            if m == 0 { sum / n } else { 2.0 * sum / n }
        })
        .collect()
}

/// Chebyshev series to powers of `w`, lowest first, by `T_{m+1} = 2 (2 w - 1) T_m - T_{m-1}`.
fn powers(chebyshev: &[f64]) -> Vec<f64> {
    let n = chebyshev.len();
    let mut result = vec![0.0; n];
    let mut previous = vec![0.0; n];
    let mut current = vec![0.0; n];
    current[0] = 1.0;
    for (m, &c) in chebyshev.iter().enumerate() {
        for (r, t) in result.iter_mut().zip(&current) {
            *r += c * t;
        }
        let factor = if m == 0 { 1.0 } else { 2.0 };
        let mut next = vec![0.0; n];
        for k in 0..n {
            next[k] -= factor * current[k] + previous[k];
            if k + 1 < n {
                next[k + 1] += 2.0 * factor * current[k];
            }
        }
        previous = std::mem::replace(&mut current, next);
    }
    result
}

fn relative_error(coefficients: &[f64], exact: impl Fn(f64) -> f64) -> f64 {
    let points = 256;
    (0..=points)
        .map(|k| {
            let w = f64::from(k) / f64::from(points);
            let value = coefficients.iter().rev().fold(0.0, |sum, c| sum * w + c);
            (value / exact(w) - 1.0).abs()
        })
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cost of the standard exponents of AMP: a change for the worse should be noticed.
    #[test]
    fn degrees_stay_low() {
        let degree = |reduced: f64| {
            let radial = Radial { eta: reduced / 36.0, rs: 0.0, cutoff: Cutoff::Cosine { radius: 6.0 } };
            Series::fit(&radial).map(|series| series.terms.len() - 1)
        };
        let degrees = [0.0, 0.005, 0.05, 0.232, 1.08, 5.0, 7.0, 10.0, 14.0, 20.0].map(degree);
        assert_eq!(
            degrees,
            [Some(6), Some(7), Some(7), Some(8), Some(10), Some(15), Some(17), Some(19), None, None]
        );
    }
}
