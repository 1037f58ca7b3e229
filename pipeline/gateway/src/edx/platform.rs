//! Platforms that the operator knows, and the ids of their exams and attempts.
//!
//! An exam's id is made of the platform's name and of what the platform calls the exam, so it is the same whenever it is
//! asked for. An attempt's is the name of its session, which nobody can guess. Platforms take letters, digits, `-` and
//! `_` in ids.

use std::fmt;

use domain::ids::SessionId;
use domain::messages::canonical::sha256_hex;
use ring::hmac;

/// How the ids of all exams of platforms begin.
const PREFIX: &str = "edx";
/// Digits of an id that stand for what the platform calls an exam.
const DIGITS: usize = 24;

/// An Open edX platform.
#[derive(Clone)]
pub struct Platform {
    /// Its name, and the `client_id` by which it asks here.
    pub name: String,
    /// Whose sessions its attempts are.
    pub tenant: String,
    /// Id of the policy that they are judged by; the gateway's default if there is none.
    pub policy: Option<String>,
    /// Where candidates and staff find this gateway, without a slash at the end.
    pub public_url: String,
    /// The `client_secret` by which it asks here.
    pub secret: String,
}

impl Platform {
    /// The id of an exam.
    pub fn exam_id(&self, course: &str, content: &str) -> String {
        let mut digits = sha256_hex(format!("{course}\n{content}").as_bytes());
        digits.truncate(DIGITS);
        format!("{}{digits}", self.exam_prefix())
    }

    /// Whether an exam is one of this platform's.
    pub fn owns(&self, exam: &str) -> bool {
        let digits = exam.strip_prefix(&self.exam_prefix());
        digits.is_some_and(|digits| {
            digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }

    /// The session of an attempt; `None` if there can be no such attempt of this platform.
    pub fn session(&self, exam: &str, attempt: &str) -> Option<SessionId> {
        SessionId::new(&self.tenant, exam, attempt).ok().filter(|session| self.owns(session.exam()))
    }

    /// Whether a secret is the platform's. Takes equally long for all that are not.
    pub fn knows(&self, secret: &str) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, PREFIX.as_bytes());
        let expected = hmac::sign(&key, self.secret.as_bytes());
        hmac::verify(&key, secret.as_bytes(), expected.as_ref()).is_ok()
    }

    fn exam_prefix(&self) -> String {
        format!("{PREFIX}-{}-", self.name)
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Platform").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(name: &str) -> Platform {
        Platform {
            name: name.to_owned(),
            tenant: "t1".to_owned(),
            policy: None,
            public_url: String::new(),
            secret: "hunter2".to_owned(),
        }
    }

    #[test]
    fn ids_name_their_platform_and_are_the_same_each_time() {
        let campus = platform("campus");
        let exam = campus.exam_id("uni/course/run", "midterm");
        assert_eq!(exam, campus.exam_id("uni/course/run", "midterm"));
        assert_ne!(exam, campus.exam_id("uni/course/run", "final"));
        assert!(campus.owns(&exam) && !platform("campus-b").owns(&exam) && !platform("camp").owns(&exam));
        assert!(exam.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{exam}");
        assert_eq!(campus.session(&exam, "a1").unwrap().as_str(), format!("t1/{exam}/a1"));
        assert_eq!(campus.session("midterm", "a1"), None, "an exam that is none of its");
        assert_eq!(campus.session(&exam, "a/1"), None);
    }

    #[test]
    fn secrets_are_compared_and_never_shown() {
        let campus = platform("campus");
        assert!(campus.knows("hunter2") && !campus.knows("hunter") && !campus.knows(""));
        assert!(!format!("{campus:?}").contains("hunter2"));
    }
}
