//! Cutoff functions on vectors, without a call of the mathematical library.
//!
//! Distances come as `w = 1 - s/Rc²`, `s = r²`. With `x = (r - inner)/(Rc - inner)` the distance from the cutoff,
//! `rest = 1 - x = Rc w / (1 + r/Rc) / (Rc - inner)`, keeps its relative precision, and so does every function that is written as
//! a product of its zeros.

use super::super::cutoff::{Cutoff, Shape, tanh_scale};
use super::exponential::{MAX_HALVINGS, negative_exponential};
use super::function::Radial;
use super::scratch::{vectors, vectors_mut};
use super::series::{Series, fit_polynomial};
use crate::simd::MulAdd;
use pulp::Simd;
use std::f64::consts::{FRAC_PI_2, PI};

/// A cutoff function ready for evaluation.
#[derive(Debug, Clone)]
pub(super) enum FastCutoff {
    Cosine(Series),
    Polynomial(PolynomialCutoff),
    Switch(Switch),
}

impl FastCutoff {
    /// `None` for what only the formula can do.
    pub fn fit(cutoff: Cutoff) -> Option<Self> {
        let radius = cutoff.radius();
        let switch = |inner, profile| Self::Switch(Switch { radius, inner, profile });
        Some(match cutoff {
            Cutoff::Cosine { .. } => Self::Cosine(Series::fit(&Radial { eta: 0.0, rs: 0.0, cutoff })?),
            Cutoff::Polynomial { gamma, .. }
                if gamma.fract() == 0.0 && (2.0..=PolynomialCutoff::MAX_POWER).contains(&gamma) =>
            {
                Self::Polynomial(PolynomialCutoff { power: gamma as u32, inv_rc2: radius.powi(-2) })
            }
            Cutoff::Polynomial { .. } => return None,
            Cutoff::Switch { inner, shape, .. } => switch(inner, Profile::of(shape)?),
            Cutoff::Tanh { normalized, .. } => {
                switch(0.0, Profile::Tanh(Odd::fit(f64::tanh)?, tanh_scale(normalized)))
            }
            Cutoff::Hard { .. } => switch(0.0, Profile::Hard),
        })
    }

    /// Values and derivatives `dfc/ds`; zero where `w` is not positive.
    #[inline(always)]
    pub fn evaluate<S: Simd>(&self, simd: S, w: &[f64], f: &mut [f64], df: &mut [f64]) {
        match self {
            Self::Cosine(series) => series.evaluate(simd, w, f, df),
            Self::Polynomial(polynomial) => polynomial.evaluate(simd, w, f, df),
            Self::Switch(switch) => switch.evaluate(simd, w, f, df),
        }
    }
}

/// [`Cutoff::Polynomial`] with an integer power `n`, with its double zero at `x = r/Rc = 1` as a factor:
/// `fc = 1 + n x^(n+1) - (n+1) x^n = (1 - x)² (1 + 2 x + 3 x² + ... + n x^(n-1))`.
#[derive(Debug, Clone, Copy)]
pub(super) struct PolynomialCutoff {
    power: u32,
    inv_rc2: f64,
}

impl PolynomialCutoff {
    /// Highest power that is multiplied out.
    const MAX_POWER: f64 = 16.0;

    /// With `1 - x = w/(1 + x)`; `dfc/ds = -n (n + 1) x^(n-2) (1 - x) / (2 Rc²)`.
    #[inline(always)]
    fn evaluate<S: Simd>(self, simd: S, w: &[f64], f: &mut [f64], df: &mut [f64]) {
        let n = f64::from(self.power);
        let (one, zero) = (simd.splat_f64s(1.0), simd.splat_f64s(0.0));
        let scale = simd.splat_f64s(-0.5 * n * (n + 1.0) * self.inv_rc2);
        let (f, df) = (vectors_mut::<S>(f), vectors_mut::<S>(df));
        for ((&w, f), df) in vectors::<S>(w).iter().zip(f).zip(df) {
            let w = simd.max_f64s(w, zero);
            let x = simd.sqrt_f64s(simd.sub_f64s(one, w));
            let rest = simd.div_f64s(w, simd.add_f64s(one, x));
            let mut sum = simd.splat_f64s(n);
            let mut power = scale;
            for k in (1..self.power).rev() {
                sum = simd.mul_add(sum, x, simd.splat_f64s(f64::from(k)));
                if k > 1 {
                    power = simd.mul_f64s(power, x);
                }
            }
            *f = simd.mul_f64s(simd.mul_f64s(rest, rest), sum);
            *df = simd.mul_f64s(rest, power);
        }
    }
}

/// Any function of `x`, constant up to the inner radius.
#[derive(Debug, Clone)]
pub(super) struct Switch {
    radius: f64,
    inner: f64,
    profile: Profile,
}

/// The function of `x` and `rest = 1 - x`.
#[derive(Debug, Clone)]
enum Profile {
    /// `sin²(π rest/2)`; the polynomial stands for `sin(π y/2)`.
    Cosine(Odd),
    /// `rest^n Q(x)`: coefficients of `Q`, lowest power first, `n` their number.
    Polynomial(&'static [f64]),
    /// `exp(-x²/(1 - x²))`
    Exponential,
    /// `scale tanh³(rest)`
    Tanh(Odd, f64),
    Hard,
}

impl Profile {
    fn of(shape: Shape) -> Option<Self> {
        Some(match (shape, shape.without_zero()) {
            (_, Some(coefficients)) => Self::Polynomial(coefficients),
            (Shape::Exponential, _) => Self::Exponential,
            _ => Self::Cosine(Odd::fit(|y| (FRAC_PI_2 * y).sin())?),
        })
    }

    /// Value and derivative with respect to `x`; both vanish where `rest` does.
    #[inline(always)]
    fn at<S: Simd>(&self, simd: S, x: S::f64s, rest: S::f64s) -> [S::f64s; 2] {
        let one = simd.splat_f64s(1.0);
        match self {
            Self::Cosine(sine) => {
                let v = sine.at(simd, rest);
                let slope = simd.mul_f64s(simd.splat_f64s(-PI), simd.mul_f64s(v, sine.at(simd, x)));
                [simd.mul_f64s(v, v), slope]
            }
            Self::Polynomial(coefficients) => {
                let (&last, lower) = coefficients.split_last().expect("polynomials have coefficients");
                let mut q = simd.splat_f64s(last);
                for &c in lower.iter().rev() {
                    q = simd.mul_add(q, x, simd.splat_f64s(c));
                }
                let order = coefficients.len();
                let both = simd.mul_f64s(x, rest);
                let mut power = rest;
                let mut slope = simd.splat_f64s(-((2 * order - 1) as f64) * last);
                for _ in 1..order {
                    power = simd.mul_f64s(power, rest);
                    slope = simd.mul_f64s(slope, both);
                }
                [simd.mul_f64s(power, q), slope]
            }
            Self::Exponential => {
                // Below the least gap the function is zero in double precision.
                let largest = f64::from(1u32 << MAX_HALVINGS);
                let gap =
                    simd.max_f64s(simd.mul_f64s(rest, simd.add_f64s(one, x)), simd.splat_f64s(1.0 / largest));
                let inverse = simd.div_f64s(one, gap);
                let ratio = simd.mul_f64s(x, inverse);
                let exponent = simd.mul_f64s(simd.mul_f64s(x, ratio), simd.splat_f64s(1.0 / largest));
                let f = negative_exponential(simd, exponent, MAX_HALVINGS);
                let slope = simd.mul_f64s(simd.splat_f64s(-2.0), simd.mul_f64s(ratio, inverse));
                [f, simd.mul_f64s(f, slope)]
            }
            Self::Tanh(tanh, scale) => {
                let y = tanh.at(simd, rest);
                let y2 = simd.mul_f64s(y, y);
                let slope = simd.mul_f64s(simd.splat_f64s(-3.0 * scale), simd.neg_mul_add(y2, y2, y2));
                [simd.mul_f64s(simd.splat_f64s(*scale), simd.mul_f64s(y2, y)), slope]
            }
            Self::Hard => {
                let zero = simd.splat_f64s(0.0);
                [simd.select_f64s(simd.greater_than_f64s(rest, zero), one, zero), zero]
            }
        }
    }
}

impl Switch {
    /// `dfc/ds = dfc/dx / (2 r (Rc - inner))`
    #[inline(always)]
    fn evaluate<S: Simd>(&self, simd: S, w: &[f64], f: &mut [f64], df: &mut [f64]) {
        let (one, zero) = (simd.splat_f64s(1.0), simd.splat_f64s(0.0));
        let inv_width = 1.0 / (self.radius - self.inner);
        let width_of_radius = simd.splat_f64s(self.radius * inv_width);
        let start = simd.splat_f64s(self.inner * inv_width);
        let scale = simd.splat_f64s(0.5 * inv_width / self.radius);
        let (f, df) = (vectors_mut::<S>(f), vectors_mut::<S>(df));
        for ((&w, f), df) in vectors::<S>(w).iter().zip(f).zip(df) {
            let w = simd.max_f64s(w, zero);
            let r = simd.sqrt_f64s(simd.sub_f64s(one, w));
            let rest = simd.div_f64s(simd.mul_f64s(width_of_radius, w), simd.add_f64s(one, r));
            let rest = simd.min_f64s(rest, one);
            let x = simd.max_f64s(simd.mul_sub(width_of_radius, r, start), zero);
            let [value, slope] = self.profile.at(simd, simd.min_f64s(x, one), rest);
            *f = value;
            *df = simd.mul_f64s(slope, simd.div_f64s(scale, r));
        }
    }
}

/// `y P(y²)`: an odd function on `[0, 1]` that is zero at 0 only.
#[derive(Debug, Clone)]
pub(super) struct Odd {
    /// Highest power first.
    coefficients: Vec<f64>,
}

impl Odd {
    fn fit(function: impl Fn(f64) -> f64) -> Option<Self> {
        // At the smallest arguments the quotient is that of the limit.
        let quotient = |square: f64| {
            let y = square.sqrt().max(1e-8);
            function(y) / y
        };
        let mut coefficients = fit_polynomial(quotient)?;
        coefficients.reverse();
        Some(Self { coefficients })
    }

    #[inline(always)]
    fn at<S: Simd>(&self, simd: S, y: S::f64s) -> S::f64s {
        let square = simd.mul_f64s(y, y);
        let mut sum = simd.splat_f64s(0.0);
        for &c in &self.coefficients {
            sum = simd.mul_add(sum, square, simd.splat_f64s(c));
        }
        simd.mul_f64s(sum, y)
    }
}
