//! The simulation cell: three lattice vectors, each periodic or not.

use crate::error::{Error, Result};
use crate::linalg::{Mat3, Vec3, cross, determinant, dot, inverse, norm, row_times};

/// A general (triclinic) cell. Rows of [`Cell::vectors`] are the lattice vectors `a`, `b`, `c` in Å.
///
/// Directions that are not periodic may have a zero lattice vector; it is replaced by a unit vector
/// perpendicular to the others, so that fractional coordinates always exist.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    vectors: Mat3,
    periodic: [bool; 3],
    inverse: Mat3,
}

impl Cell {
    /// Cell from lattice vectors (rows, Å) and the periodicity along each of them.
    ///
    /// # Errors
    /// [`Error::Structure`] if a number is not finite or the periodic vectors are (nearly) linearly dependent.
    pub fn new(vectors: Mat3, periodic: [bool; 3]) -> Result<Self> {
        if vectors.iter().flatten().any(|x| !x.is_finite()) {
            return Err(Error::Structure(format!("cell has a non-finite entry: {vectors:?}")));
        }
        let mut full = vectors;
        for axis in 0..3 {
            if norm(full[axis]) > 0.0 {
                continue;
            }
            if periodic[axis] {
                return Err(Error::Structure(format!(
                    "cell is periodic along axis {axis} but that lattice vector is zero"
                )));
            }
            full[axis] = complement(&full, axis);
        }
        let lengths: f64 = full.iter().map(|v| norm(*v)).product();
        if determinant(&full).abs() < 1e-9 * lengths {
            return Err(Error::Structure(format!("cell vectors are linearly dependent: {vectors:?}")));
        }
        Ok(Self { vectors: full, periodic, inverse: inverse(&full) })
    }

    /// A cluster in open space.
    pub fn open() -> Self {
        let identity = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        Self { vectors: identity, periodic: [false; 3], inverse: identity }
    }

    /// Lattice vectors as rows, Å.
    pub fn vectors(&self) -> &Mat3 {
        &self.vectors
    }

    /// The inverse of [`Cell::vectors`]; its columns are the reciprocal vectors (without 2π), 1/Å.
    pub fn inverse(&self) -> &Mat3 {
        &self.inverse
    }

    /// Lengths of the lattice vectors, Å.
    pub fn lengths(&self) -> Vec3 {
        self.vectors.map(norm)
    }

    /// The cell with each lattice vector times its factor; angles stay.
    ///
    /// # Errors
    /// As [`Cell::new`].
    pub fn stretched(&self, factors: Vec3) -> Result<Self> {
        let vectors = [0, 1, 2].map(|a| self.vectors[a].map(|x| factors[a] * x));
        Self::new(vectors, self.periodic)
    }

    /// Periodicity along each lattice vector.
    pub fn periodic(&self) -> [bool; 3] {
        self.periodic
    }

    /// Volume, Å³.
    pub fn volume(&self) -> f64 {
        determinant(&self.vectors).abs()
    }

    /// Distances between opposite faces, Å: `V / |b x c|` and cyclic.
    pub fn heights(&self) -> Vec3 {
        let v = &self.vectors;
        let volume = self.volume();
        [volume / norm(cross(v[1], v[2])), volume / norm(cross(v[2], v[0])), volume / norm(cross(v[0], v[1]))]
    }

    /// Fractional coordinates of a Cartesian position.
    #[inline]
    pub fn fractional(&self, position: Vec3) -> Vec3 {
        row_times(position, &self.inverse)
    }

    /// Cartesian vector `S · H` of an integer lattice shift.
    #[inline]
    pub fn shift_vector(&self, shift: [i32; 3]) -> Vec3 {
        row_times(shift.map(f64::from), &self.vectors)
    }

    /// Cell and positions deform together: vectors times `1 + strain` (rows times matrix).
    pub fn deformed(&self, strain: &Mat3) -> Result<Self> {
        let vectors = self.vectors.map(|v| deform(v, strain));
        Self::new(vectors, self.periodic)
    }
}

/// `v · (1 + strain)`.
pub fn deform(v: Vec3, strain: &Mat3) -> Vec3 {
    let extra = row_times(v, strain);
    [v[0] + extra[0], v[1] + extra[1], v[2] + extra[2]]
}

/// A unit vector linearly independent of the nonzero rows other than `axis`.
fn complement(vectors: &Mat3, axis: usize) -> Vec3 {
    let first = vectors[(axis + 1) % 3];
    let second = vectors[(axis + 2) % 3];
    let normal = cross(first, second);
    let length = norm(normal);
    if length > 0.0 {
        return normal.map(|x| x / length);
    }
    let other = if norm(first) > 0.0 { first } else { second };
    let mut best = [0.0, 0.0, 0.0];
    best[axis] = 1.0;
    if norm(other) == 0.0 {
        return best;
    }
    // Unit vector along the Cartesian axis least parallel to the one given vector, made perpendicular.
    let direction = (0..3).min_by(|&p, &q| other[p].abs().total_cmp(&other[q].abs())).unwrap_or(axis);
    let mut trial = [0.0; 3];
    trial[direction] = 1.0;
    let along = dot(trial, other) / dot(other, other);
    let perpendicular =
        [trial[0] - along * other[0], trial[1] - along * other[1], trial[2] - along * other[2]];
    let length = norm(perpendicular);
    perpendicular.map(|x| x / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_of_a_sheared_cell() {
        let cell = Cell::new([[4.0, 0.0, 0.0], [3.0, 5.0, 0.0], [0.0, 0.0, 6.0]], [true; 3]).unwrap();
        let heights = cell.heights();
        assert!((heights[1] - 5.0).abs() < 1e-12);
        assert!((heights[2] - 6.0).abs() < 1e-12);
        assert!((cell.volume() - 120.0).abs() < 1e-12);
    }

    #[test]
    fn missing_vectors_are_completed_only_where_not_periodic() {
        let zero = [[0.0; 3]; 3];
        assert!((Cell::new(zero, [false; 3]).unwrap().volume() - 1.0).abs() < 1e-12);
        let slab = Cell::new([[3.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0; 3]], [true, true, false]).unwrap();
        assert!((slab.volume() - 12.0).abs() < 1e-12);
        let wire = Cell::new([[0.0; 3], [1.0, 2.0, 2.0], [0.0; 3]], [false, true, false]).unwrap();
        assert!((wire.volume() - 3.0).abs() < 1e-12);
        let message = Cell::new(zero, [true, false, false]).unwrap_err().to_string();
        assert!(message.contains("periodic along axis 0"), "{message}");
    }

    #[test]
    fn flat_cell_is_refused() {
        let flat = [[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 1.0]];
        assert!(Cell::new(flat, [true; 3]).unwrap_err().to_string().contains("linearly dependent"));
    }
}
