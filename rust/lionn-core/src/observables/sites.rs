//! Which site does an ion sit in?

use rayon::prelude::*;

use super::Frames;
use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::linalg::{Vec3, dot, row_times};

/// Sites of ions over time; arrays of shape `(n_frames, atoms)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupation {
    /// Index of the site, -1 between the sites.
    pub site: Vec<i32>,
    /// Lattice shift of the image of the site, in multiples of `a`, `b`, `c`; zero between the sites.
    pub shift: Vec<[i32; 3]>,
}

/// The nearest site of each given atom in each frame, if it is closer than `radius`.
///
/// `sites` are fractional coordinates. The image of the site follows the unwrapped path of the ion, so that a jump through a
/// face of the cell, or to an image of the same site, is told from staying.
///
/// # Errors
/// [`Error::InvalidParameter`] for an atom that does not exist, a radius that is not positive, or one that exceeds half of
/// the distance between opposite faces of the cell: the image would not be unique.
pub fn assign_sites(
    cell: &Cell,
    frames: Frames<'_>,
    atoms: &[usize],
    sites: &[Vec3],
    radius: f64,
) -> Result<Occupation> {
    frames.check_atoms(atoms)?;
    let limit = 0.5 * cell.heights().into_iter().fold(f64::INFINITY, f64::min);
    if !(radius > 0.0 && radius < limit) {
        return Err(Error::InvalidParameter(format!(
            "site radius must lie between 0 and half of the smallest distance between opposite cell faces \
             ({limit:.2} Å), got {radius} Å"
        )));
    }
    let nearest = |place: Vec3| {
        let mut best = (radius * radius, -1, [0; 3]);
        for (k, site) in sites.iter().enumerate() {
            let step = [place[0] - site[0], place[1] - site[1], place[2] - site[2]];
            // An image within the radius has components below 1/2: rounding finds it, in a skewed cell as well.
            let shift = step.map(f64::round);
            let rest =
                row_times([step[0] - shift[0], step[1] - shift[1], step[2] - shift[2]], cell.vectors());
            let square = dot(rest, rest);
            if square < best.0 {
                best = (square, k as i32, shift.map(|x| x as i32));
            }
        }
        (best.1, best.2)
    };
    let of_frame = |frame: usize| {
        let row = atoms.iter().map(move |&atom| nearest(cell.fractional(frames.vector(frame, atom))));
        row.collect::<Vec<_>>()
    };
    let rows: Vec<Vec<(i32, [i32; 3])>> = (0..frames.n_frames()).into_par_iter().map(of_frame).collect();
    let (site, shift) = rows.into_iter().flatten().unzip();
    Ok(Occupation { site, shift })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{add, norm, sub};

    /// Against all sites and all images in a box of shifts.
    #[test]
    fn nearest_image_of_the_nearest_site() {
        let cell = Cell::new([[5.0, 0.3, 0.0], [3.0, 6.0, 0.4], [-2.0, 0.0, 6.1]], [true; 3]).unwrap();
        let data: Vec<f64> =
            (0..60 * 3 * 3).map(|k| 20.0 * (f64::from(k * k % 7919) / 7919.0 - 0.5)).collect();
        let frames = Frames::new(&data, 60, 3).unwrap();
        let sites = [[0.1, 0.2, 0.9], [0.6, 0.4, 0.45], [0.3, 0.9, 0.2]];
        let found = assign_sites(&cell, frames, &[2, 0], &sites, 1.9).unwrap();
        for frame in 0..60 {
            for (column, atom) in [2, 0].into_iter().enumerate() {
                let mut best = (1.9, -1, [0; 3]);
                for (k, site) in sites.iter().enumerate() {
                    let start = row_times(*site, cell.vectors());
                    for shift in (0..21_i32.pow(3)).map(|k| [k / 441 - 10, k / 21 % 21 - 10, k % 21 - 10]) {
                        let image = add(start, cell.shift_vector(shift));
                        let r = norm(sub(frames.vector(frame, atom), image));
                        if r < best.0 {
                            best = (r, k as i32, shift);
                        }
                    }
                }
                let at = frame * 2 + column;
                assert_eq!((found.site[at], found.shift[at]), (best.1, best.2));
            }
        }
        assert!(found.site.contains(&-1) && found.site.contains(&2));
        let error = assign_sites(&cell, frames, &[0], &sites, 3.0).unwrap_err().to_string();
        assert!(error.contains("half of the smallest distance"), "{error}");
    }
}
