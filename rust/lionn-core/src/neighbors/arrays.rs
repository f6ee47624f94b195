//! A neighbor list as arrays over pairs.

use super::NeighborList;
use crate::linalg::{Vec3, add, sub};
use crate::system::System;
use rayon::prelude::*;

/// Atoms per parallel task.
const ATOMS: usize = 512;

/// One entry per directed pair, in the order of the centers.
#[derive(Debug)]
pub struct PairArrays<'a> {
    /// Index of the center.
    pub i: &'a mut [i64],
    /// Index of the neighbor.
    pub j: &'a mut [i64],
    /// Lattice shift `S`.
    pub shifts: &'a mut [[i32; 3]],
    /// `r_ij = r_j - r_i + S·H`, Å.
    pub vectors: &'a mut [Vec3],
}

impl<'a> PairArrays<'a> {
    fn split_at(self, n: usize) -> (Self, Self) {
        let (i, i_rest) = self.i.split_at_mut(n);
        let (j, j_rest) = self.j.split_at_mut(n);
        let (shifts, shifts_rest) = self.shifts.split_at_mut(n);
        let (vectors, vectors_rest) = self.vectors.split_at_mut(n);
        (
            Self { i, j, shifts, vectors },
            Self { i: i_rest, j: j_rest, shifts: shifts_rest, vectors: vectors_rest },
        )
    }
}

impl NeighborList {
    /// Writes all pairs; `system` is the one that the list was built for.
    ///
    /// # Panics
    /// If the arrays do not have [`NeighborList::n_pairs`] entries.
    pub fn write(&self, system: &System, arrays: PairArrays<'_>) {
        let n_pairs = self.n_pairs();
        assert!(
            [arrays.i.len(), arrays.j.len(), arrays.shifts.len(), arrays.vectors.len()] == [n_pairs; 4],
            "arrays of a neighbor list must have {n_pairs} entries"
        );
        let mut rest = arrays;
        let mut parts = Vec::new();
        for first in (0..self.n_atoms()).step_by(ATOMS) {
            let atoms = first..(first + ATOMS).min(self.n_atoms());
            let (part, after) = rest.split_at(atoms.clone().map(|i| self.of(i).len()).sum());
            parts.push((atoms, part));
            rest = after;
        }
        parts.into_par_iter().for_each(|(atoms, part)| {
            let mut place = 0;
            for i in atoms {
                let center = system.positions[i];
                let neighbors = self.of(i);
                let range = place..place + neighbors.len();
                place = range.end;
                part.i[range.clone()].fill(i as i64);
                let (j, shifts) = (&mut part.j[range.clone()], &mut part.shifts[range.clone()]);
                let vectors = &mut part.vectors[range];
                for (n, (pair, (_, shift))) in neighbors.iter().zip(neighbors.images()).enumerate() {
                    j[n] = i64::from(pair.j);
                    shifts[n] = pair.shift;
                    vectors[n] = add(sub(system.positions[pair.j as usize], center), shift);
                }
            }
        });
    }
}
