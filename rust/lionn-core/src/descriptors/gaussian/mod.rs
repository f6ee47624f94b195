//! Gaussian symmetry functions G2, G4 and G5.
//!
//! Formulas and oracle: [`reference`]. Fast path: [`series`] and [`factor`] turn radial parts into polynomials of the
//! squared distance, [`angular`] groups functions by exponent and works with moments, [`scratch`] lays neighbors out
//! for SIMD.

mod angular;
pub(super) mod factor;
pub(super) mod function;
mod reference;
mod scratch;
mod series;

pub use function::{Function, Kind, Radial};
pub use reference::ReferenceGaussian;
pub use scratch::Scratch;

use super::spec::GaussianSpec;
use super::{Descriptor, Environment, Workspace};
use crate::error::{Error, Result};
use crate::linalg::Vec3;
use crate::simd::{Level, MulAdd};
use crate::species::atomic_number;
use angular::{Group, MAX_ZETA};
use factor::Factor;
use pulp::{Simd, WithSimd};
use scratch::{N_GRADIENT, Triples, vectors, vectors_mut};

/// Atom-centered symmetry functions for any set of elements.
#[derive(Debug, Clone)]
pub struct Gaussian {
    numbers: Vec<u8>,
    cutoff: f64,
    centers: Vec<Center>,
    level: Level,
}

/// Functions of one center element, ordered for evaluation.
#[derive(Debug, Clone)]
struct Center {
    functions: Vec<Function>,
    /// Distinct radial factors.
    factors: Vec<Factor>,
    /// G2: feature, neighbor element, factor.
    pairs: Vec<(usize, usize, usize)>,
    groups: Vec<Group>,
    /// Features evaluated by the formula (non-integer or very high `zeta`).
    general: Vec<usize>,
    /// Features that depend on each neighbor element.
    support: Vec<Vec<u32>>,
}

impl Gaussian {
    /// Descriptor of a specification; elements are sorted by symbol.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for unknown or repeated elements, missing centers and parameters out of range, and
    /// as [`Level::detect`].
    pub fn new(spec: &GaussianSpec) -> Result<Self> {
        let mut elements = spec.elements.clone();
        elements.sort();
        if elements.is_empty() || elements.windows(2).any(|w| w[0] == w[1]) {
            return Err(Error::InvalidParameter(format!(
                "descriptor elements must be distinct and not empty, got {:?}",
                spec.elements
            )));
        }
        if let Some(extra) = spec.functions.keys().find(|&k| !elements.contains(k)) {
            return Err(Error::InvalidParameter(format!(
                "descriptor has functions for center element {extra}, which is not among {}",
                elements.join(", ")
            )));
        }
        spec.cutoff.validate()?;
        let numbers = elements.iter().map(|e| atomic_number(e)).collect::<Result<_>>()?;
        let centers = elements
            .iter()
            .map(|center| Ok(Center::new(function::resolve(spec, &elements, center)?, elements.len())))
            .collect::<Result<Vec<_>>>()?;
        let cutoff =
            centers.iter().flat_map(|c| &c.functions).map(|f| f.radial.cutoff.radius()).fold(0.0, f64::max);
        Ok(Self { numbers, cutoff, centers, level: Level::detect()? })
    }

    /// The same descriptor with kernels for another instruction set.
    pub fn with_level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Functions of a center element, in fingerprint order.
    pub fn functions(&self, center: usize) -> &[Function] {
        &self.centers[center].functions
    }
}

impl Center {
    fn new(functions: Vec<Function>, n_elements: usize) -> Self {
        let mut factors: Vec<Factor> = Vec::new();
        let mut pairs = Vec::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut general = Vec::new();
        for (feature, function) in functions.iter().enumerate() {
            if let Kind::Triple { zeta, .. } = function.kind
                && (zeta.fract() != 0.0 || zeta > MAX_ZETA as f64)
            {
                general.push(feature);
                continue;
            }
            let factor = factors.iter().position(|f| f.radial == function.radial).unwrap_or_else(|| {
                factors.push(Factor::new(function.radial));
                factors.len() - 1
            });
            match function.kind {
                Kind::Pair { neighbor } => pairs.push((feature, neighbor, factor)),
                Kind::Triple { zeta, gamma, .. } => {
                    factors[factor].angular = true;
                    let index =
                        groups.iter().position(|g| g.accepts(function, factor)).unwrap_or_else(|| {
                            groups.extend(Group::like(function, factor));
                            groups.len() - 1
                        });
                    groups[index].push(feature, zeta as usize, gamma);
                }
            }
        }
        let support = (0..n_elements)
            .map(|e| (0..functions.len() as u32).filter(|&f| functions[f as usize].depends_on(e)).collect())
            .collect();
        Self { functions, factors, pairs, groups, general, support }
    }
}

impl Descriptor for Gaussian {
    fn cutoff(&self) -> f64 {
        self.cutoff
    }

    fn elements(&self) -> &[u8] {
        &self.numbers
    }

    fn n_features(&self, center: usize) -> usize {
        self.centers[center].functions.len()
    }

    fn values(&self, center: usize, environment: &Environment, work: &mut Workspace, out: &mut [f64]) {
        let center = &self.centers[center];
        self.level.run(Values { center, environment, scratch: &mut work.gaussian, out });
        for &feature in &center.general {
            out[feature] = reference::value(&center.functions[feature], environment);
        }
    }

    fn contract(
        &self,
        center: usize,
        environment: &Environment,
        work: &mut Workspace,
        dedg: &[f64],
        gradient: &mut [Vec3],
    ) {
        let center = &self.centers[center];
        self.level.run(Contract { center, environment, scratch: &mut work.gaussian, dedg, gradient });
        for &feature in &center.general {
            reference::add_gradient(&center.functions[feature], environment, dedg[feature], gradient);
        }
    }

    fn support(&self, center: usize, neighbor: usize) -> &[u32] {
        &self.centers[center].support[neighbor]
    }

    fn jacobian(&self, center: usize, environment: &Environment, work: &mut Workspace, out: &mut Vec<Vec3>) {
        let center = &self.centers[center];
        self.level.run(Jacobian { center, environment, scratch: &mut work.gaussian, out });
    }
}

struct Values<'a> {
    center: &'a Center,
    environment: &'a Environment,
    scratch: &'a mut Scratch,
    out: &'a mut [f64],
}

impl WithSimd for Values<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { center, environment, scratch, out } = self;
        scratch.load(simd, environment, &center.factors, center.groups.len());
        for &(feature, neighbor, factor) in &center.pairs {
            let values = vectors::<S>(&scratch.factors[factor].f[scratch.padded(neighbor)]);
            let sum = values.iter().fold(simd.splat_f64s(0.0), |sum, &f| simd.add_f64s(sum, f));
            out[feature] = simd.reduce_sum_f64s(sum);
        }
        for (index, group) in center.groups.iter().enumerate() {
            let mut triples = std::mem::take(&mut scratch.triples[index]);
            group.values(simd, &center.factors[group.factor], scratch, &mut triples, out);
            scratch.triples[index] = triples;
        }
    }
}

struct Contract<'a> {
    center: &'a Center,
    environment: &'a Environment,
    scratch: &'a mut Scratch,
    dedg: &'a [f64],
    gradient: &'a mut [Vec3],
}

impl WithSimd for Contract<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { center, environment, scratch, dedg, gradient } = self;
        scratch.clear_gradient::<S>();
        for &(feature, neighbor, factor) in &center.pairs {
            let places = scratch.padded(neighbor);
            let weight = simd.splat_f64s(2.0 * dedg[feature]);
            let df = vectors::<S>(&scratch.factors[factor].df[places.clone()]);
            let vectors_of = places.start / S::F64_LANES..places.end / S::F64_LANES;
            let (gradient, _) = vectors_mut::<S>(&mut scratch.gradient).as_chunks_mut::<N_GRADIENT>();
            for ([alpha, ..], &df) in gradient[vectors_of].iter_mut().zip(df) {
                *alpha = simd.mul_add(weight, df, *alpha);
            }
        }
        for (index, group) in center.groups.iter().enumerate() {
            let triples = std::mem::take(&mut scratch.triples[index]);
            group.contract(simd, dedg, &triples, scratch);
            scratch.triples[index] = triples;
        }
        for e in 0..environment.ranges.len() - 1 {
            let range = environment.ranges[e]..environment.ranges[e + 1];
            scratch.write_gradient(simd, e, &mut gradient[range], 1);
        }
    }
}

struct Jacobian<'a> {
    center: &'a Center,
    environment: &'a Environment,
    scratch: &'a mut Scratch,
    out: &'a mut Vec<Vec3>,
}

impl WithSimd for Jacobian<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { center, environment, scratch, out } = self;
        let n_elements = environment.ranges.len() - 1;
        let starts: Vec<usize> = (0..n_elements)
            .scan(0, |start, e| {
                let here = *start;
                *start += (environment.ranges[e + 1] - environment.ranges[e]) * center.support[e].len();
                Some(here)
            })
            .collect();
        let total: usize = (0..n_elements)
            .map(|e| (environment.ranges[e + 1] - environment.ranges[e]) * center.support[e].len())
            .sum();
        out.clear();
        out.resize(total, [0.0; 3]);
        let column =
            |e: usize, feature: usize| center.support[e].partition_point(|&f| (f as usize) < feature);
        for &(feature, e, factor) in &center.pairs {
            let (width, column) = (center.support[e].len(), column(e, feature));
            for (n, place) in scratch.occupied(e).enumerate() {
                let slope = 2.0 * scratch.factors[factor].df[place];
                out[starts[e] + n * width + column] = scratch.position.each_ref().map(|x| slope * x[place]);
            }
        }
        let mut one_feature = vec![0.0; center.functions.len()];
        for (index, group) in center.groups.iter().enumerate() {
            let triples: Triples = std::mem::take(&mut scratch.triples[index]);
            for feature in group.features() {
                scratch.clear_gradient::<S>();
                one_feature[feature] = 1.0;
                group.contract(simd, &one_feature, &triples, scratch);
                one_feature[feature] = 0.0;
                for e in distinct(group.neighbors) {
                    let (width, column) = (center.support[e].len(), column(e, feature));
                    let first = (starts[e] + column).min(total);
                    scratch.write_gradient(simd, e, &mut out[first..], width);
                }
            }
            scratch.triples[index] = triples;
        }
        let mut gradient = vec![[0.0; 3]; if center.general.is_empty() { 0 } else { environment.len() }];
        for &feature in &center.general {
            gradient.fill([0.0; 3]);
            reference::add_gradient(&center.functions[feature], environment, 1.0, &mut gradient);
            for e in (0..n_elements).filter(|&e| center.functions[feature].depends_on(e)) {
                let (width, column) = (center.support[e].len(), column(e, feature));
                for (n, place) in (environment.ranges[e]..environment.ranges[e + 1]).enumerate() {
                    out[starts[e] + n * width + column] = gradient[place];
                }
            }
        }
    }
}

/// The one or two different elements of a pair.
fn distinct([a, b]: [usize; 2]) -> impl Iterator<Item = usize> {
    [Some(a), (a != b).then_some(b)].into_iter().flatten()
}
