//! What a potential file says about density correlations, and its translation into code.

use super::super::cutoff::Cutoff;
use super::DensityCorrelations;
use super::center::Center;
use super::expansion::{Expansion, PAD, Shell};
use super::harmonics::Harmonics;
use super::radial::{Radial, RadialBasis, ZernikeRadial};
use crate::error::{Error, Result};
use crate::simd::Level;
use crate::species::atomic_number;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Highest degree of harmonics: beyond it their prefactors lose digits, and no environment is that sharp.
const MAX_DEGREE: usize = 20;

/// Zernike descriptor (Khorshidi and Peterson, Comput. Phys. Commun. 207, 310 (2016), Eqs. 8 to 12).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZernikeSpec {
    /// Element symbols.
    pub elements: Vec<String>,
    /// Cutoff function.
    pub cutoff: Cutoff,
    /// Highest order `n`.
    pub n_max: usize,
    /// Whether neighbors of different elements are told apart: features `p_nl^ab` for all pairs of elements instead of
    /// one `p_nl` of a density weighted by element.
    #[serde(default)]
    pub resolved: bool,
    /// Weight of every neighbor element in the density; default: the atomic number, and 1 where elements are resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<DensityWeights>,
}

/// Weights of the neighbor elements in the density, 1 per element.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DensityWeights {
    /// The same around every center.
    ByNeighbor(BTreeMap<String, f64>),
    /// Others around every center element, as AMP allows: center, neighbor.
    ByCenter(BTreeMap<String, BTreeMap<String, f64>>),
}

impl DensityWeights {
    /// Weights around a center, in the order of the elements.
    fn around(&self, center: &str, elements: &[String]) -> Result<Vec<f64>> {
        let (row, place) = match self {
            Self::ByNeighbor(row) => (row, String::new()),
            Self::ByCenter(rows) => {
                known(rows.keys(), elements)?;
                let row = rows.get(center).ok_or_else(|| {
                    Error::InvalidParameter(format!("zernike weights: none around element {center}"))
                })?;
                (row, format!(" around {center}"))
            }
        };
        known(row.keys(), elements)?;
        let weight = |element: &String| match row.get(element) {
            Some(weight) if weight.is_finite() => Ok(*weight),
            Some(weight) => {
                Err(Error::InvalidParameter(format!("zernike weight of {element}{place} is {weight}")))
            }
            None => Err(Error::InvalidParameter(format!(
                "zernike weights: no weight for element {element}{place}"
            ))),
        };
        elements.iter().map(weight).collect()
    }
}

fn known<'a>(mut names: impl Iterator<Item = &'a String>, elements: &[String]) -> Result<()> {
    names.find(|&name| !elements.contains(name)).map_or(Ok(()), |extra| {
        let elements = elements.join(", ");
        Err(Error::InvalidParameter(format!("zernike weights: {extra} is not among the elements {elements}")))
    })
}

/// Mixing of channels for every degree: `[l][k][column]`, columns are channels (outer) and radial functions.
pub type Contraction = Vec<Vec<Vec<f64>>>;

/// Power spectrum of the neighbor density with one channel per element.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerSpectrumSpec {
    /// Element symbols.
    pub elements: Vec<String>,
    /// Cutoff function.
    pub cutoff: Cutoff,
    /// Number of radial functions.
    pub n_radial: usize,
    /// Highest degree of the spherical harmonics.
    pub l_max: usize,
    /// Highest degree of the products of three mixed coefficients (bispectrum), at most `l_max`; 0: none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bispectrum_l_max: usize,
    /// Mixing of the channels of every center element; without it all products of channels are features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contraction: Option<BTreeMap<String, Contraction>>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_zero(value: &usize) -> bool {
    *value == 0
}

impl ZernikeSpec {
    /// The descriptor.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for unknown or repeated elements and parameters out of range.
    pub fn build(&self) -> Result<DensityCorrelations> {
        let (elements, numbers) = sorted_elements(&self.elements)?;
        self.cutoff.validate()?;
        check_degree("n_max", self.n_max)?;
        let weights = self.weights_around(&elements, &numbers)?;
        // One density serves all centers, or every element has its own channel, which centers weight differently.
        let by_center = matches!(self.weights, Some(DensityWeights::ByCenter(_)));
        let n_channels = if self.resolved || by_center { elements.len() } else { 1 };
        let channel_of = |e: usize| if n_channels == 1 { 0 } else { e };
        let channels = (0..elements.len())
            .map(|e| (channel_of(e), if by_center { 1.0 } else { weights[0][e] }))
            .collect();
        let mut functions = Vec::new();
        let mut shells = Vec::new();
        for l in 0..=self.n_max {
            let first = functions.len();
            functions.extend((l..=self.n_max).step_by(2).map(|n| ZernikeRadial::new(n, l)));
            shells.push((l, first..functions.len()));
        }
        let basis = RadialBasis::new(Radial::Zernike(functions), self.cutoff);
        let expansion = expansion(basis, channels, n_channels, shells);
        // One block for each n and l, in AMP's order: radial function (n - l)/2 of all channels.
        let orders = (0..=self.n_max).flat_map(|n| (n % 2..=n).step_by(2).map(move |l| (n, l)));
        let center = |c: usize| {
            let blocks: Vec<_> = orders
                .clone()
                .map(|(n, l)| {
                    let shell = &expansion.shells[l];
                    let n_columns = expansion.n_columns(shell);
                    let column = |channel: usize| channel * shell.radial.len() + (n - l) / 2;
                    let factor = |channel: usize| if by_center { weights[c][channel] } else { 1.0 };
                    let mut rows = Vec::new();
                    for channel in 0..n_channels {
                        if self.resolved || rows.is_empty() {
                            rows.push(vec![0.0; n_columns]);
                        }
                        let row = rows.len() - 1;
                        rows[row][column(channel)] = factor(channel);
                    }
                    (l, rows)
                })
                .collect();
            Center::new(&expansion, &blocks, false)
        };
        let centers = (0..elements.len()).map(center).collect();
        Ok(DensityCorrelations { numbers, expansion, centers, level: Level::detect()? })
    }

    /// First version of the potential file that can hold the descriptor.
    pub(in super::super) fn file_version(&self) -> u32 {
        let weights = match self.weights {
            None | Some(DensityWeights::ByNeighbor(_)) => 2,
            Some(DensityWeights::ByCenter(_)) => 3,
        };
        self.cutoff.file_version().max(weights)
    }

    /// Weights of the neighbor elements around every center element.
    fn weights_around(&self, elements: &[String], numbers: &[u8]) -> Result<Vec<Vec<f64>>> {
        let Some(weights) = &self.weights else {
            let default = |&number: &u8| if self.resolved { 1.0 } else { f64::from(number) };
            return Ok(vec![numbers.iter().map(default).collect(); elements.len()]);
        };
        elements.iter().map(|center| weights.around(center, elements)).collect()
    }
}

impl PowerSpectrumSpec {
    /// First version of the potential file that can hold the descriptor.
    pub(in super::super) fn file_version(&self) -> u32 {
        self.cutoff.file_version().max(2)
    }

    /// The descriptor.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for unknown or repeated elements, parameters out of range and mixing matrices of the
    /// wrong shape.
    pub fn build(&self) -> Result<DensityCorrelations> {
        let (elements, numbers) = sorted_elements(&self.elements)?;
        self.cutoff.validate()?;
        check_degree("l_max", self.l_max)?;
        if self.n_radial == 0 {
            return Err(Error::InvalidParameter(
                "power spectrum: n_radial must be at least 1, got 0".to_owned(),
            ));
        }
        if self.bispectrum_l_max == 1 || self.bispectrum_l_max > self.l_max {
            return Err(Error::InvalidParameter(format!(
                "power spectrum: bispectrum_l_max must be 0 (none) or between 2 and l_max = {}, got {}",
                self.l_max, self.bispectrum_l_max
            )));
        }
        let basis = RadialBasis::new(Radial::Chebyshev { count: self.n_radial }, self.cutoff);
        let channels = (0..elements.len()).map(|e| (e, 1.0)).collect();
        let shells = (0..=self.l_max).map(|l| (l, 0..self.n_radial)).collect();
        let expansion = expansion(basis, channels, elements.len(), shells);
        let n_columns = elements.len() * self.n_radial;
        let mut centers = Vec::new();
        for element in &elements {
            let mixing = match &self.contraction {
                None => vec![(0..n_columns).map(|k| unit_row(n_columns, k)).collect(); self.l_max + 1],
                Some(contraction) => {
                    let own = contraction.get(element).ok_or_else(|| {
                        Error::InvalidParameter(format!(
                            "power spectrum: no contraction for element {element}"
                        ))
                    })?;
                    check_contraction(element, own, self.l_max, n_columns)?;
                    own.clone()
                }
            };
            let blocks: Vec<_> = mixing.into_iter().enumerate().collect();
            let center = Center::new(&expansion, &blocks, true);
            centers.push(center.with_bispectrum(&expansion, self.bispectrum_l_max));
        }
        Ok(DensityCorrelations { numbers, expansion, centers, level: Level::detect()? })
    }
}

fn check_contraction(element: &str, own: &Contraction, l_max: usize, n_columns: usize) -> Result<()> {
    let fail = |text: String| {
        Err(Error::InvalidParameter(format!("power spectrum: contraction of {element}{text}")))
    };
    if own.len() != l_max + 1 {
        return fail(format!(" must have {} degrees, got {}", l_max + 1, own.len()));
    }
    for (l, rows) in own.iter().enumerate() {
        for row in rows {
            if row.len() != n_columns {
                return fail(format!(", degree {l}: rows must have {n_columns} numbers, got {}", row.len()));
            }
            if let Some(x) = row.iter().find(|x| !x.is_finite()) {
                return fail(format!(", degree {l}: {x} is not finite"));
            }
        }
    }
    Ok(())
}

fn expansion(
    basis: RadialBasis,
    elements: Vec<(usize, f64)>,
    n_channels: usize,
    degrees: Vec<(usize, std::ops::Range<usize>)>,
) -> Expansion {
    let l_max = degrees.iter().map(|(l, _)| *l).max().unwrap_or(0);
    let mut start = 0;
    let shells = degrees
        .into_iter()
        .map(|(l, radial)| {
            let width = (n_channels * radial.len()).next_multiple_of(PAD);
            let shell = Shell { l, radial, start, width };
            start += (2 * l + 1) * width;
            shell
        })
        .collect();
    Expansion { harmonics: Harmonics::new(l_max), basis, elements, n_channels, shells }
}

/// A row of the identity matrix.
fn unit_row(n: usize, k: usize) -> Vec<f64> {
    (0..n).map(|column| if column == k { 1.0 } else { 0.0 }).collect()
}

fn check_degree(name: &str, value: usize) -> Result<()> {
    if value > MAX_DEGREE {
        return Err(Error::InvalidParameter(format!("{name} must be at most {MAX_DEGREE}, got {value}")));
    }
    Ok(())
}

fn sorted_elements(given: &[String]) -> Result<(Vec<String>, Vec<u8>)> {
    let mut elements = given.to_vec();
    elements.sort();
    if elements.is_empty() || elements.windows(2).any(|w| w[0] == w[1]) {
        return Err(Error::InvalidParameter(format!(
            "descriptor elements must be distinct and not empty, got {given:?}"
        )));
    }
    let numbers = elements.iter().map(|e| atomic_number(e)).collect::<Result<_>>()?;
    Ok((elements, numbers))
}
