//! The fold itself: takes records in as they arrive.
//!
//! Arrival order ends here: observations go through the reorder buffer, everything else is a set. What
//! is said about it all is for [`publish`](super::publish).

use super::coverage::Unseen;
use super::input::{Counters, Output, ScoreInput};
use super::ledger::Record;
use super::publish::Cause;
use super::reorder::Arrival;
use super::sample::Segment;
use super::state::{FoldState, STATE_VERSION};
use super::trace::SampleTrace;
use super::watch::Terms;
use crate::evidence::Span;
use crate::ids::SessionId;
use crate::messages::{Marker, MarkerKind, Observation, PolicyRef, Review, SessionFact, canonical};
use crate::policy::{Accommodations, Policy};
use crate::time::{Interval, IntervalSet, Millis};

/// The score of one session, as far as its records are known.
#[derive(Debug, Clone)]
pub struct SessionFold {
    pub(super) policy: Policy,
    pub(super) policy_ref: PolicyRef,
    pub(super) session: SessionId,
    pub(super) state: FoldState,
    /// Filled if the caller asked for it.
    pub(super) traces: Option<Vec<SampleTrace>>,
    /// Nothing is given up and nothing is said: see [`refold`](super::refold).
    pub(super) patient: bool,
}

impl SessionFold {
    /// A session of which nothing is known yet. The policy must have been validated.
    pub fn new(policy: Policy, policy_ref: PolicyRef, session: SessionId) -> Self {
        let state = FoldState { version: STATE_VERSION, ..FoldState::default() };
        Self { policy, policy_ref, session, state, traces: None, patient: false }
    }

    /// Goes on where a fold under the same policy was left; `None` if the state is of another version.
    pub fn restore(
        policy: Policy,
        policy_ref: PolicyRef,
        session: SessionId,
        state: FoldState,
    ) -> Option<Self> {
        let is_known = state.version == STATE_VERSION;
        is_known.then_some(Self { policy, policy_ref, session, state, traces: None, patient: false })
    }

    /// Changes the policy of a session of which nothing has been watched yet.
    pub fn judge_by(&mut self, policy: &Policy, policy_ref: &PolicyRef) {
        debug_assert_eq!(self.state.counters.segments, 0, "what was judged is folded again instead");
        self.policy = policy.clone();
        self.policy_ref = policy_ref.clone();
    }

    /// Everything a successor needs.
    pub fn state(&self) -> &FoldState {
        &self.state
    }

    /// Where the incidents show that are known now.
    pub fn spans(&self) -> Vec<Span> {
        self.state.ledger.records().iter().map(Record::span).collect()
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
        let newest = self.state.reorder.newest();
        let arrival = self.state.reorder.arrive(Segment::read(observation));
        if self.state.reorder.newest() > newest {
            // Whoever took the session to be over was wrong.
            self.state.publishing.closing = false;
        }
        match arrival {
            Arrival::Waiting => Cause::Video,
            Arrival::Duplicate => {
                self.state.counters.duplicates += 1;
                Cause::Nothing
            }
            Arrival::Late(segment) => {
                self.state.counters.late += 1;
                self.state.chain(&segment.digest);
                self.state.watch.coverage.explain(segment.interval, Unseen::Late);
                Cause::Circumstances
            }
        }
    }

    fn marker(&mut self, marker: &Marker) -> Cause {
        match marker.kind {
            MarkerKind::Idle => self.is_over(),
            _ if !self.is_new(marker) => {
                self.state.counters.duplicates += 1;
                Cause::Nothing
            }
            MarkerKind::Overtaken => {
                self.state.watch.overtaken(marker.media_ms);
                Cause::Nothing
            }
            MarkerKind::StreamLost => {
                let granted = self.granted();
                let terms = Terms { policy: &self.policy, paper: granted.paper };
                self.state.watch.silent(marker, terms, &mut self.state.ledger);
                Cause::Circumstances
            }
        }
    }

    fn is_new(&mut self, marker: &Marker) -> bool {
        let text = String::from_utf8_lossy(&canonical::bytes(marker)).into_owned();
        self.state.markers.insert(text)
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
    pub(super) fn watch_released(&mut self) -> bool {
        let granted = self.granted();
        let terms = Terms { policy: &self.policy, paper: granted.paper };
        let state = &mut self.state;
        let before = state.counters.segments;
        let (lateness, flush) = if self.patient {
            (Millis(i64::MAX), false)
        } else {
            (self.policy.timing.lateness_ms, state.publishing.closing)
        };
        while let Some(released) = state.reorder.release(lateness, flush) {
            state.counters.segments += 1;
            state.models.extend(released.segment.models.iter().cloned());
            state.chain(&released.segment.digest);
            state.watch.segment(released, terms, &mut state.ledger, &mut self.traces);
        }
        let watched = state.counters.segments > before;
        if watched {
            let (expected, breaks) = (self.expected(), self.breaks(&granted));
            let state = &mut self.state;
            state.watch.coverage.settle(state.watch.frontier(), expected, &breaks);
        }
        watched
    }

    /// Ends everything that is open.
    pub(super) fn close(&mut self) {
        let (granted, end) = (self.granted(), self.expected().end);
        let terms = Terms { policy: &self.policy, paper: granted.paper };
        self.state.watch.finish(end, terms, &mut self.state.ledger);
    }

    pub(super) fn granted(&self) -> Accommodations {
        self.state.lifecycle.granted(&self.policy.accommodations)
    }

    /// The time for which video is expected: what was told, else what there is.
    pub(super) fn expected(&self) -> Interval {
        let frontier = self.state.watch.frontier();
        let seen = Interval::new(self.state.watch.first.unwrap_or(frontier), frontier);
        self.state.lifecycle.expected().unwrap_or(seen)
    }

    pub(super) fn breaks(&self, granted: &Accommodations) -> IntervalSet {
        let until = self.expected().end.max(self.state.watch.frontier());
        self.state.lifecycle.breaks(granted, until)
    }
}
