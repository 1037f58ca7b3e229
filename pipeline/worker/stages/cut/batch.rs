//! What one transaction will write: segments, facts, silences, states, dead letters; and what is to be told once
//! it is committed.

use std::time::Instant;

use domain::ids::SessionId;
use domain::messages::{CutState, SegmentHeader, UploadEvent, UploadFact};
use kafka::wire::{self, Event, Media};
use kafka::{Outgoing, Record, Topics};

use super::session::Said;
use crate::clock;
use crate::piece::{self, Piece};
use crate::privacy::{SealError, SessionKey, payload};
use crate::settings::Role;
use crate::stages::dead_letter::{self, Rejected};
use crate::telemetry::metrics::{Metrics, Stage};
use crate::telemetry::spans::{Span, Spans};
use crate::telemetry::trace::TraceContext;

/// CloudEvents `source` of what the cut role publishes.
const SOURCE: &str = "/invigilator/cut";

/// A segment in the batch.
struct Made {
    session: SessionId,
    /// When its last chunk came to the broker, in milliseconds since 1970.
    arrived_ms: Option<i64>,
    /// Where the chunk came from, and where the work on it belongs.
    trace: (Option<TraceContext>, TraceContext),
    since: Instant,
}

/// Gathered since the last commit.
pub(super) struct Batch {
    topics: Topics,
    pub outgoing: Vec<Outgoing>,
    /// Of all of these.
    pub bytes: usize,
    /// Records that were taken in.
    pub records: usize,
    made: Vec<Made>,
    /// When the first record was taken in.
    pub since: Option<Instant>,
}

impl Batch {
    pub(super) fn new(topics: Topics) -> Self {
        Self { topics, outgoing: Vec::new(), bytes: 0, records: 0, made: Vec::new(), since: None }
    }

    /// Begins anew.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.topics.clone());
    }

    /// A record was taken in.
    pub(super) fn passed(&mut self) {
        self.since.get_or_insert_with(Instant::now);
        self.records += 1;
    }

    /// What an upload had to say when a record came with this trace and at this time. Video is sealed, if there is a
    /// key.
    pub(super) fn say(
        &mut self,
        said: Vec<Said>,
        key: Option<&SessionKey>,
        (trace, arrived_ms): (Option<&str>, Option<i64>),
        metrics: &Metrics,
    ) -> Result<(), SealError> {
        let (given, since) = (trace.and_then(TraceContext::parse), Instant::now());
        for said in said {
            match said {
                Said::Segment(Piece { header, media, .. }) => {
                    let trace = given.clone().unwrap_or_else(|| own_trace(&header));
                    let trace = trace.child(SOURCE, &header.session);
                    let (time, parent) = (clock::now(), trace.header());
                    let event = Event { source: SOURCE, time: Some(&time), traceparent: Some(&parent) };
                    let media = Media::Inline(media.into());
                    let record = piece::record(&self.topics, event, &header, media);
                    self.add(payload::seal(record, key, &payload::of_segment(&header))?);
                    let (session, trace) = (header.session, (given.clone(), trace));
                    self.made.push(Made { session, arrived_ms, trace, since });
                }
                Said::Fact(fact) => {
                    let time = clock::now();
                    let event = Event { time: Some(&time), ..Event::from_source(SOURCE) };
                    self.add(Outgoing::message(self.topics.sessions(), event, &fact));
                }
                Said::Refused(mut record, error) => {
                    metrics.recordings("refused", 1);
                    if let (Ok(true), Some(key)) = (wire::is_sealed(&record.headers), key)
                        && let Ok(header) = wire::decode_chunk(&record)
                    {
                        payload::seal_again(&mut record, key, &payload::of_chunk(&header))?;
                    }
                    self.set_aside(&record, error.reason(), error.to_string(), metrics);
                }
                Said::Chunks(outcome, count) => metrics.chunks(outcome, count),
                Said::Recording(outcome) => metrics.recordings(outcome, 1),
            }
        }
        Ok(())
    }

    /// A record that led to nothing.
    pub(super) fn set_aside(
        &mut self,
        record: &Record,
        reason: &'static str,
        detail: String,
        metrics: &Metrics,
    ) {
        let trace = wire::traceparent(record).and_then(TraceContext::parse);
        let rejected = Rejected { stage: Stage::Cut, reason, detail, attempts: 1 };
        self.add(dead_letter::of(record, &rejected, trace.as_ref(), &self.topics, metrics));
    }

    /// A clock's verdict, for the log of chunks.
    pub(super) fn tell_silence(&mut self, session: &SessionId, partition: i32) {
        let time = clock::now();
        let event = Event { time: Some(&time), ..Event::from_source(SOURCE) };
        let fact = UploadFact { session: session.clone(), event: UploadEvent::Silent };
        let record = Outgoing::message(self.topics.chunks(), event, &fact);
        self.since.get_or_insert_with(Instant::now);
        self.add(Outgoing { partition: Some(partition), ..record });
    }

    /// The state of an upload, into the partition that its records are in.
    pub(super) fn store(&mut self, state: &CutState, partition: i32) {
        let record = Outgoing::message(self.topics.cut_state(), Event::from_source(SOURCE), state);
        self.add(Outgoing { partition: Some(partition), ..record });
    }

    /// An upload is over: its state is of no use any more.
    pub(super) fn forget(&mut self, session: &SessionId, partition: i32) {
        self.add(Outgoing {
            topic: self.topics.cut_state(),
            partition: Some(partition),
            key: session.as_str().as_bytes().to_vec(),
            value: None,
            headers: kafka::Headers::new(),
        });
    }

    /// Everything in here is committed.
    pub(super) fn tell_committed(&self, metrics: &Metrics, spans: &Spans) {
        for Made { session, arrived_ms, trace: (parent, context), since } in &self.made {
            metrics.stage(Stage::Cut, true, since.elapsed());
            if let Some(arrived_ms) = *arrived_ms {
                metrics.reached(Role::Cut, arrived_ms);
            }
            let (parent, took) = (parent.as_ref(), since.elapsed());
            spans.tell(&Span { name: "cut", context, parent, took, session, failed: None });
        }
    }

    fn add(&mut self, record: Outgoing) {
        self.bytes += record.bytes();
        self.outgoing.push(record);
    }
}

fn own_trace(header: &SegmentHeader) -> TraceContext {
    TraceContext::of_segment(&header.session, header.stream.epoch, header.sequence)
}
