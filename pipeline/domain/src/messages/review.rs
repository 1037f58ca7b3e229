//! `invigilator.review.v1`: a human's decision about a stretch of one type of incident.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::IncidentType;
use crate::ids::SessionId;
use crate::time::MediaMs;

/// A human's decision. It applies to a type and a stretch of media time, not to an incident's id, so
/// that it survives re-scoring: an extended part is unreviewed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    /// The session.
    pub session: SessionId,
    /// Unique; a repeated id is the same decision delivered twice.
    pub review_id: String,
    /// Type of the incident.
    #[serde(rename = "type")]
    pub kind: IncidentType,
    /// Start of the stretch decided about.
    pub start_ms: MediaMs,
    /// End of it (exclusive).
    pub end_ms: MediaMs,
    /// The decision.
    pub decision: Decision,
    /// Who, as an opaque id.
    pub by: String,
    /// When, RFC 3339. Reviews of the same stretch apply in the order of this time, then of their id.
    pub at: String,
    /// Their words.
    pub note: Option<String>,
}

/// What a human can decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It happened.
    Confirm,
    /// It did not, or it is fine.
    Dismiss,
    /// Take the earlier decision back.
    Reopen,
}
