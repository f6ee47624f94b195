//! The loss as a sum of squares: residuals of one image and their derivatives with respect to the parameters.
//!
//! ```text
//! L = sum r²,   r_E = √(w w_E)/N (E - E_ref),   r_F = √(w w_F/3N) (F - F_ref),   r_σ = √(w w_S m/9) (σ - σ_ref)
//! ```
//!
//! with `m = 2` for the shear components, which occur twice in the tensor. The penalty on the weights is a residual
//! `√λ W` per weight; its derivative is a constant diagonal and is added by whoever sums the rows.
//!
//! A force component is linear in the `dE_i/dG_i` of all atoms, so one row is a sum over atoms of the parameter
//! gradient of `u · dN/ds`, where `u` holds the derivatives of the scaled fingerprint with respect to that coordinate.

use super::gradient::{Context, MULTIPLICITY};
use super::jacobian::{Jacobian, VOIGT};
use super::loss::LossWeights;
use super::prepare::Prepared;
use super::work::{Derivatives, Work};
use crate::error::Result;
use std::ops::Range;

/// Which residuals an image has, and their factors.
pub(super) struct Residuals {
    energy: Option<f64>,
    force: Option<f64>,
    stress: Option<[f64; 6]>,
    n_atoms: usize,
}

impl Residuals {
    pub fn count(&self) -> usize {
        let stress = if self.stress.is_some() { 6 } else { 0 };
        usize::from(self.energy.is_some()) + self.n_forces() + stress
    }

    fn n_forces(&self) -> usize {
        if self.force.is_some() { 3 * self.n_atoms } else { 0 }
    }

    fn first_force(&self) -> usize {
        usize::from(self.energy.is_some())
    }

    fn first_stress(&self) -> usize {
        self.first_force() + self.n_forces()
    }
}

impl Context<'_> {
    /// Residuals of one image; terms without weight or reference have none.
    pub(super) fn residuals_of(&self, prepared: &Prepared, weights: &LossWeights) -> Residuals {
        let image = &prepared.image;
        let n_atoms = prepared.elements.len();
        let storage = &self.set.storage;
        let root = |weight: f64| (weight > 0.0).then(|| weight.sqrt());
        Residuals {
            energy: root(image.weight * weights.energy).map(|s| s / n_atoms as f64),
            force: root(image.weight * weights.force / (3 * n_atoms) as f64)
                .filter(|_| storage.forces && image.forces.is_some()),
            stress: root(image.weight * weights.stress / 9.0)
                .filter(|_| storage.stress && image.stress.is_some())
                .map(|s| MULTIPLICITY.map(|m| s * m.sqrt())),
            n_atoms,
        }
    }

    /// Writes the residuals of image `index` and, with `rows`, their derivatives (one row of all parameters per
    /// residual in the flat order; the rows must be zero on entry).
    pub(super) fn residual_rows(
        &self,
        index: usize,
        weights: &LossWeights,
        work: &mut Work,
        residuals: &mut [f64],
        rows: Option<&mut [f64]>,
    ) -> Result<()> {
        let prepared = &self.set.images[index];
        let kinds = self.residuals_of(prepared, weights);
        let fresh = self.formed_jacobian(index, work)?;
        let jacobian = prepared.jacobian.as_ref().or(fresh.as_ref());
        let derivatives = jacobian.map_or(Derivatives::Unused, Derivatives::Formed);
        self.level.run(|| {
            self.forward(prepared, derivatives, work);
            self.fill_residuals(prepared, &kinds, work, residuals);
            if let Some(rows) = rows {
                self.fill_rows(prepared, jacobian, &kinds, work, rows);
                self.restore_order(work, rows);
            }
        });
        if residuals.iter().any(|r| !r.is_finite()) {
            return Err(self.not_finite(index, work));
        }
        Ok(())
    }

    fn fill_residuals(&self, prepared: &Prepared, kinds: &Residuals, work: &Work, out: &mut [f64]) {
        let image = &prepared.image;
        if let Some(factor) = kinds.energy {
            out[0] = factor * (work.energy - image.energy);
        }
        if let (Some(factor), Some(reference)) = (kinds.force, &image.forces) {
            let out = &mut out[kinds.first_force()..kinds.first_stress()];
            for ((r, force), reference) in
                out.iter_mut().zip(work.forces.as_flattened()).zip(reference.as_flattened())
            {
                *r = factor * (force - reference);
            }
        }
        if let (Some(factors), Some(reference)) = (&kinds.stress, &image.stress) {
            for (component, &(a, b)) in VOIGT.iter().enumerate() {
                let reference = 0.5 * (reference[a][b] + reference[b][a]);
                out[kinds.first_stress() + component] =
                    factors[component] * (work.stress[component] - reference);
            }
        }
    }

    /// From the order of [`super::double_backward`] to the flat order.
    fn restore_order(&self, work: &mut Work, rows: &mut [f64]) {
        let layout = self.potential.layout();
        for row in rows.chunks_exact_mut(layout.n_parameters()) {
            for (element, network) in self.networks.iter().enumerate() {
                let own = &mut row[layout.network(element)];
                work.compact.clear();
                work.compact.extend_from_slice(own);
                network.restore_order(&work.compact, own);
            }
        }
    }

    #[inline(always)]
    fn fill_rows(
        &self,
        prepared: &Prepared,
        jacobian: Option<&Jacobian>,
        kinds: &Residuals,
        work: &mut Work,
        rows: &mut [f64],
    ) {
        let n_parameters = self.potential.layout().n_parameters();
        for i in 0..kinds.n_atoms {
            if let Some(factor) = kinds.energy {
                self.add_energy_row(prepared, i, factor, work, &mut rows[..n_parameters]);
            }
            let Some(jacobian) = jacobian else { continue };
            if let Some(factor) = kinds.force {
                self.add_force_rows(prepared, jacobian, i, factor, kinds.first_force(), work, rows);
            }
            if let Some(factors) = &kinds.stress {
                self.add_stress_rows(prepared, jacobian, i, factors, kinds.first_stress(), work, rows);
            }
        }
    }

    /// Rows of the forces on all neighbors of atom `i` and on itself, as far as they come from its energy.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn add_force_rows(
        &self,
        prepared: &Prepared,
        jacobian: &Jacobian,
        i: usize,
        factor: f64,
        first: usize,
        work: &mut Work,
        rows: &mut [f64],
    ) {
        let supports = &self.set.supports;
        let center = usize::from(prepared.elements[i]);
        let network = &self.networks[center];
        let n_features = network.factor.len();
        work.compact.clear();
        jacobian.widen_rows(supports, i, center, &mut work.compact);
        work.own.clear();
        work.own.resize(3 * n_features, 0.0);
        self.fill_basis(prepared, i, work);
        let mut start = 0;
        for b in 0..supports.n_elements() {
            let support = supports.of(center, b);
            let width = supports.width(center, b);
            work.direction.clear();
            work.direction.resize(n_features, 0.0);
            for &j in jacobian.pairs(supports, i, b) {
                for axis in 0..3 {
                    let own = &mut work.own[axis * n_features..(axis + 1) * n_features];
                    for (&k, &d) in support.iter().zip(&work.compact[start..]) {
                        let u = factor * d * network.factor[k as usize];
                        work.direction[k as usize] = -u;
                        own[k as usize] += u;
                    }
                    start += width;
                    self.add_direction(prepared, i, work, rows, first + 3 * j as usize + axis);
                }
            }
        }
        for axis in 0..3 {
            let own = axis * n_features..(axis + 1) * n_features;
            work.direction.copy_from_slice(&work.own[own]);
            self.add_direction(prepared, i, work, rows, first + 3 * i + axis);
        }
    }

    /// Rows of the stress components, as far as they come from the energy of atom `i`.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn add_stress_rows(
        &self,
        prepared: &Prepared,
        jacobian: &Jacobian,
        i: usize,
        factors: &[f64; 6],
        first: usize,
        work: &mut Work,
        rows: &mut [f64],
    ) {
        let network = &self.networks[usize::from(prepared.elements[i])];
        let volume = prepared.image.system.cell.volume();
        self.fill_basis(prepared, i, work);
        for (component, factor) in factors.iter().enumerate() {
            let mut unit = [0.0; 6];
            unit[component] = factor / volume;
            work.direction.clear();
            work.direction.resize(network.factor.len(), 0.0);
            jacobian.add_strain_residual(i, &unit, &mut work.direction);
            work.direction.iter_mut().zip(&network.factor).for_each(|(u, factor)| *u *= factor);
            self.add_direction(prepared, i, work, rows, first + component);
        }
    }

    /// Row of the energy, as far as it comes from atom `i`.
    #[inline(always)]
    fn add_energy_row(&self, prepared: &Prepared, i: usize, factor: f64, work: &mut Work, row: &mut [f64]) {
        let layout = self.potential.layout();
        let center = usize::from(prepared.elements[i]);
        let (features, own) = self.places(prepared, i, work);
        let (input, sweep, outputs) = (&work.inputs[features], &mut work.sweep, &work.outputs);
        let nodes = work.nodes.of(own);
        let target = &mut row[layout.network(center)];
        self.networks[center].parameter_gradient(input, &nodes, factor, None, sweep, target);
        row[layout.intercept(center)] += factor;
        row[layout.slope(center)] += factor * outputs[i];
    }

    #[inline(always)]
    fn fill_basis(&self, prepared: &Prepared, i: usize, work: &mut Work) {
        let (_, own) = self.places(prepared, i, work);
        let nodes = work.nodes.of(own);
        let network = &self.networks[usize::from(prepared.elements[i])];
        network.direction_basis(&nodes, &mut work.directions);
    }

    /// Adds the derivative of `slope u · dN/ds` of atom `i`, `u` in `work.direction`, to one row.
    #[inline(always)]
    fn add_direction(&self, prepared: &Prepared, i: usize, work: &mut Work, rows: &mut [f64], row: usize) {
        let layout = self.potential.layout();
        let n_parameters = layout.n_parameters();
        let row = &mut rows[row * n_parameters..(row + 1) * n_parameters];
        let center = usize::from(prepared.elements[i]);
        let (features, own) = self.places(prepared, i, work);
        let (input, u, directions) = (&work.inputs[features], &work.direction, &mut work.directions);
        let nodes = work.nodes.of(own);
        let target = &mut row[layout.network(center)];
        let along = self.networks[center].add_direction(input, &nodes, u, directions, target);
        row[layout.slope(center)] += along;
    }

    /// Where the features and the nodes of atom `i` stand in the buffers.
    fn places(&self, prepared: &Prepared, i: usize, work: &Work) -> (Range<usize>, Range<usize>) {
        let n_nodes = work.nodes.len() / prepared.elements.len();
        let own = self.networks[usize::from(prepared.elements[i])].n_nodes();
        (prepared.starts[i] as usize..prepared.starts[i + 1] as usize, i * n_nodes..i * n_nodes + own)
    }
}
