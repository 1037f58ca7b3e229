//! Upload tokens: short-lived, for one session, renewed by the exam client's back end or by the candidate's own page
//! while the old one is good. A chain of renewals ends a day after the back end began it.

use std::time::SystemTime;

use axum::Json;
use axum::extract::State;
use domain::ids::SessionId;
use domain::messages::{AuditAction, ChunkHeader};
use domain::ports::Entry;
use schemars::JsonSchema;
use serde::Serialize;

use super::append;
use crate::app::App;
use crate::audit::record;
use crate::auth::{Caller, Claims, Role, Target};
use crate::clock;
use crate::error::Problem;

/// Longer than any exam.
const RENEWED_FOR_S: u64 = 24 * 3_600;

/// Chunks of a session per second of the clock that no client sends more of: so a client that knows of no other begins
/// above all of them.
const CHUNKS_PER_S: u64 = 10;

/// A token for a candidate's browser.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UploadToken {
    /// The bearer token.
    pub token: String,
    /// When it expires, RFC 3339.
    pub expires_at: String,
    /// The number of the first chunk of a client that has sent none of this session, or does not know of any: above
    /// those of all others before it.
    pub first_chunk: u64,
}

/// `POST /v1/sessions/{id}/token`
pub async fn renew(
    State(app): State<App>,
    caller: Caller,
    Target(session): Target,
) -> Result<Json<UploadToken>, Problem> {
    app.limits.rare.take(&("token", &session, caller.role), 1)?;
    let created = caller.created.or_else(|| known_start(&app, &session));
    let token = issue(&app, &caller, &session, created)?;
    let audit = record(&caller, Some(&session), AuditAction::TokenIssued, String::new())?;
    append(&app, Entry::Audit(audit)).await?;
    Ok(Json(token))
}

/// When a session was created, in seconds since 1970, if the log has told.
pub(crate) fn known_start(app: &App, session: &SessionId) -> Option<u64> {
    let started = app.store.index().get(session)?.started_at.clone()?;
    let since_1970 = humantime::parse_rfc3339(&started).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(since_1970.as_secs())
}

/// A token for uploads of a session that was `created` then, in seconds since 1970.
///
/// # Errors
/// If a candidate has renewed theirs for too long.
pub(crate) fn issue(
    app: &App,
    caller: &Caller,
    session: &SessionId,
    created: Option<u64>,
) -> Result<UploadToken, Problem> {
    let now = clock::now_s();
    let renew_until = match caller.role {
        Role::Candidate => caller.renew_until.unwrap_or_default(),
        _ => now + RENEWED_FOR_S,
    };
    if renew_until <= now {
        return Err(Problem::forbidden());
    }
    let exp = (now + app.settings.token_ttl.as_secs()).min(renew_until);
    // Who that is, only the exam client knows.
    let (candidate, tenant) = ("candidate".to_owned(), session.tenant().to_owned());
    let claims = Claims {
        session: Some(session.as_str().to_owned()),
        renew_until: Some(renew_until),
        created,
        ..Claims::new(candidate, tenant, vec![Role::Candidate], exp)
    };
    let age = created.map_or(0, |created| now.saturating_sub(created));
    let first_chunk = age.saturating_mul(CHUNKS_PER_S).min(ChunkHeader::MOST - 1);
    Ok(UploadToken { token: app.keys.sign(&claims), expires_at: claims.expires_at(), first_chunk })
}
