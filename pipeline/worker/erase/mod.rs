//! Deletes what is kept of a session by its name: its key first, then pictures, tombstones in all compacted topics, looked up
//! again, and a receipt.
//!
//! Records of topics that are deleted by age are left to that: brokers delete no single ones. The receipt says
//! for how long at most they stay, and in which of them nobody can read any more what was sealed with the key. A
//! session whose score is not final is not erased: its roles would write its states again.

use std::time::Duration;

use domain::ids::SessionId;
use domain::messages::{Score, ScoreStatus};
use kafka::topics::{self, CleanUp};
use kafka::{Admin, Connection, Headers, KafkaError, Outgoing, PartitionReader, Record, Start, Topics, wire};
use serde::Serialize;

use crate::clock;
use crate::evidence::{PictureStore, StoreError};
use crate::privacy::{Protection, VaultError};
use crate::sending::send_all;

/// How long brokers may take to answer.
const ANSWER: Duration = Duration::from_secs(30);
/// How long one partition may take to be read.
const PATIENCE: Duration = Duration::from_secs(600);
/// Budget for records that were fetched and not looked at.
const BUFFER: usize = 16 << 20;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The session.
    pub session: SessionId,
    /// When it was done, RFC 3339.
    pub erased_at: String,
    /// What became of its key.
    pub key: KeyFate,
    /// How many pictures of flagged moments were deleted; `None` if no place for any is known here.
    pub pictures: Option<usize>,
    /// Where something was deleted, and looked up again.
    pub deleted: Vec<Deleted>,
    /// Where records of the session may be left.
    pub left: Vec<Left>,
}

/// What became of the key of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyFate {
    /// It was there and is destroyed: what was sealed with it can be read by nobody, wherever it is.
    Destroyed,
    /// There was none, or it was destroyed before. None will be made.
    None,
    /// There is no vault: nothing is sealed.
    NoVault,
}

/// A compacted topic without the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// Full name of the topic.
    pub topic: String,
    /// Whether something of the session was there.
    pub found: bool,
}

/// A topic of which records are deleted by their age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Full name of the topic.
    pub topic: String,
    /// How old records get, in milliseconds; `None` if nothing is ever deleted, or brokers do not say.
    pub kept_for_ms: Option<u64>,
    /// Whether payloads in it that were sealed with the session's key can be read by nobody any more. What was written
    /// while nothing was sealed can.
    pub sealed_unreadable: bool,
}

/// Why a session is not erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// It has not ended.
    #[error("the session's score is not final: end the session, and erase it then")]
    GoesOn,
    /// There is nothing to delete from.
    #[error("there is no topic {0}")]
    NoTopic(String),
    /// Somebody has written of it meanwhile.
    #[error("something of the session was written to {0} meanwhile: erase it again")]
    Found(String),
    /// The vault: nothing was deleted.
    #[error("the session's key is not destroyed, and nothing is erased: {0}")]
    Vault(#[from] VaultError),
    /// The pictures: the session's key is destroyed, so nobody can look at them.
    #[error("the session's pictures are not deleted: {0}: erase it again")]
    Pictures(#[from] StoreError),
    /// The brokers.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}

/// Erases sessions.
pub struct Erasing {
    protection: Protection,
    pictures: Option<PictureStore>,
    connection: Connection,
    topics: Topics,
    admin: Admin,
    reader: PartitionReader,
}

impl Erasing {
    /// On these brokers.
    ///
    /// # Errors
    /// If a client cannot be made.
    pub fn open(
        connection: Connection,
        topics: Topics,
        protection: Protection,
        pictures: Option<PictureStore>,
    ) -> Result<Self, EraseError> {
        let admin = Admin::new(&connection, ANSWER)?;
        let reader = PartitionReader::new(&connection, BUFFER)?;
        Ok(Self { protection, pictures, connection, topics, admin, reader })
    }

    /// Erases a session.
    ///
    /// # Errors
    /// If it goes on, brokers fail, or something of it is there afterwards.
    pub fn erase(&self, session: &SessionId) -> Result<Receipt, EraseError> {
        let score =
            self.last(&self.topics.scores(), session)?.and_then(|record| wire::decode::<Score>(&record).ok());
        if score.is_some_and(|score| score.status != ScoreStatus::Final) {
            return Err(EraseError::GoesOn);
        }
        let key = self.destroy_key(session)?;
        let pictures = self.pictures.as_ref().map(|store| store.remove_all(session)).transpose()?;
        let by_name = topics::ALL.iter().filter(|topic| topic.clean_up == CleanUp::Compact);
        let compacted: Vec<String> = by_name.map(|topic| self.topics.name(topic.name)).collect();
        let mut deleted = Vec::new();
        for topic in &compacted {
            let found = self.last(topic, session)?.is_some();
            deleted.push(Deleted { topic: topic.clone(), found });
        }
        // Also where nothing was found: it may be on its way.
        send_all(&self.connection, compacted.iter().map(|topic| tombstone(topic, session)), ANSWER)?;
        for topic in compacted {
            if self.last(&topic, session)?.is_some() {
                return Err(EraseError::Found(topic));
            }
        }
        let left = self.left(key)?;
        Ok(Receipt { session: session.clone(), erased_at: clock::now(), key, pictures, deleted, left })
    }

    /// First of all: what else there is of the session is of no use to anybody without it.
    fn destroy_key(&self, session: &SessionId) -> Result<KeyFate, EraseError> {
        let Some(vault) = self.protection.vault() else { return Ok(KeyFate::NoVault) };
        Ok(if vault.wait(vault.destroy(session))? { KeyFate::Destroyed } else { KeyFate::None })
    }

    /// The last record of a session in a compacted topic; nothing, if that is a tombstone.
    fn last(&self, topic: &str, session: &SessionId) -> Result<Option<Record>, EraseError> {
        let partitions =
            self.admin.partitions(topic)?.ok_or_else(|| EraseError::NoTopic(topic.to_owned()))?;
        let mut last = None;
        for partition in 0..partitions {
            let mut tell = |record: Record| {
                if record.key == session.as_str().as_bytes() {
                    last = record.value.is_some().then_some(record);
                }
            };
            self.reader.read_to_end(topic, partition, Start::Beginning, PATIENCE, &mut tell)?;
        }
        Ok(last)
    }

    /// The topics that delete by age, and at which.
    fn left(&self, key: KeyFate) -> Result<Vec<Left>, EraseError> {
        let by_age: Vec<_> = topics::ALL.iter().filter(|topic| topic.clean_up != CleanUp::Compact).collect();
        let names: Vec<String> = by_age.iter().map(|topic| self.topics.name(topic.name)).collect();
        let described = self.admin.describe(&names)?;
        let left = names.into_iter().zip(by_age).filter_map(|(topic, default)| {
            let configs = &described.get(&topic)?.configs;
            // Never, to brokers, is -1.
            let kept_for_ms = configs.get("retention.ms").and_then(|kept| kept.parse().ok());
            let sealed_unreadable = default.holds_media && key != KeyFate::NoVault;
            Some(Left { topic, kept_for_ms, sealed_unreadable })
        });
        Ok(left.collect())
    }
}

fn tombstone(topic: &str, session: &SessionId) -> Outgoing {
    let key = session.as_str().as_bytes().to_vec();
    Outgoing { topic: topic.to_owned(), partition: None, key, value: None, headers: Headers::new() }
}
