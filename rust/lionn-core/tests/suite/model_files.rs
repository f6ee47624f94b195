//! A potential file has the lowest version that can hold it: earlier software reads what it understands, and says of the
//! rest that it is too old.

use crate::common::evaluate;
use lionn_core::descriptors::DescriptorSpec;
use lionn_core::model_file::{Model, ModelFile};
use lionn_core::network::{Activation, FeedForward};
use lionn_core::potential::{CommitteePotential, ElementModel, NeuralPotential, Scaling, TrainingRange};
use lionn_core::{Cell, System};
use serde_json::{Value, json};

/// What the readers of versions 1 and 2 understand, frozen: types as they were when the next version came.
#[allow(dead_code, reason = "only whether it can be read matters")]
mod earlier {
    use serde::Deserialize;
    use std::collections::BTreeMap;

    pub type Unread = serde::de::IgnoredAny;

    /// Version 1.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct One {
        format: String,
        version: u32,
        units: BTreeMap<String, String>,
        elements: Vec<String>,
        descriptor: OneDescriptor,
        networks: BTreeMap<String, Network>,
        #[serde(default)]
        repulsion: Vec<Unread>,
        metadata: Unread,
    }

    /// Version 2.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Two {
        format: String,
        version: u32,
        units: BTreeMap<String, String>,
        elements: Vec<String>,
        descriptor: TwoDescriptor,
        networks: Networks,
        #[serde(default)]
        repulsion: Vec<Unread>,
        spread_scale: Option<Unread>,
        training_range: Option<BTreeMap<String, Unread>>,
        metadata: Unread,
    }

    #[derive(Deserialize)]
    #[serde(tag = "type", rename_all = "lowercase")]
    pub enum OneDescriptor {
        Gaussian(Gaussian),
    }

    #[derive(Deserialize)]
    #[serde(tag = "type", rename_all = "lowercase")]
    pub enum TwoDescriptor {
        Gaussian(Gaussian),
        Zernike(Zernike),
        PowerSpectrum(PowerSpectrum),
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    pub enum Networks {
        One(BTreeMap<String, Network>),
        Committee(Vec<BTreeMap<String, Network>>),
    }

    #[derive(Deserialize)]
    #[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
    pub enum Cutoff {
        Cosine { radius: f64 },
        Polynomial { radius: f64, gamma: f64 },
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Gaussian {
        elements: Vec<String>,
        cutoff: Cutoff,
        eta_unit: Option<String>,
        functions: BTreeMap<String, Vec<Function>>,
    }

    #[derive(Deserialize)]
    #[serde(tag = "type", deny_unknown_fields)]
    pub enum Function {
        G2 { neighbor: String, eta: f64, rs: Option<f64>, cutoff: Option<Cutoff> },
        G4(Angular),
        G5(Angular),
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Angular {
        neighbors: [String; 2],
        eta: f64,
        zeta: f64,
        gamma: f64,
        rs: Option<f64>,
        cutoff: Option<Cutoff>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Zernike {
        elements: Vec<String>,
        cutoff: Cutoff,
        n_max: usize,
        resolved: bool,
        weights: Option<BTreeMap<String, f64>>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct PowerSpectrum {
        elements: Vec<String>,
        cutoff: Cutoff,
        n_radial: usize,
        l_max: usize,
        bispectrum_l_max: Option<usize>,
        contraction: Option<BTreeMap<String, Vec<Vec<Vec<f64>>>>>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Network {
        min: Vec<f64>,
        max: Vec<f64>,
        activations: Vec<Activation>,
        weights: Vec<Vec<Vec<f64>>>,
        intercept: f64,
        slope: f64,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum Activation {
        Tanh,
        Sigmoid,
        Linear,
    }
}

/// The file is read back to the same energy, and exactly the readers of its version and later ones understand it.
fn check(file: &ModelFile, potential: &NeuralPotential, what: &str) -> u32 {
    let text = serde_json::to_string(file).unwrap();
    let back = ModelFile::parse(&text).unwrap();
    assert_eq!(&back, file, "{what}");
    let rebuilt = match back.build().unwrap() {
        Model::One(rebuilt) => rebuilt,
        Model::Committee(committee) => committee.members()[0].clone(),
    };
    let positions = vec![[0.0; 3], [2.1, 0.3, 0.2], [0.4, 2.3, 0.9]];
    let system = System::new(Cell::open(), vec![3, 16, 3], positions).unwrap();
    assert_eq!(evaluate(&rebuilt, &system).energy, evaluate(potential, &system).energy, "{what}");
    let reads = [
        serde_json::from_str::<earlier::One>(&text).is_ok(),
        serde_json::from_str::<earlier::Two>(&text).is_ok(),
    ];
    assert_eq!(reads, [file.version <= 1, file.version <= 2], "{what}: version {}", file.version);
    file.version
}

fn potential(spec: &DescriptorSpec, hidden: Activation) -> NeuralPotential {
    let descriptor = spec.build().unwrap();
    let models: Vec<ElementModel> = (0..2)
        .map(|e| {
            let n = descriptor.n_features(e);
            let network = FeedForward::new(vec![n, 2, 1], vec![hidden, Activation::Linear]).unwrap();
            ElementModel { scaling: Scaling::min_max(vec![-1.0; n], vec![2.0; n]).unwrap(), network }
        })
        .collect();
    let n = models.iter().map(|m| m.network.n_parameters() + 2).sum::<usize>();
    let parameters = (0..n).map(|k| (k as f64 * 0.7).sin()).collect();
    NeuralPotential::new(descriptor, models, parameters).unwrap()
}

/// Version of the file of one potential with the descriptor; its committee is of version 2 at least.
fn version(descriptor: Value, hidden: Activation) -> u32 {
    let what = format!("{descriptor} {hidden:?}");
    let spec: DescriptorSpec = serde_json::from_value(descriptor).unwrap();
    let one = potential(&spec, hidden);
    let committee = CommitteePotential::new(vec![one.clone(), one.clone()]).unwrap();
    let version = check(&ModelFile::of(&one, spec.clone(), Value::Null), &one, &what);
    let of_committee = check(&ModelFile::of_committee(&committee, spec, Value::Null), &one, &what);
    assert_eq!(of_committee, version.max(2), "{what}");
    version
}

fn gaussian(cutoff: Value, own: Option<Value>) -> Value {
    let mut g4 =
        json!({"type": "G4", "neighbors": ["Li", "S"], "eta": 0.1, "zeta": 2.0, "gamma": -1.0, "rs": 0.5});
    if let Some(own) = own {
        g4["cutoff"] = own;
    }
    let g5 = json!({"type": "G5", "neighbors": ["S", "S"], "eta": 0.1, "zeta": 1.5, "gamma": 1.0});
    let g2 = json!({"type": "G2", "neighbor": "Li", "eta": 0.4, "rs": 1.0});
    let functions = json!([g2, g4, g5]);
    json!({
        "type": "gaussian", "elements": ["Li", "S"], "cutoff": cutoff, "eta_unit": "1/A^2",
        "functions": {"Li": functions, "S": functions},
    })
}

fn zernike(weights: Option<Value>) -> Value {
    let mut spec = json!({
        "type": "zernike", "elements": ["Li", "S"], "cutoff": {"type": "cosine", "radius": 5.0}, "n_max": 3, "resolved": true,
    });
    if let Some(weights) = weights {
        spec["weights"] = weights;
    }
    spec
}

fn power_spectrum(cutoff: Value) -> Value {
    json!({"type": "powerspectrum", "elements": ["Li", "S"], "cutoff": cutoff, "n_radial": 2, "l_max": 2, "bispectrum_l_max": 2})
}

fn cosine() -> Value {
    json!({"type": "cosine", "radius": 5.0})
}

fn later_cutoffs() -> Vec<Value> {
    let mut all = vec![
        json!({"type": "tanh", "radius": 5.0, "normalized": true}),
        json!({"type": "tanh", "radius": 5.0, "normalized": false}),
        json!({"type": "hard", "radius": 5.0}),
    ];
    for shape in ["cosine", "exponential", "cubic", "quintic", "septic", "nonic"] {
        all.push(json!({"type": "switch", "radius": 5.0, "inner": 0.5, "shape": shape}));
        all.push(json!({"type": "switch", "radius": 5.0, "shape": shape}));
    }
    all
}

#[test]
fn gaussian_descriptors() {
    let tanh = Activation::Tanh;
    assert_eq!(version(gaussian(cosine(), None), tanh), 1);
    let polynomial = json!({"type": "polynomial", "radius": 5.0, "gamma": 4.0});
    assert_eq!(version(gaussian(polynomial.clone(), None), tanh), 1);
    assert_eq!(version(gaussian(cosine(), Some(polynomial)), tanh), 1);
    for later in later_cutoffs() {
        assert_eq!(version(gaussian(later.clone(), None), tanh), 3);
        // One function with such a cutoff of its own is enough.
        assert_eq!(version(gaussian(cosine(), Some(later)), tanh), 3);
    }
    for function in [
        json!({"type": "WeightedG2", "eta": 0.4, "rs": 1.0}),
        json!({"type": "WeightedG4", "eta": 0.1, "zeta": 2.0, "gamma": 1.0}),
    ] {
        let mut spec = gaussian(cosine(), None);
        spec["functions"]["S"].as_array_mut().unwrap().push(function);
        assert_eq!(version(spec, tanh), 3);
    }
}

#[test]
fn density_descriptors() {
    let tanh = Activation::Tanh;
    assert_eq!(version(zernike(None), tanh), 2);
    assert_eq!(version(zernike(Some(json!({"Li": 1.0, "S": 2.0}))), tanh), 2);
    let by_center = json!({"Li": {"Li": 1.0, "S": 2.0}, "S": {"Li": 1.0, "S": -1.0}});
    assert_eq!(version(zernike(Some(by_center)), tanh), 3);
    assert_eq!(version(power_spectrum(cosine()), tanh), 2);
    let mut contracted = power_spectrum(cosine());
    let rows = vec![vec![vec![0.5; 4]; 2]; 3];
    contracted["contraction"] = json!({"Li": rows, "S": rows});
    assert_eq!(version(contracted, tanh), 2);
    for later in later_cutoffs() {
        assert_eq!(version(power_spectrum(later.clone()), tanh), 3);
        let mut spec = zernike(None);
        spec["cutoff"] = later;
        assert_eq!(version(spec, tanh), 3);
    }
}

#[test]
fn activations_and_training_ranges() {
    for activation in Activation::ALL {
        use Activation::{Linear, Sigmoid, Tanh};
        let expected = if matches!(activation, Tanh | Sigmoid | Linear) { 1 } else { 3 };
        assert_eq!(version(gaussian(cosine(), None), activation), expected);
    }
    let spec: DescriptorSpec = serde_json::from_value(gaussian(cosine(), None)).unwrap();
    let one = potential(&spec, Activation::Tanh);
    let range = TrainingRange {
        n_environments: 4,
        center: vec![0.0; 3],
        width: vec![1.0; 3],
        directions: vec![],
        variance: vec![],
        noise: 0.1,
        largest: 1.0,
        quantiles: [0.1, 0.2, 0.3],
    };
    let judged = one.clone().with_range(Some(vec![range; 2])).unwrap();
    assert_eq!(check(&ModelFile::of(&judged, spec, Value::Null), &one, "with a training range"), 2);
}
