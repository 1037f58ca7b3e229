//! What waits for a person, and in which order.
//!
//! Two queues that are never mixed: *evidence* is what was seen and nobody has decided about yet, identity
//! included; *coverage* is where too little was seen. What could not be seen brings nobody into the evidence
//! queue. What fails on the side of network, machine or platform is a flag of its own
//! ([`technical`]) and brings a session into neither.

use std::cmp::{Ordering, Reverse};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::summary::{SessionSummary, Unreviewed};
use crate::ids::SessionId;
use crate::messages::{
    Attribution, Band, CountsReason, EvidenceStatus, IdentityState, Incident, IncidentClass, IncidentState,
    IncidentType, ReviewPriority, ReviewStatus, Score,
};

/// Which list of work a session stands in; where it is in both, `evidence`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Queue {
    /// Something was seen that a person should look at.
    Evidence,
    /// Too little was seen. No accusation: the reasons may lie anywhere.
    Coverage,
    /// Nothing waits.
    None,
}

/// In which lists of work a session stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Queues {
    /// There is evidence or identity that nobody has decided about.
    pub evidence: bool,
    /// The score says that too little was seen, or too much unseen without an explanation.
    pub coverage: bool,
}

impl Queues {
    /// By what is unreviewed, and by the score's own fields.
    ///
    /// A score of medium priority has that priority because of coverage. One of high priority has it because
    /// of something seen, and says no more about coverage than whether it was enough: such a session joins
    /// the coverage queue for unexplained time once what was seen has been decided about.
    pub(super) fn of(unreviewed: Unreviewed, score: Option<&Score>) -> Self {
        let pending = score.is_some_and(|score| score.identity.state == IdentityState::PendingReview);
        let too_little = |score: &Score| {
            score.evidence == EvidenceStatus::Insufficient || score.review_priority == ReviewPriority::Medium
        };
        Self {
            evidence: unreviewed.evidence > 0 || unreviewed.identity > 0 || pending,
            coverage: score.is_some_and(too_little),
        }
    }

    /// The one to show where there is room for one.
    pub fn first(self) -> Queue {
        match (self.evidence, self.coverage) {
            (true, _) => Queue::Evidence,
            (false, true) => Queue::Coverage,
            (false, false) => Queue::None,
        }
    }
}

/// Whether an incident lasts.
pub(super) fn is_open(incident: &Incident) -> bool {
    matches!(incident.state, IncidentState::Open | IncidentState::Updated)
}

/// How many incidents nobody has decided about.
pub(super) fn unreviewed(incidents: &[Incident]) -> Unreviewed {
    let mut unreviewed = Unreviewed::default();
    let undecided = incidents.iter().filter(|incident| {
        let open = matches!(incident.review.state, ReviewStatus::Unreviewed | ReviewStatus::Reopened);
        open && incident.state != IncidentState::Superseded
    });
    for incident in undecided {
        match incident.class {
            IncidentClass::Evidence => unreviewed.evidence += u32::from(incident.counts),
            IncidentClass::Coverage => unreviewed.coverage += 1,
            IncidentClass::Identity => {
                let waits =
                    matches!(incident.counts_reason, CountsReason::AwaitingReview | CountsReason::Confirmed);
                unreviewed.identity += u32::from(waits);
            }
        }
    }
    unreviewed
}

/// Types of open coverage incidents whose cause lies with network, machine or platform: nothing that a
/// candidate did.
pub(super) fn technical(incidents: &[Incident]) -> Vec<IncidentType> {
    let is_technical = |incident: &&Incident| {
        let not_candidate = matches!(incident.attribution, Attribution::It | Attribution::Platform);
        incident.class == IncidentClass::Coverage && not_candidate && is_open(incident)
    };
    let mut kinds: Vec<IncidentType> =
        incidents.iter().filter(is_technical).map(|incident| incident.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// Sorts sessions worst first: a pending identity, then review priority, then red before amber before all
/// else, then concern, then what began later, then the name. Total: no two sessions are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Urgency {
    identity: Reverse<bool>,
    priority: Reverse<Option<ReviewPriority>>,
    band: u8,
    concern_milli: Reverse<Option<i64>>,
    started_at: Reverse<Option<String>>,
    session: SessionId,
}

impl SessionSummary {
    /// Its place among others, the smallest first.
    pub fn urgency(&self) -> Urgency {
        let identity = self.unreviewed.identity > 0 || self.identity == Some(IdentityState::PendingReview);
        Urgency {
            identity: Reverse(identity),
            priority: Reverse(self.review_priority),
            band: match self.band {
                Some(Band::Red) => 0,
                Some(Band::Amber) => 1,
                Some(Band::Green | Band::Grey) | None => 2,
            },
            concern_milli: Reverse(self.concern_milli),
            started_at: Reverse(self.started_at.clone()),
            session: self.session.clone(),
        }
    }
}

/// Compares two sessions: see [`Urgency`].
pub fn worst_first(one: &SessionSummary, other: &SessionSummary) -> Ordering {
    one.urgency().cmp(&other.urgency())
}
