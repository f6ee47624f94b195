//! The potential file: one JSON document, versioned, readable by eye; nothing in it is executed.
//!
//! | version | since |
//! |---|---|
//! | 1 | one potential: `networks` is a mapping from elements to [`NetworkFile`] |
//! | 2 | `networks` may be a list of such mappings, one per member of a committee; `spread_scale` and `training_range`; descriptors other than `gaussian` |
//! | 3 | cutoffs `switch`, `tanh` and `hard`, functions `WeightedG2` and `WeightedG4`, Zernike weights that differ from center to center, activations other than `tanh`, `sigmoid` and `linear` |
//!
//! What an earlier version can say is still written as that version, so that older software reads it.

use crate::descriptors::{Descriptor, DescriptorSpec};
use crate::error::{Error, Result};
use crate::network::{Activation, FeedForward};
use crate::potential::{
    CommitteePotential, ElementModel, NeuralPotential, RepulsionPair, Scaling, SpreadScale, TrainingRange,
};
use crate::species::symbol;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Value of `format` in every potential file.
pub const FORMAT: &str = "lionn-potential";
/// Newest version; all up to it are read.
pub const VERSION: u32 = 3;

/// Contents of a potential file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Always [`FORMAT`].
    pub format: String,
    /// Schema version.
    pub version: u32,
    /// Units of all numbers, for the reader.
    pub units: BTreeMap<String, String>,
    /// Element symbols, sorted.
    pub elements: Vec<String>,
    /// Descriptor.
    pub descriptor: DescriptorSpec,
    /// Scaling, network, intercept and slope of every element, of one potential or of every member of a committee.
    pub networks: Networks,
    /// Screened nuclear repulsion at distances shorter than any in training.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repulsion: Vec<RepulsionPair>,
    /// Factors of the spread of a committee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread_scale: Option<SpreadScale>,
    /// Training environments of every element; changes no energy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_range: Option<BTreeMap<String, TrainingRange>>,
    /// Training provenance, free in form.
    #[serde(default)]
    pub metadata: serde_json::Value,
}

/// Element networks of one potential.
pub type ElementNetworks = BTreeMap<String, NetworkFile>;

/// Element networks of one potential, or of every member of a committee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, try_from = "serde_json::Value")]
pub enum Networks {
    /// A potential.
    One(ElementNetworks),
    /// The members of a committee.
    Committee(Vec<ElementNetworks>),
}

impl TryFrom<serde_json::Value> for Networks {
    type Error = serde_json::Error;

    fn try_from(value: serde_json::Value) -> std::result::Result<Self, Self::Error> {
        if value.is_array() {
            serde_json::from_value(value).map(Self::Committee)
        } else {
            serde_json::from_value(value).map(Self::One)
        }
    }
}

/// What a potential file holds.
pub enum Model {
    /// One potential.
    One(NeuralPotential),
    /// Several that share a descriptor.
    Committee(CommitteePotential),
}

/// One element of a [`ModelFile`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkFile {
    /// Smallest value of every feature in training.
    pub min: Vec<f64>,
    /// Largest value of every feature in training.
    pub max: Vec<f64>,
    /// Activation of every layer, output last.
    pub activations: Vec<Activation>,
    /// `weights[l][row][column]`; the last row of each layer holds the biases.
    pub weights: Vec<Vec<Vec<f64>>>,
    /// Energy per atom added to the scaled output, eV.
    pub intercept: f64,
    /// Factor of the network output, eV.
    pub slope: f64,
}

impl Model {
    /// The potential, unless the file holds a committee.
    ///
    /// # Errors
    /// [`Error::ModelFile`] saying how many members there are.
    pub fn one(self) -> Result<NeuralPotential> {
        match self {
            Self::One(potential) => Ok(potential),
            Self::Committee(committee) => Err(Error::ModelFile(format!(
                "this is a committee of {} members, not one potential",
                committee.members().len()
            ))),
        }
    }

    /// The potential as a committee of one, or the committee: energies and forces are the same.
    ///
    /// # Errors
    /// As [`CommitteePotential::new`].
    pub fn into_committee(self) -> Result<CommitteePotential> {
        match self {
            Self::One(potential) => CommitteePotential::new(vec![potential]),
            Self::Committee(committee) => Ok(committee),
        }
    }
}

impl ModelFile {
    /// Parses the text of a potential file.
    ///
    /// # Errors
    /// [`Error::ModelFile`] for text that is not a potential file, another version, or damaged contents.
    pub fn parse(text: &str) -> Result<Self> {
        let value: serde_json::Value = serde_json::from_str(text)
            .map_err(|e| Error::ModelFile(format!("not a readable JSON document: {e}")))?;
        Self::from_value(value)
    }

    /// Checks format and version of a JSON document and reads it.
    ///
    /// # Errors
    /// As [`ModelFile::parse`].
    pub fn from_value(value: serde_json::Value) -> Result<Self> {
        let format = value.get("format").and_then(serde_json::Value::as_str).unwrap_or("");
        if format != FORMAT {
            return Err(Error::ModelFile(format!(
                "not a lionn potential file: 'format' is '{format}', expected '{FORMAT}'"
            )));
        }
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(v) if (1..=u64::from(VERSION)).contains(&v) => {}
            Some(v) => {
                return Err(Error::ModelFile(format!(
                    "potential file has version {v}, this lionn_rs reads versions 1 to {VERSION}; update lionn_rs"
                )));
            }
            None => return Err(Error::ModelFile("potential file has no version number".to_owned())),
        }
        serde_json::from_value(value).map_err(|e| Error::ModelFile(format!("damaged potential file: {e}")))
    }

    /// The potential or the committee described by the file.
    ///
    /// # Errors
    /// [`Error::ModelFile`] if the parts do not fit together.
    pub fn build(&self) -> Result<Model> {
        self.build_inner().map_err(|e| match e {
            Error::ModelFile(_) => e,
            other => Error::ModelFile(format!("damaged potential file: {other}")),
        })
    }

    fn build_inner(&self) -> Result<Model> {
        let descriptor = self.descriptor.build()?;
        let names: Vec<&str> = descriptor.elements().iter().map(|&n| symbol(n)).collect();
        let range = self.ranges(&names)?;
        match &self.networks {
            Networks::One(networks) => {
                if self.spread_scale.is_some() {
                    return Err(Error::ModelFile(
                        "spread_scale belongs to a committee, not to one potential".into(),
                    ));
                }
                Ok(Model::One(self.member(&descriptor, &names, networks)?.with_range(range)?))
            }
            Networks::Committee(members) => {
                let members = members.iter().map(|networks| self.member(&descriptor, &names, networks));
                let committee = CommitteePotential::new(members.collect::<Result<_>>()?)?;
                let scale = self.spread_scale.unwrap_or_default();
                Ok(Model::Committee(committee.with_scale(scale)?.with_range(range)?))
            }
        }
    }

    fn member(
        &self,
        descriptor: &Arc<dyn Descriptor>,
        names: &[&str],
        networks: &ElementNetworks,
    ) -> Result<NeuralPotential> {
        if self.elements != names || !networks.keys().eq(names) {
            return Err(Error::ModelFile(format!(
                "elements disagree: file says {}, descriptor has {}, networks are given for {}",
                self.elements.join(", "),
                names.join(", "),
                networks.keys().cloned().collect::<Vec<_>>().join(", ")
            )));
        }
        let mut models = Vec::new();
        let mut parameters = Vec::new();
        for (name, file) in networks {
            let (network, weights) =
                file.network().map_err(|e| Error::ModelFile(format!("network of {name}: {e}")))?;
            parameters.extend(weights);
            models.push(ElementModel {
                scaling: Scaling::min_max(file.min.clone(), file.max.clone())?,
                network,
            });
        }
        parameters.extend(networks.values().flat_map(|file| [file.intercept, file.slope]));
        NeuralPotential::new(descriptor.clone(), models, parameters)?.with_repulsion(self.repulsion.clone())
    }

    /// Training ranges in the order of the elements.
    fn ranges(&self, names: &[&str]) -> Result<Option<Vec<TrainingRange>>> {
        let Some(ranges) = &self.training_range else {
            return Ok(None);
        };
        if !ranges.keys().eq(names) {
            return Err(Error::ModelFile(format!(
                "training_range must be given for {}, got {}",
                names.join(", "),
                ranges.keys().cloned().collect::<Vec<_>>().join(", ")
            )));
        }
        Ok(Some(ranges.values().cloned().collect()))
    }

    /// The file of a potential.
    pub fn of(potential: &NeuralPotential, descriptor: DescriptorSpec, metadata: serde_json::Value) -> Self {
        let version = version_of(potential, &descriptor).max(if potential.range().is_none() { 1 } else { 2 });
        let networks = Networks::One(element_networks(potential));
        let file = Self::frame(potential, version, descriptor, networks, metadata);
        Self { training_range: named(potential.descriptor(), potential.range()), ..file }
    }

    /// The file of a committee.
    pub fn of_committee(
        committee: &CommitteePotential,
        descriptor: DescriptorSpec,
        metadata: serde_json::Value,
    ) -> Self {
        let networks = Networks::Committee(committee.members().iter().map(element_networks).collect());
        let version =
            committee.members().iter().map(|member| version_of(member, &descriptor)).fold(2, u32::max);
        let file = Self::frame(&committee.members()[0], version, descriptor, networks, metadata);
        Self {
            training_range: named(committee.descriptor(), committee.range()),
            spread_scale: Some(committee.scale()),
            ..file
        }
    }

    /// What potentials and committees have in common.
    fn frame(
        potential: &NeuralPotential,
        version: u32,
        descriptor: DescriptorSpec,
        networks: Networks,
        metadata: serde_json::Value,
    ) -> Self {
        let units =
            [("length", "A"), ("energy", "eV"), ("force", "eV/A"), ("stress", "eV/A^3, tension positive")];
        Self {
            format: FORMAT.to_owned(),
            version,
            units: units.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            elements: names(potential.descriptor()),
            descriptor,
            networks,
            repulsion: potential.repulsion().map(|r| r.pairs().to_vec()).unwrap_or_default(),
            spread_scale: None,
            training_range: None,
            metadata,
        }
    }
}

/// First version that can hold descriptor and networks.
fn version_of(potential: &NeuralPotential, descriptor: &DescriptorSpec) -> u32 {
    let activations = potential.elements().iter().flat_map(|model| model.network.activations());
    activations.map(|activation| activation.file_version()).fold(descriptor.file_version(), u32::max)
}

fn names(descriptor: &Arc<dyn Descriptor>) -> Vec<String> {
    descriptor.elements().iter().map(|&n| symbol(n).to_owned()).collect()
}

fn named(
    descriptor: &Arc<dyn Descriptor>,
    range: Option<&[TrainingRange]>,
) -> Option<BTreeMap<String, TrainingRange>> {
    range.map(|range| names(descriptor).into_iter().zip(range.iter().cloned()).collect())
}

fn element_networks(potential: &NeuralPotential) -> ElementNetworks {
    let (layout, parameters) = (potential.layout(), potential.parameters());
    let file = |(e, model): (usize, &ElementModel)| NetworkFile {
        min: model.scaling.min().to_vec(),
        max: model.scaling.max().to_vec(),
        activations: model.network.activations().to_vec(),
        weights: nested(&model.network, &parameters[layout.network(e)]),
        intercept: parameters[layout.intercept(e)],
        slope: parameters[layout.slope(e)],
    };
    let files = potential.elements().iter().enumerate().map(file);
    names(potential.descriptor()).into_iter().zip(files).collect()
}

impl NetworkFile {
    fn network(&self) -> Result<(FeedForward, Vec<f64>)> {
        let mut widths = vec![self.min.len()];
        for (l, layer) in self.weights.iter().enumerate() {
            let below = widths[l];
            let columns = layer.first().map_or(0, Vec::len);
            if layer.len() != below + 1 || layer.iter().any(|row| row.len() != columns) {
                return Err(Error::ModelFile(format!(
                    "weights of layer {} must have {} rows of equal length, got {}",
                    l + 1,
                    below + 1,
                    layer.len()
                )));
            }
            widths.push(columns);
        }
        let network = FeedForward::new(widths, self.activations.clone())?;
        Ok((network, self.weights.iter().flatten().flatten().copied().collect()))
    }
}

fn nested(network: &FeedForward, parameters: &[f64]) -> Vec<Vec<Vec<f64>>> {
    let mut start = 0;
    network
        .widths()
        .windows(2)
        .map(|w| {
            let end = start + (w[0] + 1) * w[1];
            let layer = parameters[start..end].chunks_exact(w[1]).map(<[f64]>::to_vec).collect();
            start = end;
            layer
        })
        .collect()
}
