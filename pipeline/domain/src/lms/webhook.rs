//! A notice for any other system: the message itself, a name that repeats with it, and what is signed.
//!
//! Follows the specification "Standard Webhooks": `webhook-id` and `webhook-timestamp` are headers, and the
//! signature is an HMAC-SHA-256 over [`signed_content`]. The same id and revision is the same notice, however
//! often it is delivered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::SessionId;
use crate::messages::{Incident, Score, ScoreStatus};

/// The body of a notice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// What it is about: the same for all revisions.
    pub id: Uuid,
    /// The highest one counts.
    pub rev: u32,
    /// The session.
    pub session: SessionId,
    /// The message.
    #[serde(flatten)]
    pub news: News,
}

/// What there is to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum News {
    /// A revision of an incident.
    Incident(Box<Incident>),
    /// A final revision of the score.
    Score(Box<Score>),
}

impl Notice {
    /// Of a revision of an incident.
    pub fn of_incident(incident: Incident) -> Self {
        // Wall-clock facts may differ where the same revision is published again.
        let incident = Incident { run: None, ..incident };
        Self {
            id: incident.incident_id,
            rev: incident.rev,
            session: incident.session.clone(),
            news: News::Incident(Box::new(incident)),
        }
    }

    /// Of a score; `None` while it is provisional, since such ones share a revision.
    pub fn of_score(score: Score) -> Option<Self> {
        (score.status == ScoreStatus::Final).then(|| {
            let score = Score { run: None, ..score };
            Self {
                id: score.session.derive("score"),
                rev: score.rev,
                session: score.session.clone(),
                news: News::Score(Box::new(score)),
            }
        })
    }

    /// The header `webhook-id`: receivers drop what they have had.
    pub fn delivery_id(&self) -> String {
        format!("{}-{}", self.id, self.rev)
    }
}

/// What the signature is made over. `timestamp_s` is the header `webhook-timestamp`, seconds since 1970;
/// receivers refuse old ones, so each attempt is signed anew.
pub fn signed_content(delivery_id: &str, timestamp_s: i64, body: &str) -> Vec<u8> {
    format!("{delivery_id}.{timestamp_s}.{body}").into_bytes()
}
