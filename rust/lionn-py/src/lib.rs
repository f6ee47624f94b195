//! The Python module `lionn_rs._core`: converts, releases the GIL, maps errors, honors Ctrl-C; nothing else.

use pyo3::prelude::*;

mod analytic;
mod committee;
mod convert;
mod curvature;
mod descriptor;
mod error;
mod md;
mod md_snapshot;
mod mechanism;
mod neighbors;
mod observables;
mod paths;
mod potential;
mod training;

/// Instruction set of the kernels: the fastest of this processor, or the one that `LIONN_RS_SIMD` asks for.
///
/// Raises
/// ------
/// ConfigError
///     If the processor does not have the one that is asked for.
#[pyfunction]
fn simd_level() -> PyResult<&'static str> {
    Ok(lionn_core::simd::Level::detect().map_err(error::to_py)?.name())
}

/// Compiled core of lionn_rs.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    observables::register(module)?;
    mechanism::register(module)?;
    paths::register(module)?;
    module.add_function(wrap_pyfunction!(simd_level, module)?)?;
    descriptor::register(module)?;
    potential::register(module)?;
    committee::register(module)?;
    analytic::register(module)?;
    md::register(module)?;
    neighbors::register(module)?;
    training::register(module)?;
    curvature::register(module)?;
    Ok(())
}
