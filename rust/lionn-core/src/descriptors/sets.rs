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

/// AMP's default symmetry functions for any list of elements (Khorshidi and Peterson, Comput. Phys. Commun. 207, 310
/// (2016)): G2 with `n_radial` exponents (AMP: four) from 0.05 to 5, G4 with eta 0.005, zeta 1 and 4, gamma ±1; exponents
/// divided by `Rc²`. With four exponents: 20 functions for two elements, 56 for four ("Gaussian-56" of Rao, Yao and
/// Grabow 2020), 80 for five. Elements are sorted by symbol.
pub fn amp_default(elements: &[String], cutoff: Cutoff, n_radial: usize) -> GaussianSpec {
    let mut elements = elements.to_vec();
    elements.sort();
    elements.dedup();
    let [first, last] = AMP_ETA_RANGE.map(f64::log10);
    let steps = n_radial.saturating_sub(1).max(1) as f64;
    let mut functions = Vec::new();
    for k in 0..n_radial {
        let eta = 10f64.powf(first + (last - first) * k as f64 / steps);
        for neighbor in &elements {
            functions.push(SymmetryFunction::G2 { neighbor: neighbor.clone(), eta, rs: 0.0, cutoff: None });
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
