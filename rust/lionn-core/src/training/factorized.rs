//! Products with the derivatives of the fingerprints of one image that are never formed.
//!
//! Descriptors that are sums over neighbors give forces ([`Descriptor::contract`]) and the change of the fingerprint along
//! the residuals ([`Descriptor::tangent`]) for about the price of the fingerprint itself, while their derivatives would fill a
//! hundred times its memory. What the descriptor leaves behind for every atom stays in the caches until both are done.

use super::jacobian::VOIGT;
use super::prepare::Prepared;
use crate::descriptors::{Descriptor, Environment, Workspace};
use crate::linalg::Vec3;
use crate::neighbors::NeighborList;

/// Buffers for one image.
#[derive(Default)]
pub(super) struct Factorized {
    atoms: Vec<(Environment, Workspace)>,
    values: Vec<f64>,
    gradient: Vec<Vec3>,
    displacements: Vec<Vec3>,
    direction: Vec<f64>,
}

impl Factorized {
    /// Makes ready for an image of `n_atoms` atoms.
    pub fn begin(&mut self, n_atoms: usize) {
        if self.atoms.len() < n_atoms {
            self.atoms.resize_with(n_atoms, Default::default);
        }
    }

    /// Fingerprint of atom `i`, first of all.
    pub fn fingerprint(
        &mut self,
        descriptor: &dyn Descriptor,
        prepared: &Prepared,
        neighbors: &NeighborList,
        i: usize,
    ) -> &[f64] {
        let (environment, workspace) = &mut self.atoms[i];
        let center = usize::from(prepared.elements[i]);
        let (cutoff, n_elements) = (descriptor.cutoff(), descriptor.elements().len());
        let system = &prepared.image.system;
        environment.fill(system, i, neighbors.of(i), cutoff, &prepared.elements, n_elements);
        self.values.resize(descriptor.n_features(center), 0.0);
        descriptor.values(center, environment, workspace, &mut self.values);
        &self.values
    }

    /// Adds forces and `dE_i/d(strain)` of atom `i`, given `g = dE_i/dG_i`.
    pub fn add_forces(
        &mut self,
        descriptor: &dyn Descriptor,
        center: usize,
        i: usize,
        g: &[f64],
        forces: &mut [Vec3],
        strain: &mut [f64; 6],
    ) {
        let (environment, workspace) = &mut self.atoms[i];
        self.gradient.clear();
        self.gradient.resize(environment.len(), [0.0; 3]);
        descriptor.contract(center, environment, workspace, g, &mut self.gradient);
        let mut own = [0.0; 3];
        for (n, (&j, gradient)) in environment.index.iter().zip(&self.gradient).enumerate() {
            let r = environment.vector(n);
            for axis in 0..3 {
                forces[j as usize][axis] -= gradient[axis];
                own[axis] += gradient[axis];
            }
            for (sum, &(p, q)) in strain.iter_mut().zip(&VOIGT) {
                *sum += gradient[p] * r[q];
            }
        }
        for axis in 0..3 {
            forces[i][axis] += own[axis];
        }
    }

    /// Adds the derivative of `h · G_i + g · dG_i` with respect to the parameters inside the descriptor, where `dG_i` is the
    /// change of the last [`Factorized::add_residual`].
    pub fn add_parameter_gradient(
        &mut self,
        descriptor: &dyn Descriptor,
        center: usize,
        i: usize,
        h: &[f64],
        g: &[f64],
        gradient: &mut [f64],
    ) {
        descriptor.add_parameter_gradient(center, &mut self.atoms[i].1, h, g, gradient);
    }

    /// Adds to `v` how `sum_k r_k · F_k + sum_c q_c dE_i/d(strain_c)` changes with `g_i`; follows [`Factorized::add_forces`].
    pub fn add_residual(
        &mut self,
        descriptor: &dyn Descriptor,
        center: usize,
        i: usize,
        residual: Option<&[Vec3]>,
        q: Option<&[f64; 6]>,
        v: &mut [f64],
    ) {
        let (environment, workspace) = &mut self.atoms[i];
        self.displacements.clear();
        self.displacements.resize(environment.len(), [0.0; 3]);
        if let Some(residual) = residual {
            for (d, &j) in self.displacements.iter_mut().zip(&environment.index) {
                *d = crate::linalg::sub(residual[i], residual[j as usize]);
            }
        }
        if let Some(q) = q {
            for (n, d) in self.displacements.iter_mut().enumerate() {
                let r = environment.vector(n);
                for (q, &(row, column)) in q.iter().zip(&VOIGT) {
                    d[row] += q * r[column];
                }
            }
        }
        self.direction.resize(v.len(), 0.0);
        descriptor.tangent(center, environment, workspace, &self.displacements, &mut self.direction);
        for (v, change) in v.iter_mut().zip(&self.direction) {
            *v += change;
        }
    }
}
