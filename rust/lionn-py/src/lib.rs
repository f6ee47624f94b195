//! The Python module `lionn_rs._core`: converts, releases the GIL, maps errors, honors Ctrl-C; nothing else.

use pyo3::prelude::*;

mod analytic;
mod convert;
mod descriptor;
mod error;
mod md;
mod neighbors;
mod observables;
mod potential;
mod training;

/// Compiled core of lionn_rs.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    observables::register(module)?;
    descriptor::register(module)?;
    potential::register(module)?;
    analytic::register(module)?;
    md::register(module)?;
    neighbors::register(module)?;
    training::register(module)?;
    Ok(())
}
