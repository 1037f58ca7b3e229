//! Why a recording was not published.

use std::io;
use std::path::PathBuf;

use container::ContainerError;
use domain::error::ErrorKind;
use domain::ids::SessionIdError;
use kafka::KafkaError;

use crate::media::{AddressError, BucketError};
use crate::privacy::{SealError, VaultError};

/// A session that was not published, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The file cannot be read.
    #[error("cannot read the file: {0}")]
    Unreadable(#[from] io::Error),
    /// The file is no recording that can be cut.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// A copy of the session cannot be named.
    #[error(transparent)]
    Name(#[from] SessionIdError),
    /// A segment fits into no record, and there is nowhere else to put it.
    #[error("segment {sequence} has {bytes} bytes, more than {most}, and no place for media is given")]
    TooLarge {
        /// Its number.
        sequence: u64,
        /// Its size.
        bytes: usize,
        /// What a record may hold.
        most: usize,
    },
    /// Media cannot be put in a folder.
    #[error("cannot store media in {}: {source}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The folder's path cannot be written as an address.
    #[error("the folder for media must have a plain name (ASCII, no spaces, no `%`): {}", .0.display())]
    FolderName(PathBuf),
    /// The place for media is no address.
    #[error("the address for media {0}")]
    Address(AddressError),
    /// Nothing can be put there.
    #[error("media can be read from web servers but not put there: name a folder or s3://BUCKET/PREFIX")]
    ReadOnly,
    /// Media cannot be put in a bucket.
    #[error("cannot store media below {uri}: {source}")]
    Bucket {
        /// The place.
        uri: String,
        /// What the store says.
        source: BucketError,
    },
    /// The session was erased, or its key cannot be had.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Media cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The brokers.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// An end was asked for.
    #[error("stopped before its end")]
    Stopped,
}

impl PublishError {
    /// Whether the file is to blame, or nothing can be published.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Container(error) => error.kind(),
            Self::Vault(VaultError::Erased) | Self::Unreadable(_) | Self::Name(_) | Self::TooLarge { .. } => {
                ErrorKind::Poison
            }
            Self::Folder { .. }
            | Self::FolderName(_)
            | Self::Address(_)
            | Self::ReadOnly
            | Self::Bucket { .. }
            | Self::Vault(_)
            | Self::Seal(_)
            | Self::Kafka(_) => ErrorKind::Fatal,
            Self::Stopped => ErrorKind::Transient,
        }
    }
}
