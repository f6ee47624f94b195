//! Neighbor search over all pairs and images: the oracle for the fast search.

use super::{NeighborList, Pair};
use crate::linalg::{dot, norm};
use crate::system::System;

/// All `(i, pair)` closer than `cutoff`, sorted. Cost is quadratic in the number of atoms.
pub fn brute_force(system: &System, cutoff: f64) -> Vec<(usize, Pair)> {
    let heights = system.cell.heights();
    let fractional: Vec<_> = system.positions.iter().map(|&x| system.cell.fractional(x)).collect();
    let mut reach = [0i32; 3];
    for axis in 0..3 {
        if system.cell.periodic()[axis] {
            let spread = fractional
                .iter()
                .map(|f| f[axis])
                .fold((f64::MAX, f64::MIN), |(lo, hi), x| (lo.min(x), hi.max(x)));
            reach[axis] = (cutoff / heights[axis] + (spread.1 - spread.0)).ceil() as i32;
        }
    }
    let mut found = Vec::new();
    for i in 0..system.n_atoms() {
        for j in 0..system.n_atoms() {
            for a in -reach[0]..=reach[0] {
                for b in -reach[1]..=reach[1] {
                    for c in -reach[2]..=reach[2] {
                        let pair = Pair { j: j as u32, shift: [a, b, c] };
                        let vector = NeighborList::vector(system, i, pair);
                        debug_assert!(norm(vector).is_finite());
                        if (i != j || pair.shift != [0; 3]) && dot(vector, vector) < cutoff * cutoff {
                            found.push((i, pair));
                        }
                    }
                }
            }
        }
    }
    found.sort();
    found
}
