//! Whoever issues tokens: keys, the list of keys that a broker trusts, and signed tokens, all by `openssl`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Signs tokens with a key of its own.
pub struct Issuer {
    key: PathBuf,
}

impl Issuer {
    /// Makes a key, in a folder.
    pub fn new(folder: &Path, name: &str) -> Self {
        let key = folder.join(format!("{name}.key"));
        let arguments = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"];
        openssl(Command::new("openssl").args(arguments).arg(&key), b"");
        Self { key }
    }

    /// The public key, as a list of one (RFC 7517).
    pub fn key_set(&self) -> String {
        let printed =
            openssl(Command::new("openssl").args(["rsa", "-noout", "-modulus", "-in"]).arg(&self.key), b"");
        let printed = String::from_utf8(printed).unwrap();
        let (_, digits) = printed.trim().split_once('=').expect("Modulus=...");
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        let modulus: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
        let modulus = URL_SAFE_NO_PAD.encode(modulus);
        format!(
            r#"{{"keys":[{{"kty":"RSA","use":"sig","alg":"RS256","kid":"1","n":"{modulus}","e":"AQAB"}}]}}"#
        )
    }

    /// A token for a principal, which expires after a while: at the end of a second.
    pub fn token(&self, principal: &str, life: Duration) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let expires = now + life.as_secs();
        let claims = format!(r#"{{"sub":"{principal}","aud":"kafka","iat":{now},"exp":{expires}}}"#);
        let [header, claims] =
            [r#"{"alg":"RS256","kid":"1"}"#, &claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        let signed = format!("{header}.{claims}");
        let mut sign = Command::new("openssl");
        let signature = openssl(sign.args(["dgst", "-sha256", "-sign"]).arg(&self.key), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Runs a command of `openssl` with an input; what it prints.
fn openssl(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().expect("openssl is missing; run: make setup");
    child.stdin.take().expect("it is a pipe").write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
