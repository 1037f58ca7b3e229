//! Entries of the audit log: who did what, written before it is answered. They name sessions, never what was in a
//! request.

use domain::ids::SessionId;
use domain::messages::{Audit, AuditAction, AuditOutcome};

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
