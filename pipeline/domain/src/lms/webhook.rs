//! A notice for any other system: the message of the topic, with a name and a time that repeat with it.
//!
//! The form is that of the specification "Standard Webhooks". Whoever gets the same id twice has got the same notice
//! twice; of two revisions of the same thing the higher one counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::desk::{DeskEntry, IngestMs};
use crate::ids::SessionId;
use crate::messages::{Incident, IncidentState, ReviewStatus, Score, ScoreStatus};

/// The body of a notice.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Notice {
    /// What it is about: the same for all deliveries of a revision.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: NoticeKind,
    /// When the log took the message, RFC 3339 in UTC.
    pub timestamp: String,
    /// The session.
    pub session: SessionId,
    /// The message, as in its topic.
    pub data: News,
}

/// What can happen that others hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NoticeKind {
    /// A revision of a score that is not provisional.
    #[serde(rename = "score.final")]
    ScoreFinal,
    /// An incident began.
    #[serde(rename = "incident.opened")]
    IncidentOpened,
    /// It is over, or was merged into another one.
    #[serde(rename = "incident.closed")]
    IncidentClosed,
    /// A person decided about it, or took that back.
    #[serde(rename = "incident.reviewed")]
    IncidentReviewed,
}

impl NoticeKind {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::ScoreFinal, Self::IncidentOpened, Self::IncidentClosed, Self::IncidentReviewed];

    /// Whether it is about a score; otherwise it is about an incident.
    pub const fn is_of_score(self) -> bool {
        matches!(self, Self::ScoreFinal)
    }
}

/// What there is to say.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum News {
    /// A revision of an incident.
    Incident(Box<Incident>),
    /// A final revision of the score.
    Score(Box<Score>),
}

impl Notice {
    /// The notice of an entry that the log took at a time; `None` for what nobody hears of: video, provisional
    /// scores, incidents that only grow.
    pub fn of(entry: &DeskEntry, at: IngestMs) -> Option<Self> {
        let (kind, id, data) = match entry {
            DeskEntry::Incident(incident) => {
                let id = format!("{}-{}", incident.incident_id, incident.rev);
                // Wall-clock facts may differ where the same revision is published again.
                let told = Incident { run: None, ..Incident::clone(incident) };
                (of_incident(incident)?, id, News::Incident(Box::new(told)))
            }
            DeskEntry::Score(score) if score.status == ScoreStatus::Final => {
                let id = format!("{}-{}", score.session.derive("score"), score.rev);
                let told = Score { run: None, ..Score::clone(score) };
                (NoticeKind::ScoreFinal, id, News::Score(Box::new(told)))
            }
            _ => return None,
        };
        Some(Self { id, kind, timestamp: at.to_string(), session: entry.session().clone(), data })
    }
}

fn of_incident(incident: &Incident) -> Option<NoticeKind> {
    match incident.state {
        IncidentState::Superseded => Some(NoticeKind::IncidentClosed),
        _ if incident.review.state != ReviewStatus::Unreviewed => Some(NoticeKind::IncidentReviewed),
        IncidentState::Open => Some(NoticeKind::IncidentOpened),
        IncidentState::Closed => Some(NoticeKind::IncidentClosed),
        IncidentState::Updated => None,
    }
}
