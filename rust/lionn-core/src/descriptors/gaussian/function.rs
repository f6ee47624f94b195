//! Symmetry functions with everything resolved to numbers: element indices, absolute exponents, cutoffs.

use super::super::cutoff::Cutoff;
use super::super::spec::{EtaUnit, GaussianSpec, SymmetryFunction};
use crate::error::{Error, Result};

/// Radial part `exp(-eta (r - Rs)²) fc(r)`, shared by all kinds of functions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Radial {
    /// Absolute exponent, 1/Å².
    pub eta: f64,
    /// Center, Å.
    pub rs: f64,
    /// Cutoff function.
    pub cutoff: Cutoff,
}

impl Radial {
    /// Value at distance `r`.
    pub fn value(&self, r: f64) -> f64 {
        (-self.eta * (r - self.rs).powi(2)).exp() * self.cutoff.value(r)
    }

    /// Derivative with respect to `r`.
    pub fn derivative(&self, r: f64) -> f64 {
        let gauss = (-self.eta * (r - self.rs).powi(2)).exp();
        gauss * (self.cutoff.derivative(r) - 2.0 * self.eta * (r - self.rs) * self.cutoff.value(r))
    }
}

/// What a function sums over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// G2: neighbors of one element.
    Pair {
        /// Neighbor element.
        neighbor: usize,
    },
    /// G4 (`narrow`) and G5: unordered pairs of neighbors.
    Triple {
        /// Elements of the two neighbors, ascending.
        neighbors: [usize; 2],
        /// Power of the angular factor.
        zeta: f64,
        /// Sign of the cosine.
        gamma: f64,
        /// Whether the distance between the two neighbors enters (G4).
        narrow: bool,
    },
}

/// One feature of a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Function {
    /// Radial part.
    pub radial: Radial,
    /// Sum and angular part.
    pub kind: Kind,
}

impl Function {
    /// Whether the function changes with neighbors of `element`.
    pub fn depends_on(&self, element: usize) -> bool {
        match self.kind {
            Kind::Pair { neighbor } => neighbor == element,
            Kind::Triple { neighbors, .. } => neighbors.contains(&element),
        }
    }
}

/// Functions of one center element.
pub(super) fn resolve(spec: &GaussianSpec, elements: &[String], center: &str) -> Result<Vec<Function>> {
    let list = spec.functions.get(center).ok_or_else(|| {
        Error::InvalidParameter(format!("descriptor has no symmetry functions for center element {center}"))
    })?;
    if list.is_empty() {
        return Err(Error::InvalidParameter(format!(
            "descriptor has no symmetry functions for center element {center}"
        )));
    }
    list.iter()
        .enumerate()
        .map(|(k, function)| {
            resolve_one(spec, elements, function)
                .map_err(|e| Error::InvalidParameter(format!("symmetry function {k} of {center}: {e}")))
        })
        .collect()
}

fn resolve_one(spec: &GaussianSpec, elements: &[String], function: &SymmetryFunction) -> Result<Function> {
    let (eta, rs, cutoff) = match function {
        SymmetryFunction::G2 { eta, rs, cutoff, .. } => (*eta, *rs, *cutoff),
        SymmetryFunction::G4(angular) | SymmetryFunction::G5(angular) => {
            (angular.eta, angular.rs, angular.cutoff)
        }
    };
    let cutoff = cutoff.unwrap_or(spec.cutoff);
    cutoff.validate()?;
    if !(eta.is_finite() && eta >= 0.0) {
        return Err(Error::InvalidParameter(format!("eta must be zero or positive, got {eta}")));
    }
    if !rs.is_finite() {
        return Err(Error::InvalidParameter(format!("rs must be finite, got {rs}")));
    }
    let eta = match spec.eta_unit {
        EtaUnit::Reduced => eta / cutoff.radius().powi(2),
        EtaUnit::Absolute => eta,
    };
    let index = |symbol: &String| {
        elements.iter().position(|e| e == symbol).ok_or_else(|| {
            Error::InvalidParameter(format!("neighbor element {symbol} is not among {}", elements.join(", ")))
        })
    };
    let kind = match function {
        SymmetryFunction::G2 { neighbor, .. } => Kind::Pair { neighbor: index(neighbor)? },
        SymmetryFunction::G4(angular) | SymmetryFunction::G5(angular) => {
            let (zeta, gamma) = (angular.zeta, angular.gamma);
            // Below 1 the slope of (1 + gamma cos t)^zeta diverges where two neighbors lie opposite to each other.
            if !(zeta.is_finite() && zeta >= 1.0) {
                return Err(Error::InvalidParameter(format!("zeta must be at least 1, got {zeta}")));
            }
            if !(gamma.is_finite() && gamma.abs() <= 1.0) {
                return Err(Error::InvalidParameter(format!("gamma must lie between -1 and 1, got {gamma}")));
            }
            let mut neighbors = [index(&angular.neighbors[0])?, index(&angular.neighbors[1])?];
            neighbors.sort_unstable();
            Kind::Triple { neighbors, zeta, gamma, narrow: matches!(function, SymmetryFunction::G4(_)) }
        }
    };
    Ok(Function { radial: Radial { eta, rs, cutoff }, kind })
}
