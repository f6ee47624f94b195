//! When to stop a run that has gone wrong.

use crate::error::{Error, Result};
use crate::linalg::{Vec3, add, dot, sub};
use crate::md::observer::ThermoRow;
use crate::neighbors::NeighborList;
use crate::species::symbol;
use crate::system::System;

/// Limits beyond which a run stops. The scalar limits are checked after every step, distances every
/// [`Guard::stride`] steps; a state that passes all checks is kept as the last good one.
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    /// Smallest allowed distance between two atoms, Å.
    pub min_distance: f64,
    /// Highest allowed instantaneous temperature, K.
    pub max_temperature_k: f64,
    /// Largest allowed excess beyond the training range, in units of its width; no limit if infinite.
    pub max_excess: f64,
    /// Largest allowed ratio of the volume to that of the start, or the other way round.
    pub max_volume_factor: f64,
    /// Steps between two checks of the distances.
    pub stride: u64,
}

impl Default for Guard {
    /// 0.5 Å (no chemical bond is that short), 1e5 K, no limit on the excess, twice the volume, distances every 10 steps.
    fn default() -> Self {
        Self {
            min_distance: 0.5,
            max_temperature_k: 1e5,
            max_excess: f64::INFINITY,
            max_volume_factor: 2.0,
            stride: 10,
        }
    }
}

impl Guard {
    /// # Errors
    /// [`Error::InvalidParameter`] for a limit that is negative or NaN, or a stride of zero.
    pub fn validate(&self) -> Result<()> {
        let limits = [self.min_distance, self.max_temperature_k, self.max_excess, self.max_volume_factor];
        if limits.iter().any(|x| x.is_nan() || *x < 0.0) || self.stride == 0 {
            return Err(Error::InvalidParameter(format!(
                "limits must not be negative and the stride not 0: {self:?}"
            )));
        }
        Ok(())
    }

    /// The reason to stop, if any, as far as the scalars and forces tell.
    pub(super) fn scalars(&self, row: &ThermoRow, start_volume: f64, forces: &[Vec3]) -> Option<String> {
        if !row.potential_energy.is_finite() {
            return Some(format!("potential energy is {}", row.potential_energy));
        }
        if let Some(i) = forces.iter().position(|f| f.iter().any(|x| !x.is_finite())) {
            return Some(format!("force on atom {i} is {:?}", forces[i]));
        }
        if row.temperature_k.is_nan() || row.temperature_k > self.max_temperature_k {
            return Some(format!(
                "temperature {:.4e} K is above the limit of {:.4e} K",
                row.temperature_k, self.max_temperature_k
            ));
        }
        let growth = row.volume / start_volume;
        if growth > self.max_volume_factor || growth * self.max_volume_factor < 1.0 {
            return Some(format!(
                "volume {:.4e} Å³ is {growth:.2} times that of the start (limit a factor of {:.2})",
                row.volume, self.max_volume_factor
            ));
        }
        if row.worst_excess > self.max_excess {
            return Some(format!(
                "{} environments outside the training range, the worst by {:.3} of its width (limit {:.3})",
                row.n_extrapolating, row.worst_excess, self.max_excess
            ));
        }
        None
    }

    /// The reason to stop if two atoms are too close.
    pub(super) fn distances(&self, system: &System, list: &NeighborList) -> Option<String> {
        let (distance, i, j) = closest_pair(system, list)?;
        (distance < self.min_distance).then(|| {
            format!(
                "{} atom {i} and {} atom {j} are {distance:.2} Å apart (limit {:.2} Å)",
                symbol(system.numbers[i]),
                symbol(system.numbers[j]),
                self.min_distance
            )
        })
    }
}

/// The closest pair within the reach of the list: distance (Å) and the two atoms.
pub fn closest_pair(system: &System, list: &NeighborList) -> Option<(f64, usize, usize)> {
    let mut best = (f64::INFINITY, 0, 0);
    for (i, &center) in system.positions.iter().enumerate() {
        for (j, shift) in list.of(i).images().filter(|&(j, _)| j as usize >= i) {
            let r = add(sub(system.positions[j as usize], center), shift);
            let r2 = dot(r, r);
            if r2 < best.0 {
                best = (r2, i, j as usize);
            }
        }
    }
    best.0.is_finite().then(|| (best.0.sqrt(), best.1, best.2))
}
