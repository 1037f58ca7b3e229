//! Why a record is no message: a stable word for each reason.

use domain::error::ErrorKind;
use domain::messages::{ChunkError, SegmentError};

/// A record that cannot be read. It will be as bad the next time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A header that every event has is not there.
    #[error("the header `{header}` is missing")]
    MissingHeader {
        /// Its name.
        header: &'static str,
    },
    /// A header whose value makes no sense.
    #[error("the header `{header}` is not valid")]
    InvalidHeader {
        /// Its name.
        header: &'static str,
    },
    /// Another version of CloudEvents.
    #[error("CloudEvents version {found} is not supported")]
    UnknownSpecVersion {
        /// The version.
        found: String,
    },
    /// Something else than what is expected in this place.
    #[error("an event of type {found} is not expected here")]
    UnknownType {
        /// Its type.
        found: String,
    },
    /// The expected message, in a version that this program does not know.
    #[error("events of type {found} are of another version than this program reads")]
    UnknownVersion {
        /// Its type.
        found: String,
    },
    /// The data are of another kind.
    #[error("content of type {found} is not expected here")]
    WrongContentType {
        /// The content type.
        found: String,
    },
    /// The key is not the session: the record's order among others means nothing.
    #[error("the key is not the session")]
    KeyIsNotSession,
    /// The subject is not the session.
    #[error("the subject is not the session")]
    SubjectIsNotSession,
    /// There is no value.
    #[error("the record has no value")]
    NoValue,
    /// The value is not what the type says.
    #[error("the value cannot be read: {problem}")]
    InvalidData {
        /// Where and why.
        problem: String,
    },
    /// Media both in the record and by reference, or neither.
    #[error("media are either in the record or referred to")]
    AmbiguousMedia,
    /// The header of a segment breaks a rule.
    #[error("{0}")]
    Segment(#[from] SegmentError),
    /// The header of a chunk breaks a rule.
    #[error("{0}")]
    Chunk(#[from] ChunkError),
}

impl WireError {
    /// What to do with the input: always dead letter, placeholder, go on.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Poison
    }

    /// A stable word for messages, metrics and dead letters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::MissingHeader { .. } => "missing_header",
            Self::InvalidHeader { .. } => "invalid_header",
            Self::UnknownSpecVersion { .. } => "unknown_spec_version",
            Self::UnknownType { .. } => "unknown_type",
            Self::UnknownVersion { .. } => "unknown_version",
            Self::WrongContentType { .. } => "wrong_content_type",
            Self::KeyIsNotSession => "key_is_not_session",
            Self::SubjectIsNotSession => "subject_is_not_session",
            Self::NoValue => "no_value",
            Self::InvalidData { .. } => "invalid_data",
            Self::AmbiguousMedia => "ambiguous_media",
            Self::Segment(_) => "invalid_segment",
            Self::Chunk(_) => "invalid_chunk",
        }
    }
}

/// Text from outside in a form that is safe to log: short, visible ASCII.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|each| each.is_ascii_graphic() || *each == ' ').take(80).collect()
}
