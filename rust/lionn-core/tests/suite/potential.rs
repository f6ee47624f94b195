//! The neural potential: forces and stress against finite differences, invariances, thread counts, files.

use crate::common::{difference, evaluate, gaussian_56, random_crystal, random_potential};
use lionn_core::descriptors::{Cutoff, DescriptorSpec};
use lionn_core::linalg::{Mat3, row_times};
use lionn_core::model_file::ModelFile;
use lionn_core::neighbors::NeighborList;
use lionn_core::network::Activation;
use lionn_core::potential::{Evaluation, NeuralPotential, Potential};
use lionn_core::{Cell, System};

fn potential(seed: u64) -> NeuralPotential {
    random_potential(&gaussian_56(Cutoff::Cosine { radius: 6.5 }), seed, Activation::Linear)
}

#[test]
fn forces_and_virial_agree_with_central_differences() {
    for (seed, output) in [(1, Activation::Linear), (2, Activation::Tanh)] {
        for cutoff in [Cutoff::Cosine { radius: 6.5 }, Cutoff::Polynomial { radius: 5.0, gamma: 4.0 }] {
            let potential = random_potential(&gaussian_56(cutoff), seed, output);
            let system = random_crystal(seed, 16);
            let result = evaluate(&potential, &system);
            let scale = result.forces.iter().flatten().fold(0.0f64, |m, x| m.max(x.abs()));
            for i in 0..4 {
                for axis in 0..3 {
                    let numeric = -difference(|h| {
                        let mut moved = system.clone();
                        moved.positions[i][axis] += h;
                        evaluate(&potential, &moved).energy
                    });
                    assert!(
                        (numeric - result.forces[i][axis]).abs() < 1e-6 * scale,
                        "atom {i} axis {axis}: {numeric}"
                    );
                }
            }
            let size = result.virial.iter().flatten().fold(0.0f64, |m, x| m.max(x.abs()));
            for a in 0..3 {
                for b in 0..3 {
                    let numeric = -difference(|h| {
                        let mut strain: Mat3 = [[0.0; 3]; 3];
                        strain[a][b] = h;
                        evaluate(&potential, &system.deformed(&strain).unwrap()).energy
                    });
                    // x → x·(1+ε): dE/dε_ab = sum dE/dr_b r_a, the transpose of the stored tensor, which is symmetric.
                    assert!(
                        (numeric - result.virial[b][a]).abs() < 1e-6 * size,
                        "{numeric} {:?}",
                        result.virial
                    );
                    assert!((result.virial[a][b] - result.virial[b][a]).abs() < 1e-9 * size);
                }
            }
        }
    }
}

#[test]
fn energy_is_invariant_and_forces_turn_along() {
    let potential = potential(3);
    let system = random_crystal(4, 20);
    let base = evaluate(&potential, &system);
    let total: [f64; 3] = std::array::from_fn(|a| base.forces.iter().map(|f| f[a]).sum());
    assert!(total.iter().all(|f| f.abs() < 1e-10));
    assert!((base.atomic_energies.iter().sum::<f64>() - base.energy).abs() < 1e-12);

    let mut shifted = system.clone();
    for x in &mut shifted.positions {
        *x = [x[0] + 13.7, x[1] - 2.9, x[2] + 100.1];
    }
    assert!((evaluate(&potential, &shifted).energy - base.energy).abs() < 1e-9);

    let (c, s) = (0.8f64.cos(), 0.8f64.sin());
    let tilt = 0.3f64;
    let about_z = [[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]];
    let about_x = [[1.0, 0.0, 0.0], [0.0, tilt.cos(), tilt.sin()], [0.0, -tilt.sin(), tilt.cos()]];
    let rotation: Mat3 = about_z.map(|row| row_times(row, &about_x));
    let cell = Cell::new(system.cell.vectors().map(|v| row_times(v, &rotation)), [true; 3]).unwrap();
    let rotated = System::new(
        cell,
        system.numbers.clone(),
        system.positions.iter().map(|&x| row_times(x, &rotation)).collect(),
    )
    .unwrap();
    let turned = evaluate(&potential, &rotated);
    assert!((turned.energy - base.energy).abs() < 1e-9);
    for (f, g) in base.forces.iter().zip(&turned.forces) {
        let expected = row_times(*f, &rotation);
        assert!((0..3).all(|a| (expected[a] - g[a]).abs() < 1e-9));
    }

    let order: Vec<usize> = (0..20).map(|i| (i * 7 + 3) % 20).collect();
    let permuted = System::new(
        system.cell.clone(),
        order.iter().map(|&i| system.numbers[i]).collect(),
        order.iter().map(|&i| system.positions[i]).collect(),
    )
    .unwrap();
    let mixed = evaluate(&potential, &permuted);
    assert!((mixed.energy - base.energy).abs() < 1e-9);
    for (k, &i) in order.iter().enumerate() {
        assert!((0..3).all(|a| (mixed.forces[k][a] - base.forces[i][a]).abs() < 1e-9));
    }
}

#[test]
fn supercell_has_the_energy_of_its_copies() {
    let potential = potential(5);
    let system = random_crystal(6, 10);
    let v = *system.cell.vectors();
    let mut positions = system.positions.clone();
    positions.extend(system.positions.iter().map(|x| std::array::from_fn::<f64, 3, _>(|a| x[a] + v[1][a])));
    let cell = Cell::new([v[0], v[1].map(|x| 2.0 * x), v[2]], [true; 3]).unwrap();
    let doubled = System::new(cell, system.numbers.repeat(2), positions).unwrap();
    let (one, two) = (evaluate(&potential, &system), evaluate(&potential, &doubled));
    assert!((two.energy - 2.0 * one.energy).abs() < 1e-9);
    for (f, g) in one.forces.iter().zip(&two.forces) {
        assert!((0..3).all(|a| (f[a] - g[a]).abs() < 1e-9));
    }
}

#[test]
fn results_have_the_same_bits_for_any_number_of_threads() {
    let potential = potential(7);
    let system = random_crystal(8, 60);
    let run = |threads: usize| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| evaluate(&potential, &system))
    };
    let one = run(1);
    for threads in [2, 3, 5] {
        let many = run(threads);
        assert_eq!(one.energy.to_bits(), many.energy.to_bits());
        assert_eq!(one.forces, many.forces);
        assert_eq!(one.virial, many.virial);
    }
}

#[test]
fn list_with_a_skin_gives_the_same_result() {
    let potential = potential(9);
    let system = random_crystal(10, 20);
    let wide = NeighborList::build(&system, potential.cutoff() + 1.0).unwrap();
    let mut out = Evaluation::default();
    potential.evaluate(&system, &wide, &mut out).unwrap();
    let exact = evaluate(&potential, &system);
    assert!((out.energy - exact.energy).abs() < 1e-10);
}

#[test]
fn unknown_element_is_named() {
    let mut system = random_crystal(11, 8);
    system.numbers[5] = 17;
    let message = potential(1).check(&system).unwrap_err().to_string();
    assert_eq!(message, "element Cl of atom 5 is not in the model (model was trained on Ge, Li, P, S)");
}

#[test]
fn file_round_trip_keeps_every_bit_and_damage_is_refused() {
    let spec = gaussian_56(Cutoff::Cosine { radius: 6.5 });
    let original = random_potential(&spec, 12, Activation::Tanh);
    let file = ModelFile::of(&original, DescriptorSpec::Gaussian(spec), serde_json::json!({"note": "test"}));
    let text = serde_json::to_string(&file).unwrap();
    let back = ModelFile::parse(&text).unwrap();
    assert_eq!(back, file);
    let rebuilt = back.build().unwrap().one().unwrap();
    assert_eq!(rebuilt.parameters(), original.parameters());
    let system = random_crystal(13, 12);
    assert_eq!(evaluate(&rebuilt, &system).energy, evaluate(&original, &system).energy);

    let refused = |text: String| match ModelFile::parse(&text).and_then(|f| f.build()).map(|_| ()) {
        Ok(()) => String::from("accepted"),
        Err(e) => e.to_string(),
    };
    assert!(refused(text[..text.len() / 2].to_owned()).contains("not a readable JSON document"));
    assert!(refused(text.replace("\"version\":1", "\"version\":99")).contains("version 99"));
    assert!(refused(text.replace("lionn-potential", "other")).contains("not a lionn potential file"));
    assert!(refused(text.replace("\"slope\"", "\"slop\"")).contains("damaged potential file"));
    assert!(refused(text.replacen("[[[", "[[[1.0,", 1)).contains("weights of layer 1"));
}
