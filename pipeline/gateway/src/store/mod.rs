//! What dashboards are shown: one desk for each session, folded from the log by one thread, read by many.
//!
//! | File | Responsible for |
//! |---|---|
//! | [`fold`] | batches of the log → desks, summaries, events |
//! | [`tables`] | the file: desks, summaries and audit, with the positions up to which they are folded |
//! | [`retention`] | what is too old is forgotten |
//! | [`index`] | summaries of all sessions in memory: lists, filters, order, pages |
//!
//! Everything here can be made again from the log: a file of another format, or a lost one, costs the time of
//! reading. What is not in the file yet when the process ends is read again.

pub mod fold;
pub mod index;
pub mod retention;
pub mod tables;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use domain::desk::{IngestMs, SessionDesk, StreamState};
use domain::ids::SessionId;
use domain::messages::Audit;
use domain::ports::Feed;

pub use retention::Retention;
pub use tables::StoreError;

use crate::clock;
use fold::Folding;
use index::Index;
use tables::{AuditPlace, Tables};

/// A desk that readers and the folding thread share.
type Shared = Arc<RwLock<SessionDesk>>;

/// What dashboards are shown.
#[derive(Debug)]
pub struct Store {
    tables: Tables,
    index: RwLock<Index>,
    /// Desks that changed lately.
    desks: RwLock<HashMap<SessionId, Shared>>,
    folding: Mutex<Folding>,
    retention: Retention,
}

impl Store {
    /// Opens the store of a folder, or makes an empty one: of the log with this name.
    ///
    /// # Errors
    /// If the folder cannot be used, or another process uses it.
    pub fn open(folder: &Path, log: &str, retention: Retention) -> Result<Self, StoreError> {
        match Self::load(Tables::open(folder, log)?, retention) {
            Err(error @ StoreError::Content(_)) => {
                tracing::warn!(%error, "the store is made again from the log");
                Self::load(Tables::renew(folder, log)?, retention)
            }
            loaded => loaded,
        }
    }

    fn load(tables: Tables, retention: Retention) -> Result<Self, StoreError> {
        let now = IngestMs(clock::now_ms());
        let (mut index, mut desks) = (Index::default(), HashMap::new());
        for mut summary in tables.summaries()? {
            let mut silent_from = None;
            // Whether a stream still goes on is a question of the time of day.
            if summary.state == StreamState::Live
                && let Some(desk) = tables.desk(&summary.session)?
            {
                (summary, silent_from) = (desk.summary(now), desk.silent_from(now));
                desks.insert(summary.session.clone(), Arc::new(RwLock::new(desk)));
            }
            index.put(summary, silent_from);
        }
        let folding = Mutex::new(Folding::new(tables.positions()?, tables.erased()?));
        let store = Self { tables, index: RwLock::new(index), desks: RwLock::new(desks), folding, retention };
        store.sweep(&mut store.folding.lock().unwrap_or_else(PoisonError::into_inner), now)?;
        Ok(store)
    }

    /// Where to go on reading a partition; `None`: from its beginning.
    pub fn next_offset(&self, feed: Feed, partition: i32) -> Option<i64> {
        let folding = self.folding.lock().unwrap_or_else(PoisonError::into_inner);
        folding.next_offset(feed, partition)
    }

    /// Summaries of all sessions.
    pub fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at a session's desk; `None` if there is none. Reads the file, or computes for a millisecond: not for
    /// the async runtime.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn look<T>(
        &self,
        session: &SessionId,
        view: impl FnOnce(&SessionDesk) -> T,
    ) -> Result<Option<T>, StoreError> {
        let shared = self.desks.read().unwrap_or_else(PoisonError::into_inner).get(session).cloned();
        if let Some(shared) = shared {
            let desk = shared.read().unwrap_or_else(PoisonError::into_inner);
            return Ok(Some(view(&desk)));
        }
        Ok(self.tables.desk(session)?.map(|desk| view(&desk)))
    }

    /// The newest entries of a tenant's audit log before a place, at most `limit`. Reads the file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn audit(
        &self,
        tenant: &str,
        before: Option<AuditPlace>,
        limit: usize,
    ) -> Result<Vec<(AuditPlace, Audit)>, StoreError> {
        self.tables.audit(tenant, before, limit)
    }
}
