//! Symmetry functions with everything resolved to numbers: element indices, absolute exponents, cutoffs.

use super::super::cutoff::Cutoff;
use super::super::spec::{EtaUnit, GaussianSpec, SymmetryFunction};
use crate::error::{Error, Result};
use crate::species::atomic_number;

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

/// A symmetry function of one neighbor element or pair of elements.
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

/// One feature of a fingerprint: a function, or a weighted sum of those of all elements or pairs of elements.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Weight and function.
    pub terms: Vec<(f64, Function)>,
}

impl Feature {
    /// Whether the feature changes with neighbors of `element`.
    pub fn depends_on(&self, element: usize) -> bool {
        self.terms.iter().any(|(_, function)| function.depends_on(element))
    }
}

/// Features of one center element.
pub(super) fn resolve(spec: &GaussianSpec, elements: &[String], center: &str) -> Result<Vec<Feature>> {
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

fn resolve_one(spec: &GaussianSpec, elements: &[String], function: &SymmetryFunction) -> Result<Feature> {
    let radial = radial_part(spec, function)?;
    let index = |symbol: &String| {
        elements.iter().position(|e| e == symbol).ok_or_else(|| {
            Error::InvalidParameter(format!("neighbor element {symbol} is not among {}", elements.join(", ")))
        })
    };
    let numbers: Vec<f64> =
        elements.iter().map(|e| atomic_number(e).map(f64::from)).collect::<Result<_>>()?;
    let all = 0..elements.len();
    let kinds: Vec<(f64, Kind)> = match function {
        SymmetryFunction::G2 { neighbor, .. } => vec![(1.0, Kind::Pair { neighbor: index(neighbor)? })],
        SymmetryFunction::WeightedG2 { .. } => {
            all.map(|neighbor| (numbers[neighbor], Kind::Pair { neighbor })).collect()
        }
        SymmetryFunction::G4(angular) | SymmetryFunction::G5(angular) => {
            check_angular(angular.zeta, angular.gamma)?;
            let mut neighbors = [index(&angular.neighbors[0])?, index(&angular.neighbors[1])?];
            neighbors.sort_unstable();
            let narrow = matches!(function, SymmetryFunction::G4(_));
            vec![(1.0, Kind::Triple { neighbors, zeta: angular.zeta, gamma: angular.gamma, narrow })]
        }
        &SymmetryFunction::WeightedG4 { zeta, gamma, .. } => {
            check_angular(zeta, gamma)?;
            let pairs = all.clone().flat_map(|a| (a..all.end).map(move |b| [a, b]));
            pairs
                .map(|pair @ [a, b]| {
                    (numbers[a] * numbers[b], Kind::Triple { neighbors: pair, zeta, gamma, narrow: true })
                })
                .collect()
        }
    };
    let terms = kinds.into_iter().map(|(weight, kind)| (weight, Function { radial, kind })).collect();
    Ok(Feature { terms })
}

fn radial_part(spec: &GaussianSpec, function: &SymmetryFunction) -> Result<Radial> {
    let (eta, rs, cutoff) = match function {
        SymmetryFunction::G2 { eta, rs, cutoff, .. }
        | SymmetryFunction::WeightedG2 { eta, rs, cutoff }
        | SymmetryFunction::WeightedG4 { eta, rs, cutoff, .. } => (*eta, *rs, *cutoff),
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
    Ok(Radial { eta, rs, cutoff })
}

fn check_angular(zeta: f64, gamma: f64) -> Result<()> {
    // Below 1 the slope of (1 + gamma cos t)^zeta diverges where two neighbors lie opposite to each other.
    if !(zeta.is_finite() && zeta >= 1.0) {
        return Err(Error::InvalidParameter(format!("zeta must be at least 1, got {zeta}")));
    }
    if !(gamma.is_finite() && gamma.abs() <= 1.0) {
        return Err(Error::InvalidParameter(format!("gamma must lie between -1 and 1, got {gamma}")));
    }
    Ok(())
}
