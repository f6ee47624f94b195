//! Radial factors `f(s) = exp(-eta (r - Rs)²) fc(r)` as functions of the squared distance `s = r²`.
//!
//! With the cosine cutoff and `Rs = 0` the factor is an analytic function of `u = s/Rc²` with a double zero at `u = 1`:
//! ```text
//! fc = cos²(π √u / 2) = [(1 - u) h(u)]²,   f = (1 - u)² g(u),   g = h² exp(-eta Rc² u)
//! ```
//! `g` has no zero in `[0, 1]`, so a polynomial reproduces value and derivative to nearly full *relative* precision with
//! no square root, division or transcendental function ([`Series`]). Narrow or shifted Gaussians are the product of
//! the series of `fc` and an exponential, itself a polynomial after halving the exponent a few times ([`Shifted`]).
//! What is left (polynomial cutoffs, extremely narrow Gaussians) is evaluated by the formula.

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
/// Largest number of squarings in an exponential; each doubles its relative error, to 1e-13 in the end.
const MAX_HALVINGS: u32 = 9;
/// Chebyshev nodes of the fit; more than the highest degree, so that aliasing is negligible.
const NODES: usize = 64;

/// A radial factor ready for evaluation.
#[derive(Debug, Clone)]
pub struct Factor {
    /// What it stands for.
    pub radial: Radial,
    method: Method,
}

/// How a factor is evaluated.
#[derive(Debug, Clone)]
enum Method {
    Series(Series),
    Shifted(Shifted),
    Formula,
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
        let method = Series::fit(&radial)
            .map(Method::Series)
            .or_else(|| Shifted::fit(&radial).map(Method::Shifted))
            .unwrap_or(Method::Formula);
        Self { radial, method }
    }

    /// A squared distance at which the factor is zero, with zero derivative.
    pub fn beyond(&self) -> f64 {
        4.0 * self.radial.cutoff.radius().powi(2)
    }

    /// Values and derivatives `df/ds` at the squared distances `s`; zero beyond the cutoff.
    #[inline(always)]
    pub fn evaluate<S: Simd>(&self, simd: S, s: &[f64], f: &mut [f64], df: &mut [f64]) {
        match &self.method {
            Method::Series(series) => series.evaluate(simd, s, f, df),
            Method::Shifted(shifted) => shifted.evaluate(simd, s, f, df),
            Method::Formula => self.evaluate_formula(s, f, df),
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

/// `fc` as a series, times `exp(-eta (r - Rs)²)`.
#[derive(Debug, Clone)]
struct Shifted {
    cutoff: Series,
    eta: f64,
    rs: f64,
    /// The exponent is divided by `2^halvings` to lie in `[0, 1]`; the exponential is squared as often.
    halvings: u32,
}

impl Shifted {
    fn fit(radial: &Radial) -> Option<Self> {
        let cutoff = Series::fit(&Radial { eta: 0.0, rs: 0.0, cutoff: radial.cutoff })?;
        let farthest = radial.rs.abs().max((radial.cutoff.radius() - radial.rs).abs());
        let largest = radial.eta * farthest * farthest;
        let halvings = (0..=MAX_HALVINGS).find(|&m| largest <= f64::from(1u32 << m))?;
        Some(Self { cutoff, eta: radial.eta, rs: radial.rs, halvings })
    }

    /// With `e = exp(-eta (r - Rs)²)`: `f = fc e`, `df/ds = e (dfc/ds - eta (1 - Rs/r) fc)`.
    #[inline(always)]
    fn evaluate<S: Simd>(&self, simd: S, s: &[f64], f: &mut [f64], df: &mut [f64]) {
        self.cutoff.evaluate(simd, s, f, df);
        let (s, _) = S::as_simd_f64s(s);
        let (f, _) = S::as_mut_simd_f64s(f);
        let (df, _) = S::as_mut_simd_f64s(df);
        let one = simd.splat_f64s(1.0);
        let (eta, rs) = (simd.splat_f64s(self.eta), simd.splat_f64s(self.rs));
        let scale = simd.splat_f64s(self.eta / f64::from(1u32 << self.halvings));
        let half = simd.splat_f64s(0.5);
        let (&last, lower) = EXPONENTIAL.split_last().expect("the expansion has coefficients");
        for ((&s, f), df) in s.iter().zip(f).zip(df) {
            let r = simd.sqrt_f64s(s);
            let distance = simd.sub_f64s(r, rs);
            // Beyond the cutoff fc is zero; the clamp keeps the exponential finite there.
            let exponent = simd.min_f64s(simd.mul_f64s(scale, simd.mul_f64s(distance, distance)), one);
            let t = simd.sub_f64s(exponent, half);
            let mut e = simd.splat_f64s(last);
            for &c in lower.iter().rev() {
                e = simd.mul_add_e_f64s(e, t, simd.splat_f64s(c));
            }
            for _ in 0..self.halvings {
                e = simd.mul_f64s(e, e);
            }
            let slope = simd.mul_f64s(eta, simd.sub_f64s(one, simd.div_f64s(rs, r)));
            *df = simd.mul_f64s(e, simd.negate_mul_add_e_f64s(slope, *f, *df));
            *f = simd.mul_f64s(e, *f);
        }
    }
}

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
        let shifted = [(20.0, 1.5), (130.0, 3.0), (400.0, 0.0), (400.0, 6.4), (1.0, -2.0)];
        let centered = [0.0, 0.005, 0.05, 0.232, 1.08, 5.0, 20.0, 80.0].map(|eta| (eta, 0.0));
        for (reduced, rs) in centered.into_iter().chain(shifted) {
            let factor = Factor::new(Radial {
                eta: reduced / (radius * radius),
                rs,
                cutoff: Cutoff::Cosine { radius },
            });
            assert!(
                !matches!(factor.method, Method::Formula),
                "eta {reduced}, rs {rs} must not use the formula"
            );
            assert!(rs != 0.0 || reduced > 5.0 || matches!(factor.method, Method::Series(_)));
            let distances: Vec<f64> = (1..=64).map(|k| 0.3 + (radius - 0.3) * f64::from(k) / 64.5).collect();
            let s: Vec<f64> = distances.iter().map(|r| r * r).collect();
            let (mut f, mut df) = (vec![0.0; 64], vec![0.0; 64]);
            pulp::Arch::new().dispatch(Evaluate(&factor, &s, &mut f, &mut df));
            for (k, r) in distances.iter().enumerate() {
                let (exact, exact_slope) =
                    (factor.radial.value(*r), factor.radial.derivative(*r) / (2.0 * r));
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
        for (eta, rs) in [(0.1, 0.0), (0.1, 1.0), (3.0, 4.0), (1e4, 0.0)] {
            let factor = Factor::new(Radial { eta, rs, cutoff: Cutoff::Cosine { radius: 5.0 } });
            let s = [25.0, 26.0, 100.0, factor.beyond(), 25.0, 25.0, 25.0, 25.0];
            let (mut f, mut df) = ([1.0; 8], [1.0; 8]);
            pulp::Arch::new().dispatch(Evaluate(&factor, &s, &mut f, &mut df));
            assert_eq!((f, df), ([0.0; 8], [0.0; 8]));
        }
    }
}
