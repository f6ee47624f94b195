//! Checks that every descriptor must pass, and slow paths used by them.

use super::{Descriptor, Environment, Workspace, element_indices};
use crate::linalg::{Vec3, dot};
use crate::neighbors::NeighborList;
use crate::system::System;

/// [`Descriptor::jacobian`] by one contraction per feature: the oracle of faster implementations.
pub fn jacobian_by_contraction<D: Descriptor + ?Sized>(
    descriptor: &D,
    center: usize,
    environment: &Environment,
    work: &mut Workspace,
    out: &mut Vec<Vec3>,
) {
    let n_features = descriptor.n_features(center);
    let mut dedg = vec![0.0; n_features];
    let mut columns = vec![vec![[0.0; 3]; environment.len()]; n_features];
    for (feature, column) in columns.iter_mut().enumerate() {
        dedg[feature] = 1.0;
        descriptor.contract(center, environment, work, &dedg, column);
        dedg[feature] = 0.0;
    }
    out.clear();
    for element in 0..environment.ranges.len() - 1 {
        for n in environment.ranges[element]..environment.ranges[element + 1] {
            out.extend(descriptor.support(center, element).iter().map(|&f| columns[f as usize][n]));
        }
    }
}

/// [`Descriptor::tangent`] from the whole [`Descriptor::jacobian`]: the oracle of faster implementations.
pub fn tangent_by_jacobian<D: Descriptor + ?Sized>(
    descriptor: &D,
    center: usize,
    environment: &Environment,
    work: &mut Workspace,
    displacements: &[Vec3],
    out: &mut [f64],
) {
    let mut jacobian = Vec::new();
    descriptor.jacobian(center, environment, work, &mut jacobian);
    out.fill(0.0);
    let mut rows = jacobian.as_slice();
    for element in 0..environment.ranges.len() - 1 {
        let support = descriptor.support(center, element);
        for &d in &displacements[environment.ranges[element]..environment.ranges[element + 1]] {
            let (row, rest) = rows.split_at(support.len());
            for (&feature, &derivative) in support.iter().zip(row) {
                out[feature as usize] += dot(derivative, d);
            }
            rows = rest;
        }
    }
}

/// Fingerprint of every atom of a structure whose elements the descriptor knows.
///
/// # Panics
/// For a structure with other elements, or one that a neighbor list refuses.
pub fn fingerprints(descriptor: &dyn Descriptor, system: &System) -> Vec<Vec<f64>> {
    let element_of = element_indices(descriptor.elements(), &system.numbers).expect("known elements");
    let list = NeighborList::build(system, descriptor.cutoff()).expect("a regular structure");
    let (mut environment, mut work) = (Environment::default(), Workspace::default());
    (0..system.n_atoms())
        .map(|i| {
            let e = usize::from(element_of[i]);
            let n_elements = descriptor.elements().len();
            environment.fill(system, i, list.of(i), descriptor.cutoff(), &element_of, n_elements);
            let mut values = vec![0.0; descriptor.n_features(e)];
            descriptor.values(e, &environment, &mut work, &mut values);
            values
        })
        .collect()
}
