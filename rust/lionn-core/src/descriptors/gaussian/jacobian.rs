//! Derivatives of every feature with respect to every neighbor.

use super::super::Environment;
use super::scratch::Scratch;
use super::{Center, PairTerm, reference};
use crate::linalg::Vec3;
use pulp::{Simd, WithSimd};

/// Kernel of [`super::super::Descriptor::jacobian`].
pub(super) struct Jacobian<'a> {
    pub center: &'a Center,
    pub environment: &'a Environment,
    pub scratch: &'a mut Scratch,
    pub out: &'a mut Vec<Vec3>,
}

/// Where the derivatives of the neighbors of each element start.
struct Places<'a> {
    center: &'a Center,
    starts: Vec<usize>,
    total: usize,
}

impl Places<'_> {
    /// First place and distance of places of a feature for the neighbors of element `e`.
    fn of(&self, e: usize, feature: usize) -> (usize, usize) {
        let support = &self.center.support[e];
        let column = support.partition_point(|&f| (f as usize) < feature);
        // Without neighbors of the element there is no place at all.
        ((self.starts[e] + column).min(self.total), support.len())
    }
}

impl WithSimd for Jacobian<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { center, environment, scratch, out } = self;
        let n_elements = environment.ranges.len() - 1;
        let mut places = Places { center, starts: Vec::with_capacity(n_elements), total: 0 };
        for e in 0..n_elements {
            places.starts.push(places.total);
            places.total += (environment.ranges[e + 1] - environment.ranges[e]) * center.support[e].len();
        }
        out.clear();
        out.resize(places.total, [0.0; 3]);
        for &PairTerm { feature, neighbor, factor, weight } in &center.pairs {
            let (first, width) = places.of(neighbor, feature);
            for (n, place) in scratch.occupied(neighbor).enumerate() {
                let slope = 2.0 * weight * scratch.factors[factor].df[place];
                out[first + n * width] = scratch.position.each_ref().map(|x| slope * x[place]);
            }
        }
        let mut one_feature = vec![0.0; center.features.len()];
        for (index, group) in center.groups.iter().enumerate() {
            let triples = std::mem::take(&mut scratch.triples[index]);
            for feature in group.features().filter(|&f| !center.is_sum(f)) {
                scratch.clear_gradient::<S>();
                one_feature[feature] = 1.0;
                group.contract(simd, &one_feature, &triples, scratch);
                one_feature[feature] = 0.0;
                for e in distinct(group.neighbors) {
                    let (first, width) = places.of(e, feature);
                    scratch.write_gradient(simd, e, &mut out[first..], width);
                }
            }
            scratch.triples[index] = triples;
        }
        for feature in center.sums_of_groups() {
            scratch.clear_gradient::<S>();
            one_feature[feature] = 1.0;
            for (index, group) in center.groups.iter().enumerate() {
                let triples = std::mem::take(&mut scratch.triples[index]);
                if group.features().any(|f| f == feature) {
                    group.contract(simd, &one_feature, &triples, scratch);
                }
                scratch.triples[index] = triples;
            }
            one_feature[feature] = 0.0;
            for e in 0..n_elements {
                let (first, width) = places.of(e, feature);
                scratch.write_gradient(simd, e, &mut out[first..], width);
            }
        }
        add_general(&places, environment, out);
    }
}

impl Center {
    /// Whether a feature has several terms.
    fn is_sum(&self, feature: usize) -> bool {
        self.features[feature].terms.len() > 1
    }

    /// Features with several terms in groups.
    fn sums_of_groups(&self) -> impl Iterator<Item = usize> + '_ {
        let grouped = |f: usize| self.groups.iter().any(|g| g.features().any(|other| other == f));
        (0..self.features.len()).filter(move |&f| self.is_sum(f) && grouped(f))
    }
}

/// Adds the derivatives of the features that are evaluated by the formula.
fn add_general(places: &Places<'_>, environment: &Environment, out: &mut [Vec3]) {
    let Places { center, .. } = places;
    let mut gradient = vec![[0.0; 3]; if center.general.is_empty() { 0 } else { environment.len() }];
    for terms in center.general.chunk_by(|a, b| a.0 == b.0) {
        let feature = terms[0].0;
        gradient.fill([0.0; 3]);
        for (_, weight, function) in terms {
            reference::add_gradient(function, environment, *weight, &mut gradient);
        }
        for e in (0..environment.ranges.len() - 1).filter(|&e| center.features[feature].depends_on(e)) {
            let (first, width) = places.of(e, feature);
            for (n, place) in (environment.ranges[e]..environment.ranges[e + 1]).enumerate() {
                out[first + n * width] = gradient[place];
            }
        }
    }
}

/// The one or two different elements of a pair.
fn distinct([a, b]: [usize; 2]) -> impl Iterator<Item = usize> {
    [Some(a), (a != b).then_some(b)].into_iter().flatten()
}
