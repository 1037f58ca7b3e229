//! Settings of running services, once their values are known to be good: Kafka, the worker, telemetry.
//! What each one means is written in `config/default.toml`.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::media::Prefix;

use super::raw::{GroupProtocol, LogFormat, LogLevel, RawKafka, RawTelemetry, RawWorker, Role};

/// Where records come from and go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kafka {
    /// Brokers to begin with.
    pub brokers: String,
    /// How every topic's name begins.
    pub topic_prefix: String,
    /// The shadow that this process is a part of, if it is: see [`Settings::in_shadow`](super::Settings::in_shadow).
    pub shadow: Option<kafka::Shadow>,
    /// How every consumer group's name begins.
    pub group_prefix: String,
    /// The name of this process; unique among those that run.
    pub instance: String,
    /// Whether brokers know this process again by that name.
    pub static_membership: bool,
    /// Who shares partitions out among processes.
    pub group_protocol: kafka::GroupProtocol,
    /// How long a process may be out of touch before its partitions go to others.
    pub session_timeout: Duration,
    /// How long a transaction of scores may stay open.
    pub transaction_timeout: Duration,
    /// A file of further client properties.
    pub client_properties: Option<PathBuf>,
    /// The largest record, in bytes.
    pub max_record_bytes: u32,
}

/// What runs in this process, and how much memory it may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// What runs.
    pub roles: BTreeSet<Role>,
    /// What uploads may hold that is in no segment yet, in bytes.
    pub chunk_bytes: u64,
    /// After how long an upload is taken to be silent.
    pub cut_silence: Duration,
    /// Media that waits to be decoded, in bytes.
    pub media_bytes: u64,
    /// Pictures that wait to be looked at, in bytes.
    pub picture_bytes: u64,
    /// Most segments that are looked at together.
    pub batch: usize,
    /// How long an orderly end may take.
    pub drain_deadline: Duration,
    /// How long a transaction of scores gathers records.
    pub score_linger: Duration,
    /// How long an ended session may lack records.
    pub idle_after_end: Duration,
    /// For how long a session whose score is final stays in memory.
    pub final_in_memory: Duration,
    /// How long a session that never ended may be silent.
    pub idle_after: Duration,
    /// How long video of a running session may stop to come.
    pub stream_lost_after: Duration,
    /// Where media named by reference may come from.
    pub media_prefixes: Vec<Prefix>,
    /// How long a segment that fails for no fault of its own is tried again.
    pub retry_for: Duration,
}

/// What operators see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    /// Address of the endpoints.
    pub listen: Option<SocketAddr>,
    /// Address of an OpenTelemetry collector.
    pub otlp_endpoint: Option<String>,
    /// Least level that is logged.
    pub log_level: LogLevel,
    /// How a line of the log looks.
    pub log_format: LogFormat,
}

pub(super) fn kafka(raw: &RawKafka) -> Kafka {
    Kafka {
        brokers: raw.brokers.clone(),
        topic_prefix: raw.topic_prefix.clone(),
        shadow: None,
        group_prefix: raw.group_prefix.clone(),
        instance: if raw.instance.is_empty() { instance() } else { raw.instance.clone() },
        static_membership: raw.static_membership,
        group_protocol: match raw.group_protocol {
            GroupProtocol::Classic => kafka::GroupProtocol::Classic,
            GroupProtocol::Consumer => kafka::GroupProtocol::Consumer,
        },
        session_timeout: ms(raw.session_timeout_ms),
        transaction_timeout: ms(raw.transaction_timeout_ms),
        client_properties: (!raw.client_properties.is_empty()).then(|| raw.client_properties.clone().into()),
        max_record_bytes: raw.max_record_kib * 1024,
    }
}

pub(super) fn worker(raw: &RawWorker) -> Worker {
    Worker {
        roles: raw.roles.iter().copied().collect(),
        chunk_bytes: u64::from(raw.chunks_mib) << 20,
        cut_silence: ms(raw.cut_silence_ms),
        media_bytes: u64::from(raw.media_mib) << 20,
        picture_bytes: u64::from(raw.pictures_mib) << 20,
        batch: raw.batch.into(),
        drain_deadline: ms(raw.drain_deadline_ms),
        score_linger: ms(raw.score_linger_ms),
        idle_after_end: ms(raw.idle_after_end_ms),
        final_in_memory: ms(raw.final_in_memory_ms),
        idle_after: ms(raw.idle_after_ms),
        stream_lost_after: ms(raw.stream_lost_after_ms),
        // All of them are addresses: that was checked.
        media_prefixes: raw.media_prefixes.iter().filter_map(|prefix| prefix.parse().ok()).collect(),
        retry_for: ms(raw.retry_for_ms),
    }
}

fn ms(milliseconds: u32) -> Duration {
    Duration::from_millis(milliseconds.into())
}

pub(super) fn telemetry(raw: &RawTelemetry) -> Telemetry {
    Telemetry {
        listen: raw.listen.parse().ok(),
        otlp_endpoint: (!raw.otlp_endpoint.is_empty()).then(|| raw.otlp_endpoint.clone()),
        log_level: raw.log_level,
        log_format: raw.log_format,
    }
}

/// A name that no other running process has.
fn instance() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}-{}", std::process::id())
}
