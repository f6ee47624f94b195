//! Weights of symmetric compositions: a second-order step made a fourth- or sixth-order one.

use crate::error::{Error, Result};

/// The `n` Suzuki-Yoshida weights, summing to one: steps of `w_1 dt, w_2 dt, ...` of a symmetric second-order
/// method make a method of order 2 (`n = 1`), 4 (`n = 3`, `n = 5`) or 6 (`n = 7`).
///
/// `n = 3`: `w = 1/(2 - 2^(1/3))`, Yoshida, Phys. Lett. A 150, 262 (1990), doi:10.1016/0375-9601(90)90092-3.
/// `n = 5`: `w = 1/(4 - 4^(1/3))`, Suzuki, Phys. Lett. A 146, 319 (1990), doi:10.1016/0375-9601(90)90962-N.
/// `n = 7`: solution A of Yoshida's table, found here from the order conditions.
///
/// # Errors
/// [`Error::InvalidParameter`] for any other `n`.
pub fn weights(n: usize) -> Result<Vec<f64>> {
    match n {
        1 => Ok(vec![1.0]),
        3 => {
            let w = 1.0 / (2.0 - 2f64.cbrt());
            Ok(vec![w, 1.0 - 2.0 * w, w])
        }
        5 => {
            let w = 1.0 / (4.0 - 4f64.cbrt());
            Ok(vec![w, w, 1.0 - 4.0 * w, w, w])
        }
        7 => Ok(sixth_order()),
        _ => Err(Error::InvalidParameter(format!(
            "Suzuki-Yoshida weights exist for 1, 3, 5 or 7 terms, got {n}"
        ))),
    }
}

/// Newton iteration on [`order_conditions`] from the first digits of Yoshida's solution A.
fn sixth_order() -> Vec<f64> {
    let mut w = [0.78, 0.24, -1.18];
    for _ in 0..20 {
        let residual = order_conditions(w);
        let mut jacobian = [[0.0; 3]; 3];
        let step = 1e-6;
        for column in 0..3 {
            let (mut up, mut down) = (w, w);
            up[column] += step;
            down[column] -= step;
            let (plus, minus) = (order_conditions(up), order_conditions(down));
            for row in 0..3 {
                jacobian[row][column] = (plus[row] - minus[row]) / (2.0 * step);
            }
        }
        let inverse = crate::linalg::inverse(&jacobian);
        for row in 0..3 {
            w[row] -= crate::linalg::dot(inverse[row], residual);
        }
    }
    palindrome(w).to_vec()
}

fn palindrome([a, b, c]: [f64; 3]) -> [f64; 7] {
    [a, b, c, 1.0 - 2.0 * (a + b + c), c, b, a]
}

/// Residuals of the conditions for order 6 of a symmetric composition: `sum w³ = 0`, `sum w⁵ = 0` and
/// `sum_i w_i³ (w_1 + ... + w_{i-1} + w_i/2)² = 0` (Hairer, Lubich, Wanner, Geometric Numerical Integration,
/// 2nd ed., section V.3.2).
fn order_conditions(w: [f64; 3]) -> [f64; 3] {
    let mut residual = [0.0; 3];
    let mut before = 0.0;
    for x in palindrome(w) {
        let middle: f64 = before + 0.5 * x;
        residual[0] += x.powi(3);
        residual[1] += x.powi(5);
        residual[2] += x.powi(3) * middle * middle;
        before += x;
    }
    residual
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one_and_match_yoshida() {
        for n in [1, 3, 5, 7] {
            let w = weights(n).unwrap();
            assert_eq!(w.len(), n);
            assert!((w.iter().sum::<f64>() - 1.0).abs() < 1e-14);
        }
        // Table 1 of Yoshida 1990, solution A.
        let published = [0.784_513_610_477_560, 0.235_573_213_359_357, -1.177_679_984_178_87];
        for (w, p) in weights(7).unwrap().iter().zip(published) {
            assert!((w - p).abs() < 5e-14, "{w} {p}");
        }
        assert!(weights(2).unwrap_err().to_string().contains("1, 3, 5 or 7 terms, got 2"));
    }

    /// Verlet steps of the pendulum, composed: the error at a fixed time falls as dt to the order.
    #[test]
    fn composition_has_the_promised_order() {
        let error = |n: usize, steps: usize| {
            let w = weights(n).unwrap();
            let run = |steps: usize| {
                let (mut x, mut p) = (1.0f64, 0.3f64);
                for _ in 0..steps {
                    for &w in &w {
                        let dt = w * 2.0 / steps as f64;
                        p -= 0.5 * dt * x.sin();
                        x += dt * p;
                        p -= 0.5 * dt * x.sin();
                    }
                }
                x
            };
            (run(steps) - run(64 * steps)).abs()
        };
        for (n, order) in [(1, 2.0), (3, 4.0), (5, 4.0), (7, 6.0)] {
            let measured = (error(n, 16) / error(n, 32)).log2();
            assert!((measured - order).abs() < 0.3, "{n} terms: order {measured}");
        }
    }
}
