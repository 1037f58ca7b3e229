//! Names of sessions and deterministic ids of incidents.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The root of all ids this system derives (UUIDv5 of the DNS namespace and `invigilator.score`).
const NAMESPACE: Uuid = Uuid::from_u128(0x96fa_edd5_6833_5f5a_8cc7_7b10_ba77_f673);

/// A session as `tenant/exam/session`; also the key of its records.
///
/// Each part is 1 to 128 of `A-Z a-z 0-9 . _ -`: parts end up in topics' keys, URLs and file names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct SessionId {
    text: String,
    tenant_end: usize,
    exam_end: usize,
}

/// A text that is no session id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a session is named `tenant/exam/session`, each part 1 to 128 of A-Z a-z 0-9 . _ -; got `{0}`")]
pub struct SessionIdError(String);

impl SessionId {
    /// Joins the three parts.
    ///
    /// # Errors
    /// If a part is empty, too long or has other characters.
    pub fn new(tenant: &str, exam: &str, session: &str) -> Result<Self, SessionIdError> {
        format!("{tenant}/{exam}/{session}").parse()
    }

    /// The institution.
    pub fn tenant(&self) -> &str {
        &self.text[..self.tenant_end]
    }

    /// The exam within the tenant.
    pub fn exam(&self) -> &str {
        &self.text[self.tenant_end + 1..self.exam_end]
    }

    /// The whole name, `tenant/exam/session`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// An id that is the same on every machine and every replay: a UUIDv5 of what it names.
    pub fn derive(&self, what: &str) -> Uuid {
        Uuid::new_v5(&NAMESPACE, format!("{}\n{what}", self.text).as_bytes())
    }
}

impl FromStr for SessionId {
    type Err = SessionIdError;

    fn from_str(text: &str) -> Result<Self, SessionIdError> {
        let is_part = |part: &&str| {
            (1..=128).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        let parts: Vec<&str> = text.split('/').collect();
        if parts.len() != 3 || !parts.iter().all(is_part) {
            return Err(SessionIdError(text.chars().take(400).collect()));
        }
        let tenant_end = parts[0].len();
        Ok(Self { text: text.to_owned(), tenant_end, exam_end: tenant_end + 1 + parts[1].len() })
    }
}

impl TryFrom<String> for SessionId {
    type Error = SessionIdError;
    fn try_from(text: String) -> Result<Self, SessionIdError> {
        text.parse()
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.text
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_again() {
        let id: SessionId = "t1/e7/s42".parse().unwrap();
        assert_eq!((id.tenant(), id.exam(), id.as_str()), ("t1", "e7", "t1/e7/s42"));
    }

    #[test]
    fn names_that_would_break_keys_or_paths_are_refused() {
        let long = format!("t/e/{}", "x".repeat(129));
        for bad in ["", "t", "t/e", "t/e/s/x", "t//s", "t/e/s s", "t/e/sé", long.as_str()] {
            assert!(bad.parse::<SessionId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn derived_ids_depend_on_session_and_subject_alone() {
        let id = |name: &str| name.parse::<SessionId>().unwrap();
        assert_eq!(id("t/e/s").derive("x"), id("t/e/s").derive("x"));
        assert_ne!(id("t/e/s").derive("x"), id("t/e/s2").derive("x"));
        assert_ne!(id("t/e/s").derive("x"), id("t/e/s").derive("y"));
    }
}
