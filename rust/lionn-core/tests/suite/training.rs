//! Loss, predictions and parameter gradient of training sets against finite differences.

use lionn_core::descriptors::{
    Cutoff, DensityCorrelations, Descriptor, Environment, Gaussian, PowerSpectrumSpec, Workspace, sets,
};
use lionn_core::linalg::{Mat3, Vec3, norm, sub};
use lionn_core::neighbors::NeighborList;
use lionn_core::network::{Activation, FeedForward};
use lionn_core::potential::{ElementModel, Evaluation, NeuralPotential, Potential};
use lionn_core::training::{GaussNewton, Image, LossWeights, Precision, Storage, TrainingSet};
use lionn_core::{Cell, Error, Result, System};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::sync::Arc;

const LI: u8 = 3;
const P: u8 = 15;
const S: u8 = 16;
const EVERYTHING: Storage =
    Storage { precision: Precision::Float64, forces: true, stress: true, max_bytes: None };
const ALL_TERMS: LossWeights = LossWeights { energy: 0.8, force: 0.3, stress: 2.0e3, l2: 0.01 };

fn descriptor() -> Arc<dyn Descriptor> {
    let elements = ["Li", "P", "S"].map(str::to_owned);
    let spec = sets::amp_default(&elements, Cutoff::Cosine { radius: 4.2 }, 2);
    Arc::new(Gaussian::new(&spec).unwrap())
}

fn random_vector(rng: &mut Pcg64, scale: f64) -> Vec3 {
    [0, 1, 2].map(|_| scale * (2.0 * rng.random::<f64>() - 1.0))
}

/// Atoms at least 1.5 Å apart in a triclinic cell that is hardly larger than the cutoff, so that neighbors enter twice.
fn random_system(rng: &mut Pcg64, numbers: &[u8], periodic: [bool; 3]) -> System {
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

fn random_images(seed: u64) -> Vec<Image> {
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

fn potential(set: &TrainingSet, hidden: Activation, output: Activation) -> NeuralPotential {
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

fn build(images: Vec<Image>, storage: Storage) -> TrainingSet {
    TrainingSet::build(images, descriptor(), storage, &mut |_| Ok(())).unwrap()
}

fn gradient(set: &TrainingSet, potential: &NeuralPotential, weights: &LossWeights) -> (f64, Vec<f64>) {
    let mut out = vec![0.0; potential.parameters().len()];
    let report = set.evaluate(potential, weights, Some(&mut out)).unwrap();
    (report.loss, out)
}

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
            let (loss, gradient) = gradient(&set, &potential, weights);
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
                let scale = largest.max(loss);
                assert!(
                    error < 1e-8 * scale,
                    "{hidden:?} {output:?} {weights:?} {k}: {numeric} {}",
                    gradient[k]
                );
            }
        }
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

fn gauss_newton(
    set: &TrainingSet,
    potential: &NeuralPotential,
    weights: &LossWeights,
) -> (GaussNewton, Vec<f64>) {
    let mut matrix = GaussNewton::zero(potential.parameters().len());
    let all: Vec<usize> = (0..set.n_images()).collect();
    let projection = matrix.add(set, potential, weights, &all, 1.0).unwrap();
    (matrix, projection)
}

#[test]
fn squares_of_the_residuals_sum_up_to_the_loss() {
    let set = build(random_images(10), EVERYTHING);
    let potential = potential(&set, Activation::Tanh, Activation::Sigmoid);
    let residuals = set.residuals(&potential, &ALL_TERMS).unwrap();
    let sum: f64 = residuals.iter().map(|r| r * r).sum();
    let loss = set.evaluate(&potential, &ALL_TERMS, None).unwrap().loss;
    assert!((sum - loss).abs() < 1e-13 * loss);
}

#[test]
fn gauss_newton_matrix_agrees_with_differences_of_the_residuals() {
    use Activation::{Linear, Sigmoid, Tanh};
    let set = build(random_images(11), EVERYTHING);
    let energies_only = LossWeights { energy: 1.0, force: 0.0, stress: 0.0, l2: 0.1 };
    for (hidden, output, weights) in
        [(Tanh, Linear, ALL_TERMS), (Sigmoid, Tanh, ALL_TERMS), (Tanh, Linear, energies_only)]
    {
        let potential = potential(&set, hidden, output);
        let n = potential.parameters().len();
        let h = 1e-4;
        let at = |k: usize, delta: f64| {
            let mut p = potential.parameters().to_vec();
            p[k] += delta;
            set.residuals(&potential.with_parameters(p).unwrap(), &weights).unwrap()
        };
        // Fourth-order differences: truncation h⁴ and rounding eps/h are both near 1e-11 of the residuals.
        let columns: Vec<Vec<f64>> = (0..n)
            .map(|k| {
                let (a, b) = (at(k, h), at(k, -h));
                let (c, d) = (at(k, 2.0 * h), at(k, -2.0 * h));
                let difference = |i: usize| (8.0 * (a[i] - b[i]) - (c[i] - d[i])) / (12.0 * h);
                (0..a.len()).map(difference).collect()
            })
            .collect();
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let (matrix, projection) = gauss_newton(&set, &potential, &weights);
        let largest = matrix.diagonal().into_iter().fold(0.0, f64::max);
        let mut lower = matrix.lower().into_iter();
        for i in 0..n {
            for j in 0..=i {
                let (numeric, exact) = (product(&columns[i], &columns[j]), lower.next().unwrap());
                assert!((numeric - exact).abs() < 1e-8 * largest, "{i} {j}: {numeric} {exact}");
            }
        }
        let v: Vec<f64> = (0..n).map(|k| (k as f64 * 0.3).sin()).collect();
        let along: Vec<f64> =
            (0..columns[0].len()).map(|r| (0..n).map(|k| columns[k][r] * v[k]).sum()).collect();
        for (column, exact) in columns.iter().zip(matrix.product(&v)) {
            assert!((product(column, &along) - exact).abs() < 1e-7 * largest);
        }
        // Half the gradient of the loss, by other sums.
        let (_, gradient) = gradient(&set, &potential, &weights);
        let scale = gradient.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
        for (p, g) in projection.iter().zip(&gradient) {
            assert!((2.0 * p - g).abs() < 1e-13 * scale, "{p} {g}");
        }
    }
}

#[test]
fn gauss_newton_has_the_same_bits_for_any_threads_and_memory() {
    // Several panels of rows.
    let images = || (0..100).flat_map(|seed| random_images(300 + seed)).collect::<Vec<Image>>();
    let set = build(images(), EVERYTHING);
    let potential = potential(&set, Activation::Tanh, Activation::Linear);
    let n = potential.parameters().len();
    let on = |set: &TrainingSet, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (mut matrix, projection) = gauss_newton(set, &potential, &ALL_TERMS);
            assert!(matrix.decompose(&vec![0.1; n]));
            let step = matrix.solve(&projection).unwrap();
            (matrix.lower(), projection, step)
        })
    };
    let one = on(&set, 1);
    assert_eq!(one, on(&set, 2));
    assert_eq!(one, on(&set, 3));
    let recomputed = build(images(), Storage { max_bytes: Some(set.bytes() / 3), ..EVERYTHING });
    assert!(recomputed.n_stored() < set.n_images() / 2);
    assert_eq!(one, on(&recomputed, 2));
    let single = build(images(), Storage { precision: Precision::Float32, ..EVERYTHING });
    let (rounded, ..) = on(&single, 2);
    let largest = one.0.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    for (a, b) in one.0.iter().zip(&rounded) {
        assert!((a - b).abs() < 1e-6 * largest);
    }
}

#[test]
fn gauss_newton_of_some_images_is_their_share() {
    let set = build(random_images(12), EVERYTHING);
    let potential = potential(&set, Activation::Tanh, Activation::Linear);
    let n = potential.parameters().len();
    let (whole, projection) = gauss_newton(&set, &potential, &ALL_TERMS);
    let mut parts = GaussNewton::zero(n);
    let mut sum = vec![0.0; n];
    for selection in [&[2, 0][..], &[3, 1]] {
        let part = parts.add(&set, &potential, &ALL_TERMS, selection, 1.0).unwrap();
        sum.iter_mut().zip(part).for_each(|(sum, p)| *sum += p);
    }
    let scale = whole.diagonal().into_iter().fold(0.0, f64::max);
    for (a, b) in whole.lower().iter().zip(parts.lower()).chain(projection.iter().zip(sum)) {
        assert!((a - b).abs() < 1e-13 * scale);
    }
    let mut matrix = GaussNewton::zero(n);
    let mut fails = |selection: &[usize]| {
        matrix.add(&set, &potential, &ALL_TERMS, selection, 1.0).unwrap_err().to_string()
    };
    assert_eq!(fails(&[1, 4]), "image 4 does not exist, there are 4");
    assert_eq!(fails(&[]), "a selection needs at least one image");
    let mut short = GaussNewton::zero(3);
    let text = short.add(&set, &potential, &ALL_TERMS, &[0], 1.0).unwrap_err().to_string();
    assert_eq!(text, format!("parameters must have shape (3,), got ({n},)"));
}

/// A factorized descriptor whose derivatives are formed all the same.
struct Formed(DensityCorrelations);

impl Descriptor for Formed {
    fn cutoff(&self) -> f64 {
        self.0.cutoff()
    }
    fn elements(&self) -> &[u8] {
        self.0.elements()
    }
    fn n_features(&self, center: usize) -> usize {
        self.0.n_features(center)
    }
    fn values(&self, center: usize, environment: &Environment, work: &mut Workspace, out: &mut [f64]) {
        self.0.values(center, environment, work, out);
    }
    fn contract(
        &self,
        center: usize,
        environment: &Environment,
        work: &mut Workspace,
        dedg: &[f64],
        gradient: &mut [Vec3],
    ) {
        self.0.contract(center, environment, work, dedg, gradient);
    }
    fn support(&self, center: usize, neighbor: usize) -> &[u32] {
        self.0.support(center, neighbor)
    }
}

#[test]
fn factorized_derivatives_give_what_formed_ones_give() {
    let spec = PowerSpectrumSpec {
        elements: ["Li", "P", "S"].map(str::to_owned).to_vec(),
        cutoff: Cutoff::Cosine { radius: 4.2 },
        n_radial: 2,
        l_max: 2,
        contraction: None,
    };
    let density = spec.build().unwrap();
    let formed = Formed(density.clone());
    let build = |descriptor: Arc<dyn Descriptor>| {
        TrainingSet::build(random_images(11), descriptor, EVERYTHING, &mut |_| Ok(())).unwrap()
    };
    let (factorized, formed) = (build(Arc::new(density)), build(Arc::new(formed)));
    let model = potential(&factorized, Activation::Tanh, Activation::Linear);
    let (loss, own) = gradient(&factorized, &model, &ALL_TERMS);
    let (expected_loss, expected) = gradient(&formed, &model, &ALL_TERMS);
    assert!((loss - expected_loss).abs() < 1e-11 * loss, "{loss} {expected_loss}");
    let size = expected.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
    for (a, b) in own.iter().zip(&expected) {
        assert!((a - b).abs() < 1e-10 * size, "{a} {b}");
    }
    let (a, b) = (factorized.predict(&model).unwrap(), formed.predict(&model).unwrap());
    for (a, b) in a.iter().zip(&b) {
        for (x, y) in a.forces.as_flattened().iter().zip(b.forces.as_flattened()) {
            assert!((x - y).abs() < 1e-10 * y.abs().max(1.0));
        }
        for (x, y) in a.stress.unwrap().as_flattened().iter().zip(b.stress.unwrap().as_flattened()) {
            assert!((x - y).abs() < 1e-10 * y.abs().max(1.0));
        }
    }
    // The matrix of Gauss and Newton forms the derivatives of its images in any case.
    let (a, b) = (gauss_newton(&factorized, &model, &ALL_TERMS), gauss_newton(&formed, &model, &ALL_TERMS));
    let size = b.1.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    assert!(a.1.iter().zip(&b.1).all(|(x, y)| (x - y).abs() < 1e-10 * size));
    assert_eq!(factorized.n_stored(), factorized.n_images());
    let systems: Vec<System> = random_images(11).into_iter().map(|image| image.system).collect();
    let estimate = TrainingSet::estimate_memory(&systems, &**factorized.descriptor(), &EVERYTHING).unwrap();
    let error = estimate.total() as f64 / factorized.bytes() as f64 - 1.0;
    assert!(error.abs() < 0.1, "{} {}", estimate.total(), factorized.bytes());
}

/// A small power spectrum whose contraction is `W[l][k][column]` in the order of the gradient.
fn contracted(numbers: &[f64]) -> Arc<dyn Descriptor> {
    const N_RADIAL: usize = 2;
    let names = ["Li", "P", "S"];
    let mut rest = numbers.iter().copied();
    let mut matrix = |rows: usize| -> Vec<Vec<f64>> {
        (0..rows).map(|_| rest.by_ref().take(3 * N_RADIAL).collect()).collect()
    };
    let contraction = names.iter().map(|name| (name.to_string(), vec![matrix(2), matrix(3)])).collect();
    let spec = PowerSpectrumSpec {
        elements: names.map(str::to_owned).to_vec(),
        cutoff: Cutoff::Cosine { radius: 4.2 },
        n_radial: N_RADIAL,
        l_max: 1,
        contraction: Some(contraction),
    };
    Arc::new(spec.build().unwrap())
}

#[test]
fn gradient_of_a_contraction_agrees_with_central_differences() {
    let numbers: Vec<f64> = (0..3 * 5 * 6).map(|k| (1.9 * k as f64 + 0.3).sin()).collect();
    let set =
        TrainingSet::build(random_images(12), contracted(&numbers), EVERYTHING, &mut |_| Ok(())).unwrap();
    let model = potential(&set, Activation::Tanh, Activation::Linear);
    let n_parameters = model.parameters().len();
    let mut gradient = vec![0.0; n_parameters + numbers.len()];
    let loss = set.evaluate(&model, &ALL_TERMS, Some(&mut gradient)).unwrap().loss;
    let mut without = vec![0.0; n_parameters];
    set.evaluate(&model, &ALL_TERMS, Some(&mut without)).unwrap();
    assert_eq!(without, gradient[..n_parameters]);
    let learned = &gradient[n_parameters..];
    let scale = learned.iter().fold(loss, |m, g| m.max(g.abs()));
    let h = 1e-5;
    for k in 0..numbers.len() {
        let at = |delta: f64| {
            let mut changed = numbers.clone();
            changed[k] += delta;
            let moved = model.with_descriptor(&contracted(&changed)).unwrap();
            set.evaluate(&moved, &ALL_TERMS, None).unwrap().loss
        };
        let numeric = (at(h) - at(-h)) / (2.0 * h);
        // Rounding eps·L/h and truncation h² both stay near 1e-10 of the scale of the problem.
        assert!((numeric - learned[k]).abs() < 1e-8 * scale, "{k}: {numeric} {}", learned[k]);
    }
}
