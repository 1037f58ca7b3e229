//! What happens when partitions come and go.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError as LibraryError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::positions::Positions;
use crate::context::{Context, Errors};

/// Told when partitions come and go, by the thread that polls and during [`poll`] or [`close`]; while it
/// is being told, nothing is polled.
///
/// [`poll`]: super::GroupConsumer::poll
/// [`close`]: super::GroupConsumer::close
pub trait Assignment: Send + Sync {
    /// These partitions are ours from now on, beside those that are already.
    fn assigned(&self, partitions: &[i32]);

    /// These partitions will be given away when this returns. The (partition, next offset) pairs that it
    /// returns are committed first. Must return well within the session timeout, or they are lost.
    fn revoked(&self, partitions: &[i32]) -> Vec<(i32, i64)>;

    /// These partitions belong to somebody else already: nothing can be committed any more.
    fn lost(&self, partitions: &[i32]);

    /// The log of a partition no longer has what was to be read next, `expected`: brokers deleted it, or
    /// the log was cut or made anew (then `earliest` is the smaller one). Reading goes on at `earliest`.
    fn overtaken(&self, partition: i32, expected: i64, earliest: i64);
}

/// The library's callbacks, and what they share with the consumer.
pub(super) struct Rebalancing {
    topic: String,
    start_paused: bool,
    positions: Mutex<Positions>,
    failed_commits: AtomicU64,
    assignment: Arc<dyn Assignment>,
}

impl Rebalancing {
    pub(super) fn new(topic: &str, start_paused: bool, assignment: Arc<dyn Assignment>) -> Self {
        Self {
            topic: topic.to_owned(),
            start_paused,
            positions: Mutex::default(),
            failed_commits: AtomicU64::new(0),
            assignment,
        }
    }

    pub(super) fn positions(&self) -> MutexGuard<'_, Positions> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn overtaken(&self, partition: i32, expected: i64, earliest: i64) {
        let records = earliest.saturating_sub(expected);
        tracing::error!(
            topic = self.topic,
            partition,
            expected,
            earliest,
            records,
            "records were deleted unread"
        );
        self.assignment.overtaken(partition, expected, earliest);
    }

    pub(super) fn failed_commits(&self) -> u64 {
        self.failed_commits.load(Ordering::Relaxed)
    }

    fn gain(
        &self,
        consumer: &BaseConsumer<Context<Self>>,
        list: &TopicPartitionList,
        partitions: &[i32],
    ) -> KafkaResult<()> {
        consumer.incremental_assign(list)?;
        // A partition that comes back is as paused as it was when it left.
        if self.start_paused {
            consumer.pause(list)?;
        } else {
            consumer.resume(list)?;
        }
        self.positions().add(partitions);
        self.assignment.assigned(partitions);
        Ok(())
    }

    fn give_up(&self, consumer: &BaseConsumer<Context<Self>>, list: &TopicPartitionList, partitions: &[i32]) {
        let _unassign = Unassign { consumer, list };
        self.positions().remove(partitions);
        if consumer.assignment_lost() {
            self.assignment.lost(partitions);
            return;
        }
        let offsets = self.assignment.revoked(partitions);
        if !offsets.is_empty() {
            // A failure costs repeated work only.
            self.note_commit(consumer.commit(&offset_list(&self.topic, &offsets), CommitMode::Sync));
        }
    }

    fn note_commit(&self, result: KafkaResult<()>) {
        if let Err(error) = result {
            self.failed_commits.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(topic = self.topic, %error, "offsets were not committed");
        }
    }
}

impl Errors for Rebalancing {
    fn error(&self, error: LibraryError, reason: &str) {
        // The same error comes out of the next poll.
        tracing::debug!(target: "librdkafka", %error, reason, "client error");
    }
}

impl ConsumerContext for Context<Rebalancing> {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions: Vec<i32> = list.elements().iter().map(|element| element.partition()).collect();
        match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                if let Err(error) = self.own.gain(consumer, list, &partitions) {
                    let topic = &self.own.topic;
                    tracing::error!(topic, ?partitions, %error, "partitions were not taken over");
                }
            }
            _ => self.own.give_up(consumer, list, &partitions),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        self.own.note_commit(result);
    }
}

/// Gives partitions away at last, whatever happens before: the client waits for it for ever.
struct Unassign<'a> {
    consumer: &'a BaseConsumer<Context<Rebalancing>>,
    list: &'a TopicPartitionList,
}

impl Drop for Unassign<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.consumer.incremental_unassign(self.list) {
            tracing::error!(%error, "partitions were not given away");
        }
    }
}

/// Offsets of one topic in the library's form.
pub(super) fn offset_list(topic: &str, offsets: &[(i32, i64)]) -> TopicPartitionList {
    let at =
        |(partition, offset): &(i32, i64)| (topic.to_owned(), *partition, Offset::from_raw((*offset).max(0)));
    offsets.iter().map(at).collect()
}

/// Partitions of one topic in the library's form.
pub(super) fn partition_list(topic: &str, partitions: &[i32]) -> TopicPartitionList {
    partitions.iter().map(|partition| (topic.to_owned(), *partition, Offset::Invalid)).collect()
}
