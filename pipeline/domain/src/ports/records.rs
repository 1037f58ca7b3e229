//! The log as the gateway sees it: what it writes, with an acknowledgement for each entry, and what it reads, in
//! batches with positions of its own.

use crate::desk::DeskEntry;
use crate::error::ErrorKind;
use crate::ids::SessionId;
use crate::messages::{Audit, Chunk, Review, SessionFact, UploadFact};

/// What the gateway writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A chunk of video.
    Chunk(Chunk),
    /// What happens to an upload.
    Upload(UploadFact),
    /// A session that is created.
    Session(SessionFact),
    /// A decision of a human.
    Review(Review),
    /// Who did what.
    Audit(Audit),
}

/// Told once, from any thread, when an entry is safe or is not known to be.
pub type Acknowledged = Box<dyn FnOnce(Result<(), AppendError>) + Send>;

/// Where the gateway writes.
pub trait RecordLog: Send + Sync + 'static {
    /// Takes an entry. Never blocks.
    ///
    /// # Errors
    /// If too much is on its way: `acknowledged` is not called then.
    fn append(&self, entry: Entry, acknowledged: Acknowledged) -> Result<(), Full>;
}

/// As much is on its way as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much is on its way to the log")]
pub struct Full;

/// An entry that is not known to be safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The log takes no such large entries.
    #[error("an entry has at most {limit} bytes")]
    TooLarge {
        /// What is allowed, in bytes.
        limit: usize,
    },
    /// Its session was erased: nothing more is taken of it.
    #[error("the session was erased")]
    Erased,
    /// The log does not take it now; it may have taken it nevertheless.
    #[error("the log does not answer: {reason}")]
    Failed {
        /// A stable word.
        reason: &'static str,
    },
}

impl AppendError {
    /// What to do with the entry.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLarge { .. } | Self::Erased => ErrorKind::Poison,
            Self::Failed { .. } => ErrorKind::Transient,
        }
    }
}

/// What the gateway reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feed {
    /// Facts of sessions' lives.
    Sessions,
    /// What was seen, and markers.
    Observations,
    /// Revisions of incidents.
    Incidents,
    /// Revisions of scores.
    Scores,
    /// Decisions of people.
    Reviews,
    /// Who did what.
    Audit,
}

impl Feed {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Sessions, Self::Observations, Self::Incidents, Self::Scores, Self::Reviews, Self::Audit];

    /// As in names of topics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Observations => "observations",
            Self::Incidents => "incidents",
            Self::Scores => "scores",
            Self::Reviews => "reviews",
            Self::Audit => "audit",
        }
    }
}

/// Where an entry was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// What it was read of.
    pub feed: Feed,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// When the log took it, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Something that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// For the desk of its session.
    Desk(DeskEntry),
    /// All of a session was deleted: its score has a tombstone.
    Erased(SessionId),
    /// For the audit log.
    Audit(Audit),
    /// Nothing that is known; its position counts nevertheless.
    Skipped,
}
