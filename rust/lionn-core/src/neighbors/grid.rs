//! Atoms sorted into bins: columns about half a cutoff wide along the first two lattice vectors, cut into thin slices
//! along the third.
//!
//! The atoms of one column lie one after the other in memory, so what a center has to look at is a stretch of every
//! column near by. How far the stretch reaches depends only on the offset of the column: with the distance `d` of the two
//! columns (parallelograms seen along the third lattice vector), neighbors have a component along it within
//! `sqrt(cutoff² - d²)` of the center's.

use super::cell_list::Block;
use super::shifts::{ShiftTable, pack};
use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::linalg::{Vec3, dot, norm, scale, sub};
use crate::system::System;

/// Bins per cutoff along each lattice vector.
const BINS_PER_CUTOFF: [f64; 3] = [2.0, 2.0, 6.0];
/// More bins than this per atom would only cost memory in sparse systems.
const MAX_BINS_PER_ATOM: usize = 8;
/// Farthest that an atom may be from the cell, in lattice vectors: differences must fit 32 bits.
const MAX_WRAP: f64 = 1e9;
/// Room for rounding when bins are skipped, relative.
const MARGIN: f64 = 1e-9;
/// Atoms looked at together; arrays end with as many that are no one's neighbor.
pub(super) const LANES: usize = 8;

/// Where an index beyond the bins of an axis leads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Image {
    /// Bin after wrapping; `None` outside an open side.
    pub bin: Option<u32>,
    /// Its share of the vector `s·H`, Å.
    pub vector: Vec3,
    /// Its share of the number of the shift.
    pub number: u32,
}

/// Columns at one offset, and the slices of them within reach of the center's slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub offset: [i64; 2],
    pub slices: [i64; 2],
}

/// Sorted atoms; buffers are reused.
#[derive(Debug, Clone, Default)]
pub(super) struct Grid {
    pub counts: [i64; 3],
    pub reach: [i64; 3],
    pub periodic: [bool; 3],
    pub columns: Vec<Column>,
    /// Images of the bins `-reach..count + reach` of every axis.
    pub images: [Vec<Image>; 3],
    /// Start of every bin in the sorted arrays.
    pub starts: Vec<u32>,
    /// Wrapped positions in sorted order, Å, then [`LANES`] entries that are not numbers.
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    pub z: Vec<f64>,
    /// Index of every sorted atom and minus the number of its wrap.
    pub key: Vec<u64>,
    /// Bin and place in the sorted arrays of every atom.
    pub bin: Vec<u32>,
    pub place: Vec<u32>,
    pub wrap: Vec<[i32; 3]>,
    /// Expected pairs per atom at uniform density.
    pub expected: usize,
    fractional: Vec<Vec3>,
    next: Vec<u32>,
}

impl Grid {
    /// Sorts the atoms of `system` for a search up to `cutoff`.
    pub fn fill(&mut self, system: &System, cutoff: f64, shifts: &mut ShiftTable) -> Result<()> {
        let n = system.n_atoms();
        let (low, width) = self.wrap(system)?;
        self.choose_bins(&system.cell, width, cutoff, n);
        self.choose_columns(&system.cell, width, cutoff);
        let volume = system.cell.volume() * width.iter().product::<f64>();
        let sphere = 4.0 / 3.0 * std::f64::consts::PI * cutoff.powi(3);
        self.expected = (n as f64 / volume * sphere).min(n as f64 + sphere) as usize;
        self.number_images(&system.cell, shifts);
        self.sort(system, low, width, shifts);
        Ok(())
    }

    /// Puts the wraps of the atoms into the numbers of shifts, where this was not possible during the search.
    pub fn resolve_shifts(&self, blocks: &mut [Block], shifts: &mut ShiftTable, system: &System) {
        if !shifts.is_dense() {
            shifts.count(&system.cell, blocks, &self.wrap);
        }
    }

    /// Fractional coordinates in [0, 1) along periodic axes and the cells taken off; lowest coordinate and extent along
    /// the others.
    fn wrap(&mut self, system: &System) -> Result<(Vec3, Vec3)> {
        self.periodic = system.cell.periodic();
        self.fractional.clear();
        self.wrap.clear();
        let (mut low, mut high) = ([f64::MAX; 3], [f64::MIN; 3]);
        for (i, &position) in system.positions.iter().enumerate() {
            let mut f = system.cell.fractional(position);
            let mut wrap = [0; 3];
            for axis in 0..3 {
                if self.periodic[axis] {
                    let cells = f[axis].floor();
                    if cells.abs() > MAX_WRAP {
                        return Err(Error::Structure(format!(
                            "atom {i} is {cells:.1e} cells away from the origin along axis {axis} (limit {MAX_WRAP:.0e})"
                        )));
                    }
                    f[axis] -= cells;
                    wrap[axis] = cells as i32;
                } else {
                    low[axis] = low[axis].min(f[axis]);
                    high[axis] = high[axis].max(f[axis]);
                }
            }
            self.fractional.push(f);
            self.wrap.push(wrap);
        }
        let mut width = [1.0; 3];
        for axis in 0..3 {
            if self.periodic[axis] {
                low[axis] = 0.0;
            } else {
                width[axis] = (high[axis] - low[axis]).max(1e-9);
            }
        }
        Ok((low, width))
    }

    fn choose_bins(&mut self, cell: &Cell, width: Vec3, cutoff: f64, n: usize) {
        let heights = cell.heights();
        let limit = (n * MAX_BINS_PER_ATOM).max(64) as f64;
        for axis in 0..3 {
            let bins = (BINS_PER_CUTOFF[axis] * heights[axis] * width[axis] / cutoff).floor();
            // The limit on every axis keeps the product representable.
            self.counts[axis] = bins.clamp(1.0, limit) as i64;
        }
        while self.counts.iter().product::<i64>() as f64 > limit {
            for count in &mut self.counts {
                *count = (*count / 2).max(1);
            }
        }
        for axis in 0..3 {
            let bins = cutoff * (1.0 + MARGIN) * self.counts[axis] as f64 / (heights[axis] * width[axis]);
            self.reach[axis] = bins.ceil() as i64;
            if !self.periodic[axis] {
                self.reach[axis] = self.reach[axis].min(self.counts[axis] - 1);
            }
        }
    }

    fn choose_columns(&mut self, cell: &Cell, width: Vec3, cutoff: f64) {
        let edge = [0, 1, 2].map(|a| scale(width[a] / self.counts[a] as f64, cell.vectors()[a]));
        let length = norm(edge[2]);
        let along = scale(1.0 / length, edge[2]);
        let parts = [dot(edge[0], along), dot(edge[1], along)];
        let flat = [sub(edge[0], scale(parts[0], along)), sub(edge[1], scale(parts[1], along))];
        let room = cutoff * (1.0 + MARGIN);
        self.columns.clear();
        for a in -self.reach[0]..=self.reach[0] {
            for b in -self.reach[1]..=self.reach[1] {
                let d2 = column_distance2(flat, [a as f64, b as f64]);
                if d2 > room * room {
                    continue;
                }
                // Two points of the columns differ by this much along the third vector, apart from their slices.
                let middle = a as f64 * parts[0] + b as f64 * parts[1];
                let spread = parts[0].abs() + parts[1].abs() + (room * room - d2).sqrt() + MARGIN * room;
                let low = ((-spread - middle) / length - 1.0).ceil() as i64;
                let high = ((spread - middle) / length + 1.0).floor() as i64;
                let reach = self.reach[2];
                let slices = [low.max(-reach), high.min(reach)];
                if slices[0] <= slices[1] {
                    self.columns.push(Column { offset: [a, b], slices });
                }
            }
        }
    }

    fn number_images(&mut self, cell: &Cell, shifts: &mut ShiftTable) {
        let mut images = [[0; 2]; 3];
        let mut wraps = [[0; 2]; 3];
        for axis in 0..3 {
            if self.periodic[axis] {
                let (count, reach) = (self.counts[axis], self.reach[axis]);
                images[axis] = [(-reach).div_euclid(count), (count - 1 + reach).div_euclid(count)];
                let all = self.wrap.iter().map(|w| i64::from(w[axis]));
                wraps[axis] = all.fold([i64::MAX, i64::MIN], |[low, high], w| [low.min(w), high.max(w)]);
                if self.wrap.is_empty() {
                    wraps[axis] = [0; 2];
                }
            }
        }
        shifts.prepare(cell, images, wraps);
        let strides = shifts.strides();
        for axis in 0..3 {
            let (count, reach, periodic) = (self.counts[axis], self.reach[axis], self.periodic[axis]);
            self.images[axis].clear();
            self.images[axis].extend((-reach..count + reach).map(|target| {
                let image = if periodic { target.div_euclid(count) as i32 } else { 0 };
                let bin = target - i64::from(image) * count;
                Image {
                    bin: (0..count).contains(&bin).then_some(bin as u32),
                    vector: scale(f64::from(image), cell.vectors()[axis]),
                    number: (image as u32).wrapping_mul(strides[axis]),
                }
            }));
        }
    }

    /// Counting sort by bin; atoms of one bin keep their order.
    fn sort(&mut self, system: &System, low: Vec3, width: Vec3, shifts: &ShiftTable) {
        let n = system.n_atoms();
        let counts = self.counts;
        let per_width = [0, 1, 2].map(|a| counts[a] as f64 / width[a]);
        self.next.clear();
        self.next.resize(counts.iter().product::<i64>() as usize + 1, 0);
        self.bin.clear();
        for f in &self.fractional {
            let b = [0, 1, 2].map(|a| (((f[a] - low[a]) * per_width[a]) as i64).clamp(0, counts[a] - 1));
            let bin = (b[0] * counts[1] + b[1]) * counts[2] + b[2];
            self.bin.push(bin as u32);
            self.next[bin as usize + 1] += 1;
        }
        let mut sum = 0;
        for next in &mut self.next {
            sum += *next;
            *next = sum;
        }
        self.starts.clone_from(&self.next);
        for array in [&mut self.x, &mut self.y, &mut self.z] {
            array.resize(n + LANES, 0.0);
            array[n..].fill(f64::NAN);
        }
        self.key.resize(n + LANES, 0);
        self.place.resize(n, 0);
        let strides = if shifts.is_dense() { shifts.strides() } else { [0; 3] };
        for (i, (&bin, &wrap)) in self.bin.iter().zip(&self.wrap).enumerate() {
            let place = self.next[bin as usize] as usize;
            self.next[bin as usize] += 1;
            let position = system.positions[i];
            let [x, y, z] =
                if wrap == [0; 3] { position } else { sub(position, system.cell.shift_vector(wrap)) };
            (self.x[place], self.y[place], self.z[place]) = (x, y, z);
            self.key[place] = pack(i as u32, number_of(wrap, strides).wrapping_neg());
            self.place[i] = place as u32;
        }
    }
}

/// Number of a shift relative to that of the shift zero, modulo 2^32.
#[inline]
pub(super) fn number_of(shift: [i32; 3], strides: [u32; 3]) -> u32 {
    (0..3).fold(0u32, |sum, a| sum.wrapping_add((shift[a] as u32).wrapping_mul(strides[a])))
}

/// Squared distance of the parallelogram of the plane vectors `u + a edge[0] + b edge[1]`, `u` in the product of [-1, 1]
/// with the edges, from the origin: the least squared distance of points in two columns `offset` apart.
fn column_distance2(edge: [Vec3; 2], offset: [f64; 2]) -> f64 {
    if offset.iter().all(|x| x.abs() <= 1.0) {
        return 0.0;
    }
    let corner =
        |s: f64, t: f64| [0, 1, 2].map(|k| (offset[0] + s) * edge[0][k] + (offset[1] + t) * edge[1][k]);
    let sides = [
        (corner(-1.0, -1.0), edge[0]),
        (corner(-1.0, 1.0), edge[0]),
        (corner(-1.0, -1.0), edge[1]),
        (corner(1.0, -1.0), edge[1]),
    ];
    sides
        .iter()
        .map(|&(start, side)| {
            // Nearest point of the segment start + t side, t in [0, 2].
            let t = (-dot(start, side) / dot(side, side)).clamp(0.0, 2.0);
            let nearest = [0, 1, 2].map(|k| start[k] + t * side[k]);
            dot(nearest, nearest)
        })
        .fold(f64::INFINITY, f64::min)
}
