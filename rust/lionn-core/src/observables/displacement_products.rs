//! Window-averaged products of displacements, `1/(F-n) Σ_s Δ_n u(s) Δ_n v(s)` with `Δ_n u(s) = u(s+n) - u(s)`.
//!
//! With `u = v` one coordinate of one atom this is its mean squared displacement; with two coordinates the off-diagonal of
//! the tensor; with the summed positions of two species their collective cross term. The product splits into
//! `S1 - (C_uv + C_vu)`: `S1` by a running sum, the correlations by FFT in O(F log F) (V. Calandrini, E. Pellegrini,
//! P. Calligari, K. Hinsen, G. R. Kneller, Collection SFN 12, 201 (2011), eqs. 30-34, doi 10.1051/sfn/201112010). Cross
//! spectra are added over the members before the one inverse transform, so memory does not grow with their number.

use rayon::prelude::*;
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

use crate::error::{Error, Result};

/// Memory of the spectra that are in flight at once, bytes; at least [`FEWEST_IN_FLIGHT`] members are.
const IN_FLIGHT_BYTES: usize = 64 << 20;
const FEWEST_IN_FLIGHT: usize = 2;
const MOST_IN_FLIGHT: usize = 64;

/// A product to average: series `first` with series `second`, added to the curve `slot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// Index of the first series of a member.
    pub first: usize,
    /// Index of the second.
    pub second: usize,
    /// Curve that it is added to.
    pub slot: usize,
}

/// The six components of a symmetric tensor of x, y, z: xx, yy, zz, xy, xz, yz.
pub const TENSOR: [Product; 6] = [
    Product { first: 0, second: 0, slot: 0 },
    Product { first: 1, second: 1, slot: 1 },
    Product { first: 2, second: 2, slot: 2 },
    Product { first: 0, second: 1, slot: 3 },
    Product { first: 0, second: 2, slot: 4 },
    Product { first: 1, second: 2, slot: 5 },
];

/// Sums of products over members (atoms, species) that come one after the other.
///
/// Sums run in the order of the members: the same bits for any number of threads and any partition into calls.
pub struct Accumulator {
    n_frames: usize,
    n_series: usize,
    products: Vec<Product>,
    n_slots: usize,
    forward: Arc<dyn RealToComplex<f64>>,
    planner: RealFftPlanner<f64>,
    /// Per slot: summed cross spectra.
    power: Vec<Vec<f64>>,
    /// Per slot: summed products of each frame.
    same_time: Vec<Vec<f64>>,
    n_members: usize,
}

/// Centered series and spectra of one member.
struct Member {
    series: Vec<Vec<f64>>,
    spectra: Vec<Vec<Complex<f64>>>,
}

impl Accumulator {
    /// For members of `n_series` series of `n_frames` values.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for fewer than two frames, products of series that do not exist, or slots beyond the
    /// number of products.
    pub fn new(n_frames: usize, n_series: usize, products: &[Product]) -> Result<Self> {
        if n_frames < 2 {
            return Err(Error::InvalidParameter(format!(
                "a displacement needs at least 2 frames, got {n_frames}"
            )));
        }
        if products.iter().any(|p| p.first >= n_series || p.second >= n_series) || products.is_empty() {
            return Err(Error::InvalidParameter(format!(
                "products must name series 0..{n_series}, got {products:?}"
            )));
        }
        if let Some(product) = products.iter().find(|p| p.slot >= products.len()) {
            return Err(Error::InvalidParameter(format!(
                "{} products make at most as many curves, got the slot {}",
                products.len(),
                product.slot
            )));
        }
        let n_slots = products.iter().map(|p| p.slot + 1).max().unwrap_or(0);
        let length = padded_length(2 * n_frames);
        let mut planner = RealFftPlanner::<f64>::new();
        let forward = planner.plan_fft_forward(length);
        Ok(Self {
            n_frames,
            n_series,
            products: products.to_vec(),
            n_slots,
            forward,
            planner,
            power: vec![vec![0.0; length / 2 + 1]; n_slots],
            same_time: vec![vec![0.0; n_frames]; n_slots],
            n_members: 0,
        })
    }

    /// Number of curves.
    pub fn n_slots(&self) -> usize {
        self.n_slots
    }

    /// Add `count` members; `load(member, series)` fills the series of one, each of `n_frames` values.
    pub fn add(&mut self, count: usize, load: impl Fn(usize, &mut [Vec<f64>]) + Sync) {
        let bytes = self.n_series * self.n_frames * 32;
        let in_flight = (IN_FLIGHT_BYTES / bytes).clamp(FEWEST_IN_FLIGHT, MOST_IN_FLIGHT);
        for start in (0..count).step_by(in_flight) {
            let end = (start + in_flight).min(count);
            let members: Vec<Member> =
                (start..end).into_par_iter().map(|member| self.transform(member, &load)).collect();
            let products = &self.products;
            self.power.par_iter_mut().zip(&mut self.same_time).enumerate().for_each(
                |(slot, (power, same))| {
                    for member in &members {
                        for product in products.iter().filter(|product| product.slot == slot) {
                            let (u, v) = (&member.series[product.first], &member.series[product.second]);
                            same.iter_mut().zip(u.iter().zip(v)).for_each(|(sum, (a, b))| *sum += a * b);
                            let (u, v) = (&member.spectra[product.first], &member.spectra[product.second]);
                            power
                                .iter_mut()
                                .zip(u.iter().zip(v))
                                .for_each(|(sum, (a, b))| *sum += a.re * b.re + a.im * b.im);
                        }
                    }
                },
            );
        }
        self.n_members += count;
    }

    fn transform(&self, member: usize, load: &(impl Fn(usize, &mut [Vec<f64>]) + Sync)) -> Member {
        let mut series = vec![vec![0.0; self.n_frames]; self.n_series];
        load(member, &mut series);
        let mut input = self.forward.make_input_vec();
        let mut scratch = self.forward.make_scratch_vec();
        let spectra = series
            .iter_mut()
            .map(|values| {
                center(values);
                input[..self.n_frames].copy_from_slice(values);
                input[self.n_frames..].fill(0.0);
                let mut spectrum = self.forward.make_output_vec();
                self.forward
                    .process_with_scratch(&mut input, &mut spectrum, &mut scratch)
                    .expect("buffers have the planned lengths");
                spectrum
            })
            .collect();
        Member { series, spectra }
    }

    /// Number of members so far.
    pub fn n_members(&self) -> usize {
        self.n_members
    }

    /// Sum over the members, averaged over windows, shape `(n_slots, n_frames)`; entry `n` is a lag of `n` frames.
    pub fn finish(mut self) -> Vec<f64> {
        let length = padded_length(2 * self.n_frames);
        let backward = self.planner.plan_fft_inverse(length);
        let mut spectrum = backward.make_input_vec();
        let mut correlation = backward.make_output_vec();
        let mut result = Vec::with_capacity(self.n_slots * self.n_frames);
        for slot in 0..self.n_slots {
            for (z, p) in spectrum.iter_mut().zip(std::mem::take(&mut self.power[slot])) {
                *z = Complex::new(p, 0.0);
            }
            backward.process(&mut spectrum, &mut correlation).expect("a real spectrum is real at both ends");
            // A sum of squares cannot be negative; rounding of the two large terms can make it so.
            let squares =
                self.products.iter().filter(|product| product.slot == slot).all(|p| p.first == p.second);
            let lowest = if squares { 0.0 } else { f64::NEG_INFINITY };
            let same = std::mem::take(&mut self.same_time[slot]);
            finish(&same, &correlation, 1.0 / length as f64, lowest, &mut result);
        }
        result
    }
}

/// Centering keeps the cancellation in `S1 - 2 C` harmless for atoms that travelled far or started far from the origin.
fn center(values: &mut [f64]) {
    let first = values.first().copied().unwrap_or(0.0);
    let mean = values.iter().map(|x| x - first).sum::<f64>() / values.len() as f64;
    values.iter_mut().for_each(|x| *x = (*x - first) - mean);
}

/// `(S1(n) - 2 C(n)) / (F-n)` from the products of each frame and the symmetric correlation.
fn finish(same_time: &[f64], correlation: &[f64], scale: f64, lowest: f64, out: &mut Vec<f64>) {
    let n_frames = same_time.len();
    let mut both: f64 = 2.0 * same_time.iter().sum::<f64>();
    out.push(0.0);
    for lag in 1..n_frames {
        both -= same_time[lag - 1] + same_time[n_frames - lag];
        let windows = (n_frames - lag) as f64;
        out.push(((both - 2.0 * scale * correlation[lag]) / windows).max(lowest));
    }
}

/// Smallest length `2^a 3^b 5^c`, even, that holds `minimum` points; fast for the FFT.
pub(super) fn padded_length(minimum: usize) -> usize {
    (minimum..).find(|&n| n.is_multiple_of(2) && is_smooth(n)).unwrap_or(minimum)
}

fn is_smooth(mut n: usize) -> bool {
    for factor in [2, 3, 5] {
        while n.is_multiple_of(factor) {
            n /= factor;
        }
    }
    n == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    /// Random walks with drift and correlation between the series, far from the origin: `[member][series][frame]`.
    fn walks(n_members: usize, n_series: usize, n_frames: usize) -> Vec<Vec<Vec<f64>>> {
        let mut rng = rand_pcg::Pcg64::seed_from_u64(11);
        (0..n_members)
            .map(|member| {
                let mut state: Vec<f64> = (0..n_series).map(|k| 40.0 * (member + k) as f64).collect();
                let mut out = vec![Vec::new(); n_series];
                for _ in 0..n_frames {
                    let shared = rng.random::<f64>() - 0.5;
                    for (x, series) in state.iter_mut().zip(&mut out) {
                        *x += rng.random::<f64>() - 0.4 + shared;
                        series.push(*x);
                    }
                }
                out
            })
            .collect()
    }

    fn direct(u: &[f64], v: &[f64], lag: usize) -> f64 {
        let windows = u.len() - lag;
        (0..windows).map(|s| (u[s + lag] - u[s]) * (v[s + lag] - v[s])).sum::<f64>() / windows as f64
    }

    fn run(data: &[Vec<Vec<f64>>], products: &[Product], block: usize) -> Vec<f64> {
        let mut sums = Accumulator::new(data[0][0].len(), data[0].len(), products).unwrap();
        for part in data.chunks(block) {
            sums.add(part.len(), |k, series| {
                series.iter_mut().zip(&part[k]).for_each(|(to, from)| to.copy_from_slice(from));
            });
        }
        assert_eq!(sums.n_members(), data.len());
        sums.finish()
    }

    #[test]
    fn fft_equals_the_double_loop() {
        for n_frames in [2, 3, 17, 150] {
            let data = walks(5, 3, n_frames);
            let found = run(&data, &TENSOR, 5);
            for product in TENSOR {
                for lag in 0..n_frames {
                    let expected: f64 =
                        data.iter().map(|m| direct(&m[product.first], &m[product.second], lag)).sum();
                    let got = found[product.slot * n_frames + lag];
                    // 16 digits, amplified by (path length / displacement)² of the longest lag.
                    assert!((got - expected).abs() < 1e-9 * expected.abs().max(1.0), "{got} {expected}");
                }
            }
        }
    }

    #[test]
    fn products_of_one_slot_are_added() {
        let data = walks(3, 6, 40);
        let trace = [0, 1, 2].map(|k| Product { first: k, second: 3 + k, slot: 0 });
        let found = run(&data, &trace, 1);
        for lag in 1..40 {
            let expected: f64 = data.iter().flat_map(|m| (0..3).map(|k| direct(&m[k], &m[3 + k], lag))).sum();
            assert!((found[lag] - expected).abs() < 1e-9 * expected.abs().max(1.0));
        }
    }

    #[test]
    fn bits_do_not_depend_on_threads_or_blocks() {
        let data = walks(150, 3, 64);
        let with = |threads, block| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run(&data, &TENSOR, block))
        };
        let reference = with(1, 150);
        assert_eq!(reference, with(3, 150));
        assert_eq!(reference, with(2, 7));
    }

    #[test]
    fn bad_input_is_named() {
        let message = Accumulator::new(1, 3, &TENSOR).err().unwrap().to_string();
        assert!(message.contains("at least 2 frames, got 1"), "{message}");
        assert!(Accumulator::new(5, 2, &TENSOR).is_err());
        let far = [Product { first: 0, second: 0, slot: 1 << 40 }];
        let message = Accumulator::new(5, 2, &far).err().unwrap().to_string();
        assert!(message.contains("at most as many curves"), "{message}");
    }
}
