//! The request `flag` of the LTI Assessment Control Service (LTI Proctoring Services 1.0): something that a
//! person may want to look at. The service can also pause and terminate; with these types nobody can.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_told;
use crate::desk::IngestMs;
use crate::messages::Incident;

/// Media type of the request.
pub const MEDIA_TYPE: &str = "application/vnd.ims.lti-ap.v1.control+json";

/// Scope of the token that it takes.
pub const SCOPE: &str = "https://purl.imsglobal.org/spec/lti-ap/scope/control.all";

/// Whose attempt it is, as the platform said at launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// The candidate.
    pub user: User,
    /// The assessment.
    pub resource_link: ResourceLink,
    /// Counts the candidate's attempts from 1.
    pub attempt_number: u32,
}

/// A user of a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// The platform.
    pub iss: String,
    /// The user, as an opaque id.
    pub sub: String,
}

/// An assessment on a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceLink {
    /// Its id.
    pub id: String,
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flag {
    /// Whose attempt it is.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// Always `flag`.
    pub action: Action,
    /// When the incident began, RFC 3339 in UTC.
    pub incident_time: String,
    /// 0 to 1.
    pub incident_severity: f32,
    /// Type of the incident, as in our messages.
    pub reason_code: String,
    /// What was seen, as a sentence.
    pub reason_msg: String,
}

/// What is asked of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Note it down.
    Flag,
}

/// The flag of an incident; `None` for what a platform does not hear of. `zero` is when media time 0 was.
pub fn flag(incident: &Incident, attempt: Attempt, zero: IngestMs) -> Option<Flag> {
    is_told(incident).then(|| Flag {
        attempt,
        action: Action::Flag,
        incident_time: IngestMs(zero.0.saturating_add(incident.start_ms.0)).to_string(),
        incident_severity: Some(incident.severity_num)
            .filter(|severity| severity.is_finite())
            .map_or(0.0, |severity| severity.clamp(0.0, 1.0)),
        reason_code: incident.kind.name().to_owned(),
        reason_msg: incident.reason.text.clone(),
    })
}
