//! Lattice shifts by number: a pair is stored as the index of its atom and the number of its shift.
//!
//! Atoms are wrapped into the cell for the search, atom `i` by `w_i` lattice vectors. A pair found at the image `s` of the
//! cell has the shift `s + w_i - w_j` between the unwrapped positions. Numbers count the boxes of a grid of shifts, so
//! that the number of a sum is the sum of the numbers and costs one integer addition per pair. Atoms that have drifted so
//! far apart that this grid would be large get their shifts counted one by one instead.

use super::cell_list::Block;
use crate::cell::Cell;
use crate::linalg::{Mat3, Vec3};
use std::collections::HashMap;

/// Grids of shifts larger than this are not stored.
const MAX_GRID: i64 = 1 << 14;

/// Index of the atom and number of the shift in one word.
#[inline(always)]
pub(super) fn pack(atom: u32, shift: u32) -> u64 {
    u64::from(atom) | u64::from(shift) << 32
}

#[inline(always)]
pub(super) fn atom_of(packed: u64) -> u32 {
    packed as u32
}

#[inline(always)]
pub(super) fn shift_of(packed: u64) -> u32 {
    (packed >> 32) as u32
}

/// Shifts of a list and their vectors.
#[derive(Debug, Clone, Default)]
pub(super) struct ShiftTable {
    shifts: Vec<[i32; 3]>,
    vectors: Vec<Vec3>,
    low: [i64; 3],
    counts: [i64; 3],
    /// Lattice vectors of `vectors`.
    lattice: Mat3,
    /// Whether the grid of all shifts between low and high is stored.
    dense: bool,
}

impl ShiftTable {
    pub fn bytes(&self) -> usize {
        size_of_val(&self.shifts[..]) + size_of_val(&self.vectors[..])
    }

    #[inline]
    pub fn shift(&self, number: u32) -> [i32; 3] {
        self.shifts[number as usize]
    }

    /// `S·H`, Å.
    #[inline]
    pub fn vector(&self, number: u32) -> Vec3 {
        self.vectors[number as usize]
    }

    /// Prepares the numbers of all sums of an image in `images` and a difference of wraps in `wraps` (lowest and highest
    /// along each axis). Where there are too many, images are numbered alone, and [`ShiftTable::count`] must follow.
    pub fn prepare(&mut self, cell: &Cell, images: [[i64; 2]; 3], wraps: [[i64; 2]; 3]) {
        let range = |spread: [i64; 3]| {
            let low = [0, 1, 2].map(|a| images[a][0] - spread[a]);
            (low, [0, 1, 2].map(|a| images[a][1] + spread[a] - low[a] + 1))
        };
        let (mut low, mut counts) = range(wraps.map(|w| w[1] - w[0]));
        // Each count is below 2^33, so that the product of two and a bounded third cannot overflow.
        let dense = counts.iter().all(|&c| c <= MAX_GRID) && counts.iter().product::<i64>() <= MAX_GRID;
        if !dense {
            (low, counts) = range([0; 3]);
        }
        if dense && self.dense && (low, counts) == (self.low, self.counts) && self.is_of(cell) {
            return;
        }
        (self.low, self.counts, self.dense) = (low, counts, dense);
        self.shifts.clear();
        for a in 0..counts[0] {
            for b in 0..counts[1] {
                for c in 0..counts[2] {
                    self.shifts.push([low[0] + a, low[1] + b, low[2] + c].map(|s| s as i32));
                }
            }
        }
        self.fill_vectors(cell);
    }

    /// Whether the vectors are those of `cell`.
    pub fn is_of(&self, cell: &Cell) -> bool {
        self.lattice == *cell.vectors()
    }

    /// Vectors of the shifts in `cell`, from now on.
    pub fn fill_vectors(&mut self, cell: &Cell) {
        self.lattice = *cell.vectors();
        self.vectors.clear();
        self.vectors.extend(self.shifts.iter().map(|&s| cell.shift_vector(s)));
    }

    /// Whether wraps are part of the numbers.
    pub fn is_dense(&self) -> bool {
        self.dense
    }

    /// What a step along each axis adds to a number; sums are taken modulo 2^32.
    pub fn strides(&self) -> [u32; 3] {
        [(self.counts[1] * self.counts[2]) as u32, self.counts[2] as u32, 1]
    }

    /// The number of the shift zero.
    pub fn origin(&self) -> u32 {
        let strides = self.strides();
        (0..3).fold(0u32, |sum, a| sum.wrapping_sub((self.low[a] as u32).wrapping_mul(strides[a])))
    }

    /// Replaces the numbers of images in the blocks by numbers of shifts, counted in the order of the pairs.
    pub fn count(&mut self, cell: &Cell, blocks: &mut [Block], wrap: &[[i32; 3]]) {
        let images = std::mem::take(&mut self.shifts);
        let mut numbers: HashMap<[i32; 3], u32> = HashMap::new();
        let mut first = 0;
        for block in blocks {
            for i in 0..block.n_atoms() {
                let own = wrap[first + i];
                for packed in block.of_mut(i) {
                    let (j, image) = (atom_of(*packed), images[shift_of(*packed) as usize]);
                    let other = wrap[j as usize];
                    let shift = [0, 1, 2].map(|a| image[a] + own[a] - other[a]);
                    let number = *numbers.entry(shift).or_insert_with(|| {
                        self.shifts.push(shift);
                        self.shifts.len() as u32 - 1
                    });
                    *packed = pack(j, number);
                }
            }
            first += block.n_atoms();
        }
        self.fill_vectors(cell);
    }
}
