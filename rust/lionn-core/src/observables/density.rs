//! Density of ions on a grid that fills the periodic cell, and the basins of its peaks.
//!
//! Grid point `(i, j, k)` lies at the fractional coordinates `(i/n_a, j/n_b, k/n_c)`, as in CHGCAR and cube files; arrays
//! are in C order, the last axis runs fastest.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::Frames;
use crate::cell::Cell;
use crate::error::{Error, Result};

/// Frames handled by one task, at least.
const FRAMES_PER_TASK: usize = 512;

/// How often the given atoms are nearest (in fractional coordinates) to each grid point, over all frames.
///
/// The counts add up to `n_frames · atoms`. Whole numbers: the same for any number of threads.
///
/// # Errors
/// [`Error::InvalidParameter`] for an atom that does not exist or a grid without points; [`Error::Structure`] for a cell
/// that is not periodic in all directions.
pub fn grid_counts(cell: &Cell, frames: Frames<'_>, atoms: &[usize], shape: [usize; 3]) -> Result<Vec<u64>> {
    frames.check_atoms(atoms)?;
    let size = checked_size(shape)?;
    if cell.periodic() != [true; 3] {
        return Err(Error::Structure("a density grid needs a cell periodic along a, b and c".to_owned()));
    }
    // One grid for all threads: a large one is as big as a trajectory. Whole numbers add up to the same in any order.
    let counts: Vec<AtomicU64> = (0..size).map(|_| AtomicU64::new(0)).collect();
    (0..frames.n_frames()).into_par_iter().with_min_len(FRAMES_PER_TASK).for_each(|frame| {
        for &atom in atoms {
            let place = cell.fractional(frames.vector(frame, atom));
            let point = [0, 1, 2].map(|axis| nearest(place[axis], shape[axis]));
            counts[index(point, shape)].fetch_add(1, Ordering::Relaxed);
        }
    });
    Ok(counts.into_iter().map(AtomicU64::into_inner).collect())
}

/// Grid point nearest to a fractional coordinate, of `n` points per period.
#[inline]
fn nearest(fraction: f64, n: usize) -> usize {
    let inside = fraction - fraction.floor();
    ((inside * n as f64).round() as usize) % n
}

#[inline]
fn index(point: [usize; 3], shape: [usize; 3]) -> usize {
    (point[0] * shape[1] + point[1]) * shape[2] + point[2]
}

fn checked_size(shape: [usize; 3]) -> Result<usize> {
    let size = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n)).unwrap_or(0);
    if size == 0 {
        return Err(Error::InvalidParameter(format!(
            "a density grid needs points along each axis, got {shape:?}"
        )));
    }
    Ok(size)
}

/// Basins of the peaks of a periodic density: a label per grid point, -1 below `threshold`.
///
/// Points are taken from dense to dilute; each joins the basin of its densest labeled neighbor (of 26), or founds one.
/// Where two basins meet, the one with the lower peak is absorbed if the density of its peak is less than `separation`
/// times that of the saddle: with free energies `-k_B T ln ρ` the barrier that makes two sites is `k_B T ln separation`.
/// Labels count from 0 in the order of falling peak density.
///
/// # Errors
/// [`Error::Shape`] for a wrong number of values, [`Error::InvalidParameter`] for values that are not finite, a threshold
/// that is not positive or a separation below 1.
pub fn basins(values: &[f64], shape: [usize; 3], threshold: f64, separation: f64) -> Result<Vec<i64>> {
    let size = checked_size(shape)?;
    if values.len() != size {
        return Err(Error::shape("density", format!("{shape:?}"), format!("{} numbers", values.len())));
    }
    let in_range = threshold > 0.0 && separation >= 1.0;
    if !in_range || values.iter().any(|x| !x.is_finite()) {
        return Err(Error::InvalidParameter(format!(
            "basins need a finite density, a threshold > 0 and a separation >= 1, got threshold {threshold} and \
             separation {separation}"
        )));
    }
    let mut order: Vec<usize> = (0..size).filter(|&point| values[point] >= threshold).collect();
    // Equal densities in the order of the grid: the result is unique.
    order.sort_by(|&p, &q| values[q].total_cmp(&values[p]).then(p.cmp(&q)));
    let mut label = vec![usize::MAX; size];
    let mut peaks: Vec<f64> = Vec::new();
    let mut parent: Vec<usize> = Vec::new();
    for &point in &order {
        // A founder of smaller index has the higher peak: it comes first in the order of densities.
        let mut touched: Vec<usize> = neighbors(point, shape)
            .filter(|&q| label[q] != usize::MAX)
            .map(|q| root(&mut parent, label[q]))
            .collect();
        if touched.is_empty() {
            label[point] = peaks.len();
            parent.push(peaks.len());
            peaks.push(values[point]);
            continue;
        }
        let densest = neighbors(point, shape)
            .filter(|&q| label[q] != usize::MAX)
            .max_by(|&p, &q| values[p].total_cmp(&values[q]).then(q.cmp(&p)));
        label[point] = densest.map_or(0, |q| label[q]);
        touched.sort_unstable();
        touched.dedup();
        for &basin in &touched[1..] {
            if peaks[basin] < separation * values[point] {
                parent[basin] = touched[0];
            }
        }
    }
    let mut number = vec![-1_i64; peaks.len()];
    let mut count = 0;
    for basin in 0..peaks.len() {
        if parent[basin] == basin {
            number[basin] = count;
            count += 1;
        }
    }
    Ok((0..size)
        .map(|point| if label[point] == usize::MAX { -1 } else { number[root(&mut parent, label[point])] })
        .collect())
}

fn root(parent: &mut [usize], mut basin: usize) -> usize {
    while parent[basin] != basin {
        parent[basin] = parent[parent[basin]];
        basin = parent[basin];
    }
    basin
}

/// The 26 neighbors of a point on the periodic grid (fewer distinct ones on a grid of one or two points).
fn neighbors(point: usize, shape: [usize; 3]) -> impl Iterator<Item = usize> {
    let place = [point / (shape[1] * shape[2]), point / shape[2] % shape[1], point % shape[2]];
    (0..27_usize).filter(|&k| k != 13).filter_map(move |k| {
        let step = [k / 9, k / 3 % 3, k % 3];
        let next = [0, 1, 2].map(|axis| (place[axis] + shape[axis] + step[axis] - 1) % shape[axis]);
        let found = index(next, shape);
        (found != point).then_some(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_definition_in_a_skewed_cell() {
        let cell = Cell::new([[5.0, 0.3, 0.0], [3.0, 6.0, 0.4], [-2.0, 0.0, 6.1]], [true; 3]).unwrap();
        let data: Vec<f64> =
            (0..1100 * 2 * 3).map(|k| 40.0 * (f64::from(k * k % 7919) / 7919.0 - 0.5)).collect();
        let frames = Frames::new(&data, 1100, 2).unwrap();
        let shape = [4, 5, 3];
        let counts = grid_counts(&cell, frames, &[1], shape).unwrap();
        let mut expected = vec![0; 60];
        for frame in 0..1100 {
            let f = cell.fractional(frames.vector(frame, 1));
            let wrap = |x: f64, n: i64| (x * n as f64).round().rem_euclid(n as f64) as usize;
            expected[(wrap(f[0], 4) * 5 + wrap(f[1], 5)) * 3 + wrap(f[2], 3)] += 1;
        }
        assert_eq!(counts, expected);
        assert_eq!(counts.iter().sum::<u64>(), 1100);
        assert!(grid_counts(&cell, frames, &[1], [4, 0, 3]).unwrap_err().to_string().contains("[4, 0, 3]"));
    }

    #[test]
    fn any_number_of_threads_gives_the_same_counts() {
        let cell = Cell::new([[5.0, 0.0, 0.0], [0.0, 6.0, 0.0], [0.0, 0.0, 6.1]], [true; 3]).unwrap();
        let data: Vec<f64> = (0..3000 * 3).map(|k| 40.0 * (f64::from(k * k % 7919) / 7919.0 - 0.5)).collect();
        let frames = Frames::new(&data, 3000, 1).unwrap();
        let run = |n: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            pool.install(|| grid_counts(&cell, frames, &[0], [7, 7, 7]).unwrap())
        };
        assert_eq!(run(1), run(3));
    }

    /// Along one axis: peaks of 10 and 8 with a saddle of 5, and a shoulder of 6 on a saddle of 5.5.
    #[test]
    fn peaks_are_told_apart_by_the_barrier_between_them() {
        let profile = [10.0, 7.0, 5.0, 8.0, 5.5, 6.0, 1.0, 0.1, 0.05, 0.2];
        let labels = basins(&profile, [1, 1, 10], 0.15, 1.5).unwrap();
        assert_eq!(labels, [0, 0, 1, 1, 1, 1, 1, -1, -1, 0]);
        // A barrier of ln 1.05 tells the shoulder apart, one of ln 2 merges the two peaks.
        assert_eq!(basins(&profile, [1, 1, 10], 0.15, 1.05).unwrap()[5], 2);
        assert!(basins(&profile, [1, 1, 10], 0.15, 2.0).unwrap().iter().all(|&k| k < 1));
        assert!(basins(&profile, [1, 1, 10], 0.0, 2.0).unwrap_err().to_string().contains("threshold 0"));
    }
}
