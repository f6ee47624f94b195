//! Window-averaged autocorrelation of vectors, by FFT: velocity autocorrelation function (VACF).
//!
//! `C_α(n) = 1/(F-n) Σ_s ⟨v_α(s) v_α(s+n)⟩`: zero-padded to twice the length, so that the ends do not meet
//! (Wiener-Khinchin theorem). The power spectra of a group are added before the one inverse transform.

use rayon::prelude::*;
use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

use super::Frames;
use super::displacement_products::padded_length;
use crate::error::{Error, Result};

/// Atoms handled by one task; a constant, so that the order of summation does not depend on the thread count.
const ATOMS_PER_TASK: usize = 8;

/// Window-averaged autocorrelation of groups of atoms, per axis and for every lag. No mean is subtracted.
///
/// `groups[i]` is the group of atom `i`; atoms with a label of `n_groups` or more are left out. The result has shape
/// `(n_groups, 3, n_frames)`; entry `n` belongs to a lag of `n` frames. Same bits for any number of threads.
///
/// # Errors
/// [`Error::Shape`] for a wrong number of labels, [`Error::InvalidParameter`] for an empty group or trajectory.
pub fn autocorrelation(velocities: Frames<'_>, groups: &[usize], n_groups: usize) -> Result<Vec<f64>> {
    let (n_frames, n_atoms) = (velocities.n_frames(), velocities.n_atoms());
    if groups.len() != n_atoms {
        return Err(Error::shape("groups", format!("({n_atoms},)"), format!("({},)", groups.len())));
    }
    if n_frames == 0 {
        return Err(Error::InvalidParameter("a correlation function needs at least one frame".to_owned()));
    }
    let mut counts = vec![0_usize; n_groups];
    let atoms: Vec<usize> = (0..n_atoms).filter(|&atom| groups[atom] < n_groups).collect();
    atoms.iter().for_each(|&atom| counts[groups[atom]] += 1);
    if let Some(group) = counts.iter().position(|&count| count == 0) {
        return Err(Error::InvalidParameter(format!("group {group} has no atoms")));
    }
    let length = padded_length(2 * n_frames);
    let n_bins = length / 2 + 1;
    let mut planner = RealFftPlanner::<f64>::new();
    let forward = planner.plan_fft_forward(length);
    let accumulate = |chunk: &[usize]| {
        let mut power = vec![0.0; n_groups * 3 * n_bins];
        let mut input = forward.make_input_vec();
        let mut spectrum = forward.make_output_vec();
        let mut scratch = forward.make_scratch_vec();
        for (&atom, axis) in chunk.iter().flat_map(|atom| [0, 1, 2].map(|axis| (atom, axis))) {
            input.fill(0.0);
            input.iter_mut().take(n_frames).enumerate().for_each(|(f, x)| *x = velocities.at(f, atom, axis));
            forward
                .process_with_scratch(&mut input, &mut spectrum, &mut scratch)
                .expect("buffers have the planned lengths");
            let slot = (groups[atom] * 3 + axis) * n_bins;
            power[slot..slot + n_bins].iter_mut().zip(&spectrum).for_each(|(sum, z)| *sum += z.norm_sqr());
        }
        power
    };
    // Batches bound the memory of the partial sums; they are added in the order of the atoms.
    let mut power = vec![0.0; n_groups * 3 * n_bins];
    for batch in atoms.chunks(ATOMS_PER_TASK * 16) {
        let partials: Vec<Vec<f64>> = batch.par_chunks(ATOMS_PER_TASK).map(accumulate).collect();
        for partial in &partials {
            power.iter_mut().zip(partial).for_each(|(sum, x)| *sum += x);
        }
    }
    let backward = planner.plan_fft_inverse(length);
    let mut spectrum = backward.make_input_vec();
    let mut correlation = backward.make_output_vec();
    let mut result = Vec::with_capacity(n_groups * 3 * n_frames);
    for slot in 0..n_groups * 3 {
        let row = &power[slot * n_bins..(slot + 1) * n_bins];
        spectrum.iter_mut().zip(row).for_each(|(z, p)| *z = Complex::new(*p, 0.0));
        backward.process(&mut spectrum, &mut correlation).expect("a power spectrum is real at both ends");
        let scale = 1.0 / (length as f64 * counts[slot / 3] as f64);
        result.extend((0..n_frames).map(|lag| scale * correlation[lag] / (n_frames - lag) as f64));
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize) -> Vec<f64> {
        (0..n).map(|k| 3.0 + ((k * k + 11 * k) as f64 * 0.618_033_988).fract()).collect()
    }

    #[test]
    fn transform_equals_the_definition() {
        let (n_frames, n_atoms) = (37, 4);
        let data = noise(n_frames * n_atoms * 3);
        let frames = Frames::new(&data, n_frames, n_atoms).unwrap();
        let groups = [1, 0, 1, 7];
        let found = autocorrelation(frames, &groups, 2).unwrap();
        for (group, members) in [vec![1], vec![0, 2]].into_iter().enumerate() {
            for (axis, lag) in (0..3).flat_map(|axis| (0..n_frames).map(move |lag| (axis, lag))) {
                let mut sum = 0.0;
                for (start, &atom) in (0..n_frames - lag).flat_map(|s| members.iter().map(move |a| (s, a))) {
                    sum += frames.at(start, atom, axis) * frames.at(start + lag, atom, axis);
                }
                let expected = sum / (members.len() * (n_frames - lag)) as f64;
                let value = found[(group * 3 + axis) * n_frames + lag];
                assert!((value - expected).abs() < 1e-12 * expected.abs(), "{value} {expected}");
            }
        }
        assert!(autocorrelation(frames, &[0; 4], 2).unwrap_err().to_string().contains("group 1"));
        assert!(autocorrelation(frames, &[0; 3], 1).unwrap_err().to_string().contains("(4,)"));
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let data = noise(50 * 300 * 3);
        let frames = Frames::new(&data, 50, 300).unwrap();
        let run = |n: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            pool.install(|| autocorrelation(frames, &[0; 300], 1).unwrap())
        };
        assert_eq!(run(1), run(3));
    }
}
