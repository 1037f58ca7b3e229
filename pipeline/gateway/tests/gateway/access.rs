//! Promise: each endpoint lets in those roles that the table of routes lists, and nobody ever touches what is of
//! another tenant, exam or session, or learns whether it exists.

use domain::messages::{AuditAction, AuditOutcome};
use domain::ports::Entry;
use gateway::auth::{Claims, Role};
use gateway::endpoint::Endpoint;
use gateway::endpoints;
use serde_json::json;

use crate::reading::{incident_of, start_of};
use crate::support::{Answer, Behaviour, Gateway, PICTURE, claims, request};

const OWN: &str = "t1/e1/s1";

/// Asks an endpoint about a session, with a body that it would take.
fn ask(gateway: &Gateway, row: &Endpoint, session: &str, token: &str) -> Answer {
    let id = session.replace('/', ":");
    let path = row
        .path
        .replace("{id}", &id)
        .replace("{n}", "0")
        .replace("{policy}", "standard")
        .replace("{name}", PICTURE);
    let (kind, body) = match row.path {
        "/v1/sessions" => ("application/json", json!({"exam": "e1", "name": "s1"}).to_string()),
        "/v1/sessions/{id}/breaks" => ("application/json", json!({"state": "started"}).to_string()),
        "/v1/sessions/{id}/reviews" => {
            let review = json!({"type": "person_absent", "start_ms": 0, "end_ms": 1, "decision": "dismiss"});
            ("application/json", review.to_string())
        }
        _ => ("video/webm", "x".to_owned()),
    };
    let body = if row.takes.is_some() { body } else { String::new() };
    let kind = format!("content-type: {kind}");
    gateway.ask(&request(row.method.as_str(), &path, token, &[&kind], body.as_bytes()))
}

fn token(gateway: &Gateway, role: Role, tenant: &str, session: &str) -> String {
    match role {
        Role::Candidate => gateway.candidate(session),
        role => gateway.token(role, tenant),
    }
}

/// Streams do not end by themselves.
fn is_stream(row: &Endpoint) -> bool {
    row.path == "/v1/events"
}

fn with_sessions() -> Gateway {
    let gateway = Gateway::start();
    for session in [OWN, "t1/e1/s2", "t1/e2/s1", "t2/e1/s1"] {
        gateway.read(start_of(session, 0));
    }
    let shown = json!([{"topic": "exam.segments", "sequence": 0}]);
    let absent = [("type", json!("person_absent")), ("start_ms", json!(0)), ("media_refs", shown)];
    gateway.read(vec![incident_of(OWN, &absent)]);
    gateway
}

#[test]
fn without_a_token_nothing_is_answered_but_what_is_for_everybody() {
    let gateway = with_sessions();
    for row in endpoints() {
        let name = format!("{} {}", row.method, row.path);
        let answer = ask(&gateway, &row, OWN, "");
        if row.roles.is_empty() {
            assert_eq!(answer.status, 200, "{name}");
            continue;
        }
        answer.assert_problem(401);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{name}");
        ask(&gateway, &row, OWN, "not.a.token").assert_problem(401);
        let expired = gateway.keys.sign(&Claims { exp: 1, ..claims(Role::Admin, "t1") });
        ask(&gateway, &row, OWN, &expired).assert_problem(401);
    }
    assert!(gateway.log.entries().is_empty());
}

#[test]
fn each_endpoint_lets_in_its_roles_and_no_other() {
    let gateway = with_sessions();
    for row in endpoints().iter().filter(|row| !row.roles.is_empty()) {
        for role in Role::ALL {
            let is_allowed = row.roles.contains(&role);
            if is_allowed && is_stream(row) {
                continue;
            }
            let answer = ask(&gateway, row, OWN, &token(&gateway, role, "t1", OWN));
            let name = format!("{} {} as {}: {}", row.method, row.path, role.name(), answer.text());
            if is_allowed {
                assert_eq!(answer.status, row.gives.0.as_u16(), "{name}");
            } else {
                assert_eq!(answer.status, 403, "{name}");
                answer.assert_problem(403);
            }
        }
    }
}

#[test]
fn what_is_of_others_does_not_exist() {
    let gateway = with_sessions();
    for row in endpoints().iter().filter(|row| row.path.contains("{id}")) {
        for role in row.roles {
            let mine = token(&gateway, *role, "t1", OWN);
            // Of another tenant, whether it is there or not; and what is no name at all.
            for session in ["t2/e1/s1", "t2/e1/none", "t1/e1", "t1/e1/s1/x", "../../etc"] {
                let answer = ask(&gateway, row, session, &mine);
                assert_eq!(answer.status, 404, "{} {} of {session} as {role:?}", row.method, row.path);
                let there = ask(&gateway, row, "t2/e1/s1", &mine).text();
                assert_eq!(answer.text(), there, "nothing tells what is there from what is not");
            }
            // Of another exam than those of the token.
            let of_exam = Claims {
                exams: Some(vec!["e2".to_owned()]),
                session: Some(OWN.to_owned()),
                ..claims(*role, "t1")
            };
            ask(&gateway, row, OWN, &gateway.keys.sign(&of_exam)).assert_problem(404);
            // Of another candidate.
            if *role == Role::Candidate {
                ask(&gateway, row, "t1/e1/s2", &mine).assert_problem(404);
            }
        }
    }
    let is_of_t2 = |entry: &Entry| format!("{entry:?}").contains("t2/");
    assert!(!gateway.log.entries().iter().any(is_of_t2), "nothing was written of another tenant");
}

#[test]
fn refusals_are_in_the_audit_log_and_nobody_floods_it() {
    let gateway = with_sessions();
    let proctor = gateway.token(Role::Proctor, "t1");
    gateway.get("/v1/audit", &proctor).assert_problem(403);
    gateway.get("/v1/sessions/t2:e1:s1", &proctor).assert_problem(404);
    let written = |index: usize| match &gateway.log.entries()[index] {
        Entry::Audit(act) => (act.action, act.outcome, act.session.clone(), act.detail.clone()),
        other => panic!("{other:?}"),
    };
    let refused = |action, detail: &str| (action, AuditOutcome::Refused, None, detail.to_owned());
    assert_eq!(written(0), refused(AuditAction::AuditRead, "GET /v1/audit"));
    assert_eq!(written(1), refused(AuditAction::Viewed, "GET /v1/sessions/{id}"));
    for _ in 0..50 {
        gateway.get("/v1/audit", &proctor).assert_problem(403);
    }
    assert!(gateway.log.entries().len() <= 12, "{}", gateway.log.entries().len());
}

#[test]
fn who_looks_at_a_session_is_in_the_audit_log_once_in_a_while() {
    let gateway = with_sessions();
    let proctor = gateway.token(Role::Proctor, "t1");
    gateway.log.behave(Behaviour::Fails);
    gateway.get("/v1/sessions/t1:e1:s1", &proctor).assert_problem(503);
    gateway.log.behave(Behaviour::Acknowledges);
    for _ in 0..3 {
        assert_eq!(gateway.get("/v1/sessions/t1:e1:s1", &proctor).status, 200);
    }
    let entries = gateway.log.entries();
    let [Entry::Audit(act)] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!((act.action, act.outcome), (AuditAction::Viewed, AuditOutcome::Accepted));
    assert_eq!(act.session.as_ref().map(|session| session.as_str()), Some(OWN));
}

#[test]
fn lists_hold_nothing_of_others() {
    let gateway = with_sessions();
    let names = |path: &str, token: &str| -> Vec<String> {
        let listed = gateway.get(path, token).json();
        let items = listed["items"].as_array().unwrap();
        items.iter().map(|item| item["session"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let all = gateway.token(Role::Proctor, "t1");
    let mut listed = names("/v1/sessions", &all);
    listed.sort();
    assert_eq!(listed, ["t1/e1/s1", "t1/e1/s2", "t1/e2/s1"]);
    let one = Claims { exams: Some(vec!["e2".to_owned()]), ..claims(Role::Reviewer, "t1") };
    let one = gateway.keys.sign(&one);
    assert_eq!(names("/v1/sessions", &one), ["t1/e2/s1"]);
    assert_eq!(names("/v1/sessions?exam=e1", &one), Vec::<String>::new());
    assert_eq!(gateway.get("/v1/exams", &one).json()["items"].as_array().unwrap().len(), 1);
    let table = gateway.get("/v1/sessions.csv", &one).text();
    assert!(table.contains("t1/e2/s1") && !table.contains("t1/e1/") && !table.contains("t2/"), "{table}");
    gateway.get("/v1/events?session=t2:e1:s1", &all).assert_problem(404);
    gateway.get("/v1/events?exam=e1", &one).assert_problem(404);
    let foreign = gateway.post("/v1/sessions", &gateway.token(Role::Service, "t2"), &json!({"exam": "e1"}));
    assert!(foreign.json()["id"].as_str().unwrap().starts_with("t2:"), "the tenant is the token's");
}
