//! Named sets of symmetry functions.

use super::cutoff::Cutoff;
use super::spec::{Angular, EtaUnit, GaussianSpec, SymmetryFunction};

/// Number of radial exponents of AMP's default set.
pub const AMP_RADIAL_EXPONENTS: usize = 4;
/// First and last radial exponent of AMP's default set, spaced evenly in the logarithm.
const AMP_ETA_RANGE: [f64; 2] = [0.05, 5.0];
const AMP_ETA_ANGULAR: f64 = 0.005;
const AMP_ZETAS: [f64; 2] = [1.0, 4.0];
const AMP_GAMMAS: [f64; 2] = [1.0, -1.0];
/// First center of the shifted set, Å: below the shortest bond of a sulfide.
const FIRST_CENTER: f64 = 1.5;
/// Distance of the last center from the cutoff radius, Å.
const LAST_CENTER_MARGIN: f64 = 0.5;
/// Width of the shifted Gaussians in units of the distance between their centers.
const SHIFTED_WIDTH: f64 = 0.7;

/// AMP's default symmetry functions for any list of elements (Khorshidi and Peterson, Comput. Phys. Commun. 207, 310
/// (2016)): G2 with `n_radial` exponents (AMP: four) from 0.05 to 5, G4 with eta 0.005, zeta 1 and 4, gamma ±1; exponents
/// divided by `Rc²`. With four exponents: 20 functions for two elements, 56 for four ("Gaussian-56" of Rao, Yao and
/// Grabow 2020), 80 for five. Elements are sorted by symbol.
pub fn amp_default(elements: &[String], cutoff: Cutoff, n_radial: usize) -> GaussianSpec {
    let [first, last] = AMP_ETA_RANGE.map(f64::log10);
    let steps = n_radial.saturating_sub(1).max(1) as f64;
    let exponents =
        (0..n_radial).map(|k| (10f64.powf(first + (last - first) * k as f64 / steps), 0.0)).collect();
    with_amp_angular(elements, cutoff, exponents)
}

/// Radial functions whose centers `Rs` are spread evenly from 1.5 Å to 0.5 Å below the cutoff (the "shifted" sets of
/// Gastegger et al., J. Chem. Phys. 148, 241709 (2018), doi 10.1063/1.5019667), each 0.7 spacings wide, with the angular
/// functions of [`amp_default`]. They resolve bond lengths that AMP's broad centered functions blur.
pub fn shifted(elements: &[String], cutoff: Cutoff, n_centers: usize) -> GaussianSpec {
    let last = (cutoff.radius() - LAST_CENTER_MARGIN).max(FIRST_CENTER + LAST_CENTER_MARGIN);
    let spacing = (last - FIRST_CENTER) / n_centers.saturating_sub(1).max(1) as f64;
    let eta = 0.5 * (cutoff.radius() / (SHIFTED_WIDTH * spacing)).powi(2);
    let centers = (0..n_centers).map(|k| (eta, FIRST_CENTER + k as f64 * spacing)).collect();
    with_amp_angular(elements, cutoff, centers)
}

/// G2 of the given `(eta, Rs)` for every element and the G4 of AMP's default set.
fn with_amp_angular(elements: &[String], cutoff: Cutoff, radial: Vec<(f64, f64)>) -> GaussianSpec {
    let mut elements = elements.to_vec();
    elements.sort();
    elements.dedup();
    let mut functions = Vec::new();
    for (eta, rs) in radial {
        for neighbor in &elements {
            functions.push(SymmetryFunction::G2 { neighbor: neighbor.clone(), eta, rs, cutoff: None });
        }
    }
    for zeta in AMP_ZETAS {
        for gamma in AMP_GAMMAS {
            for (a, first) in elements.iter().enumerate() {
                for second in &elements[a..] {
                    functions.push(SymmetryFunction::G4(Angular {
                        neighbors: [first.clone(), second.clone()],
                        eta: AMP_ETA_ANGULAR,
                        zeta,
                        gamma,
                        rs: 0.0,
                        cutoff: None,
                    }));
                }
            }
        }
    }
    GaussianSpec {
        functions: elements.iter().map(|e| (e.clone(), functions.clone())).collect(),
        elements,
        cutoff,
        eta_unit: EtaUnit::Reduced,
    }
}
