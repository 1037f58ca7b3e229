//! Sessions judged again under another policy: orders for the score role, and what came of them; or what
//! would come of them.
//!
//! This side decides nothing and writes no score. A session's state, its revisions and its offsets belong to
//! the score role that owns its partition, and are written in one transaction; a second writer would have to
//! stop the first. So an order is a record in the log of observations, and the owner carries it out when it
//! gets there: exactly once, in a place of the log where every replay finds it again.
//!
//! Only sessions whose score is final are ordered: a policy is not changed under a running exam.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use domain::error::ErrorKind;
use domain::ids::SessionId;
use domain::messages::{PolicyRef, Rescore, Score, ScoreStatus};
use kafka::wire::{self, Event};
use kafka::{Admin, Connection, KafkaError, Outgoing, PartitionReader, Record, Start, Topics};

use crate::clock;
use crate::sending::send_all;
use crate::settings::SettingsError;
use crate::settings::policy::LoadedPolicy;
use crate::stages::{Policies, Preview};

/// CloudEvents `source` of orders.
const SOURCE: &str = "/invigilator/rescore";
/// How long one partition may take to be read, and orders to be written.
const PATIENCE: Duration = Duration::from_secs(600);
/// Budget for records that were fetched and not looked at.
const BUFFER: usize = 16 << 20;
/// Orders given before their outcome is waited for: the score role reads a partition once for as many, and
/// polls for nothing else meanwhile.
const AT_ONCE: usize = 64;
/// How long one poll waits.
const POLL: Duration = Duration::from_millis(100);

/// Which sessions are meant.
#[derive(Debug, Clone)]
pub enum Selection {
    /// These.
    Sessions(Vec<SessionId>),
    /// Those that were last scored then or later.
    Since(SystemTime),
    /// All.
    All,
}

impl Selection {
    fn means(&self, score: &Score, record: &Record) -> bool {
        match self {
            Self::Sessions(sessions) => sessions.contains(&score.session),
            Self::Since(since) => record.timestamp_ms.is_some_and(|written| {
                UNIX_EPOCH + Duration::from_millis(written.try_into().unwrap_or_default()) >= *since
            }),
            Self::All => true,
        }
    }
}

/// A session, and what became of its score.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The score that it had.
    pub before: Score,
    /// The one that it has now, or would have; `None` if it was not judged again.
    pub after: Option<Score>,
}

/// Why a policy or the brokers stand in the way.
#[derive(Debug, thiserror::Error)]
pub enum RescoreError {
    /// No worker could judge by it.
    #[error("no worker with these settings knows the policy `{wanted}`: there are {known}")]
    UnknownPolicy {
        /// Its id.
        wanted: String,
        /// Those that there are.
        known: String,
    },
    /// The policies themselves.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There is nothing to read.
    #[error("there is no topic {0}")]
    NoTopic(String),
    /// The brokers.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}

/// Has sessions judged again.
pub struct Rescoring {
    connection: Connection,
    topics: Topics,
    partitions: i32,
    policies: Policies,
    policy: PolicyRef,
    reader: PartitionReader,
    /// Final scores that are meant, with their partition.
    meant: BTreeMap<SessionId, (i32, Score)>,
    /// Where the topic of scores ended, by partition.
    ends: Vec<i64>,
}

impl Rescoring {
    /// Under the policy `wanted`, where workers judge by `default` if nothing else is said.
    ///
    /// # Errors
    /// If that policy is not known, or the brokers do not answer within `patience`.
    pub fn open(
        connection: &Connection,
        topics: Topics,
        default: LoadedPolicy,
        wanted: &str,
        patience: Duration,
    ) -> Result<Self, RescoreError> {
        let policies = Policies::load(default)?;
        let Some(policy) = policies.named(wanted).map(|policy| policy.reference.clone()) else {
            let known = policies.ids().into_iter().collect::<Vec<_>>().join(", ");
            return Err(RescoreError::UnknownPolicy { wanted: wanted.to_owned(), known });
        };
        let partitions = Admin::new(connection, patience)?.partitions(&topics.scores())?;
        let partitions = partitions.ok_or_else(|| RescoreError::NoTopic(topics.scores()))?;
        let (connection, reader) = (connection.clone(), PartitionReader::new(connection, BUFFER)?);
        let (meant, ends) = (BTreeMap::new(), Vec::new());
        Ok(Self { connection, topics, partitions, policies, policy, reader, meant, ends })
    }

    /// Looks for the sessions that are meant and have a final score; answers with how many there are.
    ///
    /// # Errors
    /// If the scores cannot be read.
    pub fn find(&mut self, selection: &Selection) -> Result<usize, KafkaError> {
        let topic = self.topics.scores();
        for partition in 0..self.partitions {
            let mut last: BTreeMap<SessionId, (bool, Score)> = BTreeMap::new();
            let mut tell = |record: Record| {
                if let Ok(score) = wire::decode::<Score>(&record) {
                    let is_meant = selection.means(&score, &record) && score.status == ScoreStatus::Final;
                    last.insert(score.session.clone(), (is_meant, score));
                }
            };
            let end = self.reader.read_to_end(&topic, partition, Start::Beginning, PATIENCE, &mut tell)?;
            self.ends.push(end);
            let meant = last.into_iter().filter(|(_, (is_meant, _))| *is_meant);
            self.meant.extend(meant.map(|(id, (_, score))| (id, (partition, score))));
        }
        Ok(self.meant.len())
    }

    /// What would come of it.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn preview(self) -> Result<Vec<Judged>, KafkaError> {
        let preview =
            Preview::new(&self.connection, self.topics.clone(), self.policies.clone(), self.policy.clone())?;
        let mut judged = Vec::new();
        for partition in 0..self.partitions {
            let here = self.meant.iter().filter(|(_, (found, _))| *found == partition);
            let here: BTreeMap<&SessionId, &Score> = here.map(|(id, (_, score))| (id, score)).collect();
            if here.is_empty() {
                continue;
            }
            let wanted: Vec<&SessionId> = here.keys().copied().collect();
            let mut scores = preview.scores(partition, &wanted)?;
            judged.extend(
                here.into_iter()
                    .map(|(id, before)| Judged { before: before.clone(), after: scores.remove(id) }),
            );
        }
        Ok(judged)
    }

    /// Gives the orders, some at a time, and waits up to `wait` for what comes of those.
    ///
    /// # Errors
    /// If an order is not delivered, or the scores cannot be read.
    pub fn order(self, wait: Duration) -> Result<Vec<Judged>, KafkaError> {
        let topic = self.topics.scores();
        let ends = self.ends.iter().zip(0..);
        let from: Vec<_> =
            ends.map(|(end, partition)| (topic.as_str(), partition, Start::Offset(*end))).collect();
        self.reader.assign(&from)?;
        let before: Vec<&Score> = self.meant.values().map(|(_, score)| score).collect();
        let mut after = BTreeMap::new();
        for some in before.chunks(AT_ONCE) {
            self.write(some)?;
            let (began, all) = (Instant::now(), after.len() + some.len());
            while after.len() < all && began.elapsed() < wait {
                let record = match self.reader.poll(POLL) {
                    Ok(Some(record)) => record,
                    Ok(None) => continue,
                    Err(error) if error.kind() == ErrorKind::Transient => continue,
                    Err(error) => return Err(error),
                };
                let Ok(score) = wire::decode::<Score>(&record) else { continue };
                let ordered = self.meant.get(&score.session);
                if ordered.is_some_and(|(_, before)| score.rev > before.rev) && score.policy == self.policy {
                    after.insert(score.session.clone(), score);
                }
            }
        }
        let judged =
            self.meant.into_iter().map(|(id, (_, before))| Judged { before, after: after.remove(&id) });
        Ok(judged.collect())
    }

    fn write(&self, scores: &[&Score]) -> Result<(), KafkaError> {
        let now = clock::now();
        let orders = scores.iter().map(|score| {
            let (session, policy) = (score.session.clone(), self.policy.id.clone());
            let order = Rescore { session, policy, supersedes: score.rev };
            let event = Event { time: Some(&now), ..Event::from_source(SOURCE) };
            Outgoing::message(self.topics.observations(), event, &order)
        });
        send_all(&self.connection, orders, PATIENCE)
    }
}
