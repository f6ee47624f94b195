//! Descriptors: fingerprints of atomic environments and their derivatives.
//!
//! To add a descriptor: one file with value and gradient that implements [`Descriptor`], one variant in
//! [`DescriptorSpec`]; the shared checks in [`testing`] apply.

mod arrays;
mod cutoff;
pub mod density;
mod environment;
pub mod gaussian;
pub mod sets;
mod spec;
pub mod testing;

pub use cutoff::{Cutoff, Shape};
pub use density::{Contraction, DensityWeights, PowerSpectrumSpec, ZernikeSpec};
pub use density::{DensityCorrelations, ReferenceDensity};
pub use environment::Environment;
pub use gaussian::Gaussian;
pub use spec::{Angular, DescriptorSpec, EtaUnit, GaussianSpec, SymmetryFunction};

use crate::error::{Error, Result};
use crate::linalg::Vec3;
use crate::neighbors::NeighborList;
use crate::species::symbol;
use crate::system::System;

/// Scratch space of a descriptor, reused from atom to atom. What [`Descriptor::values`] leaves here is read by
/// [`Descriptor::contract`] and [`Descriptor::jacobian`] for the same environment.
#[derive(Debug, Default)]
pub struct Workspace {
    pub(crate) gaussian: gaussian::Scratch,
    pub(crate) density: density::Scratch,
}

/// A map from atomic environments to fixed-length fingerprints.
///
/// Elements are counted in the order of [`Descriptor::elements`] (sorted by symbol).
pub trait Descriptor: Send + Sync {
    /// Largest distance of a neighbor that matters, Å.
    fn cutoff(&self) -> f64;

    /// Atomic numbers of the elements, sorted by symbol.
    fn elements(&self) -> &[u8];

    /// Length of the fingerprint of a center element.
    fn n_features(&self, center: usize) -> usize;

    /// Fingerprint of one environment, written to `out` (length `n_features`).
    fn values(&self, center: usize, environment: &Environment, work: &mut Workspace, out: &mut [f64]);

    /// `dE/dr_ij` of every neighbor, written to `gradient`, from `dedg = dE/dG`. Must follow [`Descriptor::values`] for
    /// the same environment with the same `work`.
    fn contract(
        &self,
        center: usize,
        environment: &Environment,
        work: &mut Workspace,
        dedg: &[f64],
        gradient: &mut [Vec3],
    );

    /// Features of a center element that depend on neighbors of the element `neighbor`, ascending.
    fn support(&self, center: usize, neighbor: usize) -> &[u32];

    /// Derivatives of the fingerprint: for every neighbor in order, `dG/dr_ij` of each of its [`Descriptor::support`]
    /// features, concatenated in `out`. Must follow [`Descriptor::values`] for the same environment.
    ///
    /// By default one contraction per feature.
    fn jacobian(&self, center: usize, environment: &Environment, work: &mut Workspace, out: &mut Vec<Vec3>) {
        testing::jacobian_by_contraction(self, center, environment, work, out);
    }

    /// `sum_j dG/dr_ij · d_j`, the change of the fingerprint when every neighbor moves by `d_j` against the center. Must
    /// follow [`Descriptor::values`] for the same environment.
    ///
    /// By default from the [`Descriptor::jacobian`].
    fn tangent(
        &self,
        center: usize,
        environment: &Environment,
        work: &mut Workspace,
        displacements: &[Vec3],
        out: &mut [f64],
    ) {
        testing::tangent_by_jacobian(self, center, environment, work, displacements, out);
    }

    /// Whether [`Descriptor::contract`] and [`Descriptor::tangent`] cost about as much as [`Descriptor::values`], so that
    /// training uses them instead of stored derivatives.
    fn is_factorized(&self) -> bool {
        false
    }

    /// Number of parameters of a center element inside a factorized descriptor that can be learned.
    fn n_parameters(&self, _center: usize) -> usize {
        0
    }

    /// Adds the derivative of `h · G + g · dG` with respect to these parameters, where `dG` is the change along the
    /// displacements of the last [`Descriptor::tangent`], which must have followed [`Descriptor::values`].
    fn add_parameter_gradient(
        &self,
        _center: usize,
        _work: &mut Workspace,
        _h: &[f64],
        _g: &[f64],
        _gradient: &mut [f64],
    ) {
    }
}

/// Calls `compute` with element and environment of every atom of a structure.
///
/// # Errors
/// As [`element_indices`] and [`NeighborList::build`].
pub fn per_atom<T>(
    descriptor: &dyn Descriptor,
    system: &System,
    mut compute: impl FnMut(usize, &Environment, &mut Workspace) -> T,
) -> Result<Vec<T>> {
    let element_of = element_indices(descriptor.elements(), &system.numbers)?;
    let list = NeighborList::build(system, descriptor.cutoff())?;
    let (mut environment, mut work) = (Environment::default(), Workspace::default());
    let n_elements = descriptor.elements().len();
    Ok((0..system.n_atoms())
        .map(|i| {
            environment.fill(system, i, list.of(i), descriptor.cutoff(), &element_of, n_elements);
            compute(usize::from(element_of[i]), &environment, &mut work)
        })
        .collect())
}

/// Fingerprint of every atom of a structure.
///
/// # Errors
/// As [`per_atom`].
pub fn fingerprints(descriptor: &dyn Descriptor, system: &System) -> Result<Vec<Vec<f64>>> {
    per_atom(descriptor, system, |center, environment, work| {
        let mut out = vec![0.0; descriptor.n_features(center)];
        descriptor.values(center, environment, work, &mut out);
        out
    })
}

/// Element index of every atom.
///
/// # Errors
/// [`Error::Structure`] naming the first atom whose element is not among `known`.
pub fn element_indices(known: &[u8], numbers: &[u8]) -> Result<Vec<u8>> {
    let mut indices = Vec::new();
    fill_element_indices(known, numbers, &mut indices)?;
    Ok(indices)
}

/// [`element_indices`] into a buffer.
pub(crate) fn fill_element_indices(known: &[u8], numbers: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.clear();
    for (i, number) in numbers.iter().enumerate() {
        let Some(e) = known.iter().position(|n| n == number) else {
            let names: Vec<&str> = known.iter().map(|&n| symbol(n)).collect();
            return Err(Error::Structure(format!(
                "element {} of atom {i} is not in the model (model was trained on {})",
                symbol(*number),
                names.join(", ")
            )));
        };
        out.push(e as u8);
    }
    Ok(())
}
