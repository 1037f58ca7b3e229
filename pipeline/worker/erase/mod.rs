//! Deletes what is kept of a session by its name: tombstones in all compacted topics, looked up again, and a
//! receipt.
//!
//! Records of topics that are deleted by age are left to that: brokers delete no single ones. The receipt says
//! for how long at most they stay. A session whose score is not final is not erased: its roles would write its
//! states again.

use std::time::Duration;

use domain::ids::SessionId;
use domain::messages::{Score, ScoreStatus};
use kafka::topics::{self, CleanUp};
use kafka::{Admin, Connection, Headers, KafkaError, Outgoing, PartitionReader, Record, Start, Topics, wire};
use serde::Serialize;

use crate::clock;
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
    /// Where something was deleted, and looked up again.
    pub deleted: Vec<Deleted>,
    /// Where records of the session may be left.
    pub left: Vec<Left>,
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
    /// The brokers.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}

/// Erases sessions.
pub struct Erasing {
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
    pub fn open(connection: Connection, topics: Topics) -> Result<Self, EraseError> {
        let admin = Admin::new(&connection, ANSWER)?;
        let reader = PartitionReader::new(&connection, BUFFER)?;
        Ok(Self { connection, topics, admin, reader })
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
        Ok(Receipt { session: session.clone(), erased_at: clock::now(), deleted, left: self.left()? })
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
    fn left(&self) -> Result<Vec<Left>, EraseError> {
        let by_age = topics::ALL.iter().filter(|topic| topic.clean_up != CleanUp::Compact);
        let names: Vec<String> = by_age.map(|topic| self.topics.name(topic.name)).collect();
        let described = self.admin.describe(&names)?;
        let left = names.into_iter().filter_map(|topic| {
            let configs = &described.get(&topic)?.configs;
            // Never, to brokers, is -1.
            let kept_for_ms = configs.get("retention.ms").and_then(|kept| kept.parse().ok());
            Some(Left { topic, kept_for_ms })
        });
        Ok(left.collect())
    }
}

fn tombstone(topic: &str, session: &SessionId) -> Outgoing {
    let key = session.as_str().as_bytes().to_vec();
    Outgoing { topic: topic.to_owned(), partition: None, key, value: None, headers: Headers::new() }
}
