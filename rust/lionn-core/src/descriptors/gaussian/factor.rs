//! Radial factors `f(s) = exp(-eta (r - Rs)²) fc(r)` as functions of the squared distance `s = r²`.
//!
//! With the cosine cutoff and `Rs = 0` the factor is an analytic function of `u = s/Rc²` with a double zero at `u = 1`:
//! ```text
//! fc = cos²(π √u / 2) = [(1 - u) h(u)]²,   f = (1 - u)² g(u),   g = h² exp(-eta Rc² u)
//! ```
//! `g` has no zero in `[0, 1]`, so a polynomial reproduces value and derivative to nearly full *relative* precision with
//! no square root, division or transcendental function. All other factors are evaluated by the formula.

use super::super::cutoff::Cutoff;
use super::function::Radial;
use pulp::Simd;
use std::f64::consts::{FRAC_PI_2, PI};

/// Highest degree of a polynomial that is still faster than the formula.
const MAX_DEGREE: usize = 40;
/// Relative error of the polynomial that is asked for.
const TOLERANCE: f64 = 2e-14;
/// Relative error above which the formula is used instead.
const ACCEPTED: f64 = 2e-13;
/// Chebyshev nodes of the fit; more than the highest degree, so that aliasing is negligible.
const NODES: usize = 64;

/// A radial factor ready for evaluation.
#[derive(Debug, Clone)]
pub struct Factor {
    /// What it stands for.
    pub radial: Radial,
    series: Option<Series>,
}

/// `g` as a polynomial in `t = 2u - 1`, lowest power first.
#[derive(Debug, Clone)]
struct Series {
    coefficients: Vec<f64>,
    inv_rc2: f64,
}

impl Factor {
    /// Factor of a radial part.
    pub fn new(radial: Radial) -> Self {
        Self { radial, series: Series::fit(&radial) }
    }

    /// A squared distance at which the factor is zero, with zero derivative.
    pub fn beyond(&self) -> f64 {
        4.0 * self.radial.cutoff.radius().powi(2)
    }

    /// Values and derivatives `df/ds` at the squared distances `s`; zero beyond the cutoff.
    #[inline(always)]
    pub fn evaluate<S: Simd>(&self, simd: S, s: &[f64], f: &mut [f64], df: &mut [f64]) {
        match &self.series {
            Some(series) => series.evaluate(simd, s, f, df),
            None => self.evaluate_formula(s, f, df),
        }
    }

    fn evaluate_formula(&self, s: &[f64], f: &mut [f64], df: &mut [f64]) {
        let limit = self.radial.cutoff.radius().powi(2);
        for ((&s, f), df) in s.iter().zip(f).zip(df) {
            (*f, *df) = if s < limit {
                let r = s.sqrt();
                (self.radial.value(r), self.radial.derivative(r) / (2.0 * r))
            } else {
                (0.0, 0.0)
            };
        }
    }
}

impl Series {
    fn fit(radial: &Radial) -> Option<Self> {
        let Cutoff::Cosine { radius } = radial.cutoff else { return None };
        if radial.rs != 0.0 {
            return None;
        }
        let reduced = radial.eta * radius * radius;
        let g = |t: f64| smooth_part(0.5 * (1.0 + t), reduced);
        let chebyshev = chebyshev_coefficients(g);
        let mut best: Option<(f64, Vec<f64>)> = None;
        for degree in 4..=MAX_DEGREE {
            let coefficients = monomials(&chebyshev[..=degree]);
            let error = relative_error(&coefficients, g);
            if best.as_ref().is_none_or(|(least, _)| error < *least) {
                best = Some((error, coefficients));
            }
            if error < TOLERANCE {
                break;
            }
        }
        let (error, coefficients) = best?;
        (error < ACCEPTED).then(|| Self { coefficients, inv_rc2: 1.0 / (radius * radius) })
    }

    #[inline(always)]
    fn evaluate<S: Simd>(&self, simd: S, s: &[f64], f: &mut [f64], df: &mut [f64]) {
        let (s, s_rest) = S::as_simd_f64s(s);
        let (f, _) = S::as_mut_simd_f64s(f);
        let (df, _) = S::as_mut_simd_f64s(df);
        debug_assert!(s_rest.is_empty(), "arrays are padded to the widest vector");
        let one = simd.splat_f64s(1.0);
        let zero = simd.splat_f64s(0.0);
        let two = simd.splat_f64s(2.0);
        let inv_rc2 = simd.splat_f64s(self.inv_rc2);
        let (&last, lower) = self.coefficients.split_last().expect("a fitted series has coefficients");
        for ((&s, f), df) in s.iter().zip(f).zip(df) {
            // w = 1 - u, clamped: everything beyond the cutoff becomes exactly zero.
            let w = simd.max_f64s(simd.negate_mul_add_e_f64s(s, inv_rc2, one), zero);
            let t = simd.negate_mul_add_e_f64s(two, w, one);
            let mut g = simd.splat_f64s(last);
            let mut dg = zero;
            for &c in lower.iter().rev() {
                dg = simd.mul_add_e_f64s(dg, t, g);
                g = simd.mul_add_e_f64s(g, t, simd.splat_f64s(c));
            }
            // f = w² g;  df/du = w (w dg/du - 2 g) with dg/du = 2 dg/dt.
            let wg = simd.mul_f64s(w, g);
            *f = simd.mul_f64s(w, wg);
            let bracket = simd.sub_f64s(simd.mul_f64s(w, dg), g);
            *df = simd.mul_f64s(simd.mul_f64s(simd.mul_f64s(two, w), bracket), inv_rc2);
        }
    }
}

/// `g(u) = h(u)² exp(-eta u)`, `h = cos(π √u/2)/(1 - u)`.
///
/// With `1 - √u = (1 - u)/(1 + √u)` the cosine is `sin(y)`, `y = π/2 (1 - u)/(1 + √u)`, and the zero cancels.
fn smooth_part(u: f64, reduced_eta: f64) -> f64 {
    let scale = FRAC_PI_2 / (1.0 + u.sqrt());
    let y = scale * (1.0 - u);
    let sinc = if y.abs() < 1e-4 { 1.0 - y * y / 6.0 } else { y.sin() / y };
    (scale * sinc).powi(2) * (-reduced_eta * u).exp()
}

fn chebyshev_coefficients(g: impl Fn(f64) -> f64) -> Vec<f64> {
    let n = NODES as f64;
    let angle = |k: usize| PI * (k as f64 + 0.5) / n;
    let samples: Vec<f64> = (0..NODES).map(|k| g(angle(k).cos())).collect();
    (0..NODES)
        .map(|m| {
            let sum: f64 = samples.iter().enumerate().map(|(k, y)| y * (m as f64 * angle(k)).cos()).sum();
            if m == 0 { sum / n } else { 2.0 * sum / n }
        })
        .collect()
}

/// Chebyshev series to powers of `t`, by the recurrence `T_{m+1} = 2 t T_m - T_{m-1}`.
fn monomials(chebyshev: &[f64]) -> Vec<f64> {
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
        for k in 0..n - 1 {
            next[k + 1] = factor * current[k];
        }
        for k in 0..n {
            next[k] -= previous[k];
        }
        previous = std::mem::replace(&mut current, next);
    }
    result
}

fn relative_error(coefficients: &[f64], g: impl Fn(f64) -> f64) -> f64 {
    let points = 257;
    (0..points)
        .map(|k| {
            let t = -1.0 + 2.0 * f64::from(k) / f64::from(points - 1);
            let value = coefficients.iter().rev().fold(0.0, |sum, c| sum * t + c);
            (value / g(t) - 1.0).abs()
        })
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Evaluate<'a>(&'a Factor, &'a [f64], &'a mut [f64], &'a mut [f64]);
    impl pulp::WithSimd for Evaluate<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            self.0.evaluate(simd, self.1, self.2, self.3);
        }
    }

    /// The polynomial equals the exact formula to 1e-12 relative, values and derivatives, up to the cutoff.
    #[test]
    fn series_agrees_with_the_formula() {
        let radius = 6.5;
        for reduced in [0.0, 0.005, 0.05, 0.232, 1.08, 5.0, 20.0] {
            let factor = Factor::new(Radial {
                eta: reduced / (radius * radius),
                rs: 0.0,
                cutoff: Cutoff::Cosine { radius },
            });
            assert!(factor.series.is_some() || reduced > 5.0, "eta {reduced} must use the series");
            let distances: Vec<f64> = (1..=64).map(|k| 0.3 + (radius - 0.3) * f64::from(k) / 64.5).collect();
            let s: Vec<f64> = distances.iter().map(|r| r * r).collect();
            let (mut f, mut df) = (vec![0.0; 64], vec![0.0; 64]);
            pulp::Arch::new().dispatch(Evaluate(&factor, &s, &mut f, &mut df));
            for (k, r) in distances.iter().enumerate() {
                // The formula itself loses digits where 1 + cos cancels: write it as a square.
                let exact = (PI * r / radius / 2.0).cos().powi(2) * (-factor.radial.eta * r * r).exp();
                let slope = -PI / radius / 2.0 * (PI * r / radius).sin()
                    - 2.0 * factor.radial.eta * r * (PI * r / radius / 2.0).cos().powi(2);
                let exact_slope = slope * (-factor.radial.eta * r * r).exp() / (2.0 * r);
                assert!((f[k] / exact - 1.0).abs() < 1e-12, "eta {reduced}, r {r}: {} {exact}", f[k]);
                assert!(
                    (df[k] / exact_slope - 1.0).abs() < 1e-12,
                    "eta {reduced}, r {r}: {} {exact_slope}",
                    df[k]
                );
            }
        }
    }

    #[test]
    fn factors_vanish_beyond_the_cutoff() {
        for rs in [0.0, 1.0] {
            let factor = Factor::new(Radial { eta: 0.1, rs, cutoff: Cutoff::Cosine { radius: 5.0 } });
            let s = [25.0, 26.0, 100.0, factor.beyond(), 25.0, 25.0, 25.0, 25.0];
            let (mut f, mut df) = ([1.0; 8], [1.0; 8]);
            pulp::Arch::new().dispatch(Evaluate(&factor, &s, &mut f, &mut df));
            assert_eq!((f, df), ([0.0; 8], [0.0; 8]));
        }
    }
}
