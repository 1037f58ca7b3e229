//! What one transaction will write: results, states, markers, and the offsets that they come from.

use std::collections::BTreeMap;
use std::time::Instant;

use domain::messages::ScoreStatus;
use domain::score::Output;
use kafka::wire::{Event, WireError};
use kafka::{Outgoing, Record, Topics};

use crate::clock;
use crate::settings::Role;
use crate::stages::dead_letter::{self, Rejected};
use crate::stages::outbox::ARRIVED;
use crate::telemetry::metrics::{Metrics, Stage};
use crate::telemetry::spans::{Span, Spans};
use crate::telemetry::trace::TraceContext;
use domain::ids::SessionId;
use domain::messages::{IncidentRun, Marker, ScoreRun};

/// CloudEvents `source` of what the score role publishes.
const SOURCE: &str = "/invigilator/score";

/// A segment whose score is in the batch.
struct Observed {
    session: SessionId,
    /// When the segment came to the broker, in milliseconds since 1970.
    arrived_ms: Option<i64>,
    trace: Option<TraceContext>,
    since: Instant,
}

/// Gathered since the last commit.
pub(super) struct Batch {
    topics: Topics,
    pub outgoing: Vec<Outgoing>,
    /// (topic, partition) → next offset.
    pub offsets: BTreeMap<(String, i32), i64>,
    observed: Vec<Observed>,
    /// When the first record was taken in.
    pub since: Option<Instant>,
    pub records: usize,
}

impl Batch {
    pub(super) fn new(topics: Topics) -> Self {
        Self {
            topics,
            outgoing: Vec::new(),
            offsets: BTreeMap::new(),
            observed: Vec::new(),
            since: None,
            records: 0,
        }
    }

    /// Begins anew.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.topics.clone());
    }

    /// Whether there is nothing to commit.
    pub(super) fn is_empty(&self) -> bool {
        self.offsets.is_empty() && self.outgoing.is_empty()
    }

    /// A record was taken in.
    pub(super) fn passed(&mut self, record: &Record) {
        self.since.get_or_insert_with(Instant::now);
        self.records += 1;
        let origin = &record.origin;
        self.offsets.insert((origin.topic.clone(), origin.partition), origin.offset + 1);
    }

    /// A record that nobody can read: set aside, never in the way of those behind it.
    pub(super) fn set_aside(&mut self, record: &Record, error: &WireError, metrics: &Metrics) {
        let trace = kafka::wire::traceparent(record).and_then(TraceContext::parse);
        let (stage, reason, detail) = (Stage::Score, error.reason(), error.to_string());
        let rejected = Rejected { stage, reason, detail, attempts: 1 };
        self.outgoing.push(dead_letter::of(record, &rejected, trace.as_ref(), &self.topics, metrics));
    }

    /// A segment's observation was taken in.
    pub(super) fn observed(&mut self, session: &SessionId, record: &Record, since: Instant) {
        let arrived_ms = record.headers.get(ARRIVED).and_then(|text| std::str::from_utf8(text).ok());
        let trace = kafka::wire::traceparent(record).and_then(TraceContext::parse);
        let arrived_ms = arrived_ms.and_then(|text| text.parse().ok());
        self.observed.push(Observed { session: session.clone(), arrived_ms, trace, since });
    }

    /// Everything in here is committed.
    pub(super) fn tell_committed(&self, metrics: &Metrics, spans: &Spans) {
        for Observed { session, arrived_ms, trace, since } in &self.observed {
            if let Some(arrived_ms) = *arrived_ms {
                metrics.reached(Role::Score, arrived_ms);
            }
            if let Some(parent) = trace.as_ref().filter(|trace| spans.want(trace)) {
                let context = &parent.child(SOURCE, session);
                let (parent, took) = (Some(parent), since.elapsed());
                spans.tell(&Span { name: "score", context, parent, took, session, failed: None });
            }
        }
    }

    /// What the fold had to say, about a record if there was one.
    pub(super) fn say(&mut self, outputs: Vec<Output>, cause: Option<&Record>, metrics: &Metrics) {
        let given = cause.and_then(kafka::wire::traceparent).and_then(TraceContext::parse);
        for output in outputs {
            let time = clock::now();
            match output {
                Output::Incident { mut incident, time_to_flag } => {
                    metrics.incident(&incident);
                    let trace = given.as_ref().map(|trace| trace.child(SOURCE, &incident.session).header());
                    incident.run =
                        Some(IncidentRun { detected_at: time.clone(), time_to_flag_ms: time_to_flag });
                    let event = Event { source: SOURCE, time: Some(&time), traceparent: trace.as_deref() };
                    self.outgoing.push(Outgoing::message(self.topics.incidents(), event, incident.as_ref()));
                }
                Output::Score(mut score) => {
                    metrics.score(score.status == ScoreStatus::Final);
                    let trace = given.as_ref().map(|trace| trace.child(SOURCE, &score.session).header());
                    score.run = Some(ScoreRun { computed_at: time.clone() });
                    let event = Event { source: SOURCE, time: Some(&time), traceparent: trace.as_deref() };
                    self.outgoing.push(Outgoing::message(self.topics.scores(), event, score.as_ref()));
                }
            }
        }
    }

    /// A clock's verdict, for the log of observations.
    pub(super) fn mark(&mut self, marker: &Marker) {
        let time = clock::now();
        let event = Event { source: SOURCE, time: Some(&time), traceparent: None };
        self.outgoing.push(Outgoing::message(self.topics.observations(), event, marker));
    }

    /// The state of a session, into the partition that its records are in. Returns which of the batch's records it is.
    pub(super) fn store(&mut self, session: &SessionId, state: Vec<u8>, partition: i32) -> usize {
        self.outgoing.push(Outgoing {
            topic: self.topics.score_state(),
            partition: Some(partition),
            key: session.as_str().as_bytes().to_vec(),
            value: Some(state),
            headers: kafka::Headers::new(),
        });
        self.outgoing.len() - 1
    }
}
