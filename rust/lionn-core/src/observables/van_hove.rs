//! Van Hove correlation functions as histograms of distances: where is an ion, and where are the others, a time later?
//!
//! Self part: displacements of one ion over a lag. Distinct part: distances between one ion at a time origin and the
//! others, their periodic images included, a lag later (L. Van Hove, Phys. Rev. 95, 249 (1954),
//! doi 10.1103/PhysRev.95.249). Counts are whole numbers, so sums do not depend on the number of threads.

use rayon::prelude::*;

use super::Frames;
use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::linalg::{norm, row_times, sub};

/// Number of displacements per distance bin, for each lag, over all time origins and the given atoms.
///
/// Shape `(lags, n_bins)`; bin `k` holds lengths in `[k, k+1) · r_max / n_bins`, longer displacements are left out.
///
/// # Errors
/// [`Error::InvalidParameter`] for an atom or a lag that does not exist, or unless `r_max > 0` and `n_bins > 0`.
pub fn self_histogram(
    frames: Frames<'_>,
    atoms: &[usize],
    lags: &[usize],
    r_max: f64,
    n_bins: usize,
) -> Result<Vec<u64>> {
    frames.check_atoms(atoms)?;
    frames.check_lags(lags)?;
    let per_width = bins_per_width(r_max, n_bins)?;
    let of_atom = |mut counts: Vec<u64>, &atom: &usize| {
        let track: Vec<_> = (0..frames.n_frames()).map(|frame| frames.vector(frame, atom)).collect();
        for (k, &lag) in lags.iter().enumerate() {
            let row = &mut counts[k * n_bins..(k + 1) * n_bins];
            for (start, end) in track.iter().zip(&track[lag..]) {
                let bin = (norm(sub(*end, *start)) * per_width) as usize;
                if bin < n_bins {
                    row[bin] += 1;
                }
            }
        }
        counts
    };
    let size = lags.len() * n_bins;
    Ok(atoms.par_iter().fold(|| vec![0; size], of_atom).reduce(|| vec![0; size], summed))
}

/// Number of ordered pairs per distance bin between `first` at each time origin and `second` a lag later.
///
/// Shape `(origins, n_bins)`. All periodic images count. An atom does not pair with itself, but does with its own images:
/// images are told from the atom by its unwrapped path. With a lag of 0 these are the counts of the radial distribution
/// function.
///
/// # Errors
/// [`Error::InvalidParameter`] for atoms or frames that do not exist, or unless `r_max > 0` and `n_bins > 0`;
/// [`Error::Structure`] for a cell that is not periodic in all directions.
#[allow(clippy::too_many_arguments)]
pub fn distinct_histogram(
    cell: &Cell,
    frames: Frames<'_>,
    first: &[usize],
    second: &[usize],
    origins: &[usize],
    lag: usize,
    r_max: f64,
    n_bins: usize,
) -> Result<Vec<u64>> {
    frames.check_atoms(first)?;
    frames.check_atoms(second)?;
    frames.check_lags(&origins.iter().map(|origin| origin + lag).collect::<Vec<_>>())?;
    let per_width = bins_per_width(r_max, n_bins)?;
    if cell.periodic() != [true; 3] {
        return Err(Error::Structure(
            "distances to periodic images need a cell periodic along a, b and c".to_owned(),
        ));
    }
    let reach = cell.heights().map(|height| r_max / height);
    let of_origin = |&origin: &usize| {
        let mut counts = vec![0_u64; n_bins];
        for &i in first {
            let center = frames.vector(origin, i);
            for &j in second {
                let steps = cell.fractional(sub(frames.vector(origin + lag, j), center));
                for_images(steps, reach, |image, shift| {
                    if i == j && shift == [0.0; 3] {
                        return;
                    }
                    let bin = (norm(row_times(image, cell.vectors())) * per_width) as usize;
                    if bin < n_bins {
                        counts[bin] += 1;
                    }
                });
            }
        }
        counts
    };
    Ok(origins.par_iter().map(of_origin).collect::<Vec<_>>().concat())
}

/// All images of a fractional difference within `reach` along each reciprocal direction, with their lattice shifts.
#[inline]
pub(super) fn for_images(steps: [f64; 3], reach: [f64; 3], mut visit: impl FnMut([f64; 3], [f64; 3])) {
    let range = |axis: usize| ((-reach[axis] - steps[axis]).ceil(), (reach[axis] - steps[axis]).floor());
    let (bounds_a, bounds_b, bounds_c) = (range(0), range(1), range(2));
    let mut a = bounds_a.0;
    while a <= bounds_a.1 {
        let mut b = bounds_b.0;
        while b <= bounds_b.1 {
            let mut c = bounds_c.0;
            while c <= bounds_c.1 {
                visit([steps[0] + a, steps[1] + b, steps[2] + c], [a, b, c]);
                c += 1.0;
            }
            b += 1.0;
        }
        a += 1.0;
    }
}

fn bins_per_width(r_max: f64, n_bins: usize) -> Result<f64> {
    if r_max.is_finite() && r_max > 0.0 && n_bins > 0 {
        return Ok(n_bins as f64 / r_max);
    }
    Err(Error::InvalidParameter(format!(
        "a histogram of distances needs r_max > 0 and at least one bin, got r_max {r_max} Å and {n_bins} bins"
    )))
}

fn summed(mut sum: Vec<u64>, other: Vec<u64>) -> Vec<u64> {
    sum.iter_mut().zip(&other).for_each(|(a, b)| *a += b);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Vec3;
    use crate::observables::rdf::pair_histogram;

    fn path(n_frames: usize, n_atoms: usize) -> Vec<f64> {
        let noise = |k: usize| 8.0 * ((k as f64 * 0.618_033_988).fract() - 0.5);
        (0..n_frames * n_atoms * 3).map(|k| noise(k * k + 7 * k + 1)).collect()
    }

    #[test]
    fn self_part_counts_every_displacement_once() {
        let data = path(12, 3);
        let frames = Frames::new(&data, 12, 3).unwrap();
        let counts = self_histogram(frames, &[0, 2], &[0, 1, 5], 40.0, 80).unwrap();
        let mut expected = vec![0; 3 * 80];
        for (k, lag) in [0, 1, 5].into_iter().enumerate() {
            for atom in [0, 2] {
                for start in 0..12 - lag {
                    let step = sub(frames.vector(start + lag, atom), frames.vector(start, atom));
                    expected[k * 80 + (norm(step) * 2.0) as usize] += 1;
                }
            }
        }
        assert_eq!(counts, expected);
        assert!(self_histogram(frames, &[3], &[1], 1.0, 1).unwrap_err().to_string().contains("out of range"));
        assert!(self_histogram(frames, &[0], &[1], 0.0, 1).unwrap_err().to_string().contains("r_max > 0"));
    }

    /// With a lag of 0 the counts are those of the neighbor list, in a skewed cell smaller than the range.
    #[test]
    fn distinct_part_without_a_lag_is_the_radial_distribution() {
        let cell = Cell::new([[5.0, 0.3, 0.0], [6.0, 6.0, 0.4], [-7.0, 0.0, 6.1]], [true; 3]).unwrap();
        let data = path(2, 9);
        let frames = Frames::new(&data, 2, 9).unwrap();
        let (first, second): (Vec<usize>, Vec<usize>) = ((0..6).collect(), (3..9).collect());
        let counts = distinct_histogram(&cell, frames, &first, &second, &[0, 1], 0, 9.0, 45).unwrap();
        for frame in 0..2 {
            let positions: Vec<Vec3> = (0..9).map(|atom| frames.vector(frame, atom)).collect();
            let expected = pair_histogram(&cell, &positions, &first, &second, 9.0, 45).unwrap();
            assert_eq!(counts[frame * 45..(frame + 1) * 45], expected);
        }
    }

    /// Against all images in a large box of shifts, counted one by one.
    #[test]
    fn distinct_part_with_a_lag_is_that_of_all_images() {
        let cell = Cell::new([[5.0, 0.3, 0.0], [1.0, 6.0, 0.4], [-2.0, 0.0, 6.1]], [true; 3]).unwrap();
        let data: Vec<f64> = path(4, 5).iter().map(|x| 3.0 * x).collect();
        let frames = Frames::new(&data, 4, 5).unwrap();
        let counts = distinct_histogram(&cell, frames, &[0, 1], &[1, 2, 3], &[0, 1], 2, 7.0, 20).unwrap();
        let mut expected = vec![0; 40];
        for origin in 0..2 {
            for (i, j) in [0, 1].into_iter().flat_map(|i| [1, 2, 3].map(|j| (i, j))) {
                let step = sub(frames.vector(origin + 2, j), frames.vector(origin, i));
                for shift in (0..21_i32.pow(3)).map(|k| [k / 441 - 10, k / 21 % 21 - 10, k % 21 - 10]) {
                    let r = norm(crate::linalg::add(step, cell.shift_vector(shift)));
                    if r < 7.0 && !(i == j && shift == [0; 3]) {
                        expected[origin * 20 + (r * 20.0 / 7.0) as usize] += 1;
                    }
                }
            }
        }
        assert_eq!(counts, expected);
        let error = distinct_histogram(&cell, frames, &[0], &[1], &[3], 1, 7.0, 20).unwrap_err().to_string();
        assert!(error.contains("does not fit"), "{error}");
    }
}
