//! Shortest distances of the images, and the repulsion that starts below them.
//!
//! Two elements that never come within the cutoff in the images get a wall too: the network knows nothing about such a pair, and
//! two atoms of it may fall into each other. How close they would come no image says, so the start of the wall is taken
//! from the sum of the covalent radii. At 0.7 of it the wall is closer than real atoms come: equilibrium distances of molecules
//! are at least 0.77 (C≡N; H2 has 1.2), ions of a sulfide at 1150 K at least 0.75 (Li-Li). So a structure that the images just lack is left
//! to the network, and only collisions meet the wall. A wall at the cutoff would be zero on the images as well, but reach into
//! such structures: between two Cl it would add 0.3 eV at 3 Å.

use super::set::TrainingSet;
use crate::error::Result;
use crate::linalg::norm;
use crate::neighbors::NeighborList;
use crate::potential::RepulsionPair;
use crate::species::{covalent_radius, symbol};
use rayon::prelude::*;

/// Where the repulsion starts, in units of the shortest distance of the pair: safely outside the images.
const OUTER: f64 = 0.95;
/// Where it starts for a pair that the images lack, in units of the sum of the covalent radii.
const OUTER_UNSEEN: f64 = 0.7;
/// Where it acts in full, in units of `outer`.
const INNER: f64 = 0.7;

impl TrainingSet {
    /// Shortest distance of every pair of elements `[a * n_elements + b]` over all images, Å; infinite for pairs that
    /// never come within the cutoff.
    ///
    /// # Errors
    /// As [`NeighborList::build`].
    pub fn shortest_distances(&self) -> Result<Vec<f64>> {
        let n_elements = self.descriptor.elements().len();
        let none = || vec![f64::INFINITY; n_elements * n_elements];
        self.images
            .par_iter()
            .map(|prepared| {
                let system = &prepared.image.system;
                let list = NeighborList::build(system, self.descriptor.cutoff())?;
                let mut shortest = none();
                for (i, &a) in prepared.elements.iter().enumerate() {
                    for pair in list.of(i) {
                        let b = prepared.elements[pair.j as usize];
                        let slot = &mut shortest[usize::from(a) * n_elements + usize::from(b)];
                        *slot = slot.min(norm(NeighborList::vector(system, i, pair)));
                    }
                }
                Ok(shortest)
            })
            .try_reduce(none, |a, b| Ok(a.iter().zip(&b).map(|(x, y)| x.min(*y)).collect()))
    }

    /// Screened nuclear repulsion (see [`crate::potential::Repulsion`]) of every pair of elements, which acts in full below 0.7 of
    /// the distance where it starts. That is 0.95 of the shortest distance of the pair in the images, or 0.7 of the sum of the
    /// [covalent radii](covalent_radius) where the pair never comes within the cutoff (and never beyond 0.95 of the
    /// cutoff). Zero on every image of this set.
    ///
    /// # Errors
    /// As [`TrainingSet::shortest_distances`].
    pub fn repulsion(&self) -> Result<Vec<RepulsionPair>> {
        let shortest = self.shortest_distances()?;
        let numbers = self.descriptor.elements();
        let cutoff = self.descriptor.cutoff();
        let mut pairs = Vec::new();
        for a in 0..numbers.len() {
            for b in a..numbers.len() {
                let distance = shortest[a * numbers.len() + b];
                let outer = if distance.is_finite() {
                    OUTER * distance
                } else {
                    let bond = covalent_radius(numbers[a]) + covalent_radius(numbers[b]);
                    (OUTER_UNSEEN * bond).min(OUTER * cutoff)
                };
                let elements = [a, b].map(|e| symbol(numbers[e]).to_owned());
                pairs.push(RepulsionPair { elements, inner: INNER * outer, outer });
            }
        }
        Ok(pairs)
    }
}
