//! Loss, gradient and predictions of a training set.
//!
//! Every image is streamed through the caches once: networks forward and backward, forces and stress from the
//! derivatives of the fingerprints (transposed product), residuals, the product of the derivatives with the residuals, and
//! the parameter gradient by [`super::double_backward`].
//!
//! Images are grouped in chunks that depend on the data only; partial sums are added in the order of the chunks, and
//! all products use a fixed number of partial sums without fused operations. Loss and gradient therefore have the same
//! bits for any number of threads and, from the same derivatives of the fingerprints, any instruction set.

use super::double_backward::ElementNetwork;
use super::jacobian::{Jacobian, VOIGT};
use super::loss::{LossReport, LossSums, LossWeights};
use super::prepare::Prepared;
use super::set::TrainingSet;
use super::work::{Derivatives, Work};
use crate::error::{Error, Result};
use crate::linalg::{Mat3, Vec3};
use crate::potential::NeuralPotential;
use crate::simd::Level;
use crate::species::symbol;
use rayon::prelude::*;
use std::ops::Range;

/// How often each Voigt component occurs in the full tensor.
pub(super) const MULTIPLICITY: [f64; 6] = [1.0, 1.0, 1.0, 2.0, 2.0, 2.0];

/// Energy, forces and stress that a model gives for one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Energy, eV.
    pub energy: f64,
    /// Forces, eV/Å; empty if the set was prepared without them.
    pub forces: Vec<Vec3>,
    /// Stress, eV/Å³; `None` if the set was prepared without it.
    pub stress: Option<Mat3>,
}

/// What the networks need to know about one evaluation.
pub(super) struct Context<'a> {
    pub set: &'a TrainingSet,
    pub potential: &'a NeuralPotential,
    pub networks: Vec<ElementNetwork>,
    pub level: Level,
}

impl TrainingSet {
    /// Loss of all images (without short-range repulsion, which belongs to distances outside the set) and, if asked for,
    /// its gradient with respect to all parameters (flat order of [`crate::network::ParameterLayout`]). A longer
    /// gradient gets the derivatives with respect to [`Descriptor::n_parameters`] of every center behind them.
    ///
    /// # Errors
    /// [`Error::Simulation`] naming image and atom if an energy or force is not finite, [`Error::Shape`] for
    /// a gradient of the wrong length, [`Error::InvalidParameter`] for loss weights out of range or a potential with
    /// another descriptor.
    pub fn evaluate(
        &self,
        potential: &NeuralPotential,
        weights: &LossWeights,
        gradient: Option<&mut [f64]>,
    ) -> Result<LossReport> {
        self.evaluate_chunks(potential, weights, &self.chunks, |k| k, 1.0, gradient)
    }

    /// As [`TrainingSet::evaluate`] for the images `selection` alone.
    ///
    /// The penalty on the weights counts as spread evenly over all images: sums over a partition of the images are
    /// those over all of them.
    ///
    /// # Errors
    /// As [`TrainingSet::evaluate`]; [`Error::InvalidParameter`] for an empty selection or an image that does not exist.
    pub fn evaluate_selection(
        &self,
        potential: &NeuralPotential,
        weights: &LossWeights,
        selection: &[usize],
        gradient: Option<&mut [f64]>,
    ) -> Result<LossReport> {
        self.check_selection(selection)?;
        let chunks = self.selection_chunks(selection);
        let share = selection.len() as f64 / self.n_images() as f64;
        self.evaluate_chunks(potential, weights, &chunks, |k| selection[k], share, gradient)
    }

    /// Sums over the images `image(k)` for the `k` of all `chunks`, with a `share` of the penalty on the weights.
    fn evaluate_chunks(
        &self,
        potential: &NeuralPotential,
        weights: &LossWeights,
        chunks: &[Range<usize>],
        image: impl Fn(usize) -> usize + Sync,
        share: f64,
        gradient: Option<&mut [f64]>,
    ) -> Result<LossReport> {
        weights.check()?;
        let weights = &LossWeights { l2: share * weights.l2, ..*weights };
        let context = self.context(potential)?;
        let n_parameters = potential.parameters().len();
        let n_learned = potential.n_descriptor_parameters();
        let length = gradient.as_ref().map_or(0, |out| out.len());
        if gradient.is_some() && length != n_parameters && length != n_parameters + n_learned {
            return Err(Error::shape("gradient", format!("({n_parameters},)"), format!("({length},)")));
        }
        let wanted = gradient.is_some();
        let partials: Vec<(LossSums, Vec<f64>)> = chunks
            .par_iter()
            .map_init(
                || self.works.take(),
                |work, chunk| {
                    let mut sums = LossSums::default();
                    let mut partial = vec![0.0; length];
                    for k in chunk.clone() {
                        let target = wanted.then_some(&mut partial[..]);
                        sums.add(&context.image(image(k), weights, target, work)?);
                    }
                    Ok((sums, partial))
                },
            )
            .collect::<Result<_>>()?;
        let mut sums = LossSums::default();
        for (partial, _) in &partials {
            sums.add(partial);
        }
        let squares = |range: Range<usize>| potential.parameters()[range].iter().map(|w| w * w).sum::<f64>();
        let l2_sum: f64 = weight_ranges(potential).into_iter().map(squares).sum();
        if let Some(out) = gradient {
            let (_, total) = partials
                .into_iter()
                .reduce(|(s, mut a), (_, b)| {
                    a.iter_mut().zip(&b).for_each(|(a, b)| *a += b);
                    (s, a)
                })
                .unwrap_or_default();
            context.finish_gradient(&total, weights, out);
        }
        Ok(sums.report(weights.l2 * l2_sum))
    }

    /// Energies, forces and stresses of all images, in order, with the short-range repulsion of the potential.
    ///
    /// # Errors
    /// As [`TrainingSet::evaluate`].
    pub fn predict(&self, potential: &NeuralPotential) -> Result<Vec<Prediction>> {
        let context = self.context(potential)?;
        let per_chunk: Vec<Vec<Prediction>> = self
            .chunks
            .par_iter()
            .map_init(
                || self.works.take(),
                |work, chunk| chunk.clone().map(|index| context.predict(index, work)).collect::<Result<_>>(),
            )
            .collect::<Result<_>>()?;
        Ok(per_chunk.into_iter().flatten().collect())
    }

    pub(super) fn context<'a>(&'a self, potential: &'a NeuralPotential) -> Result<Context<'a>> {
        let descriptor = potential.descriptor();
        let known = self.descriptor.elements();
        let same_lengths =
            || (0..known.len()).all(|e| descriptor.n_features(e) == self.descriptor.n_features(e));
        if descriptor.elements() != known || !same_lengths() {
            return Err(Error::InvalidParameter(
                "the potential's descriptor differs from the one the images were prepared with".to_owned(),
            ));
        }
        let layout = potential.layout();
        let parameters = potential.parameters();
        let networks = potential.elements().iter().enumerate().map(|(e, element)| {
            let (intercept, slope) = (parameters[layout.intercept(e)], parameters[layout.slope(e)]);
            ElementNetwork::new(element, &parameters[layout.network(e)], intercept, slope)
        });
        Ok(Context { set: self, potential, networks: networks.collect(), level: Level::detect()? })
    }
}

/// Weights without biases, slopes and intercepts: ranges of the flat parameter vector.
pub(super) fn weight_ranges(potential: &NeuralPotential) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for (e, element) in potential.elements().iter().enumerate() {
        let start = potential.layout().network(e).start;
        let network = &element.network;
        for (width, offset) in network.widths().windows(2).zip(network.layer_offsets()) {
            ranges.push(start + offset..start + offset + width[0] * width[1]);
        }
    }
    ranges
}

impl Context<'_> {
    /// Where the parameters inside the descriptor that belong to a center stand in a gradient that includes them: behind
    /// all others.
    fn descriptor_start(&self, center: usize) -> usize {
        let descriptor = self.potential.descriptor();
        self.potential.parameters().len() + (0..center).map(|e| descriptor.n_parameters(e)).sum::<usize>()
    }

    /// Loss sums of one image; adds its parameter gradient to `gradient`.
    fn image(
        &self,
        index: usize,
        weights: &LossWeights,
        gradient: Option<&mut [f64]>,
        work: &mut Work,
    ) -> Result<LossSums> {
        let prepared = &self.set.images[index];
        let fresh = self.fresh_jacobian(index, work)?;
        let derivatives = prepared.derivatives(fresh.as_ref());
        let sums = self.level.run(|| {
            self.forward(prepared, derivatives, work);
            let (sums, c, q) = self.residuals(prepared, weights, work);
            if let Some(gradient) = gradient {
                self.backward(prepared, derivatives, c, q, weights, work, gradient);
            }
            sums
        });
        if !(sums.energy + sums.force + sums.stress).is_finite() {
            return Err(self.not_finite(index, work));
        }
        Ok(sums)
    }

    fn predict(&self, index: usize, work: &mut Work) -> Result<Prediction> {
        let prepared = &self.set.images[index];
        let fresh = self.fresh_jacobian(index, work)?;
        let derivatives = prepared.derivatives(fresh.as_ref());
        self.level.run(|| self.forward(prepared, derivatives, work));
        if !work.energy.is_finite() || work.forces.iter().flatten().any(|f| !f.is_finite()) {
            return Err(self.not_finite(index, work));
        }
        let mut stress = self.set.storage.stress.then(|| full_tensor(&work.stress));
        let mut forces = if self.set.storage.forces { work.forces.clone() } else { Vec::new() };
        let mut energy = work.energy;
        if let Some(repulsion) = self.potential.repulsion() {
            let system = &prepared.image.system;
            let mut strain = [[0.0; 3]; 3];
            energy += repulsion.add_to(system, &prepared.elements, &mut forces, &mut strain)?;
            if let Some(stress) = &mut stress {
                let volume = system.cell.volume();
                for (total, extra) in stress.as_flattened_mut().iter_mut().zip(strain.as_flattened()) {
                    *total += extra / volume;
                }
            }
        }
        Ok(Prediction { energy, forces, stress })
    }

    /// Derivatives of an image whose derivatives are needed but not kept.
    pub(super) fn fresh_jacobian(&self, index: usize, work: &mut Work) -> Result<Option<Jacobian>> {
        if self.set.images[index].has_derivatives() {
            return Ok(None);
        }
        self.formed_jacobian(index, work)
    }

    /// As [`Context::fresh_jacobian`], for factorized descriptors too.
    pub(super) fn formed_jacobian(&self, index: usize, work: &mut Work) -> Result<Option<Jacobian>> {
        let missing = self.set.images[index].jacobian.is_none() && self.set.storage.needs_derivatives();
        missing.then(|| self.set.recompute(index, &mut work.prepare)).transpose()
    }

    /// Energy, forces and stress of one image, and everything the gradient needs later.
    #[inline(always)]
    pub(super) fn forward(&self, prepared: &Prepared, derivatives: Derivatives<'_>, work: &mut Work) {
        let n_atoms = prepared.elements.len();
        let n_nodes = self.networks.iter().map(ElementNetwork::n_nodes).max().unwrap_or(0);
        work.inputs.resize(prepared.values.len(), 0.0);
        work.slopes.resize(prepared.values.len(), 0.0);
        work.nodes.resize(n_atoms * n_nodes);
        work.outputs.resize(n_atoms, 0.0);
        work.forces.clear();
        work.forces.resize(n_atoms, [0.0; 3]);
        work.energy = 0.0;
        let mut strain = [0.0; 6];
        work.factorized.begin(n_atoms);
        for i in 0..n_atoms {
            let center = usize::from(prepared.elements[i]);
            let network = &self.networks[center];
            let features = prepared.starts[i] as usize..prepared.starts[i + 1] as usize;
            let own = i * n_nodes..i * n_nodes + network.n_nodes();
            let input = &mut work.inputs[features.clone()];
            let fingerprint = match derivatives {
                Derivatives::Factorized(neighbors) => {
                    work.factorized.fingerprint(&**self.potential.descriptor(), prepared, neighbors, i)
                }
                _ => prepared.fingerprint(i),
            };
            network.scale(fingerprint, input);
            let mut nodes = work.nodes.of(own);
            let output = network.forward(input, &mut nodes);
            work.outputs[i] = output;
            work.energy += network.slope * output + network.intercept;
            let slopes = &mut work.slopes[features];
            network.backward(&mut nodes, slopes);
            for (slope, factor) in slopes.iter_mut().zip(&network.factor) {
                *slope *= network.slope * factor;
            }
            match derivatives {
                Derivatives::Unused => {}
                Derivatives::Formed(jacobian) => {
                    if self.set.storage.forces {
                        let (compact, forces) = (&mut work.compact, &mut work.forces);
                        jacobian.add_forces(&self.set.supports, i, center, slopes, compact, forces);
                    }
                    if self.set.storage.stress {
                        jacobian.add_strain_derivative(i, slopes, &mut strain);
                    }
                }
                Derivatives::Factorized(_) => {
                    let (descriptor, forces) = (&**self.potential.descriptor(), &mut work.forces);
                    work.factorized.add_forces(descriptor, center, i, slopes, forces, &mut strain);
                }
            }
        }
        let volume = prepared.image.system.cell.volume();
        work.stress = strain.map(|s| s / volume);
    }

    /// Loss sums, `dL/dE` and `dL/d(strain derivative)`; leaves `dL/dF` in `work.residual`.
    #[inline(always)]
    fn residuals(
        &self,
        prepared: &Prepared,
        weights: &LossWeights,
        work: &mut Work,
    ) -> (LossSums, f64, Option<[f64; 6]>) {
        let image = &prepared.image;
        let n_atoms = prepared.elements.len() as f64;
        let error = (work.energy - image.energy) / n_atoms;
        let mut sums = LossSums {
            energy: image.weight * weights.energy * error * error,
            energy_squares: error * error,
            n_images: 1,
            ..LossSums::default()
        };
        let c = 2.0 * image.weight * weights.energy * error / n_atoms;
        work.residual.clear();
        if let (true, Some(reference)) = (self.set.storage.forces, &image.forces) {
            let factor = 2.0 * image.weight * weights.force / (3.0 * n_atoms);
            for (force, reference) in work.forces.iter().zip(reference) {
                let mut residual = [0.0; 3];
                for axis in 0..3 {
                    let error = force[axis] - reference[axis];
                    sums.force_squares += error * error;
                    residual[axis] = factor * error;
                }
                work.residual.push(residual);
            }
            sums.n_components = 3 * work.forces.len();
            sums.force = image.weight * weights.force * sums.force_squares / (3.0 * n_atoms);
        }
        let mut q = None;
        if let (true, Some(reference)) = (self.set.storage.stress, &image.stress) {
            let factor = 2.0 * image.weight * weights.stress / (9.0 * image.system.cell.volume());
            let mut derivative = [0.0; 6];
            for (component, &(a, b)) in VOIGT.iter().enumerate() {
                let error = work.stress[component] - 0.5 * (reference[a][b] + reference[b][a]);
                sums.stress_squares += MULTIPLICITY[component] * error * error;
                derivative[component] = factor * MULTIPLICITY[component] * error;
            }
            sums.n_stresses = 1;
            sums.stress = image.weight * weights.stress * sums.stress_squares / 9.0;
            q = Some(derivative);
        }
        (sums, c, q)
    }

    /// Adds the parameter gradient of one image.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn backward(
        &self,
        prepared: &Prepared,
        derivatives: Derivatives<'_>,
        c: f64,
        q: Option<[f64; 6]>,
        weights: &LossWeights,
        work: &mut Work,
        gradient: &mut [f64],
    ) {
        let n_atoms = prepared.elements.len();
        let n_nodes = work.nodes.len() / n_atoms;
        let layout = self.potential.layout();
        let with_forces = weights.force > 0.0 && !work.residual.is_empty();
        let q = q.filter(|_| weights.stress > 0.0);
        for i in 0..n_atoms {
            let center = usize::from(prepared.elements[i]);
            let network = &self.networks[center];
            let features = prepared.starts[i] as usize..prepared.starts[i + 1] as usize;
            let own = i * n_nodes..i * n_nodes + network.n_nodes();
            let v = &mut work.direction;
            v.resize(features.len(), 0.0);
            v.fill(0.0);
            let mut direction = None;
            let learned = self.descriptor_start(center)..self.descriptor_start(center + 1);
            let learns = learned.end <= gradient.len() && !learned.is_empty();
            let has_direction = (with_forces || q.is_some() || learns)
                && match derivatives {
                    Derivatives::Unused => false,
                    Derivatives::Formed(jacobian) => {
                        if with_forces {
                            let (supports, compact) = (&self.set.supports, &mut work.compact);
                            jacobian.contract_residual(supports, i, center, &work.residual, compact, v);
                        }
                        if let Some(q) = &q {
                            jacobian.add_strain_residual(i, q, v);
                        }
                        true
                    }
                    Derivatives::Factorized(_) => {
                        let residual = with_forces.then_some(&work.residual[..]);
                        let descriptor = &**self.potential.descriptor();
                        work.factorized.add_residual(descriptor, center, i, residual, q.as_ref(), v);
                        true
                    }
                };
            if has_direction {
                for (v, factor) in v.iter_mut().zip(&network.factor) {
                    *v *= factor;
                }
                direction = Some(&v[..]);
            }
            let nodes = work.nodes.of(own);
            let features_range = features.clone();
            let input = &work.inputs[features];
            let target = &mut gradient[layout.network(center)];
            let along = network.parameter_gradient(input, &nodes, c, direction, &mut work.sweep, target);
            if learns {
                let h = &mut work.input_adjoint;
                h.resize(features_range.len(), 0.0);
                network.input_adjoint(&work.sweep, h);
                for (h, factor) in h.iter_mut().zip(&network.factor) {
                    *h *= factor;
                }
                let (descriptor, g) = (&**self.potential.descriptor(), &work.slopes[features_range]);
                let target = &mut gradient[learned];
                work.factorized.add_parameter_gradient(descriptor, center, i, h, g, target);
            }
            gradient[layout.intercept(center)] += c;
            gradient[layout.slope(center)] += c * work.outputs[i] + along;
        }
    }

    /// Gradient in the flat order, with the penalty on the weights.
    fn finish_gradient(&self, total: &[f64], weights: &LossWeights, out: &mut [f64]) {
        let layout = self.potential.layout();
        out.copy_from_slice(total);
        for (element, network) in self.networks.iter().enumerate() {
            let range = layout.network(element);
            network.restore_order(&total[range.clone()], &mut out[range]);
        }
        if weights.l2 > 0.0 {
            let parameters = self.potential.parameters();
            for range in weight_ranges(self.potential) {
                for k in range {
                    out[k] += 2.0 * weights.l2 * parameters[k];
                }
            }
        }
    }

    /// The error for an image whose energy or forces are not finite.
    pub(super) fn not_finite(&self, index: usize, work: &Work) -> Error {
        let numbers = &self.set.images[index].image.system.numbers;
        let energy = work.outputs.iter().position(|x| !x.is_finite()).map(|i| (i, "energy"));
        let force =
            || work.forces.iter().position(|f| f.iter().any(|x| !x.is_finite())).map(|i| (i, "force"));
        let text = match energy.or_else(force) {
            Some((i, what)) => format!(
                "image {index}: {what} of atom {i} ({}) is not finite; the parameters have run away",
                symbol(numbers[i])
            ),
            None => format!("image {index}: the loss is not finite; the parameters have run away"),
        };
        Error::Simulation(text)
    }
}

/// The symmetric tensor of six Voigt components.
fn full_tensor(voigt: &[f64; 6]) -> Mat3 {
    let mut tensor = [[0.0; 3]; 3];
    for (component, &(a, b)) in VOIGT.iter().enumerate() {
        tensor[a][b] = voigt[component];
        tensor[b][a] = voigt[component];
    }
    tensor
}
