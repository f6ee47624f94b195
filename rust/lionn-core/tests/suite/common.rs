//! Structures and potentials shared by the integration tests.

use lionn_core::descriptors::{
    Cutoff, Descriptor, DescriptorSpec, Environment, GaussianSpec, Workspace, sets,
};
use lionn_core::linalg::Vec3;
use lionn_core::neighbors::NeighborList;
use lionn_core::network::{Activation, FeedForward};
use lionn_core::potential::{ElementModel, Evaluation, NeuralPotential, Potential, Scaling};
use lionn_core::{Cell, System};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

pub const ELEMENTS: [&str; 4] = ["Ge", "Li", "P", "S"];
pub const NUMBERS: [u8; 4] = [32, 3, 15, 16];

/// The cluster of the reference numbers: Li, P, S, Ge.
pub fn cluster() -> System {
    let positions = vec![[0.0, 0.0, 0.0], [2.1, 0.3, 0.2], [0.4, 2.3, 0.9], [1.7, 1.9, 2.2]];
    System::new(Cell::open(), vec![3, 15, 16, 32], positions).unwrap()
}

/// A random triclinic crystal of `n` atoms of four elements with about the density of LGPS (0.05 atoms/Å³), no two atoms closer
/// than 1.5 Å.
pub fn random_crystal(seed: u64, n: usize) -> System {
    let mut rng = Pcg64::seed_from_u64(seed);
    let edge = (n as f64 / 0.05).cbrt();
    let mut vectors = [[edge, 0.0, 0.0], [0.0, edge, 0.0], [0.0, 0.0, edge]];
    for row in &mut vectors {
        for x in row.iter_mut() {
            *x += 0.15 * edge * (rng.random::<f64>() - 0.5);
        }
    }
    let cell = Cell::new(vectors, [true; 3]).unwrap();
    let mut positions: Vec<[f64; 3]> = Vec::new();
    while positions.len() < n {
        let f: [f64; 3] = std::array::from_fn(|_| rng.random::<f64>() * 1.4 - 0.2);
        let x = lionn_core::linalg::row_times(f, cell.vectors());
        positions.push(x);
        let trial = System::new(cell.clone(), vec![3; positions.len()], positions.clone()).unwrap();
        if lionn_core::neighbors::brute_force(&trial, 1.5).iter().any(|(i, _)| *i == positions.len() - 1) {
            positions.pop();
        }
    }
    let numbers = (0..n).map(|i| NUMBERS[i % 4]).collect();
    System::new(cell, numbers, positions).unwrap()
}

pub fn gaussian_56(cutoff: Cutoff) -> GaussianSpec {
    sets::amp_default(&ELEMENTS.map(String::from), cutoff, sets::AMP_RADIAL_EXPONENTS)
}

/// Potential with seeded random weights and hidden layers (5, 5).
pub fn random_potential(spec: &GaussianSpec, seed: u64, output: Activation) -> NeuralPotential {
    let descriptor = DescriptorSpec::Gaussian(spec.clone()).build().unwrap();
    let mut rng = Pcg64::seed_from_u64(seed);
    let models: Vec<ElementModel> = (0..descriptor.elements().len())
        .map(|e| {
            let n = descriptor.n_features(e);
            let network =
                FeedForward::new(vec![n, 5, 5, 1], vec![Activation::Tanh, Activation::Tanh, output]).unwrap();
            ElementModel { scaling: Scaling::min_max(vec![0.0; n], vec![2.0; n]).unwrap(), network }
        })
        .collect();
    let n_weights: usize = models.iter().map(|m| m.network.n_parameters()).sum();
    let mut parameters: Vec<f64> = (0..n_weights).map(|_| rng.random::<f64>() - 0.5).collect();
    for _ in &models {
        parameters.extend([-4.0, 1.5]);
    }
    NeuralPotential::new(descriptor, models, parameters).unwrap()
}

/// Element and neighbors of atom `i`.
pub fn environment(system: &System, descriptor: &dyn Descriptor, i: usize) -> (usize, Environment) {
    let element_of: Vec<u8> = system
        .numbers
        .iter()
        .map(|n| descriptor.elements().iter().position(|e| e == n).unwrap() as u8)
        .collect();
    let list = NeighborList::build(system, descriptor.cutoff()).unwrap();
    let mut environment = Environment::default();
    environment.fill(system, i, list.of(i), descriptor.cutoff(), &element_of, descriptor.elements().len());
    (usize::from(element_of[i]), environment)
}

pub fn fingerprint(system: &System, descriptor: &dyn Descriptor, i: usize) -> Vec<f64> {
    let (center, environment) = environment(system, descriptor, i);
    let mut out = vec![0.0; descriptor.n_features(center)];
    descriptor.values(center, &environment, &mut Workspace::default(), &mut out);
    out
}

/// Vectors agree to 1e-11 of the largest.
pub fn assert_close(fast: &[Vec3], plain: &[Vec3], what: &str) {
    assert_eq!(fast.len(), plain.len());
    let size = plain.iter().flatten().fold(1e-3f64, |m, x| m.max(x.abs()));
    for (n, (x, y)) in fast.iter().flatten().zip(plain.iter().flatten()).enumerate() {
        assert!((x - y).abs() <= 1e-11 * size, "{what}, component {n}: {x} {y}, largest {size}");
    }
}

/// Energy, forces and virial with a list of just the cutoff.
pub fn evaluate(potential: &dyn Potential, system: &System) -> Evaluation {
    let list = NeighborList::build(system, potential.cutoff()).unwrap();
    let mut out = Evaluation::default();
    potential.evaluate(system, &list, &mut out).unwrap();
    out
}

/// Fourth-order central difference. The step is small because the cutoff functions have a jump in their second
/// derivative at Rc, which pairs may cross; rounding is eps·|E|/h, about 1e-9 eV/Å.
pub fn difference(at: impl Fn(f64) -> f64) -> f64 {
    let h = 1e-5;
    (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h)
}
