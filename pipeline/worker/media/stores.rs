//! Object stores, by origin, and the bucket that publishing puts media in.

use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use object_store::http::HttpBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::runtime::{Builder, Runtime};

use super::address::{Address, AddressError, Origin, Prefix};
use super::client::Direct;

/// Opens the store of an origin. Nobody is asked yet. Where buckets are and who we are comes from the
/// environment (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, ..., or the role of the machine).
///
/// # Errors
/// If the environment describes none.
pub(crate) fn open(origin: &Origin, retry: RetryConfig) -> object_store::Result<Arc<dyn ObjectStore>> {
    Ok(match origin {
        // What was put is there, whatever becomes of the machine.
        Origin::Files => Arc::new(LocalFileSystem::new().with_fsync(true)),
        Origin::Web { .. } => Arc::new(
            HttpBuilder::new()
                .with_url(origin.to_string())
                .with_retry(retry)
                .with_http_connector(Direct)
                .build()?,
        ),
        Origin::Bucket(bucket) => Arc::new(
            AmazonS3Builder::from_env()
                .with_bucket_name(bucket)
                .with_retry(retry)
                .with_http_connector(Direct)
                .build()?,
        ),
    })
}

/// The path of an address in its store.
pub(super) fn path_of(address: &Address) -> object_store::Result<Path> {
    Ok(Path::parse(address.path())?)
}

/// A place in a bucket that media are put in. Threads may share it.
#[derive(Debug)]
pub struct Bucket {
    prefix: Prefix,
    store: Arc<dyn ObjectStore>,
    runtime: Runtime,
}

/// Media that could not be put in a bucket.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The name is no plain one.
    #[error(transparent)]
    Name(#[from] AddressError),
    /// The store, or the environment that describes it.
    #[error(transparent)]
    Store(#[from] object_store::Error),
    /// This machine.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Bucket {
    /// Opens a place. Nobody is asked yet.
    ///
    /// # Errors
    /// If the environment does not say how to reach the store.
    pub fn open(prefix: Prefix) -> Result<Self, BucketError> {
        let store = open(prefix.origin(), RetryConfig::default())?;
        Ok(Self { prefix, store, runtime: Builder::new_current_thread().enable_all().build()? })
    }

    /// Where it is.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// Puts bytes there; returns when they can be read, whole, by the address that it gives. Tries again
    /// for minutes if the store fails.
    ///
    /// # Errors
    /// If the store does not take them.
    pub fn put(&self, name: &str, bytes: Vec<u8>) -> Result<Address, BucketError> {
        let address = self.prefix.join(name)?;
        self.runtime.block_on(self.store.put(&path_of(&address)?, bytes.into()))?;
        Ok(address)
    }
}
