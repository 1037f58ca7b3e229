//! What the bearer of a token may touch: their tenant, their exams, and, as a candidate, their own session.

use std::collections::BTreeSet;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::ids::SessionId;

use super::claims::{Claims, Role};
use crate::error::Problem;

/// The audit log takes no longer names, in bytes.
const LONGEST_SUBJECT: usize = 256;

/// Who asks, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who, as an opaque id.
    pub subject: String,
    /// The institution.
    pub tenant: String,
    /// The role by which they were let in.
    pub role: Role,
    /// Until when a candidate may renew their token, in seconds since 1970.
    pub renew_until: Option<u64>,
    /// When the session of a candidate was created, in seconds since 1970.
    pub created: Option<u64>,
    /// When their token expires, in seconds since 1970.
    pub expires_s: u64,
    exams: Option<BTreeSet<String>>,
    session: Option<SessionId>,
}

impl Caller {
    /// The bearer of a token, acting in one of their roles. `None` if the token makes no sense: nobody's, a tenant that
    /// cannot be one, a candidate without a session or with one of somebody else's.
    pub fn new(claims: &Claims, role: Role) -> Option<Self> {
        if !(1..=LONGEST_SUBJECT).contains(&claims.sub.len()) {
            return None;
        }
        // A tenant is the first part of a session's name.
        SessionId::new(&claims.tenant, "e", "s").ok()?;
        let session: Option<SessionId> = match &claims.session {
            Some(name) => Some(name.parse().ok()?),
            None => None,
        };
        let is_foreign = session.as_ref().is_some_and(|session| session.tenant() != claims.tenant);
        if is_foreign || role == Role::Candidate && session.is_none() {
            return None;
        }
        Some(Self {
            subject: claims.sub.clone(),
            tenant: claims.tenant.clone(),
            role,
            renew_until: claims.renew_until,
            created: claims.created,
            expires_s: claims.exp,
            exams: claims.exams.as_ref().map(|exams| exams.iter().cloned().collect()),
            session,
        })
    }

    /// Whether they may touch anything of an exam of their tenant.
    pub fn may_touch_exam(&self, exam: &str) -> bool {
        self.exams.as_ref().is_none_or(|exams| exams.contains(exam))
    }

    /// Whether there are exams of their tenant that they may not touch.
    pub fn is_restricted(&self) -> bool {
        self.exams.is_some()
    }

    /// Whether they may touch a session.
    pub fn may_touch(&self, session: &SessionId) -> bool {
        let is_own = self.role != Role::Candidate || self.session.as_ref() == Some(session);
        session.tenant() == self.tenant && self.may_touch_exam(session.exam()) && is_own
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        // The guard has put it there; a route without roles has none.
        parts.extensions.get::<Self>().cloned().ok_or(Problem::no_token())
    }
}

/// The session that a path names: one that the caller may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(pub SessionId);

impl<S: Sync> FromRequestParts<S> for Target {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or(Problem::not_found())
    }
}

/// A session's name as paths have it: `:` for `/`.
pub fn url_id(session: &SessionId) -> String {
    session.as_str().replace('/', ":")
}

/// The session of a path.
pub fn session_of(url_id: &str) -> Option<SessionId> {
    url_id.replace(':', "/").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims::new("u".to_owned(), "t1".to_owned(), vec![Role::Proctor], 0)
    }

    #[test]
    fn nobody_leaves_their_tenant_exams_or_session() {
        let session = |name: &str| name.parse::<SessionId>().unwrap();
        let proctor = Caller::new(&claims(), Role::Proctor).unwrap();
        assert!(proctor.may_touch(&session("t1/e1/s1")) && !proctor.may_touch(&session("t2/e1/s1")));

        let exams = Some(vec!["e1".to_owned()]);
        let proctor = Caller::new(&Claims { exams, ..claims() }, Role::Proctor).unwrap();
        assert!(proctor.may_touch(&session("t1/e1/s1")) && !proctor.may_touch(&session("t1/e2/s1")));

        let own = Some("t1/e1/s1".to_owned());
        let candidate = Caller::new(&Claims { session: own, ..claims() }, Role::Candidate).unwrap();
        assert!(candidate.may_touch(&session("t1/e1/s1")) && !candidate.may_touch(&session("t1/e1/s2")));
    }

    #[test]
    fn tokens_that_make_no_sense_let_nobody_in() {
        assert_eq!(Caller::new(&claims(), Role::Candidate), None, "a candidate of nothing");
        let foreign = Some("t2/e1/s1".to_owned());
        assert_eq!(Caller::new(&Claims { session: foreign, ..claims() }, Role::Candidate), None);
        assert_eq!(Caller::new(&Claims { sub: String::new(), ..claims() }, Role::Admin), None);
        let everybody = Claims { tenant: String::new(), ..claims() };
        assert_eq!(Caller::new(&everybody, Role::Admin), None);
    }

    #[test]
    fn ids_of_paths_are_names_of_sessions() {
        let session = session_of("t1:e7:s42").unwrap();
        assert_eq!((session.as_str(), url_id(&session).as_str()), ("t1/e7/s42", "t1:e7:s42"));
        assert_eq!(session_of("t1:e7"), None);
    }
}
