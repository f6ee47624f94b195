//! The shortest periodic image of a displacement, certified, in any triclinic cell.
//!
//! Rounding fractional coordinates gives the shortest image only in cells that are nearly rectangular. Here the lattice
//! basis is first Minkowski-reduced (in three dimensions by the greedy algorithm of P. Q. Nguyen and D. Stehlé, ACM Trans.
//! Algorithms 5, 46 (2009), doi 10.1145/1597036.1597050). Half of the shortest lattice vector `b1` is the *certified
//! radius*: two images of one displacement differ by a lattice vector, so at most one of them can be shorter than that.
//! Such an image has reduced coordinates below `b1 / (2 h)`, with `h` the distance of opposite faces, at most
//! `1/sqrt(2)` in a reduced basis; it is therefore among the 27 neighbors of the rounded one.

use crate::error::{Error, Result};
use crate::linalg::{Mat3, Vec3, determinant, dot, inverse, norm, row_times};

/// Relative gain in length below which a step of the reduction counts as rounding noise.
const NOISE: f64 = 1e-12;

/// A lattice, ready for queries of shortest images.
#[derive(Debug, Clone)]
pub struct Lattice {
    reduced: Mat3,
    inverse: Mat3,
    /// Rows: reduced vectors in units of the given ones, integers.
    from_given: Mat3,
    certified: f64,
}

/// A displacement that has no image inside the certified radius.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TooFar {
    /// Length of the shortest image found, Å.
    pub length: f64,
}

impl Lattice {
    /// Reduce a basis; rows are lattice vectors, Å.
    ///
    /// # Errors
    /// [`Error::Structure`] if the vectors are not finite or span no volume.
    pub fn new(vectors: Mat3) -> Result<Self> {
        let lengths: f64 = vectors.iter().map(|v| norm(*v)).product();
        let volume = determinant(&vectors).abs();
        if volume.is_nan() || volume <= 1e-9 * lengths {
            return Err(Error::Structure(format!("cell spans no volume: {vectors:?}")));
        }
        let (reduced, from_given) = minkowski(vectors);
        let shortest = reduced.iter().map(|v| norm(*v)).fold(f64::INFINITY, f64::min);
        Ok(Self { reduced, inverse: inverse(&reduced), from_given, certified: 0.5 * shortest })
    }

    /// The reduced basis, rows, Å.
    pub fn reduced(&self) -> &Mat3 {
        &self.reduced
    }

    /// Half of the shortest lattice vector, Å: a shorter image is the only one so short.
    pub fn certified(&self) -> f64 {
        self.certified
    }

    /// Shortest image of `displacement`, and the integers `n` (of the given vectors) with `image = displacement + n H`.
    ///
    /// # Errors
    /// [`TooFar`] if no image is shorter than the certified radius.
    #[inline]
    pub fn shortest(&self, displacement: Vec3) -> std::result::Result<(Vec3, Vec3), TooFar> {
        let limit = self.certified * self.certified;
        let counts = row_times(displacement, &self.inverse).map(|x| -x.round());
        let image = shifted(displacement, counts, &self.reduced);
        if dot(image, image) < limit {
            return Ok((image, row_times(counts, &self.from_given)));
        }
        let (mut best, mut best_counts, mut shortest) = (image, counts, dot(image, image));
        for k in 0..27 {
            let extra = [k / 9, k / 3 % 3, k % 3].map(|n| f64::from(n) - 1.0);
            let candidate = shifted(image, extra, &self.reduced);
            let square = dot(candidate, candidate);
            if square < shortest {
                shortest = square;
                best = candidate;
                best_counts = [0, 1, 2].map(|axis| counts[axis] + extra[axis]);
            }
        }
        if shortest < limit {
            return Ok((best, row_times(best_counts, &self.from_given)));
        }
        Err(TooFar { length: shortest.sqrt() })
    }
}

#[inline]
fn shifted(vector: Vec3, counts: Vec3, basis: &Mat3) -> Vec3 {
    let shift = row_times(counts, basis);
    [vector[0] + shift[0], vector[1] + shift[1], vector[2] + shift[2]]
}

/// Minkowski-reduced basis and the integers that make it from the given one.
fn minkowski(vectors: Mat3) -> (Mat3, Mat3) {
    let mut counts: Mat3 = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    // Vectors are made anew from their integers each time: no rounding error piles up.
    let vector = |row: Vec3| row_times(row, &vectors);
    let length = |row: Vec3| norm(vector(row));
    loop {
        counts.sort_by(|a, b| length(*a).total_cmp(&length(*b)));
        let (first, second) = plane(counts[0], counts[1], &vectors);
        (counts[0], counts[1]) = (first, second);
        let third = closest_to_plane(counts, &vectors);
        let (old, new) = (length(counts[2]), length(third));
        if new < old * (1.0 - NOISE) {
            counts[2] = third;
        }
        if new >= length(counts[1]) * (1.0 - NOISE) || new >= old * (1.0 - NOISE) {
            break;
        }
    }
    counts.sort_by(|a, b| length(*a).total_cmp(&length(*b)));
    (counts.map(vector), counts)
}

/// Lagrange-Gauss reduction of two vectors given by their integers.
fn plane(mut short: Vec3, mut long: Vec3, vectors: &Mat3) -> (Vec3, Vec3) {
    let vector = |row: Vec3| row_times(row, vectors);
    loop {
        let (u, v) = (vector(short), vector(long));
        let factor = (dot(u, v) / dot(u, u)).round();
        let candidate = [0, 1, 2].map(|k| long[k] - factor * short[k]);
        let reduced = vector(candidate);
        if dot(reduced, reduced) >= dot(u, u) * (1.0 - NOISE) {
            return if dot(reduced, reduced) < dot(v, v) { (short, candidate) } else { (short, long) };
        }
        (short, long) = (candidate, short);
    }
}

/// The third vector minus the closest vector of the lattice plane of the first two.
fn closest_to_plane(counts: Mat3, vectors: &Mat3) -> Vec3 {
    let [u, v, w] = counts.map(|row| row_times(row, vectors));
    // Coordinates of the projection of w in the plane: normal equations.
    let (uu, uv, vv, uw, vw) = (dot(u, u), dot(u, v), dot(v, v), dot(u, w), dot(v, w));
    let det = uu * vv - uv * uv;
    let (x, y) = ((uw * vv - vw * uv) / det, (vw * uu - uw * uv) / det);
    let mut best = (f64::INFINITY, counts[2]);
    for p in -1..=1 {
        for q in -1..=1 {
            let (p, q) = (x.round() + f64::from(p), y.round() + f64::from(q));
            let candidate = [0, 1, 2].map(|k| counts[2][k] - p * counts[0][k] - q * counts[1][k]);
            let length = norm(row_times(candidate, vectors));
            if length < best.0 {
                best = (length, candidate);
            }
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Random cells, sheared by up to three lattice vectors: strongly skewed, never flat.
    fn cells() -> impl Strategy<Value = Mat3> {
        let edge = || 3.0..15.0_f64;
        let shear = || -3.0..3.0_f64;
        (edge(), edge(), edge(), shear(), shear(), shear())
            .prop_map(|(a, b, c, p, q, r)| [[a, 0.0, 0.0], [p * a, b, 0.0], [q * a, r * b, c]])
    }

    /// Shortest vector `displacement + n H` for all `n` up to `reach` along each lattice vector.
    fn brute_force(displacement: Vec3, vectors: &Mat3, reach: i32) -> f64 {
        let mut best = f64::INFINITY;
        for a in -reach..=reach {
            for b in -reach..=reach {
                for c in -reach..=reach {
                    let image = shifted(displacement, [a, b, c].map(f64::from), vectors);
                    best = best.min(norm(image));
                }
            }
        }
        best
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        #[test]
        fn reduced_basis_spans_the_same_lattice_and_is_shortest(vectors in cells()) {
            let lattice = Lattice::new(vectors).unwrap();
            prop_assert!((determinant(&lattice.from_given).abs() - 1.0).abs() < 1e-6);
            // No nonzero lattice vector is shorter than twice the certified radius.
            let b = lattice.reduced();
            for k in 0..125 {
                let n = [k / 25, k / 5 % 5, k % 5].map(|n| f64::from(n) - 2.0);
                if n != [0.0; 3] {
                    prop_assert!(norm(row_times(n, b)) >= 2.0 * lattice.certified() * (1.0 - 1e-9));
                }
            }
        }

        #[test]
        fn shortest_image_is_that_of_brute_force(
            vectors in cells(), fractional in prop::array::uniform3(-1.0..1.0_f64)
        ) {
            let lattice = Lattice::new(vectors).unwrap();
            let displacement = row_times(fractional, &vectors);
            // Coordinates below 1 and shears up to 3: the nearest images lie within 14 cells.
            let expected = brute_force(displacement, &vectors, 14);
            match lattice.shortest(displacement) {
                Ok((image, counts)) => {
                    prop_assert!((norm(image) - expected).abs() < 1e-9);
                    let back = shifted(displacement, counts, &vectors);
                    prop_assert!((0..3).all(|k| (back[k] - image[k]).abs() < 1e-9));
                    prop_assert!(norm(image) < lattice.certified());
                }
                Err(far) => {
                    prop_assert!(expected >= lattice.certified());
                    prop_assert!((far.length - expected).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn known_cells() {
        let cube = Lattice::new([[6.0, 0.0, 0.0], [0.0, 6.0, 0.0], [0.0, 0.0, 6.0]]).unwrap();
        assert_eq!(cube.certified(), 3.0);
        let (image, counts) = cube.shortest([5.0, -7.0, 1.0]).unwrap();
        assert_eq!((image, counts), ([-1.0, -1.0, 1.0], [-1.0, 1.0, 0.0]));
        let far = cube.shortest([2.9, 2.9, 2.9]).unwrap_err();
        assert!((far.length - 2.9 * 3_f64.sqrt()).abs() < 1e-12);
        // Primitive cell of fcc: nearest neighbors at a/sqrt(2).
        let fcc = Lattice::new([[0.0, 2.0, 2.0], [2.0, 0.0, 2.0], [2.0, 2.0, 0.0]]).unwrap();
        assert!((fcc.certified() - 2_f64.sqrt()).abs() < 1e-12);
        assert!(Lattice::new([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 1.0]]).is_err());
        assert!(Lattice::new([[f64::NAN, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]).is_err());
    }
}
