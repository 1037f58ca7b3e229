//! One session: `GET /v1/sessions/{id}` and the parts of it alone.

use axum::Json;
use axum::extract::State;
use domain::desk::{
    ContributionInWords, CoverageView, IngestMs, ScoreRevision, SessionSummary, StreamHealth, Timeline,
};
use domain::ids::SessionId;
use domain::messages::{AuditAction, IdentityLedger, Incident, Review, Score, SessionEvent, SessionFact};
use domain::ports::Entry;
use domain::time::MediaMs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Items, Params, look};
use crate::app::App;
use crate::audit::record;
use crate::auth::{Caller, Target};
use crate::clock;
use crate::error::Problem;
use crate::ingest::append;

/// Points of a timeline unless more are asked for.
const USUAL_POINTS: usize = 1_024;
/// Points of a timeline at most.
const MOST_POINTS: usize = 4_096;

/// Everything on a session's page but its timeline.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionView {
    /// The session at a glance.
    pub summary: SessionSummary,
    /// The present score; `null` before the first one.
    pub score: Option<Score>,
    /// Where each point went, in words.
    pub contributions: Vec<ContributionInWords>,
    /// The present state of each incident.
    pub incidents: Vec<Incident>,
    /// Whether incidents were left out because there are too many.
    pub is_incomplete: bool,
    /// Decisions of people.
    pub reviews: Vec<Review>,
    /// What the exam system said.
    pub lifecycle: Vec<SessionFact>,
    /// What is known about who sits there; `null` before the first score.
    pub identity: Option<IdentityLedger>,
}

/// A window of a timeline.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimelineParams {
    /// Its start in media time; 0 by default.
    #[schemars(range(min = 0))]
    pub from_ms: Option<i64>,
    /// Its end; that of the video by default.
    #[schemars(range(min = 0))]
    pub to_ms: Option<i64>,
    /// Most samples, 1 to 4096; 1024 by default.
    #[schemars(range(min = 1, max = 4096))]
    pub points: Option<usize>,
}

fn now() -> IngestMs {
    IngestMs(clock::now_ms())
}

/// `GET /v1/sessions/{id}`
pub async fn page(
    State(app): State<App>,
    caller: Caller,
    Target(session): Target,
) -> Result<Json<SessionView>, Problem> {
    let view = look(&app, session, |desk| SessionView {
        summary: desk.summary(now()),
        score: desk.score().cloned(),
        contributions: desk.contributions(),
        incidents: desk.incidents().to_vec(),
        is_incomplete: desk.is_incomplete(),
        reviews: desk.reviews().to_vec(),
        lifecycle: desk.lifecycle().into_iter().filter(is_of_the_exam).collect(),
        identity: desk.score().map(|score| score.identity.clone()),
    });
    let view = view.await?;
    viewed(&app, &caller, &view.summary.session).await?;
    Ok(Json(view))
}

/// Who the candidate is on a learning platform is nothing to look at.
fn is_of_the_exam(fact: &SessionFact) -> bool {
    !matches!(fact.event, SessionEvent::Linked { .. })
}

/// Writes down that somebody looks at a session, unless that was written a few minutes ago.
async fn viewed(app: &App, caller: &Caller, session: &SessionId) -> Result<(), Problem> {
    let who = (&caller.tenant, &caller.subject, session);
    if app.limits.looks.take(&who, 1).is_err() {
        return Ok(());
    }
    let audit = record(caller, Some(session), AuditAction::Viewed, String::new())?;
    let written = append(app, Entry::Audit(audit)).await;
    if written.is_err() {
        app.limits.looks.give_back(&who, 1);
    }
    written
}

/// `GET /v1/sessions/{id}/scores`
pub async fn scores(
    State(app): State<App>,
    Target(session): Target,
) -> Result<Json<Items<ScoreRevision>>, Problem> {
    look(&app, session, |desk| Items { items: desk.revisions() }).await.map(Json)
}

/// `GET /v1/sessions/{id}/incidents`
pub async fn incidents(
    State(app): State<App>,
    Target(session): Target,
) -> Result<Json<Items<Incident>>, Problem> {
    look(&app, session, |desk| Items { items: desk.incidents().to_vec() }).await.map(Json)
}

/// `GET /v1/sessions/{id}/reviews`
pub async fn reviews(
    State(app): State<App>,
    Target(session): Target,
) -> Result<Json<Items<Review>>, Problem> {
    look(&app, session, |desk| Items { items: desk.reviews().to_vec() }).await.map(Json)
}

/// `GET /v1/sessions/{id}/coverage`
pub async fn coverage(
    State(app): State<App>,
    Target(session): Target,
) -> Result<Json<CoverageView>, Problem> {
    look(&app, session, |desk| desk.coverage()).await.map(Json)
}

/// `GET /v1/sessions/{id}/health`
pub async fn health(State(app): State<App>, Target(session): Target) -> Result<Json<StreamHealth>, Problem> {
    look(&app, session, |desk| desk.health(now())).await.map(Json)
}

/// `GET /v1/sessions/{id}/timeline`
pub async fn timeline(
    State(app): State<App>,
    Target(session): Target,
    Params(window): Params<TimelineParams>,
) -> Result<Json<Timeline>, Problem> {
    let points = window.points.unwrap_or(USUAL_POINTS);
    if !(1..=MOST_POINTS).contains(&points) {
        return Err(Problem::bad_request(format!("points are 1 to {MOST_POINTS}")));
    }
    let from = window.from_ms.unwrap_or_default();
    if from < 0 || window.to_ms.is_some_and(|to| to < from) {
        return Err(Problem::bad_request(
            "a window does not begin before 0 and does not end before it begins",
        ));
    }
    look(&app, session, move |desk| desk.timeline(MediaMs(from), window.to_ms.map(MediaMs), points))
        .await
        .map(Json)
}
