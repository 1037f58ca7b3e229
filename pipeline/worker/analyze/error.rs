//! Why a file could not be analysed.

use std::io;

use decode::DecodeError;
use domain::error::ErrorKind;

/// A file that could not be analysed. What was found in it before stands.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    /// The file cannot be read.
    #[error("cannot read the file")]
    Io(#[from] io::Error),
    /// It cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The models cannot run.
    #[error("cannot look at its pictures: {message}")]
    Vision {
        /// What it means for the program.
        kind: ErrorKind,
        /// What the models' adapter says.
        message: String,
    },
}

impl AnalyzeError {
    /// Whether other files can still be analysed: not after a fatal error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io(_) => ErrorKind::Poison,
            Self::Decode(error) => error.kind(),
            Self::Vision { kind, .. } => *kind,
        }
    }
}
