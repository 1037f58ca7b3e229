//! `invigilator.audit.v1`: who did what, or was refused it. Append-only, and written before it is answered.
//!
//! Says that something was looked at, never what was in it: no answer, note or token is copied into the log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::envelope::Message;
use crate::ids::SessionId;

/// Longest `detail`, in bytes.
const LONGEST_DETAIL: usize = 1000;
/// Longest of the other texts, in bytes.
const LONGEST_NAME: usize = 256;

/// One act of one person or program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Audit {
    /// The session it was about; `null` where it was about several or none.
    pub session: Option<SessionId>,
    /// The tenant of whoever acted.
    pub tenant: String,
    /// Unique; a repeated id is the same act delivered twice.
    pub audit_id: String,
    /// When, RFC 3339.
    pub at: String,
    /// Who, as an opaque id.
    pub by: String,
    /// The role that was acted in: `candidate`, `proctor`, `reviewer`, `admin` or `service`.
    pub role: String,
    /// What was done.
    pub action: AuditAction,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// More about it, e.g. an incident's type and stretch, or why it was refused; empty if there is no more.
    pub detail: String,
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// A session was created.
    SessionCreated,
    /// A token to upload with was handed out.
    TokenIssued,
    /// Video was uploaded. Written only where it was refused.
    Uploaded,
    /// A session was ended.
    SessionEnded,
    /// A break began.
    BreakStarted,
    /// A break was over.
    BreakEnded,
    /// A person decided about an incident.
    Reviewed,
    /// Sessions were exported.
    Exported,
    /// A session was looked at.
    Viewed,
    /// This log was read.
    AuditRead,
}

/// What came of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done.
    Accepted,
    /// It was not allowed.
    Refused,
}

impl Message for Audit {
    const TYPE: &'static str = "invigilator.audit.v1";

    /// The session, or the tenant where it was about several or none.
    fn subject(&self) -> &str {
        self.session.as_ref().map_or(&self.tenant, SessionId::as_str)
    }

    fn validate(&self) -> Result<(), &'static str> {
        let names = [&self.tenant, &self.audit_id, &self.at, &self.by, &self.role];
        if names.iter().any(|name| name.is_empty() || name.len() > LONGEST_NAME) {
            return Err("tenant, id, time, person and role of an act are 1 to 256 bytes each");
        }
        if self.detail.len() > LONGEST_DETAIL {
            return Err("the detail of an act is at most 1000 bytes");
        }
        if self.session.as_ref().is_some_and(|session| session.tenant() != self.tenant) {
            return Err("an act is about a session of the tenant of whoever acted");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act() -> Audit {
        Audit {
            session: Some("t1/e7/s42".parse().unwrap()),
            tenant: "t1".to_owned(),
            audit_id: "a-1".to_owned(),
            at: "2026-11-25T09:12:00Z".to_owned(),
            by: "reviewer-17".to_owned(),
            role: "reviewer".to_owned(),
            action: AuditAction::Reviewed,
            outcome: AuditOutcome::Accepted,
            detail: String::new(),
        }
    }

    #[test]
    fn the_subject_is_the_session_or_else_the_tenant() {
        assert_eq!(act().subject(), "t1/e7/s42");
        assert_eq!(Audit { session: None, ..act() }.subject(), "t1");
    }

    #[test]
    fn every_rule_is_checked() {
        assert_eq!(act().validate(), Ok(()));
        assert!(Audit { by: String::new(), ..act() }.validate().is_err());
        assert!(Audit { detail: "x".repeat(1001), ..act() }.validate().is_err());
        assert!(Audit { tenant: "t2".to_owned(), ..act() }.validate().is_err(), "of another tenant");
    }
}
