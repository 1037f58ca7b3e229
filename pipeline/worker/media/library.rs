//! The media that a worker may read: stores of the allowed prefixes, and what is checked of every fetch.
//!
//! Stores are opened once, for allowed origins alone. They do not try again by themselves: the fetch stage
//! does, and knows what else waits.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, RetryConfig};
use sha2::{Digest, Sha256};

use super::address::{Address, Origin, Prefix};
use super::{MediaError, Reference, stores};

/// How long the media of a segment may take to come.
const FETCH: Duration = Duration::from_secs(30);

/// What may be read.
#[derive(Debug)]
pub struct Library {
    allowed: Vec<Prefix>,
    stores: BTreeMap<Origin, Store>,
    most_bytes: u64,
    patience: Duration,
}

/// A store, and what it gave last.
#[derive(Debug)]
struct Store {
    inner: Arc<dyn ObjectStore>,
    given: Mutex<Option<Path>>,
}

impl Library {
    /// Everything below these prefixes that is no longer than `most_bytes`. Nobody is asked yet.
    ///
    /// # Errors
    /// If a store cannot be described: without credentials for example.
    pub fn open(allowed: &[Prefix], most_bytes: u64) -> object_store::Result<Self> {
        let once = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let open = |prefix: &Prefix| {
            let origin = prefix.origin().clone();
            let inner = stores::open(&origin, once.clone())?;
            Ok((origin, Store { inner, given: Mutex::default() }))
        };
        let stores = allowed.iter().map(open).collect::<object_store::Result<_>>()?;
        Ok(Self { allowed: allowed.to_vec(), stores, most_bytes, patience: FETCH })
    }

    /// Fetches media. On a runtime of tokio.
    ///
    /// # Errors
    /// If they are not allowed, cannot be had, or are not what the reference states.
    pub async fn read(&self, reference: &Reference) -> Result<Vec<u8>, MediaError> {
        if reference.size > self.most_bytes {
            return Err(MediaError::TooLarge { size: reference.size, most: self.most_bytes });
        }
        let address: Address = reference.uri.parse().map_err(|_| MediaError::NotAllowed)?;
        if !self.allowed.iter().any(|prefix| prefix.holds(&address)) {
            return Err(MediaError::NotAllowed);
        }
        let store = self.stores.get(address.origin()).ok_or(MediaError::NotAllowed)?;
        let fetch = async {
            match self.read_from(store, &address, reference).await {
                // Them or us?
                Err(MediaError::Unauthorized) if store.still_gives().await => Err(MediaError::Forbidden),
                read => read,
            }
        };
        let late = |_| MediaError::TimedOut { after: self.patience };
        tokio::time::timeout(self.patience, fetch).await.map_err(late)?
    }

    async fn read_from(
        &self,
        store: &Store,
        address: &Address,
        reference: &Reference,
    ) -> Result<Vec<u8>, MediaError> {
        let path = match address.origin() {
            Origin::Files => self.resolve(address).await?,
            Origin::Web { .. } | Origin::Bucket(_) => stores::path_of(address)?,
        };
        let media = download(store.inner.as_ref(), &path, reference).await?;
        *store.given() = Some(path);
        Ok(media)
    }

    /// The true path of a file, if that is allowed as well: no link leads out. Whoever may write below an
    /// allowed folder could still exchange a link in the moment after; the hash has to fit in any case.
    async fn resolve(&self, address: &Address) -> Result<Path, MediaError> {
        let found = tokio::fs::canonicalize(FilePath::new("/").join(address.path())).await?;
        let mut is_allowed = false;
        for prefix in self.allowed.iter().filter(|prefix| *prefix.origin() == Origin::Files) {
            let folder = tokio::fs::canonicalize(FilePath::new("/").join(prefix.path())).await;
            is_allowed |= folder.is_ok_and(|folder| found.starts_with(folder));
        }
        if !is_allowed {
            return Err(MediaError::NotAllowed);
        }
        // Opening a pipe would wait for a writer.
        if !tokio::fs::metadata(&found).await?.is_file() {
            return Err(MediaError::Unreadable);
        }
        Path::from_absolute_path(found).map_err(|_| MediaError::Unreadable)
    }
}

impl Store {
    /// Whether it would give again what it gave last: if so, it knows who we are.
    async fn still_gives(&self) -> bool {
        let given = self.given().clone();
        match given {
            Some(path) => self.inner.get(&path).await.is_ok(),
            None => false,
        }
    }

    fn given(&self) -> MutexGuard<'_, Option<Path>> {
        // Whole whatever happened to a thread that held it.
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads what is at a path as long as it can be what the reference states.
async fn download(store: &dyn ObjectStore, path: &Path, stated: &Reference) -> Result<Vec<u8>, MediaError> {
    let length_differs = MediaError::Different { what: "their length" };
    let found = store.get(path).await?;
    if found.meta.size != stated.size {
        return Err(length_differs);
    }
    let (mut media, mut hash) = (Vec::with_capacity(stated.size as usize), Sha256::new());
    let mut stream = found.into_stream();
    while let Some(bytes) = stream.try_next().await? {
        if (media.len() + bytes.len()) as u64 > stated.size {
            return Err(length_differs);
        }
        hash.update(&bytes);
        media.extend_from_slice(&bytes);
    }
    if media.len() as u64 != stated.size {
        return Err(length_differs);
    }
    if format!("{:x}", hash.finalize()) != stated.sha256 {
        return Err(MediaError::Different { what: "their hash" });
    }
    Ok(media)
}

#[cfg(test)]
mod tests;
