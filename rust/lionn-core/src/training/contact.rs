//! Shortest distances of the images, and the repulsion that starts below them.

use super::set::TrainingSet;
use crate::error::Result;
use crate::linalg::norm;
use crate::neighbors::NeighborList;
use crate::potential::RepulsionPair;
use crate::species::symbol;
use rayon::prelude::*;

/// Where the repulsion starts, in units of the shortest distance of the pair: safely outside the images.
const OUTER: f64 = 0.95;
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

    /// Screened nuclear repulsion (see [`crate::potential::Repulsion`]) that starts at 0.95 of the shortest distance of
    /// every pair of elements and acts in full below 0.7 of that; zero on every image of this set.
    ///
    /// # Errors
    /// As [`TrainingSet::shortest_distances`].
    pub fn repulsion(&self) -> Result<Vec<RepulsionPair>> {
        let shortest = self.shortest_distances()?;
        let numbers = self.descriptor.elements();
        let mut pairs = Vec::new();
        for a in 0..numbers.len() {
            for b in a..numbers.len() {
                let distance = shortest[a * numbers.len() + b];
                if distance.is_finite() {
                    let outer = OUTER * distance;
                    let elements = [a, b].map(|e| symbol(numbers[e]).to_owned());
                    pairs.push(RepulsionPair { elements, inner: INNER * outer, outer });
                }
            }
        }
        Ok(pairs)
    }
}
