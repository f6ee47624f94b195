//! Radial factors `f(s) = exp(-eta (r - Rs)²) fc(r)` as functions of `w = 1 - s/Rc²`, `s = r²`.
//!
//! Centered Gaussians with a cosine cutoff are polynomials ([`Series`]). Other cutoffs ([`FastCutoff`]), narrow and shifted
//! Gaussians are the product of `fc` and an exponential, itself a polynomial after halving the exponent a few times
//! ([`Product`]). What is left (cutoffs with a fractional power) is evaluated by the formula.

use super::exponential::{halvings, negative_exponential};
use super::fast_cutoff::FastCutoff;
use super::function::Radial;
use super::scratch::{vectors, vectors_mut};
use super::series::Series;
use crate::simd::MulAdd;
use pulp::Simd;

/// A radial factor ready for evaluation.
#[derive(Debug, Clone)]
pub(in crate::descriptors) struct Factor {
    /// What it stands for.
    pub radial: Radial,
    /// `1/Rc²`.
    pub inv_rc2: f64,
    /// Whether angular functions use it.
    pub angular: bool,
    method: Method,
}

/// How a factor is evaluated.
#[derive(Debug, Clone)]
enum Method {
    Series(Series),
    Product(Product),
    Formula,
}

impl Factor {
    /// Factor of a radial part.
    pub fn new(radial: Radial) -> Self {
        let method = Series::fit(&radial)
            .map(Method::Series)
            .or_else(|| Product::fit(&radial).map(Method::Product))
            .unwrap_or(Method::Formula);
        Self { radial, inv_rc2: radial.cutoff.radius().powi(-2), angular: false, method }
    }

    /// Values and derivatives `df/ds`; zero where `w` is not positive.
    #[inline(always)]
    pub fn evaluate<S: Simd>(&self, simd: S, w: &[f64], f: &mut [f64], df: &mut [f64]) {
        match &self.method {
            Method::Series(series) => series.evaluate(simd, w, f, df),
            Method::Product(product) => product.evaluate(simd, w, f, df),
            Method::Formula => self.evaluate_formula(w, f, df),
        }
    }

    fn evaluate_formula(&self, w: &[f64], f: &mut [f64], df: &mut [f64]) {
        for ((&w, f), df) in w.iter().zip(f).zip(df) {
            (*f, *df) = if w > 0.0 {
                let r = self.radial.cutoff.radius() * (1.0 - w).sqrt();
                (self.radial.value(r), self.radial.derivative(r) / (2.0 * r))
            } else {
                (0.0, 0.0)
            };
        }
    }
}

/// A cutoff function times `exp(-eta (r - Rs)²)`.
#[derive(Debug, Clone)]
struct Product {
    cutoff: FastCutoff,
    radial: Radial,
    /// The exponent is divided by `2^halvings` to lie in `[0, 1]`; the exponential is squared as often.
    halvings: u32,
}

impl Product {
    fn fit(radial: &Radial) -> Option<Self> {
        let cutoff = FastCutoff::fit(radial.cutoff)?;
        let farthest = radial.rs.abs().max((radial.cutoff.radius() - radial.rs).abs());
        let halvings = halvings(radial.eta * farthest * farthest);
        Some(Self { cutoff, radial: *radial, halvings })
    }

    /// With `e = exp(-eta (r - Rs)²)`: `f = fc e`, `df/ds = e (dfc/ds - eta (1 - Rs/r) fc)`.
    #[inline(always)]
    fn evaluate<S: Simd>(&self, simd: S, w: &[f64], f: &mut [f64], df: &mut [f64]) {
        self.cutoff.evaluate(simd, w, f, df);
        let (f, df) = (vectors_mut::<S>(f), vectors_mut::<S>(df));
        let one = simd.splat_f64s(1.0);
        let radius = simd.splat_f64s(self.radial.cutoff.radius());
        let (eta, rs) = (simd.splat_f64s(self.radial.eta), simd.splat_f64s(self.radial.rs));
        let scale = simd.splat_f64s(self.radial.eta / f64::from(1u32 << self.halvings));
        for ((&w, f), df) in vectors::<S>(w).iter().zip(f).zip(df) {
            let r = simd.mul_f64s(radius, simd.sqrt_f64s(simd.sub_f64s(one, w)));
            let distance = simd.sub_f64s(r, rs);
            let exponent = simd.mul_f64s(scale, simd.mul_f64s(distance, distance));
            let e = negative_exponential(simd, exponent, self.halvings);
            let slope = simd.mul_f64s(eta, simd.sub_f64s(one, simd.div_f64s(rs, r)));
            *df = simd.mul_f64s(e, simd.neg_mul_add(slope, *f, *df));
            *f = simd.mul_f64s(e, *f);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptors::cutoff::{Cutoff, Shape};
    use crate::simd::Level;

    struct Evaluate<'a>(&'a Factor, &'a [f64], &'a mut [f64], &'a mut [f64]);
    impl pulp::WithSimd for Evaluate<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            self.0.evaluate(simd, self.1, self.2, self.3);
        }
    }

    /// The fast methods equal the formula to 1e-12 relative, values and derivatives, up to the cutoff.
    #[test]
    fn every_method_agrees_with_the_formula() {
        let radius = 6.5;
        let cosine = Cutoff::Cosine { radius };
        let polynomial = |gamma| Cutoff::Polynomial { radius, gamma };
        let series = [0.0, 0.005, 0.05, 0.232, 1.08, 5.0].map(|eta| (eta, 0.0, cosine));
        let products = [(80.0, 0.0), (20.0, 1.5), (130.0, 3.0), (400.0, 0.0), (400.0, 6.4), (1.0, -2.0)];
        let products = products.map(|(eta, rs)| (eta, rs, cosine));
        let polynomials = [2.0, 4.0, 7.0].map(|gamma| (4.0, 0.5, polynomial(gamma)));
        let shapes =
            [Shape::Cosine, Shape::Exponential, Shape::Cubic, Shape::Quintic, Shape::Septic, Shape::Nonic];
        let others = shapes
            .into_iter()
            .flat_map(|shape| [0.0, 1.3].map(|inner| Cutoff::Switch { radius, inner, shape }))
            .chain([true, false].map(|normalized| Cutoff::Tanh { radius, normalized }))
            .chain([Cutoff::Hard { radius }]);
        let others = others.flat_map(|cutoff| [(0.0, 0.0, cutoff), (9.0, 1.5, cutoff), (800.0, 0.3, cutoff)]);
        for (reduced, rs, cutoff) in series.into_iter().chain(products).chain(polynomials).chain(others) {
            let factor = Factor::new(Radial { eta: reduced / (radius * radius), rs, cutoff });
            let is_series = matches!(factor.method, Method::Series(_));
            let is_formula = matches!(factor.method, Method::Formula);
            assert!(!is_formula, "eta {reduced}, rs {rs}, {cutoff:?} is fast");
            let expected = reduced <= 5.0 && rs == 0.0 && cutoff == cosine;
            assert_eq!(is_series, expected, "eta {reduced}, rs {rs}, {cutoff:?}");
            let distances: Vec<f64> = (1..=64).map(|k| 0.3 + (radius - 0.3) * f64::from(k) / 64.5).collect();
            let w: Vec<f64> = distances.iter().map(|r| 1.0 - r * r * factor.inv_rc2).collect();
            for level in Level::available() {
                let (mut f, mut df) = (vec![0.0; 64], vec![0.0; 64]);
                level.run(Evaluate(&factor, &w, &mut f, &mut df));
                for (k, r) in distances.iter().enumerate() {
                    let (exact, exact_slope) =
                        (factor.radial.value(*r), factor.radial.derivative(*r) / (2.0 * r));
                    // The formula of the polynomial cutoff loses digits to cancellation near the cutoff.
                    // Elsewhere the rounding of an exponent of 700 is seen where the value is 1e-300.
                    let rounding = if matches!(cutoff, Cutoff::Polynomial { .. }) { 1e-15 } else { 1e-200 };
                    for (fast, exact) in [(f[k], exact), (df[k], exact_slope)] {
                        assert!(
                            (fast - exact).abs() < 1e-12 * exact.abs() + rounding,
                            "{}, eta {reduced}, rs {rs}, {cutoff:?}, r {r}: {fast} {exact}",
                            level.name()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn factors_vanish_beyond_the_cutoff() {
        let radius = 5.0;
        let cosine = Cutoff::Cosine { radius };
        let mut cases: Vec<_> =
            [(0.1, 0.0), (0.1, 1.0), (3.0, 4.0), (1e4, 0.0)].map(|(eta, rs)| (eta, rs, cosine)).into();
        for shape in [Shape::Cosine, Shape::Exponential, Shape::Cubic, Shape::Nonic] {
            cases.push((0.1, 0.0, Cutoff::Switch { radius, inner: 1.0, shape }));
        }
        cases.push((0.1, 0.0, Cutoff::Tanh { radius, normalized: true }));
        cases.push((0.1, 0.0, Cutoff::Hard { radius }));
        for (eta, rs, cutoff) in cases {
            let factor = Factor::new(Radial { eta, rs, cutoff });
            let w = [0.0, -1.0, -1e-9, -1e30, 0.0, 0.0, 0.0, 0.0];
            for level in Level::available() {
                let (mut f, mut df) = ([1.0; 8], [1.0; 8]);
                level.run(Evaluate(&factor, &w, &mut f, &mut df));
                assert_eq!((f, df), ([0.0; 8], [0.0; 8]), "{cutoff:?}");
            }
        }
    }
}
