//! `invigilator.enrolment.v1`: who is expected to sit an exam, as a sealed template, or as photos that a worker
//! makes one of. The last one of a session counts; a tombstone forgets it.

use std::fmt;

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
    /// What there is of the person.
    #[serde(flatten)]
    pub reference: Reference,
}

/// What there is of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// The template itself, which only those can read who have the key of the session or of the tenant.
    Sealed(SealedTemplate),
    /// Photos of the person. A worker that has the tenant's key replaces the record by one with a template.
    Photos(Vec<Photo>),
}

/// A photo of a person, JPEG or PNG.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Photo {
    /// In the record.
    Inline {
        /// Base64.
        inline: String,
    },
    /// Elsewhere, where workers may read media.
    Elsewhere {
        /// `file:`, `http:`, `https:` or `s3:`.
        uri: String,
        /// SHA-256 of its bytes, lower-case hex.
        sha256: String,
        /// How many bytes it has.
        size: u64,
    },
}

/// Tells where a photo is, never what it shows.
impl fmt::Debug for Photo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline { inline } => write!(out, "Photo({} characters)", inline.len()),
            Self::Elsewhere { uri, .. } => write!(out, "Photo({uri})"),
        }
    }
}

/// An embedding, encrypted by AES-256-GCM with the key of its session, or with a key of the tenant where sessions have
/// none. Session, id, model and end of life are authenticated with it: it opens as no other session's template, and for
/// no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SealedTemplate {
    /// `name@version` of the model that made the embedding.
    pub model: String,
    /// Which of the tenant's keys; `session`: the key of the session.
    pub key_id: String,
    /// Nonce of 12 bytes, base64.
    pub nonce: String,
    /// Numbers of the embedding and the tag, base64.
    pub ciphertext: String,
}

/// Longest ciphertext, in characters: embeddings of 16,384 numbers.
const LONGEST_CIPHERTEXT: usize = 90_000;
/// More say nothing new.
const MOST_PHOTOS: usize = 8;
/// Longest of the other texts.
const LONGEST: usize = 128;

impl Enrolment {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=64).contains(&self.template.len()) || !self.template.bytes().all(is_name) {
            return Err("the id of a template is 1 to 64 of A-Z a-z 0-9 . _ -");
        }
        let is_long = self.expires_at.len() > LONGEST
            || match &self.reference {
                Reference::Sealed(SealedTemplate { model, key_id, nonce, ciphertext }) => {
                    let texts = [model, key_id, nonce];
                    texts.iter().any(|text| text.len() > LONGEST) || ciphertext.len() > LONGEST_CIPHERTEXT
                }
                // The largest record bounds their sizes.
                Reference::Photos(photos) => !(1..=MOST_PHOTOS).contains(&photos.len()),
            };
        if is_long {
            Err("a text of an enrolment is too long, or there are not 1 to 8 photos")
        } else {
            Ok(())
        }
    }
}
