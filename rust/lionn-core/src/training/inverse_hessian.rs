//! The inverse Hessian of BFGS, one triangle in packed storage.

use super::products::dot;
use crate::error::{Error, Result};
use pulp::Arch;

/// Symmetric positive definite matrix `H` of order `n`; row `i` of the lower triangle stands at `i (i + 1)/2`.
///
/// One pass over the triangle per operation, on one thread and in a fixed order: at some thousand parameters threads cost
/// more than they give, and the bits must not depend on them.
#[derive(Debug, Clone, PartialEq)]
pub struct InverseHessian {
    n: usize,
    lower: Vec<f64>,
}

impl InverseHessian {
    /// `scale` times the identity.
    pub fn identity(n: usize, scale: f64) -> Self {
        let mut lower = vec![0.0; n * (n + 1) / 2];
        for i in 0..n {
            lower[i * (i + 1) / 2 + i] = scale;
        }
        Self { n, lower }
    }

    /// Matrix of order `n` from its lower triangle, row by row.
    ///
    /// # Errors
    /// [`Error::Shape`] for a wrong number of entries.
    pub fn from_lower(n: usize, lower: Vec<f64>) -> Result<Self> {
        let expected = n * (n + 1) / 2;
        if lower.len() != expected {
            return Err(Error::shape(
                "inverse Hessian",
                format!("({expected},) for {n} parameters"),
                format!("({},)", lower.len()),
            ));
        }
        Ok(Self { n, lower })
    }

    /// Order of the matrix.
    pub fn order(&self) -> usize {
        self.n
    }

    /// Lower triangle, row by row.
    pub fn lower(&self) -> &[f64] {
        &self.lower
    }

    /// `H v`.
    pub fn product(&self, v: &[f64]) -> Vec<f64> {
        assert_eq!(v.len(), self.n, "vector of another order");
        let mut out = vec![0.0; self.n];
        Arch::new().dispatch(|| {
            let mut start = 0;
            for i in 0..self.n {
                let row = &self.lower[start..start + i];
                let diagonal = self.lower[start + i];
                start += i + 1;
                for (sum, h) in out.iter_mut().zip(row) {
                    *sum += h * v[i];
                }
                out[i] += dot(row, v) + diagonal * v[i];
            }
        });
        out
    }

    /// BFGS update for a step `s` that changed the gradient by `y`, `curvature = s·y > 0`
    /// (Nocedal and Wright, Numerical Optimization, 2nd ed. (2006), Eq. 6.17):
    ///
    /// ```text
    /// H <- H + s wᵀ + w sᵀ,   w = (1 + yᵀHy/s·y)/(2 s·y) s - Hy/s·y
    /// ```
    pub fn update(&mut self, s: &[f64], y: &[f64], curvature: f64) {
        assert_eq!(s.len(), self.n, "vector of another order");
        let hy = self.product(y);
        let rho = 1.0 / curvature;
        let along = 0.5 * rho * (1.0 + rho * dot(y, &hy));
        let w: Vec<f64> = s.iter().zip(&hy).map(|(s, hy)| along * s - rho * hy).collect();
        Arch::new().dispatch(|| {
            let mut start = 0;
            for i in 0..self.n {
                let row = &mut self.lower[start..=start + i];
                start += i + 1;
                let (si, wi) = (s[i], w[i]);
                for ((h, s), w) in row.iter_mut().zip(s).zip(&w) {
                    *h += si * w + wi * s;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn update_meets_the_secant_equation_and_stays_symmetric() {
        let n = 11;
        let vector = |phase: f64| -> Vec<f64> { (0..n).map(|k| (k as f64 * 1.3 + phase).sin()).collect() };
        let mut h = InverseHessian::identity(n, 0.7);
        for phase in [0.1, 0.8, 2.0] {
            let s = vector(phase);
            let y: Vec<f64> = s.iter().zip(vector(phase + 5.0)).map(|(s, noise)| s + 0.2 * noise).collect();
            let curvature = dot(&s, &y);
            assert!(curvature > 0.0);
            h.update(&s, &y, curvature);
            for (a, b) in h.product(&y).iter().zip(&s) {
                assert!((a - b).abs() < 1e-13);
            }
            let (u, v) = (vector(3.0), vector(4.0));
            assert!((dot(&u, &h.product(&v)) - dot(&v, &h.product(&u))).abs() < 1e-13);
        }
        let copy = InverseHessian::from_lower(n, h.lower().to_vec()).unwrap();
        assert_eq!(copy, h);
        assert!(InverseHessian::from_lower(n, vec![0.0; 3]).is_err());
    }
}
