//! Radial functions of the density expansion, with derivatives, on whole vectors of neighbors.

use super::super::arrays::{Array, reserve, vectors, vectors_mut};
use super::super::cutoff::Cutoff;
use super::super::gaussian::Radial as RadialPart;
use super::super::gaussian::factor::Factor;
use crate::simd::MulAdd;
use pulp::Simd;

/// Radial functions `f_n(r)`, all multiplied with the cutoff function.
#[derive(Debug, Clone)]
pub(super) enum Radial {
    /// `T_n(x) fc(r)` with `x = 2 (1 - r/Rc)² - 1`, `n < count`: Chebyshev polynomials, denser at short distances (Fan et
    /// al., J. Chem. Phys. 157, 114801 (2022), doi 10.1063/5.0106617, Eq. 6).
    Chebyshev { count: usize },
    /// Radial parts of the Zernike functions.
    Zernike(Vec<ZernikeRadial>),
}

/// `R_nl(ρ) = sqrt(2n + 3) sum_s (-1)^s C(k, s) C(n - s + 1/2, k) ρ^(n - 2s)`, `ρ = r/Rc`, `k = (n - l)/2`: orthonormal on
/// the unit ball (Canterakis, Proc. 11th Scandinavian Conf. Image Analysis, 85 (1999); Novotni and Klein, Comput.-Aided
/// Des. 36, 1047 (2004), doi 10.1016/j.cad.2004.01.005).
#[derive(Debug, Clone)]
pub(super) struct ZernikeRadial {
    pub n: usize,
    pub l: usize,
    /// Coefficients of the polynomial in `ρ²` that multiplies `ρ^l`, highest power first.
    coefficients: Vec<f64>,
}

impl ZernikeRadial {
    pub fn new(n: usize, l: usize) -> Self {
        let k = (n - l) / 2;
        let norm = ((2 * n + 3) as f64).sqrt();
        let coefficients = (0..=k)
            .map(|s| {
                let sign = if s % 2 == 0 { 1.0 } else { -1.0 };
                norm * sign * binomial(k as f64, s) * binomial((n - s) as f64 + 0.5, k)
            })
            .collect();
        Self { n, l, coefficients }
    }
}

/// Binomial coefficient with a real upper argument.
fn binomial(a: f64, k: usize) -> f64 {
    (0..k).map(|i| (a - i as f64) / (i + 1) as f64).product()
}

/// Values and derivatives of all radial functions; rows of `n_vectors` vectors.
#[derive(Debug)]
pub(super) struct RadialTables {
    /// Distances over the cutoff radius, at most one.
    pub rho: Array,
    pub f: Array,
    /// `df/dr`, 1/Å.
    pub df: Array,
    /// Factor of every neighbor's density.
    pub weight: Array,
    w: Array,
    cutoff: Array,
    cutoff_slope: Array,
}

impl Default for RadialTables {
    fn default() -> Self {
        let [rho, f, df, weight, w, cutoff, cutoff_slope] = std::array::from_fn(|_| Array::new(64));
        Self { rho, f, df, weight, w, cutoff, cutoff_slope }
    }
}

/// Radial functions and cutoff.
#[derive(Debug, Clone)]
pub(super) struct RadialBasis {
    pub radial: Radial,
    pub cutoff: Cutoff,
    factor: Factor,
}

impl RadialBasis {
    pub fn new(radial: Radial, cutoff: Cutoff) -> Self {
        Self { radial, cutoff, factor: Factor::new(RadialPart { eta: 0.0, rs: 0.0, cutoff }) }
    }

    /// Number of radial functions.
    pub fn count(&self) -> usize {
        match &self.radial {
            Radial::Chebyshev { count } => *count,
            Radial::Zernike(functions) => functions.len(),
        }
    }

    /// Values at the distances in `tables.rho`.
    #[inline(always)]
    pub fn fill<S: Simd>(&self, simd: S, n_vectors: usize, tables: &mut RadialTables) {
        let n = n_vectors * S::F64_LANES;
        let RadialTables { rho, f, df, weight, w, cutoff, cutoff_slope } = tables;
        for array in [&mut *w, cutoff, cutoff_slope] {
            array.resize(n, 0.0);
        }
        reserve(f, n * self.count());
        reserve(df, n * self.count());
        let rho = &vectors::<S>(rho)[..n_vectors];
        let one = simd.splat_f64s(1.0);
        for (w, &rho) in vectors_mut::<S>(w).iter_mut().zip(rho) {
            *w = simd.neg_mul_add(rho, rho, one);
        }
        self.factor.evaluate(simd, w, cutoff, cutoff_slope);
        // The factor gives df/d(r²).
        let twice = simd.splat_f64s(2.0 * self.cutoff.radius());
        let weight = vectors::<S>(weight);
        let values = vectors_mut::<S>(cutoff).iter_mut().zip(vectors_mut::<S>(cutoff_slope));
        for (((value, slope), &rho), &weight) in values.zip(rho).zip(weight) {
            *value = simd.mul_f64s(*value, weight);
            *slope = simd.mul_f64s(simd.mul_f64s(*slope, weight), simd.mul_f64s(twice, rho));
        }
        let (cutoff, slope) = (vectors::<S>(cutoff), vectors::<S>(cutoff_slope));
        let inverse = simd.splat_f64s(1.0 / self.cutoff.radius());
        let (f, df) = (vectors_mut::<S>(f), vectors_mut::<S>(df));
        for v in 0..n_vectors {
            let (cutoff, slope) = (cutoff[v], slope[v]);
            let mut writer = Writer { f, df, n_vectors, v, cutoff, slope, inverse };
            match &self.radial {
                Radial::Chebyshev { count } => chebyshev(simd, *count, rho[v], &mut writer),
                Radial::Zernike(functions) => zernike(simd, functions, rho[v], &mut writer),
            }
        }
    }
}

/// Where the radial functions of one vector of neighbors go.
struct Writer<'a, V> {
    f: &'a mut [V],
    df: &'a mut [V],
    n_vectors: usize,
    v: usize,
    cutoff: V,
    slope: V,
    inverse: V,
}

impl<V: Copy> Writer<'_, V> {
    /// From `g` and `dg/dρ` to `g fc` and its derivative with respect to `r`.
    #[inline(always)]
    fn write<S: Simd<f64s = V>>(&mut self, simd: S, row: usize, g: V, dg: V) {
        let at = row * self.n_vectors + self.v;
        self.f[at] = simd.mul_f64s(g, self.cutoff);
        let change = simd.mul_f64s(simd.mul_f64s(dg, self.inverse), self.cutoff);
        self.df[at] = simd.mul_add(g, self.slope, change);
    }
}

#[inline(always)]
fn chebyshev<S: Simd>(simd: S, count: usize, rho: S::f64s, writer: &mut Writer<'_, S::f64s>) {
    let (zero, one, two) = (simd.splat_f64s(0.0), simd.splat_f64s(1.0), simd.splat_f64s(2.0));
    let rest = simd.sub_f64s(one, rho);
    let x = simd.mul_sub(two, simd.mul_f64s(rest, rest), one);
    let dx = simd.mul_f64s(simd.splat_f64s(-4.0), rest);
    let (mut t, mut dt) = (one, zero);
    let (mut next, mut dnext) = (x, dx);
    for n in 0..count {
        writer.write(simd, n, t, dt);
        let twice = simd.mul_f64s(two, x);
        let after = simd.mul_sub(twice, next, t);
        let dafter = simd.mul_add(simd.mul_f64s(two, dx), next, simd.mul_sub(twice, dnext, dt));
        (t, dt, next, dnext) = (next, dnext, after, dafter);
    }
}

#[inline(always)]
fn zernike<S: Simd>(simd: S, functions: &[ZernikeRadial], rho: S::f64s, writer: &mut Writer<'_, S::f64s>) {
    let zero = simd.splat_f64s(0.0);
    let square = simd.mul_f64s(rho, rho);
    for (row, function) in functions.iter().enumerate() {
        let (mut p, mut dp) = (zero, zero);
        for &c in &function.coefficients {
            dp = simd.mul_add(dp, square, p);
            p = simd.mul_add(p, square, simd.splat_f64s(c));
        }
        // ρ^l and its derivative.
        let (mut power, mut dpower) = (simd.splat_f64s(1.0), zero);
        for l in 0..function.l {
            dpower = simd.mul_f64s(simd.splat_f64s((l + 1) as f64), power);
            power = simd.mul_f64s(power, rho);
        }
        let twice = simd.mul_f64s(simd.splat_f64s(2.0), simd.mul_f64s(rho, power));
        let slope = simd.mul_add(twice, dp, simd.mul_f64s(dpower, p));
        writer.write(simd, row, simd.mul_f64s(power, p), slope);
    }
}

/// The radial functions by the formulas, for the oracle: value of function `row` at distance `r`.
pub(super) fn plain_radial(basis: &RadialBasis, row: usize, r: f64) -> f64 {
    let rho = r / basis.cutoff.radius();
    let value = match &basis.radial {
        Radial::Chebyshev { .. } => {
            let x = (2.0 * (1.0 - rho).powi(2) - 1.0).clamp(-1.0, 1.0);
            (row as f64 * x.acos()).cos()
        }
        Radial::Zernike(functions) => {
            let ZernikeRadial { n, coefficients, .. } = &functions[row];
            coefficients.iter().enumerate().map(|(s, c)| c * rho.powi((n - 2 * s) as i32)).sum()
        }
    };
    value * basis.cutoff.value(r)
}
