//! Results to Kafka: observations and dead letters, in the order of the log, and what their
//! acknowledgement sets free.
//!
//! In: a verdict on a segment, from whatever thread reached it. Out: records, per session in the order in
//! which the segments were taken in. Promises: an offset counts as done only when every record that its
//! segment led to is acknowledged; what belongs to a partition that was taken away is neither published
//! nor counted. Waits for: room in the producer's queue.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use domain::delivery::{Lease, OffsetLedger};
use domain::ids::SessionId;
use domain::messages::{Observation, SegmentHeader};
use kafka::wire::Event;
use kafka::{Connection, Headers, KafkaError, Outgoing, Publisher, PublisherSettings, Record, Topics};

use super::budget::Permit;
use super::in_order::{InOrder, Ticket};
use super::stop::Stop;
use crate::clock;
use crate::telemetry::metrics::{Metrics, Stage};
use crate::telemetry::trace::TraceContext;

/// CloudEvents `source` of what the observe role publishes.
const SOURCE: &str = "/invigilator/observe";
/// Header of an observation: when its segment came to the broker, in milliseconds since 1970. For delays
/// alone, never for scores.
pub(super) const ARRIVED: &str = "ce_arrivedms";

/// What is in work, of all partitions: shared by whoever takes in and whoever finishes.
pub(super) type SharedLedger = Arc<Mutex<OffsetLedger>>;

/// The ledger; a thread that panicked with it left it whole.
pub(super) fn locked(ledger: &SharedLedger) -> MutexGuard<'_, OffsetLedger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the result of a segment belongs.
pub(super) struct Place {
    session: SessionId,
    ticket: Ticket,
    /// The record as it came: what a dead letter keeps.
    record: Record,
    lease: Lease,
    trace: TraceContext,
    /// Pays for the record.
    _permit: Permit,
}

impl Place {
    /// The partition that the record came from.
    pub(super) fn partition(&self) -> i32 {
        self.lease.partition()
    }

    /// The media that came with the record; empty if it came by reference.
    pub(super) fn inline_media(&self) -> &[u8] {
        self.record.value.as_deref().unwrap_or_default()
    }
}

/// Why a segment has no result.
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

/// A finished segment, waiting for those before it.
struct Finished {
    records: Vec<Outgoing>,
    receipt: Receipt,
}

/// Publishes results.
pub(super) struct Outbox {
    publisher: Publisher<Receipt>,
    topics: Topics,
    lines: Mutex<InOrder<SessionId, Finished>>,
    ledger: SharedLedger,
    metrics: Metrics,
}

/// Comes back with each acknowledgement; the last one completes the segment.
#[derive(Clone)]
struct Receipt {
    lease: Lease,
    missing: Arc<AtomicU8>,
    sent: Instant,
    arrived_ms: Option<i64>,
}

impl Outbox {
    pub(super) fn new(
        connection: &Connection,
        topics: Topics,
        max_record_bytes: usize,
        ledger: SharedLedger,
        metrics: Metrics,
        stop: Stop,
    ) -> Result<Self, KafkaError> {
        let settings =
            PublisherSettings { message_max_bytes: max_record_bytes, ..PublisherSettings::default() };
        let (acknowledged, counted) = (Arc::clone(&ledger), metrics.clone());
        let publisher = Publisher::new(connection, settings, move |receipt: Receipt, result| match result {
            Ok(()) => receipt.acknowledge(&acknowledged, &counted),
            // Not acknowledged within minutes, or refused for good: a successor does it again.
            Err(error) => stop.fail("publish", &error),
        })?;
        Ok(Self { publisher, topics, lines: Mutex::default(), ledger, metrics })
    }

    /// Reserves the place of a segment; results leave in the order of these calls.
    pub(super) fn reserve(
        &self,
        header: &SegmentHeader,
        record: Record,
        lease: Lease,
        permit: Permit,
    ) -> Place {
        let session = header.session.clone();
        let given = kafka::wire::traceparent(&record).and_then(TraceContext::parse);
        let trace =
            given.unwrap_or_else(|| TraceContext::of_segment(&session, header.stream.epoch, header.sequence));
        let ticket = self.lines().reserve(session.clone());
        Place { session, ticket, record, lease, trace, _permit: permit }
    }

    /// Whether the partition of a segment is still ours.
    pub(super) fn is_current(&self, place: &Place) -> bool {
        locked(&self.ledger).is_current(&place.lease)
    }

    /// Publishes what was seen.
    pub(super) fn publish(&self, place: Place, observation: &Observation) -> Result<(), KafkaError> {
        let records = vec![self.observation(&place, observation)];
        self.finish(place, records)
    }

    /// Publishes a dead letter and the placeholder that stands for the segment.
    pub(super) fn reject(
        &self,
        place: Place,
        placeholder: &Observation,
        rejected: &Rejected,
    ) -> Result<(), KafkaError> {
        // Who has the partition now may be luckier: nothing is said of it here.
        let records = if self.is_current(&place) {
            let letter = self.dead_letter(&place.record, rejected, &place.trace);
            vec![letter, self.observation(&place, placeholder)]
        } else {
            Vec::new()
        };
        self.finish(place, records)
    }

    /// Sets aside a record that is no segment: nobody knows whose it is, so it has no placeholder.
    pub(super) fn set_aside(
        &self,
        record: &Record,
        lease: Lease,
        rejected: &Rejected,
    ) -> Result<(), KafkaError> {
        let trace = kafka::wire::traceparent(record).and_then(TraceContext::parse);
        let letter = match trace {
            Some(trace) => self.dead_letter(record, rejected, &trace),
            None => self.letter(record, rejected),
        };
        self.send(Finished { receipt: Receipt::new(lease, 1, record.timestamp_ms), records: vec![letter] })
    }

    fn finish(&self, place: Place, records: Vec<Outgoing>) -> Result<(), KafkaError> {
        let receipt = Receipt::new(place.lease, records.len() as u8, place.record.timestamp_ms);
        // Sent under the lock: two threads that finish at once must not overtake each other.
        let mut lines = self.lines();
        for finished in lines.fill(&place.session, place.ticket, Finished { records, receipt }) {
            self.send(finished)?;
        }
        Ok(())
    }

    fn send(&self, finished: Finished) -> Result<(), KafkaError> {
        let Finished { records, receipt } = finished;
        // The new owner of the partition does it again; two results would be one too many.
        if !locked(&self.ledger).is_current(&receipt.lease) {
            return Ok(());
        }
        for record in records {
            self.publisher.send(record, receipt.clone()).map_err(|refused| refused.error)?;
        }
        Ok(())
    }

    fn observation(&self, place: &Place, observation: &Observation) -> Outgoing {
        let (time, trace) = (clock::now(), place.trace.child(SOURCE, &place.session).header());
        let event = Event { source: SOURCE, time: Some(&time), traceparent: Some(&trace) };
        let mut record = Outgoing::message(self.topics.observations(), event, observation);
        if let Some(arrived) = place.record.timestamp_ms {
            record.headers.push(ARRIVED, arrived.to_string());
        }
        record
    }

    fn dead_letter(&self, record: &Record, rejected: &Rejected, trace: &TraceContext) -> Outgoing {
        let mut letter = self.letter(record, rejected);
        letter.headers.push("dlq-trace", trace.trace());
        letter
    }

    /// The record untouched, and what is to be known about it in headers of their own.
    fn letter(&self, record: &Record, rejected: &Rejected) -> Outgoing {
        self.metrics.dead_letter(rejected.stage, rejected.reason);
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
        Outgoing {
            topic: self.topics.dead_letters(),
            partition: None,
            key: record.key.clone(),
            value: record.value.clone(),
            headers,
        }
    }

    fn lines(&self) -> MutexGuard<'_, InOrder<SessionId, Finished>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receipt {
    fn new(lease: Lease, records: u8, arrived_ms: Option<i64>) -> Self {
        Self { lease, missing: Arc::new(AtomicU8::new(records)), sent: Instant::now(), arrived_ms }
    }

    fn acknowledge(&self, ledger: &SharedLedger, metrics: &Metrics) {
        if self.missing.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        if locked(ledger).done(&self.lease) {
            metrics.stage(Stage::Publish, true, self.sent.elapsed());
            if let Some(arrived) = self.arrived_ms {
                metrics.observed_after(clock::since_ms(arrived));
            }
        }
    }
}
