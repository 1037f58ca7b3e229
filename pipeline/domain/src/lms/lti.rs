//! The request `flag` of the LTI Assessment Control Service (LTI Proctoring Services 1.0): something that a
//! person may want to look at. The service can also pause and terminate; with these types nobody can.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_told;
use crate::desk::{IngestMs, SessionDesk};
use crate::messages::{Incident, IncidentState, ReviewStatus, SessionEvent};

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

impl Attempt {
    /// The attempt that a session is on a platform, which issues its tokens as `issuer`; `None` if it is none there.
    pub fn of(desk: &SessionDesk, platform: &str, issuer: &str) -> Option<Self> {
        desk.lifecycle().into_iter().find_map(|fact| match fact.event {
            SessionEvent::Linked { platform: named, user, resource_link, attempt_number }
                if named == platform =>
            {
                Some(Self {
                    user: User { iss: issuer.to_owned(), sub: user },
                    resource_link: ResourceLink { id: resource_link },
                    attempt_number,
                })
            }
            _ => None,
        })
    }
}

/// Whether a platform hears of a revision of an incident: when it is over, and before people decide about it.
pub fn is_flagged(incident: &Incident) -> bool {
    incident.state == IncidentState::Closed
        && incident.review.state == ReviewStatus::Unreviewed
        && is_told(incident)
}

/// The flag of an incident; `None` for what a platform does not hear of. `at` is when the log took this revision, a
/// little after the incident was over: there is no other clock to tell by when it began.
pub fn flag(incident: &Incident, attempt: Attempt, at: IngestMs) -> Option<Flag> {
    let lasted = incident.end_ms.0.saturating_sub(incident.start_ms.0);
    is_flagged(incident).then(|| Flag {
        attempt,
        action: Action::Flag,
        incident_time: IngestMs(at.0.saturating_sub(lasted)).to_string(),
        incident_severity: Some(incident.severity_num)
            .filter(|severity| severity.is_finite())
            .map_or(0.0, |severity| severity.clamp(0.0, 1.0)),
        reason_code: incident.kind.name().to_owned(),
        reason_msg: incident.reason.text.clone(),
    })
}
