//! A session in one row of a list: the item of the sessions' list, and the event `session` of the stream.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entry::IngestMs;
use super::queue::{self, Queue, Queues};
use super::{SessionDesk, headline};
use crate::ids::SessionId;
use crate::messages::{
    Accommodation, Band, EvidenceStatus, IdentityState, Incident, IncidentClass, IncidentType,
    ReviewPriority, ScoreStatus, Severity,
};
use crate::time::{MediaMs, Millis};

/// Most open incidents in a summary.
const MOST_OPEN: usize = 16;

/// A session at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionSummary {
    /// The session as URLs name it: `tenant:exam:name`.
    pub id: String,
    /// The session, `tenant/exam/name`.
    pub session: SessionId,
    /// Its tenant.
    pub tenant: String,
    /// Its exam.
    pub exam: String,
    /// Its name within the exam.
    pub name: String,
    /// Whether its stream goes on.
    pub state: StreamState,
    /// When it began, RFC 3339; `null` while nobody said so.
    pub started_at: Option<String>,
    /// When something about it last became known, RFC 3339.
    pub updated_at: Option<String>,
    /// Media time that has been looked at.
    pub media_ms: MediaMs,
    /// Revision of the score; `null` before there is any video to score, as are the fields that follow.
    pub rev: Option<u32>,
    /// Whether more is expected.
    pub status: Option<ScoreStatus>,
    /// 0..100; `null` also where too little was seen.
    pub integrity: Option<u8>,
    /// Coarse reading of the score. Grey is no accusation.
    pub band: Option<Band>,
    /// 1000 x (100 - integrity before rounding).
    pub concern_milli: Option<i64>,
    /// How soon a person should look.
    pub review_priority: Option<ReviewPriority>,
    /// Whether enough was seen.
    pub evidence: Option<EvidenceStatus>,
    /// 1000 x seen / expected time.
    pub coverage_milli: Option<i64>,
    /// The list of work it stands in; `evidence` where it is in both.
    pub queue: Queue,
    /// All lists of work it stands in.
    pub queues: Queues,
    /// Types of open incidents on the side of network, machine or platform.
    pub technical: Vec<IncidentType>,
    /// Incidents that last, the gravest first.
    pub open: Vec<OpenIncident>,
    /// Incidents that nobody has decided about.
    pub unreviewed: Unreviewed,
    /// Faces in the newest sample; `null` if it was not seen.
    pub faces: Option<u8>,
    /// What is known about who sits there; `null` before the first score.
    pub identity: Option<IdentityState>,
    /// The weightiest thing to know, in words; `null` if there is nothing.
    pub headline: Option<String>,
    /// Id of the policy it is judged by; `null` while not known.
    pub policy: Option<String>,
    /// What it was granted.
    pub accommodations: Vec<Accommodation>,
    /// Always `true`: the machine does not decide.
    pub human_review_required: bool,
}

/// Whether a stream goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamState {
    /// No video has come yet.
    Waiting,
    /// Video comes.
    Live,
    /// It has stopped coming before the session's end.
    Silent,
    /// The session is over.
    Ended,
}

/// An incident that lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenIncident {
    /// Its id.
    pub incident_id: Uuid,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: IncidentType,
    /// What it can do to a score.
    pub class: IncidentClass,
    /// How grave.
    pub severity: Severity,
    /// Since when.
    pub start_ms: MediaMs,
}

/// Numbers of incidents that nobody has decided about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unreviewed {
    /// Of class evidence, that count.
    pub evidence: u32,
    /// Of class coverage. They cost nothing.
    pub coverage: u32,
    /// Of class identity, that only a person can make count.
    pub identity: u32,
}

impl SessionDesk {
    /// The session at a glance. `now` is the broker's clock, and decides about nothing but `live` or
    /// `silent`.
    pub fn summary(&self, now: IngestMs) -> SessionSummary {
        let session = &self.session;
        // A score of no time at all says nothing yet, and a full one would be misread.
        let score = self.scores.latest().filter(|score| score.coverage.expected_ms > Millis::ZERO);
        let incidents = self.incidents.all();
        let unreviewed = queue::unreviewed(incidents);
        let queues = Queues::of(unreviewed, score);
        let name = session.as_str().rsplit('/').next().unwrap_or_default();
        SessionSummary {
            id: session.as_str().replace('/', ":"),
            session: session.clone(),
            tenant: session.tenant().to_owned(),
            exam: session.exam().to_owned(),
            name: name.to_owned(),
            state: self.state(now),
            started_at: self.started_at.map(|at| at.to_string()),
            updated_at: self.updated_at.map(|at| at.to_string()),
            media_ms: self.media_ms(),
            rev: score.map(|score| score.rev),
            status: score.map(|score| score.status),
            integrity: score.and_then(|score| score.integrity),
            band: score.map(|score| score.band),
            concern_milli: score.map(|score| score.concern_milli),
            review_priority: score.map(|score| score.review_priority),
            evidence: score.map(|score| score.evidence),
            coverage_milli: score.map(|score| score.coverage.ratio_milli),
            queue: queues.first(),
            queues,
            technical: queue::technical(incidents),
            open: open(incidents),
            unreviewed,
            faces: self.video.faces(),
            identity: score.map(|score| score.identity.state),
            headline: headline::of(incidents, score),
            policy: self.policy(),
            accommodations: self.accommodations(),
            human_review_required: true,
        }
    }
}

fn open(incidents: &[Incident]) -> Vec<OpenIncident> {
    let lasting = incidents.iter().filter(|incident| queue::is_open(incident));
    let mut open: Vec<OpenIncident> = lasting
        .map(|incident| OpenIncident {
            incident_id: incident.incident_id,
            kind: incident.kind,
            class: incident.class,
            severity: incident.severity,
            start_ms: incident.start_ms,
        })
        .collect();
    open.sort_by_key(|incident| {
        (std::cmp::Reverse((incident.severity, incident.start_ms)), incident.incident_id)
    });
    open.truncate(MOST_OPEN);
    open
}
