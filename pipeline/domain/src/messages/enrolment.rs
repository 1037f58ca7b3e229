//! `invigilator.enrolment.v1`: who is expected to sit an exam, as a sealed template. The last one of a session
//! counts; a tombstone forgets it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::SessionId;

/// Whoever is expected in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Enrolment {
    /// The session.
    pub session: SessionId,
    /// Id of the template, by which observations and scores name it: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    pub template: String,
    /// From when on nobody is compared with it any more, RFC 3339.
    pub expires_at: String,
    /// The template itself, which only those can read who have the tenant's key.
    pub sealed: SealedTemplate,
}

/// An embedding, encrypted with a key of the tenant by AES-256-GCM. Session, id, model and end of life are
/// authenticated with it: it opens as no other session's template, and for no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SealedTemplate {
    /// `name@version` of the model that made the embedding.
    pub model: String,
    /// Which of the tenant's keys.
    pub key_id: String,
    /// Nonce of 12 bytes, base64.
    pub nonce: String,
    /// Numbers of the embedding and the tag, base64.
    pub ciphertext: String,
}

/// Longest ciphertext, in characters: embeddings of 16,384 numbers.
const LONGEST_CIPHERTEXT: usize = 90_000;
/// Longest of the other texts.
const LONGEST: usize = 128;

impl Enrolment {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=64).contains(&self.template.len()) || !self.template.bytes().all(is_name) {
            return Err("the id of a template is 1 to 64 of A-Z a-z 0-9 . _ -");
        }
        let SealedTemplate { model, key_id, nonce, ciphertext } = &self.sealed;
        let texts = [&self.expires_at, model, key_id, nonce];
        if texts.iter().any(|text| text.len() > LONGEST) || ciphertext.len() > LONGEST_CIPHERTEXT {
            return Err("a text of an enrolment is too long");
        }
        Ok(())
    }
}
