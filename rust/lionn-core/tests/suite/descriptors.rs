//! Descriptors against published numbers, the plain formulas and finite differences.

use crate::common::{ELEMENTS, assert_close, cluster, environment, fingerprint, gaussian_56, random_crystal};
use lionn_core::descriptors::gaussian::ReferenceGaussian;
use lionn_core::descriptors::testing::jacobian_by_contraction;
use lionn_core::descriptors::{
    Angular, Cutoff, Descriptor, Environment, EtaUnit, Gaussian, GaussianSpec, Shape, SymmetryFunction,
    Workspace,
};
use lionn_core::simd::Level;
use lionn_core::{Cell, System};
use proptest::prelude::*;

/// Printed by AMP 1.0.1 for atom 0 (Li) of the cluster, default functions of Ge, Li, P, S, cosine cutoff 6.5 Å.
const AMP_GAUSSIAN: [f64; 20] = [
    0.465335166894,
    0.0,
    0.753424524743,
    0.671854853786,
    0.44314072438,
    0.0,
    0.738826699946,
    0.653971911283,
    0.353205615765,
    0.0,
    0.674686790288,
    0.577000982272,
    0.123244010943,
    0.0,
    0.442625270418,
    0.322667443924,
    0.0,
    0.0,
    0.383079944275,
    0.471442562792,
];

#[test]
fn default_set_of_four_elements_has_the_values_of_amp() {
    let spec = gaussian_56(Cutoff::Cosine { radius: 6.5 });
    let descriptor = Gaussian::new(&spec).unwrap();
    for descriptor in [&descriptor as &dyn Descriptor, &ReferenceGaussian(descriptor.clone())] {
        assert_eq!(descriptor.n_features(0), 56);
        let values = fingerprint(&cluster(), descriptor, 0);
        for (k, expected) in AMP_GAUSSIAN.iter().enumerate() {
            // Twelve digits are printed.
            assert!((values[k] - expected).abs() < 6e-13, "feature {k}: {} {expected}", values[k]);
        }
    }
}

#[test]
fn default_sets_count_as_amp() {
    for (elements, n) in
        [(&["Li", "P"][..], 20), (&["Ge", "Li", "P", "S"], 56), (&["Cl", "Li", "P", "S", "Si"], 80)]
    {
        let elements: Vec<String> = elements.iter().map(ToString::to_string).collect();
        let spec = lionn_core::descriptors::sets::amp_default(&elements, Cutoff::Cosine { radius: 6.5 }, 4);
        assert_eq!(Gaussian::new(&spec).unwrap().n_features(0), n);
    }
}

/// Every kind of function at once: integer, high and non-integer zeta, G5, shifted, weighted, other cutoffs, absolute eta.
fn mixed_spec() -> GaussianSpec {
    let g2 = |neighbor: &str, eta: f64, rs: f64, cutoff| SymmetryFunction::G2 {
        neighbor: neighbor.into(),
        eta,
        rs,
        cutoff,
    };
    let angular = |a: &str, b: &str, eta: f64, zeta: f64, gamma: f64, rs: f64, cutoff| Angular {
        neighbors: [a.into(), b.into()],
        eta,
        zeta,
        gamma,
        rs,
        cutoff,
    };
    let weighted = |eta: f64, zeta: f64, gamma: f64, rs: f64, cutoff| SymmetryFunction::WeightedG4 {
        eta,
        zeta,
        gamma,
        rs,
        cutoff,
    };
    let polynomial = Some(Cutoff::Polynomial { radius: 4.5, gamma: 4.0 });
    let switch = |shape| Some(Cutoff::Switch { radius: 5.0, inner: 1.0, shape });
    let tanh = Some(Cutoff::Tanh { radius: 5.5, normalized: true });
    let functions = vec![
        g2("Li", 0.05, 0.0, None),
        g2("S", 4.0, 1.5, None),
        g2("S", 0.1, 0.0, polynomial),
        g2("Ge", 3.0, 0.0, Some(Cutoff::Cosine { radius: 4.0 })),
        SymmetryFunction::G4(angular("S", "Li", 0.02, 1.0, 1.0, 0.0, None)),
        SymmetryFunction::G4(angular("Li", "S", 0.02, 16.0, -1.0, 0.0, None)),
        SymmetryFunction::G4(angular("S", "S", 0.02, 7.0, 1.0, 0.0, None)),
        SymmetryFunction::G4(angular("S", "S", 0.02, 3.5, -1.0, 0.0, None)),
        SymmetryFunction::G4(angular("P", "S", 0.3, 2.0, 1.0, 0.5, None)),
        SymmetryFunction::G4(angular("P", "P", 0.3, 4.0, 1.0, 0.0, polynomial)),
        SymmetryFunction::G5(angular("Li", "Li", 0.1, 4.0, -1.0, 0.0, None)),
        SymmetryFunction::G5(angular("Li", "Ge", 0.1, 32.0, 1.0, 0.0, None)),
        g2("P", 0.2, 0.5, switch(Shape::Exponential)),
        g2("P", 0.0, 0.0, switch(Shape::Cosine)),
        g2("S", 2.0, 1.0, tanh),
        SymmetryFunction::WeightedG2 { eta: 0.5, rs: 1.0, cutoff: None },
        SymmetryFunction::WeightedG2 { eta: 0.5, rs: 0.0, cutoff: tanh },
        weighted(0.02, 2.0, -1.0, 0.0, None),
        weighted(0.3, 4.0, 0.5, 0.7, switch(Shape::Quintic)),
        weighted(0.3, 2.5, 1.0, 0.0, None),
        SymmetryFunction::G4(angular("S", "Li", 0.1, 2.0, 1.0, 0.0, switch(Shape::Nonic))),
        SymmetryFunction::G5(angular("S", "Li", 0.1, 2.0, 1.0, 0.0, switch(Shape::Septic))),
    ];
    GaussianSpec {
        elements: ELEMENTS.map(String::from).to_vec(),
        cutoff: Cutoff::Cosine { radius: 6.0 },
        eta_unit: EtaUnit::Absolute,
        functions: ELEMENTS.iter().map(|e| (e.to_string(), functions.clone())).collect(),
    }
}

/// Values, gradients and Jacobian of every instruction set against the plain formulas, to 1e-11 of their size.
fn compare_with_the_formulas(spec: &GaussianSpec, system: &System, centers: std::ops::Range<usize>) {
    let descriptor = Gaussian::new(spec).unwrap();
    let plain = ReferenceGaussian(descriptor.clone());
    for i in centers {
        let (center, environment) = environment(system, &plain, i);
        let n = plain.n_features(center);
        let dedg: Vec<f64> = (0..n).map(|k| (1.3 * k as f64).sin()).collect();
        let mut work = Workspace::default();
        let (mut values, mut gradient) = (vec![0.0; n], vec![[0.0; 3]; environment.len()]);
        plain.values(center, &environment, &mut work, &mut values);
        plain.contract(center, &environment, &mut work, &dedg, &mut gradient);
        let mut jacobian = Vec::new();
        jacobian_by_contraction(&plain, center, &environment, &mut work, &mut jacobian);
        for level in Level::available() {
            let fast = descriptor.clone().with_level(level);
            let (mut fast_values, mut fast_gradient) = (vec![0.0; n], vec![[0.0; 3]; environment.len()]);
            let mut fast_jacobian = Vec::new();
            fast.values(center, &environment, &mut work, &mut fast_values);
            fast.contract(center, &environment, &mut work, &dedg, &mut fast_gradient);
            fast.jacobian(center, &environment, &mut work, &mut fast_jacobian);
            let what = format!("{}, atom {i}", level.name());
            for (k, (a, b)) in fast_values.iter().zip(&values).enumerate() {
                assert!((a - b).abs() <= 1e-11 * b.abs().max(1e-3), "{what}, feature {k}: {a} {b}");
            }
            assert_close(&fast_gradient, &gradient, &format!("{what}, gradient"));
            assert_close(&fast_jacobian, &jacobian, &format!("{what}, Jacobian"));
        }
    }
}

#[test]
fn every_instruction_set_agrees_with_the_formulas() {
    for (spec, seed) in [(gaussian_56(Cutoff::Cosine { radius: 6.5 }), 1), (mixed_spec(), 2)] {
        compare_with_the_formulas(&spec, &random_crystal(seed, 24), 0..4);
    }
}

fn any_shape() -> impl Strategy<Value = Shape> {
    prop::sample::select(vec![
        Shape::Cosine,
        Shape::Exponential,
        Shape::Cubic,
        Shape::Quintic,
        Shape::Septic,
        Shape::Nonic,
    ])
}

/// Any function with integer or other zeta, for two elements; radial exponents in units of 1/Rc².
fn any_function() -> impl Strategy<Value = SymmetryFunction> {
    let zeta = prop_oneof![4 => (1u32..=16).prop_map(f64::from), 1 => 1.0f64..9.5];
    let element = || prop_oneof![Just("Li".to_string()), Just("S".to_string())];
    let cutoff = prop_oneof![
        3 => Just(None),
        1 => (3.0f64..6.5).prop_map(|radius| Some(Cutoff::Cosine { radius })),
        1 => (3.0f64..6.5).prop_map(|radius| Some(Cutoff::Polynomial { radius, gamma: 4.0 })),
        1 => (3.0f64..6.5, 0.0f64..2.0, any_shape())
            .prop_map(|(radius, inner, shape)| Some(Cutoff::Switch { radius, inner, shape })),
        1 => (3.0f64..6.5, any::<bool>())
            .prop_map(|(radius, normalized)| Some(Cutoff::Tanh { radius, normalized })),
        1 => (3.0f64..6.5).prop_map(|radius| Some(Cutoff::Hard { radius })),
    ];
    let eta = prop_oneof![Just(0.005), Just(4.0), 0.0f64..40.0];
    let rs = prop_oneof![3 => Just(0.0), 1 => 0.0f64..4.0];
    let sign = prop_oneof![Just(1.0), Just(-1.0)];
    (0..5, [element(), element()], eta, zeta, sign, rs, cutoff).prop_map(
        |(kind, neighbors, eta, zeta, gamma, rs, cutoff)| {
            let [neighbor, _] = neighbors.clone();
            let angular = Angular { neighbors, eta, zeta, gamma, rs, cutoff };
            match kind {
                0 => SymmetryFunction::G2 { neighbor, eta, rs, cutoff },
                1 => SymmetryFunction::G4(angular),
                2 => SymmetryFunction::G5(angular),
                3 => SymmetryFunction::WeightedG2 { eta, rs, cutoff },
                _ => SymmetryFunction::WeightedG4 { eta, zeta, gamma, rs, cutoff },
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Random sets of functions on random structures, from no neighbors to more than there are lanes.
    #[test]
    fn random_sets_agree_with_the_formulas(
        functions in prop::collection::vec(any_function(), 1..9),
        n_atoms in 1usize..18,
        seed in 0u64..1000,
    ) {
        let elements = ["Li".to_string(), "S".to_string()];
        let mut system = random_crystal(seed, n_atoms);
        system.numbers.iter_mut().enumerate().for_each(|(i, z)| *z = if i % 3 == 0 { 16 } else { 3 });
        let spec = GaussianSpec {
            elements: elements.to_vec(),
            cutoff: Cutoff::Cosine { radius: 5.5 },
            eta_unit: EtaUnit::Reduced,
            functions: elements.iter().map(|e| (e.clone(), functions.clone())).collect(),
        };
        compare_with_the_formulas(&spec, &system, 0..1);
    }
}

/// `contract` is the derivative of `values`: central differences in the position of every neighbor.
#[test]
fn gradients_agree_with_central_differences() {
    let descriptor = Gaussian::new(&mixed_spec()).unwrap();
    let system = random_crystal(3, 12);
    let (center, environment) = environment(&system, &descriptor, 0);
    let n = descriptor.n_features(center);
    let dedg: Vec<f64> = (0..n).map(|k| (0.7 * k as f64).cos()).collect();
    let mut work = Workspace::default();
    let mut values = vec![0.0; n];
    let mut energy = |e: &Environment, work: &mut Workspace| -> f64 {
        descriptor.values(center, e, work, &mut values);
        values.iter().zip(&dedg).map(|(g, d)| g * d).sum()
    };
    energy(&environment, &mut work);
    let mut gradient = vec![[0.0; 3]; environment.len()];
    descriptor.contract(center, &environment, &mut work, &dedg, &mut gradient);
    let h = 1e-4;
    let mut wrong = Vec::new();
    for m in 0..environment.len() {
        for axis in 0..3 {
            let mut shifted = |delta: f64| {
                let mut e = environment.clone();
                [&mut e.x, &mut e.y, &mut e.z][axis][m] += delta;
                e.r2[m] = e.x[m].powi(2) + e.y[m].powi(2) + e.z[m].powi(2);
                energy(&e, &mut work)
            };
            // Fourth-order central difference: error h⁴ times the fifth derivative, rounding eps/h.
            let numeric =
                (8.0 * (shifted(h) - shifted(-h)) - (shifted(2.0 * h) - shifted(-2.0 * h))) / (12.0 * h);
            let exact = gradient[m][axis];
            // Where a cutoff function begins or ends, its second derivative jumps.
            let r = environment.r2[m].sqrt();
            let jump = [1.0, 4.0, 4.5, 5.0, 5.5].iter().any(|edge| (r - edge).abs() < 3.0 * h);
            if !jump && (numeric - exact).abs() > 1e-8 * (1.0 + exact.abs()) {
                wrong.push(format!("{m} {axis}, r {r}: {numeric} {exact}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A single atom whose neighbors are its own images.
#[test]
fn tiny_cell_sees_its_own_images() {
    let cell = Cell::new([[3.0, 0.0, 0.0], [0.0, 3.1, 0.0], [0.0, 0.0, 3.2]], [true; 3]).unwrap();
    let system = System::new(cell, vec![16], vec![[0.1, 0.2, 0.3]]).unwrap();
    let descriptor = Gaussian::new(&gaussian_56(Cutoff::Cosine { radius: 6.5 })).unwrap();
    let (center, environment) = environment(&system, &descriptor, 0);
    assert!(environment.len() > 20);
    let mut values = vec![0.0; 56];
    let mut work = Workspace::default();
    descriptor.values(center, &environment, &mut work, &mut values);
    assert!(values[3] > 1.0);
    assert!(values.iter().all(|v| v.is_finite()));
}

/// A weighted function is the sum of those of single elements.
#[test]
fn weighted_functions_are_weighted_sums() {
    let mut spec = gaussian_56(Cutoff::Cosine { radius: 6.0 });
    let radial =
        |neighbor: &str| SymmetryFunction::G2 { neighbor: neighbor.into(), eta: 2.0, rs: 0.5, cutoff: None };
    let mut functions = vec![SymmetryFunction::WeightedG2 { eta: 2.0, rs: 0.5, cutoff: None }];
    functions.extend(ELEMENTS.map(radial));
    spec.functions.values_mut().for_each(|list| list.clone_from(&functions));
    let descriptor = Gaussian::new(&spec).unwrap();
    let values = fingerprint(&random_crystal(5, 16), &descriptor, 0);
    let sum: f64 = [32.0, 3.0, 15.0, 16.0].iter().zip(&values[1..]).map(|(z, g)| z * g).sum();
    assert!((values[0] - sum).abs() < 1e-12 * sum);
}

#[test]
fn bad_specifications_say_what_is_wrong() {
    let message = |change: &dyn Fn(&mut GaussianSpec)| {
        let mut spec = mixed_spec();
        change(&mut spec);
        Gaussian::new(&spec).err().map(|e| e.to_string()).unwrap_or_default()
    };
    assert!(message(&|s| s.elements[0] = "Xx".into()).contains("Ge"));
    assert!(
        message(&|s| {
            s.functions.remove("Li");
        })
        .contains("center element Li")
    );
    assert!(message(&|s| s.cutoff = Cutoff::Cosine { radius: -1.0 }).contains("must be positive, got -1"));
    let negative = SymmetryFunction::G2 { neighbor: "Li".into(), eta: -1.0, rs: 0.0, cutoff: None };
    assert!(
        message(&|s| s.functions.get_mut("P").unwrap()[0] = negative.clone())
            .contains("symmetry function 0 of P: eta must be zero or positive, got -1")
    );
    let flat = Angular {
        neighbors: ["Li".into(), "S".into()],
        eta: 0.0,
        zeta: 0.5,
        gamma: 1.0,
        rs: 0.0,
        cutoff: None,
    };
    assert!(
        message(&|s| s.functions.get_mut("P").unwrap()[0] = SymmetryFunction::G4(flat.clone()))
            .contains("zeta must be at least 1, got 0.5")
    );
}
