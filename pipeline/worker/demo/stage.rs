//! What a demonstration stands on: a broker, topics of its own, a folder for media, and settings that
//! point at them. All of it is gone afterwards.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use kafka::{Admin, Connection, EmbeddedBroker, KafkaError, Topics};
use tempfile::TempDir;

use crate::exit::{Exit, Failure};
use crate::settings::{Override, Sources};

/// How long real brokers may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// What real brokers take in one record by default, with room for headers.
const INLINE: usize = 900 << 10;
/// As many copies of a topic as real brokers make by default.
const BROKERS_DEFAULT: i32 = -1;

/// The ground of one run.
pub(super) struct Stage {
    topics: Topics,
    partitions: i32,
    folder: TempDir,
    /// `None`: real brokers.
    embedded: Option<EmbeddedBroker>,
}

impl Stage {
    /// Starts a broker unless there is one, and points the settings at it.
    pub(super) fn set(
        brokers: Option<&str>,
        partitions: i32,
        dashboard: SocketAddr,
        sources: &mut Sources,
    ) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("invigilator-demo-").tempdir()?;
        let embedded = brokers.is_none().then(EmbeddedBroker::start).transpose().map_err(super::service)?;
        let brokers = match (&embedded, brokers) {
            (Some(embedded), _) => embedded.brokers(),
            (None, named) => named.unwrap_or_default().to_owned(),
        };
        // Real brokers may remember earlier runs.
        let prefix = format!("demo-{}", folder.path().file_name().unwrap_or_default().display());
        let set = |key, value| Override { argument: "demo", key, value };
        let media = folder.path().to_str().context("the folder for temporary files has no plain name")?;
        sources.arguments.extend([
            set("kafka.brokers", brokers.into()),
            set("kafka.topic_prefix", prefix.clone().into()),
            set("kafka.group_prefix", prefix.clone().into()),
            set("worker.roles", vec!["cut", "observe", "score"].into()),
            set("worker.media_prefixes", vec![format!("file://{media}/")].into()),
            set("gateway.listen", dashboard.to_string().into()),
            set("gateway.store", format!("{media}/gateway-store").into()),
            set("telemetry.listen", "".into()),
            // What goes wrong and is mended would tear the picture; what is not ends the run.
            set("telemetry.log_level", "error".into()),
            set("telemetry.log_format", "text".into()),
        ]);
        let topics = Topics::new(&prefix).map_err(super::service)?;
        Ok(Self { topics, partitions, folder, embedded })
    }

    pub(super) fn topics(&self) -> &Topics {
        &self.topics
    }

    pub(super) fn media_folder(&self) -> &Path {
        self.folder.path()
    }

    /// The largest media that may travel in their record, in bytes.
    pub(super) fn most_inline(&self) -> usize {
        if self.embedded.is_some() { 0 } else { INLINE }
    }

    pub(super) fn create_topics(&self, connection: &Connection) -> Result<(), Failure> {
        if let Some(embedded) = &self.embedded {
            return embedded.create_topics(&self.topics.specs(self.partitions, 1)).map_err(super::service);
        }
        let unreachable = |error: KafkaError| {
            Failure::new(Exit::Service, anyhow!("no broker at {} answers: {error}", connection.brokers))
        };
        let admin = Admin::new(connection, PATIENCE).map_err(super::service)?;
        admin.brokers().map_err(unreachable)?;
        admin.create_topics(&self.topics.specs(self.partitions, BROKERS_DEFAULT)).map_err(super::service)
    }
}
