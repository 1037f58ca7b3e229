//! Policies, folds and short ways to look at outputs.

use std::sync::LazyLock;

use domain::ids::SessionId;
use domain::messages::{
    Accommodation, Incident, IncidentType, Marker, MarkerKind, Observation, PolicyRef, Review, Score,
    SessionEvent, SessionFact,
};
use domain::policy::Policy;
use domain::score::{Output, ScoreInput, SessionFold};
use domain::time::{Interval, MediaMs, Millis};

pub const STANDARD: &str = include_str!("../../../../config/policies/standard.toml");
pub const ACCOMMODATED: &str = include_str!("../../../../config/policies/standard-accommodated.toml");

pub fn standard() -> Policy {
    static POLICY: LazyLock<Policy> = LazyLock::new(|| toml::from_str(STANDARD).unwrap());
    POLICY.clone()
}

pub fn session_id() -> SessionId {
    "t1/e7/s42".parse().unwrap()
}

pub fn policy_ref() -> PolicyRef {
    PolicyRef { id: "standard".into(), version: 1, sha256: "00".repeat(32) }
}

pub fn fold_with(policy: &Policy) -> SessionFold {
    SessionFold::new(policy.clone(), policy_ref(), session_id())
}

pub fn span(start_s: i64, end_s: i64) -> Interval {
    Interval::new(MediaMs(start_s * 1000), MediaMs(end_s * 1000))
}

pub fn started(granted: &[Accommodation], expected: Option<Interval>) -> SessionFact {
    let event =
        SessionEvent::Started { policy: "standard".into(), accommodations: granted.to_vec(), expected };
    fact(0, event)
}

pub fn ended(at_s: i64) -> SessionFact {
    fact(at_s * 1000, SessionEvent::Ended { expected: None })
}

pub fn fact(at_ms: i64, event: SessionEvent) -> SessionFact {
    SessionFact { session: session_id(), media_ms: MediaMs(at_ms), event }
}

pub fn idle(at_s: i64) -> Marker {
    marker(MarkerKind::Idle, at_s)
}

pub fn marker(kind: MarkerKind, at_s: i64) -> Marker {
    let silent_ms = Millis::from_secs(30);
    Marker { session: session_id(), kind, media_ms: MediaMs(at_s * 1000), silent_ms }
}

/// Everything a session put out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    pub outputs: Vec<Output>,
}

impl Outcome {
    pub fn add(&mut self, outputs: Vec<Output>) {
        self.outputs.extend(outputs);
    }

    pub fn scores(&self) -> Vec<&Score> {
        let scores = self.outputs.iter().filter_map(|output| match output {
            Output::Score(score) => Some(&**score),
            Output::Incident { .. } => None,
        });
        scores.collect()
    }

    pub fn score(&self) -> &Score {
        self.scores().last().copied().unwrap()
    }

    pub fn revisions(&self) -> Vec<&Incident> {
        let incidents = self.outputs.iter().filter_map(|output| match output {
            Output::Incident { incident, .. } => Some(&**incident),
            Output::Score(_) => None,
        });
        incidents.collect()
    }

    /// The last revision of every incident, by start.
    pub fn incidents(&self) -> Vec<&Incident> {
        let mut last: Vec<&Incident> = Vec::new();
        for incident in self.revisions() {
            last.retain(|have| have.incident_id != incident.incident_id);
            last.push(incident);
        }
        last.sort_by_key(|incident| (incident.start_ms, incident.kind));
        last
    }

    pub fn of(&self, kind: IncidentType) -> Vec<&Incident> {
        self.incidents().into_iter().filter(|incident| incident.kind == kind).collect()
    }

    /// Start and end in whole seconds (rounded down) of every incident of a type.
    pub fn spans(&self, kind: IncidentType) -> Vec<(i64, i64)> {
        let seconds = |instant: MediaMs| instant.0.div_euclid(1000);
        self.of(kind).iter().map(|found| (seconds(found.start_ms), seconds(found.end_ms))).collect()
    }

    pub fn kinds(&self) -> Vec<IncidentType> {
        let mut kinds: Vec<IncidentType> = self.incidents().iter().map(|incident| incident.kind).collect();
        kinds.dedup();
        kinds
    }
}

/// Folds a session from start to finish.
pub fn run(policy: &Policy, observations: &[Observation]) -> Outcome {
    run_with(policy, &[started(&[], None)], observations, &[])
}

/// The same with facts beforehand and reviews afterwards.
pub fn run_with(
    policy: &Policy,
    facts: &[SessionFact],
    observations: &[Observation],
    reviews: &[Review],
) -> Outcome {
    let mut fold = fold_with(policy);
    let mut outcome = Outcome::default();
    for fact in facts {
        outcome.add(fold.push(ScoreInput::SessionFact(fact)));
    }
    for observation in observations {
        outcome.add(fold.push(ScoreInput::Observation(observation)));
    }
    outcome.add(fold.finish());
    for review in reviews {
        outcome.add(fold.push(ScoreInput::Review(review)));
    }
    outcome
}
