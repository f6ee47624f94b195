//! Values and contraction of many kinds of sets of functions in 50-atom LGPS, one thread: every function integer or not,
//! grouped or not, is measured against the plain formulas. Divide by the number of elements for the time per atom.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lionn_benches::{gaussian_56, lgps};
use lionn_core::descriptors::gaussian::ReferenceGaussian;
use lionn_core::descriptors::{
    Angular, Cutoff, Descriptor, Environment, Gaussian, GaussianSpec, SymmetryFunction, Workspace,
    element_indices,
};
use lionn_core::neighbors::NeighborList;

/// Gaussian-56 with every angular function replaced by others, by its index among the functions of an element.
fn with_angular(change: impl Fn(usize, Angular) -> Vec<SymmetryFunction>) -> GaussianSpec {
    let mut spec = gaussian_56();
    for functions in spec.functions.values_mut() {
        *functions = functions
            .drain(..)
            .enumerate()
            .flat_map(|(k, function)| match function {
                SymmetryFunction::G4(angular) => change(k, angular),
                other => vec![other],
            })
            .collect();
    }
    spec
}

/// Sets by name.
fn sets() -> Vec<(&'static str, GaussianSpec)> {
    use SymmetryFunction::{G4, G5};
    let polynomial = Cutoff::Polynomial { radius: 6.5, gamma: 4.0 };
    let short = Some(Cutoff::Cosine { radius: 4.5 });
    vec![
        ("gaussian_56", gaussian_56()),
        ("g4_cutoff_4.5A", with_angular(|_, a| vec![G4(Angular { cutoff: short, ..a })])),
        ("g5_for_g4", with_angular(|_, a| vec![G5(a)])),
        ("g4_rs_0.5A", with_angular(|_, a| vec![G4(Angular { rs: 0.5, ..a })])),
        ("polynomial_cutoff", GaussianSpec { cutoff: polynomial, ..gaussian_56() }),
        (
            "zeta_1_2_4_16_96_functions",
            with_angular(|_, a| {
                let zeta = if a.zeta == 1.0 { 2.0 } else { 16.0 };
                vec![G4(a.clone()), G4(Angular { zeta, ..a })]
            }),
        ),
        ("two_eta_96_functions", with_angular(|_, a| vec![G4(a.clone()), G4(Angular { eta: 4.0, ..a })])),
        // Exponents that differ in the sixth digit: no two functions share a factor.
        (
            "gaussian_56_not_grouped",
            with_angular(|k, a| vec![G4(Angular { eta: a.eta * (1.0 + 1e-6 * k as f64), ..a })]),
        ),
    ]
}

fn measure(c: &mut Criterion, name: &str, descriptor: &dyn Descriptor) {
    let system = lgps([1, 1, 1]);
    let list = NeighborList::build(&system, descriptor.cutoff()).expect("the crystal is valid");
    let element_of = element_indices(descriptor.elements(), &system.numbers).expect("elements are known");
    let n_features = descriptor.n_features(0);
    let (mut values, dedg) = (vec![0.0; n_features], vec![0.1; n_features]);
    let (mut environment, mut work) = (Environment::default(), Workspace::default());
    let mut gradient = Vec::new();
    let mut group = c.benchmark_group("functions");
    group.throughput(Throughput::Elements(system.n_atoms() as u64));
    group.bench_function(name, |b| {
        b.iter(|| {
            for (i, &element) in element_of.iter().enumerate() {
                environment.fill(&system, i, list.of(i), descriptor.cutoff(), &element_of, 4);
                gradient.resize(environment.len(), [0.0; 3]);
                descriptor.values(usize::from(element), &environment, &mut work, &mut values);
                descriptor.contract(usize::from(element), &environment, &mut work, &dedg, &mut gradient);
            }
            gradient[0]
        });
    });
}

fn functions(c: &mut Criterion) {
    for (name, spec) in sets() {
        measure(c, name, &Gaussian::new(&spec).expect("the set is valid"));
    }
    let fast = Gaussian::new(&gaussian_56()).expect("the set is valid");
    measure(c, "gaussian_56_plain_formulas", &ReferenceGaussian(fast));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(std::time::Duration::from_secs(2));
    targets = functions
}
criterion_main!(benches);
