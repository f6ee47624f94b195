//! Neighbor search under any periodicity, also where the cell is smaller than the cutoff.
//!
//! [`brute_force`] is the oracle; `grid` sorts atoms into bins, `cell_list` searches them, `shifts` names lattice shifts by a
//! number, so that a stored pair takes eight bytes; [`VerletList`] adds a skin.

mod arrays;
mod brute_force;
mod cell_list;
mod grid;
mod shifts;
mod verlet;

pub use arrays::PairArrays;
pub use brute_force::brute_force;
pub use verlet::VerletList;

use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::linalg::{Vec3, add, sub};
use crate::system::System;
use cell_list::{BLOCK, Block};
use grid::Grid;
use shifts::{ShiftTable, atom_of, shift_of};
use std::borrow::Borrow;

/// A neighbor of some center `i`: atom `j` in the cell shifted by `S` lattice vectors,
/// `r_ij = r_j - r_i + S·H`. An atom may be its own neighbor through a shift that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Index of the neighbor.
    pub j: u32,
    /// Integer lattice shift `S`, zero along directions that are not periodic.
    pub shift: [i32; 3],
}

/// Full neighbor list (both `i-j` and `j-i`), neighbors of one atom stored contiguously.
///
/// The order of the neighbors of an atom follows the bins, so neighbors in sequence are mostly close to each other; it
/// depends on positions, cell and cutoff, not on the number of threads. A pair takes eight bytes.
#[derive(Debug, Clone, Default)]
pub struct NeighborList {
    cutoff: f64,
    n_atoms: usize,
    n_pairs: usize,
    blocks: Vec<Block>,
    shifts: ShiftTable,
    grid: Grid,
}

impl NeighborList {
    /// All pairs closer than `cutoff` (Å).
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a cutoff that is not positive, [`Error::Structure`] for positions that are
    /// not finite, atoms more than a billion cells away or two atoms at the same place.
    pub fn build(system: &System, cutoff: f64) -> Result<Self> {
        let mut list = Self::default();
        list.rebuild(system, cutoff)?;
        Ok(list)
    }

    /// As [`NeighborList::build`], in the memory of this list.
    ///
    /// # Errors
    /// As [`NeighborList::build`]; the list is empty then.
    pub fn rebuild(&mut self, system: &System, cutoff: f64) -> Result<()> {
        (self.n_atoms, self.n_pairs) = (0, 0);
        if !(cutoff.is_finite() && cutoff > 0.0) {
            return Err(Error::InvalidParameter(format!("neighbor cutoff must be positive, got {cutoff}")));
        }
        system.check_finite()?;
        self.grid.fill(system, cutoff, &mut self.shifts)?;
        cell_list::search(&self.grid, self.shifts.origin(), cutoff, &mut self.blocks)?;
        self.grid.resolve_shifts(&mut self.blocks, &mut self.shifts, system);
        self.cutoff = cutoff;
        self.n_atoms = system.n_atoms();
        self.n_pairs = self.blocks.iter().map(Block::n_pairs).sum();
        Ok(())
    }

    /// The same pairs in another cell: the vectors of [`Neighbors::images`] become those of `cell`.
    fn follow(&mut self, cell: &Cell) {
        if !self.shifts.is_of(cell) {
            self.shifts.fill_vectors(cell);
        }
    }

    /// Releases what only [`NeighborList::rebuild`] needs, for a list that is kept.
    pub fn shrunk(mut self) -> Self {
        self.grid = Grid::default();
        self.blocks.iter_mut().for_each(Block::shrink);
        self
    }

    /// Bytes held for pairs and shifts.
    pub fn bytes(&self) -> usize {
        self.blocks.iter().map(Block::bytes).sum::<usize>() + self.shifts.bytes()
    }

    /// The distance up to which the list is complete, Å.
    pub fn cutoff(&self) -> f64 {
        self.cutoff
    }

    /// Number of atoms.
    pub fn n_atoms(&self) -> usize {
        self.n_atoms
    }

    /// Number of directed pairs.
    pub fn n_pairs(&self) -> usize {
        self.n_pairs
    }

    /// Neighbors of atom `i`.
    #[inline]
    pub fn of(&self, i: usize) -> Neighbors<'_> {
        Neighbors { packed: self.blocks[i / BLOCK].of(i % BLOCK), table: &self.shifts }
    }

    /// `r_ij = r_j - r_i + S·H`.
    #[inline]
    pub fn vector(system: &System, i: usize, pair: impl Borrow<Pair>) -> Vec3 {
        let &Pair { j, shift } = pair.borrow();
        let direct = sub(system.positions[j as usize], system.positions[i]);
        if shift == [0; 3] { direct } else { add(direct, system.cell.shift_vector(shift)) }
    }
}

/// The neighbors of one atom.
#[derive(Debug, Clone, Copy)]
pub struct Neighbors<'a> {
    packed: &'a [u64],
    table: &'a ShiftTable,
}

impl<'a> Neighbors<'a> {
    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    /// Whether the atom is alone.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// One after the other.
    #[inline]
    pub fn iter(&self) -> Iter<'a> {
        Iter { packed: self.packed.iter(), table: self.table }
    }

    /// Index of every neighbor and `S·H` of the cell that the list was built for, or has followed, Å:
    /// `r_ij = r_j - r_i + S·H`.
    #[inline]
    pub fn images(self) -> impl ExactSizeIterator<Item = (u32, Vec3)> + 'a {
        self.packed.iter().map(move |&p| (atom_of(p), self.table.vector(shift_of(p))))
    }
}

impl<'a> IntoIterator for Neighbors<'a> {
    type Item = Pair;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Iterator over the neighbors of one atom.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    packed: std::slice::Iter<'a, u64>,
    table: &'a ShiftTable,
}

impl Iterator for Iter<'_> {
    type Item = Pair;

    #[inline]
    fn next(&mut self) -> Option<Pair> {
        self.packed.next().map(|&p| Pair { j: atom_of(p), shift: self.table.shift(shift_of(p)) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.packed.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}
