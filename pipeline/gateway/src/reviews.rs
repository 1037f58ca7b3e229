//! `POST /v1/sessions/{id}/reviews`: what a person decided. It goes to the log; the score role makes a new revision of
//! the score of it. Nothing is decided here.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::desk::SessionDesk;
use domain::messages::{AuditAction, Decision, IncidentType, Review};
use domain::ports::Entry;
use domain::time::MediaMs;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::app::App;
use crate::audit::record;
use crate::auth::{Caller, Target};
use crate::error::Problem;
use crate::ingest::act;
use crate::limits::body::Input;
use crate::read::look;
use crate::{clock, random};

/// More is not read.
const LONGEST_NOTE: usize = 2_000;
/// No session is longer.
const LONGEST_SESSION_MS: i64 = 7 * 86_400_000;
/// Decisions about a session: desks keep no more.
const MOST_OF_SESSION: usize = 128;

/// A decision.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReview {
    /// Type of the incident.
    #[serde(rename = "type")]
    pub kind: IncidentType,
    /// Start of the stretch that is decided about, in media time.
    #[schemars(range(min = 0, max = 604_800_000))]
    pub start_ms: i64,
    /// Its end (exclusive).
    #[schemars(range(min = 1, max = 604_800_000))]
    pub end_ms: i64,
    /// The decision.
    pub decision: Decision,
    /// Why, in the reviewer's words.
    #[serde(default)]
    #[schemars(length(max = 2_000))]
    pub note: Option<String>,
}

/// `POST /v1/sessions/{id}/reviews`
pub async fn make(
    State(app): State<App>,
    caller: Caller,
    Target(session): Target,
    Input(new): Input<NewReview>,
) -> Result<(StatusCode, Json<Review>), Problem> {
    if new.start_ms < 0 || new.end_ms <= new.start_ms || new.end_ms > LONGEST_SESSION_MS {
        return Err(Problem::unprocessable("a stretch ends after it begins, and lies within its session"));
    }
    if new.note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
        return Err(Problem::unprocessable(format!("a note has at most {LONGEST_NOTE} characters")));
    }
    let (kind, from, to) = (new.kind, MediaMs(new.start_ms), MediaMs(new.end_ms));
    look(&app, session.clone(), move |desk| is_decidable(desk, kind, from, to)).await??;
    let review = Review {
        session: session.clone(),
        review_id: random::name()?,
        kind: new.kind,
        start_ms: MediaMs(new.start_ms),
        end_ms: MediaMs(new.end_ms),
        decision: new.decision,
        by: caller.subject.clone(),
        at: clock::now(),
        note: new.note,
    };
    let detail = format!("review {}", review.review_id);
    let audit = record(&caller, Some(&session), AuditAction::Reviewed, detail)?;
    act(&app, audit, Entry::Review(review.clone())).await?;
    Ok((StatusCode::CREATED, Json(review)))
}

/// Whether there is something of that type to decide about.
fn is_decidable(desk: &SessionDesk, kind: IncidentType, from: MediaMs, to: MediaMs) -> Result<(), Problem> {
    if desk.reviews().len() >= MOST_OF_SESSION {
        let detail = format!("a session has at most {MOST_OF_SESSION} decisions");
        return Err(Problem::unprocessable(detail));
    }
    let touched = desk.incidents().iter().filter(|incident| {
        // One that has just begun has no length yet.
        let end = incident.end_ms.max(MediaMs(incident.start_ms.0.saturating_add(1)));
        incident.kind == kind && incident.start_ms < to && from < end
    });
    let Some(end) = touched.map(|incident| incident.end_ms).max() else {
        return Err(Problem::unprocessable("the stretch touches no incident of this type"));
    };
    if to > end.max(desk.reached()) {
        return Err(Problem::unprocessable("the stretch reaches beyond what has been looked at"));
    }
    Ok(())
}
