//! The Python module `lionn_rs._core`: converts, releases the GIL, maps errors, honors Ctrl-C; nothing else.

use pyo3::prelude::*;

mod analytic;
mod convert;
mod descriptor;
mod error;
mod md;
mod observables;
mod potential;
mod training;

/// Compiled core of lionn_rs.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    descriptor::register(module)?;
    potential::register(module)?;
    observables::register(module)?;
    analytic::register(module)?;
    md::register(module)?;
    training::register(module)?;
    Ok(())
}
