//! Where pictures lie: one object for each, `PREFIX/TENANT/EXAM/SESSION/NAME.sealed`, in a folder or a bucket.
//!
//! Knows names and ages, and nothing of what is in an object. What is past its time is not there any more, whether
//! somebody has deleted it yet or not. Requests are waited for, on a thread that may, for seconds at most.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::error::ErrorKind;
use domain::evidence::PictureName;
use domain::ids::SessionId;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::clock;
use crate::exit::{Exit, Failure};
use crate::media::{MediaError, Origin, Prefix, open_store};

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How names of objects end.
const ENDING: &str = ".sealed";
/// No picture of ours is larger: 640 pixels wide at most, and sealed.
const LARGEST: u64 = 4 << 20;

/// Pictures, as objects.
#[derive(Debug)]
pub struct PictureStore {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    keep: Duration,
    runtime: Runtime,
}

/// A store that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing can be put there.
    #[error("pictures go to a folder or a bucket: file:///FOLDER/ or s3://BUCKET/PREFIX/")]
    ReadOnly,
    /// They would lie there as they are.
    #[error("needs privacy.vault: pictures are sealed with the keys of their sessions")]
    NoVault,
    /// The environment does not say how to reach the store.
    #[error(transparent)]
    Store(#[from] object_store::Error),
    /// This machine.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The store cannot be used now. What it says itself is not repeated: it repeats key ids and signatures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store of pictures cannot be used: {reason}")]
pub struct StoreError {
    /// A stable word.
    pub reason: &'static str,
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::new(Exit::Configuration, anyhow::Error::new(error).context("evidence.store"))
    }
}

impl StoreError {
    /// What to do with whatever needs the store: a picture can be done without, an operator's tool is run again.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Transient
    }
}

/// What a sweep came to, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Past their time, and deleted.
    pub deleted: u64,
    /// Not past it.
    pub kept: u64,
}

impl PictureStore {
    /// The store in this place, of which nothing is kept for longer than `keep`. Nobody is asked yet.
    ///
    /// # Errors
    /// If nothing can be put there, or the environment does not say how to reach it.
    pub fn open(place: &Prefix, keep: Duration) -> Result<Self, OpenError> {
        if matches!(place.origin(), Origin::Web { .. }) {
            return Err(OpenError::ReadOnly);
        }
        // Nothing waits for a picture; the next one tries anew.
        let once = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let store = open_store(place.origin(), once)?;
        let prefix = Path::parse(place.path()).map_err(object_store::Error::from)?;
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("pictures").enable_all().build()?;
        Ok(Self { store, prefix, keep, runtime })
    }

    /// Puts a picture there, in the place of an earlier one of the same name.
    ///
    /// # Errors
    /// If the store does not take it.
    pub fn put(&self, session: &SessionId, name: &PictureName, sealed: Vec<u8>) -> Result<(), StoreError> {
        self.ask(async {
            self.store.put(&self.path(session, name), sealed.into()).await?;
            Ok(())
        })
    }

    /// A picture; nothing, if it is not there or past its time.
    ///
    /// # Errors
    /// If the store fails.
    pub fn get(&self, session: &SessionId, name: &PictureName) -> Result<Option<Vec<u8>>, StoreError> {
        self.ask(async {
            let found = match self.store.get(&self.path(session, name)).await.map_err(MediaError::from) {
                Err(MediaError::NotFound) => return Ok(None),
                found => found?,
            };
            if found.meta.size > LARGEST || self.is_past(&found.meta) {
                return Ok(None);
            }
            Ok(Some(found.bytes().await?.to_vec()))
        })
    }

    /// The pictures of a session, in order.
    ///
    /// # Errors
    /// If the store fails.
    pub fn list(&self, session: &SessionId) -> Result<Vec<PictureName>, StoreError> {
        let listed = self.ask(self.objects(&self.folder(session)))?;
        let names = listed.iter().filter(|object| !self.is_past(object)).filter_map(name_of);
        let mut names: Vec<PictureName> = names.collect();
        names.sort();
        Ok(names)
    }

    /// Deletes pictures of a session. One that is not there any more is deleted.
    ///
    /// # Errors
    /// If the store fails; some may be deleted then.
    pub fn delete(&self, session: &SessionId, names: &[PictureName]) -> Result<(), StoreError> {
        self.delete_all(names.iter().map(|name| self.path(session, name)).collect())
    }

    /// Deletes all pictures of a session, past their time or not; how many there were.
    ///
    /// # Errors
    /// If the store fails; some may be deleted then.
    pub fn remove_all(&self, session: &SessionId) -> Result<usize, StoreError> {
        let listed = self.ask(self.objects(&self.folder(session)))?;
        let paths: Vec<Path> = listed.into_iter().map(|object| object.location).collect();
        let count = paths.len();
        self.delete_all(paths)?;
        Ok(count)
    }

    /// Deletes what is past its time, or counts it alone. Takes as long as it takes.
    ///
    /// # Errors
    /// If the store fails; some may be deleted then, and the next one deletes the others.
    pub fn sweep(&self, dry_run: bool) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let mut past = Vec::new();
        let listing = async {
            let mut listed = self.store.list(Some(&self.prefix));
            while let Some(object) = next(&mut listed).await? {
                match name_of(&object) {
                    Some(_) if self.is_past(&object) => past.push(object.location),
                    Some(_) => swept.kept += 1,
                    // Not ours.
                    None => {}
                }
            }
            Ok(())
        };
        self.runtime.block_on(listing).map_err(failed)?;
        swept.deleted = past.len() as u64;
        if !dry_run {
            past.chunks(1000).try_for_each(|some| self.delete_all(some.to_vec()))?;
        }
        Ok(swept)
    }

    fn delete_all(&self, paths: Vec<Path>) -> Result<(), StoreError> {
        let paths = futures_util::stream::iter(paths.into_iter().map(Ok)).boxed();
        self.ask(async {
            let mut deleted = self.store.delete_stream(paths);
            while let Some(one) = deleted.next().await {
                match one.map_err(MediaError::from) {
                    Ok(_) | Err(MediaError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
    }

    /// The pictures below a folder.
    async fn objects(&self, folder: &Path) -> Result<Vec<ObjectMeta>, MediaError> {
        let mut listed = self.store.list(Some(folder));
        let mut objects = Vec::new();
        while let Some(object) = next(&mut listed).await? {
            objects.extend(name_of(&object).is_some().then_some(object));
        }
        Ok(objects)
    }

    fn is_past(&self, object: &ObjectMeta) -> bool {
        let written = object.last_modified.timestamp_millis();
        clock::since_ms(written) >= self.keep
    }

    fn ask<T>(&self, work: impl Future<Output = Result<T, MediaError>>) -> Result<T, StoreError> {
        let late = |_| StoreError { reason: "store_timeout" };
        // The clock of a timeout is that of the runtime which it is made on.
        let limited = async { timeout(PATIENCE, work).await };
        self.runtime.block_on(limited).map_err(late)?.map_err(failed)
    }

    /// Names that mean something to a file system are written otherwise.
    fn folder(&self, session: &SessionId) -> Path {
        session.as_str().split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }

    fn path(&self, session: &SessionId, name: &PictureName) -> Path {
        self.folder(session).join(format!("{name}{ENDING}"))
    }
}

/// The next object of a list. A folder that is not there has none.
async fn next(
    listed: &mut (impl TryStreamExt<Ok = ObjectMeta, Error = object_store::Error> + Unpin),
) -> Result<Option<ObjectMeta>, MediaError> {
    match listed.try_next().await.map_err(MediaError::from) {
        Err(MediaError::NotFound) => Ok(None),
        next => next,
    }
}

fn name_of(object: &ObjectMeta) -> Option<PictureName> {
    object.location.filename()?.strip_suffix(ENDING)?.parse().ok()
}

fn failed(error: MediaError) -> StoreError {
    StoreError { reason: error.reason() }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::SystemTime;

    use tempfile::TempDir;

    use super::*;

    const KEEP: Duration = Duration::from_secs(86_400);

    fn store(folder: &TempDir) -> PictureStore {
        let place = format!("file://{}/pictures/", folder.path().display());
        PictureStore::open(&place.parse().unwrap(), KEEP).unwrap()
    }

    fn session(name: &str) -> SessionId {
        name.parse().unwrap()
    }

    fn name(text: &str) -> PictureName {
        text.parse().unwrap()
    }

    /// Makes a picture as old as it may be.
    fn age(folder: &TempDir, picture: &str) {
        let file: PathBuf = folder.path().join("pictures").join(picture);
        let file = std::fs::File::options().write(true).open(file).unwrap();
        file.set_modified(SystemTime::now() - KEEP).unwrap();
    }

    #[test]
    fn a_picture_is_there_until_it_is_deleted_or_past_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let (store, one) = (store(&folder), session("t1/e1/s1"));
        assert_eq!((store.list(&one), store.get(&one, &name("0-1-2"))), (Ok(Vec::new()), Ok(None)));
        for picture in ["0-12-24000", "0-2-4000", "1-0-30000"] {
            store.put(&one, &name(picture), picture.as_bytes().to_vec()).unwrap();
        }
        store.put(&one, &name("0-2-4000"), b"again".to_vec()).unwrap();
        store.put(&session("t1/e1/s11"), &name("0-2-4000"), b"another's".to_vec()).unwrap();
        assert_eq!(store.list(&one).unwrap(), ["0-2-4000", "0-12-24000", "1-0-30000"].map(name));
        assert_eq!(store.get(&one, &name("0-2-4000")).unwrap().unwrap(), b"again");
        age(&folder, "t1/e1/s1/0-2-4000.sealed");
        assert_eq!(store.get(&one, &name("0-2-4000")), Ok(None), "whether it is deleted or not");
        assert_eq!(store.list(&one).unwrap(), ["0-12-24000", "1-0-30000"].map(name));
        store.delete(&one, &[name("0-12-24000"), name("9-9-9")]).unwrap();
        assert_eq!(store.list(&one).unwrap(), [name("1-0-30000")]);
        assert_eq!(store.remove_all(&one), Ok(2), "what is past its time, too");
        assert_eq!(store.remove_all(&one), Ok(0));
        assert_eq!(store.list(&session("t1/e1/s11")).unwrap().len(), 1, "nobody else's");
    }

    #[test]
    fn a_sweep_deletes_what_is_past_its_time_and_ours() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        assert_eq!(store.sweep(false), Ok(Swept::default()), "nothing is there yet");
        for (session_id, picture) in
            [("t1/e1/s1", "0-1-2000"), ("t1/e1/s1", "0-2-4000"), ("t2/e1/s1", "0-1-2000")]
        {
            store.put(&session(session_id), &name(picture), b"sealed".to_vec()).unwrap();
        }
        let foreign = folder.path().join("pictures/t1/notes.txt");
        std::fs::write(&foreign, b"not ours").unwrap();
        for old in ["t1/e1/s1/0-1-2000.sealed", "t2/e1/s1/0-1-2000.sealed", "t1/notes.txt"] {
            age(&folder, old);
        }
        assert_eq!(store.sweep(true), Ok(Swept { deleted: 2, kept: 1 }));
        assert_eq!(store.sweep(false), Ok(Swept { deleted: 2, kept: 1 }));
        assert_eq!(store.sweep(false), Ok(Swept { deleted: 0, kept: 1 }));
        assert!(foreign.exists());
    }

    #[test]
    fn no_session_leads_out_of_the_place_and_nothing_is_put_on_a_web_server() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        for hostile in ["../../x", "./e/..", "t/../s"] {
            store.put(&session(hostile), &name("0-1-2000"), b"sealed".to_vec()).unwrap();
            assert_eq!(store.list(&session(hostile)).unwrap().len(), 1, "{hostile}");
        }
        let outside = std::fs::read_dir(folder.path()).unwrap();
        assert_eq!(outside.count(), 1, "all of it is in the place");
        let web = "https://media.example.org/pictures/".parse().unwrap();
        assert!(matches!(PictureStore::open(&web, KEEP), Err(OpenError::ReadOnly)));
    }

    #[test]
    fn a_store_that_is_away_says_so_within_seconds() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pictures"), b"a file where a folder should be").unwrap();
        let (store, one) = (store(&folder), session("t1/e1/s1"));
        assert!(store.put(&one, &name("0-1-2000"), b"sealed".to_vec()).is_err());
    }
}
