//! Results to Kafka: observations and dead letters, in the order of the log, and what their
//! acknowledgement sets free.
//!
//! In: a verdict on a segment, from whatever thread reached it. Out: records, per session in the order in
//! which the segments were taken in. Promises: an offset counts as done only when every record that its
//! segment led to is acknowledged; what belongs to a partition that was taken away is neither published
//! nor counted. Waits for: room in the producer's queue.

use std::iter;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::delivery::{Lease, OffsetLedger};
use domain::ids::SessionId;
use domain::messages::{Marker, MarkerKind, Observation, SegmentHeader};
use domain::time::Millis;
use kafka::wire::Event;
use kafka::{Connection, KafkaError, Outgoing, Publisher, PublisherSettings, Record, Topics};

use super::budget::Permit;
use super::dead_letter::{self, Rejected};
use super::in_order::{InOrder, Ticket};
use super::stop::Stop;
use crate::clock;
use crate::failpoint::Failpoint;
use crate::settings::Role;
use crate::telemetry::metrics::{Metrics, Stage};
use crate::telemetry::spans::{Span, Spans};
use crate::telemetry::trace::TraceContext;

/// CloudEvents `source` of what the observe role publishes.
const SOURCE: &str = "/invigilator/observe";
/// Header of an observation: when its segment came to the broker, in milliseconds since 1970. For delays
/// alone, never for scores.
pub(crate) const ARRIVED: &str = "ce_arrivedms";

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
    trace: Trace,
    /// Said before the result.
    marker: Option<Marker>,
    /// Pays for the record.
    permit: Permit,
}

impl Place {
    /// The place of a segment before which others were deleted unread.
    pub(super) fn after_deleted_ones(self, header: &SegmentHeader) -> Self {
        let marker = Marker {
            session: header.session.clone(),
            kind: MarkerKind::Overtaken,
            media_ms: header.start_ms,
            silent_ms: Millis::ZERO,
        };
        Self { marker: Some(marker), ..self }
    }

    /// The partition that the record came from.
    pub(super) fn partition(&self) -> i32 {
        self.lease.partition()
    }

    /// The media that came with the record; empty if it came by reference.
    pub(super) fn inline_media(&self) -> &[u8] {
        self.record.value.as_deref().unwrap_or_default()
    }
}

/// The trace of a segment.
struct Trace {
    /// What it came with.
    given: Option<TraceContext>,
    /// Where the work on it belongs.
    observe: TraceContext,
    since: Instant,
}

/// A finished segment, waiting for those before it.
struct Finished {
    records: Vec<Outgoing>,
    receipt: Receipt,
    /// Pays for what a dead letter keeps, until the publisher does.
    _permit: Option<Permit>,
}

/// Publishes results.
pub(super) struct Outbox {
    publisher: Publisher<Receipt>,
    topics: Topics,
    lines: Mutex<InOrder<SessionId, Finished>>,
    ledger: SharedLedger,
    metrics: Metrics,
    spans: Spans,
    stop: Stop,
}

/// Comes back with each acknowledgement; the last one completes the segment.
#[derive(Clone)]
struct Receipt(Arc<Sent>);

/// What was sent for one record.
struct Sent {
    lease: Lease,
    /// Records without an acknowledgement.
    missing: AtomicU8,
    at: Instant,
    arrived_ms: Option<i64>,
    /// Of a segment.
    trace: Option<(SessionId, Trace)>,
}

impl Outbox {
    pub(super) fn new(
        connection: &Connection,
        topics: Topics,
        ledger: SharedLedger,
        (metrics, spans): (Metrics, Spans),
        stop: Stop,
    ) -> Result<Self, KafkaError> {
        // Brokers that are away are waited for: what was observed is not worth less for that.
        let settings = PublisherSettings {
            message_max_bytes: topics.largest_letter(),
            delivery_timeout: None,
            ..PublisherSettings::default()
        };
        let ending = stop.clone();
        let (acknowledged, counted, told) = (Arc::clone(&ledger), metrics.clone(), spans.clone());
        let publisher = Publisher::new(connection, settings, move |receipt: Receipt, result| match result {
            Ok(()) => receipt.acknowledge(&acknowledged, &counted, &told),
            // Given up on purpose.
            Err(_) if ending.is_immediate() => {}
            // Refused for good: a successor does it again.
            Err(error) => ending.fail("publish", &error),
        })?;
        Ok(Self { publisher, topics, lines: Mutex::default(), ledger, metrics, spans, stop })
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
        let own = || TraceContext::of_segment(&session, header.stream.epoch, header.sequence);
        let observe = given.clone().unwrap_or_else(own).child(SOURCE, &session);
        let trace = Trace { given, observe, since: Instant::now() };
        let ticket = self.lines().reserve(session.clone());
        Place { session, ticket, record, lease, trace, marker: None, permit }
    }

    /// Gives up what is on its way, and lets go of whoever waits for room. A successor does it again.
    pub(super) fn give_up(&self) {
        self.publisher.close();
    }

    /// Tells of a step of the work on a segment, for its trace.
    pub(super) fn tell_step(&self, place: &Place, step: Stage, took: Duration, failed: Option<&'static str>) {
        let parent = &place.trace.observe;
        if self.spans.want(parent) {
            let context = &parent.child(step.name(), &place.session);
            let (name, session) = (step.name(), &place.session);
            self.spans.tell(&Span { name, context, parent: Some(parent), took, session, failed });
        }
    }

    /// Whether the partition of a segment is still ours.
    pub(super) fn is_current(&self, place: &Place) -> bool {
        locked(&self.ledger).is_current(&place.lease)
    }

    /// Publishes what was seen.
    pub(super) fn publish(&self, place: Place, observation: &Observation) -> Result<(), KafkaError> {
        let records = self.observation(&place, observation).collect();
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
            let trace = Some(&place.trace.observe);
            let letter = dead_letter::of(&place.record, rejected, trace, &self.topics, &self.metrics);
            iter::once(letter).chain(self.observation(&place, placeholder)).collect()
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
        let letter = dead_letter::of(record, rejected, trace.as_ref(), &self.topics, &self.metrics);
        let receipt = Receipt::new(lease, 1, record.timestamp_ms, None);
        self.send(Finished { receipt, records: vec![letter], _permit: None })
    }

    /// Says nothing of a segment, which is done with: its session was erased.
    pub(super) fn pass_over(&self, place: Place) -> Result<(), KafkaError> {
        self.finish(place, Vec::new())
    }

    fn finish(&self, place: Place, records: Vec<Outgoing>) -> Result<(), KafkaError> {
        let Place { session, ticket, record, lease, trace, permit, .. } = place;
        let trace = Some((session.clone(), trace));
        // The one who sends nothing acknowledges it.
        let missing = records.len().max(1) as u8;
        let receipt = Receipt::new(lease, missing, record.timestamp_ms, trace);
        drop(record);
        let finished = Finished { records, receipt, _permit: Some(permit) };
        // Sent under the lock: two threads that finish at once must not overtake each other.
        let mut lines = self.lines();
        for finished in lines.fill(&session, ticket, finished) {
            self.send(finished)?;
        }
        Ok(())
    }

    fn send(&self, finished: Finished) -> Result<(), KafkaError> {
        let Finished { records, receipt, _permit } = finished;
        // The new owner of the partition does it again; two results would be one too many.
        if !locked(&self.ledger).is_current(&receipt.0.lease) {
            return Ok(());
        }
        if records.is_empty() {
            receipt.acknowledge(&self.ledger, &self.metrics, &self.spans);
        }
        for record in records {
            match self.publisher.send(record, receipt.clone()) {
                Ok(()) => {}
                Err(_) if self.stop.is_immediate() => return Ok(()),
                Err(refused) => return Err(refused.error),
            }
        }
        Failpoint::ObserveSent.pass();
        Ok(())
    }

    fn observation(&self, place: &Place, observation: &Observation) -> impl Iterator<Item = Outgoing> {
        let (time, trace) = (clock::now(), place.trace.observe.header());
        let event = Event { source: SOURCE, time: Some(&time), traceparent: Some(&trace) };
        let mut record = Outgoing::message(self.topics.observations(), event, observation);
        if let Some(arrived) = place.record.timestamp_ms {
            record.headers.push(ARRIVED, arrived.to_string());
        }
        let marker = place.marker.as_ref();
        let marker = marker.map(|marker| Outgoing::message(self.topics.observations(), event, marker));
        marker.into_iter().chain([record])
    }

    fn lines(&self) -> MutexGuard<'_, InOrder<SessionId, Finished>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receipt {
    fn new(lease: Lease, records: u8, arrived_ms: Option<i64>, trace: Option<(SessionId, Trace)>) -> Self {
        let (missing, at) = (AtomicU8::new(records), Instant::now());
        Self(Arc::new(Sent { lease, missing, at, arrived_ms, trace }))
    }

    fn acknowledge(&self, ledger: &SharedLedger, metrics: &Metrics, spans: &Spans) {
        let Sent { lease, missing, at, arrived_ms, trace } = self.0.as_ref();
        if missing.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        if locked(ledger).done(lease) {
            Failpoint::ObserveAcknowledged.pass();
            metrics.stage(Stage::Publish, true, at.elapsed());
            if let Some(arrived) = *arrived_ms {
                metrics.reached(Role::Observe, arrived);
            }
            if let Some((session, Trace { given, observe, since })) = trace {
                let (context, parent, took) = (observe, given.as_ref(), since.elapsed());
                spans.tell(&Span { name: "observe", context, parent, took, session, failed: None });
            }
        }
    }
}
