//! Where a subscriber is told from: an operator moves its position in the log, which the gateways go on from.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::anyhow;
use kafka::{Admin, GroupProgress, KafkaError};

use super::tell;
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::topology::PATIENCE;

/// A topic, and how many records of it a subscriber is told of again, at most.
pub type Moved = (String, i64);

/// Has a subscriber told of everything since a time, when gateways run again.
///
/// # Errors
/// If there is no such subscriber, or a gateway still runs, or the brokers do not answer.
pub fn replay(settings: &Settings, subscriber: &str, from: SystemTime) -> Result<Vec<Moved>, Failure> {
    let configuration = |error: anyhow::Error| Failure::new(Exit::Configuration, error);
    let subscribers = tell::read(settings.gateway.subscribers.as_deref())
        .map_err(|error| configuration(anyhow!(error).context("gateway.subscribers")))?;
    let Some(feeds) = subscribers.feeds(subscriber) else {
        return Err(configuration(anyhow!("gateway.subscribers names nobody `{subscriber}`")));
    };
    let connection = settings.connection().map_err(|error| configuration(error.into()))?;
    let topics = settings.topics().map_err(|error| configuration(error.into()))?;
    let at_ms =
        from.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().try_into().unwrap_or(i64::MAX);
    let failed = |error: KafkaError| Failure::new(Exit::Service, anyhow!(error));
    let admin = Admin::new(&connection, PATIENCE).map_err(failed)?;
    let mut moved = Vec::new();
    for feed in feeds {
        let topic = topics.name(feed.name());
        let group = tell::group(&settings.kafka.group_prefix, subscriber, *feed);
        let progress = GroupProgress::new(&connection, &group).map_err(failed)?;
        let partitions = admin.partitions(&topic).map_err(failed)?.unwrap_or_default();
        let places = progress.move_to(&topic, partitions, at_ms).map_err(|error| {
            let hint = "a gateway that runs keeps its position: end all of them first";
            Failure::new(Exit::Service, anyhow!(error).context(hint))
        })?;
        let mut records = 0;
        for (partition, next) in places {
            records += progress.of(&topic, partition).map_err(failed)?.end.saturating_sub(next);
        }
        moved.push((topic, records));
    }
    Ok(moved)
}
