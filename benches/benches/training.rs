//! Loss and gradient with forces: AMP's default functions for Ge, Li, P, S (G56), networks 56-5-5-1.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lionn_core::descriptors::{Cutoff, DescriptorSpec, sets};
use lionn_core::network::{Activation, FeedForward};
use lionn_core::potential::{ElementModel, NeuralPotential};
use lionn_core::training::{Image, LossWeights, Precision, Storage, TrainingSet};
use lionn_core::{Cell, System};
use std::hint::black_box;

/// Total number of atoms of every set, so that all of them are larger than the caches.
const N_ATOMS: usize = 6400;

fn set(n_cells: [usize; 3], precision: Precision) -> TrainingSet {
    let elements = ["Ge", "Li", "P", "S"].map(str::to_owned);
    let spec = sets::amp_default(&elements, Cutoff::Cosine { radius: 6.5 }, sets::AMP_RADIAL_EXPONENTS);
    let descriptor = DescriptorSpec::Gaussian(spec).build().unwrap();
    let image = |seed: usize| {
        let system = lgps_like(n_cells, seed as u64);
        let forces = Some(vec![[0.1, -0.2, 0.3]; system.n_atoms()]);
        Image { system, energy: -200.0, forces, stress: None, weight: 1.0 }
    };
    let n_images = N_ATOMS / (50 * n_cells.iter().product::<usize>());
    let storage = Storage { precision, ..Storage::default() };
    TrainingSet::build((0..n_images).map(image).collect(), descriptor, storage, &mut |_| Ok(())).unwrap()
}

fn potential(set: &TrainingSet) -> NeuralPotential {
    let elements: Vec<ElementModel> = set
        .scalings()
        .unwrap()
        .into_iter()
        .map(|scaling| {
            let activations = vec![Activation::Tanh, Activation::Tanh, Activation::Linear];
            let network = FeedForward::new(vec![scaling.n_features(), 5, 5, 1], activations).unwrap();
            ElementModel { scaling, network }
        })
        .collect();
    let n: usize = elements.iter().map(|e| e.network.n_parameters() + 2).sum();
    let parameters = (0..n).map(|k| 0.3 * (k as f64 * 1.7).sin()).collect();
    NeuralPotential::new(set.descriptor().clone(), elements, parameters).unwrap()
}

/// Atoms of Li20Ge2P4S24 cells on a jittered grid at the density of the crystal.
fn lgps_like(n_cells: [usize; 3], seed: u64) -> System {
    let edges = [8.6, 8.9, 13.0];
    let grid = [4, 4, 4];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let species: Vec<u8> =
        [(3, 20), (32, 2), (15, 4), (16, 24)].iter().flat_map(|&(z, n)| std::iter::repeat_n(z, n)).collect();
    let (mut numbers, mut positions) = (Vec::new(), Vec::new());
    for cell in 0..n_cells.iter().product::<usize>() {
        let corner = [cell % n_cells[0], cell / n_cells[0] % n_cells[1], cell / (n_cells[0] * n_cells[1])];
        for (site, &z) in species.iter().enumerate() {
            // 50 of 64 grid sites, spread evenly.
            let place = site * 64 / 50;
            let sites = [place % grid[0], place / grid[0] % grid[1], place / (grid[0] * grid[1])];
            let at = |k: usize, u: f64| {
                (corner[k] as f64 + (sites[k] as f64 + 0.5 + 0.3 * (u - 0.5)) / grid[k] as f64) * edges[k]
            };
            positions.push([at(0, uniform()), at(1, uniform()), at(2, uniform())]);
            numbers.push(z);
        }
    }
    let length = |k: usize| edges[k] * n_cells[k] as f64;
    let cell =
        Cell::new([[length(0), 0.0, 0.0], [0.0, length(1), 0.0], [0.0, 0.0, length(2)]], [true; 3]).unwrap();
    System::new(cell, numbers, positions).unwrap()
}

fn loss_and_gradient(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("training");
    for (name, precision) in [("float32", Precision::Float32), ("float64", Precision::Float64)] {
        for (n_atoms, n_cells) in [(50, [1, 1, 1]), (400, [2, 2, 2]), (3200, [4, 4, 4])] {
            let set = set(n_cells, precision);
            let potential = potential(&set);
            let mut gradient = vec![0.0; potential.parameters().len()];
            group.throughput(Throughput::Elements(set.n_atoms() as u64));
            group.bench_function(BenchmarkId::new(format!("gradient/{name}"), n_atoms), |bencher| {
                bencher.iter(|| {
                    black_box(set.evaluate(&potential, &LossWeights::default(), Some(&mut gradient)).unwrap())
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = loss_and_gradient
}
criterion_main!(benches);
