//! What a potential file says about a descriptor, and its translation into code.

use super::cutoff::Cutoff;
use super::density::{PowerSpectrumSpec, ZernikeSpec};
use super::{Descriptor, gaussian::Gaussian};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Descriptor as written in a potential file. One variant and one line in [`DescriptorSpec::build`] per descriptor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum DescriptorSpec {
    /// Atom-centered symmetry functions.
    Gaussian(GaussianSpec),
    /// Zernike moments of the neighbor density.
    Zernike(ZernikeSpec),
    /// Power spectrum of the neighbor density.
    PowerSpectrum(PowerSpectrumSpec),
}

impl DescriptorSpec {
    /// The descriptor that computes what the specification says.
    ///
    /// # Errors
    /// [`crate::Error::InvalidParameter`] for parameters out of range.
    pub fn build(&self) -> Result<Arc<dyn Descriptor>> {
        match self {
            Self::Gaussian(spec) => Ok(Arc::new(Gaussian::new(spec)?)),
            Self::Zernike(spec) => Ok(Arc::new(spec.build()?)),
            Self::PowerSpectrum(spec) => Ok(Arc::new(spec.build()?)),
        }
    }

    /// First version of the potential file that can hold the descriptor.
    pub fn file_version(&self) -> u32 {
        match self {
            Self::Gaussian(spec) => spec.file_version(),
            Self::Zernike(spec) => spec.file_version(),
            Self::PowerSpectrum(spec) => spec.file_version(),
        }
    }
}

/// Unit of the exponents `eta` and the meaning of a value `eta` in `exp(-eta r²)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum EtaUnit {
    /// AMP's convention: the exponent is `eta r²/Rc²`.
    #[default]
    #[serde(rename = "1/Rc^2")]
    Reduced,
    /// Absolute exponents in 1/Å², as in n2p2 and RuNNer.
    #[serde(rename = "1/A^2")]
    Absolute,
}

/// Symmetry functions of every center element.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianSpec {
    /// Element symbols.
    pub elements: Vec<String>,
    /// Cutoff of all functions that do not state their own.
    pub cutoff: Cutoff,
    /// Unit of all exponents.
    #[serde(default)]
    pub eta_unit: EtaUnit,
    /// Functions of each center element, in the order of the fingerprint.
    pub functions: BTreeMap<String, Vec<SymmetryFunction>>,
}

impl GaussianSpec {
    fn file_version(&self) -> u32 {
        let functions = self.functions.values().flatten().map(SymmetryFunction::file_version);
        functions.fold(self.cutoff.file_version(), u32::max)
    }
}

/// One symmetry function (Behler, J. Chem. Phys. 134, 074106 (2011), Eqs. 6, 8, 9); `Rs` in Å.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub enum SymmetryFunction {
    /// Radial function over the neighbors of one element.
    G2 {
        /// Neighbor element.
        neighbor: String,
        /// Exponent.
        eta: f64,
        /// Center of the Gaussian, Å.
        #[serde(default, skip_serializing_if = "is_zero")]
        rs: f64,
        /// Cutoff, where it differs from the descriptor's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cutoff: Option<Cutoff>,
    },
    /// Angular function with all three distances of the triple.
    G4(Angular),
    /// Angular function without the distance between the two neighbors.
    G5(Angular),
    /// G2 over all neighbors, each multiplied by its atomic number (Gastegger et al., J. Chem. Phys. 148, 241709 (2018), doi
    /// 10.1063/1.5019667, Eq. 6).
    WeightedG2 {
        /// Exponent.
        eta: f64,
        /// Center of the Gaussian, Å.
        #[serde(default, skip_serializing_if = "is_zero")]
        rs: f64,
        /// Cutoff, where it differs from the descriptor's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cutoff: Option<Cutoff>,
    },
    /// G4 over all pairs of neighbors, each multiplied by the product of their atomic numbers (ibid., Eq. 7).
    WeightedG4 {
        /// Exponent.
        eta: f64,
        /// Power of the angular factor, at least 1.
        zeta: f64,
        /// Sign of the cosine.
        gamma: f64,
        /// Center of the radial Gaussians, Å.
        #[serde(default, skip_serializing_if = "is_zero")]
        rs: f64,
        /// Cutoff, where it differs from the descriptor's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cutoff: Option<Cutoff>,
    },
}

impl SymmetryFunction {
    /// First version of the potential file that knows the function.
    fn file_version(&self) -> u32 {
        let of = |cutoff: &Option<Cutoff>| cutoff.as_ref().map_or(1, Cutoff::file_version);
        match self {
            Self::G2 { cutoff, .. } => of(cutoff),
            Self::G4(angular) | Self::G5(angular) => of(&angular.cutoff),
            Self::WeightedG2 { .. } | Self::WeightedG4 { .. } => 3,
        }
    }
}

/// Parameters of an angular function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Angular {
    /// Elements of the two neighbors, in any order.
    pub neighbors: [String; 2],
    /// Exponent.
    pub eta: f64,
    /// Power of the angular factor, positive.
    pub zeta: f64,
    /// Sign of the cosine, AMP's `gamma` and Behler's `lambda`; usually +1 or -1.
    pub gamma: f64,
    /// Center of the radial Gaussians, Å.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rs: f64,
    /// Cutoff, where it differs from the descriptor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutoff: Option<Cutoff>,
}

fn is_zero(x: &f64) -> bool {
    *x == 0.0
}
