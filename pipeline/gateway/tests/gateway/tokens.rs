//! Promise: tokens are believed if the gateway's own secret or the identity provider's keys vouch for them, and no
//! trick makes one stand for the other.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway::GatewaySettings;
use gateway::auth::refresh::{KeySource, fetch};
use gateway::auth::{Claims, Role, Secret};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::support::{AUDIENCE, Gateway, SECRET, claims, in_an_hour, settings};

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn good() -> Value {
    json!({
        "sub": "p-1", "tenant": "t1", "roles": ["proctor", "something-else"], "exp": in_an_hour(),
        "iss": "https://issuer.test", "aud": ["other", AUDIENCE],
    })
}

fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let text = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
    let signature = base64(sign(text.as_bytes()));
    format!("{text}.{signature}")
}

/// An identity provider with a key of each kind.
struct Provider {
    ed: Ed25519KeyPair,
    ec: EcdsaKeyPair,
    rsa: NamedTempFile,
}

impl Provider {
    fn new() -> Self {
        let random = SystemRandom::new();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let rsa = NamedTempFile::new().unwrap();
        let arguments = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"];
        openssl(Command::new("openssl").args(arguments).arg(rsa.path()), b"");
        Self {
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random).unwrap(),
            rsa,
        }
    }

    fn rsa_modulus(&self) -> Vec<u8> {
        let arguments = ["rsa", "-noout", "-modulus", "-in"];
        let printed = openssl(Command::new("openssl").args(arguments).arg(self.rsa.path()), b"");
        let printed = String::from_utf8(printed).unwrap();
        let digits = printed.trim().split_once('=').unwrap().1.to_owned();
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    }

    fn key_set(&self) -> Value {
        let point = self.ec.public_key().as_ref();
        json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": base64(self.ed.public_key())},
            {"kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "x": base64(&point[1..33]),
             "y": base64(&point[33..])},
            {"kty": "RSA", "kid": "rsa", "alg": "RS256", "n": base64(self.rsa_modulus()), "e": "AQAB"},
            {"kty": "oct", "kid": "oct", "k": base64(SECRET)},
            {"kty": "RSA", "kid": "enc", "use": "enc", "n": base64(self.rsa_modulus()), "e": "AQAB"},
        ]})
    }

    fn ed(&self, claims: &Value) -> String {
        signed(&json!({"alg": "EdDSA", "kid": "ed"}), claims, |text| self.ed.sign(text).as_ref().to_vec())
    }

    fn ec(&self, claims: &Value) -> String {
        signed(&json!({"alg": "ES256", "kid": "ec"}), claims, |text| {
            self.ec.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec()
        })
    }

    fn rsa(&self, kid: &str, claims: &Value) -> String {
        signed(&json!({"alg": "RS256", "kid": kid}), claims, |text| {
            let sign = ["dgst", "-sha256", "-sign"];
            openssl(Command::new("openssl").args(sign).arg(self.rsa.path()), text)
        })
    }
}

fn openssl(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().expect("openssl is missing; run: make setup");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn status(gateway: &Gateway, token: &str) -> u16 {
    gateway.get("/v1/exams", token).status
}

#[test]
fn the_identity_providers_keys_vouch_for_its_tokens() {
    let (gateway, provider) = (Gateway::start(), Provider::new());
    assert_eq!(status(&gateway, &provider.ed(&good())), 401, "nobody vouches yet");
    assert_eq!(gateway.keys.replace(provider.key_set().to_string().as_bytes()).unwrap(), 3);
    for token in [provider.ed(&good()), provider.ec(&good()), provider.rsa("rsa", &good())] {
        assert_eq!(status(&gateway, &token), 200);
        // Of a signature that is changed in one bit nothing is left.
        let (text, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        bytes[7] ^= 1;
        assert_eq!(status(&gateway, &format!("{text}.{}", base64(bytes))), 401);
    }
    // A set without a key that can be used is a mistake: those who were trusted stay.
    for empty in [json!({"keys": []}), json!({"keys": [{"kty": "oct", "k": "AAAA"}]})] {
        assert_eq!(gateway.keys.replace(empty.to_string().as_bytes()).unwrap(), 0);
        assert_eq!(status(&gateway, &provider.ed(&good())), 200);
    }
    let other = Provider::new();
    assert_eq!(status(&gateway, &other.ed(&good())), 401);
    // Whoever is not trusted any more is out at once.
    gateway.keys.replace(other.key_set().to_string().as_bytes()).unwrap();
    assert_eq!(status(&gateway, &provider.ed(&good())), 401);
    assert_eq!(status(&gateway, &other.ed(&good())), 200);
}

#[test]
fn claims_that_are_wrong_or_missing_let_nobody_in() {
    let (gateway, provider) = (Gateway::start(), Provider::new());
    gateway.keys.replace(provider.key_set().to_string().as_bytes()).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let with = |name: &str, value: Value| {
        let mut claims = good();
        claims[name] = value;
        status(&gateway, &provider.ed(&claims))
    };
    assert_eq!(with("sub", json!("p-2")), 200);
    assert_eq!(with("exp", json!(now - 3_600)), 401);
    assert_eq!(with("nbf", json!(now + 3_600)), 401);
    assert_eq!(with("nbf", json!("soon")), 401);
    assert_eq!(with("iss", json!("https://elsewhere.test")), 401);
    assert_eq!(with("aud", json!("other")), 401);
    assert_eq!(with("tenant", json!("t1/e1")), 401);
    assert_eq!(with("tenant", json!("")), 401);
    assert_eq!(with("sub", json!("")), 401);
    assert_eq!(with("sub", json!("x".repeat(300))), 401);
    assert_eq!(with("roles", json!(["root"])), 403);
    for name in ["sub", "tenant", "roles", "exp", "iss", "aud"] {
        let mut claims = good();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(status(&gateway, &provider.ed(&claims)), 401, "without {name}");
    }
}

#[test]
fn no_key_stands_for_another() {
    let (gateway, provider) = (Gateway::start(), Provider::new());
    gateway.keys.replace(provider.key_set().to_string().as_bytes()).unwrap();
    let mac = |secret: &[u8], text: &[u8]| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        ring::hmac::sign(&key, text).as_ref().to_vec()
    };
    let own = json!({
        "sub": "p-1", "tenant": "t1", "roles": ["admin"], "exp": in_an_hour(), "iss": "invigilator-gateway",
        "aud": AUDIENCE,
    });
    let hs = json!({"alg": "HS256"});
    assert_eq!(status(&gateway, &signed(&hs, &own, |text| mac(SECRET.as_bytes(), text))), 200);
    // A public key as a secret.
    let modulus = provider.rsa_modulus();
    assert_eq!(status(&gateway, &signed(&hs, &own, |text| mac(&modulus, text))), 401);
    let kid = json!({"alg": "HS256", "kid": "rsa"});
    assert_eq!(status(&gateway, &signed(&kid, &good(), |text| mac(&modulus, text))), 401);
    // The secret for a token of the identity provider, and its keys for one of the gateway's own.
    assert_eq!(status(&gateway, &signed(&hs, &good(), |text| mac(SECRET.as_bytes(), text))), 401);
    assert_eq!(status(&gateway, &provider.ed(&own)), 401);
    // No signature, and keys that are not for signatures.
    for algorithm in ["none", "None", "HS384", "ES384", "PS256"] {
        assert_eq!(status(&gateway, &signed(&json!({"alg": algorithm}), &own, |_| Vec::new())), 401);
    }
    assert_eq!(status(&gateway, &provider.rsa("enc", &good())), 401);
    assert_eq!(status(&gateway, &provider.rsa("ec", &good())), 401);
}

#[test]
fn a_token_is_a_bearer_token_and_there_is_one() {
    let gateway = Gateway::start();
    let token = gateway.token(Role::Proctor, "t1");
    let with =
        |headers: &[&str]| gateway.ask(&crate::support::request("GET", "/v1/exams", "", headers, b"")).status;
    let (bearer, basic) = (format!("authorization: bearer {token}"), format!("authorization: Basic {token}"));
    assert_eq!(with(&[&bearer]), 200);
    assert_eq!(with(&[&basic]), 401);
    assert_eq!(with(&[&bearer, &bearer]), 401);
    assert_eq!(with(&["authorization: Bearer"]), 401);
    assert_eq!(with(&[&format!("authorization: Bearer {}", "x".repeat(9_000))]), 401);
    assert_eq!(gateway.get(&format!("/v1/exams?token={token}"), "").status, 401, "addresses are logged");
}

#[test]
fn a_secret_can_be_replaced_while_its_tokens_are_in_use() {
    let gateway = Gateway::start();
    let old = gateway.token(Role::Proctor, "t1");
    let both = Secret::parse(&format!("{}\n{SECRET}\n", "n".repeat(32))).unwrap();
    let keys = gateway::auth::Keys::new(both, settings().trust);
    assert!(keys.verify(&old).is_ok());
    let new = keys.sign(&claims(Role::Proctor, "t1"));
    assert!(keys.verify(&new).is_ok());
    assert!(gateway.keys.verify(&new).is_err());
    assert!(Secret::parse("short").is_err() && Secret::parse("\n").is_err());
    assert!(!format!("{keys:?}").contains(SECRET));
}

#[test]
fn keys_are_read_from_a_file_and_what_is_none_changes_nothing() {
    let provider = Provider::new();
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), provider.key_set().to_string()).unwrap();
    let source = KeySource::File(file.path().to_owned());
    let gateway = Gateway::with(GatewaySettings { key_source: Some(source.clone()), ..settings() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(fetch(&source, &gateway.keys)).unwrap(), 3);
    assert_eq!(status(&gateway, &provider.ed(&good())), 200);
    std::fs::write(file.path(), "no keys").unwrap();
    assert!(runtime.block_on(fetch(&source, &gateway.keys)).is_err());
    assert_eq!(status(&gateway, &provider.ed(&good())), 200);
    let of_candidate = Claims { session: Some("t1/e1/s1".to_owned()), ..claims(Role::Candidate, "t1") };
    assert_eq!(status(&gateway, &gateway.keys.sign(&of_candidate)), 403);
}
