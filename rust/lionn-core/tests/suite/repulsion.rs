//! The wall between atoms of a pair that the training images lack.

use crate::common::evaluate;
use crate::labeled::{LI, P, S, descriptor};
use lionn_core::network::{Activation, FeedForward};
use lionn_core::potential::{ElementModel, NeuralPotential, RepulsionPair, Scaling};
use lionn_core::species::covalent_radius;
use lionn_core::training::{Image, Storage, TrainingSet};
use lionn_core::{Cell, System};

fn molecule(numbers: Vec<u8>, positions: Vec<[f64; 3]>) -> System {
    System::new(Cell::open(), numbers, positions).unwrap()
}

/// Lithium and sulfur meet; two sulfur atoms stay farther apart than the cutoff; phosphorus is alone.
fn images() -> Vec<System> {
    vec![
        molecule(vec![S, LI, LI, S], vec![[0.0; 3], [2.0, 0.0, 0.0], [4.5, 0.0, 0.0], [7.0, 0.0, 0.0]]),
        molecule(vec![P, P], vec![[0.0; 3], [0.0, 0.0, 9.0]]),
    ]
}

fn set() -> TrainingSet {
    let images = images()
        .into_iter()
        .map(|system| Image { system, energy: 0.0, forces: None, stress: None, weight: 1.0 })
        .collect();
    TrainingSet::build(images, descriptor(), Storage::default(), &mut |_| Ok(())).unwrap()
}

/// A potential that pulls every atom towards its neighbors: the energy falls with each feature.
fn attractive(pairs: Vec<RepulsionPair>) -> NeuralPotential {
    let descriptor = descriptor();
    let mut parameters = Vec::new();
    let models: Vec<ElementModel> = (0..3)
        .map(|e| {
            let n = descriptor.n_features(e);
            parameters.extend(vec![-3.0; n]);
            parameters.push(0.0);
            let network = FeedForward::new(vec![n, 1], vec![Activation::Linear]).unwrap();
            ElementModel { scaling: Scaling::min_max(vec![0.0; n], vec![1.0; n]).unwrap(), network }
        })
        .collect();
    parameters.extend([0.0, 1.0].repeat(3));
    NeuralPotential::new(descriptor, models, parameters).unwrap().with_repulsion(pairs).unwrap()
}

fn pair<'a>(pairs: &'a [RepulsionPair], a: &str, b: &str) -> &'a RepulsionPair {
    pairs.iter().find(|p| p.elements == [a, b]).unwrap()
}

#[test]
fn every_pair_has_a_wall_that_starts_where_images_or_radii_say() {
    let pairs = set().repulsion().unwrap();
    assert_eq!(pairs.len(), 6);
    assert_eq!(pair(&pairs, "Li", "S").outer, 0.95 * 2.0);
    assert_eq!(pair(&pairs, "Li", "Li").outer, 0.95 * 2.5);
    for (names, [a, b]) in
        [(["S", "S"], [S, S]), (["P", "S"], [P, S]), (["P", "P"], [P, P]), (["Li", "P"], [LI, P])]
    {
        let own = pair(&pairs, names[0], names[1]);
        assert_eq!(own.outer, 0.7 * (covalent_radius(a) + covalent_radius(b)), "{names:?}");
        assert_eq!(own.inner, 0.7 * own.outer);
    }
}

/// Also where the cutoff is shorter than the bond that the radii expect.
#[test]
fn it_never_reaches_beyond_the_cutoff() {
    use lionn_core::descriptors::{Cutoff, Gaussian, sets};
    let spec = sets::amp_default(&["Cs".to_owned()], Cutoff::Cosine { radius: 3.0 }, 1);
    let system = molecule(vec![55, 55], vec![[0.0; 3], [0.0, 0.0, 3.0]]);
    let image = Image { system, energy: 0.0, forces: None, stress: None, weight: 1.0 };
    let descriptor = std::sync::Arc::new(Gaussian::new(&spec).unwrap());
    let set = TrainingSet::build(vec![image], descriptor, Storage::default(), &mut |_| Ok(())).unwrap();
    assert!(0.7 * 2.0 * covalent_radius(55) > 3.0);
    assert_eq!(set.repulsion().unwrap()[0].outer, 0.95 * 3.0);
}

#[test]
fn training_images_do_not_feel_it() {
    let (with, without) = (attractive(set().repulsion().unwrap()), attractive(vec![]));
    for system in images() {
        let (a, b) = (evaluate(&with, &system), evaluate(&without, &system));
        assert_eq!(a.energy, b.energy);
        assert_eq!(a.forces, b.forces);
    }
}

/// The network alone pulls two S together at every distance; with the wall they are pushed apart, harder the closer they are.
#[test]
fn it_wins_against_an_attractive_network() {
    let (with, without) = (attractive(set().repulsion().unwrap()), attractive(vec![]));
    let force = |potential: &NeuralPotential, r: f64| {
        evaluate(potential, &molecule(vec![S, S], vec![[0.0; 3], [r, 0.0, 0.0]])).forces[1][0]
    };
    let mut last = 0.0;
    for r in [1.0, 0.8, 0.6, 0.4, 0.2] {
        assert!(force(&without, r) < -0.1, "{r}: {}", force(&without, r));
        assert!(force(&with, r) > last + 1.0, "{r}: {}", force(&with, r));
        last = force(&with, r);
    }
}
