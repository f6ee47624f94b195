//! The potential file: one JSON document, versioned, readable by eye; nothing in it is executed.

use crate::descriptors::DescriptorSpec;
use crate::error::{Error, Result};
use crate::network::{Activation, FeedForward};
use crate::potential::{ElementModel, NeuralPotential, RepulsionPair, Scaling};
use crate::species::symbol;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Value of `format` in every potential file.
pub const FORMAT: &str = "lionn-potential";
/// Version written by this code; older versions are upgraded on reading.
pub const VERSION: u32 = 1;

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
    /// Scaling, network, intercept and slope of every element.
    pub networks: BTreeMap<String, NetworkFile>,
    /// Screened nuclear repulsion at distances shorter than any in training.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repulsion: Vec<RepulsionPair>,
    /// Training provenance, free in form.
    #[serde(default)]
    pub metadata: serde_json::Value,
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
            Some(v) if v == u64::from(VERSION) => {}
            Some(v) => {
                return Err(Error::ModelFile(format!(
                    "potential file has version {v}, this lionn_rs reads version {VERSION}; update lionn_rs"
                )));
            }
            None => return Err(Error::ModelFile("potential file has no version number".to_owned())),
        }
        serde_json::from_value(value).map_err(|e| Error::ModelFile(format!("damaged potential file: {e}")))
    }

    /// The potential described by the file.
    ///
    /// # Errors
    /// [`Error::ModelFile`] if the parts do not fit together.
    pub fn build(&self) -> Result<NeuralPotential> {
        self.build_inner().map_err(|e| match e {
            Error::ModelFile(_) => e,
            other => Error::ModelFile(format!("damaged potential file: {other}")),
        })
    }

    fn build_inner(&self) -> Result<NeuralPotential> {
        let descriptor = self.descriptor.build()?;
        let names: Vec<&str> = descriptor.elements().iter().map(|&n| symbol(n)).collect();
        if self.elements != names || !self.networks.keys().eq(&names) {
            return Err(Error::ModelFile(format!(
                "elements disagree: file says {}, descriptor has {}, networks are given for {}",
                self.elements.join(", "),
                names.join(", "),
                self.networks.keys().cloned().collect::<Vec<_>>().join(", ")
            )));
        }
        let mut models = Vec::new();
        let mut parameters = Vec::new();
        for (name, file) in &self.networks {
            let (network, weights) =
                file.network().map_err(|e| Error::ModelFile(format!("network of {name}: {e}")))?;
            parameters.extend(weights);
            models.push(ElementModel {
                scaling: Scaling::min_max(file.min.clone(), file.max.clone())?,
                network,
            });
        }
        parameters.extend(self.networks.values().flat_map(|file| [file.intercept, file.slope]));
        NeuralPotential::new(descriptor, models, parameters)?.with_repulsion(self.repulsion.clone())
    }

    /// The file of a potential.
    pub fn of(potential: &NeuralPotential, descriptor: DescriptorSpec, metadata: serde_json::Value) -> Self {
        let names: Vec<String> =
            potential.descriptor().elements().iter().map(|&n| symbol(n).to_owned()).collect();
        let layout = potential.layout();
        let networks = names
            .iter()
            .enumerate()
            .map(|(e, name)| {
                let model = &potential.elements()[e];
                let file = NetworkFile {
                    min: model.scaling.min().to_vec(),
                    max: model.scaling.max().to_vec(),
                    activations: model.network.activations().to_vec(),
                    weights: nested(&model.network, &potential.parameters()[layout.network(e)]),
                    intercept: potential.parameters()[layout.intercept(e)],
                    slope: potential.parameters()[layout.slope(e)],
                };
                (name.clone(), file)
            })
            .collect();
        let units =
            [("length", "A"), ("energy", "eV"), ("force", "eV/A"), ("stress", "eV/A^3, tension positive")];
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            units: units.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            elements: names,
            descriptor,
            networks,
            repulsion: potential.repulsion().map(|r| r.pairs().to_vec()).unwrap_or_default(),
            metadata,
        }
    }
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
