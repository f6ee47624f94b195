//! Values and contraction of many kinds of descriptors in 50-atom LGPS, one thread: symmetry functions of every kind,
//! grouped or not, against the plain formulas; Zernike moments; power spectra. Divide by the number of elements for the
//! time per atom.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lionn_benches::{gaussian_56, lgps};
use lionn_core::descriptors::gaussian::ReferenceGaussian;
use lionn_core::descriptors::{
    Angular, Cutoff, DensityCorrelations, Descriptor, Environment, Gaussian, GaussianSpec, PowerSpectrumSpec,
    SymmetryFunction, Workspace, ZernikeSpec, element_indices,
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

/// Zernike moments and power spectra by name.
fn densities() -> Vec<(String, DensityCorrelations)> {
    let elements = ["Ge", "Li", "P", "S"].map(String::from).to_vec();
    let cutoff = Cutoff::Cosine { radius: 6.5 };
    let mut found = Vec::new();
    for (n_max, n_features) in [(5, 12), (7, 20), (12, 49)] {
        for resolved in [false, true] {
            let spec = ZernikeSpec { elements: elements.clone(), cutoff, n_max, resolved, weights: None };
            let name = format!("zernike_{n_features}{}", if resolved { "_resolved" } else { "" });
            found.push((name, spec.build().expect("the orders are valid")));
        }
    }
    for (n_radial, l_max, n_channels, bispectrum_l_max) in
        [(8, 3, 4, 0), (8, 4, 6, 0), (8, 4, 6, 3), (10, 4, 12, 0)]
    {
        let entry = |l: usize, k: usize, c: usize| ((7 * l + 3 * k + c * c) as f64 * 0.61).sin();
        let matrix = |l: usize| -> Vec<Vec<f64>> {
            (0..n_channels).map(|k| (0..4 * n_radial).map(|c| entry(l, k, c)).collect()).collect()
        };
        let contraction: Vec<_> = (0..=l_max).map(matrix).collect();
        let contraction = elements.iter().map(|e| (e.clone(), contraction.clone())).collect();
        let spec = PowerSpectrumSpec {
            elements: elements.clone(),
            cutoff,
            n_radial,
            l_max,
            bispectrum_l_max,
            contraction: Some(contraction),
        };
        let cubic = if bispectrum_l_max > 0 { "_bispectrum" } else { "" };
        let name = format!("power_spectrum_{n_radial}_radial_l_{l_max}_{n_channels}_channels{cubic}");
        found.push((name, spec.build().expect("the contraction is valid")));
    }
    found
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
    for (name, descriptor) in densities() {
        measure(c, &name, &descriptor);
    }
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
