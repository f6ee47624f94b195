//! Checks that every descriptor must pass, and slow paths used by them.

use super::{Descriptor, Environment, Workspace};
use crate::linalg::{Vec3, dot};

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
