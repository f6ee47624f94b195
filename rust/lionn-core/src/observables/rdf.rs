//! Radial distribution function: counts of interatomic distances, all periodic images included.

use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::linalg::{Vec3, add, dot, sub};

/// Number of ordered pairs (first kind, second kind) per distance bin in one frame.
///
/// Bin `k` holds distances in `[k, k+1) · r_max / n_bins`. Every periodic image counts, so `r_max` may exceed half of the
/// cell. An atom never pairs with itself, but does with its own images.
///
/// # Errors
/// [`Error::InvalidParameter`] unless `r_max > 0` and `n_bins > 0`; [`Error::Structure`] for a position that is not finite.
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
    if let Some(i) = positions.iter().position(|x| x.iter().any(|v| !v.is_finite())) {
        return Err(Error::Structure(format!("position of atom {i} is not finite: {:?}", positions[i])));
    }
    if let Some(&i) = first.iter().chain(second).find(|&&i| i >= positions.len()) {
        return Err(Error::InvalidParameter(format!(
            "atom index {i} is out of range for {} atoms",
            positions.len()
        )));
    }
    let wrapped: Vec<Vec3> = positions.iter().map(|&x| wrap(cell, x)).collect();
    let shifts = image_shifts(cell, r_max);
    let limit = r_max * r_max;
    let per_width = n_bins as f64 / r_max;
    let mut counts = vec![0_u64; n_bins];
    for &i in first {
        for &j in second {
            let base = sub(wrapped[j], wrapped[i]);
            for (shift, vector) in &shifts {
                if i == j && *shift == [0; 3] {
                    continue;
                }
                let r = add(base, *vector);
                let r2 = dot(r, r);
                if r2 < limit {
                    counts[((r2.sqrt() * per_width) as usize).min(n_bins - 1)] += 1;
                }
            }
        }
    }
    Ok(counts)
}

/// Position moved into the cell along its periodic directions.
fn wrap(cell: &Cell, position: Vec3) -> Vec3 {
    let fractional = cell.fractional(position);
    let mut result = position;
    for axis in 0..3 {
        if cell.periodic()[axis] {
            let n = fractional[axis].floor();
            for k in 0..3 {
                result[k] -= n * cell.vectors()[axis][k];
            }
        }
    }
    result
}

/// All lattice shifts that can bring two wrapped atoms within `r_max`: fractional differences lie in (-1, 1).
fn image_shifts(cell: &Cell, r_max: f64) -> Vec<([i32; 3], Vec3)> {
    let heights = cell.heights();
    let reach = [0, 1, 2]
        .map(|axis| if cell.periodic()[axis] { (r_max / heights[axis]).floor() as i32 + 1 } else { 0 });
    let mut shifts = Vec::new();
    for a in -reach[0]..=reach[0] {
        for b in -reach[1]..=reach[1] {
            for c in -reach[2]..=reach[2] {
                shifts.push(([a, b, c], cell.shift_vector([a, b, c])));
            }
        }
    }
    shifts
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
}
