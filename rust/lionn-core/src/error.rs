//! The single error type of the crate.

/// Everything that can go wrong with user input; broken internal invariants panic instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter or option is out of range or inconsistent.
    #[error("{0}")]
    InvalidParameter(String),
    /// An array does not have the expected size.
    #[error("{what} must have shape {expected}, got {got}")]
    Shape {
        /// Name of the array.
        what: String,
        /// Expected shape in words.
        expected: String,
        /// Shape that came in.
        got: String,
    },
    /// A structure cannot be handled (unknown element, flat cell, coinciding atoms, ...).
    #[error("{0}")]
    Structure(String),
    /// A potential file is damaged or of an unknown version.
    #[error("{0}")]
    ModelFile(String),
    /// A run met a non-finite or unphysical value and had to stop.
    #[error("{0}")]
    Simulation(String),
    /// The caller asked to stop (Ctrl-C).
    #[error("interrupted")]
    Interrupted,
    /// Reading or writing a file failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
}

impl Error {
    /// Shape mismatch of the array `what`.
    pub fn shape(what: &str, expected: impl ToString, got: impl ToString) -> Self {
        Self::Shape { what: what.to_owned(), expected: expected.to_string(), got: got.to_string() }
    }
}

/// Result with the crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
