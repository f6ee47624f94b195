//! Computation core of lionn_rs: Behler-Parrinello neural-network potentials, training gradients and
//! molecular dynamics.
//!
//! # Conventions
//! * Units: Å, eV, eV/Å, u, fs, K. Rows of the cell matrix `H` are the lattice vectors.
//! * A pair `(i, j, S)` means `r_ij = r_j - r_i + S·H`; neighbor lists are full (both `i-j` and `j-i`).
//! * Virial `W = -V·stress`; positive stress is tension, as in ASE.
//! * Elements are sorted by symbol, as in AMP; exponents `eta` of the AMP sets are divided by `Rc²`.
//! * Sums over atoms and images run in a fixed order: results have the same bits for any number of threads.

pub mod cell;
pub mod descriptors;
pub mod error;
pub mod linalg;
pub mod md;
pub mod model_file;
pub mod neighbors;
pub mod network;
pub mod observables;
pub mod potential;
pub mod simd;
pub mod species;
pub mod system;
pub mod training;
pub mod units;

pub use cell::Cell;
pub use error::{Error, Result};
pub use system::System;
