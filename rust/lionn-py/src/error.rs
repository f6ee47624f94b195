//! Rust errors become the exceptions of `lionn_rs.errors`.

use lionn_core::Error;
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError};
use pyo3::import_exception;
use pyo3::prelude::*;

import_exception!(lionn_rs.errors, ConfigError);
import_exception!(lionn_rs.errors, DataError);
import_exception!(lionn_rs.errors, ModelFileError);
import_exception!(lionn_rs.errors, ShapeError);
import_exception!(lionn_rs.errors, SimulationError);

/// The Python exception that stands for a core error.
pub fn to_py(error: Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::InvalidParameter(_) => ConfigError::new_err(text),
        Error::Shape { .. } => ShapeError::new_err(text),
        Error::Structure(_) => DataError::new_err(text),
        Error::ModelFile(_) => ModelFileError::new_err(text),
        Error::Simulation(_) => SimulationError::new_err(text),
        Error::Interrupted => PyKeyboardInterrupt::new_err(text),
        Error::Io { .. } => PyOSError::new_err(text),
        other => SimulationError::new_err(other.to_string()),
    }
}
