//! Langevin dynamics, stochastic rescaling, constant pressure and temperature programs as physics.

use crate::dynamics::{
    ARGON, Each, FCC, LATTICE, argon, blocks, chain, crystal, energies_of_kinds, fluctuation, settings, start,
};
use lionn_core::linalg::norm;
use lionn_core::md::thermostat::{Law, Ramp, ThermostatSpec};
use lionn_core::md::{BarostatSpec, Coupling, Dynamics, Recorder, Snapshot, State, ThermoRow};
use lionn_core::potential::analytic::Harmonic;
use lionn_core::units::{ACCELERATION, BOLTZMANN};
use lionn_core::{Cell, System};
use std::sync::Arc;

const TARGET: f64 = 60.0;

fn langevin() -> ThermostatSpec {
    ThermostatSpec::Langevin { temperature_k: TARGET, friction_per_ps: 5.0, seed: 7 }
}

fn stochastic() -> ThermostatSpec {
    ThermostatSpec::StochasticRescale { temperature_k: TARGET, tau_fs: 100.0, seed: 7 }
}

fn barostat(coupling: Coupling, pressure_gpa: f64) -> BarostatSpec {
    BarostatSpec {
        coupling,
        pressure_gpa,
        temperature_k: TARGET,
        tau_fs: 500.0,
        chain_length: 3,
        n_weights: 3,
        n_substeps: 1,
    }
}

/// 32 argon atoms in a cell that is not cubic; sheared where asked for.
fn argon_in(shear: f64, timestep_fs: f64, temperature_k: f64) -> Dynamics {
    let system = crystal(2, LATTICE, &FCC);
    let strain = [[0.01, 0.0, 0.0], [shear, -0.005, 0.0], [0.0, shear, 0.0]];
    let system = system.deformed(&strain).unwrap();
    let state = start(system, vec![ARGON; 32], temperature_k, 3);
    Dynamics::new(argon(), state, settings(timestep_fs)).unwrap()
}

fn silent() -> Recorder {
    Recorder::new(0, 0, false)
}

/// Every ensemble, with a triclinic cell and one that changes.
fn ensembles(timestep_fs: f64) -> Vec<(&'static str, Dynamics)> {
    let plain = |spec: &ThermostatSpec| {
        let mut run = argon_in(0.0, timestep_fs, 80.0);
        run.set_thermostat(spec).unwrap();
        run
    };
    let pressed = |spec: &ThermostatSpec, coupling, shear| {
        let mut run = argon_in(shear, timestep_fs, 80.0);
        run.set_thermostat(spec).unwrap();
        run.set_barostat(Some(&barostat(coupling, 0.05))).unwrap();
        run
    };
    vec![
        ("langevin", plain(&langevin())),
        ("stochastic rescaling", plain(&stochastic())),
        ("isotropic", pressed(&chain(TARGET, 150.0, 3), Coupling::Isotropic, 0.0)),
        ("anisotropic", pressed(&chain(TARGET, 150.0, 3), Coupling::Anisotropic, 0.0)),
        ("triclinic", pressed(&chain(TARGET, 150.0, 3), Coupling::Anisotropic, 0.06)),
        ("langevin, anisotropic", pressed(&langevin(), Coupling::Anisotropic, 0.0)),
    ]
}

/// The error of the conserved quantity is of order dt² where the equations of motion are deterministic.
#[test]
fn conserved_quantity_at_constant_pressure_is_second_order() {
    for (coupling, shear) in
        [(Coupling::Isotropic, 0.0), (Coupling::Anisotropic, 0.0), (Coupling::Anisotropic, 0.06)]
    {
        let rms: Vec<f64> = [10.0, 5.0, 2.5]
            .iter()
            .map(|&dt| {
                let mut run = argon_in(shear, dt, 40.0);
                run.set_thermostat(&chain(30.0, 200.0, 3)).unwrap();
                let spec = BarostatSpec { temperature_k: 30.0, ..barostat(coupling, 0.1) };
                run.set_barostat(Some(&spec)).unwrap();
                fluctuation(run, dt, 4000.0)
            })
            .collect();
        for pair in rms.windows(2) {
            let ratio = pair[0] / pair[1];
            assert!((ratio - 4.0).abs() < 0.5, "{coupling:?}, shear {shear}: {ratio} from {rms:?}");
        }
    }
}

/// With random thermostats too the conserved quantity is one: what it wanders in 40 ps is small against the heat, and
/// falls by more than three when the step is halved.
#[test]
fn heat_of_random_thermostats_is_accounted_for() {
    for spec in [langevin(), stochastic()] {
        let spread = |dt: f64| {
            let mut run = argon_in(0.0, dt, 40.0);
            run.set_thermostat(&spec).unwrap();
            let before = run.row();
            let spread = {
                let mut values = Vec::new();
                run.run(
                    (40_000.0 / dt) as u64,
                    None,
                    &mut Each(|_: &State, row: &ThermoRow| values.push(row.conserved)),
                )
                .unwrap();
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
            };
            let after = run.row();
            let total = |row: &ThermoRow| row.potential_energy + row.kinetic_energy;
            (spread, (total(&after) - total(&before)).abs())
        };
        let (coarse, heat) = spread(10.0);
        let (fine, _) = spread(5.0);
        assert!(coarse < 0.05 * heat, "{spec:?}: {coarse} eV, heat {heat} eV");
        assert!(coarse / fine > 3.0, "{spec:?}: {coarse} and {fine}");
    }
}

/// In every ensemble `<K> = (3N - 3)/2 k_B T` with the canonical variance, and the total momentum stays zero.
#[test]
fn kinetic_energy_is_canonical_in_every_ensemble() {
    for (name, mut run) in ensembles(5.0) {
        let mut values = Vec::new();
        let mut each = Each(|_: &State, row: &ThermoRow| values.push(row.kinetic_energy));
        run.run(40_000, None, &mut each).unwrap();
        let expected = 0.5 * 93.0 * BOLTZMANN * TARGET;
        let (mean, error) = blocks(&values[5_000..], 14);
        assert!(error / expected < 0.008, "{name}: standard error {}", error / expected);
        assert!((mean - expected).abs() < 4.0 * error, "{name}: {mean} +- {error}, expected {expected}");
        let variance = values[5_000..].iter().map(|k| (k - mean).powi(2)).sum::<f64>() / 35_000.0;
        let canonical = expected * BOLTZMANN * TARGET;
        assert!((variance / canonical - 1.0).abs() < 0.15, "{name}: {}", variance / canonical);
        assert!(run.state().momentum().iter().all(|p| p.abs() < 1e-10), "{name}");
    }
}

/// Light and heavy atoms have `<K_i> = 3/2 k_B T (1 - m_i/M)` on every axis with random thermostats and at constant
/// pressure.
#[test]
fn equipartition_in_every_ensemble() {
    let masses: Vec<f64> = (0..32).map(|i| if i % 2 == 0 { 6.94 } else { 32.06 }).collect();
    let total: f64 = masses.iter().sum();
    for (spec, pressed) in [(langevin(), false), (stochastic(), false), (chain(TARGET, 150.0, 3), true)] {
        let state = start(crystal(2, LATTICE, &FCC), masses.clone(), 80.0, 8);
        let mut run = Dynamics::new(argon(), state, settings(4.0)).unwrap();
        run.set_thermostat(&spec).unwrap();
        if pressed {
            run.set_barostat(Some(&barostat(Coupling::Anisotropic, 0.05))).unwrap();
        }
        let values = energies_of_kinds(&mut run, &masses, 40_000);
        for (which, list) in values.iter().enumerate() {
            let mass = if which < 3 { 6.94 } else { 32.06 };
            let expected = 16.0 * BOLTZMANN * TARGET * (1.0 - mass / total);
            let (mean, error) = blocks(&list[5_000..], 14);
            assert!(error / expected < 0.04, "{spec:?}: standard error {}", error / expected);
            assert!(
                (mean - expected).abs() < 4.5 * error,
                "{spec:?}, {which}: {mean} +- {error}, expected {expected}"
            );
        }
    }
}

/// A harmonic oscillator, where a single thermostat variable fails, is canonical under friction and noise: all three degrees
/// of freedom of a free atom, `N_dof = 3N`.
#[test]
fn langevin_makes_the_harmonic_oscillator_canonical() {
    let (mass, stiffness) = (32.06, 2.0);
    let system = System::new(Cell::open(), vec![16], vec![[0.0; 3]]).unwrap();
    let state = State::new(system, vec![[0.0; 3]], vec![mass], Some(3)).unwrap();
    let potential = Arc::new(Harmonic::new(vec![[0.0; 3]], vec![stiffness]).unwrap());
    let mut run = Dynamics::new(potential, state, settings(5.0)).unwrap();
    run.set_thermostat(&langevin()).unwrap();
    let (mut x2, mut x4, mut v2) = (0.0, 0.0, 0.0);
    let mut each = Each(|state: &State, _: &ThermoRow| {
        for a in 0..3 {
            x2 += state.system.positions[0][a].powi(2);
            x4 += state.system.positions[0][a].powi(4);
            v2 += state.velocities[0][a].powi(2);
        }
    });
    run.run(1_000_000, None, &mut each).unwrap();
    let n = 3e6;
    let position = x2 / n * stiffness / (BOLTZMANN * TARGET);
    let velocity = v2 / n * mass / (ACCELERATION * BOLTZMANN * TARGET);
    let kurtosis = (x4 / n) / (x2 / n).powi(2);
    assert!(
        (position - 1.0).abs() < 0.03 && (velocity - 1.0).abs() < 0.03,
        "<x²> {position}, <v²> {velocity}"
    );
    assert!((kurtosis - 3.0).abs() < 0.15, "kurtosis {kurtosis}");
}

/// The mean pressure is the target, the volume is not that of the start, and a cell that was strained along its axes becomes
/// cubic where its lengths are free. (32 atoms at 60 K would flow: they are crystalline at 30 K.)
#[test]
fn mean_pressure_is_the_target_and_free_lengths_relax() {
    let target = 0.2;
    for (shear, coupling) in [(0.0, Coupling::Anisotropic), (0.05, Coupling::Isotropic)] {
        let mut run = argon_in(shear, 5.0, 30.0);
        let before = run.row();
        run.set_thermostat(&chain(30.0, 150.0, 3)).unwrap();
        let spec = BarostatSpec { temperature_k: 30.0, ..barostat(coupling, target) };
        run.set_barostat(Some(&spec)).unwrap();
        let (mut pressures, mut volumes, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let mut each = Each(|_: &State, row: &ThermoRow| {
            pressures.push(row.pressure_gpa);
            volumes.push(row.volume);
            ratios.push(row.lengths[0] / row.lengths[1]);
        });
        run.run(60_000, None, &mut each).unwrap();
        let (mean, error) = blocks(&pressures[6_000..], 18);
        assert!(error < 0.002, "standard error {error} GPa");
        assert!((mean - target).abs() < 4.0 * error, "{coupling:?}: {mean} +- {error} GPa");
        let (volume, _) = blocks(&volumes[6_000..], 18);
        assert!(volume / before.volume < 0.97, "the start was not the equilibrium volume");
        let (ratio, error) = blocks(&ratios[6_000..], 18);
        let start = before.lengths[0] / before.lengths[1];
        match coupling {
            Coupling::Anisotropic => {
                assert!(error < 0.003 && start > 1.014, "{error}, start {start}");
                assert!((ratio - 1.0).abs() < 4.0 * error, "{ratio} +- {error}");
            }
            Coupling::Isotropic => assert!((ratio - start).abs() < 1e-12),
        }
    }
}

/// Angles stay, scaled positions follow the lattice: an atom and its periodic image remain one lattice vector apart.
#[test]
fn angles_stay_and_unwrapped_positions_belong_to_the_cell() {
    let mut run = argon_in(0.06, 5.0, 80.0);
    let before = run.state().system.cell.clone();
    run.set_thermostat(&chain(TARGET, 150.0, 3)).unwrap();
    run.set_barostat(Some(&barostat(Coupling::Anisotropic, 0.3))).unwrap();
    // An image of the crystal three cells away makes the same motion.
    let mut far = run.snapshot();
    let by = before.shift_vector([3, -2, 1]);
    far.positions.iter_mut().for_each(|x| (0..3).for_each(|a| x[a] += by[a]));
    far.list_positions.clone_from(&far.positions);
    let mut image = argon_in(0.06, 5.0, 80.0);
    image.set_thermostat(&chain(TARGET, 150.0, 3)).unwrap();
    image.set_barostat(Some(&barostat(Coupling::Anisotropic, 0.3))).unwrap();
    image.restore(&far).unwrap();
    run.run(200, None, &mut silent()).unwrap();
    image.run(200, None, &mut silent()).unwrap();
    let cell = run.state().system.cell.clone();
    let by = cell.shift_vector([3, -2, 1]);
    for (x, y) in run.state().system.positions.iter().zip(&image.state().system.positions) {
        assert!((0..3).all(|a| (y[a] - x[a] - by[a]).abs() < 1e-8), "{x:?} {y:?}");
    }
    for (old, new) in before.vectors().iter().zip(cell.vectors()) {
        let factor = norm(*new) / norm(*old);
        assert!((factor - 1.0).abs() > 1e-4, "the cell must change during the test");
        assert!((0..3).all(|a| (new[a] - factor * old[a]).abs() < 1e-11));
    }
}

/// Forward, all velocities reversed, forward again: back to positions and cell of the start.
#[test]
fn constant_pressure_is_time_reversible() {
    for (coupling, shear) in [(Coupling::Isotropic, 0.0), (Coupling::Anisotropic, 0.06)] {
        let mut run = argon_in(shear, 4.0, 40.0);
        run.set_thermostat(&chain(40.0, 100.0, 3)).unwrap();
        run.set_barostat(Some(&barostat(coupling, 0.2))).unwrap();
        let before = run.snapshot();
        run.run(100, None, &mut silent()).unwrap();
        let mut turned = run.snapshot();
        assert!((turned.cell[0][0] - before.cell[0][0]).abs() > 1e-3, "the cell must change during the test");
        turned.velocities.iter_mut().flatten().for_each(|v| *v = -*v);
        turned.thermostat[..3].iter_mut().for_each(|v| *v = -*v);
        turned.barostat[..6].iter_mut().for_each(|v| *v = -*v);
        run.restore(&turned).unwrap();
        run.run(100, None, &mut silent()).unwrap();
        let after = run.snapshot();
        for (a, b) in before.positions.iter().flatten().zip(after.positions.iter().flatten()) {
            assert!((a - b).abs() < 1e-10, "{a} {b}");
        }
        for (a, b) in before.cell.iter().flatten().zip(after.cell.iter().flatten()) {
            assert!((a - b).abs() < 1e-10, "{a} {b}");
        }
    }
}

/// Cut in two and continued in a new object, random numbers, cell and temperature program included: the same bits.
#[test]
fn restart_does_not_change_a_bit_in_any_ensemble() {
    let ramp = Ramp { start_k: 80.0, end_k: 120.0, first_step: 0, n_steps: 200, law: Law::Temperature };
    for ((name, mut whole), (_, mut second)) in ensembles(8.0).into_iter().zip(ensembles(8.0)) {
        whole.set_ramp(Some(ramp)).unwrap();
        second.set_ramp(Some(ramp)).unwrap();
        whole.run(117, None, &mut silent()).unwrap();
        let middle = whole.snapshot();
        whole.run(183, None, &mut silent()).unwrap();
        assert!(whole.n_rebuilds() > 3, "{name}: the list must be rebuilt during the test");
        assert_eq!(whole.row().target_k, 120.0);
        second.restore(&middle).unwrap();
        second.run(183, None, &mut silent()).unwrap();
        assert_eq!(second.snapshot(), whole.snapshot(), "{name}");
        assert_eq!(second.row().conserved, whole.row().conserved, "{name}");
    }
}

/// A program moves the temperature in every ensemble, reports its target exactly, and pays for it in the conserved quantity.
#[test]
fn temperature_programs_are_followed_and_accounted_for() {
    for (name, mut run) in ensembles(2.5) {
        run.run(4_000, None, &mut silent()).unwrap();
        let ramp = Ramp { start_k: 60.0, end_k: 30.0, first_step: 4_000, n_steps: 8_000, law: Law::Velocity };
        run.set_ramp(Some(ramp)).unwrap();
        let begin = run.row();
        let mut rows = Vec::new();
        run.run(12_000, None, &mut Each(|_: &State, row: &ThermoRow| rows.push(*row))).unwrap();
        let middle = (0.5 * (60f64.sqrt() + 30f64.sqrt())).powi(2);
        assert!((rows[3_999].target_k - middle).abs() < 1e-12, "{name}");
        assert_eq!(rows[11_999].target_k, 30.0);
        let cold: Vec<f64> = rows[8_000..].iter().map(|row| row.temperature_k).collect();
        let (mean, error) = blocks(&cold, 8);
        assert!((mean - 30.0).abs() < 5.0 * error + 1.0, "{name}: {mean} +- {error} K");
        let total = |row: &ThermoRow| row.potential_energy + row.kinetic_energy;
        let heat = total(&begin) - total(&rows[11_999]);
        let drift = rows[11_999].conserved - begin.conserved;
        assert!(heat > 0.15, "{name}: {heat} eV");
        assert!(drift.abs() < 0.01 * heat, "{name}: {drift} of {heat} eV");
    }
}

/// Replacing thermostat and barostat continues the conserved quantity, and a barostat that is gone leaves the cell alone.
#[test]
fn changing_the_ensemble_continues_the_conserved_quantity() {
    let mut run = argon_in(0.0, 4.0, 60.0);
    run.set_thermostat(&langevin()).unwrap();
    run.run(100, None, &mut silent()).unwrap();
    let before = run.row().conserved;
    run.set_barostat(Some(&barostat(Coupling::Isotropic, 2.0))).unwrap();
    assert!((run.row().conserved - before).abs() < 1e-12);
    run.run(100, None, &mut silent()).unwrap();
    let (before, volume) = (run.row().conserved, run.row().volume);
    run.set_thermostat(&ThermostatSpec::Nve).unwrap();
    run.set_barostat(None).unwrap();
    assert!((run.row().conserved - before).abs() < 1e-12);
    run.run(100, None, &mut silent()).unwrap();
    assert_eq!(run.row().volume, volume);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let open = || {
        let system = System::new(Cell::open(), vec![18; 2], vec![[0.0; 3], [3.8, 0.0, 0.0]]).unwrap();
        Dynamics::new(argon(), start(system, vec![ARGON; 2], 60.0, 1), settings(1.0)).unwrap()
    };
    let message = open().set_barostat(Some(&barostat(Coupling::Isotropic, 0.0))).unwrap_err().to_string();
    assert!(message.contains("periodic along a, b and c"), "{message}");
    assert!(open().row().pressure_gpa.is_nan());

    let ramp = Ramp { start_k: 80.0, end_k: 120.0, first_step: 0, n_steps: 200, law: Law::Temperature };
    let message = open().set_ramp(Some(ramp)).unwrap_err().to_string();
    assert!(message.contains("no target temperature"), "{message}");
    let message = open().set_ramp(Some(Ramp { end_k: -1.0, ..ramp })).unwrap_err().to_string();
    assert_eq!(message, "end temperature must be positive, got -1 K");

    let system = System::new(Cell::open(), vec![18], vec![[0.0; 3]]).unwrap();
    let state = State::new(system, vec![[0.01, 0.0, 0.0]], vec![ARGON], Some(1)).unwrap();
    let mut run = Dynamics::new(argon(), state, settings(1.0)).unwrap();
    let message = run.set_thermostat(&langevin()).unwrap_err().to_string();
    assert!(message.contains("N_dof is 1"), "{message}");

    let mut run = argon_in(0.0, 4.0, 60.0);
    let variables = run.snapshot();
    run.set_barostat(Some(&barostat(Coupling::Isotropic, 0.0))).unwrap();
    let message = run.restore(&variables).unwrap_err().to_string();
    assert_eq!(message, "barostat variables must have shape (9,), got (0,)");
    let mut plain = argon_in(0.0, 4.0, 60.0);
    let with = Snapshot { barostat: vec![0.0; 9], ..variables };
    assert!(plain.restore(&with).unwrap_err().to_string().contains("(0,), got (9,)"));
}

/// A crystal pulled apart by a strong negative pressure stops with one line instead of filling the world.
#[test]
fn a_cell_that_explodes_stops_the_run() {
    let mut run = argon_in(0.0, 4.0, 60.0);
    run.set_thermostat(&chain(TARGET, 150.0, 3)).unwrap();
    run.set_barostat(Some(&barostat(Coupling::Isotropic, -2.0))).unwrap();
    let message = run.run(20_000, None, &mut silent()).unwrap_err().to_string();
    assert!(message.contains("times that of the start (limit a factor of 2.00); last good"), "{message}");
    let good = run.last_good().clone();
    run.restore(&good).unwrap();
}
