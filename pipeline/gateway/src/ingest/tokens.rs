//! Upload tokens: short-lived, for one session, renewed by the exam client's back end or by the candidate's own page
//! while the old one is good. A chain of renewals ends a day after the back end began it.

use axum::Json;
use axum::extract::State;
use domain::ids::SessionId;
use domain::messages::AuditAction;
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

/// A token for a candidate's browser.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UploadToken {
    /// The bearer token.
    pub token: String,
    /// When it expires, RFC 3339.
    pub expires_at: String,
}

/// `POST /v1/sessions/{id}/token`
pub async fn renew(
    State(app): State<App>,
    caller: Caller,
    Target(session): Target,
) -> Result<Json<UploadToken>, Problem> {
    let token = issue(&app, &caller, &session)?;
    let audit = record(&caller, Some(&session), AuditAction::TokenIssued, String::new())?;
    append(&app, [Entry::Audit(audit)]).await?;
    Ok(Json(token))
}

/// A token for uploads of a session.
///
/// # Errors
/// If a candidate has renewed theirs for too long.
pub(super) fn issue(app: &App, caller: &Caller, session: &SessionId) -> Result<UploadToken, Problem> {
    let now = clock::now_s();
    let renew_until = match caller.role {
        Role::Candidate => caller.renew_until.unwrap_or_default(),
        _ => now + RENEWED_FOR_S,
    };
    if renew_until <= now {
        return Err(Problem::forbidden());
    }
    let claims = Claims {
        // Who that is, only the exam client knows.
        sub: "candidate".to_owned(),
        tenant: session.tenant().to_owned(),
        roles: vec![Role::Candidate],
        exams: None,
        session: Some(session.as_str().to_owned()),
        renew_until: Some(renew_until),
        exp: (now + app.settings.token_ttl.as_secs()).min(renew_until),
        iss: String::new(),
        aud: String::new(),
    };
    Ok(UploadToken { token: app.keys.sign(&claims), expires_at: claims.expires_at() })
}
