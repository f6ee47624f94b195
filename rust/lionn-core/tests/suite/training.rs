//! Loss, predictions and parameter gradient of training sets against finite differences.

use lionn_core::descriptors::{Cutoff, Gaussian, GaussianSpec, Shape, SymmetryFunction, sets};
use lionn_core::linalg::Mat3;
use lionn_core::neighbors::NeighborList;
use lionn_core::network::Activation;
use lionn_core::potential::{Evaluation, NeuralPotential, Potential};
use lionn_core::training::{Image, LossWeights, Precision, Storage, TrainingSet};
use lionn_core::{Error, Result, System};
use std::sync::Arc;

use crate::labeled::*;

#[test]
fn gradient_of_every_term_and_activation_agrees_with_central_differences() {
    use Activation::{Linear, Sigmoid, Tanh};
    let set = build(random_images(1), EVERYTHING);
    let none = LossWeights { energy: 0.0, force: 0.0, stress: 0.0, l2: 0.0 };
    let terms = [
        LossWeights { energy: 1.0, ..none },
        LossWeights { force: 1.0, ..none },
        LossWeights { stress: 1e4, ..none },
        ALL_TERMS,
    ];
    let activations = [(Tanh, Linear), (Tanh, Tanh), (Sigmoid, Linear), (Sigmoid, Sigmoid), (Linear, Linear)];
    for (hidden, output) in activations {
        let potential = potential(&set, hidden, output);
        for weights in &terms {
            check_gradient(&set, &potential, weights, &format!("{hidden:?} {output:?}"));
        }
    }
}

fn check_gradient(set: &TrainingSet, potential: &NeuralPotential, weights: &LossWeights, what: &str) {
    let (loss, gradient) = gradient(set, potential, weights);
    let largest = gradient.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
    let h = 1e-5;
    for k in 0..gradient.len() {
        let at = |delta: f64| {
            let mut p = potential.parameters().to_vec();
            p[k] += delta;
            set.evaluate(&potential.with_parameters(p).unwrap(), weights, None).unwrap().loss
        };
        let numeric = (at(h) - at(-h)) / (2.0 * h);
        // Rounding eps·L/h and truncation h² both stay near 1e-10 of the scale of the problem.
        let error = (numeric - gradient[k]).abs();
        assert!(error < 1e-8 * largest.max(loss), "{what} {weights:?} {k}: {numeric} {}", gradient[k]);
    }
}

/// Weighted functions, other cutoffs and activations take part in training as they are.
#[test]
fn gradient_with_the_functions_of_n2p2() {
    let elements = ["Li", "P", "S"].map(str::to_owned);
    let quintic = Cutoff::Switch { radius: 4.2, inner: 0.8, shape: Shape::Quintic };
    let amp = sets::amp_default(&elements, quintic, 1);
    let (rs, cutoff) = (0.4, None);
    let mut functions = vec![
        SymmetryFunction::WeightedG2 { eta: 2.0, rs, cutoff },
        SymmetryFunction::WeightedG4 { eta: 0.3, zeta: 2.0, gamma: -1.0, rs, cutoff },
        SymmetryFunction::WeightedG4 { eta: 0.3, zeta: 1.5, gamma: 1.0, rs, cutoff },
    ];
    functions.extend_from_slice(&amp.functions["Li"][..6]);
    let spec =
        GaussianSpec { functions: elements.iter().map(|e| (e.clone(), functions.clone())).collect(), ..amp };
    let descriptor = Arc::new(Gaussian::new(&spec).unwrap());
    let set = TrainingSet::build(random_images(3), descriptor, EVERYTHING, &mut |_| Ok(())).unwrap();
    for hidden in [Activation::Softplus, Activation::Gaussian, Activation::Cosine] {
        let potential = potential(&set, hidden, Activation::Linear);
        check_gradient(&set, &potential, &ALL_TERMS, &format!("{hidden:?}"));
    }
}

#[test]
fn forces_and_stress_are_derivatives_of_the_energy() {
    let images = random_images(2);
    let set = build(images.clone(), EVERYTHING);
    let potential = potential(&set, Activation::Tanh, Activation::Linear);
    let predictions = set.predict(&potential).unwrap();
    let energy = |system: System| {
        let image = Image { system, energy: 0.0, forces: None, stress: None, weight: 1.0 };
        build(vec![image], EVERYTHING).predict(&potential).unwrap()[0].energy
    };
    let h = 1e-4;
    for (image, prediction) in images.iter().zip(&predictions) {
        let moved = |i: usize, axis: usize, delta: f64| {
            let mut system = image.system.clone();
            system.positions[i][axis] += delta;
            energy(system)
        };
        for i in 0..image.system.n_atoms() {
            for axis in 0..3 {
                let numeric = -(moved(i, axis, h) - moved(i, axis, -h)) / (2.0 * h);
                let exact = prediction.forces[i][axis];
                // Truncation h² times third derivatives of order ten.
                assert!((numeric - exact).abs() < 2e-6, "atom {i} axis {axis}: {numeric} {exact}");
            }
        }
        if image.system.cell.periodic() != [true; 3] {
            continue;
        }
        let stress = prediction.stress.unwrap();
        let strained = |a: usize, b: usize, delta: f64| {
            let mut strain: Mat3 = [[0.0; 3]; 3];
            strain[a][b] = delta;
            energy(image.system.deformed(&strain).unwrap())
        };
        let volume = image.system.cell.volume();
        for a in 0..3 {
            for b in 0..3 {
                let numeric = (strained(a, b, h) - strained(a, b, -h)) / (2.0 * h) / volume;
                assert!((numeric - stress[a][b]).abs() < 1e-6, "{a}{b}: {numeric} {}", stress[a][b]);
            }
        }
    }
}

#[test]
fn recomputed_derivatives_give_the_same_bits_as_stored_ones() {
    for precision in [Precision::Float32, Precision::Float64] {
        let all = build(random_images(3), Storage { precision, ..EVERYTHING });
        let potential = potential(&all, Activation::Tanh, Activation::Linear);
        let reference = gradient(&all, &potential, &ALL_TERMS);
        assert_eq!(all.n_stored(), 4);
        for (limit, at_most) in [(0, 0), (all.bytes() / 2, 3)] {
            let storage = Storage { precision, max_bytes: Some(limit), ..EVERYTHING };
            let set = build(random_images(3), storage);
            assert!(set.n_stored() <= at_most);
            assert_eq!(gradient(&set, &potential, &ALL_TERMS), reference);
        }
    }
}

#[test]
fn single_precision_storage_changes_the_gradient_by_its_rounding_only() {
    let double = build(random_images(4), EVERYTHING);
    let single = build(random_images(4), Storage { precision: Precision::Float32, ..EVERYTHING });
    let potential = potential(&double, Activation::Tanh, Activation::Linear);
    let (loss, exact) = gradient(&double, &potential, &ALL_TERMS);
    let (loss_single, rounded) = gradient(&single, &potential, &ALL_TERMS);
    let scale = exact.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
    assert!((loss - loss_single).abs() < 1e-6 * loss);
    for (a, b) in exact.iter().zip(&rounded) {
        assert!((a - b).abs() < 1e-6 * scale);
    }
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    // Enough atoms for several chunks.
    let images: Vec<Image> = (0..60).flat_map(|seed| random_images(100 + seed)).collect();
    let set = build(images, EVERYTHING);
    let potential = potential(&set, Activation::Tanh, Activation::Tanh);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| gradient(&set, &potential, &ALL_TERMS))
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(3));
}

#[test]
fn a_partition_of_the_images_adds_up_to_all_of_them() {
    // More images than chunks of a selection, so that chunks have several.
    let images: Vec<Image> = (1..31).flat_map(random_images).collect();
    let set = build(images, EVERYTHING);
    let potential = potential(&set, Activation::Tanh, Activation::Linear);
    let (loss, all) = gradient(&set, &potential, &ALL_TERMS);
    let part = |selection: &[usize]| {
        let mut out = vec![0.0; all.len()];
        let report = set.evaluate_selection(&potential, &ALL_TERMS, selection, Some(&mut out)).unwrap();
        let alone = set.evaluate_selection(&potential, &ALL_TERMS, selection, None).unwrap();
        assert_eq!(report.loss, alone.loss);
        (report.loss, out)
    };
    let order: Vec<usize> = (0..set.n_images()).map(|k| (k * 77 + 5) % set.n_images()).collect();
    let parts: Vec<(f64, Vec<f64>)> = [&order[..1], &order[1..9], &order[9..]].map(part).into();
    let sum: f64 = parts.iter().map(|(loss, _)| loss).sum();
    // Rounding of sums of some hundred terms.
    assert!((sum - loss).abs() < 1e-12 * loss);
    let largest = all.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
    for (k, expected) in all.iter().enumerate() {
        let sum: f64 = parts.iter().map(|(_, gradient)| gradient[k]).sum();
        assert!((sum - expected).abs() < 1e-12 * largest, "{k}: {sum} {expected}");
    }
    for n_threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        assert_eq!(pool.install(|| part(&order[9..])), parts[2], "{n_threads} threads");
    }
    let fails = |selection: &[usize]| {
        set.evaluate_selection(&potential, &ALL_TERMS, selection, None).unwrap_err().to_string()
    };
    assert_eq!(fails(&[]), "a selection needs at least one image");
    assert_eq!(fails(&[0, 120]), "image 120 does not exist, there are 120");
}

#[test]
fn gradient_of_some_images_agrees_with_central_differences() {
    let set = build(random_images(4), EVERYTHING);
    let potential = potential(&set, Activation::Tanh, Activation::Linear);
    let selection = [2, 0];
    let mut gradient = vec![0.0; potential.parameters().len()];
    set.evaluate_selection(&potential, &ALL_TERMS, &selection, Some(&mut gradient)).unwrap();
    let largest = gradient.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
    let h = 1e-5;
    for k in 0..gradient.len() {
        let at = |delta: f64| {
            let mut p = potential.parameters().to_vec();
            p[k] += delta;
            let moved = potential.with_parameters(p).unwrap();
            set.evaluate_selection(&moved, &ALL_TERMS, &selection, None).unwrap().loss
        };
        let numeric = (at(h) - at(-h)) / (2.0 * h);
        // As for all images above.
        assert!((numeric - gradient[k]).abs() < 1e-8 * largest, "{k}: {numeric} {}", gradient[k]);
    }
}

#[test]
fn memory_is_known_before_it_is_used() {
    let images = random_images(5);
    let systems: Vec<System> = images.iter().map(|image| image.system.clone()).collect();
    for precision in [Precision::Float32, Precision::Float64] {
        for stress in [false, true] {
            let storage = Storage { precision, stress, ..EVERYTHING };
            let estimate = TrainingSet::estimate_memory(&systems, &*descriptor(), &storage).unwrap();
            let truth = build(images.clone(), storage).bytes();
            let ratio = estimate.total() as f64 / truth as f64;
            assert!((0.8..1.2).contains(&ratio), "{precision:?} {stress}: {ratio}");
        }
    }
}

#[test]
fn broken_images_and_parameters_are_named() {
    let fails = |change: &dyn Fn(&mut Vec<Image>)| {
        let mut images = random_images(6);
        change(&mut images);
        match TrainingSet::build(images, descriptor(), EVERYTHING, &mut |_| Ok(())) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("a broken image was accepted"),
        }
    };
    let text = fails(&|images| images[2].forces.as_mut().unwrap()[1][0] = f64::NAN);
    assert!(text.starts_with("image 2: reference force on atom 1 is [NaN"), "{text}");
    let text = fails(&|images| images[0].energy = f64::INFINITY);
    assert_eq!(text, "image 0: reference energy is inf");
    let text = fails(&|images| images[1].system.numbers[2] = 8);
    assert_eq!(text, "image 1: atom 2 is O, which is not among the descriptor's elements Li, P, S");
    let text = fails(&|images| {
        images[0].forces.as_mut().unwrap().pop();
    });
    assert_eq!(text, "forces of image 0 must have shape (5, 3) to match positions, got (4, 3)");

    let set = build(random_images(6), EVERYTHING);
    let potential = potential(&set, Activation::Linear, Activation::Linear);
    let short = set.evaluate(&potential, &ALL_TERMS, Some(&mut [0.0; 3])).unwrap_err().to_string();
    assert!(short.starts_with("gradient must have shape"), "{short}");
    let mut parameters = potential.parameters().to_vec();
    parameters[potential.layout().network(1)].fill(1e200);
    let wild = potential.with_parameters(parameters).unwrap();
    let text = set.evaluate(&wild, &ALL_TERMS, None).unwrap_err().to_string();
    assert!(text.starts_with("image 0: energy of atom 2 (P) is not finite"), "{text}");
}

#[test]
fn predictions_are_those_of_the_potential() {
    let set = build(random_images(9), EVERYTHING);
    let potential = potential(&set, Activation::Tanh, Activation::Linear);
    let mut evaluation = Evaluation::default();
    for (image, prediction) in set.images().zip(set.predict(&potential).unwrap()) {
        let neighbors = NeighborList::build(&image.system, potential.cutoff()).unwrap();
        potential.evaluate(&image.system, &neighbors, &mut evaluation).unwrap();
        assert!((evaluation.energy - prediction.energy).abs() < 1e-12);
        for (a, b) in evaluation.forces.iter().flatten().zip(prediction.forces.iter().flatten()) {
            assert!((a - b).abs() < 1e-11, "{a} {b}");
        }
        let volume = image.system.cell.volume();
        for (virial, stress) in
            evaluation.virial.iter().flatten().zip(prediction.stress.unwrap().iter().flatten())
        {
            assert!((virial + volume * stress).abs() < 1e-11, "{virial} {}", volume * stress);
        }
    }
}

#[test]
fn preparation_can_be_interrupted() {
    let result: Result<TrainingSet> =
        TrainingSet::build(random_images(8), descriptor(), EVERYTHING, &mut |_| Err(Error::Interrupted));
    assert!(matches!(result, Err(Error::Interrupted)));
}
