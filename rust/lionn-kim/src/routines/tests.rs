//! The routines as a simulator calls them.
#![allow(clippy::undocumented_unsafe_blocks)]

use super::*;
use crate::compute::tests::{expected, small_box};
use crate::model::tests::repulsive;

type WithArguments = unsafe extern "C" fn(*const c_void, *mut c_void) -> c_int;
type Compute = unsafe extern "C" fn(*const c_void, *const c_void) -> c_int;
type Destroy = unsafe extern "C" fn(*mut c_void) -> c_int;

fn registered(potential: CommitteePotential) -> Box<Simulator> {
    let mut simulator = Box::new(Simulator::new(&["Li", "S"]));
    let handle = simulator.handle();
    unsafe { register(handle, potential) }.unwrap();
    let create: WithArguments =
        unsafe { std::mem::transmute(simulator.routines[&KIM_MODEL_ROUTINE_NAME_ComputeArgumentsCreate]) };
    assert_eq!(unsafe { create(handle, handle) }, SUCCESS);
    simulator
}

fn compute_once(simulator: &mut Simulator) -> c_int {
    let compute: Compute =
        unsafe { std::mem::transmute(simulator.routines[&KIM_MODEL_ROUTINE_NAME_Compute]) };
    let handle = simulator.handle();
    unsafe { compute(handle, handle) }
}

fn destroy_all(mut simulator: Box<Simulator>) {
    let handle = simulator.handle();
    unsafe {
        let arguments: WithArguments =
            std::mem::transmute(simulator.routines[&KIM_MODEL_ROUTINE_NAME_ComputeArgumentsDestroy]);
        assert_eq!(arguments(handle, handle), SUCCESS);
        let model: Destroy = std::mem::transmute(simulator.routines[&KIM_MODEL_ROUTINE_NAME_Destroy]);
        assert_eq!(model(handle), SUCCESS);
    }
}

#[test]
fn a_step_through_the_interface() {
    let potential = repulsive("committee_v2.json");
    let cutoff = potential.cutoff();
    let particles = small_box(&potential);
    let expected = expected(&potential, &particles.system);
    let n = particles.positions.len();
    let mut simulator = registered(potential);
    assert_eq!(simulator.distances, [cutoff, cutoff]);
    assert_eq!(simulator.species, ["Li", "S"]);
    assert_eq!(simulator.supported.len(), N_OUTPUTS);
    let contributing = (0..n).map(|i| c_int::from(i < 4)).collect();
    simulator.integers = [
        (KIM_COMPUTE_ARGUMENT_NAME_numberOfParticles, vec![n as c_int]),
        (KIM_COMPUTE_ARGUMENT_NAME_particleSpeciesCodes, particles.species.clone()),
        (KIM_COMPUTE_ARGUMENT_NAME_particleContributing, contributing),
    ]
    .into();
    simulator.doubles =
        [(KIM_COMPUTE_ARGUMENT_NAME_coordinates, particles.positions.as_flattened().to_vec())].into();
    simulator.neighbors = particles.neighbors.clone();
    // Nothing asked for, then everything.
    assert_eq!(compute_once(&mut simulator), SUCCESS);
    for (name, length) in [
        (KIM_COMPUTE_ARGUMENT_NAME_partialEnergy, 1),
        (KIM_COMPUTE_ARGUMENT_NAME_partialForces, 3 * n),
        (KIM_COMPUTE_ARGUMENT_NAME_partialParticleEnergy, n),
        (KIM_COMPUTE_ARGUMENT_NAME_partialVirial, 6),
        (KIM_COMPUTE_ARGUMENT_NAME_partialParticleVirial, 6 * n),
    ] {
        simulator.doubles.insert(name, vec![0.0; length]);
    }
    assert_eq!(compute_once(&mut simulator), SUCCESS);
    let energy = simulator.doubles[&KIM_COMPUTE_ARGUMENT_NAME_partialEnergy][0];
    assert!((energy - expected.energy).abs() < 1e-11 * energy.abs());
    let xy = simulator.doubles[&KIM_COMPUTE_ARGUMENT_NAME_partialVirial][5];
    assert!((xy + expected.virial[0][1]).abs() < 1e-10, "{xy}");

    simulator.neighbors.pop();
    assert_eq!(compute_once(&mut simulator), FAILURE);
    assert_eq!(simulator.log, ["the simulator has no neighbors of particle 3"]);
    simulator.integers.remove(&KIM_COMPUTE_ARGUMENT_NAME_particleSpeciesCodes);
    assert_eq!(compute_once(&mut simulator), FAILURE);
    assert!(simulator.log[1].contains("no particles, species or coordinates"));
    destroy_all(simulator);
}

#[test]
fn a_lonely_atom_needs_no_list() {
    let mut simulator = registered(repulsive("potential_v1.json"));
    for name in [
        KIM_COMPUTE_ARGUMENT_NAME_numberOfParticles,
        KIM_COMPUTE_ARGUMENT_NAME_particleSpeciesCodes,
        KIM_COMPUTE_ARGUMENT_NAME_particleContributing,
    ] {
        simulator.integers.insert(name, vec![1]);
    }
    simulator.doubles.insert(KIM_COMPUTE_ARGUMENT_NAME_coordinates, vec![0.0; 3]);
    simulator.neighbors = vec![vec![]];
    assert_eq!(compute_once(&mut simulator), SUCCESS);
    // A rank without particles may not even have arrays.
    simulator.integers = [(KIM_COMPUTE_ARGUMENT_NAME_numberOfParticles, vec![0])].into();
    simulator.doubles = [(KIM_COMPUTE_ARGUMENT_NAME_partialEnergy, vec![7.0])].into();
    assert_eq!(compute_once(&mut simulator), SUCCESS);
    assert_eq!(simulator.doubles[&KIM_COMPUTE_ARGUMENT_NAME_partialEnergy], [0.0]);
    destroy_all(simulator);
}

#[test]
fn failures_at_creation_are_logged() {
    let mut simulator = Simulator::new(&["Li"]);
    let handle = simulator.handle();
    // No potential file lies beside the tests.
    assert_eq!(unsafe { create(handle, Id(1), Id(3), Id(0), Id(0), Id(0)) }, FAILURE);
    assert!(simulator.log[0].contains("potential.json: No such file"), "{:?}", simulator.log);
    let refused = unsafe { register(handle, repulsive("potential_v1.json")) };
    assert_eq!(refused, Err("libkim-api knows no element S".to_owned()));
}

#[test]
fn panics_stay_on_this_side() {
    assert_eq!(guarded(|| panic!("atom {}", 7)), Err("internal error: atom 7".to_owned()));
    assert_eq!(report(Err("text".to_owned()), |_, _, _| ()), FAILURE);
    assert_eq!(report(Ok(()), |_, _, _| unreachable!()), SUCCESS);
}
