//! Tokens for SASL/OAUTHBEARER, from a file that somebody else keeps fresh: Kubernetes projects the token
//! of a service account into one, side-cars of identity providers renew theirs in one.
//!
//! Whom a token speaks for, and until when, is read from it, because the library wants to know; whether it
//! is genuine is the brokers' to say. Nothing of a token but that is in an error or in the log.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::error::KafkaError;

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot be read: {problem}")]
    Unreadable {
        /// What the system says.
        problem: String,
    },
    /// What the file holds is no JWT, or lacks a claim.
    #[error("is of no use: {problem}")]
    Malformed {
        /// What is wrong with it; never quotes it.
        problem: &'static str,
    },
    /// Nobody has renewed it.
    #[error("expired {} s ago", .since.as_secs())]
    Expired {
        /// How long ago.
        since: Duration,
    },
}

/// A token that has not expired.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub text: String,
    pub principal: String,
    /// Since 1970.
    pub expires: Duration,
}

/// The file that a client takes its tokens from.
pub(crate) struct TokenFile {
    path: PathBuf,
    /// The last one that was good.
    last: Mutex<Option<Token>>,
}

impl TokenFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, last: Mutex::default() }
    }

    /// The token that the file holds now. If that is of no use, for example because the file is just being
    /// written, the one that it held before, as long as that lives.
    pub(crate) fn token(&self) -> Result<Token, KafkaError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match self.read(now) {
            Ok(token) => Ok(last.insert(token).clone()),
            Err(problem) => {
                let error = KafkaError::Token { file: self.path.clone(), problem };
                let last = last.as_ref().filter(|last| last.expires > now).ok_or_else(|| error.clone())?;
                let left_s = (last.expires - now).as_secs();
                tracing::warn!(%error, left_s, "the token is not renewed: the last one is used on");
                Ok(last.clone())
            }
        }
    }

    fn read(&self, now: Duration) -> Result<Token, TokenError> {
        let text = std::fs::read_to_string(&self.path)
            .map_err(|error| TokenError::Unreadable { problem: error.to_string() })?;
        parse(text.trim(), now)
    }
}

/// What this program needs to know of what a token says.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// In seconds since 1970, which may have a fraction.
    exp: f64,
}

fn parse(text: &str, now: Duration) -> Result<Token, TokenError> {
    let malformed = |problem| TokenError::Malformed { problem };
    // The library would quote a token with other characters in an error.
    let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter);
    let parts: Vec<&str> = text.split('.').collect();
    let ([_, payload, _], true) = (parts.as_slice(), text.bytes().all(is_plain)) else {
        return Err(malformed("not a signed JWT"));
    };
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| malformed("its payload is not base64url"))?;
    // What the parser says may quote what it read.
    let claims: Claims = serde_json::from_slice(&payload)
        .map_err(|_| malformed("its payload has no text `sub` and number `exp`"))?;
    if claims.sub.is_empty() || claims.sub.contains('\0') {
        return Err(malformed("its `sub` is no name"));
    }
    let expires = Duration::try_from_secs_f64(claims.exp).map_err(|_| malformed("its `exp` is no time"))?;
    match now.checked_sub(expires) {
        Some(since) => Err(TokenError::Expired { since }),
        None => Ok(Token { text: text.to_owned(), principal: claims.sub, expires }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn jwt(payload: &str) -> String {
        format!("e30.{}.c2VjcmV0", URL_SAFE_NO_PAD.encode(payload))
    }

    fn far_from_now() -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(3600)
    }

    #[test]
    fn a_token_says_whom_it_speaks_for_and_until_when() {
        let text = jwt(r#"{"exp":1000.25,"aud":["kafka"],"sub":"system:serviceaccount:exam:observe"}"#);
        let token = parse(&text, NOW).ok().unwrap();
        assert_eq!(token.principal, "system:serviceaccount:exam:observe");
        assert_eq!(token.expires, Duration::from_millis(1_000_250));
        assert_eq!(token.text, text);
    }

    #[test]
    fn what_is_no_token_is_refused_and_not_quoted() {
        let malformed = [
            String::new(),
            "hunter2".to_owned(),
            "e30.hunter2.".to_owned(),
            jwt(r#"{"sub":"hunter2"}"#),
            jwt(r#"{"sub":"hunter2","exp":"hunter2"}"#),
            jwt(r#"{"sub":"","exp":2000}"#),
            jwt(r#"{"sub":"hunter2\u0000","exp":2000}"#),
            jwt(r#"{"sub":"hunter2","exp":-1}"#),
            jwt(r#"{"sub":"hunter2","exp":2000}"#) + "\u{7}",
            jwt(r#"{"sub":"hunter2","exp":2000}"#) + ".more",
        ];
        for text in malformed {
            let problem = parse(&text, NOW).err().unwrap();
            assert!(matches!(problem, TokenError::Malformed { .. }), "{text}: {problem}");
            assert!(!problem.to_string().contains("hunter2"), "{problem}");
        }
        let expired = parse(&jwt(r#"{"sub":"hunter2","exp":940}"#), NOW).err().unwrap();
        assert_eq!(expired, TokenError::Expired { since: Duration::from_secs(60) });
    }

    #[test]
    fn a_renewed_token_is_taken_and_a_broken_one_is_not_while_the_last_one_lives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let file = TokenFile::new(path.clone());
        let missing = file.token().err().unwrap();
        assert_eq!(missing.reason(), "token");
        assert!(missing.is_refusal() && missing.to_string().contains(path.to_str().unwrap()), "{missing}");
        let later = far_from_now().as_secs();
        for name in ["first", "second"] {
            fs::write(&path, jwt(&format!(r#"{{"sub":"{name}","exp":{later}}}"#)) + "\n").unwrap();
            assert_eq!(file.token().ok().unwrap().principal, name);
        }
        fs::write(&path, "half a tok").unwrap();
        assert_eq!(file.token().ok().unwrap().principal, "second");
        file.last.lock().unwrap().as_mut().unwrap().expires = NOW;
        assert_eq!(file.token().err().unwrap().reason(), "token");
    }
}
