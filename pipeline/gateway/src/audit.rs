//! Entries of the audit log: who did what, written before it is answered. They name sessions, never what was in a
//! request.

use domain::ids::SessionId;
use domain::messages::Audit;

use crate::auth::Caller;
use crate::error::Problem;
use crate::{clock, random};

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A session was created.
    SessionCreated,
    /// A session was ended.
    SessionEnded,
    /// A break began.
    BreakStarted,
    /// A break was ended.
    BreakEnded,
    /// Somebody decided about an incident.
    ReviewMade,
    /// Sessions were exported.
    SessionsExported,
}

impl Action {
    /// As in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::SessionCreated => "session_created",
            Self::SessionEnded => "session_ended",
            Self::BreakStarted => "break_started",
            Self::BreakEnded => "break_ended",
            Self::ReviewMade => "review_made",
            Self::SessionsExported => "sessions_exported",
        }
    }
}

/// An entry.
///
/// # Errors
/// If the system has no random numbers.
pub fn record(
    caller: &Caller,
    session: Option<&SessionId>,
    action: Action,
    detail: String,
) -> Result<Audit, Problem> {
    Ok(Audit {
        session: session.cloned(),
        tenant: caller.tenant.clone(),
        audit_id: random::name()?,
        at: clock::now(),
        by: caller.subject.clone(),
        role: caller.role.name().to_owned(),
        action: action.name().to_owned(),
        outcome: "accepted".to_owned(),
        detail,
    })
}
