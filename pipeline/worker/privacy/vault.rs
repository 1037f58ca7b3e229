//! Where the sessions' keys lie: one small object for each session in an object store, wrapped by a key of the tenant.
//!
//! An object and no compacted topic: a tombstone hides a record at once, but brokers drop it when they compact, and a
//! key has to be gone when its session is erased. A session that is erased leaves a mark in the place of its key, put
//! there by the same write that replaces the key, so that nobody makes a new one: what comes late stays unreadable.
//!
//! Requests run on a thread of the vault's own, so that callers may wait ([`Vault::wait`]), await, or go on and look
//! later ([`Vault::ask`]), on whatever thread or runtime they are. They are not tried again here.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::SessionId;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, RetryConfig};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::cache::Cache;
use super::cipher::{Cipher, Sealed, bound, random};
use super::{SessionKey, TenantKeys, VaultError};
use crate::clock;
use crate::media::{MediaError, Origin, Prefix, open_store};

/// How long the vault may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the key of a session is bound to besides the session.
const KIND: &str = "invigilator.session-key.v1";
/// No object of ours is larger.
const LARGEST: u64 = 4 << 10;

/// What is wanted of a session's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// To open something: the key is there, unless something is wrong.
    Existing,
    /// To seal something: a key is made if there is none.
    New,
}

/// The sessions' keys. Dropping it does not wait for requests.
pub struct Vault {
    inner: Arc<Inner>,
    /// Always there until it is dropped.
    runtime: Option<Runtime>,
}

struct Inner {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    tenants: Arc<TenantKeys>,
    cache: Mutex<Cache>,
}

/// What lies in the vault for a session.
#[derive(Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Entry {
    /// Its key.
    Kept { key_id: String, nonce: String, wrapped: String },
    /// The mark of a session that was erased.
    Erased { at: String },
}

/// A vault that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing can be put there.
    #[error("a vault is a folder or a bucket: file:///FOLDER/ or s3://BUCKET/PREFIX/")]
    ReadOnly,
    /// The environment does not say how to reach the store.
    #[error(transparent)]
    Store(#[from] object_store::Error),
    /// This machine.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Vault {
    /// The vault in this place. Nobody is asked yet.
    ///
    /// # Errors
    /// If nothing can be put there, or the environment does not say how to reach it.
    pub fn open(place: &Prefix, tenants: Arc<TenantKeys>) -> Result<Self, OpenError> {
        if matches!(place.origin(), Origin::Web { .. }) {
            return Err(OpenError::ReadOnly);
        }
        // Who needs a key knows what else waits.
        let once = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let store = open_store(place.origin(), once)?;
        let prefix = Path::parse(place.path()).map_err(object_store::Error::from)?;
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("vault").enable_all().build()?;
        let inner = Arc::new(Inner { store, prefix, tenants, cache: Mutex::default() });
        Ok(Self { inner, runtime: Some(runtime) })
    }

    /// The key of a session, if this process has asked for it lately.
    pub fn at_hand(&self, session: &SessionId) -> Option<SessionKey> {
        self.inner.cache().fresh(session, Instant::now())
    }

    /// Asks for the key of a session, and goes on. The answer comes within seconds, whatever the vault does.
    pub fn ask(&self, session: &SessionId, wish: Wish) -> oneshot::Receiver<Result<SessionKey, VaultError>> {
        let (tell, told) = oneshot::channel();
        match self.at_hand(session) {
            // Whoever asked is still there.
            Some(key) => drop(tell.send(Ok(key))),
            None => {
                let (inner, session) = (Arc::clone(&self.inner), session.clone());
                // Nobody may want to know any more.
                self.runtime().spawn(async move { drop(tell.send(inner.answer(&session, wish).await)) });
            }
        }
        told
    }

    /// The key of a session; one is made if there is none.
    ///
    /// # Errors
    /// If the session was erased, or the key cannot be had now.
    pub async fn key(&self, session: &SessionId) -> Result<SessionKey, VaultError> {
        self.ask(session, Wish::New).await.unwrap_or(Err(STOPPED))
    }

    /// The key of a session that has one.
    ///
    /// # Errors
    /// As [`key`](Self::key), or if there is none.
    pub async fn existing(&self, session: &SessionId) -> Result<SessionKey, VaultError> {
        self.ask(session, Wish::Existing).await.unwrap_or(Err(STOPPED))
    }

    /// Destroys the key of a session for good, and says whether there was one. There is never another one.
    ///
    /// # Errors
    /// If the vault does not answer: then the key may be there or not.
    pub async fn destroy(&self, session: &SessionId) -> Result<bool, VaultError> {
        let (inner, session) = (Arc::clone(&self.inner), session.clone());
        let destroyed = self.runtime().spawn(async move { within(inner.destroy(&session)).await });
        destroyed.await.unwrap_or(Err(STOPPED))
    }

    /// Waits for one of these answers, on a thread that may.
    pub fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime().block_on(answer)
    }

    /// Does something on the vault's thread.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime().spawn(work);
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is there until the vault is dropped")
    }
}

/// The store does not do what it is asked to.
const REFUSED: VaultError = VaultError::Store { reason: "store_refuses" };
/// Nobody answers any more.
const STOPPED: VaultError = VaultError::Store { reason: "store_stopped" };

async fn within<T>(work: impl Future<Output = Result<T, VaultError>>) -> Result<T, VaultError> {
    timeout(PATIENCE, work).await.unwrap_or(Err(VaultError::Store { reason: "store_timeout" }))
}

impl Inner {
    async fn answer(&self, session: &SessionId, wish: Wish) -> Result<SessionKey, VaultError> {
        let answer = within(async {
            match (self.read(session).await, wish) {
                (Err(VaultError::Missing), Wish::New) => self.make(session).await,
                (read, _) => read,
            }
        });
        let answer = answer.await;
        let (mut cache, now) = (self.cache(), Instant::now());
        match answer {
            Ok(key) => {
                cache.keep(session, key.clone(), now);
                Ok(key)
            }
            // What has begun goes on while the vault is away.
            Err(error @ VaultError::Store { .. }) => cache.stale(session, now).ok_or(error),
            Err(error) => {
                cache.forget(session);
                Err(error)
            }
        }
    }

    async fn read(&self, session: &SessionId) -> Result<SessionKey, VaultError> {
        match self.entry(session).await? {
            None => Err(VaultError::Missing),
            Some(Entry::Erased { .. }) => Err(VaultError::Erased),
            Some(Entry::Kept { key_id, nonce, wrapped }) => {
                let tenant = session.tenant();
                let no_key = || VaultError::NoTenantKey { tenant: tenant.to_owned(), key_id: key_id.clone() };
                let wrapping = &self.tenants.named(tenant, &key_id).ok_or_else(no_key)?.cipher;
                let decoded = STANDARD.decode(&nonce).ok().zip(STANDARD.decode(&wrapped).ok());
                let (nonce, wrapped) = decoded.ok_or(VaultError::Unusable)?;
                let opened = wrapping.open(&bound(&[KIND, session.as_str()]), &nonce, wrapped);
                let cipher = opened.ok().and_then(|bytes| Cipher::new(&bytes));
                cipher.map(SessionKey::new).ok_or(VaultError::Unusable)
            }
        }
    }

    /// Makes a key, unless somebody else was faster: then his counts.
    async fn make(&self, session: &SessionId) -> Result<SessionKey, VaultError> {
        let tenant = session.tenant();
        let no_key = || VaultError::NoTenantKey { tenant: tenant.to_owned(), key_id: "*".to_owned() };
        let wrapping = self.tenants.current(tenant).ok_or_else(no_key)?;
        let bytes: [u8; 32] = random()?;
        let Sealed { nonce, ciphertext } = wrapping.cipher.seal(&bound(&[KIND, session.as_str()]), &bytes)?;
        let entry = Entry::Kept {
            key_id: wrapping.id.clone(),
            nonce: STANDARD.encode(nonce),
            wrapped: STANDARD.encode(ciphertext),
        };
        if self.put(session, &entry, PutMode::Create).await? {
            Cipher::new(&bytes).map(SessionKey::new).ok_or(VaultError::Unusable)
        } else {
            self.read(session).await
        }
    }

    async fn destroy(&self, session: &SessionId) -> Result<bool, VaultError> {
        let found = self.entry(session).await?;
        self.cache().forget(session);
        if !matches!(found, Some(Entry::Erased { .. })) {
            let is_put = self.put(session, &Entry::Erased { at: clock::now() }, PutMode::Overwrite).await?;
            is_put.then_some(()).ok_or(REFUSED)?;
        }
        Ok(matches!(found, Some(Entry::Kept { .. })))
    }

    async fn entry(&self, session: &SessionId) -> Result<Option<Entry>, VaultError> {
        let found = match self.store.get(&self.path(session)).await.map_err(MediaError::from) {
            Ok(found) if found.meta.size > LARGEST => return Err(VaultError::Unusable),
            Ok(found) => found.bytes().await.map_err(|error| store_fails(error.into()))?,
            Err(MediaError::NotFound) => return Ok(None),
            Err(error) => return Err(store_fails(error)),
        };
        serde_json::from_slice(&found).map(Some).map_err(|_| VaultError::Unusable)
    }

    /// Puts an entry; `false` if there is one already that must not be replaced.
    async fn put(&self, session: &SessionId, entry: &Entry, mode: PutMode) -> Result<bool, VaultError> {
        let json = serde_json::to_vec(entry).expect("keys of an entry are strings");
        match self.store.put_opts(&self.path(session), json.into(), mode.into()).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => match MediaError::from(error) {
                // The same by way of our own client.
                MediaError::Refused { status: 409 | 412 } => Ok(false),
                error => Err(store_fails(error)),
            },
        }
    }

    /// `PREFIX/TENANT/EXAM/SESSION.key`; names that mean something to a file system are written otherwise.
    fn path(&self, session: &SessionId) -> Path {
        let name = format!("{}.key", session.as_str());
        name.split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        // Whole whatever happened to a thread that held it.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a store says is not repeated (it repeats key ids and signatures), nor is it a matter of media here.
fn store_fails(error: MediaError) -> VaultError {
    let reason = match error {
        MediaError::Unauthorized
        | MediaError::StoreFails { .. }
        | MediaError::Unreachable(_)
        | MediaError::TimedOut { .. } => error.reason(),
        _ => return REFUSED,
    };
    VaultError::Store { reason }
}

impl Drop for Vault {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // It may be dropped on another runtime, where nobody may wait.
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests;
