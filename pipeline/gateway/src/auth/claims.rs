//! What a token says about its bearer. Claims that are not listed here are ignored.

use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize};

use crate::clock;

/// What somebody may do, in the order of what is looked for in a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Uploads video of one session, their own.
    Candidate,
    /// Watches sessions.
    Proctor,
    /// Decides about incidents.
    Reviewer,
    /// Reads the audit log.
    Admin,
    /// The back end of an exam client: creates and ends sessions.
    Service,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Candidate, Self::Proctor, Self::Reviewer, Self::Admin, Self::Service];

    /// As in tokens and in the audit log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Proctor => "proctor",
            Self::Reviewer => "reviewer",
            Self::Admin => "admin",
            Self::Service => "service",
        }
    }
}

/// The claims of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who, as an opaque id.
    pub sub: String,
    /// The institution: all that the bearer ever sees lies in it.
    pub tenant: String,
    /// What they may do; roles of other systems are ignored.
    #[serde(deserialize_with = "known_roles")]
    pub roles: Vec<Role>,
    /// Exams that this is restricted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exams: Option<Vec<String>>,
    /// The session of a candidate, `tenant/exam/session`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Until when a candidate's token may be exchanged for a new one, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_until: Option<u64>,
    /// When the session of a candidate was created, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<u64>,
    /// When it expires, in seconds since 1970.
    pub exp: u64,
    /// Who issued it.
    #[serde(default)]
    pub iss: String,
    /// For whom: read by the library, which takes one text or a list.
    #[serde(default, skip_deserializing)]
    pub aud: String,
}

impl Claims {
    /// What somebody may do in all of a tenant, until a time in seconds since 1970. Issuer and audience are the signer's.
    pub fn new(sub: String, tenant: String, roles: Vec<Role>, exp: u64) -> Self {
        Self {
            sub,
            tenant,
            roles,
            exams: None,
            session: None,
            renew_until: None,
            created: None,
            exp,
            iss: String::new(),
            aud: String::new(),
        }
    }

    /// When the token expires, RFC 3339.
    pub fn expires_at(&self) -> String {
        clock::rfc3339(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(self.exp))
    }
}

fn known_roles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Role>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    Ok(Role::ALL.into_iter().filter(|role| names.iter().any(|name| name == role.name())).collect())
}
