//! How far a group has got, asked by somebody who is no member of it.

use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::assignment::partition_list;
use super::reader::Quiet;
use super::{ASK, watermarks};
use crate::connection::Connection;
use crate::error::KafkaError;

/// Asks for the progress of one group.
pub struct GroupProgress {
    consumer: BaseConsumer<Quiet>,
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
        let consumer = config
            .create_with_context(Quiet)
            .map_err(|error| KafkaError::from_library("ask for the progress of a group", error))?;
        Ok(Self { consumer })
    }

    /// How far the group has got.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn of(&self, topic: &str, partition: i32) -> Result<Progress, KafkaError> {
        let failed = |error| KafkaError::from_library("ask for the progress of a group", error);
        let (start, end) = watermarks(&self.consumer, topic, partition).map_err(failed)?;
        let list = partition_list(topic, &[partition]);
        let committed = self.consumer.committed_offsets(list, ASK).map_err(failed)?;
        let next = committed.elements().first().map(|element| element.offset());
        let next = if let Some(Offset::Offset(next)) = next { next.max(start) } else { start };
        Ok(Progress { next, end })
    }
}
