//! Promise: of the pictures that are kept, those are shown that an incident names, to whoever may look at its session; and
//! every look is in the audit log before it is answered.

use domain::messages::AuditAction;
use domain::ports::Entry;
use gateway::auth::Role;
use serde_json::{Value, json};

use crate::reading::{incident_of, start_of};
use crate::support::{Behaviour, Gateway, JPEG, PICTURE};

fn with_incident(session: &str, changes: &[(&str, Value)]) -> Gateway {
    let gateway = Gateway::start();
    gateway.read(start_of(session, 0));
    let shown = json!([{"topic": "exam.segments", "sequence": 0}]);
    let absent = [("type", json!("person_absent")), ("start_ms", json!(0)), ("media_refs", shown)];
    gateway.read(vec![incident_of(session, &[absent.as_slice(), changes].concat())]);
    gateway
}

fn picture(session: &str, name: &str) -> String {
    format!("/v1/sessions/{}/evidence/{name}", session.replace('/', ":"))
}

#[test]
fn a_picture_is_beside_its_incident_and_what_shows_none_is_not_there() {
    let gateway = with_incident("t1/e1/s1", &[]);
    let proctor = gateway.token(Role::Proctor, "t1");
    let listed = gateway.get("/v1/sessions/t1:e1:s1/evidence", &proctor).json();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{listed}");
    assert_eq!((&items[0]["name"], &items[0]["media_ms"]), (&json!(PICTURE), &json!(500)));
    let incidents = gateway.get("/v1/sessions/t1:e1:s1/incidents", &proctor).json();
    assert_eq!(items[0]["incidents"], json!([incidents["items"][0]["incident_id"]]));

    let answer = gateway.get(&picture("t1/e1/s1", PICTURE), &proctor);
    assert_eq!((answer.status, answer.body.as_slice()), (200, JPEG));
    assert_eq!(answer.header("content-type"), Some("image/jpeg"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    for name in ["0-7-14000", "0-0-501", "0-0", "..%2f..%2fetc", "0-0-500.sealed"] {
        gateway.get(&picture("t1/e1/s1", name), &proctor).assert_problem(404);
    }
}

#[test]
fn what_is_not_found_any_more_is_not_shown_either() {
    let gateway = with_incident("t1/e1/s1", &[("state", json!("superseded"))]);
    let proctor = gateway.token(Role::Proctor, "t1");
    assert_eq!(gateway.get("/v1/sessions/t1:e1:s1/evidence", &proctor).json(), json!({"items": []}));
    gateway.get(&picture("t1/e1/s1", PICTURE), &proctor).assert_problem(404);
}

#[test]
fn every_look_is_in_the_audit_log_before_it_is_answered() {
    let gateway = with_incident("t1/e1/s1", &[]);
    let reviewer = gateway.token(Role::Reviewer, "t1");
    gateway.log.behave(Behaviour::Fails);
    gateway.get(&picture("t1/e1/s1", PICTURE), &reviewer).assert_problem(503);
    gateway.log.behave(Behaviour::Acknowledges);
    for _ in 0..2 {
        assert_eq!(gateway.get(&picture("t1/e1/s1", PICTURE), &reviewer).status, 200);
    }
    let looks: Vec<(AuditAction, String)> = gateway
        .log
        .entries()
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Audit(act) => Some((act.action, act.detail)),
            _ => None,
        })
        .collect();
    let look = (AuditAction::Viewed, format!("picture {PICTURE}"));
    assert_eq!(looks, [look.clone(), look], "each of them, not one in a while");
}

#[test]
fn pictures_that_cannot_be_had_cost_nobody_the_rest_of_the_page() {
    let gateway = with_incident("t1/e1/away", &[]);
    let proctor = gateway.token(Role::Proctor, "t1");
    let answer = gateway.get("/v1/sessions/t1:e1:away/evidence", &proctor);
    answer.assert_problem(503);
    assert!(answer.header("retry-after").is_some());
    gateway.get(&picture("t1/e1/away", PICTURE), &proctor).assert_problem(503);
    assert_eq!(gateway.get("/v1/sessions/t1:e1:away", &proctor).status, 200);
}
