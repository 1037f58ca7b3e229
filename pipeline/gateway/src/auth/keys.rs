//! Whom to believe. Tokens signed by the gateway's own secret (HS256) and tokens signed by an identity provider
//! (RS256, ES256, EdDSA) are told apart by their algorithm, each with its own issuer: a public key can never stand
//! for the secret.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};

use super::claims::Claims;
use super::crypto;
use crate::random;

/// Issuer of the gateway's own tokens.
pub const OWN_ISSUER: &str = "invigilator-gateway";
/// How far clocks of issuers may be off.
const LEEWAY_S: u64 = 30;
/// Of a longer token nothing is looked at.
const LONGEST_TOKEN: usize = 8_192;
/// Identity providers have a handful.
const MOST_KEYS: usize = 64;
/// As long as the output of the hash, as RFC 7518 asks.
const SHORTEST_SECRET: usize = 32;

/// A token that is not believed. Why is told to nobody but the log, at level debug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is not accepted: {reason}")]
pub struct Denied {
    /// A stable word.
    pub reason: &'static str,
    /// A key that is not known may be a new one.
    pub is_key_unknown: bool,
}

/// Secrets of the gateway's own tokens: the first one signs, all of them vouch, so that one can be replaced.
#[derive(Clone)]
pub struct Secret {
    signs: EncodingKey,
    vouch: Vec<DecodingKey>,
}

/// A file of secrets that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("holds one secret a line, each of at least {SHORTEST_SECRET} characters, and at least one")]
pub struct SecretError;

impl Secret {
    /// Reads secrets, one a line.
    ///
    /// # Errors
    /// If there is none, or one is too short.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        crypto::prepare();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.is_empty() || lines.iter().any(|line| line.len() < SHORTEST_SECRET) {
            return Err(SecretError);
        }
        let signs = EncodingKey::from_secret(lines[0].as_bytes()).map_err(|_| SecretError)?;
        let vouch = lines.iter().map(|line| DecodingKey::from_secret(line.as_bytes()));
        Ok(Self { signs, vouch: vouch.collect::<Result<_, _>>().map_err(|_| SecretError)? })
    }

    /// One that nobody has seen.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn random() -> Result<Self, SecretError> {
        let halves = [random::name(), random::name()].map(|half| half.map_err(|_| SecretError));
        let [one, other] = halves;
        Self::parse(&format!("{}{}", one?, other?))
    }

    /// A token that says this.
    pub fn sign(&self, claims: &Claims, audience: &str) -> String {
        let claims = Claims { iss: OWN_ISSUER.to_owned(), aud: audience.to_owned(), ..claims.clone() };
        encode(&Header::new(Algorithm::HS256), &claims, &self.signs)
            .expect("claims are texts and numbers, and HS256 signs. This is a bug.")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret")
    }
}

/// Whom to believe besides the gateway itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// For whom tokens must be meant.
    pub audience: String,
    /// The identity provider.
    pub issuer: Option<String>,
}

/// One key of an identity provider.
#[derive(Clone)]
struct ForeignKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// All keys.
pub struct Keys {
    secret: Secret,
    trust: Trust,
    foreign: RwLock<Arc<Vec<ForeignKey>>>,
}

impl Keys {
    /// The gateway's own, and none of an identity provider yet.
    pub fn new(secret: Secret, trust: Trust) -> Self {
        Self { secret, trust, foreign: RwLock::default() }
    }

    /// Signs a token of the gateway.
    pub fn sign(&self, claims: &Claims) -> String {
        self.secret.sign(claims, &self.trust.audience)
    }

    /// Believes in these keys from now on, and in no other. Returns how many of them can be used: where that is none,
    /// nothing changes.
    ///
    /// # Errors
    /// If the text is no key set.
    pub fn replace(&self, jwks: &[u8]) -> Result<usize, serde_json::Error> {
        let set: JwkSet = serde_json::from_slice(jwks)?;
        let keys: Vec<ForeignKey> = set.keys.iter().filter_map(usable).take(MOST_KEYS).collect();
        let count = keys.len();
        if count > 0 {
            *self.foreign.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        }
        Ok(count)
    }

    /// What a token says, if it is to be believed.
    ///
    /// # Errors
    /// If it is not.
    pub fn verify(&self, token: &str) -> Result<Claims, Denied> {
        let denied = |reason| Denied { reason, is_key_unknown: false };
        if token.len() > LONGEST_TOKEN {
            return Err(denied("too_long"));
        }
        let header = decode_header(token).map_err(|_| denied("malformed"))?;
        if header.alg == Algorithm::HS256 {
            return self.first_good(token, Algorithm::HS256, OWN_ISSUER, self.secret.vouch.iter());
        }
        let issuer = self.trust.issuer.as_deref().ok_or(denied("no_issuer"))?;
        let keys = Arc::clone(&self.foreign.read().unwrap_or_else(PoisonError::into_inner));
        let fits = |key: &&ForeignKey| {
            key.algorithm == header.alg && (header.kid.is_none() || key.id.is_none() || key.id == header.kid)
        };
        let mut fitting = keys.iter().filter(fits).peekable();
        if fitting.peek().is_none() {
            return Err(Denied { reason: "unknown_key", is_key_unknown: true });
        }
        self.first_good(token, header.alg, issuer, fitting.map(|key| &key.key))
    }

    fn first_good<'a>(
        &self,
        token: &str,
        algorithm: Algorithm,
        issuer: &str,
        keys: impl Iterator<Item = &'a DecodingKey>,
    ) -> Result<Claims, Denied> {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        validation.set_audience(&[&self.trust.audience]);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let mut last = Denied { reason: "unknown_key", is_key_unknown: true };
        for key in keys {
            match decode::<Claims>(token, key, &validation) {
                Ok(data) => return Ok(data.claims),
                Err(error) => last = Denied { reason: reason(&error), is_key_unknown: false },
            }
        }
        Err(last)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Keys").field("trust", &self.trust).finish_non_exhaustive()
    }
}

/// A key that signatures can be checked with. Symmetric keys have no place in a published set.
fn usable(jwk: &Jwk) -> Option<ForeignKey> {
    if jwk.common.public_key_use == Some(PublicKeyUse::Encryption) {
        return None;
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        _ => return None,
    };
    let stated = jwk.common.key_algorithm.map(|stated| stated.to_string());
    if stated.is_some_and(|stated| stated != format!("{algorithm:?}")) {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some(ForeignKey { id: jwk.common.key_id.clone(), algorithm, key })
}

fn reason(error: &jsonwebtoken::errors::Error) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::ExpiredSignature => "expired",
        ErrorKind::ImmatureSignature => "not_yet_valid",
        ErrorKind::InvalidIssuer => "wrong_issuer",
        ErrorKind::InvalidAudience => "wrong_audience",
        ErrorKind::InvalidSignature => "wrong_signature",
        ErrorKind::MissingRequiredClaim(_) => "missing_claim",
        _ => "malformed",
    }
}
