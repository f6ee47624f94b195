//! Linear-scaling neighbor search: every atom looks into the stretches of the columns of [`Grid`] within reach.
//!
//! Bins beyond the cell wrap around and carry a lattice shift, so cells much smaller than the cutoff need no special
//! case. Distances of several atoms are computed together, and neighbors are kept without a branch.

use super::grid::{Grid, Image, LANES};
use super::shifts::atom_of;
use crate::error::{Error, Result};
use crate::linalg::{Vec3, add, dot, sub};
use crate::simd::Level;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Atoms per parallel task and piece of memory.
pub(super) const BLOCK: usize = 64;
/// Atoms closer than this are taken to coincide, Å².
const COINCIDENT: f64 = 1e-12;
/// Atoms looked at before the pairs among them are moved to the list.
const BUFFER: usize = 512;

/// Pairs of [`BLOCK`] consecutive atoms.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    starts: Vec<u32>,
    packed: Vec<u64>,
    /// Two atoms at the same place.
    coincident: Option<[u32; 2]>,
}

impl Block {
    #[inline]
    pub fn of(&self, i: usize) -> &[u64] {
        &self.packed[self.starts[i] as usize..self.starts[i + 1] as usize]
    }

    pub fn of_mut(&mut self, i: usize) -> &mut [u64] {
        &mut self.packed[self.starts[i] as usize..self.starts[i + 1] as usize]
    }

    pub fn n_atoms(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn shrink(&mut self) {
        self.starts.shrink_to_fit();
        self.packed.shrink_to_fit();
    }

    pub fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&self.starts[..]) + size_of_val(&self.packed[..])
    }

    pub fn n_pairs(&self) -> usize {
        self.packed.len()
    }
}

/// Fills the blocks; the numbers of shifts in them are those of [`Grid`].
pub(super) fn search(grid: &Grid, origin: u32, cutoff: f64, blocks: &mut Vec<Block>) -> Result<()> {
    let n = grid.place.len();
    blocks.resize_with(n.div_ceil(BLOCK), Block::default);
    let level = Level::detect()?;
    let run = |(index, block): (usize, &mut Block)| {
        let atoms = index * BLOCK..((index + 1) * BLOCK).min(n);
        level.run(SearchBlock { grid, origin, cutoff2: cutoff * cutoff, atoms, block });
    };
    if blocks.len() == 1 {
        blocks.iter_mut().enumerate().for_each(run);
    } else {
        blocks.par_iter_mut().enumerate().for_each(run);
    }
    match blocks.iter().find_map(|block| block.coincident) {
        Some([i, j]) => Err(Error::Structure(format!("atoms {i} and {j} are at the same position"))),
        None => Ok(()),
    }
}

struct SearchBlock<'a> {
    grid: &'a Grid,
    origin: u32,
    cutoff2: f64,
    atoms: std::ops::Range<usize>,
    block: &'a mut Block,
}

impl WithSimd for SearchBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { grid, origin, cutoff2, atoms, block } = self;
        // A little more than the mean leaves room for atoms that come and go.
        let expected = (grid.expected * atoms.len() * 9).div_ceil(8);
        block.starts.clear();
        block.starts.reserve(atoms.len() + 1);
        block.starts.push(0);
        block.packed.clear();
        block.coincident = None;
        let mut candidates = Candidates { packed: [0; BUFFER], is_pair: [0; BUFFER], len: 0 };
        let limits = [simd.splat_f64s(COINCIDENT), simd.splat_f64s(cutoff2)];
        for i in atoms {
            let place = grid.place[i] as usize;
            let center = [grid.x[place], grid.y[place], grid.z[place]];
            // The key of an atom holds minus the number of its wrap.
            let number = origin.wrapping_sub((grid.key[place] >> 32) as u32);
            let mut n_coincident = simd.splat_f64s(0.0);
            for_stretches(grid, grid.bin[i], |images, from, to| {
                let number = images.iter().fold(number, |sum, image| sum.wrapping_add(image.number));
                let query = Query {
                    start: offset(images, center).map(|x| simd.splat_f64s(x)),
                    number: simd.splat_u64s(u64::from(number) << 32),
                    limits,
                };
                let mut first = from;
                while first < to {
                    if candidates.len > BUFFER - LANES {
                        candidates.flush(&mut block.packed, expected);
                    }
                    let close = candidates.look(simd, grid, first, &query);
                    n_coincident = simd.add_f64s(n_coincident, close);
                    candidates.len += LANES.min(to - first);
                    first += LANES;
                }
            });
            candidates.flush(&mut block.packed, expected);
            block.starts.push(block.packed.len() as u32);
            // Every atom finds itself; the lanes of a stretch may reach beyond its end and find it again.
            if simd.reduce_sum_f64s(n_coincident) != 1.0 && block.coincident.is_none() {
                block.coincident = find_coincident(grid, i);
            }
        }
    }
}

/// Calls `visit` with the three images, the first and the last place (exclusive) of every stretch of sorted atoms that
/// may hold neighbors of an atom in `bin`.
#[inline(always)]
fn for_stretches(grid: &Grid, bin: u32, mut visit: impl FnMut([&Image; 3], usize, usize)) {
    let n = grid.counts;
    let bin = i64::from(bin);
    let home = [bin / (n[1] * n[2]), bin / n[2] % n[1], bin % n[2]];
    let image = |axis: usize, target: i64| &grid.images[axis][(target + grid.reach[axis]) as usize];
    for column in &grid.columns {
        let (first, second) = (image(0, home[0] + column.offset[0]), image(1, home[1] + column.offset[1]));
        let (Some(a), Some(b)) = (first.bin, second.bin) else { continue };
        let row = (i64::from(a) * n[1] + i64::from(b)) * n[2];
        let [mut slice, mut last] = column.slices.map(|slice| home[2] + slice);
        if !grid.periodic[2] {
            (slice, last) = (slice.max(0), last.min(n[2] - 1));
        }
        while slice <= last {
            let third = image(2, slice);
            let c = i64::from(third.bin.unwrap_or(0));
            let end = (last + 1 - slice + c).min(n[2]);
            let range = [grid.starts[(row + c) as usize], grid.starts[(row + end) as usize]];
            visit([first, second, third], range[0] as usize, range[1] as usize);
            slice += end - c;
        }
    }
}

/// `s·H` less the center.
#[inline(always)]
fn offset(images: [&Image; 3], center: Vec3) -> Vec3 {
    sub(add(add(images[0].vector, images[1].vector), images[2].vector), center)
}

/// A center seen from one image of the cell.
struct Query<S: Simd> {
    /// `s·H` less the center.
    start: [S::f64s; 3],
    number: S::u64s,
    /// Squared distances at which atoms coincide and at which they are neighbors.
    limits: [S::f64s; 2],
}

/// Atoms looked at from one center, and whether they are pairs (1) or not (0).
struct Candidates {
    packed: [u64; BUFFER],
    is_pair: [u64; BUFFER],
    len: usize,
}

impl Candidates {
    /// Enters [`LANES`] sorted atoms from `first` on behind the present ones; returns, summed over the lanes of a vector,
    /// how many coincide with the center.
    #[inline(always)]
    fn look<S: Simd>(&mut self, simd: S, grid: &Grid, first: usize, query: &Query<S>) -> S::f64s {
        let lanes = first..first + LANES;
        let Query { start, number, limits: [coincident, cutoff2] } = *query;
        let [x, y, z] = [&grid.x, &grid.y, &grid.z].map(|all| S::as_simd_f64s(&all[lanes.clone()]).0);
        let key = S::as_simd_u64s(&grid.key[lanes.clone()]).0;
        let packed = S::as_mut_simd_u64s(&mut self.packed[self.len..self.len + LANES]).0;
        let is_pair = S::as_mut_simd_u64s(&mut self.is_pair[self.len..self.len + LANES]).0;
        let (one, zero) = (simd.splat_u64s(1), simd.splat_u64s(0));
        let mut n_coincident = simd.splat_f64s(0.0);
        let unit = [simd.splat_f64s(1.0), simd.splat_f64s(0.0)];
        for v in 0..LANES / S::F64_LANES {
            let dx = simd.add_f64s(x[v], start[0]);
            let dy = simd.add_f64s(y[v], start[1]);
            let dz = simd.add_f64s(z[v], start[2]);
            let xy = simd.add_f64s(simd.mul_f64s(dx, dx), simd.mul_f64s(dy, dy));
            let r2 = simd.add_f64s(xy, simd.mul_f64s(dz, dz));
            let close = simd.less_than_f64s(r2, coincident);
            let inside = simd.less_than_f64s(r2, cutoff2);
            n_coincident = simd.add_f64s(n_coincident, simd.select_f64s(close, unit[0], unit[1]));
            is_pair[v] = simd.select_u64s(close, zero, simd.select_u64s(inside, one, zero));
            packed[v] = simd.add_u64s(key[v], number);
        }
        n_coincident
    }

    /// Moves the pairs to the list, whose memory starts with room for `expected` pairs.
    #[inline(always)]
    fn flush(&mut self, packed: &mut Vec<u64>, expected: usize) {
        let mut kept = 0;
        for n in 0..self.len {
            self.packed[kept % BUFFER] = self.packed[n];
            kept += self.is_pair[n] as usize;
        }
        self.len = 0;
        if packed.capacity() - packed.len() < kept {
            let guess = if packed.capacity() == 0 { expected } else { packed.len() / 4 };
            packed.reserve_exact(kept.max(guess));
        }
        packed.extend_from_slice(&self.packed[..kept]);
    }
}

/// Atom `i` and one at the same place.
#[cold]
fn find_coincident(grid: &Grid, i: usize) -> Option<[u32; 2]> {
    let place = grid.place[i] as usize;
    let center = [grid.x[place], grid.y[place], grid.z[place]];
    let mut found = None;
    for_stretches(grid, grid.bin[i], |images, from, to| {
        let start = offset(images, center);
        let is_home = images.iter().all(|image| image.vector == [0.0; 3]);
        for p in from..to {
            let r = add([grid.x[p], grid.y[p], grid.z[p]], start);
            if dot(r, r) < COINCIDENT && !(is_home && p == place) {
                found = Some([i as u32, atom_of(grid.key[p])]);
            }
        }
    });
    found
}
