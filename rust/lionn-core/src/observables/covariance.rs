//! Covariance of window-averaged MSDs at different lags.
//!
//! Overlapping windows share displacement, so the MSD values of one run are strongly correlated. For a Gaussian process
//! with stationary increments and structure function `M(k) = ⟨(x(s+k) - x(s))²⟩` the covariance is exact and closed:
//! windows of `n` and `m` frames that start `u` frames apart have
//! `G(u) = ½ [M(u+n) + M(u-m) - M(u) - M(u+n-m)]`, their squares have covariance `2 G²` (Isserlis), hence
//! `Cov = 2/((F-n)(F-m)) Σ_u w(u) G(u)²` with `w(u)` the number of window pairs at that distance. With `M(k) = 2D|k|`
//! this is the result of H. Qian, M. P. Sheetz, E. L. Elson, Biophys. J. 60, 910 (1991) and X. Michalet,
//! Phys. Rev. E 82, 041914 (2010); with `M` from data it also covers vibration and rattling inside a cage.

use rayon::prelude::*;

use crate::error::{Error, Result};

/// `1/((F-n)(F-m)) Σ_u w(u) G(u)^power` for all pairs of lags, shape `(lags, lags)`.
///
/// `structure[k]` is `M(k)` for `k = 0..F` (F = number of frames); from lag `memory` on it must be a straight line, which
/// bounds the sum. `power = 2` gives half the covariance of the MSD of one Gaussian coordinate; `power = 1` with
/// `M(k) = k` gives the mean overlap of the windows in frames, the weight of the hop-discreteness term.
///
/// # Errors
/// [`Error::InvalidParameter`] if a lag is 0 or does not fit, or the power is not 1 or 2.
pub fn window_products(structure: &[f64], lags: &[usize], memory: usize, power: u32) -> Result<Vec<f64>> {
    let n_frames = structure.len();
    if let Some(lag) = lags.iter().find(|&&lag| lag == 0 || lag >= n_frames) {
        return Err(Error::InvalidParameter(format!("lag must be in 1..{n_frames} frames, got {lag}")));
    }
    if !(1..=2).contains(&power) {
        return Err(Error::InvalidParameter(format!("power must be 1 or 2, got {power}")));
    }
    let size = lags.len();
    let rows: Vec<Vec<f64>> = (0..size)
        .into_par_iter()
        .map(|i| (0..=i).map(|j| pair_average(structure, lags[i], lags[j], memory, power)).collect())
        .collect();
    let mut result = vec![0.0; size * size];
    for (i, row) in rows.iter().enumerate() {
        for (j, &value) in row.iter().enumerate() {
            result[i * size + j] = value;
            result[j * size + i] = value;
        }
    }
    Ok(result)
}

fn pair_average(structure: &[f64], n: usize, m: usize, memory: usize, power: u32) -> f64 {
    let n_frames = structure.len() as i64;
    let (n, m, memory) = (n as i64, m as i64, memory as i64);
    let (first, second) = (n_frames - n, n_frames - m);
    let at = |k: i64| structure[k.unsigned_abs() as usize];
    let lowest = (1 - second).max(-n - memory);
    let highest = (first - 1).min(m + memory);
    let mut sum = 0.0;
    for u in lowest..=highest {
        let weight = second.min(first - u) - 0.max(-u);
        let g = 0.5 * (at(u + n) + at(u - m) - at(u) - at(u + n - m));
        sum += weight as f64 * if power == 2 { g * g } else { g };
    }
    sum / (first as f64 * second as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brownian_limit_of_short_windows() {
        // Continuum limit for t_i <= t_j << T: ∫ overlap² = t_i² t_j - t_i³/3; overlap integral t_i t_j.
        let n_frames = 200_000;
        let line: Vec<f64> = (0..n_frames).map(|k| k as f64).collect();
        let lags = [100, 250];
        let squares = window_products(&line, &lags, 0, 2).unwrap();
        let overlaps = window_products(&line, &lags, 0, 1).unwrap();
        let total = n_frames as f64;
        for (i, &n) in lags.iter().enumerate() {
            for (j, &m) in lags.iter().enumerate() {
                let (short, long) = (n.min(m) as f64, n.max(m) as f64);
                let expected = (short * short * long - short.powi(3) / 3.0) / total;
                assert!((squares[i * 2 + j] / expected - 1.0).abs() < 3e-3);
                assert!((overlaps[i * 2 + j] / (short * long / total) - 1.0).abs() < 3e-3);
            }
        }
    }

    /// Brute force over all pairs of windows of a short run, M(k) = 2k + 0.7 for k > 0 (white vibration).
    #[test]
    fn equals_the_double_sum() {
        let n_frames = 23;
        let structure: Vec<f64> =
            (0..n_frames).map(|k| if k == 0 { 0.0 } else { 2.0 * k as f64 + 0.7 }).collect();
        let at = |a: usize, b: usize| structure[a.abs_diff(b)];
        for (n, m) in [(3, 3), (3, 8), (15, 17), (1, 22)] {
            let mut expected = 0.0;
            for s in 0..n_frames - n {
                for t in 0..n_frames - m {
                    let g = 0.5 * (at(s + n, t) + at(s, t + m) - at(s, t) - at(s + n, t + m));
                    expected += g * g;
                }
            }
            expected /= ((n_frames - n) * (n_frames - m)) as f64;
            let got = window_products(&structure, &[n, m], 1, 2).unwrap()[1];
            assert!((got - expected).abs() < 1e-12 * expected, "{n} {m}: {got} {expected}");
        }
    }

    #[test]
    fn bad_lags_are_refused() {
        let message = window_products(&[0.0, 1.0], &[2], 0, 2).unwrap_err().to_string();
        assert!(message.contains("lag must be in 1..2"), "{message}");
    }
}
