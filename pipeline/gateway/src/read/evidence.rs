//! `GET /v1/sessions/{id}/evidence`: pictures that are kept of a session's incidents, and one of them. Every look at one
//! is in the audit log. Which pictures there are says a store behind [`Pictures`]; only those are shown that an incident
//! names.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use domain::evidence::PictureName;
use domain::ids::SessionId;
use domain::messages::{AuditAction, Incident};
use domain::ports::Entry;
use domain::time::MediaMs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Items, look};
use crate::app::App;
use crate::audit::record;
use crate::auth::{Caller, Target};
use crate::error::Problem;
use crate::ingest::append;

/// Where pictures are. Calls may take seconds; they come from threads that may wait.
pub trait Pictures: Send + Sync {
    /// The names of a session's pictures, in order.
    ///
    /// # Errors
    /// If they cannot be had now.
    fn list(&self, session: &SessionId) -> Result<Vec<PictureName>, Unavailable>;

    /// A picture as JPEG, if it is there.
    ///
    /// # Errors
    /// If it cannot be had now.
    fn open(&self, session: &SessionId, name: &PictureName) -> Result<Option<Vec<u8>>, Unavailable>;
}

/// Pictures cannot be had now. Why is in the log of whoever says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailable;

/// A picture that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptPicture {
    /// Its name within the session.
    pub name: String,
    /// When it was taken.
    pub media_ms: MediaMs,
    /// The ids of the incidents that it shows.
    pub incidents: Vec<String>,
}

/// `GET /v1/sessions/{id}/evidence`
pub async fn list(
    State(app): State<App>,
    Target(session): Target,
) -> Result<Json<Items<KeptPicture>>, Problem> {
    let incidents = look(&app, session.clone(), |desk| desk.incidents().to_vec()).await?;
    let Some(pictures) = app.pictures.clone() else { return Ok(Json(Items { items: Vec::new() })) };
    let names = ask(pictures, move |pictures| pictures.list(&session)).await?;
    let kept = names.into_iter().filter_map(|name| {
        let shown = shown_by(&incidents, &name);
        let picture = KeptPicture { name: name.to_string(), media_ms: name.at, incidents: shown };
        (!picture.incidents.is_empty()).then_some(picture)
    });
    Ok(Json(Items { items: kept.collect() }))
}

/// `GET /v1/sessions/{id}/evidence/{name}`
pub async fn open(
    State(app): State<App>,
    caller: Caller,
    Target(session): Target,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let name: PictureName = name.parse().map_err(|_| Problem::not_found())?;
    let incidents = look(&app, session.clone(), |desk| desk.incidents().to_vec()).await?;
    let pictures = app.pictures.clone().filter(|_| !shown_by(&incidents, &name).is_empty());
    let pictures = pictures.ok_or_else(Problem::not_found)?;
    let opened = {
        let session = session.clone();
        ask(pictures, move |pictures| pictures.open(&session, &name)).await?
    };
    let jpeg = opened.ok_or_else(Problem::not_found)?;
    let looked = record(&caller, Some(&session), AuditAction::Viewed, format!("picture {name}"))?;
    append(&app, Entry::Audit(looked)).await?;
    Ok(([(CONTENT_TYPE, "image/jpeg")], jpeg).into_response())
}

/// The incidents that a picture shows.
fn shown_by(incidents: &[Incident], name: &PictureName) -> Vec<String> {
    let shows = |incident: &&Incident| incident.span().is_some_and(|span| span.holds(name));
    incidents.iter().filter(shows).map(|incident| incident.incident_id.to_string()).collect()
}

/// Asks where pictures are, on a thread that may wait.
async fn ask<T: Send + 'static>(
    pictures: Arc<dyn Pictures>,
    question: impl FnOnce(&dyn Pictures) -> Result<T, Unavailable> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(move || question(pictures.as_ref())).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Unavailable)) => Err(Problem::no_pictures()),
        // It panicked, or the process ends.
        Err(_) => Err(Problem::internal()),
    }
}
