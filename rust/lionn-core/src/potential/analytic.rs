//! Potentials with closed formulas: references for molecular dynamics, not models of a material.

use crate::error::{Error, Result};
use crate::linalg::{Vec3, dot, sub};
use crate::neighbors::NeighborList;
use crate::potential::{Evaluation, Potential};
use crate::system::System;

/// The Lennard-Jones pair potential, the same for all elements, switched smoothly to zero at the cutoff:
///
/// `phi(r) = 4 epsilon [(sigma/r)^12 - (sigma/r)^6] S(r)`, with `S = 1` below the onset and
/// `S = (Rc² - r²)² (Rc² + 2 r² - 3 Ro²) / (Rc² - Ro²)³` between the onset `Ro` and the cutoff `Rc`
/// (Brooks et al., J. Comput. Chem. 4, 187 (1983), doi:10.1002/jcc.540040211). Energy and forces are continuous.
#[derive(Debug, Clone)]
pub struct LennardJones {
    epsilon: f64,
    sigma: f64,
    onset: f64,
    cutoff: f64,
}

impl LennardJones {
    /// Well depth `epsilon` (eV), diameter `sigma` (Å), onset of the switching function and cutoff (Å).
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless `epsilon, sigma > 0` and `0 <= onset < cutoff`.
    pub fn new(epsilon: f64, sigma: f64, onset: f64, cutoff: f64) -> Result<Self> {
        let finite = [epsilon, sigma, onset, cutoff].iter().all(|x| x.is_finite());
        if !finite || epsilon <= 0.0 || sigma <= 0.0 || onset < 0.0 || onset >= cutoff {
            return Err(Error::InvalidParameter(format!(
                "Lennard-Jones needs epsilon > 0, sigma > 0 and 0 <= onset < cutoff, got epsilon {epsilon}, \
                 sigma {sigma}, onset {onset}, cutoff {cutoff}"
            )));
        }
        Ok(Self { epsilon, sigma, onset, cutoff })
    }

    /// `phi(r)` and `phi'(r)/r` as functions of `r²`, inside the cutoff.
    #[inline]
    fn pair(&self, r2: f64) -> (f64, f64) {
        let s2 = self.sigma * self.sigma / r2;
        let s6 = s2 * s2 * s2;
        let energy = 4.0 * self.epsilon * s6 * (s6 - 1.0);
        let slope = -24.0 * self.epsilon * s6 * (2.0 * s6 - 1.0) / r2;
        let (on, off) = (self.onset * self.onset, self.cutoff * self.cutoff);
        if r2 <= on {
            return (energy, slope);
        }
        let norm = 1.0 / (off - on).powi(3);
        let switch = (off - r2) * (off - r2) * (off + 2.0 * r2 - 3.0 * on) * norm;
        // dS/dr / r = 2 dS/d(r²)
        let switch_slope = 12.0 * (off - r2) * (on - r2) * norm;
        (energy * switch, slope * switch + energy * switch_slope)
    }
}

impl Potential for LennardJones {
    fn cutoff(&self) -> f64 {
        self.cutoff
    }

    fn check(&self, _system: &System) -> Result<()> {
        Ok(())
    }

    fn evaluate(&self, system: &System, neighbors: &NeighborList, out: &mut Evaluation) -> Result<()> {
        out.reset(system.n_atoms());
        let limit = self.cutoff * self.cutoff;
        for i in 0..system.n_atoms() {
            for pair in neighbors.of(i) {
                let r = NeighborList::vector(system, i, pair);
                let r2 = dot(r, r);
                if r2 >= limit {
                    continue;
                }
                let (energy, slope) = self.pair(r2);
                out.atomic_energies[i] += 0.5 * energy;
                for a in 0..3 {
                    // The full list holds i-j and j-i: each contributes the whole force on its own center.
                    out.forces[i][a] += slope * r[a];
                    for b in 0..3 {
                        out.virial[a][b] -= 0.5 * slope * r[a] * r[b];
                    }
                }
            }
        }
        out.energy = out.atomic_energies.iter().sum();
        Ok(())
    }
}

/// The Einstein crystal: every atom is bound to its own site, `E = sum_i ½ k_i |x_i - x_i0|²`.
///
/// Sites are absolute, so positions must be unwrapped, momentum is not conserved (`N_dof = 3N`) and the
/// virial, which has no meaning for an external field, is zero.
#[derive(Debug, Clone)]
pub struct Harmonic {
    sites: Vec<Vec3>,
    stiffness: Vec<f64>,
}

impl Harmonic {
    /// Reach of the neighbor list, Å: no pair contributes, but colliding atoms must be seen.
    const REACH: f64 = 1.0;

    /// Sites (Å) and force constants (eV/Å²), one for every atom.
    ///
    /// # Errors
    /// [`Error::Shape`] if the lengths differ, [`Error::InvalidParameter`] for a negative or non-finite constant.
    pub fn new(sites: Vec<Vec3>, stiffness: Vec<f64>) -> Result<Self> {
        if sites.len() != stiffness.len() {
            return Err(Error::shape(
                "stiffness",
                format!("({},)", sites.len()),
                format!("({},)", stiffness.len()),
            ));
        }
        if let Some(k) = stiffness.iter().find(|k| !k.is_finite() || **k < 0.0) {
            return Err(Error::InvalidParameter(format!("stiffness must be at least 0 eV/Å², got {k}")));
        }
        Ok(Self { sites, stiffness })
    }
}

impl Potential for Harmonic {
    fn cutoff(&self) -> f64 {
        Self::REACH
    }

    fn check(&self, system: &System) -> Result<()> {
        if system.n_atoms() != self.sites.len() {
            return Err(Error::Structure(format!(
                "the harmonic potential has {} sites, the structure has {} atoms",
                self.sites.len(),
                system.n_atoms()
            )));
        }
        Ok(())
    }

    fn evaluate(&self, system: &System, _neighbors: &NeighborList, out: &mut Evaluation) -> Result<()> {
        self.check(system)?;
        out.reset(system.n_atoms());
        for i in 0..system.n_atoms() {
            let displacement = sub(system.positions[i], self.sites[i]);
            out.atomic_energies[i] = 0.5 * self.stiffness[i] * dot(displacement, displacement);
            out.forces[i] = displacement.map(|x| -self.stiffness[i] * x);
        }
        out.energy = out.atomic_energies.iter().sum();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;

    fn cluster() -> System {
        let cell = Cell::new([[6.0, 0.3, 0.0], [-0.4, 6.5, 0.2], [0.1, 0.2, 7.0]], [true; 3]).unwrap();
        let positions =
            vec![[0.1, 0.2, 0.3], [3.1, 0.4, 0.2], [0.3, 3.2, 3.0], [3.2, 3.4, 3.6], [1.8, 1.7, 5.0]];
        System::new(cell, vec![18; 5], positions).unwrap()
    }

    fn evaluate(potential: &dyn Potential, system: &System) -> Evaluation {
        let list = NeighborList::build(system, potential.cutoff() + 0.5).unwrap();
        let mut out = Evaluation::default();
        potential.evaluate(system, &list, &mut out).unwrap();
        out
    }

    /// Central differences with step 1e-5 Å: truncation 1e-10 and rounding 1e-11 relative to forces of order 1.
    #[test]
    fn forces_and_virial_are_derivatives_of_the_energy() {
        let system = cluster();
        let lj = LennardJones::new(0.02, 2.6, 3.5, 5.5).unwrap();
        let sites = system.positions.iter().map(|p| p.map(|x| x + 0.1)).collect();
        let einstein = Harmonic::new(sites, vec![1.0, 2.0, 0.5, 3.0, 0.0]).unwrap();
        let step = 1e-5;
        for potential in [&lj as &dyn Potential, &einstein] {
            let out = evaluate(potential, &system);
            for i in 0..system.n_atoms() {
                for a in 0..3 {
                    let energy = |sign: f64| {
                        let mut moved = system.clone();
                        moved.positions[i][a] += sign * step;
                        evaluate(potential, &moved).energy
                    };
                    let numeric = -(energy(1.0) - energy(-1.0)) / (2.0 * step);
                    assert!((numeric - out.forces[i][a]).abs() < 1e-8, "{numeric} {}", out.forces[i][a]);
                }
            }
        }
        let out = evaluate(&lj, &system);
        for a in 0..3 {
            for b in 0..3 {
                let energy = |sign: f64| {
                    let mut strain = [[0.0; 3]; 3];
                    strain[a][b] = sign * step;
                    evaluate(&lj, &system.deformed(&strain).unwrap()).energy
                };
                let numeric = -(energy(1.0) - energy(-1.0)) / (2.0 * step);
                assert!((numeric - out.virial[a][b]).abs() < 1e-7, "{numeric} {}", out.virial[a][b]);
            }
        }
    }

    #[test]
    fn bad_parameters_are_refused() {
        assert!(LennardJones::new(0.01, 3.4, 9.0, 8.0).unwrap_err().to_string().contains("onset 9"));
        let error = Harmonic::new(vec![[0.0; 3]], vec![]).unwrap_err().to_string();
        assert_eq!(error, "stiffness must have shape (1,), got (0,)");
        let one = Harmonic::new(vec![[0.0; 3]], vec![1.0]).unwrap();
        assert!(
            one.check(&cluster()).unwrap_err().to_string().contains("1 sites, the structure has 5 atoms")
        );
    }
}
