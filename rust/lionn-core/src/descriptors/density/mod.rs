//! Correlations of the neighbor density: Zernike descriptors, power spectra and bispectra.
//!
//! The density of the neighbors is expanded in radial functions and spherical harmonics ([`expansion`]), the coefficients of
//! different channels and radial functions are mixed linearly, and products of two that are summed over `m` are
//! invariant to rotations (the power spectrum: Bartók, Kondor and Csányi, Phys. Rev. B 87, 184115 (2013),
//! doi 10.1103/PhysRevB.87.184115, Eq. 25), as are some of three ([`bispectrum`]). The cost is linear in the number of
//! neighbors.

mod bispectrum;
mod center;
mod expansion;
mod harmonics;
mod matrix;
mod radial;
pub mod reference;
mod spec;

pub use reference::ReferenceDensity;
pub use spec::{Contraction, DensityWeights, PowerSpectrumSpec, ZernikeSpec};

use super::arrays::{Array, reset};
use super::{Descriptor, Environment, Workspace};
use crate::linalg::Vec3;
use crate::simd::Level;
use center::Center;
use expansion::{Expansion, NeighborTables};
use pulp::{Simd, WithSimd};

/// Rotationally invariant correlations of the neighbor density.
#[derive(Debug, Clone)]
pub struct DensityCorrelations {
    numbers: Vec<u8>,
    expansion: Expansion,
    centers: Vec<Center>,
    level: Level,
}

/// Scratch space of [`DensityCorrelations`].
#[derive(Debug)]
pub struct Scratch {
    neighbors: NeighborTables,
    /// Coefficients of the expansion, and their change along a displacement.
    coefficients: Array,
    changes: Array,
    adjoint: Array,
    /// Mixed coefficients of all blocks, their change and their adjoint.
    mixed: Array,
    mixed_changes: Array,
    mixed_adjoint: Array,
    square: Array,
    product: Array,
    outer: Array,
}

impl Default for Scratch {
    fn default() -> Self {
        let [coefficients, changes, adjoint, mixed, mixed_changes, mixed_adjoint, square, product, outer] =
            std::array::from_fn(|_| Array::new(64));
        Self {
            neighbors: NeighborTables::default(),
            coefficients,
            changes,
            adjoint,
            mixed,
            mixed_changes,
            mixed_adjoint,
            square,
            product,
            outer,
        }
    }
}

impl DensityCorrelations {
    /// The same descriptor with kernels for another instruction set.
    pub fn with_level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Number of channels times radial functions of degree `l`.
    pub fn n_columns(&self, l: usize) -> usize {
        self.expansion.n_columns(&self.expansion.shells[l])
    }

    /// Coefficients `A_anlm` of one environment, by degree `l`: for every channel and radial function `2l + 1`
    /// numbers.
    pub fn expansion_coefficients(&self, environment: &Environment, work: &mut Workspace) -> Vec<Vec<f64>> {
        let scratch = &mut work.density;
        self.level.run(Coefficients { expansion: &self.expansion, environment, scratch });
        let of_shell = |shell: &expansion::Shell| {
            let columns = 0..self.expansion.n_columns(shell);
            let at = |column: usize, m: usize| scratch.coefficients[shell.start + m * shell.width + column];
            columns.flat_map(|column| (0..2 * shell.l + 1).map(move |m| at(column, m))).collect()
        };
        self.expansion.shells.iter().map(of_shell).collect()
    }
}

impl Descriptor for DensityCorrelations {
    fn cutoff(&self) -> f64 {
        self.expansion.basis.cutoff.radius()
    }

    fn elements(&self) -> &[u8] {
        &self.numbers
    }

    fn n_features(&self, center: usize) -> usize {
        self.centers[center].n_features()
    }

    fn values(&self, center: usize, environment: &Environment, work: &mut Workspace, out: &mut [f64]) {
        let (expansion, center) = (&self.expansion, &self.centers[center]);
        let scratch = &mut work.density;
        self.level.run(Values { expansion, center, environment, scratch, out });
    }

    fn contract(
        &self,
        center: usize,
        _environment: &Environment,
        work: &mut Workspace,
        dedg: &[f64],
        gradient: &mut [Vec3],
    ) {
        let (expansion, center) = (&self.expansion, &self.centers[center]);
        self.level.run(Contract { expansion, center, scratch: &mut work.density, dedg, gradient });
    }

    fn tangent(
        &self,
        center: usize,
        _environment: &Environment,
        work: &mut Workspace,
        displacements: &[Vec3],
        out: &mut [f64],
    ) {
        let (expansion, center) = (&self.expansion, &self.centers[center]);
        self.level.run(Tangent { expansion, center, scratch: &mut work.density, displacements, out });
    }

    fn support(&self, center: usize, neighbor: usize) -> &[u32] {
        self.centers[center].support(neighbor)
    }

    fn is_factorized(&self) -> bool {
        true
    }

    fn n_parameters(&self, center: usize) -> usize {
        self.centers[center].n_mixing()
    }

    fn add_parameter_gradient(
        &self,
        center: usize,
        work: &mut Workspace,
        h: &[f64],
        g: &[f64],
        gradient: &mut [f64],
    ) {
        let center = &self.centers[center];
        self.level.run(MixingGradient { center, scratch: &mut work.density, h, g, gradient });
    }
}

struct MixingGradient<'a> {
    center: &'a Center,
    scratch: &'a mut Scratch,
    h: &'a [f64],
    g: &'a [f64],
    gradient: &'a mut [f64],
}

impl WithSimd for MixingGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { center, scratch, h, g, gradient } = self;
        center.add_mixing_gradient(simd, scratch, h, g, gradient);
    }
}

struct Coefficients<'a> {
    expansion: &'a Expansion,
    environment: &'a Environment,
    scratch: &'a mut Scratch,
}

impl WithSimd for Coefficients<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { expansion, environment, scratch } = self;
        expansion.load(simd, environment, &mut scratch.neighbors);
        expansion.coefficients(simd, &scratch.neighbors, &mut scratch.coefficients);
    }
}

struct Values<'a> {
    expansion: &'a Expansion,
    center: &'a Center,
    environment: &'a Environment,
    scratch: &'a mut Scratch,
    out: &'a mut [f64],
}

impl WithSimd for Values<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { expansion, center, environment, scratch, out } = self;
        Coefficients { expansion, environment, scratch: &mut *scratch }.with_simd(simd);
        center.values(simd, scratch, out);
    }
}

struct Contract<'a> {
    expansion: &'a Expansion,
    center: &'a Center,
    scratch: &'a mut Scratch,
    dedg: &'a [f64],
    gradient: &'a mut [Vec3],
}

impl WithSimd for Contract<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { expansion, center, scratch, dedg, gradient } = self;
        reset(&mut scratch.adjoint, expansion.n_coefficients(), 0.0);
        center.contract(simd, scratch, dedg);
        expansion.contract(simd, &mut scratch.neighbors, &scratch.adjoint, gradient);
    }
}

struct Tangent<'a> {
    expansion: &'a Expansion,
    center: &'a Center,
    scratch: &'a mut Scratch,
    displacements: &'a [Vec3],
    out: &'a mut [f64],
}

impl WithSimd for Tangent<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { expansion, center, scratch, displacements, out } = self;
        expansion.tangent(simd, &mut scratch.neighbors, displacements, &mut scratch.changes);
        center.tangent(simd, scratch, out);
    }
}
