//! Labeled structures and the checks that they pass before anything is computed.

use crate::descriptors::Descriptor;
use crate::error::{Error, Result};
use crate::linalg::{Mat3, Vec3};
use crate::species::symbol;
use crate::system::System;

/// A structure with its reference values.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Cell, elements and positions.
    pub system: System,
    /// Reference energy, eV.
    pub energy: f64,
    /// Reference forces, eV/Å.
    pub forces: Option<Vec<Vec3>>,
    /// Reference stress, eV/Å³, positive under tension.
    pub stress: Option<Mat3>,
    /// Weight of the image in the loss.
    pub weight: f64,
}

pub(super) fn element_indices(index: usize, system: &System, descriptor: &dyn Descriptor) -> Result<Vec<u8>> {
    let known = descriptor.elements();
    let find = |(i, &number): (usize, &u8)| match known.iter().position(|&z| z == number) {
        Some(element) => Ok(element as u8),
        None => Err(Error::Structure(format!(
            "image {index}: atom {i} is {}, which is not among the descriptor's elements {}",
            symbol(number),
            known.iter().map(|&z| symbol(z)).collect::<Vec<_>>().join(", ")
        ))),
    };
    system.numbers.iter().enumerate().map(find).collect()
}

pub(super) fn in_image(index: usize, error: Error) -> Error {
    Error::Structure(format!("image {index}: {error}"))
}

/// References must be finite and have the right size.
pub(super) fn check_references(index: usize, image: &Image) -> Result<()> {
    let n_atoms = image.system.n_atoms();
    let fail = |text: String| Err(Error::Structure(format!("image {index}: {text}")));
    if n_atoms == 0 {
        return fail("has no atoms".to_owned());
    }
    if !image.energy.is_finite() {
        return fail(format!("reference energy is {}", image.energy));
    }
    if !(image.weight.is_finite() && image.weight >= 0.0) {
        return fail(format!("weight must be zero or positive, got {}", image.weight));
    }
    if let Some(forces) = &image.forces {
        if forces.len() != n_atoms {
            return Err(Error::shape(
                &format!("forces of image {index}"),
                format!("({n_atoms}, 3) to match positions"),
                format!("({}, 3)", forces.len()),
            ));
        }
        if let Some(i) = forces.iter().position(|f| f.iter().any(|x| !x.is_finite())) {
            return fail(format!("reference force on atom {i} is {:?}", forces[i]));
        }
    }
    match image.stress {
        Some(stress) if stress.iter().flatten().any(|x| !x.is_finite()) => {
            fail(format!("reference stress is {stress:?}"))
        }
        _ => Ok(()),
    }
}
