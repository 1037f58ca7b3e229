//! Records that led to nothing: kept as they came, if they are not too large for that, with what is to be
//! known about them in headers of their own (`dlq-*`). Not responsible for: what stands in their place.

use kafka::{Headers, Outgoing, Record, Topics};

use crate::clock;
use crate::telemetry::metrics::{Metrics, Stage};
use crate::telemetry::trace::TraceContext;

/// Why a record led to nothing.
#[derive(Debug, Clone)]
pub(super) struct Rejected {
    /// Where it failed.
    pub stage: Stage,
    /// A stable word.
    pub reason: &'static str,
    /// A sentence.
    pub detail: String,
    /// How often it was tried.
    pub attempts: u32,
}

/// The dead letter of a record. `trace` is where the work on it can be followed, if it can.
pub(super) fn of(
    record: &Record,
    rejected: &Rejected,
    trace: Option<&TraceContext>,
    topics: &Topics,
    metrics: &Metrics,
) -> Outgoing {
    metrics.dead_letter(rejected.stage, rejected.reason);
    tracing::error!(
        topic = record.origin.topic,
        partition = record.origin.partition,
        offset = record.origin.offset,
        stage = rejected.stage.name(),
        reason = rejected.reason,
        detail = rejected.detail,
        "a record was set aside"
    );
    let mut headers: Headers =
        record.headers.iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
    headers.push("dlq-reason", rejected.reason);
    headers.push("dlq-stage", rejected.stage.name());
    headers.push("dlq-error", rejected.detail.as_str());
    headers.push("dlq-attempts", rejected.attempts.to_string());
    headers.push("dlq-topic", record.origin.topic.as_str());
    headers.push("dlq-partition", record.origin.partition.to_string());
    headers.push("dlq-offset", record.origin.offset.to_string());
    headers.push("dlq-at", clock::now());
    if let Some(trace) = trace {
        headers.push("dlq-trace", trace.trace());
    }
    let (key, value) = (record.key.clone(), record.value.clone());
    let letter = Outgoing { topic: topics.dead_letters(), partition: None, key, value, headers };
    // Topics may take larger records than this program sends: their value stays where it came from.
    if letter.bytes() > topics.largest_letter() { Outgoing { value: None, ..letter } } else { letter }
}
