//! The neighbors of one atom as the descriptors want them.

use crate::linalg::{Vec3, add, dot, sub};
use crate::neighbors::Neighbors;
use crate::system::System;

/// Neighbors within the cutoff of one center, sorted by element, as structure of arrays.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Atom index of every neighbor.
    pub index: Vec<u32>,
    /// Components of `r_ij`, Å.
    pub x: Vec<f64>,
    /// See `x`.
    pub y: Vec<f64>,
    /// See `x`.
    pub z: Vec<f64>,
    /// Squared distances, Å².
    pub r2: Vec<f64>,
    /// Neighbors of element `e` are `ranges[e]..ranges[e + 1]`.
    pub ranges: Vec<usize>,
    /// In the order of the list; the first entries are neighbors, the rest is left over.
    unsorted: Vec<Unsorted>,
}

/// A neighbor before sorting by element.
#[derive(Debug, Clone, Copy, Default)]
struct Unsorted {
    vector: Vec3,
    r2: f64,
    index: u32,
}

impl Environment {
    /// Collects the neighbors of atom `i` closer than `cutoff`. `element_of` is the element index of every atom.
    pub fn fill(
        &mut self,
        system: &System,
        i: usize,
        neighbors: Neighbors<'_>,
        cutoff: f64,
        element_of: &[u8],
        n_elements: usize,
    ) {
        let center = system.positions[i];
        let neighbors =
            neighbors.images().map(|(j, shift)| (j, add(sub(system.positions[j as usize], center), shift)));
        self.fill_from(neighbors, cutoff, element_of, n_elements);
    }

    /// As [`Environment::fill`], from atom index `j` and vector `r_ij` of every neighbor.
    #[inline]
    pub fn fill_from(
        &mut self,
        neighbors: impl ExactSizeIterator<Item = (u32, Vec3)>,
        cutoff: f64,
        element_of: &[u8],
        n_elements: usize,
    ) {
        let cutoff2 = cutoff * cutoff;
        self.ranges.clear();
        self.ranges.resize(n_elements + 1, 0);
        if self.unsorted.len() < neighbors.len() {
            self.unsorted.resize(neighbors.len(), Unsorted::default());
        }
        let mut n = 0;
        // Every pair is written; those in the skin are overwritten by the next. A branch would be mispredicted often.
        for (j, vector) in neighbors {
            let r2 = dot(vector, vector);
            self.unsorted[n] = Unsorted { vector, r2, index: j };
            n += usize::from(r2 < cutoff2);
        }
        let unsorted = &self.unsorted[..n];
        for neighbor in unsorted {
            self.ranges[usize::from(element_of[neighbor.index as usize]) + 1] += 1;
        }
        for e in 0..n_elements {
            self.ranges[e + 1] += self.ranges[e];
        }
        self.index.resize(n, 0);
        for array in [&mut self.x, &mut self.y, &mut self.z, &mut self.r2] {
            array.resize(n, 0.0);
        }
        // Counting sort: ranges[e] is the next free place of element e and ends as the start of element e + 1.
        for &Unsorted { vector: [x, y, z], r2, index } in unsorted {
            let element = usize::from(element_of[index as usize]);
            let place = self.ranges[element];
            self.ranges[element] += 1;
            (self.index[place], self.x[place], self.y[place], self.z[place], self.r2[place]) =
                (index, x, y, z, r2);
        }
        for e in (1..=n_elements).rev() {
            self.ranges[e] = self.ranges[e - 1];
        }
        self.ranges[0] = 0;
    }

    /// Number of neighbors.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether the atom is alone.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// `r_ij` of neighbor `n`, Å.
    #[inline]
    pub fn vector(&self, n: usize) -> Vec3 {
        [self.x[n], self.y[n], self.z[n]]
    }
}
