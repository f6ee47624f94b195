//! Molecular dynamics as physics: conservation and its order, distributions, reversibility, restart.

use std::sync::Arc;
use std::time::Duration;

use lionn_core::descriptors::{Cutoff, DescriptorSpec, sets};
use lionn_core::md::thermostat::{Law, ThermostatSpec};
use lionn_core::md::{Dynamics, Guard, Observer, Recorder, Settings, State, ThermoRow, maxwell_boltzmann};
use lionn_core::network::{Activation, FeedForward};
use lionn_core::potential::analytic::{Harmonic, LennardJones};
use lionn_core::potential::{ElementModel, NeuralPotential, Potential, Scaling};
use lionn_core::units::{ACCELERATION, BOLTZMANN};
use lionn_core::{Cell, System};

/// Argon: well depth (eV), diameter (Å), mass (u) and the lattice constant of the crystal (Å).
pub const EPSILON: f64 = 0.0104;
pub const SIGMA: f64 = 3.40;
pub const ARGON: f64 = 39.948;
pub const LATTICE: f64 = 5.30;

pub fn argon() -> Arc<dyn Potential> {
    Arc::new(LennardJones::new(EPSILON, SIGMA, 5.5, 7.0).unwrap())
}

/// `n³` cubic cells of the basis `sites`.
pub fn crystal(n: usize, lattice: f64, sites: &[[f64; 3]]) -> System {
    let mut positions = Vec::new();
    for x in 0..n {
        for y in 0..n {
            for z in 0..n {
                let origin = [x as f64, y as f64, z as f64];
                positions.extend(sites.iter().map(|s| [0, 1, 2].map(|a| lattice * (origin[a] + s[a]))));
            }
        }
    }
    let length = lattice * n as f64;
    let cell = Cell::new([[length, 0.0, 0.0], [0.0, length, 0.0], [0.0, 0.0, length]], [true; 3]).unwrap();
    System::new(cell, vec![18; positions.len()], positions).unwrap()
}

pub const FCC: [[f64; 3]; 4] = [[0.0; 3], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]];

pub fn settings(timestep_fs: f64) -> Settings {
    Settings { timestep_fs, skin: 0.6, guard: Guard::default() }
}

pub fn start(system: System, masses: Vec<f64>, temperature_k: f64, seed: u64) -> State {
    let velocities = maxwell_boltzmann(&masses, temperature_k, seed, true).unwrap();
    State::new(system, velocities, masses, None).unwrap()
}

/// 32 argon atoms, started from the lattice with twice the kinetic energy they keep.
fn argon_run(timestep_fs: f64, temperature_k: f64) -> Dynamics {
    let state = start(crystal(2, LATTICE, &FCC), vec![ARGON; 32], temperature_k, 3);
    Dynamics::new(argon(), state, settings(timestep_fs)).unwrap()
}

pub fn chain(temperature_k: f64, tau_fs: f64, chain_length: usize) -> ThermostatSpec {
    ThermostatSpec::NoseHooverChain { temperature_k, tau_fs, chain_length, n_weights: 3, n_substeps: 1 }
}

/// Calls a closure with every step.
pub struct Each<F: FnMut(&State, &ThermoRow)>(pub F);

impl<F: FnMut(&State, &ThermoRow)> Observer for Each<F> {
    fn prepare(&mut self, _state: &State, _n_steps: u64) {}

    fn observe(&mut self, state: &State, row: &ThermoRow) {
        (self.0)(state, row);
    }
}

/// Root-mean-square deviation of the conserved quantity from its mean over `time_fs`, eV.
pub fn fluctuation(mut run: Dynamics, timestep_fs: f64, time_fs: f64) -> f64 {
    let (mut n, mut sum, mut square, mut first) = (0.0, 0.0, 0.0, None);
    let mut each = Each(|_: &State, row: &ThermoRow| {
        let value = row.conserved - *first.get_or_insert(row.conserved);
        n += 1.0;
        sum += value;
        square += value * value;
    });
    run.run((time_fs / timestep_fs) as u64, None, &mut each).unwrap();
    (square / n - (sum / n) * (sum / n)).sqrt()
}

/// The energy error of velocity Verlet is of order dt²: halving the step divides it by four.
#[test]
fn energy_error_of_nve_is_second_order() {
    let rms: Vec<f64> =
        [10.0, 5.0, 2.5].iter().map(|&dt| fluctuation(argon_run(dt, 40.0), dt, 4000.0)).collect();
    for pair in rms.windows(2) {
        let ratio = pair[0] / pair[1];
        assert!((ratio - 4.0).abs() < 0.5, "{ratio} from {rms:?}");
    }
}

/// The same for the extended energy of the Nosé-Hoover chain, for chains of any length and with sub-steps.
#[test]
fn conserved_quantity_of_the_chain_is_second_order() {
    for (chain_length, n_substeps) in [(1, 1), (3, 1), (3, 2)] {
        let rms: Vec<f64> = [10.0, 5.0, 2.5]
            .iter()
            .map(|&dt| {
                let mut run = argon_run(dt, 40.0);
                let spec = ThermostatSpec::NoseHooverChain {
                    temperature_k: 30.0,
                    tau_fs: 200.0,
                    chain_length,
                    n_weights: 3,
                    n_substeps,
                };
                run.set_thermostat(&spec).unwrap();
                fluctuation(run, dt, 4000.0)
            })
            .collect();
        for pair in rms.windows(2) {
            let ratio = pair[0] / pair[1];
            assert!((ratio - 4.0).abs() < 0.5, "length {chain_length}: {ratio} from {rms:?}");
        }
    }
}

/// Mean and standard error of block averages.
pub fn blocks(values: &[f64], n_blocks: usize) -> (f64, f64) {
    let means: Vec<f64> = values
        .chunks_exact(values.len() / n_blocks)
        .map(|block| block.iter().sum::<f64>() / block.len() as f64)
        .collect();
    let mean = means.iter().sum::<f64>() / means.len() as f64;
    let variance = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (means.len() - 1) as f64;
    (mean, (variance / means.len() as f64).sqrt())
}

/// Energy drift over 200 ps at 5 fs, from two block means: below 1e-7 eV per atom and ps.
#[test]
fn energy_of_nve_does_not_drift() {
    let mut run = argon_run(5.0, 40.0);
    let mut values = Vec::new();
    let mut each = Each(|_: &State, row: &ThermoRow| values.push(row.conserved));
    run.run(40_000, None, &mut each).unwrap();
    let (early, _) = blocks(&values[..20_000], 20);
    let (late, _) = blocks(&values[20_000..], 20);
    let drift = (late - early) / (100.0 * 32.0);
    assert!(drift.abs() < 1e-7, "{drift} eV/atom/ps");
}

/// `<K> = (3N - 3)/2 k_B T`, within four standard errors that are small against the 1/N that a wrong count costs;
/// total momentum stays zero.
#[test]
fn kinetic_energy_counts_3n_minus_3_degrees_of_freedom() {
    let simple_cubic = [[0.0; 3]];
    for (system, n) in [(crystal(2, 3.75, &simple_cubic), 8usize), (crystal(2, LATTICE, &FCC), 32)] {
        let mut run = Dynamics::new(argon(), start(system, vec![ARGON; n], 80.0, 1), settings(5.0)).unwrap();
        run.set_thermostat(&chain(60.0, 150.0, 3)).unwrap();
        let mut values = Vec::new();
        let mut each = Each(|_: &State, row: &ThermoRow| values.push(row.kinetic_energy));
        run.run(100_000, None, &mut each).unwrap();
        let expected = 0.5 * (3 * n - 3) as f64 * BOLTZMANN * 60.0;
        let (mean, error) = blocks(&values[5_000..], 38);
        assert!(error / expected < 0.2 / n as f64, "N = {n}: standard error {}", error / expected);
        assert!((mean - expected).abs() < 4.0 * error, "N = {n}: {mean} +- {error}, expected {expected}");
        // The canonical variance of K is N_dof/2 (k_B T)²; with correlated samples 15 % is wide.
        let variance = values.iter().map(|k| (k - mean).powi(2)).sum::<f64>() / values.len() as f64;
        let canonical = expected * BOLTZMANN * 60.0;
        assert!((variance / canonical - 1.0).abs() < 0.15, "N = {n}: {}", variance / canonical);
        assert!(run.state().momentum().iter().all(|p| p.abs() < 1e-10));
    }
}

/// Twice the kinetic energy of the even and of the odd atoms along x, y and z after every step, eV.
pub fn energies_of_kinds(run: &mut Dynamics, masses: &[f64], n_steps: u64) -> Vec<Vec<f64>> {
    let mut values = vec![Vec::new(); 6];
    let mut each = Each(|state: &State, _: &ThermoRow| {
        let mut sums = [0.0; 6];
        for (i, v) in state.velocities.iter().enumerate() {
            for a in 0..3 {
                sums[3 * (i % 2) + a] += masses[i] * v[a] * v[a] / ACCELERATION;
            }
        }
        for (list, sum) in values.iter_mut().zip(sums) {
            list.push(sum);
        }
    });
    run.run(n_steps, None, &mut each).unwrap();
    values
}

/// Atoms of mass 6.94 and 32.06 have `<K_i> = 3/2 k_B T (1 - m_i/M)` when the total momentum is zero.
#[test]
fn light_and_heavy_atoms_have_the_same_temperature_on_every_axis() {
    let masses: Vec<f64> = (0..32).map(|i| if i % 2 == 0 { 6.94 } else { 32.06 }).collect();
    let total: f64 = masses.iter().sum();
    let state = start(crystal(2, LATTICE, &FCC), masses.clone(), 80.0, 8);
    let mut run = Dynamics::new(argon(), state, settings(4.0)).unwrap();
    run.set_thermostat(&chain(60.0, 150.0, 3)).unwrap();
    let values = energies_of_kinds(&mut run, &masses, 100_000);
    for (which, list) in values.iter().enumerate() {
        let mass = if which < 3 { 6.94 } else { 32.06 };
        let expected = 16.0 * BOLTZMANN * 60.0 * (1.0 - mass / total);
        let (mean, error) = blocks(&list[5_000..], 19);
        assert!(error / expected < 0.03, "standard error {}", error / expected);
        assert!((mean - expected).abs() < 4.0 * error, "{which}: {mean} +- {error}, expected {expected}");
    }
}

/// Normalized moments of a harmonic oscillator in one dimension under a chain of the given length:
/// `<x²>` and `<v²>` over their canonical values, and the kurtosis of `x` (3 for a Gaussian).
fn oscillator(chain_length: usize, n_steps: u64) -> [f64; 3] {
    let (mass, stiffness, temperature) = (32.06, 2.0, 300.0);
    // Start with the mean energy: a thermostat without chaos then stays near it.
    let width = (BOLTZMANN * temperature / stiffness).sqrt();
    let system = System::new(Cell::open(), vec![16], vec![[width, 0.0, 0.0]]).unwrap();
    let period = 2.0 * std::f64::consts::PI * (mass / (stiffness * ACCELERATION)).sqrt();
    let thermal = (BOLTZMANN * temperature * ACCELERATION / mass).sqrt();
    let state = State::new(system, vec![[thermal, 0.0, 0.0]], vec![mass], Some(1)).unwrap();
    let potential = Arc::new(Harmonic::new(vec![[0.0; 3]], vec![stiffness]).unwrap());
    let mut run = Dynamics::new(potential, state, settings(period / 40.0)).unwrap();
    // The thermostat oscillates with the angular frequency sqrt(2)/tau: matched to the oscillator.
    let tau = period / (2.0 * std::f64::consts::PI) * 2f64.sqrt();
    run.set_thermostat(&chain(temperature, tau, chain_length)).unwrap();
    let (mut x2, mut x4, mut v2) = (0.0, 0.0, 0.0);
    let mut each = Each(|state: &State, _: &ThermoRow| {
        let x = state.system.positions[0][0];
        x2 += x * x;
        x4 += x.powi(4);
        v2 += state.velocities[0][0].powi(2);
    });
    run.run(n_steps, None, &mut each).unwrap();
    let n = n_steps as f64;
    [
        x2 / n * stiffness / (BOLTZMANN * temperature),
        v2 / n / (thermal * thermal),
        (x4 / n) / (x2 / n).powi(2),
    ]
}

/// The classic failure: one thermostat variable leaves the oscillator on a torus, a chain makes it canonical.
#[test]
fn only_a_chain_makes_the_harmonic_oscillator_canonical() {
    let [x2, v2, kurtosis] = oscillator(4, 2_000_000);
    assert!((x2 - 1.0).abs() < 0.03 && (v2 - 1.0).abs() < 0.03, "<x²> {x2}, <v²> {v2}");
    assert!((kurtosis - 3.0).abs() < 0.15, "kurtosis {kurtosis}");
    let [_, _, kurtosis] = oscillator(1, 200_000);
    assert!(kurtosis < 2.5, "a single thermostat is not ergodic, yet the kurtosis is {kurtosis}");
}

/// Forward, velocities and thermostat velocities reversed, forward again: the start. Rounding of 1e-15 Å grows by a few
/// powers of ten in 400 steps of a chaotic system.
#[test]
fn dynamics_is_time_reversible() {
    for spec in [ThermostatSpec::Nve, chain(40.0, 100.0, 3)] {
        let mut run = argon_run(4.0, 40.0);
        run.set_thermostat(&spec).unwrap();
        let before = run.snapshot();
        let mut silent = Recorder::new(0, 0, false);
        run.run(200, None, &mut silent).unwrap();
        let mut turned = run.snapshot();
        turned.velocities.iter_mut().flatten().for_each(|v| *v = -*v);
        let chain_length = turned.thermostat.len() / 2;
        turned.thermostat[..chain_length].iter_mut().for_each(|v| *v = -*v);
        run.restore(&turned).unwrap();
        run.run(200, None, &mut silent).unwrap();
        let after = run.snapshot();
        for (a, b) in before.positions.iter().flatten().zip(after.positions.iter().flatten()) {
            assert!((a - b).abs() < 1e-8, "{a} {b}");
        }
    }
}

/// Rescaling follows its program exactly at every step, and the accumulated work closes the energy balance.
#[test]
fn rescaling_follows_the_program_and_accounts_for_its_work() {
    let mut run = argon_run(4.0, 10.0);
    let program = |law| ThermostatSpec::Rescale { start_k: 10.0, end_k: 70.0, n_steps: 500, law };
    run.set_thermostat(&program(Law::Temperature)).unwrap();
    let begin = run.row().conserved;
    let mut rows = Vec::new();
    run.run(600, None, &mut Each(|_: &State, row: &ThermoRow| rows.push(*row))).unwrap();
    for row in &rows {
        let expected = 10.0 + 60.0 * (row.step as f64 / 500.0).min(1.0);
        assert!((row.temperature_k / expected - 1.0).abs() < 1e-12);
        assert_eq!(row.target_k, expected);
        assert!((row.conserved - begin).abs() < 2e-3, "{}", row.conserved - begin);
    }
    // Half of the heat goes into the lattice: the total energy has grown far more than the kinetic energy.
    let total = |row: &ThermoRow| row.potential_energy + row.kinetic_energy;
    assert!(total(&rows[599]) - total(&rows[0]) > 1.6 * (rows[599].kinetic_energy - rows[0].kinetic_energy));
    // The next thermostat continues the conserved quantity without a jump.
    let before = run.row().conserved;
    run.set_thermostat(&chain(70.0, 100.0, 3)).unwrap();
    assert_eq!(run.row().conserved, before);
}

/// 300 steps at once, cut into uneven calls, and continued in a new object from a snapshot: the same bits.
#[test]
fn restart_and_slicing_do_not_change_a_bit() {
    for spec in [ThermostatSpec::Nve, chain(60.0, 100.0, 3)] {
        let fresh = || {
            let mut run = argon_run(8.0, 150.0);
            run.set_thermostat(&spec).unwrap();
            run
        };
        let mut recorder = Recorder::new(1, 10, true);
        let mut whole = fresh();
        whole.run(300, None, &mut recorder).unwrap();
        assert!(whole.n_rebuilds() > 3, "the list must be rebuilt during the test");

        let mut sliced = fresh();
        let mut silent = Recorder::new(0, 0, false);
        let mut left = 117;
        while left > 0 {
            left -= sliced.run(left, Some(Duration::from_micros(300)), &mut silent).unwrap();
        }
        let mut resumed = fresh();
        resumed.restore(&sliced.snapshot()).unwrap();
        let mut second = Recorder::new(1, 10, true);
        resumed.run(183, None, &mut second).unwrap();
        assert_eq!(resumed.snapshot(), whole.snapshot());
        assert_eq!(resumed.evaluation().energy, whole.evaluation().energy);
        assert_eq!(resumed.evaluation().forces, whole.evaluation().forces);
        let same = |a: &ThermoRow, b: &ThermoRow| format!("{a:?}") == format!("{b:?}");
        assert!(recorder.thermo[117..].iter().zip(&second.thermo).all(|(a, b)| same(a, b)));
        assert_eq!(recorder.frame_steps[11..], second.frame_steps[..]);
        assert_eq!(recorder.positions[11 * 32..], second.positions[..]);
        assert_eq!(recorder.velocities[11 * 32..], second.velocities[..]);
    }
}

/// A recorder that was prepared does not grow during the run.
#[test]
fn recording_allocates_only_once_per_call() {
    let mut run = argon_run(2.0, 40.0);
    let mut recorder = Recorder::new(2, 5, true);
    recorder.prepare(run.state(), 100);
    let capacity =
        (recorder.thermo.capacity(), recorder.positions.capacity(), recorder.velocities.capacity());
    run.run(100, None, &mut recorder).unwrap();
    assert_eq!(recorder.thermo.len(), 50);
    assert_eq!(recorder.frame_steps, (1..=20).map(|k| 5 * k).collect::<Vec<u64>>());
    let after = (recorder.thermo.capacity(), recorder.positions.capacity(), recorder.velocities.capacity());
    assert_eq!(capacity, after);
    recorder.clear();
    assert!(recorder.thermo.is_empty() && recorder.positions.is_empty());
}

/// Two atoms drawn through each other by springs: the guard names them and the last good state can be continued.
#[test]
fn collisions_stop_the_run_with_one_line_and_a_good_state() {
    let positions = vec![[0.0; 3], [3.0, 0.02, 0.0]];
    let system = System::new(Cell::open(), vec![3, 16], positions.clone()).unwrap();
    let springs = Harmonic::new(vec![positions[1], positions[0]], vec![1.0, 1.0]).unwrap();
    let state = State::new(system, vec![[0.0; 3]; 2], vec![6.94, 32.06], Some(6)).unwrap();
    let mut run = Dynamics::new(Arc::new(springs), state, settings(1.0)).unwrap();
    let mut recorder = Recorder::new(1, 1, false);
    let message = run.run(1000, None, &mut recorder).unwrap_err().to_string();
    assert!(message.contains("Li atom 0 and S atom 1 are 0."), "{message}");
    let (_, last) = message.rsplit_once("last good state is step ").unwrap();
    assert_eq!(last.parse::<u64>().unwrap(), run.last_good().step);
    assert_eq!(run.last_good().step % 10, 0);
    assert!(recorder.thermo.iter().all(|row| row.potential_energy.is_finite()));
    let again = run.run(1, None, &mut recorder).unwrap_err().to_string();
    assert!(again.contains("restore a good state"), "{again}");
    let good = run.last_good().clone();
    run.restore(&good).unwrap();
    assert_eq!(run.run(1, None, &mut recorder).unwrap(), 1);
}

#[test]
fn runaway_temperature_and_bad_settings_are_reported() {
    let mut hot = settings(4.0);
    hot.guard.max_temperature_k = 70.0;
    let state = || start(crystal(2, LATTICE, &FCC), vec![ARGON; 32], 60.0, 3);
    let mut run = Dynamics::new(argon(), state(), hot).unwrap();
    run.set_thermostat(&chain(300.0, 50.0, 3)).unwrap();
    let message = run.run(1000, None, &mut Recorder::new(0, 0, false)).unwrap_err().to_string();
    assert!(message.contains("is above the limit of 7.0000e1 K; last good state is step "), "{message}");

    let error = |settings| Dynamics::new(argon(), state(), settings).err().unwrap().to_string();
    assert_eq!(error(settings(0.0)), "timestep must be positive, got 0 fs");
    let mut still = state();
    still.velocities.fill([0.0; 3]);
    let mut run = Dynamics::new(argon(), still, settings(1.0)).unwrap();
    let program = ThermostatSpec::Rescale { start_k: 1.0, end_k: 2.0, n_steps: 5, law: Law::Velocity };
    assert!(run.set_thermostat(&program).unwrap_err().to_string().contains("draw Maxwell-Boltzmann"));
}

/// A neural potential of two elements with made-up weights: no physics, but every summation of a real one.
fn neural() -> Arc<dyn Potential> {
    let symbols = ["Li".to_string(), "S".to_string()];
    let spec = DescriptorSpec::Gaussian(sets::amp_default(&symbols, Cutoff::Cosine { radius: 4.5 }, 4));
    let descriptor = spec.build().unwrap();
    let elements: Vec<ElementModel> = (0..2)
        .map(|e| {
            let n = descriptor.n_features(e);
            let activations = vec![Activation::Tanh, Activation::Tanh, Activation::Linear];
            let network = FeedForward::new(vec![n, 5, 5, 1], activations).unwrap();
            ElementModel { scaling: Scaling::min_max(vec![0.0; n], vec![8.0; n]).unwrap(), network }
        })
        .collect();
    let n_parameters = elements.iter().map(|e| e.network.n_parameters()).sum::<usize>() + 4;
    let parameters = (0..n_parameters).map(|k| (1.7 * k as f64).sin() * 0.4).collect();
    Arc::new(NeuralPotential::new(descriptor, elements, parameters).unwrap())
}

/// 54 atoms of two elements in the cesium chloride structure, and their masses.
fn two_elements() -> (System, Vec<f64>) {
    let mut system = crystal(3, 3.9, &[[0.0; 3], [0.5; 3]]);
    system.numbers = (0..54).map(|i| if i % 2 == 0 { 3 } else { 16 }).collect();
    let masses = system.numbers.iter().map(|&z| if z == 3 { 6.94 } else { 32.06 }).collect();
    (system, masses)
}

/// The order in dt holds only if forces are minus the gradient of the energy.
#[test]
fn energy_error_with_a_neural_potential_is_second_order() {
    let rms: Vec<f64> = [4.0, 2.0, 1.0]
        .iter()
        .map(|&dt| {
            let (system, masses) = two_elements();
            let state = start(system, masses, 300.0, 2);
            fluctuation(Dynamics::new(neural(), state, settings(dt)).unwrap(), dt, 200.0)
        })
        .collect();
    for pair in rms.windows(2) {
        let ratio = pair[0] / pair[1];
        assert!((ratio - 4.0).abs() < 0.5, "{ratio} from {rms:?}");
    }
}

/// The same trajectory, bit for bit, with one thread and with three, and continued from a snapshot.
#[test]
fn neural_dynamics_has_the_same_bits_for_any_number_of_threads() {
    let (system, masses) = two_elements();
    let run = |n_threads: usize, n_steps: u64, from: Option<&lionn_core::md::Snapshot>| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let state = start(system.clone(), masses.clone(), 900.0, 4);
            let mut run = Dynamics::new(neural(), state, settings(2.0)).unwrap();
            run.set_thermostat(&chain(900.0, 50.0, 3)).unwrap();
            if let Some(snapshot) = from {
                run.restore(snapshot).unwrap();
            }
            run.run(n_steps, None, &mut Recorder::new(0, 0, false)).unwrap();
            run.snapshot()
        })
    };
    let serial = run(1, 60, None);
    assert_ne!(serial.list_positions, system.positions, "the list must be rebuilt during the test");
    assert_eq!(serial, run(3, 60, None));
    assert_eq!(serial, run(1, 23, Some(&run(3, 37, None))));
}
