//! Why a recording was not uploaded.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use container::ContainerError;
use domain::error::ErrorKind;

/// A session that was not uploaded, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The stream cannot be read.
    #[error("cannot read the stream: {0}")]
    Unreadable(#[from] io::Error),
    /// It is none that browsers could have recorded.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// No gateway has this address.
    #[error("`{0}` is no address of a gateway: it begins with http:// or https://")]
    Address(String),
    /// There is no token.
    #[error("cannot read a token from {}: {source}", .path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The gateway says no, and would say so again.
    #[error("the gateway refuses to {action}: {status} {detail}")]
    Refused {
        /// What was asked of it.
        action: &'static str,
        /// The HTTP status.
        status: u16,
        /// Its words.
        detail: String,
    },
    /// The gateway, or the way to it, failed for too long.
    #[error("cannot {action}: {reason}; given up after {}", humantime::format_duration(*.after))]
    Unavailable {
        /// What was asked of it.
        action: &'static str,
        /// The last failure.
        reason: String,
        /// How long it was tried.
        after: Duration,
    },
    /// The gateway's answer is not understood.
    #[error("the gateway's answer to {action} is not understood: {reason}")]
    Answer {
        /// What was asked of it.
        action: &'static str,
        /// Why not.
        reason: String,
    },
}

impl UploadError {
    /// Whether the stream is to blame, or nothing can be uploaded.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreadable(_) | Self::Container(_) => ErrorKind::Poison,
            // Media and names are the stream's; a token that is not accepted is nobody's.
            Self::Refused { status: 401 | 403, .. } => ErrorKind::Fatal,
            Self::Refused { .. } => ErrorKind::Poison,
            Self::Address(_) | Self::Token { .. } | Self::Unavailable { .. } | Self::Answer { .. } => {
                ErrorKind::Fatal
            }
        }
    }
}
