//! How far a group has got, asked by somebody who is no member of it.

use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::assignment::partition_list;
use super::reader::Quiet;
use super::{ASK, serve, watermarks};
use crate::connection::Connection;
use crate::context::{self, Context};
use crate::error::{KafkaError, Subject};

const ACTION: &str = "ask for the progress of a group";

/// Asks for the progress of one group.
pub struct GroupProgress {
    consumer: BaseConsumer<Context<Quiet>>,
    group_id: String,
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
        Ok(Self { consumer, group_id: group_id.to_owned() })
    }

    /// Serves the client. Called every few seconds, it keeps it known to the brokers: tokens are renewed only
    /// so.
    pub fn keep_in_touch(&self) {
        serve(&self.consumer);
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
        let committed = self.consumer.committed_offsets(list, ASK).map_err(failed)?;
        let next = committed.elements().first().map(|element| element.offset());
        let next = if let Some(Offset::Offset(next)) = next { next.max(start) } else { start };
        Ok(Progress { next, end })
    }
}
