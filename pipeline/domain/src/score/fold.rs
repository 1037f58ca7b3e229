//! The fold itself: takes records in as they arrive, says what to publish.
//!
//! Arrival order ends here: observations go through the reorder buffer, everything else is a set. What
//! was published last is remembered, so that nothing is published twice and nothing changes silently.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::coverage::Unseen;
use super::input::{Counters, Output, ScoreInput};
use super::ledger::Ledger;
use super::lifecycle::Lifecycle;
use super::reorder::{Arrival, Reorder};
use super::report::{Report, Revision, Standings};
use super::review::Reviews;
use super::sample::Segment;
use super::standing::Circumstances;
use super::trace::SampleTrace;
use super::watch::{Terms, Watch};
use crate::ids::SessionId;
use crate::messages::{
    Incident, IncidentState, Marker, MarkerKind, NotEvaluated, Observation, PolicyRef, Review, ScoreStatus,
    SessionFact, canonical,
};
use crate::policy::{Accommodations, Policy};
use crate::time::{Interval, MediaMs, Millis};

/// Version of [`FoldState`]; a state of another version is dropped and rebuilt from the records.
pub const STATE_VERSION: u32 = 1;

/// A quiet session's score is published again after this much media time.
const QUIET_REPORT: Millis = Millis::from_secs(60);

/// The score of one session, as far as its records are known.
#[derive(Debug, Clone)]
pub struct SessionFold {
    policy: Policy,
    policy_ref: PolicyRef,
    session: SessionId,
    state: FoldState,
    /// Filled if the caller asked for it.
    traces: Option<Vec<SampleTrace>>,
}

/// Everything the fold remembers; bounded, and all that a successor needs to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldState {
    version: u32,
    reorder: Reorder,
    watch: Watch,
    ledger: Ledger,
    lifecycle: Lifecycle,
    reviews: Reviews,
    /// Markers that say something about the session, as canonical text, for the hash of the inputs.
    markers: BTreeSet<String>,
    models: BTreeSet<String>,
    /// Hash chain over the observations in their order.
    observations_sha256: String,
    publishing: Publishing,
    counters: Counters,
}

/// What has been published.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Publishing {
    rev: u32,
    is_final: bool,
    /// Nothing more is waited for: a clock said so, or the caller.
    closing: bool,
    /// Media time of the last score.
    at: Option<MediaMs>,
}

/// Why the fold looks whether there is something to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// More video.
    Video,
    /// Something that can change how every incident stands.
    Circumstances,
    /// Without any effect.
    Nothing,
}

impl SessionFold {
    /// A session of which nothing is known yet. The policy must have been validated.
    pub fn new(policy: Policy, policy_ref: PolicyRef, session: SessionId) -> Self {
        let state = FoldState { version: STATE_VERSION, ..FoldState::default() };
        Self { policy, policy_ref, session, state, traces: None }
    }

    /// Goes on where a fold under the same policy was left; `None` if the state is of another version.
    pub fn restore(
        policy: Policy,
        policy_ref: PolicyRef,
        session: SessionId,
        state: FoldState,
    ) -> Option<Self> {
        (state.version == STATE_VERSION).then_some(Self { policy, policy_ref, session, state, traces: None })
    }

    /// Everything a successor needs.
    pub fn state(&self) -> &FoldState {
        &self.state
    }

    /// What became of the records.
    pub fn counters(&self) -> Counters {
        self.state.counters
    }

    /// Starts (or stops) keeping a trace of every sample until it is taken.
    pub fn trace(&mut self, wanted: bool) {
        self.traces = wanted.then(Vec::new);
    }

    /// The samples traced since the last call.
    pub fn take_traces(&mut self) -> Vec<SampleTrace> {
        self.traces.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes one record in; answers with what to publish, in order.
    pub fn push(&mut self, input: ScoreInput<'_>) -> Vec<Output> {
        let of_this_session = match input {
            ScoreInput::Observation(observation) => observation.session == self.session,
            ScoreInput::Marker(marker) => marker.session == self.session,
            ScoreInput::SessionFact(fact) => fact.session == self.session,
            ScoreInput::Review(review) => review.session == self.session,
        };
        if !of_this_session {
            self.state.counters.foreign += 1;
            return Vec::new();
        }
        let cause = match input {
            ScoreInput::Observation(observation) => self.observation(observation),
            ScoreInput::Marker(marker) => self.marker(marker),
            ScoreInput::SessionFact(fact) => self.fact(fact),
            ScoreInput::Review(review) => self.review(review),
        };
        self.publish(cause)
    }

    /// Everything is in: the score becomes final. The same as an idle marker.
    pub fn finish(&mut self) -> Vec<Output> {
        let cause = self.is_over();
        self.publish(cause)
    }

    /// Nothing more is waited for.
    fn is_over(&mut self) -> Cause {
        if self.state.publishing.is_final && self.state.reorder.is_empty() {
            return Cause::Nothing;
        }
        self.state.publishing.closing = true;
        Cause::Circumstances
    }

    fn observation(&mut self, observation: &Observation) -> Cause {
        match self.state.reorder.arrive(Segment::read(observation)) {
            Arrival::Waiting => Cause::Video,
            Arrival::Duplicate => {
                self.state.counters.duplicates += 1;
                Cause::Nothing
            }
            Arrival::Late(segment) => {
                self.state.counters.late += 1;
                self.state.chain(&segment.digest);
                self.state.watch.coverage.reclassify(segment.interval, Unseen::Late);
                Cause::Circumstances
            }
        }
    }

    fn marker(&mut self, marker: &Marker) -> Cause {
        match marker.kind {
            MarkerKind::Idle => self.is_over(),
            MarkerKind::StreamLost => {
                let text = String::from_utf8_lossy(&canonical::bytes(marker)).into_owned();
                if !self.state.markers.insert(text) {
                    self.state.counters.duplicates += 1;
                    return Cause::Nothing;
                }
                let granted = self.granted();
                let terms = Terms { policy: &self.policy, paper: granted.paper };
                self.state.watch.silent(marker, terms, &mut self.state.ledger);
                Cause::Circumstances
            }
        }
    }

    fn fact(&mut self, fact: &SessionFact) -> Cause {
        if !self.state.lifecycle.add(fact) {
            self.state.counters.duplicates += 1;
            return Cause::Nothing;
        }
        if self.state.lifecycle.started() {
            self.state.reorder.begin();
        }
        Cause::Circumstances
    }

    fn review(&mut self, review: &Review) -> Cause {
        if self.state.reviews.add(review) {
            return Cause::Circumstances;
        }
        self.state.counters.duplicates += 1;
        Cause::Nothing
    }

    /// Watches every segment whose turn it is; says whether there was one.
    fn watch_released(&mut self) -> bool {
        let granted = self.granted();
        let terms = Terms { policy: &self.policy, paper: granted.paper };
        let state = &mut self.state;
        let before = state.counters.segments;
        while let Some(released) =
            state.reorder.release(self.policy.timing.lateness_ms, state.publishing.closing)
        {
            state.counters.segments += 1;
            state.models.extend(released.segment.models.iter().cloned());
            state.chain(&released.segment.digest);
            state.watch.segment(released, terms, &mut state.ledger, &mut self.traces);
        }
        state.counters.segments > before
    }

    fn publish(&mut self, cause: Cause) -> Vec<Output> {
        if cause == Cause::Nothing {
            return Vec::new();
        }
        let watched = self.watch_released();
        if cause == Cause::Video && !watched {
            return Vec::new();
        }
        let Publishing { rev, is_final: was_final, closing, at } = self.state.publishing.clone();
        let ended = self.state.lifecycle.ended().is_some_and(|end| self.state.reorder.is_complete(end));
        // A stream that goes on after it was taken to be over is provisional again; a review or a
        // latecomer leaves a final score final.
        let closes = ended || closing || (was_final && !watched);
        if closes {
            self.close();
        }
        let frontier = self.state.watch.frontier();
        let everything = closes || cause == Cause::Circumstances;
        let quiet = at.is_none_or(|at| frontier - at >= QUIET_REPORT);
        if !everything && !quiet && !self.state.ledger.has_due() {
            return Vec::new();
        }
        let report = self.report(closes);
        let standings = report.standings();
        let incidents = self.revisions(&report, &standings, everything);
        let revision = Revision {
            rev: if closes || was_final { rev + 1 } else { rev },
            status: if closes { ScoreStatus::Final } else { ScoreStatus::Provisional },
            watermark: frontier,
            inputs_sha256: self.inputs_sha256(),
        };
        let rev = revision.rev;
        let score = report.score(&standings, revision);
        self.state.publishing = Publishing { rev, is_final: closes, closing: false, at: Some(frontier) };
        let mut outputs = self.note(incidents);
        outputs.push(Output::Score(Box::new(score)));
        outputs
    }

    /// Ends everything that is open.
    fn close(&mut self) {
        let granted = self.granted();
        let terms = Terms { policy: &self.policy, paper: granted.paper };
        let end = self.state.lifecycle.expected().map_or(self.state.watch.frontier(), |told| told.end);
        self.state.watch.finish(end, terms, &mut self.state.ledger);
    }

    fn report(&self, closes: bool) -> Report<'_> {
        let state = &self.state;
        let granted = self.granted();
        let frontier = state.watch.frontier();
        let told = state.lifecycle.expected();
        let whole = told.unwrap_or(Interval::new(state.watch.first.unwrap_or(frontier), frontier));
        let so_far = if closes { whole } else { Interval::new(whole.start, whole.end.min(frontier)) };
        let breaks = state.lifecycle.breaks(&granted, whole.end.max(frontier));
        let circumstances = Circumstances {
            expected: told.unwrap_or(Interval::new(MediaMs(i64::MIN / 2), MediaMs(i64::MAX / 2))),
            breaks: breaks.clone(),
            frozen: state.watch.coverage.frozen(),
            second_person: granted.second_person,
        };
        Report {
            session: &self.session,
            policy: &self.policy,
            policy_ref: &self.policy_ref,
            records: state.ledger.records(),
            reviews: &state.reviews,
            circumstances,
            coverage: state.watch.coverage.report(so_far, &breaks),
            not_evaluated: self.not_evaluated(),
            granted: granted.granted(),
            models: state.models.iter().cloned().collect(),
        }
    }

    /// The incidents of which something new has to be said.
    fn revisions(&self, report: &Report<'_>, standings: &Standings, everything: bool) -> Vec<Revised> {
        let records = report.records.iter().enumerate();
        let candidates = records.filter(|(_, record)| everything || record.reporting.due);
        let revised = candidates.filter_map(|(index, record)| {
            let incident = report.incident(index, standings);
            let said = fingerprint(&incident, record.open);
            let time_to_flag = record.time_to_flag;
            let is_new = record.reporting.next_rev == 0 || said != record.reporting.said;
            is_new.then_some(Revised { index, incident, said, time_to_flag })
        });
        revised.collect()
    }

    /// Remembers what is said now.
    fn note(&mut self, revised: Vec<Revised>) -> Vec<Output> {
        let frontier = self.state.watch.frontier();
        let records = self.state.ledger.records_mut();
        for record in records.iter_mut().filter(|record| record.reporting.due) {
            record.reporting.due = false;
            record.reporting.at = frontier;
        }
        let publish = |revised: Revised| {
            let reporting = &mut records[revised.index].reporting;
            reporting.next_rev += 1;
            reporting.said = revised.said;
            Output::Incident {
                incident: Box::new(revised.incident),
                time_to_flag: revised.time_to_flag,
            }
        };
        revised.into_iter().map(publish).collect()
    }

    fn granted(&self) -> Accommodations {
        self.state.lifecycle.granted(&self.policy.accommodations)
    }

    fn not_evaluated(&self) -> Vec<NotEvaluated> {
        let by_type = self.state.watch.not_evaluated.iter();
        let entries = by_type.flat_map(|(kind, reasons)| {
            reasons.iter().map(|(reason, duration_ms)| NotEvaluated {
                kind: *kind,
                reason: *reason,
                duration_ms: *duration_ms,
            })
        });
        entries.collect()
    }

    /// Hash over everything that was taken in, whatever order it came in.
    fn inputs_sha256(&self) -> String {
        let state = &self.state;
        let parts = (&state.observations_sha256, &state.lifecycle, &state.reviews, &state.markers);
        canonical::sha256_hex(&canonical::bytes(&parts))
    }
}

impl FoldState {
    /// Appends an observation to the hash chain.
    fn chain(&mut self, digest: &str) {
        let link = format!("{}{digest}", self.observations_sha256);
        self.observations_sha256 = canonical::sha256_hex(link.as_bytes());
    }
}

/// A revision about to be published.
struct Revised {
    index: usize,
    incident: Incident,
    said: u32,
    time_to_flag: Millis,
}

/// Tells whether a revision says anything that the one before did not.
fn fingerprint(incident: &Incident, open: bool) -> u32 {
    let said = Incident { rev: 0, state: IncidentState::Updated, ..incident.clone() };
    let digest = canonical::sha256_hex(&canonical::bytes(&(said, open)));
    u32::from_str_radix(&digest[..8], 16).expect("a digest is hex. This is a bug.")
}
