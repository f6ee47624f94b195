//! Continuous paths from positions that were folded back into a periodic cell, frame by frame.
//!
//! Between consecutive frames the shortest image of every displacement is taken ([`super::shortest_image`]). In a cell of
//! constant shape that fixes the path. In a cell that changes there are two conventions:
//!
//! - **fractional**: the steps are added in fractional coordinates and the sum is multiplied by one reference cell (the
//!   mean cell). The breathing of the cell drops out; displacements are those of the particles relative to the deforming
//!   cell.
//! - **Cartesian**: the steps of the wrapped positions are added in Å (the toroidal-view-preserving scheme of J. T. B. Kulke
//!   and J. V. Vermaas, J. Chem. Theory Comput. 18, 6161 (2022), doi 10.1021/acs.jctc.2c00327). The motion of the cell
//!   enters, but only that of the part of it around the particle.
//!
//! The third way, fractional paths times the instantaneous cell, is not offered: a particle at distance `x` from the origin
//! gets displacements of `x` times the strain of the cell, which grow with the length of the path (S. von Bülow,
//! J. T. Bullerjahn, G. Hummer, J. Chem. Phys. 153, 021101 (2020), doi 10.1063/5.0008316).

use super::shortest_image::{Lattice, TooFar};
use crate::error::{Error, Result};
use crate::linalg::{Mat3, Vec3, add, inverse, norm, row_times, sub};

/// How steps are added in a cell that changes; the same in a cell that does not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Convention {
    /// Fractional steps times this cell (rows, Å).
    Fractional(Mat3),
    /// Cartesian steps of the wrapped positions.
    Cartesian,
}

/// What the positions that come in are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Folded into the cell in any way; the shortest image of each step is taken.
    Wrapped,
    /// Continuous already: steps are checked, not changed.
    Continuous,
}

/// The longest step between two frames that was met.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LongestStep {
    /// Its length, Å.
    pub length: f64,
    /// Half of the shortest lattice vector at that frame, Å.
    pub limit: f64,
    /// Number of the frame at its beginning.
    pub frame: usize,
    /// The atom.
    pub atom: usize,
}

impl LongestStep {
    fn share(&self) -> f64 {
        if self.limit > 0.0 { self.length / self.limit } else { 0.0 }
    }
}

/// Unwraps a trajectory that comes in blocks of frames.
#[derive(Debug, Clone)]
pub struct Unwrapper {
    convention: Convention,
    input: Input,
    n_atoms: usize,
    n_frames: usize,
    /// Fractional coordinates of the last frame as they came in.
    previous: Vec<Vec3>,
    /// Cartesian coordinates of the last frame, folded into the cell around the origin.
    folded: Vec<Vec3>,
    /// Lattice vectors to add to the last frame (fractional).
    images: Vec<Vec3>,
    /// Unwrapped positions of the last frame (Cartesian convention).
    paths: Vec<Vec3>,
    longest: LongestStep,
}

impl Unwrapper {
    /// For trajectories of `n_atoms` atoms.
    pub fn new(n_atoms: usize, convention: Convention, input: Input) -> Self {
        let zeros = vec![[0.0; 3]; n_atoms];
        Self {
            convention,
            input,
            n_atoms,
            n_frames: 0,
            previous: zeros.clone(),
            folded: zeros.clone(),
            images: zeros.clone(),
            paths: zeros,
            longest: LongestStep::default(),
        }
    }

    /// The longest step so far, relative to its limit.
    pub fn longest(&self) -> LongestStep {
        self.longest
    }

    /// Number of frames so far.
    pub fn n_frames(&self) -> usize {
        self.n_frames
    }

    /// Replace the positions of the next frames, `(n, n_atoms, 3)` flat, Å, by unwrapped ones.
    ///
    /// `cells` holds one cell for all frames or one for each.
    ///
    /// # Errors
    /// [`Error::Structure`] for a step not shorter than half of the shortest lattice vector, or a position that is not
    /// finite; [`Error::Shape`] for lengths that do not match.
    pub fn advance(&mut self, positions: &mut [f64], cells: &[Mat3]) -> Result<()> {
        let width = 3 * self.n_atoms;
        let n = positions.len().checked_div(width).unwrap_or(0);
        if n * width != positions.len() || (cells.len() != 1 && cells.len() != n) {
            return Err(Error::shape(
                "positions and cells",
                format!("(n, {}, 3) and (n or 1, 3, 3)", self.n_atoms),
                format!("{} numbers and {} cells", positions.len(), cells.len()),
            ));
        }
        let fixed = cells.len() == 1;
        let mut current = None;
        for (k, frame) in positions.chunks_exact_mut(width.max(1)).enumerate() {
            if current.is_none() || !fixed {
                let cell = cells[if fixed { 0 } else { k }];
                current = Some((cell, inverse(&cell), Lattice::new(cell)?));
            }
            if let Some((cell, to_fractional, lattice)) = &current {
                self.frame(frame, cell, to_fractional, lattice)?;
            }
            self.n_frames += 1;
        }
        Ok(())
    }

    fn frame(
        &mut self,
        frame: &mut [f64],
        cell: &Mat3,
        to_fractional: &Mat3,
        lattice: &Lattice,
    ) -> Result<()> {
        let first = self.n_frames == 0;
        let (points, _) = frame.as_chunks_mut::<3>();
        for (atom, point) in points.iter_mut().enumerate() {
            if !point.iter().all(|x| x.is_finite()) {
                return Err(Error::Structure(format!(
                    "position of atom {atom} in frame {} is not finite: {point:?}",
                    self.n_frames
                )));
            }
            let fractional = row_times(*point, to_fractional);
            *point = match self.convention {
                Convention::Fractional(reference) => {
                    if !first {
                        let step = row_times(sub(fractional, self.previous[atom]), cell);
                        let counts = self.step(atom, step, lattice)?.1;
                        self.images[atom] = add(self.images[atom], counts);
                    }
                    let images = self.images[atom];
                    // In a fixed cell the positions as they came in, plus whole lattice vectors: nothing is rounded.
                    if reference == *cell {
                        add(*point, row_times(images, cell))
                    } else {
                        row_times(add(fractional, images), &reference)
                    }
                }
                Convention::Cartesian => {
                    let folded = match self.input {
                        Input::Wrapped => row_times(fractional.map(|s| s - s.round()), cell),
                        Input::Continuous => *point,
                    };
                    self.paths[atom] = if first {
                        *point
                    } else {
                        let step = self.step(atom, sub(folded, self.folded[atom]), lattice)?.0;
                        add(self.paths[atom], step)
                    };
                    self.folded[atom] = folded;
                    self.paths[atom]
                }
            };
            self.previous[atom] = fractional;
        }
        Ok(())
    }

    /// Shortest image of a step and its lattice vectors; the longest one is kept.
    #[inline]
    fn step(&mut self, atom: usize, step: Vec3, lattice: &Lattice) -> Result<(Vec3, Vec3)> {
        let limit = lattice.certified();
        let found = match self.input {
            Input::Wrapped => lattice.shortest(step),
            Input::Continuous if norm(step) < limit => Ok((step, [0.0; 3])),
            Input::Continuous => Err(TooFar { length: norm(step) }),
        };
        let frame = self.n_frames - 1;
        let (image, counts) = found.map_err(|far| self.too_far(far, limit, atom))?;
        let candidate = LongestStep { length: norm(image), limit, frame, atom };
        if candidate.share() > self.longest.share() {
            self.longest = candidate;
        }
        Ok((image, counts))
    }

    #[cold]
    fn too_far(&self, far: TooFar, limit: f64, atom: usize) -> Error {
        let (length, frame, next) = (far.length, self.n_frames - 1, self.n_frames);
        Error::Structure(match self.input {
            Input::Wrapped => format!(
                "atom {atom} moves {length:.2} Å between frames {frame} and {next}, more than half of the shortest lattice \
                 vector ({limit:.2} Å): its path is ambiguous; store frames more often"
            ),
            Input::Continuous => format!(
                "atom {atom} jumps {length:.2} Å between frames {frame} and {next} (half of the shortest lattice vector is \
                 {limit:.2} Å): the positions are wrapped or the frames too far apart; unwrap them first (analysis.unwrap, \
                 or wrapped=True)"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    const SKEWED: Mat3 = [[9.0, 0.0, 0.0], [13.0, 8.0, 0.0], [-7.0, 5.0, 10.0]];

    fn scaled(cell: &Mat3, factor: f64) -> Mat3 {
        cell.map(|row| row.map(|x| factor * x))
    }

    fn wrap(point: Vec3, cell: &Mat3) -> Vec3 {
        row_times(row_times(point, &inverse(cell)).map(|s| s - s.floor()), cell)
    }

    /// Fractional random walks whose steps stay below a quarter of the shortest lattice vector.
    fn walks(n_frames: usize, n_atoms: usize, cell: &Mat3) -> Vec<Vec3> {
        let mut rng = rand_pcg::Pcg64::seed_from_u64(5);
        let reach = 0.5 * Lattice::new(*cell).unwrap().certified();
        let mut state: Vec<Vec3> = (0..n_atoms).map(|_| [0; 3].map(|_| rng.random::<f64>())).collect();
        let mut out = Vec::new();
        for _ in 0..n_frames {
            for s in &mut state {
                let direction = [0; 3].map(|_| rng.random::<f64>() - 0.5);
                let step = direction.map(|x| x * reach / 0.9);
                *s = add(*s, row_times(step, &inverse(cell)));
            }
            out.extend_from_slice(&state);
        }
        out
    }

    #[test]
    fn wrapping_is_undone_in_blocks_of_any_size() {
        let fractional = walks(60, 4, &SKEWED);
        let path: Vec<f64> = fractional.iter().flat_map(|s| row_times(*s, &SKEWED)).collect();
        let wrapped: Vec<f64> = path.as_chunks::<3>().0.iter().flat_map(|p| wrap(*p, &SKEWED)).collect();
        for convention in [Convention::Fractional(SKEWED), Convention::Cartesian] {
            for block in [1, 7, 60] {
                let mut unwrapper = Unwrapper::new(4, convention, Input::Wrapped);
                let mut found = wrapped.clone();
                found.chunks_mut(block * 12).for_each(|part| unwrapper.advance(part, &[SKEWED]).unwrap());
                for (k, (a, b)) in found.iter().zip(&path).enumerate() {
                    let shift = wrapped[k % 12] - path[k % 12];
                    assert!((a - b - shift).abs() < 1e-9, "{convention:?} {block} {k}");
                }
                assert_eq!(unwrapper.n_frames(), 60);
                assert!(unwrapper.longest().share() < 1.0 && unwrapper.longest().length > 0.5);
            }
        }
    }

    #[test]
    fn breathing_drops_out_of_the_fractional_convention() {
        let fractional = walks(50, 3, &SKEWED);
        let cells: Vec<Mat3> =
            (0..50).map(|k| scaled(&SKEWED, 1.0 + 0.02 * (k as f64 * 0.7).sin())).collect();
        let mut wrapped: Vec<f64> = fractional
            .iter()
            .enumerate()
            .flat_map(|(k, s)| wrap(row_times(*s, &cells[k / 3]), &cells[k / 3]))
            .collect();
        Unwrapper::new(3, Convention::Fractional(SKEWED), Input::Wrapped)
            .advance(&mut wrapped, &cells)
            .unwrap();
        for (k, point) in wrapped.as_chunks::<3>().0.iter().enumerate() {
            let expected = row_times(sub(fractional[k], fractional[k % 3]), &SKEWED);
            let found = sub(*point, wrapped.as_chunks::<3>().0[k % 3]);
            assert!(norm(sub(found, expected)) < 1e-9);
        }
    }

    #[test]
    fn continuous_paths_are_checked_and_kept() {
        let path: Vec<f64> = walks(30, 2, &SKEWED).iter().flat_map(|s| row_times(*s, &SKEWED)).collect();
        let mut kept = path.clone();
        Unwrapper::new(2, Convention::Fractional(SKEWED), Input::Continuous)
            .advance(&mut kept, &[SKEWED])
            .unwrap();
        assert_eq!(kept, path);
        kept[6 * 20] += 30.0;
        let message = Unwrapper::new(2, Convention::Fractional(SKEWED), Input::Continuous)
            .advance(&mut kept, &[SKEWED])
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("atom 0 jumps") && message.contains("between frames 19 and 20"),
            "{message}"
        );
    }

    #[test]
    fn bad_input_is_named() {
        let mut unwrapper = Unwrapper::new(2, Convention::Cartesian, Input::Wrapped);
        assert!(unwrapper.advance(&mut [0.0; 5], &[SKEWED]).is_err());
        let message = unwrapper.advance(&mut [0.0, 0.0, 0.0, 0.0, f64::NAN, 0.0], &[SKEWED]).unwrap_err();
        assert!(message.to_string().contains("atom 1 in frame 0"), "{message}");
    }
}
