//! Window-averaged mean squared displacement (MSD).
//!
//! `MSD_α(n) = 1/(F-n) Σ_s ⟨(x_α(s+n) - x_α(s))²⟩`, averaged over all overlapping time origins `s` and the atoms of
//! a group. The fast path splits the square into `S1 - 2 S2`: `S1` by a running sum, the autocorrelation `S2` by FFT
//! (V. Calandrini, E. Pellegrini, P. Calligari, K. Hinsen, G. R. Kneller, Collection SFN 12, 201 (2011), eqs. 30-34,
//! doi 10.1051/sfn/201112010). The power spectra of a group are added before the one inverse transform.

use rayon::prelude::*;
use realfft::RealFftPlanner;

use super::Frames;
use crate::error::{Error, Result};

/// Atoms handled by one task; a constant, so that the order of summation does not depend on the thread count.
const ATOMS_PER_TASK: usize = 8;

/// Sums over the atoms of one task: per group and axis the power spectrum and the summed squares of each frame.
struct Partial {
    power: Vec<f64>,
    squares: Vec<f64>,
}

/// Window-averaged MSD of groups of atoms, per axis and for every lag, Å².
///
/// `groups[i]` is the group of atom `i`; atoms with a label of `n_groups` or more are left out. The result has shape
/// `(n_groups, 3, n_frames)`; entry `n` belongs to a lag of `n` frames. Same bits for any number of threads.
///
/// # Errors
/// [`Error::Shape`] for a wrong number of labels, [`Error::InvalidParameter`] for an empty group or trajectory.
pub fn msd(frames: Frames<'_>, groups: &[usize], n_groups: usize) -> Result<Vec<f64>> {
    if groups.len() != frames.n_atoms() {
        return Err(Error::shape(
            "groups",
            format!("({},)", frames.n_atoms()),
            format!("({},)", groups.len()),
        ));
    }
    if frames.n_frames() < 2 {
        return Err(Error::InvalidParameter(format!(
            "a displacement needs at least 2 frames, got {}",
            frames.n_frames()
        )));
    }
    let mut counts = vec![0_usize; n_groups];
    let mut atoms = Vec::new();
    for (atom, &group) in groups.iter().enumerate().filter(|&(_, &group)| group < n_groups) {
        counts[group] += 1;
        atoms.push(atom);
    }
    if let Some(group) = counts.iter().position(|&count| count == 0) {
        return Err(Error::InvalidParameter(format!("group {group} has no atoms")));
    }
    let n_frames = frames.n_frames();
    let length = padded_length(2 * n_frames);
    let mut planner = RealFftPlanner::<f64>::new();
    let forward = planner.plan_fft_forward(length);
    let n_bins = length / 2 + 1;

    let accumulate = |chunk: &[usize]| {
        let mut partial =
            Partial { power: vec![0.0; n_groups * 3 * n_bins], squares: vec![0.0; n_groups * 3 * n_frames] };
        let mut input = forward.make_input_vec();
        let mut spectrum = forward.make_output_vec();
        let mut scratch = forward.make_scratch_vec();
        for &atom in chunk {
            for axis in 0..3 {
                let slot = groups[atom] * 3 + axis;
                input.fill(0.0);
                frames.centered(atom, axis, &mut input);
                let squares = &mut partial.squares[slot * n_frames..(slot + 1) * n_frames];
                squares.iter_mut().zip(&input).for_each(|(sum, x)| *sum += x * x);
                forward
                    .process_with_scratch(&mut input, &mut spectrum, &mut scratch)
                    .expect("buffers have the planned lengths");
                let power = &mut partial.power[slot * n_bins..(slot + 1) * n_bins];
                power.iter_mut().zip(&spectrum).for_each(|(sum, z)| *sum += z.norm_sqr());
            }
        }
        partial
    };
    // Batches bound the memory of the partial sums; they are added in the order of the atoms.
    let mut power = vec![0.0; n_groups * 3 * n_bins];
    let mut squares = vec![0.0; n_groups * 3 * n_frames];
    for batch in atoms.chunks(ATOMS_PER_TASK * 16) {
        let partials: Vec<Partial> = batch.par_chunks(ATOMS_PER_TASK).map(accumulate).collect();
        for partial in &partials {
            power.iter_mut().zip(&partial.power).for_each(|(sum, x)| *sum += x);
            squares.iter_mut().zip(&partial.squares).for_each(|(sum, x)| *sum += x);
        }
    }

    let backward = planner.plan_fft_inverse(length);
    let mut spectrum = backward.make_input_vec();
    let mut correlation = backward.make_output_vec();
    let mut result = vec![0.0; n_groups * 3 * n_frames];
    for slot in 0..n_groups * 3 {
        for (z, p) in spectrum.iter_mut().zip(&power[slot * n_bins..(slot + 1) * n_bins]) {
            *z = realfft::num_complex::Complex::new(*p, 0.0);
        }
        backward.process(&mut spectrum, &mut correlation).expect("a power spectrum is real at both ends");
        let range = slot * n_frames..(slot + 1) * n_frames;
        let scale = 1.0 / length as f64;
        let count = counts[slot / 3] as f64;
        finish(&squares[range.clone()], &correlation, scale, count, &mut result[range]);
    }
    Ok(result)
}

/// `MSD(n) = (S1(n) - 2 S2(n)) / (count (F-n))` from the frame-wise squares and the raw autocorrelation.
fn finish(squares: &[f64], correlation: &[f64], scale: f64, count: f64, out: &mut [f64]) {
    let n_frames = squares.len();
    let mut both: f64 = 2.0 * squares.iter().sum::<f64>();
    for lag in 1..n_frames {
        both -= squares[lag - 1] + squares[n_frames - lag];
        let windows = (n_frames - lag) as f64;
        out[lag] = ((both - 2.0 * scale * correlation[lag]) / (count * windows)).max(0.0);
    }
    out[0] = 0.0;
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

/// Window-averaged MSD of single atoms at chosen lags, per axis, Å². Shape `(atoms, lags, 3)`.
///
/// # Errors
/// [`Error::InvalidParameter`] for an atom or a lag that does not exist.
pub fn msd_per_atom(frames: Frames<'_>, atoms: &[usize], lags: &[usize]) -> Result<Vec<f64>> {
    frames.check_atoms(atoms)?;
    frames.check_lags(lags)?;
    let rows: Vec<Vec<f64>> = atoms
        .par_iter()
        .map(|&atom| {
            let track = track(frames, atom);
            let mut row = Vec::with_capacity(lags.len() * 3);
            for &lag in lags {
                let windows = frames.n_frames() - lag;
                let mut sums = [0.0; 3];
                for (a, b) in track[..windows].iter().zip(&track[lag..]) {
                    for axis in 0..3 {
                        sums[axis] += (b[axis] - a[axis]).powi(2);
                    }
                }
                row.extend(sums.map(|sum| sum / windows as f64));
            }
            row
        })
        .collect();
    Ok(rows.concat())
}

/// Second and fourth moments of the displacement at chosen lags, averaged over windows and the given atoms.
///
/// Shape `(lags, 8)`: `⟨Δx²⟩ ⟨Δy²⟩ ⟨Δz²⟩ ⟨Δx⁴⟩ ⟨Δy⁴⟩ ⟨Δz⁴⟩ ⟨r²⟩ ⟨r⁴⟩`, Å² and Å⁴. The fourth cumulants tell hops from
/// Gaussian motion.
///
/// # Errors
/// [`Error::InvalidParameter`] for an atom or a lag that does not exist, or for no atoms.
pub fn displacement_moments(frames: Frames<'_>, atoms: &[usize], lags: &[usize]) -> Result<Vec<f64>> {
    frames.check_atoms(atoms)?;
    frames.check_lags(lags)?;
    if atoms.is_empty() {
        return Err(Error::InvalidParameter("moments of the displacement need at least one atom".to_owned()));
    }
    let rows: Vec<Vec<[f64; 8]>> = atoms
        .par_iter()
        .map(|&atom| {
            let track = track(frames, atom);
            lags.iter().map(|&lag| atom_moments(&track, lag)).collect()
        })
        .collect();
    let mut result = vec![0.0; lags.len() * 8];
    for row in &rows {
        for (k, moments) in row.iter().enumerate() {
            for (sum, x) in result[k * 8..(k + 1) * 8].iter_mut().zip(moments) {
                *sum += x / atoms.len() as f64;
            }
        }
    }
    Ok(result)
}

fn atom_moments(track: &[[f64; 3]], lag: usize) -> [f64; 8] {
    let windows = track.len() - lag;
    let mut sums = [0.0; 8];
    for (a, b) in track[..windows].iter().zip(&track[lag..]) {
        let mut r2 = 0.0;
        for axis in 0..3 {
            let square = (b[axis] - a[axis]).powi(2);
            sums[axis] += square;
            sums[3 + axis] += square * square;
            r2 += square;
        }
        sums[6] += r2;
        sums[7] += r2 * r2;
    }
    sums.map(|sum| sum / windows as f64)
}

fn track(frames: Frames<'_>, atom: usize) -> Vec<[f64; 3]> {
    (0..frames.n_frames()).map(|frame| [0, 1, 2].map(|axis| frames.at(frame, atom, axis))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    /// Random walk with drift, far from the origin.
    fn walk(n_frames: usize, n_atoms: usize, seed: u64) -> Vec<f64> {
        let mut rng = rand_pcg::Pcg64::seed_from_u64(seed);
        let mut state: Vec<f64> = (0..n_atoms * 3).map(|k| 50.0 * k as f64).collect();
        let mut positions = Vec::new();
        for _ in 0..n_frames {
            state.iter_mut().for_each(|x| *x += rng.random::<f64>() - 0.4);
            positions.extend_from_slice(&state);
        }
        positions
    }

    /// The definition, window by window.
    fn direct(frames: Frames<'_>, members: &[usize], axis: usize, lag: usize) -> f64 {
        let windows = frames.n_frames() - lag;
        let mut sum = 0.0;
        for &atom in members {
            for s in 0..windows {
                sum += (frames.at(s + lag, atom, axis) - frames.at(s, atom, axis)).powi(2);
            }
        }
        sum / (windows * members.len()) as f64
    }

    #[test]
    fn fft_equals_the_definition() {
        for n_frames in [2, 3, 17, 200] {
            let positions = walk(n_frames, 5, 1);
            let frames = Frames::new(&positions, n_frames, 5).unwrap();
            let result = msd(frames, &[0, 1, 0, 9, 1], 2).unwrap();
            for (group, members) in [[0, 2], [1, 4]].iter().enumerate() {
                for axis in 0..3 {
                    for lag in 0..n_frames {
                        let expected = direct(frames, members, axis, lag);
                        let got = result[(group * 3 + axis) * n_frames + lag];
                        // 16 digits, amplified by (path length / displacement)² of the longest lag.
                        assert!((got - expected).abs() < 1e-9 * expected.max(1.0), "{got} {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn ballistic_motion_is_exact_after_a_long_path() {
        let n_frames = 5000;
        let positions: Vec<f64> =
            (0..n_frames).flat_map(|s| [1e3 + 0.1 * s as f64, -0.2 * s as f64, 7.0]).collect();
        let frames = Frames::new(&positions, n_frames, 1).unwrap();
        let result = msd(frames, &[0], 1).unwrap();
        for lag in [1, 10, 2500, 4999] {
            let expected = (0.1 * lag as f64).powi(2);
            assert!((result[lag] - expected).abs() < 1e-8 * expected + 1e-7, "{lag}: {}", result[lag]);
            assert!(result[2 * n_frames + lag].abs() < 1e-9);
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_thread_count() {
        let (n_frames, n_atoms) = (64, 150);
        let positions = walk(n_frames, n_atoms, 3);
        let groups: Vec<usize> = (0..n_atoms).map(|i| i % 3).collect();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| msd(Frames::new(&positions, n_frames, n_atoms).unwrap(), &groups, 3).unwrap())
        };
        assert_eq!(run(1), run(3));
    }

    #[test]
    fn per_atom_and_moments_agree_with_the_group_msd() {
        let positions = walk(40, 4, 5);
        let frames = Frames::new(&positions, 40, 4).unwrap();
        let all = msd(frames, &[0; 4], 1).unwrap();
        let lags = [0, 3, 11];
        let single = msd_per_atom(frames, &[0, 1, 2, 3], &lags).unwrap();
        let moments = displacement_moments(frames, &[0, 1, 2, 3], &lags).unwrap();
        for (k, &lag) in lags.iter().enumerate() {
            for axis in 0..3 {
                let mean: f64 = (0..4).map(|atom| single[(atom * 3 + k) * 3 + axis]).sum::<f64>() / 4.0;
                assert!((mean - all[axis * 40 + lag]).abs() < 1e-9 * mean.max(1.0));
                assert!((moments[k * 8 + axis] - mean).abs() < 1e-9 * mean.max(1.0));
            }
        }
    }

    #[test]
    fn bad_input_is_named() {
        let positions = walk(4, 2, 7);
        let frames = Frames::new(&positions, 4, 2).unwrap();
        assert!(msd(frames, &[0], 1).unwrap_err().to_string().contains("groups must have shape (2,)"));
        assert!(msd(frames, &[0, 0], 2).unwrap_err().to_string().contains("group 1 has no atoms"));
        assert!(msd_per_atom(frames, &[2], &[1]).unwrap_err().to_string().contains("atom index 2"));
        assert!(msd_per_atom(frames, &[0], &[4]).unwrap_err().to_string().contains("lag of 4 frames"));
        let mut broken = positions.clone();
        broken[9] = f64::NAN;
        let message = Frames::new(&broken, 4, 2).unwrap_err().to_string();
        assert!(message.contains("atom 1 in frame 1"), "{message}");
    }
}
