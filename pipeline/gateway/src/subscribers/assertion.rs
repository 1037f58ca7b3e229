//! Proof of who we are by a key of our own (RFC 7523, as the IMS Security Framework asks of tools): a token that we sign
//! by RS256, good for one request.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use super::client::TellError;
use crate::{clock, random};

/// What such a proof is called in a form.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long it is good.
const LIFE_S: u64 = 60;

/// A private key, and the name by which the platform knows its other half.
#[derive(Clone)]
pub struct AssertionKey {
    id: String,
    pair: Arc<RsaKeyPair>,
}

/// A file that holds no such key. Nothing of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("holds no RSA key of at least 2048 bits in PEM (PKCS #8)")]
pub struct KeyError;

impl AssertionKey {
    /// Reads a key.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(id: &str, pem: &str) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError)?;
        let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| KeyError)?;
        Ok(Self { id: id.to_owned(), pair: Arc::new(pair) })
    }

    /// A proof for whoever hands out tokens at an address.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn sign(&self, client_id: &str, token_url: &str) -> Result<String, TellError> {
        let unsigned = || TellError::Unreachable("there are no random numbers".to_owned());
        let now = clock::now_s();
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.id });
        let claims = json!({
            "iss": client_id, "sub": client_id, "aud": token_url,
            "iat": now, "exp": now + LIFE_S, "jti": random::name().map_err(|_| unsigned())?,
        });
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| unsigned())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl fmt::Debug for AssertionKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AssertionKey").field("id", &self.id).finish_non_exhaustive()
    }
}
