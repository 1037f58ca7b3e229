//! The sessions of one partition: each a fold, fed with the records of its topics.
//!
//! In: observations, markers, facts, reviews. Out: revisions of incidents and scores, and the state of
//! every session that changed, for a successor. Knows no Kafka; what it holds can be thrown away and
//! restored at any time.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use domain::evidence::Span;
use domain::ids::SessionId;
use domain::messages::{
    Marker, MarkerKind, Observation, PolicyRef, Review, ScoreStatus, SessionEvent, SessionFact,
};
use domain::score::{FoldState, Output, ScoreInput, SessionFold};
use domain::time::{MediaMs, Millis};
use kafka::Progress;
use serde::{Deserialize, Serialize};

use super::log::{Order, Stretch};
use super::policies::Policies;
use crate::settings::policy::LoadedPolicy;

/// After how much silence a clock has something to say of a session.
#[derive(Debug, Clone, Copy)]
pub(in crate::stages) struct Patience {
    /// It is over, once its end was told.
    pub end: Duration,
    /// It is over, though nobody said so.
    pub silence: Duration,
    /// Its video has stopped to come.
    pub stream: Duration,
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
    /// Its start does not choose the policy any more: an order did.
    ordered: bool,
    /// When the last record came.
    heard: Instant,
    silence: Silence,
    /// Media time that the records reached.
    reached: MediaMs,
    phase: Phase,
    is_final: bool,
    /// That its video has stopped was said, and nothing has come since.
    is_lost: bool,
    /// Where in the log of states it is as it is here; `None` if it has changed since, or that is not known.
    stored_at: Option<i64>,
}

/// What a session's facts say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    /// Its start is not known.
    Unknown,
    /// Video should be coming.
    Running,
    /// It pauses.
    Break,
    /// It is over.
    Ended,
}

/// What is known of a session from which nothing comes any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// Nothing yet.
    New,
    /// Its partition of segments ended here when the silence was noticed: whatever was uploaded by then
    /// lies before.
    Until(i64),
    /// All of that had been observed at this time.
    Observed(Instant),
}

/// How far the other end of the pipe has got, and this one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    pub now: Instant,
    /// When this role last found nothing to read.
    pub caught_up: Instant,
    /// Progress of the observe role in the partition of segments.
    pub observed: Progress,
}

/// A session's state as it is stored: written from where it is, read into values of its own.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredState<P = PolicyRef, F = FoldState> {
    policy: P,
    reached: MediaMs,
    phase: Phase,
    is_final: bool,
    is_lost: bool,
    fold: F,
}

impl StoredState<&PolicyRef, &FoldState> {
    /// As it is written.
    pub(super) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("states have string keys")
    }
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

    /// How many are in memory.
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether the start of a session is known: with it, the policy that judges it.
    pub(super) fn knows(&self, session: &SessionId) -> bool {
        self.sessions.contains_key(session)
    }

    pub(super) fn observation(&mut self, observation: &Observation) -> Vec<Output> {
        let end = observation.end_ms;
        let outputs = self.push(&observation.session, end, ScoreInput::Observation(observation));
        if let Some(session) = self.sessions.get_mut(&observation.session) {
            session.is_lost = false;
        }
        outputs
    }

    pub(super) fn marker(&mut self, marker: &Marker) -> Vec<Output> {
        let outputs = self.push(&marker.session, marker.media_ms, ScoreInput::Marker(marker));
        if let Some(session) = self.sessions.get_mut(&marker.session) {
            session.is_lost |= marker.kind == MarkerKind::StreamLost;
        }
        outputs
    }

    pub(super) fn review(&mut self, review: &Review) -> Vec<Output> {
        self.push(&review.session, MediaMs::ZERO, ScoreInput::Review(review))
    }

    pub(super) fn fact(&mut self, fact: &SessionFact) -> Vec<Output> {
        if let SessionEvent::Started { policy, .. } = &fact.event {
            self.judge_by(&fact.session, policy);
        }
        let outputs = self.push(&fact.session, MediaMs::ZERO, ScoreInput::SessionFact(fact));
        if let Some(session) = self.sessions.get_mut(&fact.session) {
            session.phase = match &fact.event {
                // A fact may come again, but nothing begins twice.
                _ if session.phase == Phase::Ended => Phase::Ended,
                SessionEvent::Linked { .. } => session.phase,
                SessionEvent::Started { .. } | SessionEvent::BreakEnded => Phase::Running,
                SessionEvent::BreakStarted => Phase::Break,
                SessionEvent::Ended { .. } => Phase::Ended,
            };
        }
        outputs
    }

    /// Whether any session has been silent for so long that a clock may have something to say of it.
    pub(super) fn has_silent(&self, now: Instant, patience: Patience) -> bool {
        self.sessions.values().any(|session| session.verdict(now, patience).is_some())
    }

    /// Markers for the sessions that a clock takes to be over, or to have lost their video.
    ///
    /// Silence alone says nothing: the observe role may be behind. A session is silent when nothing comes,
    /// everything that had been uploaded by then has been observed, and all of that has been read here.
    pub(super) fn silent(&mut self, clocks: Clocks, patience: Patience) -> Vec<Marker> {
        let mut markers = Vec::new();
        for (id, session) in &mut self.sessions {
            let Some(kind) = session.verdict(clocks.now, patience) else { continue };
            session.silence = match session.silence {
                Silence::New => Silence::Until(clocks.observed.end),
                Silence::Until(end) if clocks.observed.next >= end => Silence::Observed(clocks.now),
                Silence::Observed(at) if clocks.caught_up > at => {
                    let silent = clocks.now.saturating_duration_since(session.heard).as_millis();
                    markers.push(Marker {
                        session: id.clone(),
                        kind,
                        media_ms: session.reached,
                        silent_ms: Millis(silent.try_into().unwrap_or(i64::MAX)),
                    });
                    session.is_lost |= kind == MarkerKind::StreamLost;
                    if kind == MarkerKind::Idle {
                        // The marker is on its way; should it get lost, the clock starts again.
                        session.heard = clocks.now;
                    }
                    Silence::New
                }
                unchanged => unchanged,
            };
        }
        markers.sort_by(|one, other| one.session.cmp(&other.session));
        markers
    }

    /// Tells the states that changed since the last call, as they are written.
    pub(super) fn take_changed(&mut self, tell: &mut dyn FnMut(SessionId, Vec<u8>)) {
        for id in std::mem::take(&mut self.dirty) {
            let Some(session) = self.sessions.get(&id) else { continue };
            let state = StoredState {
                policy: &session.policy,
                reached: session.reached,
                phase: session.phase,
                is_final: session.is_final,
                is_lost: session.is_lost,
                fold: session.fold.state(),
            };
            tell(id, state.bytes());
        }
    }

    /// The state of a session, as it is now, is at this offset.
    pub(super) fn stored(&mut self, id: &SessionId, at: Option<i64>) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.stored_at = at;
        }
    }

    /// The sessions that nothing was heard of for so long.
    pub(super) fn quiet(&self, now: Instant, after: Duration) -> Vec<SessionId> {
        let is_quiet = |session: &Session| now.saturating_duration_since(session.heard) >= after;
        self.sessions.iter().filter(|(_, session)| is_quiet(session)).map(|(id, _)| id.clone()).collect()
    }

    /// Where the incidents of a session show, once its score is final.
    pub(super) fn settled(&self, id: &SessionId) -> Option<Vec<Span>> {
        self.sessions.get(id).filter(|session| session.is_final).map(|session| session.fold.spans())
    }

    /// Lets go of a session if its score is final; returns where its state is.
    pub(super) fn let_go(&mut self, id: &SessionId) -> Option<i64> {
        let at = self.sessions.get(id).filter(|session| session.is_final)?.stored_at?;
        self.sessions.remove(id);
        Some(at)
    }

    /// Takes over a session where it was left, with its state from this offset; a later state of the same session
    /// replaces an earlier one.
    pub(super) fn restore(&mut self, id: &SessionId, state: &[u8], at: i64) -> Result<(), Unusable> {
        let stored: StoredState = serde_json::from_slice(state).map_err(|_| Unusable::Version)?;
        let loaded = self.policies.exactly(&stored.policy).ok_or(Unusable::Policy)?;
        let LoadedPolicy { policy, reference } = loaded.clone();
        let fold =
            SessionFold::restore(policy, reference, id.clone(), stored.fold).ok_or(Unusable::Version)?;
        let session = Session {
            fold,
            policy: stored.policy,
            // Once something was judged, its start chooses nothing anyway.
            ordered: false,
            heard: Instant::now(),
            silence: Silence::New,
            reached: stored.reached,
            phase: stored.phase,
            is_final: stored.is_final,
            is_lost: stored.is_lost,
            stored_at: Some(at),
        };
        self.sessions.insert(id.clone(), session);
        Ok(())
    }

    /// Whether the policy of an order is here.
    pub(super) fn can_follow(&self, order: &Order) -> bool {
        order.policy.as_ref().is_none_or(|policy| self.policies.named(policy).is_some())
    }

    /// How a session is folded to follow an order, up to `end`.
    pub(super) fn stretch(&self, id: &SessionId, order: &Order, end: i64) -> Option<Stretch> {
        let session = self.sessions.get(id)?;
        let policy = match &order.policy {
            Some(wanted) => self.policies.named(wanted)?.reference.clone(),
            None => session.policy.clone(),
        };
        let before = Some(session.fold.state().clone());
        Some(Stretch { policy: Some(policy), again_until: Some(order.until), end, before })
    }

    /// Begins a session that will get all its records again, see [`SessionFold::again`]; under a policy,
    /// or under the one that its start names.
    pub(super) fn begin_again(&mut self, id: &SessionId, policy: Option<&PolicyRef>) {
        let ordered = policy.and_then(|policy| self.policies.exactly(policy));
        let loaded = ordered.unwrap_or(self.policies.default());
        let mut session = Session::new(id, loaded);
        session.ordered = ordered.is_some();
        session.fold = SessionFold::again(loaded.policy.clone(), loaded.reference.clone(), id.clone());
        self.sessions.insert(id.clone(), session);
    }

    /// A session that was folded again has all its records up to its order: what is new in it.
    pub(super) fn settle(&mut self, id: &SessionId, before: Option<&FoldState>) -> Vec<Output> {
        let Some(session) = self.sessions.get_mut(id).filter(|session| session.fold.is_patient()) else {
            return Vec::new();
        };
        let outputs = session.fold.settle(before);
        session.note(&outputs);
        outputs
    }

    /// Goes on with a session as it was folded again; `false` if that knows less than what is here,
    /// because its log is not whole any more.
    pub(super) fn replace(&mut self, id: &SessionId, from: &mut Self) -> bool {
        let Some(again) = from.sessions.remove(id) else { return false };
        let known = self.sessions.get(id).map_or(0, |session| session.fold.counters().segments);
        if again.fold.counters().segments < known {
            return false;
        }
        self.sessions.insert(id.clone(), again);
        self.dirty.insert(id.clone());
        true
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
        session.silence = Silence::New;
        session.stored_at = None;
        session.reached = session.reached.max(reached);
        let outputs = session.fold.push(input);
        session.note(&outputs);
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
        if session.ordered || session.policy == loaded.reference {
            return;
        }
        if session.fold.counters().segments > 0 {
            tracing::warn!(policy = wanted, "a session was judged before its start was known: not changed");
            return;
        }
        session.fold.judge_by(&loaded.policy, &loaded.reference);
        session.policy = loaded.reference.clone();
    }
}

impl Session {
    fn new(id: &SessionId, by: &LoadedPolicy) -> Self {
        let fold = SessionFold::new(by.policy.clone(), by.reference.clone(), id.clone());
        Self {
            fold,
            policy: by.reference.clone(),
            ordered: false,
            heard: Instant::now(),
            silence: Silence::New,
            reached: MediaMs::ZERO,
            phase: Phase::Unknown,
            is_final: false,
            is_lost: false,
            stored_at: None,
        }
    }

    fn note(&mut self, outputs: &[Output]) {
        if let Some(Output::Score(score)) = outputs.last() {
            self.is_final = score.status == ScoreStatus::Final;
        }
    }

    /// What a clock has to say, if nothing is on its way.
    fn verdict(&self, now: Instant, patience: Patience) -> Option<MarkerKind> {
        if self.is_final {
            return None;
        }
        let silent = now.saturating_duration_since(self.heard);
        let over = if self.phase == Phase::Ended { patience.end } else { patience.silence };
        if silent >= over {
            return Some(MarkerKind::Idle);
        }
        let is_missed = self.phase == Phase::Running && !self.is_lost && silent >= patience.stream;
        is_missed.then_some(MarkerKind::StreamLost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::policy;

    const PATIENCE: Patience = Patience {
        end: Duration::from_secs(30),
        silence: Duration::from_secs(1800),
        stream: Duration::from_secs(40),
    };

    fn sessions() -> (Sessions, SessionId) {
        let policies = Policies::load(policy::load("standard").unwrap()).unwrap();
        (Sessions::new(policies), "t1/e7/s42".parse().unwrap())
    }

    fn fact(session: &SessionId, event: SessionEvent) -> SessionFact {
        SessionFact { session: session.clone(), media_ms: MediaMs(0), event }
    }

    fn started(policy: &str) -> SessionEvent {
        SessionEvent::Started { policy: policy.to_owned(), accommodations: Vec::new(), expected: None }
    }

    #[test]
    fn a_silent_session_is_over_only_when_all_that_was_uploaded_has_been_observed() {
        let (mut sessions, id) = sessions();
        sessions.fact(&fact(&id, started("standard")));
        sessions.fact(&fact(&id, SessionEvent::Ended { expected: None }));
        let began = Instant::now();
        let mut idle = |after_s: u64, caught_up_s: u64, next: i64| {
            let now = began + Duration::from_secs(after_s);
            let caught_up = began + Duration::from_secs(caught_up_s);
            let observed = Progress { next, end: 10 };
            sessions.silent(Clocks { now, caught_up, observed }, PATIENCE).len()
        };
        assert_eq!(idle(29, 29, 10), 0, "not silent for long");
        assert_eq!(idle(31, 31, 4), 0, "noticed");
        assert_eq!(idle(500, 500, 9), 0, "the observe role is behind");
        assert_eq!(idle(501, 500, 10), 0, "observed, but perhaps not read");
        assert_eq!(idle(502, 500, 10), 0, "not read since");
        assert_eq!(idle(503, 502, 10), 1);
        assert_eq!(idle(504, 504, 10), 0, "said once");
    }

    #[test]
    fn a_session_without_an_end_is_waited_for_much_longer() {
        let (mut sessions, id) = sessions();
        let now = Instant::now();
        let verdict = |sessions: &Sessions, after_s: u64| {
            sessions.sessions[&id].verdict(now + Duration::from_secs(after_s), PATIENCE)
        };
        sessions.fact(&fact(&id, started("standard")));
        sessions.fact(&fact(&id, SessionEvent::BreakStarted));
        assert_eq!(verdict(&sessions, 60), None, "nobody expects video during a break");
        assert_eq!(verdict(&sessions, 1801), Some(MarkerKind::Idle));
    }

    #[test]
    fn video_that_stops_to_come_is_said_once_until_it_comes_again() {
        let (mut sessions, id) = sessions();
        sessions.fact(&fact(&id, started("standard")));
        let began = Instant::now();
        let silent = |sessions: &mut Sessions, after_s: u64| {
            let now = began + Duration::from_secs(after_s);
            let clocks = Clocks { now, caught_up: now, observed: Progress { next: 10, end: 10 } };
            sessions.silent(clocks, PATIENCE).pop()
        };
        assert_eq!([39, 45, 46].map(|at| silent(&mut sessions, at).map(|marker| marker.kind)), [None; 3]);
        let lost = silent(&mut sessions, 47).unwrap();
        assert_eq!(lost.kind, MarkerKind::StreamLost);
        assert!(lost.silent_ms >= Millis(40_000), "{lost:?}");
        sessions.marker(&lost);
        for at in 100..110 {
            assert_eq!(silent(&mut sessions, at), None, "said once");
        }
    }

    #[test]
    fn the_start_names_the_policy_and_an_unknown_one_changes_nothing() {
        let (mut sessions, id) = sessions();
        sessions.fact(&fact(&id, started("no-such-policy")));
        assert_eq!(sessions.sessions[&id].policy.id, "standard");
        sessions.fact(&fact(&id, started("standard-accommodated")));
        assert_eq!(sessions.sessions[&id].policy.id, "standard-accommodated");
    }

    #[test]
    fn a_successor_goes_on_where_a_session_was_left_and_refuses_what_it_cannot_read() {
        let (mut sessions, id) = sessions();
        sessions.fact(&fact(&id, started("standard-accommodated")));
        let mut changed = Vec::new();
        sessions.take_changed(&mut |id, state| changed.push((id, state)));
        let (stored_id, bytes) = changed.pop().unwrap();
        sessions.take_changed(&mut |id, _| panic!("nothing of {id} changed since"));
        let (mut successor, _) = self::sessions();
        assert_eq!(successor.restore(&stored_id, &bytes, 7), Ok(()));
        assert_eq!(successor.sessions[&id].policy.id, "standard-accommodated");
        assert_eq!(successor.sessions[&id].fold.state(), sessions.sessions[&id].fold.state());

        let mut other: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        other["policy"]["sha256"] = "00".into();
        let other = serde_json::to_vec(&other).unwrap();
        assert_eq!(successor.restore(&id, &other, 8), Err(Unusable::Policy));
        assert_eq!(successor.restore(&id, b"{}", 9), Err(Unusable::Version));
    }

    #[test]
    fn only_what_is_final_and_stored_as_it_is_rests() {
        let (mut sessions, id) = sessions();
        sessions.fact(&fact(&id, started("standard")));
        sessions.stored(&id, Some(3));
        assert_eq!(sessions.let_go(&id), None, "it is not final");

        sessions.fact(&fact(&id, SessionEvent::Ended { expected: None }));
        let (kind, media_ms, silent_ms) = (MarkerKind::Idle, MediaMs(0), Millis(30_000));
        sessions.marker(&Marker { session: id.clone(), kind, media_ms, silent_ms });
        assert_eq!(sessions.let_go(&id), None, "it has changed since it was stored");
        sessions.stored(&id, None);
        assert_eq!(sessions.let_go(&id), None, "nobody knows where it is stored");
        let minute = Duration::from_secs(60);
        assert_eq!(sessions.quiet(Instant::now(), minute), []);
        assert_eq!(sessions.quiet(Instant::now() + minute, minute), std::slice::from_ref(&id));
        sessions.stored(&id, Some(5));
        assert_eq!(sessions.let_go(&id), Some(5));
        assert_eq!((sessions.len(), sessions.knows(&id)), (0, false));
    }
}
