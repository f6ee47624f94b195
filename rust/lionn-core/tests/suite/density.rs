//! Zernike descriptors and power spectra against AMP's numbers, the closed form and finite differences.

use crate::common::{ELEMENTS, assert_close, cluster, environment, fingerprint, random_crystal};
use lionn_core::descriptors::testing::{jacobian_by_contraction, tangent_by_jacobian};
use lionn_core::descriptors::{
    Cutoff, DensityCorrelations, DensityWeights, Descriptor, Environment, PowerSpectrumSpec,
    ReferenceDensity, Workspace, ZernikeSpec,
};
use lionn_core::linalg::Vec3;
use lionn_core::simd::Level;
use lionn_core::{Cell, System};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn zernike(n_max: usize, resolved: bool, cutoff: Cutoff) -> ZernikeSpec {
    ZernikeSpec { elements: ELEMENTS.map(String::from).to_vec(), cutoff, n_max, resolved, weights: None }
}

/// `n_channels` mixed channels with numbers without a pattern; `None` mixes nothing.
fn power_spectrum(
    n_radial: usize,
    l_max: usize,
    n_channels: Option<usize>,
    cutoff: Cutoff,
) -> PowerSpectrumSpec {
    let mixing = |n: usize, center: usize| -> Vec<Vec<Vec<f64>>> {
        let entry = |l: usize, k: usize, c: usize| ((7 * l + 3 * k + c * c + center) as f64 * 0.61).sin();
        let rows = |l: usize| (0..n).map(move |k| (0..4 * n_radial).map(move |c| entry(l, k, c)).collect());
        (0..=l_max).map(|l| rows(l).collect()).collect()
    };
    let contraction =
        |n| ELEMENTS.iter().enumerate().map(|(e, name)| (name.to_string(), mixing(n, e))).collect();
    PowerSpectrumSpec {
        elements: ELEMENTS.map(String::from).to_vec(),
        cutoff,
        n_radial,
        l_max,
        bispectrum_l_max: 0,
        contraction: n_channels.map(contraction),
    }
}

fn bispectrum(n_radial: usize, l_max: usize, n_channels: Option<usize>, cutoff: Cutoff) -> PowerSpectrumSpec {
    PowerSpectrumSpec { bispectrum_l_max: l_max, ..power_spectrum(n_radial, l_max, n_channels, cutoff) }
}

fn cosine(radius: f64) -> Cutoff {
    Cutoff::Cosine { radius }
}

/// Weights of the neighbor elements that differ from center to center, one of them zero.
fn own_weights() -> [[f64; 4]; 4] {
    [[32.0, 3.0, 15.0, 16.0], [1.5, 0.0, -2.0, 4.0], [1.0, 1.0, 1.0, 1.0], [16.0, 15.0, 3.0, 32.0]]
}

fn weighted_by_center(n_max: usize, resolved: bool, cutoff: Cutoff) -> ZernikeSpec {
    let named = |row: [f64; 4]| ELEMENTS.map(String::from).into_iter().zip(row).collect();
    let rows = ELEMENTS.map(String::from).into_iter().zip(own_weights().map(named)).collect();
    ZernikeSpec { weights: Some(DensityWeights::ByCenter(rows)), ..zernike(n_max, resolved, cutoff) }
}

fn samples() -> Vec<DensityCorrelations> {
    let polynomial = Cutoff::Polynomial { radius: 5.5, gamma: 3.0 };
    vec![
        zernike(5, false, cosine(6.5)).build().unwrap(),
        zernike(7, true, cosine(6.0)).build().unwrap(),
        zernike(12, false, polynomial).build().unwrap(),
        weighted_by_center(6, false, cosine(6.0)).build().unwrap(),
        weighted_by_center(4, true, polynomial).build().unwrap(),
        power_spectrum(4, 3, Some(5), cosine(6.0)).build().unwrap(),
        power_spectrum(6, 4, Some(9), polynomial).build().unwrap(),
        power_spectrum(2, 2, None, cosine(6.0)).build().unwrap(),
        bispectrum(3, 4, Some(5), cosine(6.0)).build().unwrap(),
        bispectrum(3, 2, None, polynomial).build().unwrap(),
    ]
}

/// Printed by AMP 1.0.1 for atom 0 (Li) of the cluster: `nmax` 5, `Gs` the atomic numbers, cosine cutoff 6.5 Å.
const AMP_ZERNIKE: [f64; 12] = [
    331.857012998559,
    231.462528681463,
    835.79105389389,
    76.019166505965,
    1317.113388303639,
    23.826071430221,
    393.693173697269,
    710.86569925794,
    8.482477129685,
    1783.64804439028,
    324.061527118906,
    3.231005818946,
];

#[test]
fn zernike_has_the_values_of_amp() {
    let descriptor = zernike(5, false, cosine(6.5)).build().unwrap();
    let values = fingerprint(&cluster(), &descriptor, 0);
    assert_eq!(values.len(), AMP_ZERNIKE.len());
    for (k, expected) in AMP_ZERNIKE.iter().enumerate() {
        // Twelve digits behind the point are printed, of numbers that a double holds to 2e-13.
        assert!(
            (values[k] - expected).abs() < 1e-12 * expected.abs().max(1.0),
            "{k}: {} {expected}",
            values[k]
        );
    }
}

/// AMP leaves out neighbors whose periodic image is displaced along all three lattice vectors; here they count.
#[test]
fn neighbors_across_a_corner_of_the_cell_count() {
    let cell = Cell::new([[8.0, 0.0, 0.0], [0.0, 8.0, 0.0], [0.0, 0.0, 8.0]], [true; 3]).unwrap();
    let system = System::new(cell, vec![3, 16], vec![[0.5, 0.5, 0.5], [7.0, 7.0, 7.0]]).unwrap();
    let open = System::new(Cell::open(), vec![3, 16], vec![[0.5, 0.5, 0.5], [-1.0, -1.0, -1.0]]).unwrap();
    let descriptor = zernike(5, false, cosine(5.0)).build().unwrap();
    let (corner, direct) = (fingerprint(&system, &descriptor, 0), fingerprint(&open, &descriptor, 0));
    assert!(direct[0] > 1.0);
    for (a, b) in corner.iter().zip(&direct) {
        assert!((a - b).abs() < 1e-10 * b.abs().max(1.0));
    }
}

#[test]
fn numbers_of_features() {
    let count = |spec: ZernikeSpec| spec.build().unwrap().n_features(0);
    assert_eq!([5, 7, 12].map(|n| count(zernike(n, false, cosine(6.5)))), [12, 20, 49]);
    // Ten pairs of four elements.
    assert_eq!(count(zernike(5, true, cosine(6.5))), 120);
    let count = |spec: PowerSpectrumSpec| spec.build().unwrap().n_features(0);
    assert_eq!(count(power_spectrum(3, 2, None, cosine(6.0))), 12 + 3 * 78);
    assert_eq!(count(power_spectrum(3, 2, Some(5), cosine(6.0))), 12 + 3 * 15);
    assert_eq!(count(bispectrum(3, 3, Some(5), cosine(6.0))), 12 + 4 * 15 + 4 * 5);
}

/// The plain descriptor is the resolved one summed over pairs of elements with the product of their atomic numbers.
#[test]
fn resolved_zernike_contains_the_plain_one() {
    let system = random_crystal(5, 16);
    let plain = fingerprint(&system, &zernike(6, false, cosine(6.0)).build().unwrap(), 1);
    let resolved = fingerprint(&system, &zernike(6, true, cosine(6.0)).build().unwrap(), 1);
    let z = [32.0, 3.0, 15.0, 16.0];
    for (k, expected) in plain.iter().enumerate() {
        let mut pair = resolved[10 * k..10 * (k + 1)].iter();
        let mut sum = 0.0;
        for a in 0..4 {
            for b in a..4 {
                sum += pair.next().unwrap() * z[a] * z[b] * if a == b { 1.0 } else { 2.0 };
            }
        }
        assert!((sum - expected).abs() < 1e-10 * expected.abs());
    }
}

/// Weights around each center are those of a descriptor that has them around every center.
#[test]
fn every_center_has_its_own_weights() {
    let system = random_crystal(6, 16);
    for resolved in [false, true] {
        let own = weighted_by_center(5, resolved, cosine(6.0)).build().unwrap();
        for i in 0..system.numbers.len() {
            let (center, _) = environment(&system, &own, i);
            let weights =
                ELEMENTS.map(String::from).into_iter().zip(own_weights()[center]).collect::<BTreeMap<_, _>>();
            let weights = Some(DensityWeights::ByNeighbor(weights));
            let same = ZernikeSpec { weights, ..zernike(5, resolved, cosine(6.0)) }.build().unwrap();
            let expected = fingerprint(&system, &same, i);
            let size = expected.iter().fold(1e-3f64, |m, x| m.max(x.abs()));
            for (a, b) in fingerprint(&system, &own, i).iter().zip(&expected) {
                // The sum over elements is made before or after the expansion.
                assert!((a - b).abs() < 1e-12 * size, "{a} {b}");
            }
        }
    }
}

fn compare_with_the_closed_form(descriptor: &DensityCorrelations, system: &System, i: usize) {
    let (center, environment) = environment(system, descriptor, i);
    let expected = ReferenceDensity(descriptor.clone()).values(center, &environment);
    assert_eq!(expected.len(), descriptor.n_features(center));
    let size = expected.iter().fold(1e-3f64, |m, x| m.max(x.abs()));
    for level in Level::available() {
        let fast = descriptor.clone().with_level(level);
        let mut values = vec![0.0; expected.len()];
        fast.values(center, &environment, &mut Workspace::default(), &mut values);
        for (k, (a, b)) in values.iter().zip(&expected).enumerate() {
            // Sums over m and over pairs cancel differently; Zernike polynomials of order 12 lose three digits.
            assert!((a - b).abs() <= 1e-10 * size, "{}, feature {k}: {a} {b}", level.name());
        }
    }
}

#[test]
fn every_instruction_set_agrees_with_the_closed_form() {
    for (seed, descriptor) in samples().iter().enumerate() {
        compare_with_the_closed_form(descriptor, &random_crystal(seed as u64, 21), seed % 3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Random sizes on random structures, from no neighbors to more than there are lanes.
    #[test]
    fn random_sets_agree_with_the_closed_form(
        (n_radial, l_max) in (1usize..6, 0usize..6),
        n_channels in prop::option::of(1usize..10),
        (n_max, resolved) in (0usize..9, any::<bool>()),
        n_atoms in 1usize..14,
        seed in 0u64..1000,
    ) {
        let n_channels = if n_radial > 2 { n_channels.or(Some(3)) } else { n_channels };
        let system = random_crystal(seed, n_atoms);
        let spectrum = power_spectrum(n_radial, l_max, n_channels, cosine(4.5)).build().unwrap();
        compare_with_the_closed_form(&spectrum, &system, 0);
        if l_max > 1 {
            let bispectrum = bispectrum(n_radial.min(2), l_max.min(4), n_channels, cosine(4.5)).build().unwrap();
            compare_with_the_closed_form(&bispectrum, &system, 0);
        }
        compare_with_the_closed_form(&zernike(n_max, resolved, cosine(4.5)).build().unwrap(), &system, 0);
    }
}

fn shifted(environment: &Environment, moves: &[Vec3], factor: f64) -> Environment {
    let mut moved = environment.clone();
    for (n, d) in moves.iter().enumerate() {
        moved.x[n] += factor * d[0];
        moved.y[n] += factor * d[1];
        moved.z[n] += factor * d[2];
        moved.r2[n] = moved.x[n].powi(2) + moved.y[n].powi(2) + moved.z[n].powi(2);
    }
    moved
}

/// `tangent` is the derivative of `values` along a displacement, `contract` its transpose, on every instruction set.
#[test]
fn derivatives_agree_with_central_differences() {
    for (seed, descriptor) in samples().into_iter().enumerate() {
        let system = random_crystal(seed as u64 + 20, 18);
        let (center, environment) = environment(&system, &descriptor, 0);
        let n = descriptor.n_features(center);
        let moves: Vec<Vec3> =
            (0..environment.len()).map(|j| [0.3, 1.1, 2.0].map(|x| (j as f64 + x).sin())).collect();
        for level in Level::available() {
            let descriptor = descriptor.clone().with_level(level);
            let mut work = Workspace::default();
            let mut values = |factor: f64| {
                let mut out = vec![0.0; n];
                descriptor.values(center, &shifted(&environment, &moves, factor), &mut work, &mut out);
                out
            };
            let h = 1e-3;
            let [a, b, c, d] = [h, -h, 2.0 * h, -2.0 * h].map(&mut values);
            let size = values(0.0).iter().fold(1.0f64, |m, x| m.max(x.abs()));
            let mut tangent = vec![0.0; n];
            descriptor.tangent(center, &environment, &mut work, &moves, &mut tangent);
            let dedg: Vec<f64> = (0..n).map(|k| (0.7 * k as f64).cos()).collect();
            let mut gradient = vec![[0.0; 3]; environment.len()];
            descriptor.contract(center, &environment, &mut work, &dedg, &mut gradient);
            for k in 0..n {
                // Fourth-order central difference: error h⁴ times the fifth derivative, rounding eps/h.
                let numeric = (8.0 * (a[k] - b[k]) - (c[k] - d[k])) / (12.0 * h);
                assert!((numeric - tangent[k]).abs() < 1e-8 * size, "{k}: {numeric} {}", tangent[k]);
            }
            let forward: f64 = tangent.iter().zip(&dedg).map(|(t, g)| t * g).sum();
            let dot = |(g, d): (&Vec3, &Vec3)| g[0] * d[0] + g[1] * d[1] + g[2] * d[2];
            let backward: f64 = gradient.iter().zip(&moves).map(dot).sum();
            assert!((forward - backward).abs() < 1e-11 * size * n as f64, "{forward} {backward}");
        }
    }
}

/// Contraction may be repeated, and the Jacobian lists exactly the features that a neighbor changes.
#[test]
fn jacobian_and_support_belong_together() {
    for descriptor in [zernike(4, true, cosine(6.0)).build().unwrap(), samples().remove(5)] {
        let system = random_crystal(9, 16);
        let (center, environment) = environment(&system, &descriptor, 2);
        let n = descriptor.n_features(center);
        let mut work = Workspace::default();
        let mut values = vec![0.0; n];
        descriptor.values(center, &environment, &mut work, &mut values);
        let mut jacobian = Vec::new();
        jacobian_by_contraction(&descriptor, center, &environment, &mut work, &mut jacobian);
        let moves: Vec<Vec3> =
            (0..environment.len()).map(|j| [0.2, 0.9, 1.7].map(|x| (j as f64 * x).cos())).collect();
        let (mut tangent, mut expected) = (vec![0.0; n], vec![0.0; n]);
        descriptor.tangent(center, &environment, &mut work, &moves, &mut tangent);
        tangent_by_jacobian(&descriptor, center, &environment, &mut work, &moves, &mut expected);
        for (a, b) in tangent.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-11 * b.abs().max(1.0), "{a} {b}");
        }
        // Without the neighbors of one element the features outside its support stay as they are.
        let support = descriptor.support(center, 3);
        assert!(support.len() < n);
        let mut rest = environment.clone();
        let keep = environment.ranges[3];
        for array in [&mut rest.x, &mut rest.y, &mut rest.z, &mut rest.r2] {
            array.truncate(keep);
        }
        rest.index.truncate(keep);
        rest.ranges[4] = keep;
        let mut fewer = vec![0.0; n];
        descriptor.values(center, &rest, &mut work, &mut fewer);
        for k in 0..n {
            let same = (values[k] - fewer[k]).abs() < 1e-12 * values[k].abs().max(1.0);
            assert_eq!(same, !support.contains(&(k as u32)), "feature {k}");
        }
        let (plain, size) = (jacobian.clone(), descriptor.support(center, 0).len());
        descriptor.values(center, &environment, &mut work, &mut values);
        descriptor.jacobian(center, &environment, &mut work, &mut jacobian);
        assert!(size > 0);
        assert_close(&jacobian, &plain, "Jacobian");
    }
}

#[test]
fn bad_specifications_say_what_is_wrong() {
    let message =
        |result: lionn_core::Result<DensityCorrelations>| result.err().map(|e| e.to_string()).unwrap();
    let good = || zernike(5, false, cosine(6.0));
    assert!(message(zernike(40, false, cosine(6.0)).build()).contains("n_max must be at most 20, got 40"));
    assert!(message(zernike(5, false, cosine(-1.0)).build()).contains("must be positive, got -1"));
    assert!(message(zernike(5, false, cosine(31.0)).build()).contains("at most 30 Å, got 31 Å"));
    let weights = |pairs: &[(&str, f64)]| -> Option<DensityWeights> {
        Some(DensityWeights::ByNeighbor(pairs.iter().map(|(e, w)| (e.to_string(), *w)).collect()))
    };
    let missing = ZernikeSpec { weights: weights(&[("Li", 1.0)]), ..good() };
    assert!(message(missing.build()).contains("no weight for element Ge"));
    let extra =
        ZernikeSpec { elements: vec!["Li".into()], weights: weights(&[("Li", 1.0), ("Na", 1.0)]), ..good() };
    assert!(message(extra.build()).contains("Na is not among the elements Li"));
    let around = |centers: &[&str]| -> ZernikeSpec {
        let row: BTreeMap<String, f64> = [("Li".to_owned(), 2.0)].into();
        let weights = centers.iter().map(|c| (c.to_string(), row.clone())).collect();
        let weights = Some(DensityWeights::ByCenter(weights));
        ZernikeSpec { elements: vec!["Li".into(), "S".into()], weights, ..good() }
    };
    assert!(message(around(&["Li"]).build()).contains("no weight for element S around Li"));
    assert!(message(around(&["S"]).build()).contains("none around element Li"));
    assert!(message(around(&["Li", "S", "Cl"]).build()).contains("Cl is not among the elements Li, S"));
    let twice = ZernikeSpec { elements: vec!["Li".into(), "Li".into()], ..good() };
    assert!(message(twice.build()).contains("must be distinct"));
    let spectrum = || power_spectrum(3, 2, Some(4), cosine(6.0));
    assert!(
        message(PowerSpectrumSpec { n_radial: 0, ..spectrum() }.build())
            .contains("n_radial must be at least 1")
    );
    let short = PowerSpectrumSpec { l_max: 3, ..spectrum() };
    assert!(message(short.build()).contains("contraction of Ge must have 4 degrees, got 3"));
    for bispectrum_l_max in [1, 3] {
        let outside = PowerSpectrumSpec { bispectrum_l_max, ..spectrum() };
        assert!(message(outside.build()).contains("between 2 and l_max = 2"));
    }
    let narrow = PowerSpectrumSpec { n_radial: 4, ..spectrum() };
    assert!(message(narrow.build()).contains("degree 0: rows must have 16 numbers, got 12"));
    let mut without = spectrum();
    without.contraction.as_mut().unwrap().remove("S");
    assert!(message(without.build()).contains("no contraction for element S"));
}
