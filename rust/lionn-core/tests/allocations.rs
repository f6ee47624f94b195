//! Molecular dynamics allocates nothing per step once its buffers have grown. A program of its own, because it counts
//! every allocation of the process.

#[allow(dead_code)]
#[path = "suite/common.rs"]
mod common;

use lionn_core::descriptors::Cutoff;
use lionn_core::md::thermostat::ThermostatSpec;
use lionn_core::md::{Dynamics, Guard, Monitor, Recorder, Settings, State, maxwell_boltzmann};
use lionn_core::network::Activation;
use lionn_core::potential::{CommitteePotential, NeuralPotential, Potential};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Allocations of 100 steps after 100 others, and how often the list was rebuilt during them. The least of three, because
/// the buffers of a thread grow when it gets its first work, which the operating system may delay.
fn allocations(n_threads: usize, potential: Arc<dyn Potential>) -> (usize, usize) {
    let system = common::random_crystal(3, 96);
    let masses = vec![30.0; system.n_atoms()];
    let velocities = maxwell_boltzmann(&masses, 300.0, 1, true).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
    pool.install(|| {
        let state = State::new(system, velocities, masses, None).unwrap();
        // A thin skin makes the list be rebuilt often; no guard stops the random potential.
        let guard = Guard { min_distance: 0.0, max_temperature_k: f64::INFINITY, ..Guard::default() };
        let settings = Settings { timestep_fs: 0.5, skin: 0.2, guard };
        let mut run = Dynamics::new(potential, state, settings).unwrap();
        run.set_thermostat(&ThermostatSpec::NoseHooverChain {
            temperature_k: 300.0,
            tau_fs: 50.0,
            chain_length: 3,
            n_weights: 3,
            n_substeps: 1,
        })
        .unwrap();
        run.set_monitor(Monitor { stride: 5, ..Monitor::default() }).unwrap();
        let mut recorder = Recorder::new(1, 10, true);
        run.run(100, None, &mut recorder).unwrap();
        (0..3)
            .map(|_| {
                let rebuilds = run.n_rebuilds();
                recorder.clear();
                let region = Region::new(ALLOCATOR);
                run.run(100, None, &mut recorder).unwrap();
                let change = region.change();
                (change.allocations + change.reallocations, run.n_rebuilds() - rebuilds)
            })
            .min()
            .unwrap()
    })
}

fn potential() -> NeuralPotential {
    common::random_potential(&common::gaussian_56(Cutoff::Cosine { radius: 5.0 }), 5, Activation::Linear)
}

/// With one thread there is none. With several, joining threads allocates nothing either, but the queues of the thread
/// pool may grow now and then: allowed is far less than one per step.
#[test]
fn a_step_allocates_nothing() {
    let (count, rebuilds) = allocations(1, Arc::new(potential()));
    assert!(rebuilds >= 3, "the list must be rebuilt during the test, got {rebuilds}");
    assert_eq!(count, 0, "in {rebuilds} rebuilds");
    let (count, _) = allocations(2, Arc::new(potential()));
    assert!(count <= 10, "{count} allocations in 100 steps on two threads");
    // Neither does a committee that is assessed every five steps.
    let member = potential();
    let committee = CommitteePotential::new(vec![member.clone(), member]).unwrap();
    let (count, _) = allocations(1, Arc::new(committee));
    assert_eq!(count, 0, "in a committee");
}
