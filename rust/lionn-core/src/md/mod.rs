//! Molecular dynamics.
