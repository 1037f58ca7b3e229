//! Secrets of webhooks, and what is signed with them, as the specification "Standard Webhooks" has it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// How secrets are told from other texts.
const PREFIX: &str = "whsec_";
/// Bytes that a secret may have.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// The secret that a subscriber shares with us.
#[derive(Clone)]
pub struct WebhookSecret(hmac::Key);

/// A text that is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("holds no secret: it is `{PREFIX}` and 24 to 64 bytes in base64")]
pub struct SecretError;

impl WebhookSecret {
    /// Reads a secret; white space around it does not matter.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(SecretError)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SecretError)?;
        if !LENGTHS.contains(&bytes.len()) {
            return Err(SecretError);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The header `webhook-signature`. `at_s` is the header `webhook-timestamp`, in seconds since 1970: receivers refuse
    /// old ones, so each attempt is signed anew.
    pub fn sign(&self, id: &str, at_s: u64, body: &[u8]) -> String {
        let signed = [format!("{id}.{at_s}.").as_bytes(), body].concat();
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.0, &signed)))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("WebhookSecret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_specification() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let signature =
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(format!("{secret:?}"), "WebhookSecret");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let short = format!("whsec_{}", STANDARD.encode([7; 23]));
        for text in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_?", &short] {
            assert_eq!(WebhookSecret::parse(text).err(), Some(SecretError), "{text}");
        }
    }
}
