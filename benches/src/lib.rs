//! Systems shared by the benchmarks: an LGPS-like crystal and a Gaussian-56 potential.
//!
//! The crystal has the cell, composition and density of Li20Ge2P4S24 and atoms at random places no closer than 2 Å, so
//! every atom sees about 58 neighbors within 6.5 Å, as in the real one.

use lionn_core::descriptors::{Cutoff, DescriptorSpec, GaussianSpec, sets};
use lionn_core::linalg::{Vec3, row_times};
use lionn_core::neighbors::NeighborList;
use lionn_core::network::{Activation, FeedForward};
use lionn_core::potential::{ElementModel, NeuralPotential, Scaling};
use lionn_core::{Cell, System};

/// Lattice vectors of the 50-atom LGPS cell, Å.
const CELL: [Vec3; 3] = [[8.59, 0.0, 0.0], [-0.04, 8.88, 0.0], [-0.15, -0.45, 12.97]];
/// Repeats that give 50, 400 and 3200 atoms.
pub const REPEATS: [[usize; 3]; 3] = [[1, 1, 1], [2, 2, 2], [4, 4, 4]];

/// Uniform numbers in [0, 1) from a linear congruential generator: the benchmarks need no better ones.
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The crystal, repeated along the three lattice vectors.
pub fn lgps(repeats: [usize; 3]) -> System {
    let mut random = Uniform(7);
    let cell = Cell::new(CELL, [true; 3]).expect("the cell is regular");
    let mut numbers = vec![3u8; 20];
    numbers.extend([32; 2]);
    numbers.extend([15; 4]);
    numbers.extend([16; 24]);
    let mut unit = System::new(cell, Vec::new(), Vec::new()).expect("an empty system is valid");
    for number in numbers {
        loop {
            let place = row_times([random.next(), random.next(), random.next()], &CELL);
            unit.numbers.push(number);
            unit.positions.push(place);
            let last = unit.n_atoms() - 1;
            let free = NeighborList::build(&unit, 2.0).is_ok_and(|list| list.of(last).is_empty());
            if free {
                break;
            }
            unit.numbers.pop();
            unit.positions.pop();
        }
    }
    let mut system = System {
        cell: Cell::new(std::array::from_fn(|a| CELL[a].map(|x| x * repeats[a] as f64)), [true; 3])
            .expect("the cell is regular"),
        numbers: Vec::new(),
        positions: Vec::new(),
    };
    for a in 0..repeats[0] {
        for b in 0..repeats[1] {
            for c in 0..repeats[2] {
                let shift = row_times([a as f64, b as f64, c as f64], &CELL);
                system.numbers.extend(&unit.numbers);
                system.positions.extend(unit.positions.iter().map(|x| {
                    // A little noise makes the copies different.
                    std::array::from_fn::<f64, 3, _>(|k| x[k] + shift[k] + 0.05 * (random.next() - 0.5))
                }));
            }
        }
    }
    system
}

/// AMP's default functions of Ge, Li, P, S with a cosine cutoff of 6.5 Å.
pub fn gaussian_56() -> GaussianSpec {
    let elements = ["Ge", "Li", "P", "S"].map(String::from);
    sets::amp_default(&elements, Cutoff::Cosine { radius: 6.5 }, sets::AMP_RADIAL_EXPONENTS)
}

/// Gaussian-56 with hidden layers (5, 5) and arbitrary smooth weights.
pub fn potential() -> NeuralPotential {
    let descriptor = DescriptorSpec::Gaussian(gaussian_56()).build().expect("the default set is valid");
    let models: Vec<ElementModel> = (0..4)
        .map(|e| {
            let n = descriptor.n_features(e);
            let activations = vec![Activation::Tanh, Activation::Tanh, Activation::Linear];
            ElementModel {
                scaling: Scaling::min_max(vec![0.0; n], vec![4.0; n]).expect("ranges are valid"),
                network: FeedForward::new(vec![n, 5, 5, 1], activations).expect("topology is valid"),
            }
        })
        .collect();
    let n_weights: usize = models.iter().map(|m| m.network.n_parameters()).sum();
    let mut parameters: Vec<f64> = (0..n_weights).map(|k| 0.3 * (1.7 * k as f64).sin()).collect();
    parameters.extend([-4.0, 1.0].repeat(4));
    NeuralPotential::new(descriptor, models, parameters).expect("the parts fit together")
}
