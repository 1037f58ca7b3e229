//! Media by reference: where they may be, how they are fetched and put there.
//!
//! A record says where its media are, and records come from outside: without the list of allowed prefixes
//! a record could make the worker read any file or ask any server. What is fetched must be as long as
//! stated and have the stated hash.
//!
//! Not responsible for: trying again (the fetch stage does), and what is in the media.

mod address;
mod client;
mod error;
mod library;
mod stores;

pub use address::{Address, AddressError, Origin, Prefix};
pub use error::MediaError;
pub use library::Library;
pub(crate) use stores::open as open_store;
pub use stores::{Bucket, BucketError};

/// Where media are, and what they must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// An address, as the record states it.
    pub uri: String,
    /// Lower-case hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}
