//! Committees and training ranges: the mean against its members, the spread against its formula, files, dynamics.

use std::sync::Arc;

use crate::common::{ELEMENTS, difference, evaluate, gaussian_56, random_crystal, random_potential};
use lionn_core::System;
use lionn_core::descriptors::{Cutoff, DescriptorSpec};
use lionn_core::linalg::Vec3;
use lionn_core::md::{Dynamics, Guard, Monitor, OnUncertain, Recorder, Settings, State, maxwell_boltzmann};
use lionn_core::model_file::{Model, ModelFile};
use lionn_core::neighbors::NeighborList;
use lionn_core::network::Activation;
use lionn_core::potential::{
    Assesses, Assessment, CommitteePotential, Evaluation, NeuralPotential, Potential, RepulsionPair,
    SpreadScale, TrainingRange, WatchedPotential,
};

const CUTOFF: Cutoff = Cutoff::Cosine { radius: 5.0 };

fn spec() -> DescriptorSpec {
    DescriptorSpec::Gaussian(gaussian_56(CUTOFF))
}

/// Members with different random weights, one descriptor object and a repulsion that acts in the random crystals.
fn members(seeds: &[u64]) -> Vec<NeuralPotential> {
    let first = random_potential(&gaussian_56(CUTOFF), seeds[0], Activation::Linear);
    let pair = RepulsionPair { elements: ["Li".into(), "S".into()], inner: 1.5, outer: 2.5 };
    let share = |&seed: &u64| {
        random_potential(&gaussian_56(CUTOFF), seed, Activation::Linear)
            .with_descriptor(first.descriptor())
            .unwrap()
            .with_repulsion(vec![pair.clone()])
            .unwrap()
    };
    seeds.iter().map(share).collect()
}

fn committee(seeds: &[u64]) -> CommitteePotential {
    CommitteePotential::new(members(seeds)).unwrap()
}

fn assess(potential: &dyn Potential, system: &System) -> (Evaluation, Assessment) {
    let list = NeighborList::build(system, potential.cutoff()).unwrap();
    let (mut out, mut assessment) = (Evaluation::default(), Assessment::default());
    potential.evaluate_and_assess(system, &list, &mut out, &mut assessment).unwrap();
    (out, assessment)
}

/// Ranges with made-up numbers: orthonormal directions are not needed for the tests here.
fn ranges(potential: &dyn Fn(usize) -> usize) -> Vec<TrainingRange> {
    (0..ELEMENTS.len())
        .map(|e| {
            let n = potential(e);
            let unit = |k: usize| (0..n).map(|f| if f == k { 1.0 } else { 0.0 }).collect::<Vec<f64>>();
            TrainingRange {
                n_environments: 10,
                center: (0..n).map(|f| 0.3 + 0.01 * f as f64).collect(),
                width: vec![2.0; n],
                directions: (0..5).map(unit).collect(),
                variance: vec![1.0, 0.5, 0.2, 0.1, 0.05],
                noise: 0.01,
                largest: 7.0,
                quantiles: [0.3, 0.6, 0.9],
            }
        })
        .collect()
}

#[test]
fn committee_of_one_is_its_member_bit_for_bit() {
    let member = members(&[1]).pop().unwrap();
    let one = CommitteePotential::new(vec![member.clone()]).unwrap();
    let system = random_crystal(2, 24);
    let (single, alone) = (evaluate(&member, &system), evaluate(&one, &system));
    assert_eq!(single.energy.to_bits(), alone.energy.to_bits());
    assert_eq!(single.forces, alone.forces);
    assert_eq!(single.virial, alone.virial);
    assert_eq!(single.atomic_energies, alone.atomic_energies);
    assert_eq!(single.extrapolation, alone.extrapolation);
    assert!(!one.assesses().spread);
    assert!(assess(&one, &system).1.force_std.is_empty());
}

/// One contraction of the mean `dE/dG` is the mean of the contractions, up to rounding; the members of the assessment
/// are the members; the spread is the sample standard deviation times the factors.
#[test]
fn mean_and_spread_are_those_of_the_members() {
    let scale = SpreadScale { energy: 1.5, force: 0.7 };
    let committee = committee(&[1, 2, 3, 4]).with_scale(scale).unwrap();
    let system = random_crystal(5, 24);
    let (mean, assessment) = assess(&committee, &system);
    let single: Vec<Evaluation> = committee.members().iter().map(|m| evaluate(m, &system)).collect();
    let n = single.len() as f64;
    let size = mean.forces.iter().flatten().fold(0.0f64, |m, x| m.max(x.abs()));
    let energy = single.iter().map(|s| s.energy).sum::<f64>() / n;
    assert!((mean.energy - energy).abs() < 1e-12 * energy.abs());
    for (m, own) in single.iter().enumerate() {
        assert!((assessment.member_energies[m] - own.energy).abs() < 1e-11);
        let forces = &assessment.member_forces[24 * m..24 * (m + 1)];
        assert_eq!(forces, own.forces, "the forces of member {m} are computed as by itself");
    }
    let variance = |value: &dyn Fn(&Evaluation) -> f64| {
        let mean = single.iter().map(value).sum::<f64>() / n;
        single.iter().map(|s| (value(s) - mean).powi(2)).sum::<f64>() / (n - 1.0)
    };
    assert!((assessment.energy_std - 1.5 * variance(&|s| s.energy).sqrt()).abs() < 1e-10);
    let mut largest: f64 = 0.0;
    for i in 0..24 {
        for a in 0..3 {
            let force = single.iter().map(|s| s.forces[i][a]).sum::<f64>() / n;
            assert!((mean.forces[i][a] - force).abs() < 1e-12 * size, "{} {force}", mean.forces[i][a]);
            let std = 0.7 * variance(&|s| s.forces[i][a]).sqrt();
            assert!((assessment.force_std[i][a] - std).abs() < 1e-11 * size);
        }
        let square = assessment.force_std[i].iter().map(|s| s * s).sum::<f64>() / 3.0;
        largest = largest.max(square.sqrt());
    }
    let summary = assessment.summary().spread.unwrap();
    assert!((summary.max_force - largest).abs() < 1e-14 && largest > 0.0);
    for a in 0..3 {
        for b in 0..3 {
            let virial = single.iter().map(|s| s.virial[a][b]).sum::<f64>() / n;
            assert!((mean.virial[a][b] - virial).abs() < 1e-9);
        }
    }
}

#[test]
fn forces_are_the_derivative_of_the_mean_energy() {
    let committee = committee(&[6, 7, 8]);
    let system = random_crystal(9, 16);
    let result = evaluate(&committee, &system);
    let scale = result.forces.iter().flatten().fold(0.0f64, |m, x| m.max(x.abs()));
    for i in 0..3 {
        for axis in 0..3 {
            let numeric = -difference(|h| {
                let mut moved = system.clone();
                moved.positions[i][axis] += h;
                evaluate(&committee, &moved).energy
            });
            assert!(
                (numeric - result.forces[i][axis]).abs() < 1e-6 * scale,
                "atom {i} axis {axis}: {numeric}"
            );
        }
    }
}

/// Assessing changes no bit of the mean, and neither does the number of threads, of anything.
#[test]
fn assessment_and_threads_do_not_change_a_bit() {
    let committee = committee(&[10, 11, 12]);
    let features = |e| committee.descriptor().n_features(e);
    let committee = committee.with_range(Some(ranges(&features))).unwrap();
    let system = random_crystal(13, 60);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| assess(&committee, &system))
    };
    let (one, first) = run(1);
    let plain = evaluate(&committee, &system);
    assert_eq!(plain.energy.to_bits(), one.energy.to_bits());
    assert_eq!(plain.forces, one.forces);
    assert_eq!(plain.virial, one.virial);
    assert_eq!(first.grade.len(), 60);
    for threads in [2, 3] {
        let (many, other) = run(threads);
        assert_eq!(one.forces, many.forces);
        assert_eq!(first, other);
    }
}

#[test]
fn excess_and_grade_of_every_atom() {
    let single = members(&[14]).pop().unwrap();
    let features = |e| single.descriptor().n_features(e);
    let ranges = ranges(&features);
    let single = single.with_range(Some(ranges.clone())).unwrap();
    // Squeezed, so that fingerprints leave their ranges.
    let squeeze = [[-0.3, 0.0, 0.0], [0.0, -0.3, 0.0], [0.0, 0.0, -0.3]];
    let system = random_crystal(15, 12).deformed(&squeeze).unwrap();
    let (out, assessment) = assess(&single, &system);
    assert_eq!(assessment.excess.iter().filter(|x| **x > 0.0).count(), out.extrapolation.n_atoms);
    let worst = out.extrapolation.worst_atom.unwrap();
    assert_eq!(assessment.excess[worst], out.extrapolation.worst);
    for i in 0..12 {
        assert_eq!(assessment.feature[i].is_some(), assessment.excess[i] > 0.0);
    }
    // The same through the fingerprints themselves.
    let fingerprints = lionn_core::descriptors::fingerprints(single.descriptor().as_ref(), &system).unwrap();
    for (i, g) in fingerprints.iter().enumerate() {
        let e = single.descriptor().elements().iter().position(|&z| z == system.numbers[i]).unwrap();
        assert_eq!(assessment.grade[i], ranges[e].grade(g, &mut Vec::new()));
        if let Some(feature) = assessment.feature[i] {
            // Ranges are [0, 2].
            let g = g[feature as usize];
            let excess = (g - 2.0).max(-g) / 2.0;
            assert!((excess - assessment.excess[i]).abs() < 1e-12);
        }
    }
}

#[test]
fn members_that_do_not_fit_are_refused() {
    let message = |members| CommitteePotential::new(members).err().unwrap().to_string();
    assert_eq!(message(vec![]), "a committee needs at least one member");
    let mut other = members(&[1]);
    other.push(random_potential(&gaussian_56(CUTOFF), 2, Activation::Linear));
    assert!(message(other).contains("member 1 of the committee has another descriptor than member 0"));
    let mut other = members(&[1, 2]);
    other[1] = other[1].with_repulsion(vec![]).unwrap();
    assert!(message(other).contains("member 1 of the committee has another repulsion than member 0"));
    let scale = SpreadScale { energy: 1.0, force: 0.0 };
    assert!(committee(&[1]).with_scale(scale).err().unwrap().to_string().contains("must be positive"));
}

#[test]
fn files_of_committees_and_ranges_keep_every_bit() {
    let committee = committee(&[1, 2]).with_scale(SpreadScale { energy: 2.0, force: 3.0 }).unwrap();
    let features = |e| committee.descriptor().n_features(e);
    let committee = committee.with_range(Some(ranges(&features))).unwrap();
    let file = ModelFile::of_committee(&committee, spec(), serde_json::Value::Null);
    let text = serde_json::to_string(&file).unwrap();
    assert!(text.contains("\"version\":2"));
    let Model::Committee(back) = ModelFile::parse(&text).unwrap().build().unwrap() else {
        panic!("a committee must come back as one");
    };
    let system = random_crystal(16, 12);
    let (a, b) = (assess(&committee, &system), assess(&back, &system));
    assert_eq!(a.0.forces, b.0.forces);
    assert_eq!(a.1, b.1);

    let refused = |text: String| match ModelFile::parse(&text).and_then(|f| f.build()) {
        Ok(_) => String::from("accepted"),
        Err(e) => e.to_string(),
    };
    assert!(
        ModelFile::parse(&text)
            .unwrap()
            .build()
            .and_then(Model::one)
            .err()
            .unwrap()
            .to_string()
            .contains("this is a committee of 2 members, not one potential")
    );
    assert!(refused(text.replacen("\"noise\":0.01", "\"noise\":-1.0", 1)).contains("must be positive"));
    assert!(refused(text.replacen("\"force\":3.0", "\"force\":0.0", 1)).contains("must be positive"));
    assert!(refused(text.replacen("\"slope\"", "\"slop\"", 1)).contains("unknown field `slop`"));

    // What needs no new key is written as before, for older software.
    let plain = ModelFile::of(&committee.members()[0], spec(), serde_json::Value::Null);
    assert_eq!(plain.version, 1);
    assert!(matches!(plain.build().unwrap(), Model::One(_)));
}

fn dynamics(potential: Arc<dyn Potential>, timestep_fs: f64) -> Dynamics {
    let system = random_crystal(17, 32);
    let masses = vec![30.0; 32];
    let velocities = maxwell_boltzmann(&masses, 300.0, 1, true).unwrap();
    let guard = Guard { min_distance: 0.0, max_temperature_k: f64::INFINITY, ..Guard::default() };
    let state = State::new(system, velocities, masses, None).unwrap();
    Dynamics::new(potential, state, Settings { timestep_fs, skin: 0.5, guard }).unwrap()
}

/// The error of the conserved energy falls with dt² only if the mean forces belong to the mean energy.
#[test]
fn energy_of_a_committee_is_conserved_to_second_order() {
    let committee: Arc<dyn Potential> = Arc::new(committee(&[18, 19]));
    let rms: Vec<f64> = [0.5, 0.25]
        .iter()
        .map(|&dt| {
            let mut run = dynamics(committee.clone(), dt);
            let start = run.row().conserved;
            let mut recorder = Recorder::new(1, 0, false);
            run.run((50.0 / dt) as u64, None, &mut recorder).unwrap();
            let squares = recorder.thermo.iter().map(|row| (row.conserved - start).powi(2)).sum::<f64>();
            (squares / recorder.thermo.len() as f64).sqrt()
        })
        .collect();
    let ratio = rms[0] / rms[1];
    assert!((ratio - 4.0).abs() < 0.8, "{ratio} from {rms:?}");
}

fn monitor(max_force_std: f64, action: OnUncertain) -> Monitor {
    Monitor { stride: 5, max_force_std, action, ..Monitor::default() }
}

#[test]
fn watching_does_not_change_a_bit_and_sees_every_stride() {
    let committee: Arc<dyn Potential> = Arc::new(committee(&[20, 21]));
    let positions = |run: &Dynamics| -> Vec<Vec3> { run.state().system.positions.clone() };
    let mut plain = dynamics(committee.clone(), 1.0);
    plain.run(20, None, &mut Recorder::new(0, 0, false)).unwrap();
    let mut watched = dynamics(committee.clone(), 1.0);
    watched.set_monitor(monitor(f64::INFINITY, OnUncertain::Report)).unwrap();
    assert!(watched.row().assessment.is_some(), "the start is assessed too");
    let mut recorder = Recorder::new(1, 0, false);
    watched.run(20, None, &mut recorder).unwrap();
    assert_eq!(positions(&plain), positions(&watched));
    let assessed: Vec<u64> =
        recorder.thermo.iter().filter(|row| row.assessment.is_some()).map(|row| row.step).collect();
    assert_eq!(assessed, [5, 10, 15, 20]);
    let spread = |row: &lionn_core::md::ThermoRow| row.assessment.unwrap().spread.unwrap();
    let largest = recorder.thermo.iter().filter(|r| r.step % 5 == 0).map(|r| spread(r).max_force);
    let count = watched.assessments();
    assert_eq!(count.max_force_std, largest.fold(0.0, f64::max));
    assert_eq!((count.n_assessed, count.n_uncertain), (4, 0));
}

/// A run that stops can go on, and gives the trajectory of a run that did not stop.
#[test]
fn stop_and_dump_follow_the_limit() {
    let committee: Arc<dyn Potential> = Arc::new(committee(&[20, 21]));
    let silent = || Recorder::new(0, 0, false);
    let mut run = dynamics(committee.clone(), 1.0);
    run.set_monitor(monitor(1e-6, OnUncertain::Stop)).unwrap();
    assert_eq!(run.run(20, None, &mut silent()).unwrap(), 5);
    let reason = run.stop_reason().unwrap().to_owned();
    assert!(reason.starts_with("step 5: force spread of atom "), "{reason}");
    let frames = run.take_uncertain_frames();
    assert_eq!((frames.len(), frames[0].step), (1, 5));
    assert_eq!(frames[0].positions, run.state().system.positions);
    assert_eq!(run.run(15, None, &mut silent()).unwrap(), 5, "the next assessment stops it again");
    assert_eq!(run.state().step, 10);

    let mut run = dynamics(committee.clone(), 1.0);
    run.set_monitor(monitor(1e-6, OnUncertain::Dump { spacing: 10, n_frames: 3 })).unwrap();
    run.run(20, None, &mut silent()).unwrap();
    let mut resumed = dynamics(committee.clone(), 1.0);
    resumed.set_monitor(monitor(1e-6, OnUncertain::Dump { spacing: 10, n_frames: 3 })).unwrap();
    resumed.restore(&run.snapshot()).unwrap();
    resumed.run(40, None, &mut silent()).unwrap();
    let steps = |run: &mut Dynamics| run.take_uncertain_frames().iter().map(|f| f.step).collect::<Vec<_>>();
    assert_eq!(steps(&mut run), [5, 15]);
    assert_eq!(steps(&mut resumed), [25], "spacing and number count across a restart");
    assert_eq!(resumed.assessments().n_uncertain, 12);
}

#[test]
fn limits_on_what_is_not_known_are_refused() {
    let single: Arc<dyn Potential> = Arc::new(members(&[1]).pop().unwrap());
    let mut run = dynamics(single, 1.0);
    let message = |run: &mut Dynamics, monitor| run.set_monitor(monitor).unwrap_err().to_string();
    let stop = monitor(0.1, OnUncertain::Stop);
    assert!(message(&mut run, stop).contains("needs a committee of at least two members"));
    let grade = Monitor { max_grade: 2.0, ..Monitor::default() };
    assert!(message(&mut run, grade).contains("needs a potential with a training range"));
    assert!(message(&mut run, Monitor { stride: 0, ..Monitor::default() }).contains("stride not 0"));
    run.set_monitor(Monitor::default()).unwrap();
    assert_eq!(run.row().assessment, None);
}

/// A committee of another descriptor and a longer cutoff beside a potential: forces of the one, spread of the other.
#[test]
fn watched_potential_has_the_bits_of_the_potential_and_the_spread_of_the_committee() {
    let system = random_crystal(3, 24);
    let driver = random_potential(&gaussian_56(Cutoff::Cosine { radius: 4.0 }), 7, Activation::Linear);
    let judge = Arc::new(committee(&[1, 2, 3]));
    let watched = WatchedPotential::new(Arc::new(driver.clone()), judge.clone());
    assert_eq!(watched.cutoff(), 4.0);
    assert_eq!(watched.assesses(), Assesses { spread: true, grade: false });
    for _ in 0..2 {
        let (out, assessment) = assess(&watched, &system);
        let (plain, own) = assess(&driver, &system);
        let (_, spread) = assess(judge.as_ref(), &system);
        assert_eq!((out.energy, &out.forces, out.virial), (plain.energy, &plain.forces, plain.virial));
        assert_eq!(assessment.excess, own.excess);
        assert_eq!(assessment.force_std, spread.force_std);
        assert_eq!(assessment.member_forces, spread.member_forces);
        assert_eq!(assessment.energy_std, spread.energy_std);
        assert!(assessment.summary().spread.unwrap().max_force > 0.0);
    }
    let springs = lionn_core::potential::analytic::Harmonic::new(system.positions.clone(), vec![1.0; 24]);
    let watched = WatchedPotential::new(Arc::new(springs.unwrap()), judge);
    let (_, assessment) = assess(&watched, &system);
    assert_eq!(assessment.excess, vec![0.0; 24]);
    assert!(assessment.summary().spread.is_some() && assessment.summary().grade.is_none());
}
