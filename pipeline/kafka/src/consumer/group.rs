//! Reading one topic as a member of a group.
//!
//! Partitions are shared out cooperatively: those that stay are not interrupted when others move.
//! Offsets are committed by the caller alone, after the results of everything before them are safe. A
//! group without committed offsets begins at the start of each partition; a group that has been
//! overtaken by the brokers' retention is told so and goes on from the earliest record that is left.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError as LibraryError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::assignment::{Assignment, Rebalancing, offset_list, partition_list};
use super::positions::{Arrival, Position};
use super::{ASK, bound_memory, watermarks};
use crate::connection::Connection;
use crate::context::{self, Context};
use crate::error::{KafkaError, Subject};
use crate::record::Record;

/// Who shares partitions out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GroupProtocol {
    /// A member does, cooperatively: every broker knows how.
    #[default]
    Classic,
    /// The brokers do (KIP-848): from Kafka 4.0 on, and on their terms: the session timeout is theirs.
    Consumer,
}

/// How to take part in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSettings {
    /// Name of the group.
    pub group_id: String,
    /// Who shares partitions out; all members have to agree.
    pub protocol: GroupProtocol,
    /// A name of this member that outlives a restart: within the session timeout it comes back to the
    /// same partitions without a rebalance. Such a member does not leave the group when it closes.
    pub instance_id: Option<String>,
    /// Partitions begin paused, until [`GroupConsumer::resume`].
    pub start_paused: bool,
    /// Budget for records that nobody has polled yet, in bytes.
    pub buffer_bytes: usize,
    /// How long a member may be out of touch before its partitions go to others; under
    /// [`GroupProtocol::Consumer`] the brokers say.
    pub session_timeout: Duration,
    /// How long the caller may go without polling before its partitions go to others.
    pub max_poll_interval: Duration,
}

impl GroupSettings {
    /// Settings for a group, with the usual time limits.
    pub fn new(group_id: impl Into<String>) -> Self {
        Self {
            group_id: group_id.into(),
            protocol: GroupProtocol::default(),
            instance_id: None,
            start_paused: false,
            buffer_bytes: 32 << 20,
            session_timeout: Duration::from_secs(45),
            max_poll_interval: Duration::from_secs(300),
        }
    }
}

/// How far a group is behind in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// The partition.
    pub partition: i32,
    /// Offsets between the committed one and the end; holes count as well.
    pub offsets: i64,
}

/// The standing of a member in its group, for a transaction that commits its offsets.
pub struct GroupMetadata(pub(crate) ConsumerGroupMetadata);

/// A member of a group that reads one topic. Polled by one thread.
pub struct GroupConsumer {
    consumer: BaseConsumer<Context<Rebalancing>>,
    topic: String,
    group_id: String,
}

impl GroupConsumer {
    /// Joins a group. Partitions come with later polls.
    ///
    /// # Errors
    /// If a setting is refused. Whether a broker can be reached shows when polling.
    pub fn new(
        connection: &Connection,
        topic: &str,
        settings: &GroupSettings,
        assignment: Arc<dyn Assignment>,
    ) -> Result<Self, KafkaError> {
        let mut config = connection.config()?;
        let session = settings.session_timeout;
        config
            .set("group.id", &settings.group_id)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "earliest")
            .set("max.poll.interval.ms", settings.max_poll_interval.max(session).as_millis().to_string());
        match settings.protocol {
            GroupProtocol::Classic => {
                let heartbeat = (session / 4).min(Duration::from_secs(3));
                config
                    .set("partition.assignment.strategy", "cooperative-sticky")
                    .set("session.timeout.ms", session.as_millis().to_string())
                    .set("heartbeat.interval.ms", heartbeat.as_millis().to_string());
            }
            GroupProtocol::Consumer => {
                config.set("group.protocol", "consumer");
            }
        }
        if let Some(instance) = &settings.instance_id {
            config.set("group.instance.id", instance);
        }
        bound_memory(&mut config, settings.buffer_bytes);
        let rebalancing = Rebalancing::new(topic, settings.start_paused, assignment);
        let consumer: BaseConsumer<_> = context::create(connection, &config, "join a group", rebalancing)?;
        consumer.subscribe(&[topic]).map_err(|error| KafkaError::from_library("join a group", error))?;
        Ok(Self { consumer, topic: topic.to_owned(), group_id: settings.group_id.clone() })
    }

    /// The next record of any partition that is assigned and not paused. Waits up to `timeout`; returns
    /// early, without a record, when partitions came or went.
    ///
    /// # Errors
    /// Transient ones pass by themselves: poll again. The client reconnects and rejoins on its own.
    pub fn poll(&self, timeout: Duration) -> Result<Option<Record>, KafkaError> {
        self.look_back()?;
        let record = match self.consumer.poll(timeout) {
            None => return Ok(None),
            Some(Ok(message)) => Record::copy(&message),
            Some(Err(error)) => return Err(self.failed("read", &self.topic, error)),
        };
        match self.place(&record) {
            Ok(is_ours) => Ok(is_ours.then_some(record)),
            Err(error) => {
                // It comes again, and with it the question that the brokers did not answer.
                self.seek(record.origin.partition, Offset::Offset(record.origin.offset))?;
                Err(error)
            }
        }
    }

    /// Compares what the group committed in partitions that came a moment ago with what their logs still
    /// have: where nothing is left, no record would ever tell.
    fn look_back(&self) -> Result<(), KafkaError> {
        let fresh = self.context().positions().fresh();
        if fresh.is_empty() {
            return Ok(());
        }
        let committed = self.committed(&fresh)?;
        for partition in fresh {
            let Some((_, next)) = committed.iter().find(|(have, _)| *have == partition) else {
                self.context().positions().begin(partition, Position::Start);
                continue;
            };
            let (start, _) = self.watermarks(partition)?;
            self.context().positions().begin(partition, Position::Next(start.max(*next)));
            if *next < start {
                self.context().overtaken(partition, *next, start);
                // There is nothing before it any more; and it is told once.
                self.commit(&[(partition, start)])?;
            }
        }
        Ok(())
    }

    /// Finds out whether records went missing before this one. Returns whether it is to be handed out.
    fn place(&self, record: &Record) -> Result<bool, KafkaError> {
        let (partition, offset) = (record.origin.partition, record.origin.offset);
        let arrival = self.context().positions().arrival(partition, offset);
        let expected = match arrival {
            Arrival::Foreign => return Ok(false),
            Arrival::Expected => None,
            Arrival::First => self.committed(&[partition])?.pop().map(|(_, next)| next),
            Arrival::Gap { expected } => Some(expected),
        };
        if let Some(expected) = expected.filter(|expected| *expected != offset) {
            let (start, _) = self.watermarks(partition)?;
            if offset < expected || start > expected {
                self.context().overtaken(partition, expected, start.min(offset));
            }
        }
        self.context().positions().pass(partition, offset);
        Ok(true)
    }

    /// Stops fetching of partitions; polling goes on for the others, and must go on in any case.
    ///
    /// # Errors
    /// If a partition is not known.
    pub fn pause(&self, partitions: &[i32]) -> Result<(), KafkaError> {
        self.consumer
            .pause(&partition_list(&self.topic, partitions))
            .map_err(|error| KafkaError::from_library("pause", error))
    }

    /// Takes up fetching where it was paused.
    ///
    /// # Errors
    /// If a partition is not known.
    pub fn resume(&self, partitions: &[i32]) -> Result<(), KafkaError> {
        self.consumer
            .resume(&partition_list(&self.topic, partitions))
            .map_err(|error| KafkaError::from_library("resume", error))
    }

    /// Commits (partition, next offset) pairs in the background. A failure, as happens while partitions
    /// move, is logged and counted in [`failed_commits`](Self::failed_commits): commit again.
    ///
    /// # Errors
    /// If the commit cannot even be begun.
    pub fn commit(&self, offsets: &[(i32, i64)]) -> Result<(), KafkaError> {
        self.commit_in(offsets, CommitMode::Async)
    }

    /// Commits (partition, next offset) pairs and waits for the answer.
    ///
    /// # Errors
    /// If they were not committed.
    pub fn commit_sync(&self, offsets: &[(i32, i64)]) -> Result<(), KafkaError> {
        self.commit_in(offsets, CommitMode::Sync)
    }

    fn commit_in(&self, offsets: &[(i32, i64)], mode: CommitMode) -> Result<(), KafkaError> {
        if offsets.is_empty() {
            return Ok(());
        }
        self.consumer
            .commit(&offset_list(&self.topic, offsets), mode)
            .map_err(|error| self.failed("commit offsets", &self.topic, error))
    }

    /// How many commits failed so far.
    pub fn failed_commits(&self) -> u64 {
        self.context().failed_commits()
    }

    /// Goes back to the committed offsets, or to the start where there are none: after a transaction was
    /// aborted. What is read afterwards was read before.
    ///
    /// # Errors
    /// A fatal one if a partition is not assigned any more: nobody knows where reading goes on.
    pub fn rewind(&self, partitions: &[i32]) -> Result<(), KafkaError> {
        let committed = self.committed(partitions)?;
        for partition in partitions {
            let next = committed.iter().find(|(have, _)| have == partition);
            let offset = next.map_or(Offset::Beginning, |(_, next)| Offset::Offset(*next));
            self.seek(*partition, offset)?;
        }
        let mut positions = self.context().positions();
        let assigned = positions.assigned();
        let still: Vec<i32> = partitions.iter().copied().filter(|each| assigned.contains(each)).collect();
        positions.add(&still);
        Ok(())
    }

    /// The partitions that are assigned.
    pub fn assigned(&self) -> Vec<i32> {
        self.context().positions().assigned()
    }

    /// The (partition, next offset) pairs that reading has come to; partitions of which nothing was read since they were
    /// assigned are left out. They lie behind what takes up offsets and is never handed out: ends of transactions,
    /// records that were taken back.
    ///
    /// # Errors
    /// If the client is no member.
    pub fn positions(&self) -> Result<Vec<(i32, i64)>, KafkaError> {
        let positions =
            self.consumer.position().map_err(|error| self.failed("ask for positions", &self.topic, error))?;
        known_offsets(&positions)
    }

    /// The (partition, next offset) pairs that the group committed; partitions without one are left out.
    /// Waits for transactions that are about to commit some.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn committed(&self, partitions: &[i32]) -> Result<Vec<(i32, i64)>, KafkaError> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let list = self
            .consumer
            .committed_offsets(partition_list(&self.topic, partitions), ASK)
            .map_err(|error| self.failed("ask for committed offsets", &self.topic, error))?;
        known_offsets(&list)
    }

    /// The next offset that the group committed for a partition of another topic, one that is read beside
    /// its own; `None` if there is none.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn committed_in(&self, topic: &str, partition: i32) -> Result<Option<i64>, KafkaError> {
        let list = self
            .consumer
            .committed_offsets(partition_list(topic, &[partition]), ASK)
            .map_err(|error| self.failed("ask for committed offsets", topic, error))?;
        Ok(known_offsets(&list)?.pop().map(|(_, next)| next))
    }

    /// First offset and end of a partition; what an open transaction wrote is behind the end.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn watermarks(&self, partition: i32) -> Result<(i64, i64), KafkaError> {
        watermarks(&self.consumer, &self.topic, partition)
            .map_err(|error| self.failed("ask for watermarks", &self.topic, error))
    }

    /// How far the group is behind in the assigned partitions. Asks the brokers.
    ///
    /// # Errors
    /// If they do not answer.
    pub fn lag(&self) -> Result<Vec<Lag>, KafkaError> {
        let partitions = self.assigned();
        let committed = self.committed(&partitions)?;
        let mut lags = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let (start, end) = self.watermarks(partition)?;
            let next = committed.iter().find(|(have, _)| *have == partition).map_or(start, |(_, next)| *next);
            lags.push(Lag { partition, offsets: end.saturating_sub(next.max(start)).max(0) });
        }
        Ok(lags)
    }

    /// The standing in the group, for a transaction that commits its offsets.
    ///
    /// # Errors
    /// [`KafkaError::Closed`] if the client is no member.
    pub fn group_metadata(&self) -> Result<GroupMetadata, KafkaError> {
        let metadata = self.consumer.group_metadata();
        metadata.map(GroupMetadata).ok_or(KafkaError::Closed { action: "take part in the group" })
    }

    /// Gives all partitions away, by way of [`Assignment::revoked`], and leaves the group.
    pub fn close(self) {
        // Dropping the client polls until the group is left.
        drop(self);
    }

    fn failed(&self, action: &'static str, topic: &str, error: LibraryError) -> KafkaError {
        let subjects = [Subject::Topic(topic), Subject::Group(&self.group_id)];
        KafkaError::from_library(action, error).about(&subjects)
    }

    fn context(&self) -> &Rebalancing {
        &self.consumer.context().own
    }

    /// Reads a partition from another offset on. If that fails, nobody knows where reading goes on.
    fn seek(&self, partition: i32, offset: Offset) -> Result<(), KafkaError> {
        self.consumer.seek(&self.topic, partition, offset, ASK).map_err(|error| {
            tracing::error!(topic = self.topic, partition, ?offset, %error, "cannot seek");
            KafkaError::fatal("seek", RDKafkaErrorCode::Fail)
        })
    }
}

/// The offsets that are known in a list.
fn known_offsets(list: &TopicPartitionList) -> Result<Vec<(i32, i64)>, KafkaError> {
    let mut committed = Vec::new();
    for element in list.elements() {
        element.error().map_err(|error| KafkaError::from_library("ask for committed offsets", error))?;
        if let Offset::Offset(next) = element.offset() {
            committed.push((element.partition(), next));
        }
    }
    Ok(committed)
}
