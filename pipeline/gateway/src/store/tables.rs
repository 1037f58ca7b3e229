//! The file: an embedded database. Values are JSON. Everything in it can be made again from the log.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use domain::desk::{SessionDesk, SessionSummary};
use domain::ids::SessionId;
use domain::messages::Audit;
use domain::ports::Feed;
use redb::{Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Changes whenever a desk or a summary is folded or written differently: then all is folded again.
const FORMAT: u64 = 1;
const FILE: &str = "store.redb";
/// Memory for pages of the file; most reads are of desks in memory.
const CACHE_BYTES: usize = 64 << 20;

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const NAMES: TableDefinition<'_, &str, &str> = TableDefinition::new("names");
const POSITIONS: TableDefinition<'_, (&str, i32), i64> = TableDefinition::new("positions");
const DESKS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("desks");
const SUMMARIES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("summaries");
const ERASED: TableDefinition<'_, &str, i64> = TableDefinition::new("erased");
const AUDIT: TableDefinition<'_, (&str, i64, &str), &[u8]> = TableDefinition::new("audit");

/// A store that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be used.
    #[error("cannot use the folder {}: {source}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("{} is in use: each gateway has a store of its own", .0.display())]
    InUse(PathBuf),
    /// The database failed.
    #[error("the store failed: {0}")]
    Database(#[from] redb::Error),
    /// What is in it makes no sense.
    #[error("the store holds what nobody wrote: {0}")]
    Content(#[from] serde_json::Error),
}

impl StoreError {
    /// Whether the file is none that can be read, now or ever.
    fn is_broken(&self) -> bool {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        match self {
            Self::Database(redb::Error::Io(error)) => matches!(error.kind(), InvalidData | UnexpectedEof),
            Self::Database(
                redb::Error::Corrupted(_)
                | redb::Error::UpgradeRequired(_)
                | redb::Error::TableTypeMismatch { .. }
                | redb::Error::TypeDefinitionChanged { .. },
            )
            | Self::Content(_) => true,
            Self::Database(_) | Self::Folder { .. } | Self::InUse(_) => false,
        }
    }
}

macro_rules! from_database {
    ($($error:ty),*) => {
        $(impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                Self::Database(error.into())
            }
        })*
    };
}
from_database!(
    DatabaseError,
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError,
    redb::SetDurabilityError
);

/// Next offset of each partition.
pub type Positions = BTreeMap<(Feed, i32), i64>;

/// Where an entry of the audit log is among those of its tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPlace {
    /// When the log took it, in milliseconds since 1970.
    pub at_ms: i64,
    /// Its id.
    pub audit_id: String,
}

/// The file.
#[derive(Debug)]
pub struct Tables {
    database: Database,
}

impl Tables {
    /// Opens the file of a folder; makes an empty one where there is none, or one of another format or log, or one
    /// that is broken.
    ///
    /// # Errors
    /// If the folder cannot be used, or another process uses it.
    pub fn open(folder: &Path, log: &str) -> Result<Self, StoreError> {
        fs::create_dir_all(folder)
            .map_err(|source| StoreError::Folder { folder: folder.to_owned(), source })?;
        match Self::open_file(&folder.join(FILE), log) {
            Ok(Some(tables)) => return Ok(tables),
            Ok(None) => tracing::info!("the store is of another format or log: it is made again"),
            Err(error) if error.is_broken() => {
                tracing::warn!(%error, "the store cannot be read: it is made again from the log");
            }
            Err(error) => return Err(error),
        }
        Self::renew(folder, log)
    }

    /// Deletes the file of a folder, which nobody has open, and makes an empty one.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn renew(folder: &Path, log: &str) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Folder { folder: folder.to_owned(), source };
        let file = folder.join(FILE);
        fs::remove_file(&file).map_err(failed)?;
        Self::open_file(&file, log)?.ok_or_else(|| failed(io::Error::other("it changes under our hands")))
    }

    /// Opens the file; `None` if it is of another format or log.
    fn open_file(file: &Path, log: &str) -> Result<Option<Self>, StoreError> {
        let database = match Database::builder().set_cache_size(CACHE_BYTES).create(file) {
            Err(DatabaseError::DatabaseAlreadyOpen) => return Err(StoreError::InUse(file.to_owned())),
            opened => opened?,
        };
        let begun = database.begin_write()?;
        let is_ours = {
            let (mut meta, mut names) = (begun.open_table(META)?, begun.open_table(NAMES)?);
            let found = meta.get("format")?.map(|format| format.value());
            if found.is_none() {
                meta.insert("format", FORMAT)?;
                names.insert("log", log)?;
            }
            let is_of_log = names.get("log")?.is_some_and(|name| name.value() == log);
            found.is_none_or(|found| found == FORMAT) && is_of_log
        };
        begun.open_table(POSITIONS)?;
        begun.open_table(DESKS)?;
        begun.open_table(SUMMARIES)?;
        begun.open_table(ERASED)?;
        begun.open_table(AUDIT)?;
        begun.commit()?;
        Ok(is_ours.then_some(Self { database }))
    }

    /// Next offset of each partition.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn positions(&self) -> Result<Positions, StoreError> {
        let table = self.database.begin_read()?.open_table(POSITIONS)?;
        let mut positions = Positions::new();
        for row in table.iter()? {
            let (key, offset) = row?;
            let (name, partition) = key.value();
            if let Some(feed) = Feed::ALL.into_iter().find(|feed| feed.name() == name) {
                positions.insert((feed, partition), offset.value());
            }
        }
        Ok(positions)
    }

    /// Summaries of all sessions, as they were when they were written.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn summaries(&self) -> Result<Vec<SessionSummary>, StoreError> {
        let table = self.database.begin_read()?.open_table(SUMMARIES)?;
        let mut summaries = Vec::new();
        for row in table.iter()? {
            summaries.push(parse(row?.1.value())?);
        }
        Ok(summaries)
    }

    /// The desk of a session.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn desk(&self, session: &SessionId) -> Result<Option<SessionDesk>, StoreError> {
        let table = self.database.begin_read()?.open_table(DESKS)?;
        table.get(session.as_str())?.map(|desk| parse(desk.value())).transpose()
    }

    /// The newest entries of a tenant's audit log before a place.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn audit(
        &self,
        tenant: &str,
        before: Option<AuditPlace>,
        limit: usize,
    ) -> Result<Vec<(AuditPlace, Audit)>, StoreError> {
        let table = self.database.begin_read()?.open_table(AUDIT)?;
        let last = before.unwrap_or(AuditPlace { at_ms: i64::MAX, audit_id: String::new() });
        let range = (tenant, i64::MIN, "")..(tenant, last.at_ms, last.audit_id.as_str());
        let mut entries = Vec::new();
        for row in table.range(range)?.rev().take(limit) {
            let (key, entry) = row?;
            let (_, at_ms, audit_id) = key.value();
            entries.push((AuditPlace { at_ms, audit_id: audit_id.to_owned() }, parse(entry.value())?));
        }
        Ok(entries)
    }

    /// Writes entries of the audit log; those that are there already are written again.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn put_audit(&self, entries: &[(i64, Audit)]) -> Result<(), StoreError> {
        let mut begun = self.database.begin_write()?;
        // Safe with the next checkpoint; before that they are read again.
        begun.set_durability(Durability::None)?;
        {
            let mut table = begun.open_table(AUDIT)?;
            for (at_ms, entry) in entries {
                let key = (entry.tenant.as_str(), *at_ms, entry.audit_id.as_str());
                table.insert(key, serde_json::to_vec(entry)?.as_slice())?;
            }
        }
        Ok(begun.commit()?)
    }

    /// Sessions that were erased, and when the log took that.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn erased(&self) -> Result<BTreeMap<SessionId, i64>, StoreError> {
        let table = self.database.begin_read()?.open_table(ERASED)?;
        let mut erased = BTreeMap::new();
        for row in table.iter()? {
            let (session, at_ms) = row?;
            // Whatever is no name is nobody's.
            if let Ok(session) = session.value().parse() {
                erased.insert(session, at_ms.value());
            }
        }
        Ok(erased)
    }

    /// Notes that a session was erased, and when the log took that.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn mark_erased(&self, session: &SessionId, at_ms: i64) -> Result<(), StoreError> {
        let begun = self.database.begin_write()?;
        begun.open_table(ERASED)?.insert(session.as_str(), at_ms)?;
        Ok(begun.commit()?)
    }

    /// Deletes notes of sessions that were erased before a time.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn delete_marks(&self, before_ms: i64) -> Result<(), StoreError> {
        let begun = self.database.begin_write()?;
        begun.open_table(ERASED)?.retain(|_, at_ms| at_ms >= before_ms)?;
        Ok(begun.commit()?)
    }

    /// Deletes what is about sessions.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn delete<'a>(&self, sessions: impl Iterator<Item = &'a SessionId>) -> Result<(), StoreError> {
        let begun = self.database.begin_write()?;
        {
            let (mut desks, mut summaries) = (begun.open_table(DESKS)?, begun.open_table(SUMMARIES)?);
            for session in sessions {
                desks.remove(session.as_str())?;
                summaries.remove(session.as_str())?;
            }
        }
        Ok(begun.commit()?)
    }

    /// Deletes entries of the audit log that the log took before a time.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn delete_audit(&self, before_ms: i64) -> Result<(), StoreError> {
        let begun = self.database.begin_write()?;
        begun.open_table(AUDIT)?.retain(|(_, at_ms, _), _| at_ms >= before_ms)?;
        Ok(begun.commit()?)
    }

    /// Writes some of what changed.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn put(&self, changed: &[(SessionId, Vec<u8>, Vec<u8>)]) -> Result<(), StoreError> {
        let mut begun = self.database.begin_write()?;
        // Safe with the positions; before that it is made again from what is read again.
        begun.set_durability(Durability::None)?;
        {
            let (mut desks, mut summaries) = (begun.open_table(DESKS)?, begun.open_table(SUMMARIES)?);
            for (session, desk, summary) in changed {
                desks.insert(session.as_str(), desk.as_slice())?;
                summaries.insert(session.as_str(), summary.as_slice())?;
            }
        }
        Ok(begun.commit()?)
    }

    /// Writes up to where all that was [put](Self::put) is folded.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn checkpoint(&self, positions: &Positions) -> Result<(), StoreError> {
        let begun = self.database.begin_write()?;
        {
            let mut table = begun.open_table(POSITIONS)?;
            for ((feed, partition), offset) in positions {
                table.insert((feed.name(), *partition), *offset)?;
            }
        }
        Ok(begun.commit()?)
    }
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, StoreError> {
    Ok(serde_json::from_slice(json)?)
}
