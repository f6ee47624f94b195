//! Observables: pure functions on arrays.
