//! How far a group has got, asked by somebody who is no member of it; and where a group without members goes on.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::error::ErrorKind;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::assignment::{offset_list, partition_list};
use super::reader::Quiet;
use super::{ASK, watermarks};
use crate::connection::Connection;
use crate::context::{self, Context};
use crate::error::{KafkaError, Subject};

const ACTION: &str = "ask for the progress of a group";

/// Asks for the progress of one group.
pub struct GroupProgress {
    consumer: BaseConsumer<Context<Quiet>>,
    group_id: String,
    /// Why no broker answers for the group: the library tells it once, to whoever polls, and lets questions time out.
    refused: Mutex<Option<KafkaError>>,
}

/// How far a group has got in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Everything before this offset is done by the group, or was deleted.
    pub next: i64,
    /// The end of the partition.
    pub end: i64,
}

impl GroupProgress {
    /// Does not join the group.
    ///
    /// # Errors
    /// If a setting is refused. Whether a broker can be reached shows later.
    pub fn new(connection: &Connection, group_id: &str) -> Result<Self, KafkaError> {
        let mut config = connection.config()?;
        config.set("group.id", group_id).set("enable.auto.commit", "false");
        let consumer = context::create(connection, &config, ACTION, Quiet)?;
        Ok(Self { consumer, group_id: group_id.to_owned(), refused: Mutex::default() })
    }

    /// Serves the client. Called every few seconds, it keeps it known to the brokers: tokens are renewed only
    /// so.
    pub fn keep_in_touch(&self) {
        if let Some(Err(error)) = self.consumer.poll(Duration::ZERO) {
            let error = KafkaError::from_library(ACTION, error).about(&[Subject::Group(&self.group_id)]);
            if error.kind() == ErrorKind::Fatal {
                *self.refused() = Some(error);
            }
        }
    }

    /// How far the group has got.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn of(&self, topic: &str, partition: i32) -> Result<Progress, KafkaError> {
        let subjects = [Subject::Topic(topic), Subject::Group(&self.group_id)];
        let failed = |error| KafkaError::from_library(ACTION, error).about(&subjects);
        let (start, end) = watermarks(&self.consumer, topic, partition).map_err(failed)?;
        let list = partition_list(topic, &[partition]);
        let committed = self.consumer.committed_offsets(list, ASK).map_err(|error| {
            self.keep_in_touch();
            self.refused().clone().unwrap_or_else(|| failed(error))
        })?;
        *self.refused() = None;
        let next = committed.elements().first().map(|element| element.offset());
        let next = if let Some(Offset::Offset(next)) = next { next.max(start) } else { start };
        Ok(Progress { next, end })
    }

    /// Has the group go on, in all partitions of a topic, with the first record that brokers took at a time or later, in
    /// milliseconds since 1970. Returns the (partition, next offset) pairs.
    ///
    /// # Errors
    /// If the brokers do not answer, or refuse it: as they do while the group has members.
    pub fn move_to(&self, topic: &str, partitions: i32, at_ms: i64) -> Result<Vec<(i32, i64)>, KafkaError> {
        const ACTION: &str = "move a group";
        let subjects = [Subject::Topic(topic), Subject::Group(&self.group_id)];
        let failed = |error| KafkaError::from_library(ACTION, error).about(&subjects);
        let mut times = TopicPartitionList::new();
        for partition in 0..partitions {
            times.add_partition_offset(topic, partition, Offset::Offset(at_ms.max(0))).map_err(failed)?;
        }
        let found = self.consumer.offsets_for_times(times, ASK).map_err(failed)?;
        let mut places = Vec::new();
        for element in found.elements() {
            element.error().map_err(failed)?;
            let next = match element.offset() {
                Offset::Offset(next) => next,
                // Nothing is that late.
                _ => watermarks(&self.consumer, topic, element.partition()).map_err(failed)?.1,
            };
            places.push((element.partition(), next));
        }
        self.consumer.commit(&offset_list(topic, &places), CommitMode::Sync).map_err(failed)?;
        Ok(places)
    }

    fn refused(&self) -> MutexGuard<'_, Option<KafkaError>> {
        // Whole whatever happened to a thread that held it.
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
