//! A molecular-dynamics step against the work that it cannot avoid, at 50, 400 and 3200 atoms on one thread.
//!
//! `step` is a Nosé-Hoover chain step with guard, recording and skin list; `force_call` is energy and forces at the same
//! positions with the same list; `rebuild` is one rebuild of the list, which LGPS at 600 K and 2 fs needs about every seventh
//! step. The atoms of `step` hardly move, so it contains no rebuild, and `step` less `force_call` is the overhead of the loop.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lionn_benches::{REPEATS, lgps, potential};
use lionn_core::md::thermostat::ThermostatSpec;
use lionn_core::md::{Dynamics, Guard, Recorder, Settings, State, maxwell_boltzmann};
use lionn_core::neighbors::{NeighborList, VerletList};
use lionn_core::potential::analytic::Harmonic;
use lionn_core::potential::{Evaluation, Potential};
use std::sync::Arc;

/// The default of a protocol, Å.
const SKIN: f64 = 0.8;
const TEMPERATURE_K: f64 = 600.0;

fn one_thread<R: Send>(task: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread can be started").install(task)
}

/// Masses of Li, P, S and Ge, u.
fn mass(number: u8) -> f64 {
    match number {
        3 => 6.94,
        15 => 30.974,
        16 => 32.06,
        _ => 72.63,
    }
}

/// A run at 600 K. The time step is tiny: the made-up potential must not destroy the crystal during a benchmark.
fn dynamics(potential: Arc<dyn Potential>, repeats: [usize; 3]) -> Dynamics {
    let system = lgps(repeats);
    let masses: Vec<f64> = system.numbers.iter().map(|&z| mass(z)).collect();
    let velocities = maxwell_boltzmann(&masses, TEMPERATURE_K, 1, true).expect("input is valid");
    let state = State::new(system, velocities, masses, None).expect("input is valid");
    let settings = Settings { timestep_fs: 1e-3, skin: SKIN, guard: Guard::default() };
    let mut run = Dynamics::new(potential, state, settings).expect("input is valid");
    let chain = ThermostatSpec::NoseHooverChain {
        temperature_k: TEMPERATURE_K,
        tau_fs: 100.0,
        chain_length: 3,
        n_weights: 3,
        n_substeps: 1,
    };
    run.set_thermostat(&chain).expect("input is valid");
    run
}

fn step(c: &mut Criterion) {
    let neural: Arc<dyn Potential> = Arc::new(potential());
    let mut group = c.benchmark_group("md_gaussian_56");
    for repeats in REPEATS {
        let system = lgps(repeats);
        let n_atoms = system.n_atoms();
        group.throughput(Throughput::Elements(n_atoms as u64));
        group.bench_function(BenchmarkId::new("force_call", n_atoms), |b| {
            let list = NeighborList::build(&system, neural.cutoff() + SKIN).expect("the crystal is valid");
            one_thread(|| {
                let mut out = Evaluation::default();
                b.iter(|| neural.evaluate(&system, &list, &mut out));
            });
        });
        group.bench_function(BenchmarkId::new("rebuild", n_atoms), |b| {
            let mut list = VerletList::new(&system, neural.cutoff(), SKIN).expect("the crystal is valid");
            one_thread(|| b.iter(|| list.rebuild(&system)));
        });
        group.bench_function(BenchmarkId::new("step", n_atoms), |b| {
            let mut run = dynamics(neural.clone(), repeats);
            let mut recorder = Recorder::new(10, 10, false);
            one_thread(|| {
                b.iter(|| {
                    recorder.clear();
                    run.run(1, None, &mut recorder)
                });
            });
        });
    }
}

/// The loop alone: springs cost nothing, so this is integrator, thermostat, guard, skin check and recorder.
fn loop_alone(c: &mut Criterion) {
    let mut group = c.benchmark_group("md_loop_without_forces");
    for repeats in REPEATS {
        let system = lgps(repeats);
        let n_atoms = system.n_atoms();
        let springs: Arc<dyn Potential> =
            Arc::new(Harmonic::new(system.positions, vec![1.0; n_atoms]).expect("input is valid"));
        group.throughput(Throughput::Elements(n_atoms as u64));
        group.bench_function(BenchmarkId::from_parameter(n_atoms), |b| {
            let mut run = dynamics(springs.clone(), repeats);
            let mut recorder = Recorder::new(10, 10, false);
            b.iter(|| {
                recorder.clear();
                run.run(1, None, &mut recorder)
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(3));
    targets = step, loop_alone
}
criterion_main!(benches);
