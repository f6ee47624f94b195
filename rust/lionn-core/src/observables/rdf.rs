//! Radial distribution function: counts of interatomic distances, all periodic images included.

use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::linalg::{Vec3, add, norm, sub};
use crate::neighbors::NeighborList;
use crate::system::System;

/// Number of ordered pairs (first kind, second kind) per distance bin in one frame.
///
/// Bin `k` holds distances in `[k, k+1) · r_max / n_bins`. Every periodic image counts, so `r_max` may exceed half of the
/// cell. An atom never pairs with itself, but does with its own images. The time grows linearly with the number of atoms.
///
/// # Errors
/// [`Error::InvalidParameter`] unless `r_max > 0` and `n_bins > 0`; [`Error::Structure`] for a position that is not
/// finite or two atoms at the same place.
pub fn pair_histogram(
    cell: &Cell,
    positions: &[Vec3],
    first: &[usize],
    second: &[usize],
    r_max: f64,
    n_bins: usize,
) -> Result<Vec<u64>> {
    if !(r_max.is_finite() && r_max > 0.0) || n_bins == 0 {
        return Err(Error::InvalidParameter(format!(
            "RDF needs r_max > 0 and at least one bin, got r_max {r_max} Å and {n_bins} bins"
        )));
    }
    if let Some(&i) = first.iter().chain(second).find(|&&i| i >= positions.len()) {
        return Err(Error::InvalidParameter(format!(
            "atom index {i} is out of range for {} atoms",
            positions.len()
        )));
    }
    // The elements do not matter here.
    let system = System::new(cell.clone(), vec![0; positions.len()], positions.to_vec())?;
    let list = NeighborList::build(&system, r_max)?;
    let mut times_second = vec![0_u64; positions.len()];
    for &j in second {
        times_second[j] += 1;
    }
    let per_width = n_bins as f64 / r_max;
    let mut counts = vec![0_u64; n_bins];
    for &i in first {
        for (j, shift) in list.of(i).images() {
            let times = times_second[j as usize];
            if times > 0 {
                let r = norm(add(sub(positions[j as usize], positions[i]), shift));
                counts[((r * per_width) as usize).min(n_bins - 1)] += times;
            }
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_cubic_shells() {
        let cell = Cell::new([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0]], [true; 3]).unwrap();
        // Shells of the simple cubic lattice: 6 at a, 12 at √2 a, 8 at √3 a, 6 at 2a.
        let counts = pair_histogram(&cell, &[[10.1, -7.2, 0.3]], &[0], &[0], 6.5, 65).unwrap();
        assert_eq!(counts[29] + counts[30], 6);
        assert_eq!(counts[42], 12);
        assert_eq!(counts[51] + counts[52], 8);
        assert_eq!(counts[59] + counts[60], 6);
        assert_eq!(counts.iter().sum::<u64>(), 32);
    }

    #[test]
    fn sheared_cell_of_the_same_lattice_gives_the_same_counts() {
        let straight = Cell::new([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0]], [true; 3]).unwrap();
        let sheared = Cell::new([[3.0, 0.0, 0.0], [6.0, 3.0, 0.0], [-3.0, 9.0, 3.0]], [true; 3]).unwrap();
        let atoms = [[0.1, 0.2, 0.3], [1.4, 1.6, 1.3]];
        let one = pair_histogram(&straight, &atoms, &[0], &[1], 7.7, 40).unwrap();
        let two = pair_histogram(&sheared, &atoms, &[0], &[1], 7.7, 40).unwrap();
        assert_eq!(one, two);
    }
    /// Against all pairs and images, counted one by one.
    #[test]
    fn counts_are_those_of_all_pairs() {
        let cell =
            Cell::new([[7.0, 0.3, 0.0], [-0.9, 5.0, 0.4], [0.2, 0.0, 6.1]], [true, false, true]).unwrap();
        let positions: Vec<Vec3> =
            (0..20).map(|k| [1, 2, 3].map(|a| 9.0 * (f64::from(k * a) * 0.618).fract() - 2.0)).collect();
        let (first, second): (Vec<usize>, Vec<usize>) = ((0..12).collect(), (5..20).collect());
        let counts = pair_histogram(&cell, &positions, &first, &second, 9.0, 30).unwrap();
        let system = System::new(cell, vec![0; 20], positions).unwrap();
        let mut expected = vec![0; 30];
        for (i, pair) in crate::neighbors::brute_force(&system, 9.0) {
            if first.contains(&i) && second.contains(&(pair.j as usize)) {
                expected[(norm(NeighborList::vector(&system, i, pair)) * 30.0 / 9.0) as usize] += 1;
            }
        }
        assert_eq!(counts, expected);
    }
}
