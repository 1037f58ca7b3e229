//! Sessions: created and ended by the exam client's back end, and breaks in between. All of it are facts in the log;
//! breaks and ends travel with the chunks, so that they happen where they belong in the video.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::SessionId;
use domain::messages::{Accommodation, AuditAction, SessionEvent, SessionFact, UploadEvent, UploadFact};
use domain::ports::Entry;
use domain::time::{Interval, MediaMs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{act, append, tokens};
use crate::app::App;
use crate::audit::record;
use crate::auth::caller::url_id;
use crate::auth::{Caller, Target};
use crate::error::Problem;
use crate::limits::body::Input;
use crate::{clock, random};

/// Exams do not take longer.
const LONGEST_SESSION_MS: i64 = 24 * 3_600_000;

/// A session to be created.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// The exam, 1 to 128 of A-Z a-z 0-9 . _ -
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,128}$"))]
    pub exam: String,
    /// The session's name within the exam, likewise; a random one by default. Opaque: no names of people.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,128}$"))]
    pub name: Option<String>,
    /// Id of the policy that it is judged by; the gateway's default if there is none.
    #[serde(default)]
    pub policy: Option<String>,
    /// What the candidate was granted.
    #[serde(default)]
    pub accommodations: Vec<Accommodation>,
    /// How long it should take, in milliseconds.
    #[serde(default)]
    #[schemars(range(min = 0, max = 86_400_000))]
    pub expected_ms: Option<i64>,
    /// What is recorded; a webcam by default, and nothing else for now.
    #[serde(default)]
    pub stream: Option<NewStream>,
    /// The attempt that it is on a learning platform, which is then told of incidents; none by default.
    #[serde(default)]
    pub attempt: Option<NewAttempt>,
}

/// An attempt on a learning platform, as it said at launch.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAttempt {
    /// The platform, as the gateway's operator calls it.
    pub platform: String,
    /// The candidate, as an opaque id of the platform's (`sub`).
    #[schemars(length(min = 1, max = 255))]
    pub user: String,
    /// The assessment, as an id of the platform's.
    #[schemars(length(min = 1, max = 255))]
    pub resource_link: String,
    /// Counts the candidate's attempts from 1.
    #[schemars(range(min = 1))]
    pub attempt_number: u32,
}

/// What is recorded.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStream {
    /// Where it comes from: `webcam`.
    #[schemars(extend("enum" = ["webcam"]))]
    pub kind: String,
}

/// A session that was created.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CreatedSession {
    /// Its name in paths, `tenant:exam:session`.
    pub id: String,
    /// Its name everywhere else, `tenant/exam/session`.
    pub session: SessionId,
    /// Id of the policy that it is judged by.
    pub policy: String,
    /// How to upload.
    pub upload: Upload,
}

/// How to upload.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Upload {
    /// The bearer token of the candidate's browser.
    pub token: String,
    /// When it expires, RFC 3339.
    pub expires_at: String,
    /// The number of the first chunk of a client that has sent none of this session, or does not know of any: above
    /// those of all others before it.
    pub first_chunk: u64,
    /// The largest chunk, in bytes.
    pub chunk_bytes: usize,
    /// How much may be sent in the long run, in bytes per second.
    pub bytes_per_s: u64,
}

/// A change of a break.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakChange {
    /// What happens now.
    pub state: BreakState,
}

/// What happens to a break.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakState {
    /// It begins.
    Started,
    /// It is over.
    Ended,
}

/// `POST /v1/sessions`
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    Input(new): Input<NewSession>,
) -> Result<(StatusCode, Json<CreatedSession>), Problem> {
    if new.stream.as_ref().is_some_and(|stream| stream.kind != "webcam") {
        return Err(Problem::unprocessable("only streams of the kind webcam are taken for now"));
    }
    let policy = new.policy.unwrap_or_else(|| app.settings.default_policy.clone());
    if !app.settings.policies.contains_key(&policy) {
        return Err(Problem::unprocessable("there is no such policy"));
    }
    let expected = match new.expected_ms {
        None => None,
        Some(length @ 0..=LONGEST_SESSION_MS) => Some(Interval::new(MediaMs::ZERO, MediaMs(length))),
        Some(_) => return Err(Problem::unprocessable("a session takes a day at most")),
    };
    let name = match new.name {
        Some(name) => name,
        None => random::name()?,
    };
    let session = SessionId::new(&caller.tenant, &new.exam, &name)
        .map_err(|_| Problem::unprocessable("exam and name are 1 to 128 of A-Z a-z 0-9 . _ -"))?;
    if !caller.may_touch(&session) {
        return Err(Problem::not_found());
    }
    let mut accommodations = new.accommodations;
    accommodations.sort_unstable();
    accommodations.dedup();
    let event = SessionEvent::Started { policy: policy.clone(), accommodations, expected };
    let started = SessionFact { session: session.clone(), media_ms: MediaMs::ZERO, event };
    // Whoever creates it again is answered as if it was the first time: what is known of it stays.
    let created = tokens::known_start(&app, &session).unwrap_or_else(clock::now_s);
    let token = tokens::issue(&app, &caller, &session, Some(created))?;
    let audit = record(&caller, Some(&session), AuditAction::SessionCreated, String::new())?;
    match new.attempt.map(|attempt| linked(&app, &session, attempt)).transpose()? {
        None => act(&app, audit, Entry::Session(started)).await?,
        // Before the start: whoever knows of that knows of the attempt, too.
        Some(linked) => {
            act(&app, audit, Entry::Session(linked)).await?;
            append(&app, Entry::Session(started)).await?;
        }
    }
    let upload = Upload {
        token: token.token,
        expires_at: token.expires_at,
        first_chunk: token.first_chunk,
        chunk_bytes: app.settings.max_chunk_bytes,
        bytes_per_s: app.settings.bytes_per_s,
    };
    Ok((StatusCode::CREATED, Json(CreatedSession { id: url_id(&session), session, policy, upload })))
}

/// The fact that a session is an attempt on a platform of its tenant.
fn linked(app: &App, session: &SessionId, attempt: NewAttempt) -> Result<SessionFact, Problem> {
    let NewAttempt { platform, user, resource_link, attempt_number } = attempt;
    if app.settings.attempts_on.get(&platform).is_none_or(|tenant| tenant != session.tenant()) {
        return Err(Problem::unprocessable("there is no such platform"));
    }
    let is_id = |text: &str| (1..=255).contains(&text.len());
    if !is_id(&user) || !is_id(&resource_link) || attempt_number == 0 {
        return Err(Problem::unprocessable("ids have 1 to 255 bytes, and attempts count from 1"));
    }
    let event = SessionEvent::Linked { platform, user, resource_link, attempt_number };
    Ok(SessionFact { session: session.clone(), media_ms: MediaMs::ZERO, event })
}

/// `POST /v1/sessions/{id}/end`
pub async fn end(
    State(app): State<App>,
    caller: Caller,
    Target(session): Target,
) -> Result<StatusCode, Problem> {
    app.limits.rare.take(&("end", &session, caller.role), 1)?;
    let audit = record(&caller, Some(&session), AuditAction::SessionEnded, String::new())?;
    act(&app, audit, Entry::Upload(UploadFact { session, event: UploadEvent::Ended })).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `POST /v1/sessions/{id}/breaks`
pub async fn change_break(
    State(app): State<App>,
    caller: Caller,
    Target(session): Target,
    Input(change): Input<BreakChange>,
) -> Result<StatusCode, Problem> {
    let (event, action) = match change.state {
        BreakState::Started => (UploadEvent::BreakStarted, AuditAction::BreakStarted),
        BreakState::Ended => (UploadEvent::BreakEnded, AuditAction::BreakEnded),
    };
    let audit = record(&caller, Some(&session), action, String::new())?;
    act(&app, audit, Entry::Upload(UploadFact { session, event })).await?;
    Ok(StatusCode::ACCEPTED)
}
