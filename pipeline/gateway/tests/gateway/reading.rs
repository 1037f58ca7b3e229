//! Promise: dashboards are shown what the log says, in the order in which a person should look; a restart goes on where
//! the file was, and from an empty file the log makes the same again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::desk::DeskEntry;
use domain::messages::{Audit, AuditAction, AuditOutcome, SessionEvent, SessionFact};
use domain::ports::{Entry, Feed, Position, Read};
use domain::time::MediaMs;
use gateway::Retention;
use gateway::auth::Role;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Gateway, settings};

/// A minute in the year 2026.
const AT_MS: i64 = 1_795_000_000_000;

/// Something that was read, as the next record of its partition.
fn next(feed: Feed, read: Read) -> (Position, Read) {
    static NEXT: AtomicI64 = AtomicI64::new(0);
    let offset = NEXT.fetch_add(1, Ordering::Relaxed);
    (Position { feed, partition: 0, offset, at_ms: AT_MS + offset }, read)
}

/// A documented example of a message, of another session.
fn example(name: &str, session: &str, changes: &[(&str, Value)]) -> Value {
    let file = format!("{}/../../tests/data/messages/{name}.v1.json", env!("CARGO_MANIFEST_DIR"));
    let mut message: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    message["session"] = json!(session);
    changes.iter().for_each(|(field, value)| message[*field] = value.clone());
    message
}

pub fn start_of(session: &str, media_ms: i64) -> Vec<(Position, Read)> {
    let event =
        SessionEvent::Started { policy: "standard".to_owned(), accommodations: Vec::new(), expected: None };
    let fact = SessionFact { session: session.parse().unwrap(), media_ms: MediaMs(media_ms), event };
    vec![next(Feed::Sessions, Read::Desk(DeskEntry::Session(fact)))]
}

/// A session that the log told of at a time.
pub fn start_at(session: &str, at_ms: i64) -> Vec<(Position, Read)> {
    let started = start_of(session, 0);
    started.into_iter().map(|(position, read)| (Position { at_ms, ..position }, read)).collect()
}

fn end_of(session: &str) -> (Position, Read) {
    let event = SessionEvent::Ended { expected: None };
    let fact = SessionFact { session: session.parse().unwrap(), media_ms: MediaMs(60_000), event };
    next(Feed::Sessions, Read::Desk(DeskEntry::Session(fact)))
}

pub fn score_of(session: &str, changes: &[(&str, Value)]) -> (Position, Read) {
    let score = serde_json::from_value(example("score", session, changes)).unwrap();
    next(Feed::Scores, Read::Desk(DeskEntry::Score(Box::new(score))))
}

pub fn incident_of(session: &str, changes: &[(&str, Value)]) -> (Position, Read) {
    let incident = serde_json::from_value(example("incident", session, changes)).unwrap();
    next(Feed::Incidents, Read::Desk(DeskEntry::Incident(Box::new(incident))))
}

fn observation_of(session: &str) -> (Position, Read) {
    let observation = serde_json::from_value(example("observation", session, &[])).unwrap();
    next(Feed::Observations, Read::Desk(DeskEntry::Observation(Box::new(observation))))
}

fn act(tenant: &str, session: Option<&str>, number: usize) -> (Position, Read) {
    let audit = Audit {
        session: session.map(|session| session.parse().unwrap()),
        tenant: tenant.to_owned(),
        audit_id: format!("a-{number}"),
        at: "2026-11-25T09:12:00Z".to_owned(),
        by: "reviewer-17".to_owned(),
        role: "reviewer".to_owned(),
        action: AuditAction::Reviewed,
        outcome: AuditOutcome::Accepted,
        detail: String::new(),
    };
    next(Feed::Audit, Read::Audit(audit))
}

/// Four sessions of an exam, from calm to worse.
fn exam() -> Vec<(Position, Read)> {
    let score = |name: &str, integrity: i64, band: &str, priority: &str| {
        score_of(
            name,
            &[
                ("integrity", json!(integrity)),
                ("band", json!(band)),
                ("concern_milli", json!((100 - integrity) * 1000)),
                ("review_priority", json!(priority)),
            ],
        )
    };
    let mut log = Vec::new();
    for name in ["calm", "worse", "none", "bad"] {
        log.extend(start_of(&format!("t1/e1/{name}"), 0));
    }
    log.push(score("t1/e1/calm", 100, "green", "low"));
    log.push(score("t1/e1/worse", 40, "red", "high"));
    log.push(score("t1/e1/bad", 70, "amber", "high"));
    log.push(incident_of("t1/e1/worse", &[]));
    log.push(observation_of("t1/e1/worse"));
    log.push(end_of("t1/e1/calm"));
    log.push(act("t1", Some("t1/e1/calm"), 0));
    log
}

fn names(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn whoever_needs_a_person_comes_first_and_pages_go_on_behind_the_last() {
    let gateway = Gateway::start();
    gateway.read(exam());
    let proctor = gateway.token(Role::Proctor, "t1");
    let list = |query: &str| gateway.get(&format!("/v1/sessions{query}"), &proctor).json();
    let all = list("");
    assert_eq!(
        (names(&all), &all["total"]),
        (["worse", "bad", "calm", "none"].map(str::to_owned).into(), &json!(4))
    );
    assert_eq!(all["next_cursor"], Value::Null);
    assert_eq!(names(&list("?sort=integrity")), ["worse", "bad", "calm", "none"]);
    assert_eq!(names(&list("?sort=started")), ["bad", "none", "worse", "calm"]);
    assert_eq!(names(&list("?band=amber")), ["bad"]);
    assert_eq!(names(&list("?band=none")), ["none"]);
    assert_eq!(names(&list("?state=ended")), ["calm"]);
    assert_eq!(names(&list("?q=A&exam=e1")), ["bad", "calm"]);
    for sort in ["priority", "integrity", "started", "updated"] {
        let whole = names(&list(&format!("?sort={sort}")));
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = list(&format!("?sort={sort}&limit=3{cursor}"));
            paged.extend(names(&page));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(paged, whole, "{sort}");
    }
    let cursor = list("?limit=1")["next_cursor"].as_str().unwrap().to_owned();
    let bad = [
        "?limit=0",
        "?limit=201",
        "?sort=name",
        "?what=1",
        "?cursor=x",
        &format!("?sort=started&cursor={cursor}"),
    ];
    for query in bad {
        gateway.get(&format!("/v1/sessions{query}"), &proctor).assert_problem(400);
    }
    let exams = gateway.get("/v1/exams", &proctor).json();
    assert_eq!(exams["items"][0]["sessions"], 4);
    assert_eq!(exams["items"][0]["bands"], json!({"green": 1, "amber": 1, "red": 1, "grey": 0, "none": 1}));
}

#[test]
fn a_sessions_page_holds_what_the_log_says_of_it() {
    let gateway = Gateway::start();
    gateway.read(exam());
    let proctor = gateway.token(Role::Proctor, "t1");
    let get = |part: &str| {
        let answer = gateway.get(&format!("/v1/sessions/t1:e1:worse{part}"), &proctor);
        assert_eq!(answer.status, 200, "{part}: {}", answer.text());
        answer.json()
    };
    let page = get("");
    assert_eq!((&page["summary"]["name"], &page["score"]["integrity"]), (&json!("worse"), &json!(40)));
    assert_eq!(page["summary"]["human_review_required"], true);
    assert!(page["contributions"][0]["text"].as_str().unwrap().len() > 10, "{page}");
    assert_eq!(page["incidents"].as_array().unwrap().len(), 1);
    assert_eq!(page["lifecycle"][0]["event"], "started");
    assert_eq!(get("/scores")["items"][0]["rev"], 1);
    assert_eq!(get("/incidents")["items"].as_array().unwrap().len(), 1);
    assert!(get("/coverage")["coverage"].is_object());
    assert_eq!(get("/health")["segments"], 1);
    assert!(!get("/timeline?points=4096")["samples"].as_array().unwrap().is_empty());
    assert_eq!(get("/reviews")["items"], json!([]));
    for part in ["/timeline?points=0", "/timeline?from_ms=-1", "/timeline?from_ms=5&to_ms=4", "/timeline?x=1"]
    {
        gateway.get(&format!("/v1/sessions/t1:e1:worse{part}"), &proctor).assert_problem(400);
    }
    gateway.get("/v1/sessions/t1:e1:nobody", &proctor).assert_problem(404);
}

#[test]
fn a_decision_goes_to_the_log_with_who_made_it() {
    let gateway = Gateway::start();
    gateway.read(exam());
    let reviewer = gateway.token(Role::Reviewer, "t1");
    let path = "/v1/sessions/t1:e1:worse/reviews";
    let incident = example("incident", "t1/e1/worse", &[]);
    let review = json!({
        "type": incident["type"], "start_ms": incident["start_ms"], "end_ms": incident["end_ms"],
        "decision": "dismiss", "note": "=a pet",
    });
    let made = gateway.post(path, &reviewer, &review);
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!((&made["by"], &made["note"]), (&json!("somebody"), &json!("=a pet")));
    let entries = gateway.log.entries();
    let [Entry::Audit(act), Entry::Review(written)] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(
        (written.review_id.as_str(), act.action),
        (made["review_id"].as_str().unwrap(), AuditAction::Reviewed)
    );
    assert!(!format!("{act:?}").contains("pet"), "the audit log repeats no note");
    for (field, value) in [
        ("end_ms", incident["start_ms"].clone()),
        ("end_ms", json!(7 * 86_400_000)),
        ("type", json!("person_absent")),
        ("start_ms", json!(-1)),
        ("decision", json!("convict")),
        ("type", json!("none")),
        ("note", json!("x".repeat(2_001))),
        ("by", json!("somebody else")),
    ] {
        let mut bad = review.clone();
        bad[field] = value;
        gateway.post(path, &reviewer, &bad).assert_problem(422);
    }
    gateway.post("/v1/sessions/t1:e1:nobody/reviews", &reviewer, &review).assert_problem(404);
}

#[test]
fn the_audit_log_is_the_tenants_own_and_the_newest_comes_first() {
    let gateway = Gateway::start();
    gateway.read((0..7).map(|number| act("t1", None, number)).collect());
    gateway.read(vec![act("t2", None, 7)]);
    let admin = gateway.token(Role::Admin, "t1");
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item["audit_id"].as_str().unwrap().to_owned()).collect()
    };
    let first = gateway.get("/v1/audit?limit=4", &admin).json();
    assert_eq!(ids(&first), ["a-6", "a-5", "a-4", "a-3"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = gateway.get(&format!("/v1/audit?cursor={cursor}"), &admin).json();
    assert_eq!(
        (ids(&rest), &rest["next_cursor"]),
        (vec!["a-2".into(), "a-1".into(), "a-0".into()], &Value::Null)
    );
}

/// Everything that can be asked, but for what time changes.
fn everything(gateway: &Gateway) -> BTreeMap<String, Value> {
    let admin = gateway.token(Role::Admin, "t1");
    let mut paths = vec!["/v1/exams".to_owned(), "/v1/sessions".to_owned(), "/v1/audit".to_owned()];
    for name in ["calm", "worse", "none", "bad"] {
        for part in ["", "/scores", "/incidents", "/coverage", "/timeline", "/reviews"] {
            paths.push(format!("/v1/sessions/t1:e1:{name}{part}"));
        }
    }
    paths.into_iter().map(|path| (path.clone(), gateway.get(&path, &admin).json())).collect()
}

#[test]
fn a_restart_goes_on_where_the_file_was_and_the_log_makes_the_same_again() {
    let folder = TempDir::new().unwrap();
    let log = exam();
    let (first, rest) = log.split_at(6);
    let gateway = Gateway::on(settings(), folder.path());
    gateway.read(first.to_vec());
    gateway.app.store.flush().unwrap();
    // Folded, and not in the file when the process ends: it is read again.
    gateway.read(rest[..2].to_vec());
    drop(gateway);

    let gateway = Gateway::on(settings(), folder.path());
    let reached = |feed| gateway.app.store.next_offset(feed, 0);
    let last = |feed: Feed| first.iter().rfind(|(at, _)| at.feed == feed).map(|(at, _)| at.offset + 1);
    assert_eq!(reached(Feed::Scores), last(Feed::Scores));
    assert_eq!(reached(Feed::Incidents), None);
    // Some of it for the second time.
    gateway.read(log[3..].to_vec());
    gateway.app.store.flush().unwrap();
    let resumed = everything(&gateway);
    drop(gateway);

    let fresh = Gateway::start();
    fresh.read(log);
    assert_eq!(resumed, everything(&fresh));
    assert_eq!(everything(&Gateway::on(settings(), folder.path())), resumed);
}

#[test]
fn two_gateways_do_not_share_a_store_and_a_broken_one_is_made_again() {
    let folder = TempDir::new().unwrap();
    let gateway = Gateway::on(settings(), folder.path());
    let second = gateway::Store::open(folder.path(), "log", settings().retention).unwrap_err().to_string();
    assert!(second.contains("in use"), "{second}");
    gateway.read(exam());
    gateway.app.store.flush().unwrap();
    drop(gateway);
    std::fs::write(folder.path().join("store.redb"), "this is no database").unwrap();
    let gateway = Gateway::on(settings(), folder.path());
    assert_eq!(gateway.app.store.next_offset(Feed::Sessions, 0), None);
    assert_eq!(gateway.get("/v1/sessions", &gateway.token(Role::Proctor, "t1")).json()["total"], 0);
}

#[test]
fn what_is_kept_longer_than_the_log_keeps_it_is_forgotten() {
    let folder = TempDir::new().unwrap();
    let keeping = |results: u64, observations: u64| {
        let days = |days: u64| std::time::Duration::from_secs(days * 86_400);
        let retention = Retention { results: days(results), observations: days(observations) };
        Gateway::on(gateway::GatewaySettings { retention, ..settings() }, folder.path())
    };
    // All of it is of the year 1970.
    let old = |(position, read): (Position, Read)| (Position { at_ms: position.offset, ..position }, read);
    let gateway = keeping(100_000, 100_000);
    gateway.read(exam().into_iter().map(old).collect());
    gateway.read(start_of("t1/e1/new", 0));
    gateway.app.store.flush().unwrap();
    let seen = |gateway: &Gateway| {
        everything(gateway)["/v1/sessions/t1:e1:worse/timeline"]["samples"]
            .as_array()
            .map(|samples| samples.iter().any(|sample| !sample["faces"].is_null()))
    };
    assert_eq!(seen(&gateway), Some(true));
    drop(gateway);

    let gateway = keeping(100_000, 1_000);
    assert_eq!(seen(&gateway), Some(false), "what was measured goes with the observations");
    assert_eq!(everything(&gateway)["/v1/sessions"]["total"], 5);
    gateway.app.store.flush().unwrap();
    drop(gateway);
    let gateway = keeping(100_000, 100_000);
    assert_eq!(seen(&gateway), Some(false), "also in the file");
    drop(gateway);

    drop(keeping(1_000, 1_000));
    let gateway = keeping(100_000, 100_000);
    let left = everything(&gateway);
    assert_eq!((names(&left["/v1/sessions"]), &left["/v1/audit"]["items"]), (vec!["new".into()], &json!([])));
    assert_eq!(left["/v1/sessions/t1:e1:worse"]["status"], 404);
}

#[test]
fn a_session_whose_score_is_deleted_is_gone() {
    let gateway = Gateway::start();
    gateway.read(exam());
    gateway.app.store.flush().unwrap();
    gateway.read(vec![next(Feed::Scores, Read::Erased("t1/e1/worse".parse().unwrap()))]);
    let proctor = gateway.token(Role::Proctor, "t1");
    gateway.get("/v1/sessions/t1:e1:worse", &proctor).assert_problem(404);
    assert_eq!(names(&gateway.get("/v1/sessions", &proctor).json()), ["bad", "calm", "none"]);
}

#[test]
fn what_was_written_before_a_session_was_erased_and_is_read_after_brings_nothing_back() {
    let folder = TempDir::new().unwrap();
    let gateway = Gateway::on(settings(), folder.path());
    let (before, erased) = (exam(), next(Feed::Scores, Read::Erased("t1/e1/worse".parse().unwrap())));
    // A store that is made again reads the topics in another order.
    let mut log = vec![erased];
    log.extend(before.clone());
    gateway.read(log);
    let shown =
        |gateway: &Gateway| names(&gateway.get("/v1/sessions", &gateway.token(Role::Proctor, "t1")).json());
    assert_eq!(shown(&gateway), ["bad", "calm", "none"]);
    gateway.app.store.flush().unwrap();
    drop(gateway);
    let gateway = Gateway::on(settings(), folder.path());
    gateway.read(before);
    assert_eq!(shown(&gateway), ["bad", "calm", "none"], "also after another start");
    gateway.read(start_of("t1/e1/worse", 0));
    assert_eq!(shown(&gateway).len(), 4, "what comes later is another session of the name");
}

#[test]
fn a_store_of_another_log_and_one_that_makes_no_sense_are_made_again() {
    let folder = TempDir::new().unwrap();
    let fill = || {
        let gateway = Gateway::on(settings(), folder.path());
        assert_eq!(gateway.app.store.next_offset(Feed::Sessions, 0), None);
        gateway.read(exam());
        gateway.app.store.flush().unwrap();
    };
    fill();
    drop(gateway::Store::open(folder.path(), "another log", settings().retention).unwrap());
    fill();
    let file = redb::Database::open(folder.path().join("store.redb")).unwrap();
    let writing = file.begin_write().unwrap();
    let summaries: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("summaries");
    writing.open_table(summaries).unwrap().insert("t1/e1/calm", &b"{}"[..]).unwrap();
    writing.commit().unwrap();
    drop(file);
    fill();
}

#[test]
fn tables_hold_no_formulas() {
    let gateway = Gateway::start();
    gateway.read(exam());
    gateway.read(start_of("t1/e1/-2", 0));
    let table = gateway.get("/v1/sessions.csv", &gateway.token(Role::Reviewer, "t1"));
    assert_eq!(table.header("content-type"), Some("text/csv; charset=utf-8"));
    let text = table.text();
    assert!(text.starts_with("session,exam,name,state,"), "{text}");
    assert!(text.contains("t1/e1/-2,e1,'-2,"), "{text}");
    assert!(text.contains("t1/e1/worse,e1,worse,") && text.lines().count() >= 5, "{text}");
    let [Entry::Audit(act)] = &gateway.log.entries()[..] else { panic!("an export is in the audit log") };
    assert_eq!(act.action, AuditAction::Exported);
}
