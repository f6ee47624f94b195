//! The Gauss-Newton matrix `JᵀJ` of the loss as a sum of squares, summed without keeping `J`.
//!
//! Rows of `J` are made for a panel of images at a time and multiplied into square tiles of `JᵀJ`. Panels and tiles
//! follow from the data alone, every tile is updated by one thread in the order of the panels, and the decomposition
//! runs on one thread: the bits do not depend on the number of threads. (They do depend on the instruction set, through
//! the matrix products of `faer` and the derivatives of the fingerprints.)

use super::gradient::weight_ranges;
use super::jacobian::VOIGT;
use super::loss::LossWeights;
use super::set::TrainingSet;
use super::work::Work;
use crate::error::{Error, Result};
use crate::potential::NeuralPotential;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::{factor as llt, solve::solve_in_place};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef, Par, Spec};
use rayon::prelude::*;
use std::ops::Range;

/// Rows of `J` that are held at a time, unless one image has more.
const PANEL_ROWS: usize = 2048;
/// Order of the tiles of `JᵀJ`: large enough for the matrix product, small enough to feed many threads.
const TILE: usize = 192;

/// A sum of `JᵀJ` over images, symmetric and positive semidefinite.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussNewton {
    n: usize,
    /// Column by column; only the lower triangle is used.
    matrix: Vec<f64>,
    /// Cholesky factor of the damped matrix, laid out as the matrix; empty before [`GaussNewton::decompose`].
    factor: Vec<f64>,
}

impl GaussNewton {
    /// The zero matrix for `n` parameters.
    pub fn zero(n: usize) -> Self {
        Self { n, matrix: vec![0.0; n * n], factor: Vec::new() }
    }

    /// Matrix of order `n` from its lower triangle, row by row.
    ///
    /// # Errors
    /// [`Error::Shape`] for a wrong number of entries.
    pub fn from_lower(n: usize, lower: &[f64]) -> Result<Self> {
        let expected = n * (n + 1) / 2;
        if lower.len() != expected {
            return Err(Error::shape(
                "Gauss-Newton matrix",
                format!("({expected},) for {n} parameters"),
                format!("({},)", lower.len()),
            ));
        }
        let mut matrix = vec![0.0; n * n];
        let mut entries = lower.iter();
        for row in 0..n {
            for (column, entry) in (0..=row).zip(&mut entries) {
                matrix[column * n + row] = *entry;
            }
        }
        Ok(Self { n, matrix, factor: Vec::new() })
    }

    /// Order of the matrix.
    pub fn order(&self) -> usize {
        self.n
    }

    /// Lower triangle, row by row.
    pub fn lower(&self) -> Vec<f64> {
        (0..self.n).flat_map(|row| (0..=row).map(move |column| self.matrix[column * self.n + row])).collect()
    }

    /// The diagonal.
    pub fn diagonal(&self) -> Vec<f64> {
        (0..self.n).map(|k| self.matrix[k * self.n + k]).collect()
    }

    /// Matrix times vector.
    pub fn product(&self, v: &[f64]) -> Vec<f64> {
        assert_eq!(v.len(), self.n, "vector of another order");
        let mut out = vec![0.0; self.n];
        for column in 0..self.n {
            let below = &self.matrix[column * self.n + column + 1..(column + 1) * self.n];
            let mut sum = self.matrix[column * self.n + column] * v[column];
            for (row, m) in (column + 1..).zip(below) {
                out[row] += m * v[column];
                sum += m * v[row];
            }
            out[column] += sum;
        }
        out
    }

    /// Cholesky decomposition of `matrix + diag(damping)` for [`GaussNewton::solve`]; `false` if that is not positive
    /// definite to rounding.
    pub fn decompose(&mut self, damping: &[f64]) -> bool {
        let n = self.n;
        assert_eq!(damping.len(), n, "vector of another order");
        self.factor.clone_from(&self.matrix);
        for (k, d) in damping.iter().enumerate() {
            self.factor[k * n + k] += d;
        }
        let damped = MatMut::from_column_major_slice_mut(&mut self.factor, n, n);
        let params = Spec::default();
        let mut memory = MemBuffer::new(llt::cholesky_in_place_scratch::<f64>(n, Par::Seq, params));
        let stack = MemStack::new(&mut memory);
        let done = llt::cholesky_in_place(damped, Default::default(), Par::Seq, stack, params).is_ok();
        if !done {
            self.factor.clear();
        }
        done
    }

    /// `x` with `(matrix + diag(damping)) x = rhs` for the damping of the latest decomposition; `None` without one.
    pub fn solve(&self, rhs: &[f64]) -> Option<Vec<f64>> {
        let n = self.n;
        assert_eq!(rhs.len(), n, "vector of another order");
        if self.factor.is_empty() {
            return None;
        }
        let lower = MatRef::from_column_major_slice(&self.factor, n, n);
        let mut x = rhs.to_vec();
        solve_in_place(
            lower,
            MatMut::from_column_major_slice_mut(&mut x, n, 1),
            Par::Seq,
            MemStack::new(&mut []),
        );
        Some(x)
    }

    /// Adds `factor JᵀJ` of the rows of `selection`; returns `factor Jᵀr`.
    ///
    /// The penalty on the weights counts as spread evenly over all images: with `factor = 1` and every image once
    /// it enters in full, and the result is half the gradient of the loss. After an error the matrix must not be used.
    ///
    /// # Errors
    /// As [`TrainingSet::evaluate`]; [`Error::Shape`] for a potential with another number of parameters,
    /// [`Error::InvalidParameter`] for an empty selection or an image that does not exist.
    pub fn add(
        &mut self,
        set: &TrainingSet,
        potential: &NeuralPotential,
        weights: &LossWeights,
        selection: &[usize],
        factor: f64,
    ) -> Result<Vec<f64>> {
        let n = self.n;
        self.check(set, potential, weights, selection)?;
        self.factor.clear();
        let context = set.context(potential)?;
        let count = |&index: &usize| context.residuals_of(&set.images[index], weights).count();
        let counts: Vec<usize> = selection.iter().map(count).collect();
        let mut projection = vec![0.0; n];
        let (mut panel, mut residuals) = (Vec::new(), Vec::new());
        for range in panels(&counts) {
            let n_rows: usize = counts[range.clone()].iter().sum();
            panel.clear();
            panel.resize(n_rows * n, 0.0);
            residuals.clear();
            residuals.resize(n_rows, 0.0);
            let (mut rows, mut values) = (&mut panel[..], &mut residuals[..]);
            let mut jobs = Vec::new();
            for k in range {
                let (head, tail) = rows.split_at_mut(counts[k] * n);
                let (first, rest) = values.split_at_mut(counts[k]);
                jobs.push((selection[k], head, first));
                (rows, values) = (tail, rest);
            }
            let products: Vec<Vec<f64>> = jobs
                .into_par_iter()
                .map_init(Work::default, |work, (index, rows, values)| {
                    context.residual_rows(index, weights, work, values, Some(rows))?;
                    Ok(transposed_product(rows, values, n))
                })
                .collect::<Result<_>>()?;
            for product in &products {
                projection.iter_mut().zip(product).for_each(|(sum, p)| *sum += factor * p);
            }
            self.add_panel(MatRef::from_row_major_slice(&panel, n_rows, n), factor);
        }
        if weights.l2 > 0.0 {
            let l2 = weights.l2 * factor * selection.len() as f64 / set.n_images() as f64;
            for k in weight_ranges(potential).into_iter().flatten() {
                self.matrix[k * n + k] += l2;
                projection[k] += l2 * potential.parameters()[k];
            }
        }
        Ok(projection)
    }

    fn check(
        &self,
        set: &TrainingSet,
        potential: &NeuralPotential,
        weights: &LossWeights,
        selection: &[usize],
    ) -> Result<()> {
        weights.check()?;
        let found = potential.parameters().len();
        if found != self.n {
            return Err(Error::shape("parameters", format!("({},)", self.n), format!("({found},)")));
        }
        set.check_selection(selection)
    }

    /// Adds `factor panelᵀ panel`.
    fn add_panel(&mut self, panel: MatRef<'_, f64>, factor: f64) {
        let n = self.n;
        let all = MatMut::from_column_major_slice_mut(&mut self.matrix, n, n);
        tiles(all).into_par_iter().for_each(|(row, column, tile)| {
            let left = panel.subcols(row, tile.nrows()).transpose();
            let right = panel.subcols(column, tile.ncols());
            if row == column {
                let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
                triangular::matmul(tile, lower, Accum::Add, left, full, right, full, factor, Par::Seq);
            } else {
                matmul(tile, Accum::Add, left, right, factor, Par::Seq);
            }
        });
    }
}

impl TrainingSet {
    /// Residuals of all images in order (energy, force components, stress components in Voigt order), then `√λ W` for
    /// every weight; their squares sum up to the loss of [`TrainingSet::evaluate`].
    ///
    /// # Errors
    /// As [`TrainingSet::evaluate`].
    pub fn residuals(&self, potential: &NeuralPotential, weights: &LossWeights) -> Result<Vec<f64>> {
        weights.check()?;
        let context = self.context(potential)?;
        let per_chunk: Vec<Vec<f64>> = self
            .chunks
            .par_iter()
            .map_init(Work::default, |work, chunk| {
                let mut all = Vec::new();
                for index in chunk.clone() {
                    let start = all.len();
                    let count = context.residuals_of(&self.images[index], weights).count();
                    all.resize(start + count, 0.0);
                    context.residual_rows(index, weights, work, &mut all[start..], None)?;
                }
                Ok(all)
            })
            .collect::<Result<_>>()?;
        let mut residuals: Vec<f64> = per_chunk.into_iter().flatten().collect();
        if weights.l2 > 0.0 {
            let factor = weights.l2.sqrt();
            for range in weight_ranges(potential) {
                residuals.extend(potential.parameters()[range].iter().map(|w| factor * w));
            }
        }
        Ok(residuals)
    }
}

/// Bytes that a [`GaussNewton`] matrix and its use take for images of up to `max_atoms` atoms: the matrix, its
/// decomposition, a checkpoint of it, and one panel of rows.
pub fn gauss_newton_bytes(n_parameters: usize, max_atoms: usize) -> usize {
    let largest_image = 1 + 3 * max_atoms + VOIGT.len();
    8 * n_parameters * (PANEL_ROWS + largest_image) + 8 * 3 * n_parameters * n_parameters
}

/// Consecutive images with about [`PANEL_ROWS`] residuals each.
fn panels(counts: &[usize]) -> Vec<Range<usize>> {
    let mut panels = Vec::new();
    let (mut start, mut n_rows) = (0, 0);
    for (k, count) in counts.iter().enumerate() {
        n_rows += count;
        if n_rows >= PANEL_ROWS || k + 1 == counts.len() {
            panels.push(start..k + 1);
            (start, n_rows) = (k + 1, 0);
        }
    }
    panels
}

/// The tiles of the lower triangle with their first row and column.
fn tiles(mut rest: MatMut<'_, f64>) -> Vec<(usize, usize, MatMut<'_, f64>)> {
    let n = rest.nrows();
    let mut tiles = Vec::new();
    for column in (0..n).step_by(TILE) {
        let (block, right) = rest.split_at_col_mut(TILE.min(n - column));
        rest = right;
        let (_, mut below) = block.split_at_row_mut(column);
        for row in (column..n).step_by(TILE) {
            let (tile, next) = below.split_at_row_mut(TILE.min(n - row));
            below = next;
            tiles.push((row, column, tile));
        }
    }
    tiles
}

/// `rowsᵀ values`.
fn transposed_product(rows: &[f64], values: &[f64], n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n];
    for (row, value) in rows.chunks_exact(n).zip(values) {
        out.iter_mut().zip(row).for_each(|(sum, x)| *sum += value * x);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_solutions_are_those_of_the_matrix() {
        // More than one tile.
        let n = TILE + 41;
        let entry = |i: usize, j: usize| ((i * 31 + j * 17) as f64).sin();
        let panel: Vec<f64> = (0..3 * n * n).map(|k| entry(k / n, k % n)).collect();
        let mut matrix = GaussNewton::zero(n);
        matrix.add_panel(MatRef::from_row_major_slice(&panel, 3 * n, n), 0.5);
        let v: Vec<f64> = (0..n).map(|k| (k as f64 * 0.7).cos()).collect();
        let along: Vec<f64> =
            panel.chunks_exact(n).map(|row| row.iter().zip(&v).map(|(x, v)| x * v).sum()).collect();
        let expected: Vec<f64> = transposed_product(&panel, &along, n).iter().map(|x| 0.5 * x).collect();
        let product = matrix.product(&v);
        let scale = expected.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        for (a, b) in product.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-12 * scale);
        }
        let damping: Vec<f64> = (0..n).map(|k| 1.0 + k as f64).collect();
        let rhs: Vec<f64> = product.iter().zip(&damping).zip(&v).map(|((p, d), v)| p + d * v).collect();
        // The damped matrix has a condition number of about 1e4.
        assert_eq!(matrix.solve(&rhs), None);
        assert!(matrix.decompose(&damping));
        for (x, v) in matrix.solve(&rhs).unwrap().iter().zip(&v) {
            assert!((x - v).abs() < 1e-10);
        }
        assert!(!matrix.decompose(&vec![-1e6; n]));
        let copy = GaussNewton::from_lower(n, &matrix.lower()).unwrap();
        assert_eq!(copy.product(&v), product);
        assert_eq!(copy.diagonal(), matrix.diagonal());
        assert!(GaussNewton::from_lower(n, &[0.0; 3]).is_err());
    }
}
