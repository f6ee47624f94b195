//! Linear-scaling neighbor search with bins.
//!
//! Atoms are wrapped into the cell and sorted into bins about half a cutoff wide. Every atom looks into all bins
//! within reach; bin indices beyond the cell wrap around and carry a lattice shift, so cells much smaller than the
//! cutoff need no special case.

use super::Pair;
use crate::error::{Error, Result};
use crate::linalg::{Vec3, add, dot, sub};
use crate::system::System;
use rayon::prelude::*;

/// Atoms per parallel task; results are concatenated in order, so the value does not change them.
const CHUNK: usize = 128;
/// More bins than this per atom would only cost memory in sparse systems.
const MAX_BINS_PER_ATOM: usize = 4;
/// Atoms closer than this are taken to coincide, Å².
const COINCIDENT: f64 = 1e-12;

struct Bins {
    counts: [i64; 3],
    reach: [i64; 3],
    periodic: [bool; 3],
    /// Bin and wrap shift (lattice vectors subtracted to bring the atom into the cell) of every atom.
    bin: Vec<[i64; 3]>,
    wrap: Vec<[i32; 3]>,
    wrapped: Vec<Vec3>,
    /// Atoms sorted by bin, and the start of every bin.
    order: Vec<u32>,
    starts: Vec<usize>,
}

/// Offsets and pairs of the full list.
pub(super) fn search(system: &System, cutoff: f64) -> Result<(Vec<usize>, Vec<Pair>)> {
    let n = system.n_atoms();
    let bins = Bins::new(system, cutoff);
    let parts: Vec<Result<(Vec<usize>, Vec<Pair>)>> = if n <= 4 * CHUNK {
        vec![bins.search(system, cutoff, 0..n)]
    } else {
        let n_chunks = n.div_ceil(CHUNK);
        (0..n_chunks)
            .into_par_iter()
            .map(|chunk| bins.search(system, cutoff, chunk * CHUNK..((chunk + 1) * CHUNK).min(n)))
            .collect()
    };
    let mut offsets = Vec::with_capacity(n + 1);
    offsets.push(0);
    let mut pairs = Vec::new();
    for part in parts {
        let (ends, found) = part?;
        let base = pairs.len();
        offsets.extend(ends.iter().map(|end| base + end));
        pairs.extend(found);
    }
    Ok((offsets, pairs))
}

impl Bins {
    fn new(system: &System, cutoff: f64) -> Self {
        let n = system.n_atoms();
        let periodic = system.cell.periodic();
        let heights = system.cell.heights();
        let mut fractional: Vec<Vec3> = system.positions.iter().map(|&x| system.cell.fractional(x)).collect();
        let mut wrap = vec![[0i32; 3]; n];
        let mut low = [0.0; 3];
        let mut width = [1.0; 3];
        for axis in 0..3 {
            if periodic[axis] {
                for (f, w) in fractional.iter_mut().zip(&mut wrap) {
                    let cells = f[axis].floor();
                    f[axis] -= cells;
                    w[axis] = cells as i32;
                }
            } else {
                let (lo, hi) = fractional
                    .iter()
                    .fold((f64::MAX, f64::MIN), |(lo, hi), f| (lo.min(f[axis]), hi.max(f[axis])));
                low[axis] = lo;
                width[axis] = (hi - lo).max(1e-9);
            }
        }
        let limit = (n * MAX_BINS_PER_ATOM).max(1) as f64;
        let mut counts = [1i64; 3];
        let mut reach = [0i64; 3];
        // Cube root of the allowed number per axis keeps the total bounded for elongated systems as well.
        let per_axis_limit = limit.max(64.0);
        for axis in 0..3 {
            counts[axis] =
                (2.0 * heights[axis] * width[axis] / cutoff).floor().clamp(1.0, per_axis_limit) as i64;
        }
        while counts.iter().product::<i64>() as f64 > limit.max(1.0) && counts.iter().any(|&c| c > 1) {
            for count in &mut counts {
                *count = (*count / 2).max(1);
            }
        }
        for axis in 0..3 {
            reach[axis] = (cutoff * counts[axis] as f64 / (heights[axis] * width[axis])).ceil() as i64;
            if !periodic[axis] {
                reach[axis] = reach[axis].min(counts[axis] - 1);
            }
        }
        let bin: Vec<[i64; 3]> = fractional
            .iter()
            .map(|f| {
                let mut b = [0i64; 3];
                for axis in 0..3 {
                    let position = (f[axis] - low[axis]) / width[axis] * counts[axis] as f64;
                    b[axis] = (position.floor() as i64).clamp(0, counts[axis] - 1);
                }
                b
            })
            .collect();
        let n_bins = counts.iter().product::<i64>() as usize;
        let flat = |b: &[i64; 3]| ((b[0] * counts[1] + b[1]) * counts[2] + b[2]) as usize;
        let mut starts = vec![0usize; n_bins + 1];
        for b in &bin {
            starts[flat(b) + 1] += 1;
        }
        for k in 0..n_bins {
            starts[k + 1] += starts[k];
        }
        let mut next = starts.clone();
        let mut order = vec![0u32; n];
        for (atom, b) in bin.iter().enumerate() {
            order[next[flat(b)]] = atom as u32;
            next[flat(b)] += 1;
        }
        let wrapped =
            system.positions.iter().zip(&wrap).map(|(&x, &w)| sub(x, system.cell.shift_vector(w))).collect();
        Self { counts, reach, periodic, bin, wrap, wrapped, order, starts }
    }

    /// Index of the bin `target` after wrapping, and the lattice shift it stands for; `None` outside an open side.
    #[inline]
    fn image(&self, axis: usize, target: i64) -> Option<(i64, i32)> {
        let count = self.counts[axis];
        if self.periodic[axis] {
            Some((target.rem_euclid(count), target.div_euclid(count) as i32))
        } else if (0..count).contains(&target) {
            Some((target, 0))
        } else {
            None
        }
    }

    fn search(
        &self,
        system: &System,
        cutoff: f64,
        atoms: std::ops::Range<usize>,
    ) -> Result<(Vec<usize>, Vec<Pair>)> {
        let cutoff2 = cutoff * cutoff;
        let mut ends = Vec::with_capacity(atoms.len());
        let mut pairs = Vec::new();
        for i in atoms {
            let (home, center) = (self.bin[i], self.wrapped[i]);
            for a in home[0] - self.reach[0]..=home[0] + self.reach[0] {
                let Some((bin_a, shift_a)) = self.image(0, a) else { continue };
                for b in home[1] - self.reach[1]..=home[1] + self.reach[1] {
                    let Some((bin_b, shift_b)) = self.image(1, b) else { continue };
                    for c in home[2] - self.reach[2]..=home[2] + self.reach[2] {
                        let Some((bin_c, shift_c)) = self.image(2, c) else { continue };
                        let bin = ((bin_a * self.counts[1] + bin_b) * self.counts[2] + bin_c) as usize;
                        let shift = [shift_a, shift_b, shift_c];
                        let origin = sub(system.cell.shift_vector(shift), center);
                        for &j in &self.order[self.starts[bin]..self.starts[bin + 1]] {
                            let vector = add(self.wrapped[j as usize], origin);
                            let r2 = dot(vector, vector);
                            if r2 >= cutoff2 || (j as usize == i && shift == [0; 3]) {
                                continue;
                            }
                            if r2 < COINCIDENT {
                                return Err(Error::Structure(format!(
                                    "atoms {i} and {j} are at the same position"
                                )));
                            }
                            pairs.push(Pair { j, shift: self.unwrapped_shift(i, j as usize, shift) });
                        }
                    }
                }
            }
            ends.push(pairs.len());
        }
        Ok((ends, pairs))
    }

    /// The shift between the original positions of a pair found with `shift` between the wrapped ones.
    #[inline]
    fn unwrapped_shift(&self, i: usize, j: usize, shift: [i32; 3]) -> [i32; 3] {
        let (wi, wj) = (self.wrap[i], self.wrap[j]);
        [shift[0] + wi[0] - wj[0], shift[1] + wi[1] - wj[1], shift[2] + wi[2] - wj[2]]
    }
}
