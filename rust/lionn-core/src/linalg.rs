//! Three-vectors and 3x3 matrices as plain arrays. Vectors are rows: `v · M` is [`row_times`].

/// A vector of three Cartesian components.
pub type Vec3 = [f64; 3];
/// A 3x3 matrix, `m[row][column]`.
pub type Mat3 = [[f64; 3]; 3];

/// Scalar product.
#[inline]
pub fn dot(a: Vec3, b: Vec3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Vector product.
#[inline]
pub fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// `a + b`.
#[inline]
pub fn add(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// `a - b`.
#[inline]
pub fn sub(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// `factor * a`.
#[inline]
pub fn scale(factor: f64, a: Vec3) -> Vec3 {
    [factor * a[0], factor * a[1], factor * a[2]]
}

/// Euclidean length.
#[inline]
pub fn norm(a: Vec3) -> f64 {
    dot(a, a).sqrt()
}

/// Row vector times matrix, `v · M`.
#[inline]
pub fn row_times(v: Vec3, m: &Mat3) -> Vec3 {
    [
        v[0] * m[0][0] + v[1] * m[1][0] + v[2] * m[2][0],
        v[0] * m[0][1] + v[1] * m[1][1] + v[2] * m[2][1],
        v[0] * m[0][2] + v[1] * m[1][2] + v[2] * m[2][2],
    ]
}

/// Determinant.
pub fn determinant(m: &Mat3) -> f64 {
    dot(m[0], cross(m[1], m[2]))
}

/// Inverse of a regular matrix.
pub fn inverse(m: &Mat3) -> Mat3 {
    let columns = [cross(m[1], m[2]), cross(m[2], m[0]), cross(m[0], m[1])];
    let factor = 1.0 / determinant(m);
    let mut result = [[0.0; 3]; 3];
    for i in 0..3 {
        for j in 0..3 {
            result[i][j] = factor * columns[j][i];
        }
    }
    result
}

/// Scalar product of long vectors in a fixed number of partial sums (a power of two), which do not wait for each other: the
/// same bits on every instruction set.
#[inline(always)]
pub fn long_dot<const LANES: usize>(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len());
    let ((a, a_rest), (b, b_rest)) = (a[..n].as_chunks::<LANES>(), b[..n].as_chunks::<LANES>());
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    let mut sums = [0.0; LANES];
    for (x, y) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    sums[0] + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_products_leave_nothing_out() {
        let numbers: Vec<f64> = (1..=21).map(f64::from).collect();
        for n in 0..=numbers.len() {
            let expected = (n * (n + 1) * (2 * n + 1) / 6) as f64;
            assert_eq!(long_dot::<8>(&numbers[..n], &numbers[..n]), expected);
            assert_eq!(long_dot::<4>(&numbers[..n], &numbers), expected);
        }
    }

    #[test]
    fn inverse_times_matrix_is_identity() {
        let m = [[2.0, 0.1, 0.0], [-0.3, 3.0, 0.2], [0.5, 0.4, 4.0]];
        let inv = inverse(&m);
        for i in 0..3 {
            let row = row_times(m[i], &inv);
            for j in 0..3 {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((row[j] - expected).abs() < 1e-14);
            }
        }
    }
}
