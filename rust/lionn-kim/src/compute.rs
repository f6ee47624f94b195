//! Energy, forces and virials of the particles of one rank.

use lionn_core::linalg::{Mat3, Vec3, sub};
use lionn_core::potential::{Center, CenterWork, CommitteePotential};

/// Symmetric tensor in the order of KIM: xx, yy, zz, yz, xz, xy.
pub type Voigt = [f64; 6];

/// Particles of a simulator, contributing ones and their images.
#[derive(Clone, Copy)]
pub struct Particles<'a> {
    /// Index of the element of every particle.
    pub species: &'a [i32],
    /// Not zero for particles whose energy is wanted.
    pub contributing: &'a [i32],
    /// Å.
    pub positions: &'a [Vec3],
}

/// What the simulator asks for; `None` where it does not. Contributions of this rank only.
#[derive(Default)]
pub struct Outputs<'a> {
    /// eV.
    pub energy: Option<&'a mut f64>,
    /// eV/Å.
    pub forces: Option<&'a mut [Vec3]>,
    /// Energy of every particle, eV.
    pub energies: Option<&'a mut [f64]>,
    /// `sum dE/dr ⊗ r`, eV: the negative of the virial of lionn-core.
    pub virial: Option<&'a mut Voigt>,
    /// The same for every particle: of every pair, half for either end.
    pub virials: Option<&'a mut [Voigt]>,
}

/// Buffers that are kept from call to call.
#[derive(Default)]
pub struct Buffers {
    elements: Vec<u8>,
    center: CenterWork,
}

/// Computes what `outputs` asks for. `neighbors` gives those of a contributing particle, at least up to the cutoff.
///
/// # Errors
/// One line for species, positions, neighbors or energies that make no sense.
pub fn compute<'a>(
    potential: &CommitteePotential,
    particles: Particles<'_>,
    neighbors: impl Fn(usize) -> Result<&'a [i32], String>,
    mut outputs: Outputs<'_>,
    buffers: &mut Buffers,
) -> Result<(), String> {
    let Particles { species, contributing, positions } = particles;
    let n_particles = positions.len();
    let n_elements = potential.descriptor().elements().len();
    let Buffers { elements, center: work } = buffers;
    elements.clear();
    for (i, &code) in species.iter().enumerate() {
        let element = u8::try_from(code).ok().filter(|&e| usize::from(e) < n_elements);
        elements.push(element.ok_or_else(|| format!("particle {i} has the unknown species code {code}"))?);
    }
    if let Some(i) = positions.iter().position(|x| !x.iter().all(|x| x.is_finite())) {
        return Err(format!("position of particle {i} is not finite: {:?}", positions[i]));
    }
    outputs.clear();
    let mut energy = 0.0;
    for i in 0..n_particles {
        if contributing[i] == 0 {
            continue;
        }
        let list = neighbors(i)?;
        if let Some(j) = list.iter().find(|&&j| usize::try_from(j).map_or(true, |j| j >= n_particles)) {
            return Err(format!("particle {i} has particle {j} of {n_particles} for a neighbor"));
        }
        let vectors = list.iter().map(|&j| (j as u32, sub(positions[j as usize], positions[i])));
        let center = potential.evaluate_center(usize::from(elements[i]), vectors, elements, work);
        energy += center.energy;
        outputs.add(i, &center);
    }
    if !energy.is_finite() {
        return Err(format!(
            "energy of {n_particles} particles is {energy}: two particles lie at one place, or forces have torn the structure apart"
        ));
    }
    if let Some(out) = outputs.energy {
        *out = energy;
    }
    Ok(())
}

impl Outputs<'_> {
    fn clear(&mut self) {
        if let Some(forces) = self.forces.as_deref_mut() {
            forces.fill([0.0; 3]);
        }
        if let Some(energies) = self.energies.as_deref_mut() {
            energies.fill(0.0);
        }
        if let Some(virial) = self.virial.as_deref_mut() {
            *virial = [0.0; 6];
        }
        if let Some(virials) = self.virials.as_deref_mut() {
            virials.fill([0.0; 6]);
        }
    }

    fn add(&mut self, i: usize, center: &Center<'_>) {
        if let Some(forces) = self.forces.as_deref_mut() {
            center.add_forces(i, forces);
        }
        if let Some(energies) = self.energies.as_deref_mut() {
            energies[i] = center.energy;
        }
        if let Some(virial) = self.virial.as_deref_mut() {
            add_scaled(virial, -1.0, voigt(&center.virial));
        }
        if let Some(virials) = self.virials.as_deref_mut() {
            for (n, &g) in center.gradient.iter().enumerate() {
                let r = center.environment.vector(n);
                let pair = voigt(&g.map(|g| r.map(|r| g * r)));
                add_scaled(&mut virials[i], 0.5, pair);
                add_scaled(&mut virials[center.environment.index[n] as usize], 0.5, pair);
            }
        }
    }
}

fn add_scaled(sum: &mut Voigt, factor: f64, term: Voigt) {
    for (sum, term) in sum.iter_mut().zip(term) {
        *sum += factor * term;
    }
}

/// Symmetric part of a tensor.
fn voigt(m: &Mat3) -> Voigt {
    let off = |a: usize, b: usize| 0.5 * (m[a][b] + m[b][a]);
    [m[0][0], m[1][1], m[2][2], off(1, 2), off(0, 2), off(0, 1)]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::tests::repulsive;
    use lionn_core::linalg::{add, norm};
    use lionn_core::neighbors::NeighborList;
    use lionn_core::potential::{Evaluation, Potential};
    use lionn_core::{Cell, System};

    /// Particles of all ranks with their neighbors.
    pub struct Box {
        pub system: System,
        /// Atom of which every particle is an image; the atoms come first.
        pub image_of: Vec<usize>,
        pub species: Vec<i32>,
        pub positions: Vec<Vec3>,
        pub neighbors: Vec<Vec<i32>>,
    }

    /// A triclinic cell much smaller than the cutoff with Li and S closer than the repulsion reaches, and its images.
    pub fn small_box(potential: &CommitteePotential) -> Box {
        let cell = Cell::new([[4.1, 0.0, 0.0], [0.7, 4.3, 0.0], [-0.4, 0.9, 4.6]], [true; 3]).unwrap();
        let positions = vec![[0.1, 0.2, 0.3], [1.9, 0.6, 0.1], [0.4, 2.4, 2.1], [2.6, 2.3, 2.9]];
        let species = [0, 1, 1, 0];
        let numbers = species.map(|e| potential.descriptor().elements()[e]).to_vec();
        let system = System::new(cell, numbers, positions).unwrap();
        let reach = potential.cutoff() + 0.8;
        let mut out = Box { image_of: vec![], species: vec![], positions: vec![], neighbors: vec![], system };
        let shifts = -4..=4;
        let cells = shifts.clone().flat_map(|a| {
            let shifts = shifts.clone();
            shifts.clone().flat_map(move |b| shifts.clone().map(move |c| [a, b, c]))
        });
        let mut cells: Vec<[i32; 3]> = cells.collect();
        cells.sort_by_key(|&cell| cell != [0; 3]);
        for cell in cells {
            for i in 0..species.len() {
                out.image_of.push(i);
                out.species.push(species[i] as i32);
                out.positions.push(add(out.system.positions[i], out.system.cell.shift_vector(cell)));
            }
        }
        for i in 0..species.len() {
            let center = out.positions[i];
            let close = |&j: &usize| j != i && norm(sub(out.positions[j], center)) < reach;
            out.neighbors.push((0..out.positions.len()).filter(close).map(|j| j as i32).collect());
        }
        out
    }

    /// Energy, forces, energies of the atoms and virial from the engine itself.
    pub fn expected(potential: &CommitteePotential, system: &System) -> Evaluation {
        let list = NeighborList::build(system, potential.cutoff()).unwrap();
        let mut out = Evaluation::default();
        potential.evaluate(system, &list, &mut out).unwrap();
        out
    }

    fn assert_close(a: &[f64], b: &[f64]) {
        let scale = b.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        assert!(scale > 1e-3, "nothing to compare");
        for (a, b) in a.iter().zip(b) {
            // Sums of a few hundred terms in another order.
            assert!((a - b).abs() < 1e-11 * scale, "{a} {b}");
        }
    }

    #[test]
    fn two_ranks_give_what_the_engine_gives() {
        for file in ["potential_v1.json", "committee_v2.json"] {
            let potential = repulsive(file);
            let particles = small_box(&potential);
            let n = particles.positions.len();
            let expected = expected(&potential, &particles.system);
            let (mut energy, mut virial) = (0.0, [0.0; 6]);
            let (mut forces, mut energies, mut virials) = ([[0.0; 3]; 4], [0.0; 4], [0.0; 6]);
            let mut buffers = Buffers::default();
            for rank in 0..2 {
                let contributing: Vec<i32> = (0..n).map(|i| i32::from(i < 4 && i % 2 == rank)).collect();
                // What was there before must not count.
                let (mut own_energy, mut own_virial) = (7.0, [7.0; 6]);
                let (mut own_forces, mut own_energies) = (vec![[7.0; 3]; n], vec![7.0; n]);
                let mut own_virials = vec![[7.0; 6]; n];
                compute(
                    &potential,
                    Particles {
                        species: &particles.species,
                        contributing: &contributing,
                        positions: &particles.positions,
                    },
                    |i| Ok(&particles.neighbors[i]),
                    Outputs {
                        energy: Some(&mut own_energy),
                        forces: Some(&mut own_forces),
                        energies: Some(&mut own_energies),
                        virial: Some(&mut own_virial),
                        virials: Some(&mut own_virials),
                    },
                    &mut buffers,
                )
                .unwrap();
                energy += own_energy;
                add_scaled(&mut virial, 1.0, own_virial);
                for i in 0..n {
                    let atom = particles.image_of[i];
                    forces[atom] = add(forces[atom], own_forces[i]);
                    energies[atom] += own_energies[i];
                    add_scaled(&mut virials, 1.0, own_virials[i]);
                }
            }
            let expected_virial = voigt(&expected.virial).map(|w| -w);
            assert_close(&[energy], &[expected.energy]);
            assert_close(&energies, &expected.atomic_energies);
            assert_close(forces.as_flattened(), expected.forces.as_flattened());
            assert_close(&virial, &expected_virial);
            assert_close(&virials, &expected_virial);
        }
    }

    #[test]
    fn nonsense_of_the_simulator_is_named() {
        let potential = repulsive("potential_v1.json");
        let run = |species: [i32; 2], x: f64, neighbors: &'static [i32]| {
            let particles =
                Particles { species: &species, contributing: &[1, 0], positions: &[[0.0; 3], [x, 0.0, 0.0]] };
            compute(&potential, particles, |_| Ok(neighbors), Outputs::default(), &mut Buffers::default())
        };
        assert_eq!(run([0, 1], 2.0, &[1]), Ok(()));
        assert!(run([0, 2], 2.0, &[1]).unwrap_err().contains("particle 1 has the unknown species code 2"));
        assert!(run([0, 1], 2.0, &[2]).unwrap_err().contains("particle 2 of 2 for a neighbor"));
        assert!(run([0, 1], f64::NAN, &[1]).unwrap_err().contains("position of particle 1 is not finite"));
        assert!(run([0, 1], 0.0, &[1]).unwrap_err().contains("two particles lie at one place"));
    }
}
