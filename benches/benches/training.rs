//! Loss and gradient with forces and the Gauss-Newton matrix, Gaussian-56, networks 56-5-5-1, one thread, images of
//! 50, 400 and 3200 atoms.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lionn_benches::{REPEATS, lgps, potential};
use lionn_core::training::{GaussNewton, Image, LossWeights, Precision, Storage, TrainingSet};

/// Atoms of every training set: about 70 MB of derivatives, far more than the caches hold.
const N_ATOMS: usize = 6400;

fn one_thread<R: Send>(task: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread can be started").install(task)
}

fn training_set(repeats: [usize; 3], precision: Precision) -> TrainingSet {
    let system = lgps(repeats);
    let n_images = N_ATOMS / system.n_atoms();
    let image = Image {
        energy: -4.1 * system.n_atoms() as f64,
        forces: Some(vec![[0.1, -0.2, 0.3]; system.n_atoms()]),
        stress: None,
        weight: 1.0,
        system,
    };
    let storage = Storage { precision, ..Storage::default() };
    let descriptor = potential().descriptor().clone();
    TrainingSet::build(vec![image; n_images], descriptor, storage, &mut |_| Ok(())).expect("images are valid")
}

fn loss_and_gradient(c: &mut Criterion) {
    let potential = potential();
    let weights = LossWeights::default();
    let mut gradient = vec![0.0; potential.parameters().len()];
    let mut group = c.benchmark_group("training_gradient");
    for (name, precision) in [("float32", Precision::Float32), ("float64", Precision::Float64)] {
        for repeats in REPEATS {
            let set = training_set(repeats, precision);
            let n_atoms = set.n_atoms() / set.n_images();
            group.throughput(Throughput::Elements(set.n_atoms() as u64));
            group.bench_function(BenchmarkId::new(name, n_atoms), |b| {
                one_thread(|| b.iter(|| set.evaluate(&potential, &weights, Some(&mut gradient))));
            });
        }
    }
}

/// `JᵀJ` of 16 images of 50 atoms.
fn gauss_newton(c: &mut Criterion) {
    let potential = potential();
    let weights = LossWeights::default();
    let mut group = c.benchmark_group("gauss_newton");
    let set = training_set(REPEATS[0], Precision::Float32);
    let selection: Vec<usize> = (0..16).collect();
    let n_atoms = set.n_atoms() / set.n_images();
    group.throughput(Throughput::Elements((selection.len() * n_atoms) as u64));
    group.bench_function(BenchmarkId::new("float32", n_atoms), |b| {
        one_thread(|| {
            b.iter(|| {
                let mut matrix = GaussNewton::zero(potential.parameters().len());
                matrix.add(&set, &potential, &weights, &selection, 1.0)
            });
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = loss_and_gradient, gauss_newton
}
criterion_main!(benches);
