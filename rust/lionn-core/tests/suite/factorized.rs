//! Training of descriptors whose derivatives are never formed, and of their contraction.

use lionn_core::System;
use lionn_core::descriptors::{
    Cutoff, DensityCorrelations, Descriptor, Environment, PowerSpectrumSpec, Workspace,
};
use lionn_core::linalg::Vec3;
use lionn_core::network::Activation;
use lionn_core::training::TrainingSet;
use std::sync::Arc;

use crate::gauss_newton::gauss_newton;
use crate::labeled::*;
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
        bispectrum_l_max: 2,
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
    let contraction =
        names.iter().map(|name| (name.to_string(), vec![matrix(2), matrix(3), matrix(2)])).collect();
    let spec = PowerSpectrumSpec {
        elements: names.map(str::to_owned).to_vec(),
        cutoff: Cutoff::Cosine { radius: 4.2 },
        n_radial: N_RADIAL,
        l_max: 2,
        bispectrum_l_max: 2,
        contraction: Some(contraction),
    };
    Arc::new(spec.build().unwrap())
}

#[test]
fn gradient_of_a_contraction_agrees_with_central_differences() {
    let numbers: Vec<f64> = (0..3 * 7 * 6).map(|k| (1.9 * k as f64 + 0.3).sin()).collect();
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
