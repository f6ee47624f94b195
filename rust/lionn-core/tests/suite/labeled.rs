//! Small labeled images, and what the tests of training do with them.

use lionn_core::descriptors::{Cutoff, Descriptor, Gaussian, sets};
use lionn_core::linalg::{Vec3, norm, sub};
use lionn_core::network::{Activation, FeedForward};
use lionn_core::potential::{ElementModel, NeuralPotential};
use lionn_core::training::{Image, LossWeights, Precision, Storage, TrainingSet};
use lionn_core::{Cell, System};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::sync::Arc;

pub const LI: u8 = 3;
pub const P: u8 = 15;
pub const S: u8 = 16;
pub const EVERYTHING: Storage =
    Storage { precision: Precision::Float64, forces: true, stress: true, max_bytes: None };
pub const ALL_TERMS: LossWeights = LossWeights { energy: 0.8, force: 0.3, stress: 2.0e3, l2: 0.01 };

pub fn descriptor() -> Arc<dyn Descriptor> {
    let elements = ["Li", "P", "S"].map(str::to_owned);
    let spec = sets::amp_default(&elements, Cutoff::Cosine { radius: 4.2 }, 2);
    Arc::new(Gaussian::new(&spec).unwrap())
}

pub fn random_vector(rng: &mut Pcg64, scale: f64) -> Vec3 {
    [0, 1, 2].map(|_| scale * (2.0 * rng.random::<f64>() - 1.0))
}

/// Atoms at least 1.5 Å apart in a triclinic cell that is hardly larger than the cutoff, so that neighbors enter twice.
pub fn random_system(rng: &mut Pcg64, numbers: &[u8], periodic: [bool; 3]) -> System {
    let cell = Cell::new([[4.0, 0.2, 0.0], [-0.7, 4.4, 0.3], [0.4, 0.5, 5.4]], periodic).unwrap();
    let mut positions: Vec<Vec3> = Vec::new();
    let shifts: Vec<Vec3> =
        (0..27).map(|s| cell.shift_vector([s / 9 - 1, s / 3 % 3 - 1, s % 3 - 1])).collect();
    while positions.len() < numbers.len() {
        let mut trial = [0.0; 3];
        for vector in cell.vectors() {
            let fraction: f64 = rng.random();
            for axis in 0..3 {
                trial[axis] += fraction * vector[axis];
            }
        }
        let far = |other: &Vec3| shifts.iter().all(|s| norm(sub(sub(trial, *other), *s)) > 1.5);
        if positions.iter().all(far) {
            positions.push(trial);
        }
    }
    System::new(cell, numbers.to_vec(), positions).unwrap()
}

pub fn random_images(seed: u64) -> Vec<Image> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let kinds: [(&[u8], [bool; 3]); 4] = [
        (&[LI, LI, P, S, S], [true; 3]),
        (&[S, P, LI], [true, false, true]),
        (&[LI, LI], [true; 3]),
        (&[P, S, S, LI], [false; 3]),
    ];
    let mut images: Vec<Image> = kinds
        .iter()
        .enumerate()
        .map(|(k, (numbers, periodic))| {
            let system = random_system(&mut rng, numbers, *periodic);
            let forces = (0..numbers.len()).map(|_| random_vector(&mut rng, 1.0)).collect();
            let stress = [0, 1, 2].map(|_| random_vector(&mut rng, 0.02));
            let weight = 0.5 + k as f64 * 0.4;
            Image { system, energy: -3.0 + k as f64, forces: Some(forces), stress: Some(stress), weight }
        })
        .collect();
    images[3].stress = None;
    images[1].forces = None;
    images
}

pub fn potential(set: &TrainingSet, hidden: Activation, output: Activation) -> NeuralPotential {
    let descriptor = set.descriptor();
    let elements: Vec<ElementModel> = set
        .scalings()
        .unwrap()
        .into_iter()
        .enumerate()
        .map(|(e, scaling)| {
            // Elements may have different topologies.
            let widths = vec![descriptor.n_features(e), 4 + e, 3, 1];
            let network = FeedForward::new(widths, vec![hidden, hidden, output]).unwrap();
            ElementModel { scaling, network }
        })
        .collect();
    let n_parameters = elements.iter().map(|e| e.network.n_parameters() + 2).sum();
    let mut rng = Pcg64::seed_from_u64(7);
    let parameters = (0..n_parameters).map(|_| rng.random::<f64>() - 0.45).collect();
    NeuralPotential::new(descriptor.clone(), elements, parameters).unwrap()
}

pub fn build(images: Vec<Image>, storage: Storage) -> TrainingSet {
    TrainingSet::build(images, descriptor(), storage, &mut |_| Ok(())).unwrap()
}

pub fn gradient(set: &TrainingSet, potential: &NeuralPotential, weights: &LossWeights) -> (f64, Vec<f64>) {
    let mut out = vec![0.0; potential.parameters().len()];
    let report = set.evaluate(potential, weights, Some(&mut out)).unwrap();
    (report.loss, out)
}
