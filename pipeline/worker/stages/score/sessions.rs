//! The sessions of one partition: each a fold, fed with the records of its topics.
//!
//! In: observations, markers, facts, reviews. Out: revisions of incidents and scores, and the state of
//! every session that changed, for a successor. Knows no Kafka; what it holds can be thrown away and
//! restored at any time.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use domain::ids::SessionId;
use domain::messages::{Marker, MarkerKind, Observation, PolicyRef, Review, SessionEvent, SessionFact};
use domain::score::{FoldState, Output, ScoreInput, SessionFold};
use domain::time::{MediaMs, Millis};
use serde::{Deserialize, Serialize};

use super::policies::Policies;
use crate::settings::policy::LoadedPolicy;

/// When a clock takes a session to be over.
#[derive(Debug, Clone, Copy)]
pub(in crate::stages) struct IdleAfter {
    /// After its end was told.
    pub end: Duration,
    /// Without that.
    pub silence: Duration,
}

/// The sessions of one partition.
#[derive(Debug)]
pub(super) struct Sessions {
    policies: Policies,
    sessions: HashMap<SessionId, Session>,
    /// Those whose state differs from what was stored last.
    dirty: BTreeSet<SessionId>,
}

#[derive(Debug)]
struct Session {
    fold: SessionFold,
    policy: PolicyRef,
    /// When the last record came.
    heard: Instant,
    /// Media time that the records reached.
    reached: MediaMs,
    ended: bool,
    is_final: bool,
}

/// A session's state as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredState {
    policy: PolicyRef,
    reached: MediaMs,
    ended: bool,
    is_final: bool,
    fold: FoldState,
}

/// Why a stored state is of no use; the session has to be folded again from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It cannot be read, or another version of the program wrote it.
    Version,
    /// It was computed under a policy that is not here.
    Policy,
}

impl Unusable {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Version => "state_version",
            Self::Policy => "state_policy",
        }
    }
}

impl Sessions {
    pub(super) fn new(policies: Policies) -> Self {
        Self { policies, sessions: HashMap::new(), dirty: BTreeSet::new() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether the start of a session is known: with it, the policy that judges it.
    pub(super) fn knows(&self, session: &SessionId) -> bool {
        self.sessions.contains_key(session)
    }

    pub(super) fn observation(&mut self, observation: &Observation) -> Vec<Output> {
        let end = observation.end_ms;
        self.push(&observation.session, end, ScoreInput::Observation(observation))
    }

    pub(super) fn marker(&mut self, marker: &Marker) -> Vec<Output> {
        self.push(&marker.session, marker.media_ms, ScoreInput::Marker(marker))
    }

    pub(super) fn review(&mut self, review: &Review) -> Vec<Output> {
        self.push(&review.session, MediaMs::ZERO, ScoreInput::Review(review))
    }

    pub(super) fn fact(&mut self, fact: &SessionFact) -> Vec<Output> {
        if let SessionEvent::Started { policy, .. } = &fact.event {
            self.judge_by(&fact.session, policy);
        }
        let outputs = self.push(&fact.session, MediaMs::ZERO, ScoreInput::SessionFact(fact));
        if let (SessionEvent::Ended { .. }, Some(session)) =
            (&fact.event, self.sessions.get_mut(&fact.session))
        {
            session.ended = true;
        }
        outputs
    }

    /// Markers for the sessions that a clock takes to be over at `now`.
    pub(super) fn idle(&self, now: Instant, after: IdleAfter) -> Vec<Marker> {
        let is_idle = |session: &&Session| {
            let limit = if session.ended { after.end } else { after.silence };
            !session.is_final && now.saturating_duration_since(session.heard) >= limit
        };
        let marker = |(id, session): (&SessionId, &Session)| {
            let silent = now.saturating_duration_since(session.heard).as_millis();
            Marker {
                session: id.clone(),
                kind: MarkerKind::Idle,
                media_ms: session.reached,
                silent_ms: Millis(silent.try_into().unwrap_or(i64::MAX)),
            }
        };
        let mut markers: Vec<Marker> =
            self.sessions.iter().filter(|(_, session)| is_idle(session)).map(marker).collect();
        markers.sort_by(|one, other| one.session.cmp(&other.session));
        markers
    }

    /// Counts a session as heard of: its marker is on its way.
    pub(super) fn marked(&mut self, session: &SessionId, now: Instant) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.heard = now;
        }
    }

    /// The states that changed since the last call.
    pub(super) fn take_changed(&mut self) -> Vec<(SessionId, StoredState)> {
        let changed = std::mem::take(&mut self.dirty);
        let stored = |id: SessionId| {
            let session = self.sessions.get(&id)?;
            let state = StoredState {
                policy: session.policy.clone(),
                reached: session.reached,
                ended: session.ended,
                is_final: session.is_final,
                fold: session.fold.state().clone(),
            };
            Some((id, state))
        };
        changed.into_iter().filter_map(stored).collect()
    }

    /// Takes over a session where it was left; a later state of the same session replaces an earlier one.
    pub(super) fn restore(&mut self, id: &SessionId, state: &[u8]) -> Result<(), Unusable> {
        let stored: StoredState = serde_json::from_slice(state).map_err(|_| Unusable::Version)?;
        let loaded = self.policies.exactly(&stored.policy).ok_or(Unusable::Policy)?;
        let LoadedPolicy { policy, reference } = loaded.clone();
        let fold =
            SessionFold::restore(policy, reference, id.clone(), stored.fold).ok_or(Unusable::Version)?;
        let session = Session {
            fold,
            policy: stored.policy,
            heard: Instant::now(),
            reached: stored.reached,
            ended: stored.ended,
            is_final: stored.is_final,
        };
        self.sessions.insert(id.clone(), session);
        Ok(())
    }

    /// Forgets a session, e.g. because its stored state was deleted.
    pub(super) fn forget(&mut self, id: &SessionId) {
        self.sessions.remove(id);
        self.dirty.remove(id);
    }

    fn push(&mut self, id: &SessionId, reached: MediaMs, input: ScoreInput<'_>) -> Vec<Output> {
        let session = match self.sessions.get_mut(id) {
            Some(session) => session,
            None => {
                let fresh = Session::new(id, self.policies.default());
                self.sessions.entry(id.clone()).or_insert(fresh)
            }
        };
        session.heard = Instant::now();
        session.reached = session.reached.max(reached);
        let outputs = session.fold.push(input);
        if let Some(Output::Score(score)) = outputs.last() {
            session.is_final = score.status == domain::messages::ScoreStatus::Final;
        }
        self.dirty.insert(id.clone());
        outputs
    }

    /// Judges a session by the policy that its start names. Until its start is known nothing is judged,
    /// so what waits can change over; what has been judged cannot, and only `rescore` may do it again.
    fn judge_by(&mut self, id: &SessionId, wanted: &str) {
        let Some(loaded) = self.policies.named(wanted) else {
            tracing::error!(policy = wanted, "a session names a policy that is not here: the default judges");
            return;
        };
        let session = match self.sessions.get_mut(id) {
            None => {
                self.sessions.insert(id.clone(), Session::new(id, loaded));
                return;
            }
            Some(session) => session,
        };
        if session.policy == loaded.reference {
            return;
        }
        if session.fold.counters().segments > 0 {
            tracing::warn!(policy = wanted, "a session was judged before its start was known: not changed");
            return;
        }
        let LoadedPolicy { policy, reference } = loaded.clone();
        let state = session.fold.state().clone();
        if let Some(fold) = SessionFold::restore(policy, reference.clone(), id.clone(), state) {
            session.fold = fold;
            session.policy = reference;
        }
    }
}

impl Session {
    fn new(id: &SessionId, by: &LoadedPolicy) -> Self {
        let fold = SessionFold::new(by.policy.clone(), by.reference.clone(), id.clone());
        Self {
            fold,
            policy: by.reference.clone(),
            heard: Instant::now(),
            reached: MediaMs::ZERO,
            ended: false,
            is_final: false,
        }
    }
}
