//! Neighbor list (also at 25600 atoms), descriptor and force call at 50, 400 and 3200 atoms, one thread. Time per call; divide by the number
//! of elements in the throughput line for the time per atom.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lionn_benches::{REPEATS, lgps, potential};
use lionn_core::descriptors::{Environment, Workspace, element_indices};
use lionn_core::neighbors::NeighborList;
use lionn_core::potential::{Evaluation, Potential};

fn one_thread<R: Send>(task: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread can be started").install(task)
}

fn neighbors(c: &mut Criterion) {
    let mut group = c.benchmark_group("neighbor_list_6.5A");
    for repeats in REPEATS.into_iter().chain([[8, 8, 8]]) {
        let system = lgps(repeats);
        group.throughput(Throughput::Elements(system.n_atoms() as u64));
        group.bench_function(BenchmarkId::new("build", system.n_atoms()), |b| {
            one_thread(|| b.iter(|| NeighborList::build(&system, 6.5)));
        });
        group.bench_function(BenchmarkId::new("rebuild", system.n_atoms()), |b| {
            let mut list = NeighborList::default();
            one_thread(|| b.iter(|| list.rebuild(&system, 6.5)));
        });
    }
}

fn descriptor(c: &mut Criterion) {
    let potential = potential();
    let descriptor = potential.descriptor().as_ref();
    let mut group = c.benchmark_group("gaussian_56_values");
    for repeats in REPEATS {
        let system = lgps(repeats);
        let list = NeighborList::build(&system, descriptor.cutoff()).expect("the crystal is valid");
        let element_of = element_indices(descriptor.elements(), &system.numbers).expect("elements are known");
        group.throughput(Throughput::Elements(system.n_atoms() as u64));
        group.bench_function(BenchmarkId::from_parameter(system.n_atoms()), |b| {
            let mut environment = Environment::default();
            let mut work = Workspace::default();
            let mut out = vec![0.0; 56];
            b.iter(|| {
                for i in 0..system.n_atoms() {
                    environment.fill(&system, i, list.of(i), descriptor.cutoff(), &element_of, 4);
                    descriptor.values(usize::from(element_of[i]), &environment, &mut work, &mut out);
                }
                out[0]
            });
        });
    }
}

fn forces(c: &mut Criterion) {
    let potential = potential();
    let mut group = c.benchmark_group("energy_and_forces_gaussian_56");
    for repeats in REPEATS {
        let system = lgps(repeats);
        let list = NeighborList::build(&system, potential.cutoff()).expect("the crystal is valid");
        group.throughput(Throughput::Elements(system.n_atoms() as u64));
        group.bench_function(BenchmarkId::from_parameter(system.n_atoms()), |b| {
            one_thread(|| {
                let mut out = Evaluation::default();
                b.iter(|| potential.evaluate(&system, &list, &mut out));
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(3));
    targets = neighbors, descriptor, forces
}
criterion_main!(benches);
