//! The matrix of Gauss and Newton against differences of the residuals.

use lionn_core::network::Activation;
use lionn_core::potential::NeuralPotential;
use lionn_core::training::{GaussNewton, Image, LossWeights, Precision, Storage, TrainingSet};

use crate::labeled::*;
pub fn gauss_newton(
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
