//! Subscribers are told of results: for each one and each topic a thread that reads as a member of a group, so that
//! several gateways share the work, and each subscriber has a position that outlives them all.
//!
//! | File | Responsible for |
//! |---|---|
//! | [`courier`] | one subscriber, one topic: in order, again until it has heard |
//! | [`share`] | its partitions, and how far it has got in each |
//!
//! A subscriber that is slow, or dead, holds up nobody but itself: what waits for it waits in Kafka.

mod courier;
mod share;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ::gateway::subscribers::Subscriber;
use ::gateway::{Subscribers, SubscribersError};
use domain::ports::Feed;
use kafka::{Connection, GroupConsumer, GroupSettings, KafkaError, Topics};
use tokio::runtime::Handle;
use tokio::sync::watch;

use self::courier::Courier;
use self::share::Share;
use crate::settings::Kafka;
use crate::settings::properties::warn_if_exposed;
use crate::stages::Stop;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;

/// Records that nobody has polled yet, in bytes, for each subscriber and topic.
const BUFFER: usize = 4 << 20;

/// What couriers work with.
pub struct Telling<'a> {
    /// The brokers.
    pub connection: &'a Connection,
    /// The topics.
    pub topics: &'a Topics,
    /// How to take part in groups.
    pub kafka: &'a Kafka,
    /// Where requests are made.
    pub runtime: Handle,
    /// Figures.
    pub metrics: &'a Metrics,
    /// Who is alive.
    pub health: &'a Health,
    /// The end.
    pub stop: &'a Stop,
    /// Whether the end was asked for, for requests that are on their way.
    pub closing: watch::Receiver<bool>,
}

/// Reads the file of subscribers, and warns of secrets that everybody can read.
///
/// # Errors
/// If it is of no use.
pub fn read(path: Option<&Path>) -> Result<Subscribers, SubscribersError> {
    let subscribers = path.map_or_else(|| Ok(Subscribers::default()), Subscribers::read)?;
    subscribers.secret_files().iter().for_each(|file| warn_if_exposed(file));
    Ok(subscribers)
}

/// The group by which a subscriber's position in a topic is known.
pub fn group(group_prefix: &str, subscriber: &str, feed: Feed) -> String {
    format!("{group_prefix}-tell-{subscriber}-{}", feed.name())
}

impl Telling<'_> {
    /// Begins to tell all of these, until the end is asked for.
    ///
    /// # Errors
    /// If a setting is refused, or the system has no more threads.
    pub fn begin(&self, subscribers: Vec<Arc<dyn Subscriber>>) -> Result<Vec<JoinHandle<()>>, TellingError> {
        let mut threads = Vec::new();
        for subscriber in subscribers {
            for feed in subscriber.feeds() {
                let courier = self.courier(Arc::clone(&subscriber), *feed)?;
                threads.push(thread::Builder::new().name("tell".to_owned()).spawn(|| courier.run())?);
            }
        }
        Ok(threads)
    }

    fn courier(&self, subscriber: Arc<dyn Subscriber>, feed: Feed) -> Result<Courier, KafkaError> {
        let share = Arc::<Share>::default();
        let group = group(&self.kafka.group_prefix, subscriber.name(), feed);
        let settings = GroupSettings {
            protocol: self.kafka.group_protocol,
            session_timeout: self.kafka.session_timeout,
            buffer_bytes: BUFFER,
            // While a request is on its way nothing is polled: that never takes long.
            max_poll_interval: Duration::from_secs(300),
            ..GroupSettings::new(group)
        };
        let topic = self.topics.name(feed.name());
        let consumer = GroupConsumer::new(self.connection, &topic, &settings, Arc::clone(&share) as _)?;
        let pulse = self.health.register("tell");
        // Whether it has partitions or not: dashboards and uploads do not wait for subscribers.
        pulse.ready();
        Ok(Courier {
            subscriber,
            feed,
            consumer,
            share,
            runtime: self.runtime.clone(),
            metrics: self.metrics.clone(),
            pulse,
            stop: self.stop.clone(),
            closing: self.closing.clone(),
        })
    }
}

/// Subscribers that cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum TellingError {
    /// The brokers, or the settings of their clients.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The system.
    #[error("no thread: {0}")]
    Thread(#[from] io::Error),
}
