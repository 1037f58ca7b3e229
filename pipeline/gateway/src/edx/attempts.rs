//! Attempts at exams of a platform. Each is a session: it begins with the attempt, and ends when the candidate submits,
//! or when something went wrong on the platform's side. Who the candidate is is not read.

use axum::Json;
use axum::extract::{Path, State};
use domain::ids::SessionId;
use domain::messages::{AuditAction, SessionEvent, SessionFact, UploadEvent, UploadFact};
use domain::ports::Entry;
use domain::time::MediaMs;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Platform;
use super::guard::Asking;
use crate::app::App;
use crate::audit::record;
use crate::auth::caller::url_id;
use crate::error::Problem;
use crate::ingest::{act, append, tokens};
use crate::limits::body::Input;
use crate::random;

/// What a candidate is told on the platform's page, before they open ours.
const INSTRUCTIONS: [&str; 3] = [
    "Open the page of the proctoring service by the button below.",
    "Read there what is recorded, check your camera, and begin. Leave that page open until you have submitted.",
    "Come back here: the exam can be started as soon as your camera has been seen.",
];

/// An attempt, as far as it is ours to know.
#[derive(Debug, Serialize)]
pub struct Attempt {
    id: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<[&'static str; 3]>,
    /// Where the candidate's page is. It holds a token, which lets them upload to this session and do nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    download_url: Option<String>,
}

/// A change of an attempt.
#[derive(Debug, Deserialize)]
pub struct Change {
    status: String,
}

impl Attempt {
    fn new(id: String, status: &str) -> Json<Self> {
        Json(Self { id, status: status.to_owned(), instructions: None, download_url: None })
    }
}

/// `POST /edx/api/v1/exam/{exam}/attempt/`
pub async fn create(
    State(app): State<App>,
    Asking { platform, caller }: Asking,
    Path(exam): Path<String>,
    Input(_): Input<Map<String, Value>>,
) -> Result<Json<Attempt>, Problem> {
    let attempt = random::name()?;
    let session = known(&platform, &exam, &attempt)?;
    let event = SessionEvent::Started {
        policy: policy(&app, &platform).to_owned(),
        accommodations: Vec::new(),
        // Whoever is done earlier goes earlier.
        expected: None,
    };
    let audit = record(&caller, Some(&session), AuditAction::SessionCreated, String::new())?;
    let fact = SessionFact { session, media_ms: MediaMs::ZERO, event };
    act(&app, audit, Entry::Session(fact)).await?;
    Ok(Attempt::new(attempt, "created"))
}

/// `GET /edx/api/v1/exam/{exam}/attempt/{attempt}/`: how the candidate gets to their page.
pub async fn read(
    State(app): State<App>,
    Asking { platform, caller }: Asking,
    Path((exam, attempt)): Path<(String, String)>,
) -> Result<Json<Attempt>, Problem> {
    let session = known(&platform, &exam, &attempt)?;
    let created = tokens::known_start(&app, &session);
    let token = tokens::issue(&app, &caller, &session, created)?;
    let audit = record(&caller, Some(&session), AuditAction::TokenIssued, String::new())?;
    append(&app, Entry::Audit(audit)).await?;
    let (at, id, policy) = (&platform.public_url, url_id(&session), policy(&app, &platform));
    let download_url = format!("{at}/candidate/#id={id}&policy={policy}&token={}", token.token);
    Ok(Json(Attempt {
        id: attempt,
        status: "created".to_owned(),
        instructions: Some(INSTRUCTIONS),
        download_url: Some(download_url),
    }))
}

/// `PATCH /edx/api/v1/exam/{exam}/attempt/{attempt}/`
pub async fn update(
    State(app): State<App>,
    Asking { platform, caller }: Asking,
    Path((exam, attempt)): Path<(String, String)>,
    Input(change): Input<Change>,
) -> Result<Json<Attempt>, Problem> {
    let session = known(&platform, &exam, &attempt)?;
    match change.status.as_str() {
        // The video says when it begins.
        "started" => {}
        "submitted" | "error" => {
            let audit = record(&caller, Some(&session), AuditAction::SessionEnded, change.status.clone())?;
            act(&app, audit, Entry::Upload(UploadFact { session, event: UploadEvent::Ended })).await?;
        }
        _ => return Err(Problem::unprocessable("an attempt is started, submitted or error")),
    }
    Ok(Attempt::new(attempt, &change.status))
}

/// `DELETE /edx/api/v1/exam/{exam}/attempt/{attempt}/`: the candidate begins anew, with another attempt. What was
/// recorded of this one stays for as long as its policy says: nobody makes evidence vanish this way.
pub async fn remove(
    State(app): State<App>,
    Asking { platform, caller }: Asking,
    Path((exam, attempt)): Path<(String, String)>,
) -> Result<Json<Attempt>, Problem> {
    let session = known(&platform, &exam, &attempt)?;
    let audit = record(&caller, Some(&session), AuditAction::SessionEnded, "deleted".to_owned())?;
    act(&app, audit, Entry::Upload(UploadFact { session, event: UploadEvent::Ended })).await?;
    Ok(Attempt::new(attempt, "deleted"))
}

fn known(platform: &Platform, exam: &str, attempt: &str) -> Result<SessionId, Problem> {
    platform.session(exam, attempt).ok_or_else(Problem::not_found)
}

fn policy<'a>(app: &'a App, platform: &'a Platform) -> &'a str {
    platform.policy.as_deref().unwrap_or(&app.settings.default_policy)
}
