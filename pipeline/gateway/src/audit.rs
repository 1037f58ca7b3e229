//! Entries of the audit log: who did what, written before it is done, and what they were refused. They name sessions,
//! never what was in a request.

use axum::http::Method;
use domain::ids::SessionId;
use domain::messages::{Audit, AuditAction, AuditOutcome};
use domain::ports::Entry;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::{clock, random};

/// An entry.
///
/// # Errors
/// If the system has no random numbers.
pub fn record(
    caller: &Caller,
    session: Option<&SessionId>,
    action: AuditAction,
    detail: String,
) -> Result<Audit, Problem> {
    Ok(Audit {
        session: session.cloned(),
        tenant: caller.tenant.clone(),
        audit_id: random::name()?,
        at: clock::now(),
        by: caller.subject.clone(),
        role: caller.role.name().to_owned(),
        action,
        outcome: AuditOutcome::Accepted,
        detail,
    })
}

/// Writes that something was refused to somebody, and does not wait for it: nothing happens that would have to. Of one
/// person's refusals a few a minute are written, so that nobody floods the log.
pub fn refused(app: &App, caller: &Caller, session: Option<&SessionId>, method: &Method, path: &str) {
    if app.limits.refusals.take(&(&caller.tenant, &caller.subject), 1).is_err() {
        return;
    }
    // Of a foreign session there is nothing to say but that it was asked for.
    let own = session.filter(|session| session.tenant() == caller.tenant);
    let Ok(entry) = record(caller, own, attempted(method, path), format!("{method} {path}")) else { return };
    let entry = Audit { outcome: AuditOutcome::Refused, ..entry };
    if app.log.append(Entry::Audit(entry), Box::new(|_| ())).is_err() {
        tracing::warn!("a refusal is not in the audit log: too much is on its way");
    }
}

/// What a request would have done.
fn attempted(method: &Method, path: &str) -> AuditAction {
    let last = path.rsplit('/').next().unwrap_or_default();
    match (method.as_str(), last) {
        ("POST", "sessions") => AuditAction::SessionCreated,
        ("POST", "token") => AuditAction::TokenIssued,
        ("POST", "end") => AuditAction::SessionEnded,
        ("POST", "breaks") => AuditAction::BreakStarted,
        ("POST", "reviews") => AuditAction::Reviewed,
        ("PUT", _) => AuditAction::Uploaded,
        (_, "sessions.csv") => AuditAction::Exported,
        (_, "audit") => AuditAction::AuditRead,
        _ => AuditAction::Viewed,
    }
}
