//! Gaussian symmetry functions G2, G4 and G5, of single elements or summed over all with weights.
//!
//! Formulas and oracle: [`reference`]. Fast path: [`series`] and [`factor`] turn radial parts into polynomials of the
//! squared distance, [`angular`] groups functions by exponent and works with moments, [`scratch`] lays neighbors out
//! for SIMD.

mod angular;
mod exponential;
pub(super) mod factor;
mod fast_cutoff;
pub(super) mod function;
mod jacobian;
mod reference;
mod scratch;
mod series;

pub use function::{Feature, Function, Kind, Radial};
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
use jacobian::Jacobian;
use pulp::{Simd, WithSimd};
use scratch::{N_GRADIENT, vectors, vectors_mut};

/// Atom-centered symmetry functions for any set of elements.
#[derive(Debug, Clone)]
pub struct Gaussian {
    numbers: Vec<u8>,
    cutoff: f64,
    centers: Vec<Center>,
    level: Level,
}

/// Features of one center element, ordered for evaluation.
#[derive(Debug, Clone)]
struct Center {
    features: Vec<Feature>,
    /// Distinct radial factors.
    factors: Vec<Factor>,
    pairs: Vec<PairTerm>,
    groups: Vec<Group>,
    /// Feature, weight and function of what is evaluated by the formula (non-integer or very high `zeta`); one feature after
    /// the other.
    general: Vec<(usize, f64, Function)>,
    /// Features that depend on each neighbor element.
    support: Vec<Vec<u32>>,
}

/// G2 of one neighbor element.
#[derive(Debug, Clone)]
struct PairTerm {
    feature: usize,
    neighbor: usize,
    /// Index of the radial factor.
    factor: usize,
    weight: f64,
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
        let radii = centers.iter().flat_map(Center::terms).map(|(_, _, f)| f.radial.cutoff.radius());
        let cutoff = radii.fold(0.0, f64::max);
        Ok(Self { numbers, cutoff, centers, level: Level::detect()? })
    }

    /// The same descriptor with kernels for another instruction set.
    pub fn with_level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Features of a center element, in fingerprint order.
    pub fn features(&self, center: usize) -> &[Feature] {
        &self.centers[center].features
    }
}

impl Center {
    fn new(features: Vec<Feature>, n_elements: usize) -> Self {
        let support = (0..n_elements)
            .map(|e| (0..features.len() as u32).filter(|&f| features[f as usize].depends_on(e)).collect())
            .collect();
        let mut center =
            Self { features, factors: vec![], pairs: vec![], groups: vec![], general: vec![], support };
        for (feature, weight, function) in center.terms().collect::<Vec<_>>() {
            center.push(feature, weight, function);
        }
        center
    }

    /// Feature, weight and function of all terms.
    fn terms(&self) -> impl Iterator<Item = (usize, f64, Function)> + '_ {
        let features = self.features.iter().enumerate();
        features.flat_map(|(f, feature)| feature.terms.iter().map(move |&(weight, term)| (f, weight, term)))
    }

    fn push(&mut self, feature: usize, weight: f64, function: Function) {
        if let Kind::Triple { zeta, .. } = function.kind
            && (zeta.fract() != 0.0 || zeta > MAX_ZETA as f64)
        {
            self.general.push((feature, weight, function));
            return;
        }
        let factor = self.factors.iter().position(|f| f.radial == function.radial).unwrap_or_else(|| {
            self.factors.push(Factor::new(function.radial));
            self.factors.len() - 1
        });
        match function.kind {
            Kind::Pair { neighbor } => self.pairs.push(PairTerm { feature, neighbor, factor, weight }),
            Kind::Triple { zeta, gamma, .. } => {
                self.factors[factor].angular = true;
                let groups = &mut self.groups;
                let index = groups.iter().position(|g| g.accepts(&function, factor)).unwrap_or_else(|| {
                    groups.extend(Group::like(&function, factor));
                    groups.len() - 1
                });
                groups[index].push(feature, weight, zeta as usize, gamma);
            }
        }
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
        self.centers[center].features.len()
    }

    fn values(&self, center: usize, environment: &Environment, work: &mut Workspace, out: &mut [f64]) {
        let center = &self.centers[center];
        self.level.run(Values { center, environment, scratch: &mut work.gaussian, out });
        for (feature, weight, function) in &center.general {
            out[*feature] += weight * reference::value(function, environment);
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
        for (feature, weight, function) in &center.general {
            reference::add_gradient(function, environment, weight * dedg[*feature], gradient);
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
        out.fill(0.0);
        for &PairTerm { feature, neighbor, factor, weight } in &center.pairs {
            let values = vectors::<S>(&scratch.factors[factor].f[scratch.padded(neighbor)]);
            let sum = values.iter().fold(simd.splat_f64s(0.0), |sum, &f| simd.add_f64s(sum, f));
            out[feature] += weight * simd.reduce_sum_f64s(sum);
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
        for &PairTerm { feature, neighbor, factor, weight } in &center.pairs {
            let places = scratch.padded(neighbor);
            let weight = simd.splat_f64s(2.0 * weight * dedg[feature]);
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
