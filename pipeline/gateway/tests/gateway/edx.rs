//! Promise: only a platform that the operator knows gets a token for the routes of Open edX, and with it reaches nothing
//! but attempts at its own exams. The whole contract is tested against the real platform, in `tests/subscribers/edx.rs`.

use std::sync::Arc;

use domain::messages::SessionEvent;
use domain::ports::Entry;
use gateway::GatewaySettings;
use gateway::auth::Role;
use gateway::edx::Platform;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

use crate::reading::start_of;
use crate::support::{Answer, Gateway, in_an_hour, request, settings};

/// What platforms share with the gateway.
const SECRET: &str = "fedcba9876543210fedcba9876543210";

fn platform(name: &str, tenant: &str) -> Arc<Platform> {
    Arc::new(Platform {
        name: name.to_owned(),
        tenant: tenant.to_owned(),
        policy: None,
        public_url: "https://gateway.test".to_owned(),
        secret: SECRET.to_owned(),
    })
}

fn gateway() -> Gateway {
    let platforms = vec![platform("campus", "t1"), platform("other", "t1")];
    Gateway::with(GatewaySettings { platforms, ..settings() })
}

fn ask(gateway: &Gateway, method: &str, path: &str, token: &str, body: &str) -> Answer {
    let authorization = format!("authorization: JWT {token}");
    let headers = [authorization.as_str(), "content-type: application/json"];
    gateway.ask(&request(method, path, "", &headers, body.as_bytes()))
}

fn token_for(gateway: &Gateway, client: &str, secret: &str) -> Answer {
    let form =
        format!("grant_type=client_credentials&client_id={client}&client_secret={secret}&token_type=jwt");
    let headers = ["content-type: application/x-www-form-urlencoded"];
    gateway.ask(&request("POST", "/edx/oauth2/access_token", "", &headers, form.as_bytes()))
}

fn token(gateway: &Gateway, client: &str) -> String {
    let answer = token_for(gateway, client, SECRET);
    assert_eq!((answer.status, &answer.json()["token_type"]), (200, &"JWT".into()), "{answer:?}");
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn exam(gateway: &Gateway, token: &str) -> String {
    let exam = json!({"course_id": "uni/course/run", "content_id": "midterm", "exam_name": "Midterm"});
    let answer = ask(gateway, "POST", "/edx/api/v1/exam/", token, &exam.to_string());
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[test]
fn without_its_secret_a_platform_gets_nothing() {
    let gateway = gateway();
    for (client, secret) in [("campus", "wrong"), ("campus", ""), ("nobody", SECRET), ("", "")] {
        token_for(&gateway, client, secret).assert_problem(401);
    }
    let form = format!("grant_type=password&client_id=campus&client_secret={SECRET}");
    gateway.ask(&request("POST", "/edx/oauth2/access_token", "", &[], form.as_bytes())).assert_problem(400);
    for wrong in ["", "nonsense", &gateway.token(Role::Service, "t1"), &gateway.token(Role::Admin, "t1")] {
        ask(&gateway, "POST", "/edx/api/v1/exam/", wrong, "{}").assert_problem(401);
    }
    let bearer = format!("authorization: Bearer {}", token(&gateway, "campus"));
    gateway.ask(&request("GET", "/edx/api/v1/config/", "", &[&bearer], b"")).assert_problem(401);
}

#[test]
fn a_gateway_without_platforms_has_none_of_this() {
    let gateway = Gateway::start();
    token_for(&gateway, "campus", SECRET).assert_problem(401);
    gateway.ask(&request("GET", "/edx/api/v1/instructor/campus/?jwt=x", "", &[], b"")).assert_problem(404);
}

#[test]
fn a_platform_reaches_attempts_at_its_own_exams_alone() {
    let gateway = gateway();
    let (campus, other) = (token(&gateway, "campus"), token(&gateway, "other"));
    let exam = exam(&gateway, &campus);
    let attempts = format!("/edx/api/v1/exam/{exam}/attempt/");
    let created =
        ask(&gateway, "POST", &attempts, &campus, r#"{"full_name": "Somebody", "status": "created"}"#);
    assert_eq!(created.status, 200, "{created:?}");
    let attempt = created.json()["id"].as_str().unwrap().to_owned();
    let entries = gateway.log.entries();
    let Some(Entry::Session(fact)) = entries.last() else { panic!("{entries:?}") };
    assert_eq!(fact.session.as_str(), format!("t1/{exam}/{attempt}"));
    assert!(matches!(&fact.event, SessionEvent::Started { policy, .. } if policy == "standard"));

    let path = format!("{attempts}{attempt}/");
    let change = r#"{"status": "submitted"}"#;
    for foreign in [&path, "/edx/api/v1/exam/e1/attempt/s1/", "/edx/api/v1/exam/edx-other-x/attempt/s1/"] {
        for (method, body) in [("GET", ""), ("PATCH", change), ("DELETE", "")] {
            ask(&gateway, method, foreign, &other, body).assert_problem(404);
        }
    }
    ask(&gateway, "GET", "/edx/api/v1/exam/e1/", &other, "").assert_problem(404);
    ask(&gateway, "POST", &attempts, &other, "{}").assert_problem(404);
    ask(&gateway, "PATCH", &path, &campus, r#"{"status": "verified"}"#).assert_problem(422);
    let before = gateway.log.entries().len();
    assert_eq!(ask(&gateway, "PATCH", &path, &campus, r#"{"status": "started"}"#).status, 200);
    assert_eq!(gateway.log.entries().len(), before, "the video says when it begins");
    assert_eq!(ask(&gateway, "PATCH", &path, &campus, change).json()["status"], "submitted");
    assert!(matches!(gateway.log.entries().last(), Some(Entry::Upload(_))));
}

/// What a platform says of a member of staff, signed with a secret.
fn vouched(issuer: &str, exam: Option<&str>, attempt: Option<&str>, secret: &str) -> String {
    let mut claims =
        json!({"iss": issuer, "exp": in_an_hour() as f64 + 0.5, "jti": "1", "course_id": "uni/course/run"});
    claims["user"] = json!({"id": "f787", "full_name": "Somebody Real", "email": "somebody@example.org"});
    if let Some(exam) = exam {
        claims["exam_id"] = exam.into();
    }
    if let Some(attempt) = attempt {
        claims["attempt_id"] = attempt.into();
    }
    encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret.as_bytes()).unwrap())
        .unwrap()
}

#[test]
fn staff_come_in_by_the_word_of_their_platform_alone() {
    let gateway = gateway();
    let come = |jwt: &str| {
        let path = format!("/edx/api/v1/instructor/campus/?jwt={jwt}");
        gateway.ask(&request("GET", &path, "", &[], b""))
    };
    let exam = exam(&gateway, &token(&gateway, "campus"));
    come("").assert_problem(401);
    come(&gateway.token(Role::Admin, "t1")).assert_problem(401);
    come(&vouched("campus", Some(&exam), None, "another secret of the same length")).assert_problem(401);
    come(&vouched("other", Some(&exam), None, SECRET)).assert_problem(401);
    come(&vouched("campus", None, None, SECRET)).assert_problem(400);
    come(&vouched("campus", Some("e1"), None, SECRET)).assert_problem(400);

    let answer = come(&vouched("campus", Some(&exam), Some("a1"), SECRET));
    assert_eq!(answer.status, 303, "{answer:?}");
    let (page, token) = answer.header("location").unwrap().split_once("#token=").unwrap();
    assert_eq!(page, format!("https://gateway.test/session/t1:{exam}:a1"));
    for session in [format!("t1/{exam}/a1"), "t1/e1/s1".to_owned()] {
        gateway.read(start_of(&session, 0));
    }
    assert_eq!(gateway.get(&format!("/v1/sessions/t1:{exam}:a1"), token).status, 200);
    gateway.get("/v1/sessions/t1:e1:s1", token).assert_problem(404);
    let viewed = gateway.log.entries().into_iter().rev().find_map(|entry| match entry {
        Entry::Audit(audit) => Some(audit.by),
        _ => None,
    });
    assert_eq!(viewed.as_deref(), Some("campus-f787"), "by an id of the platform's, without a name");
}
