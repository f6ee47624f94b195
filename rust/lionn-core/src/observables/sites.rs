//! Which site does an ion sit in?

use rayon::prelude::*;

use super::Frames;
use super::van_hove::for_images;
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
    let certain = certain_squares(cell, sites, radius);
    let square_to = |place: Vec3, site: usize| {
        let step = [0, 1, 2].map(|axis| place[axis] - sites[site][axis]);
        // An image within the radius has components below 1/2: rounding finds it, in a skewed cell as well.
        let shift = step.map(f64::round);
        let rest = [0, 1, 2].map(|axis| step[axis] - shift[axis]);
        let vector = row_times(rest, cell.vectors());
        (dot(vector, vector), shift.map(|x| x as i32))
    };
    let of_atom = |&atom: &usize| {
        let mut last = None;
        let mut track = Vec::with_capacity(frames.n_frames());
        for frame in 0..frames.n_frames() {
            let place = cell.fractional(frames.vector(frame, atom));
            // Most of the time an ion is where it was, and so close that no other site can be closer.
            if let Some(site) = last {
                let (square, shift) = square_to(place, site);
                if square < certain[site] {
                    track.push((site as i32, shift));
                    continue;
                }
            }
            let mut best = (radius * radius, -1, [0; 3]);
            for site in 0..sites.len() {
                let (square, shift) = square_to(place, site);
                if square < best.0 {
                    best = (square, site as i32, shift);
                    last = Some(site);
                }
            }
            track.push((best.1, best.2));
        }
        track
    };
    let tracks: Vec<Vec<(i32, [i32; 3])>> = atoms.par_iter().map(of_atom).collect();
    let by_frame = (0..frames.n_frames()).flat_map(|frame| tracks.iter().map(move |track| track[frame]));
    let (site, shift) = by_frame.unzip();
    Ok(Occupation { site, shift })
}

/// For each site the squared distance within which no other site, and no other image of itself, can be closer: half of
/// the distance to the nearest of them, at most `radius`.
fn certain_squares(cell: &Cell, sites: &[Vec3], radius: f64) -> Vec<f64> {
    let reach = cell.heights().map(|height| 2.0 * radius / height);
    let of_site = |k: usize| {
        let mut nearest = 4.0 * radius * radius;
        for (other, place) in sites.iter().enumerate() {
            let step = [0, 1, 2].map(|axis| place[axis] - sites[k][axis]);
            for_images(step, reach, |image, shift| {
                if other != k || shift != [0.0; 3] {
                    let vector = row_times(image, cell.vectors());
                    nearest = nearest.min(dot(vector, vector));
                }
            });
        }
        0.25 * nearest
    };
    (0..sites.len()).map(of_site).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{add, norm, sub};

    /// Against all sites and all images in a box of shifts: frames without memory, and a slow path.
    #[test]
    fn nearest_image_of_the_nearest_site() {
        let cell = Cell::new([[5.0, 0.3, 0.0], [3.0, 6.0, 0.4], [-2.0, 0.0, 6.1]], [true; 3]).unwrap();
        let noise = |k: i32| f64::from(k * k % 7919) / 7919.0 - 0.5;
        let wild: Vec<f64> = (0..60 * 9).map(|k| 20.0 * noise(k)).collect();
        let slow: Vec<f64> =
            (0..60 * 9).map(|k| 0.25 * f64::from(k / 9) + 4.0 * noise(k % 9) + noise(k)).collect();
        let sites = [[0.1, 0.2, 0.9], [0.6, 0.4, 0.45], [0.3, 0.9, 0.2], [0.4, 0.9, 0.2]];
        for data in [wild, slow] {
            let frames = Frames::new(&data, 60, 3).unwrap();
            let found = assign_sites(&cell, frames, &[2, 0], &sites, 1.9).unwrap();
            for (frame, (column, atom)) in (0..60).flat_map(|f| [(f, (0, 2)), (f, (1, 0))]) {
                let at = frame * 2 + column;
                let expected = by_all_images(&cell, frames.vector(frame, atom), &sites, 1.9);
                assert_eq!((found.site[at], found.shift[at]), expected);
            }
            assert!(found.site.contains(&-1) && found.site.contains(&2));
        }
        let frames = Frames::new(&[0.0; 3], 1, 1).unwrap();
        let error = assign_sites(&cell, frames, &[0], &sites, 3.0).unwrap_err().to_string();
        assert!(error.contains("half of the smallest distance"), "{error}");
    }

    fn by_all_images(cell: &Cell, position: Vec3, sites: &[Vec3], radius: f64) -> (i32, [i32; 3]) {
        let mut best = (radius, -1, [0; 3]);
        for (k, site) in sites.iter().enumerate() {
            let start = row_times(*site, cell.vectors());
            for shift in (0..21_i32.pow(3)).map(|k| [k / 441 - 10, k / 21 % 21 - 10, k % 21 - 10]) {
                let r = norm(sub(position, add(start, cell.shift_vector(shift))));
                if r < best.0 {
                    best = (r, k as i32, shift);
                }
            }
        }
        (best.1, best.2)
    }
}
