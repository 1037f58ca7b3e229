//! Promise: a platform with an LTI Assessment Control Service gets a flag for each incident of its attempts, with proof
//! of who sends it, and nothing else: no pause, no end, and nothing of sessions that are not its.
//!
//! No such platform can be installed, so the peer is a small server that checks what the specifications ask for: LTI
//! Proctoring Services 1.0 (Assessment Control Service) and the IMS Security Framework 1.1 (client credentials with a
//! signed assertion). Signatures are checked by `openssl`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::messages::IncidentState::{Closed, Open};
use domain::messages::{Incident, IncidentClass};
use reqwest::Url;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::receiver::{Answer, Receiver, Request};
use super::{Results, incident};
use crate::exam::Exam;
use crate::gateway::{Gateway, wait_until};

const MEDIA_TYPE: &str = "application/vnd.ims.lti-ap.v1.control+json";

/// A platform, as far as its tools see it.
struct Platform {
    folder: TempDir,
    /// Its own address, which proofs must be for.
    token_url: Mutex<String>,
    proofs: Mutex<BTreeSet<String>>,
    tokens: Mutex<usize>,
}

impl Platform {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let key = folder.path().join("key.pem");
        openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"], &[&key]);
        let public = folder.path().join("public.pem");
        openssl(&["pkey", "-pubout", "-out"], &[&public, Path::new("-in"), &key]);
        Self { folder, token_url: Mutex::default(), proofs: Mutex::default(), tokens: Mutex::default() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn answer(&self, request: &Request) -> Answer {
        assert_eq!(request.method, "POST");
        match request.path.as_str() {
            "/token" => self.hand_out(request),
            "/acs" => self.control(request),
            path => panic!("there is nothing at {path}"),
        }
    }

    /// A token for whoever proves who they are.
    fn hand_out(&self, request: &Request) -> Answer {
        assert_eq!(request.header("content-type"), "application/x-www-form-urlencoded");
        let form = Url::parse(&format!("form:/?{}", String::from_utf8_lossy(&request.body))).unwrap();
        let field = |name: &str| form.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        assert_eq!(field("grant_type"), "client_credentials");
        assert_eq!(field("client_assertion_type"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        assert_eq!(field("scope"), "https://purl.imsglobal.org/spec/lti-ap/scope/control.all");
        let proof = field("client_assertion");
        let (signed, signature) = proof.rsplit_once('.').unwrap();
        self.assert_signed(signed, &URL_SAFE_NO_PAD.decode(signature).unwrap());
        let [header, claims] = [0, 1].map(|part| -> Value {
            let bytes = URL_SAFE_NO_PAD.decode(signed.split('.').nth(part).unwrap()).unwrap();
            serde_json::from_slice(&bytes).unwrap()
        });
        assert_eq!((&header["alg"], &header["kid"]), (&json!("RS256"), &json!("key-1")));
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("tool-7"), &json!("tool-7")));
        assert_eq!(claims["aud"], *self.token_url.lock().unwrap());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let (from, until) = (claims["iat"].as_u64().unwrap(), claims["exp"].as_u64().unwrap());
        assert!(from <= now + 5 && now < until && until <= now + 300, "{claims}");
        let id = claims["jti"].as_str().unwrap().to_owned();
        assert!(self.proofs.lock().unwrap().insert(id), "each proof is good once");
        let mut tokens = self.tokens.lock().unwrap();
        *tokens += 1;
        let token =
            json!({"access_token": format!("token-{tokens}"), "token_type": "Bearer", "expires_in": 3600});
        (200, token.to_string())
    }

    fn assert_signed(&self, signed: &str, signature: &[u8]) {
        std::fs::write(self.file("signed"), signed).unwrap();
        std::fs::write(self.file("signature"), signature).unwrap();
        let (public, signed) = (self.file("public.pem"), self.file("signed"));
        let signature = self.file("signature");
        openssl(&["dgst", "-sha256", "-verify"], &[&public, Path::new("-signature"), &signature, &signed]);
    }

    /// What a tool may ask for.
    fn control(&self, request: &Request) -> Answer {
        // The first token is taken away, as platforms may.
        if request.header("authorization") != "Bearer token-2" {
            return (401, String::new());
        }
        assert_eq!(request.header("content-type"), MEDIA_TYPE);
        let body = request.json();
        let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        assert!(
            text(&body["user"]["iss"]) && text(&body["user"]["sub"]) && text(&body["resource_link"]["id"])
        );
        assert!(body["attempt_number"].as_u64().unwrap() >= 1);
        assert!((0.0..=1.0).contains(&body["incident_severity"].as_f64().unwrap()));
        humantime::parse_rfc3339(body["incident_time"].as_str().unwrap()).unwrap();
        (200, json!({"status": "running"}).to_string())
    }
}

fn openssl(arguments: &[&str], files: &[&Path]) {
    let output = Command::new("openssl").args(arguments).args(files).output();
    let output = output.expect("openssl is missing; run: make setup");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_platform_gets_flags_of_its_attempts_and_nothing_else() {
    let exam = Exam::new("lti");
    exam.create_topics();
    let platform = Arc::new(Platform::new());
    let server = Receiver::start({
        let platform = Arc::clone(&platform);
        move |request| platform.answer(request)
    });
    *platform.token_url.lock().unwrap() = server.url("/token");
    let file = format!(
        "[[lti]]\nname = \"campus\"\ntenant = \"t1\"\nissuer = \"https://lms.example\"\nurl = \"{}\"\n\
         token_url = \"{}\"\nclient_id = \"tool-7\"\nkey_file = \"key.pem\"\nkey_id = \"key-1\"\n",
        server.url("/acs"),
        server.url("/token"),
    );
    let key = std::fs::read_to_string(platform.file("key.pem")).unwrap();
    let gateway = Gateway::telling(&exam, &file, &[("key.pem", &key)]);
    let service = gateway.token("service");
    let create = |name: &str, attempt: Value| {
        let new = json!({"exam": "e1", "name": name, "attempt": attempt});
        gateway.post("/v1/sessions", &service, &new).0
    };
    let attempt = |platform: &str| json!({"platform": platform, "user": "0ae4", "resource_link": "exam-7", "attempt_number": 2});
    assert_eq!(create("linked", attempt("campus")), 201);
    assert_eq!(create("free", Value::Null), 201);
    assert_eq!(create("elsewhere", attempt("nowhere")), 422);

    let results = Results::of(&exam);
    let (linked, free) = ("t1/e1/linked", "t1/e1/free");
    results.incident(free, 0, Open);
    results.incident(free, 1, Closed);
    results.incident(linked, 0, Open);
    results.incident(linked, 1, Closed);
    let unseen =
        Incident { class: IncidentClass::Coverage, state: Closed, counts: false, ..incident(linked) };
    let incident_id = unseen.session.derive("camera covered");
    results.write(exam.topics.incidents(), &Incident { incident_id, ..unseen });
    // The last one says that everything before it has been told.
    let incident_id = incident(linked).session.derive("another second person");
    let last = Incident { incident_id, rev: 7, state: Closed, ..incident(linked) };
    results.write(exam.topics.incidents(), &last);
    let flags = |taken: &[Request]| -> Vec<Value> {
        taken.iter().filter(|request| request.path == "/acs").map(Request::json).collect()
    };
    let flags = flags(&server.wait_until(|taken| flags(taken).len() >= 2));
    assert_eq!(flags.len(), 2, "{flags:?}");
    for flag in &flags {
        assert_eq!(
            (&flag["action"], &flag["reason_code"], &flag["user"], &flag["attempt_number"]),
            (
                &json!("flag"),
                &json!("multiple_persons"),
                &json!({"iss": "https://lms.example", "sub": "0ae4"}),
                &json!(2)
            )
        );
        assert_eq!(flag["resource_link"]["id"], "exam-7");
        assert!(flag["reason_msg"].as_str().unwrap().starts_with("Two persons were visible"));
    }
    wait_until("that a token was taken away is counted", || {
        let failed = "invigilator_gateway_told_total{outcome=\"failed\",subscriber=\"campus\"}";
        (gateway.metric(failed) >= 1.0).then_some(())
    });

    // Who the candidate is there is no business of those who look at the session.
    let (_, page) = gateway.get("/v1/sessions/t1:e1:linked", &gateway.token("proctor"));
    assert!(page.contains("started") && !page.contains("0ae4"), "{page}");
    assert_eq!(gateway.terminate(), Some(0));
}
