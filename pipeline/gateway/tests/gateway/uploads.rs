//! Promise: what is acknowledged is in the log; what is not acknowledged says why, and when to try again.

use std::io::{Read as _, Write as _};

use domain::messages::canonical::sha256_hex;
use domain::messages::{AuditAction, SessionEvent, UploadEvent};
use domain::ports::Entry;
use gateway::auth::{Claims, Role};
use serde_json::{Value, json};

use crate::support::{Behaviour, Gateway, PATIENCE, claims, in_an_hour, request, settings};

const SESSION: &str = "t1/e1/s1";

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
}

#[test]
fn a_session_is_created_uploads_and_ends() {
    let gateway = Gateway::start();
    let service = gateway.token(Role::Service, "t1");
    let new = json!({
        "exam": "e1", "name": "s1", "policy": "standard", "accommodations": ["breaks"],
        "expected_ms": 3_600_000, "stream": {"kind": "webcam"},
    });
    let created = gateway.post("/v1/sessions", &service, &new);
    assert_eq!(created.status, 201, "{}", created.text());
    let created = created.json();
    assert_eq!((&created["id"], &created["session"]), (&json!("t1:e1:s1"), &json!(SESSION)));
    let token = created["upload"]["token"].as_str().unwrap();
    assert_eq!(
        (&created["upload"]["chunk_bytes"], &created["policy"]),
        (&json!(1 << 20), &json!("standard"))
    );

    let path = "/v1/sessions/t1:e1:s1/chunks/7";
    let headers = ["content-type: video/webm;codecs=vp8"];
    assert_eq!(gateway.ask(&request("PUT", path, token, &headers, b"video")).status, 204);
    let breaks = gateway.post("/v1/sessions/t1:e1:s1/breaks", &service, &json!({"state": "started"}));
    assert_eq!(breaks.status, 202);
    assert_eq!(gateway.ask(&request("POST", "/v1/sessions/t1:e1:s1/end", token, &[], b"")).status, 202);

    let entries = gateway.log.entries();
    let Entry::Session(started) = &entries[1] else { panic!("{entries:?}") };
    let SessionEvent::Started { policy, expected, .. } = &started.event else { panic!("{started:?}") };
    assert_eq!((policy.as_str(), expected.unwrap().length().0), ("standard", 3_600_000));
    let Entry::Chunk(chunk) = &entries[2] else { panic!("{entries:?}") };
    assert_eq!((chunk.header.session.as_str(), chunk.header.number), (SESSION, 7));
    assert_eq!(
        (chunk.header.sha256.as_str(), chunk.bytes.as_slice()),
        (&*sha256_hex(b"video"), &b"video"[..])
    );
    assert_eq!(chunk.header.media_type, "video/webm;codecs=vp8");
    assert_eq!(chunk.header.validate(), Ok(()));
    let uploads: Vec<UploadEvent> = entries
        .iter()
        .filter_map(|entry| if let Entry::Upload(fact) = entry { Some(fact.event) } else { None })
        .collect();
    assert_eq!(uploads, [UploadEvent::BreakStarted, UploadEvent::Ended]);
    let acts: Vec<(AuditAction, String)> = entries
        .iter()
        .filter_map(
            |entry| if let Entry::Audit(act) = entry { Some((act.action, act.role.clone())) } else { None },
        )
        .collect();
    let expected = [
        (AuditAction::SessionCreated, "service"),
        (AuditAction::BreakStarted, "service"),
        (AuditAction::SessionEnded, "candidate"),
    ];
    assert_eq!(acts, expected.map(|(action, role)| (action, role.to_owned())));
}

#[test]
fn a_chunk_is_acknowledged_when_the_log_has_it_and_not_before() {
    let gateway = Gateway::start();
    gateway.log.behave(Behaviour::Holds);
    let path = "/v1/sessions/t1:e1:s1/chunks/0";
    let token = gateway.candidate(SESSION);
    let waiting = gateway.ask_aside(request("PUT", path, &token, &["content-type: video/mp4"], b"x"));
    wait_until(|| gateway.log.held() == 1);
    assert!(!waiting.is_finished());
    gateway.log.release();
    assert_eq!(waiting.join().unwrap().status, 204);
}

#[test]
fn nothing_happens_that_the_audit_log_does_not_know_of() {
    let gateway = Gateway::start();
    gateway.log.behave(Behaviour::Holds);
    let token = gateway.candidate(SESSION);
    let ending = gateway.ask_aside(request("POST", "/v1/sessions/t1:e1:s1/end", &token, &[], b""));
    wait_until(|| gateway.log.held() == 1);
    assert!(matches!(&gateway.log.entries()[..], [Entry::Audit(_)]));
    gateway.log.behave(Behaviour::Acknowledges);
    gateway.log.release();
    assert_eq!(ending.join().unwrap().status, 202);
    assert!(matches!(&gateway.log.entries()[..], [Entry::Audit(_), Entry::Upload(_)]));
}

#[test]
fn a_session_that_sends_slowly_stops_nobody_else() {
    let gateway = Gateway::with(gateway::GatewaySettings { upload_bytes: 5 << 20, ..settings() });
    let token = gateway.candidate(SESSION);
    let head = format!(
        "PUT /v1/sessions/t1:e1:s1/chunks/0 HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\
         authorization: Bearer {token}\r\ncontent-type: video/webm\r\n"
    );
    let slow: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = gateway.connect();
            // Of unknown length, and nothing of it comes.
            stream
                .write_all(
                    format!("{head}transfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n").as_bytes(),
                )
                .unwrap();
            // It is asked for, so its room is taken.
            stream.read_exact(&mut [0; 25]).unwrap();
            stream
        })
        .collect();
    gateway.put_chunk(SESSION, "5", b"x").assert_problem(429);
    assert_eq!(gateway.put_chunk("t1/e1/s2", "0", &vec![0; 1 << 20]).status, 204);
    drop(slow);
    wait_until(|| gateway.put_chunk(SESSION, "5", b"x").status == 204);
}

#[test]
fn a_client_that_knows_of_no_chunk_begins_above_all_others() {
    let gateway = Gateway::start();
    let service = gateway.token(Role::Service, "t1");
    let new = json!({"exam": "e1", "name": "s1"});
    let created = gateway.post("/v1/sessions", &service, &new).json();
    assert_eq!(created["upload"]["first_chunk"], 0);
    let renew =
        |token: &str| gateway.ask(&request("POST", "/v1/sessions/t1:e1:s1/token", token, &[], b"")).json();
    let hour_ago = in_an_hour() - 7_200;
    let session = Some(SESSION.to_owned());
    let renew_until = Some(in_an_hour());
    let old = Claims { session, renew_until, created: Some(hour_ago), ..claims(Role::Candidate, "t1") };
    let renewed = renew(&gateway.keys.sign(&old));
    let above = |answer: &serde_json::Value| {
        let first = answer.as_u64().unwrap();
        assert!((36_000..36_100).contains(&first), "{first}");
    };
    above(&renewed["first_chunk"]);
    above(&renew(renewed["token"].as_str().unwrap())["first_chunk"]);
    assert_eq!(renew(&service)["first_chunk"], 0, "nobody knows when it was created");
    // Once the log has told of the session, its back end's tokens begin above it, too.
    gateway.read(crate::reading::start_at(SESSION, i64::try_from(hour_ago).unwrap() * 1000));
    above(&renew(&service)["first_chunk"]);
    above(&gateway.post("/v1/sessions", &service, &new).json()["upload"]["first_chunk"]);

    let put = |header: &str| {
        let headers = ["content-type: video/webm", header];
        let token = gateway.candidate(SESSION);
        gateway.ask(&request("PUT", "/v1/sessions/t1:e1:s1/chunks/36000", &token, &headers, b"x"))
    };
    put("chunk-begins: yes").assert_problem(400);
    for (header, begins) in [("chunk-begins: ?1", true), ("chunk-begins: ?0", false), ("x: y", false)] {
        assert_eq!(put(header).status, 204);
        let entries = gateway.log.entries();
        let Some(Entry::Chunk(chunk)) = entries.last() else { panic!("{entries:?}") };
        assert_eq!(chunk.header.begins, begins, "{header}");
    }
}

#[test]
fn tokens_and_ends_of_a_session_are_asked_for_seldom() {
    let gateway = Gateway::start();
    let end =
        |token: &str| gateway.ask(&request("POST", "/v1/sessions/t1:e1:s1/end", token, &[], b"")).status;
    let token = gateway.candidate(SESSION);
    let statuses: Vec<u16> = (0..11).map(|_| end(&token)).collect();
    assert_eq!((&statuses[..10], statuses[10]), (&[202; 10][..], 429));
    assert_eq!(end(&gateway.token(Role::Service, "t1")), 202, "its back end has its own");
}

#[test]
fn a_log_that_is_full_or_away_is_told_with_a_time_to_try_again() {
    let gateway = Gateway::start();
    gateway.log.behave(Behaviour::IsFull);
    let full = gateway.put_chunk(SESSION, "0", b"x");
    full.assert_problem(429);
    assert_eq!(full.header("retry-after"), Some("1"));
    gateway.log.behave(Behaviour::Fails);
    let away = gateway.put_chunk(SESSION, "0", b"x");
    away.assert_problem(503);
    assert_eq!(away.header("retry-after"), Some("2"));
    let service = gateway.token(Role::Service, "t1");
    gateway.post("/v1/sessions", &service, &json!({"exam": "e1"})).assert_problem(503);
    gateway.log.behave(Behaviour::Acknowledges);
    assert_eq!(gateway.put_chunk(SESSION, "0", b"x").status, 204);
}

#[test]
fn what_is_no_chunk_is_refused() {
    let gateway = Gateway::start();
    let token = gateway.candidate(SESSION);
    let put = |number: &str, headers: &[&str], body: &[u8]| {
        let path = format!("/v1/sessions/t1:e1:s1/chunks/{number}");
        gateway.ask(&request("PUT", &path, &token, headers, body))
    };
    let webm = "content-type: video/webm";
    put("0", &[webm], b"").assert_problem(422);
    put("0", &["content-type: text/html"], b"x").assert_problem(415);
    put("0", &[], b"x").assert_problem(415);
    for number in ["-1", "x", "01", "6048000"] {
        put(number, &[webm], b"x").assert_problem(400);
    }
    put("0", &[webm, "content-digest: sha-256=:AAAA:"], b"x").assert_problem(400);
    assert!(gateway.log.entries().is_empty());
    let right = "content-digest: sha-256=:LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=:";
    assert_eq!(put("0", &[webm, right], b"x").status, 204);
}

#[test]
fn chunks_of_unknown_length_are_taken_up_to_the_limit() {
    let gateway = Gateway::start();
    let token = gateway.candidate(SESSION);
    let head = |length: &str| {
        format!(
            "PUT /v1/sessions/t1:e1:s1/chunks/0 HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\ncontent-type: video/webm\r\n{length}\r\n\r\n"
        )
    };
    let chunked =
        [head("transfer-encoding: chunked").as_bytes(), b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"].concat();
    assert_eq!(gateway.ask(&chunked).status, 204);
    let empty = [head("transfer-encoding: chunked").as_bytes(), b"0\r\n\r\n"].concat();
    gateway.ask(&empty).assert_problem(422);
    // Refused by its length alone: none of it is sent.
    gateway.ask(head("content-length: 1048577").as_bytes()).assert_problem(413);
    let mut giant = head("transfer-encoding: chunked").into_bytes();
    giant.extend_from_slice(b"100001\r\n");
    giant.resize(giant.len() + 0x10_0001, b'x');
    giant.extend_from_slice(b"\r\n0\r\n\r\n");
    gateway.ask(&giant).assert_problem(413);
    let [Entry::Chunk(chunk)] = &gateway.log.entries()[..] else { panic!("one chunk") };
    assert_eq!(chunk.bytes, b"abcde");
}

#[test]
fn a_session_that_sends_more_than_its_share_is_slowed_down() {
    let gateway = Gateway::with(gateway::GatewaySettings { bytes_per_s: 10_000, ..settings() });
    // At once: one chunk of the largest size.
    assert_eq!(gateway.put_chunk(SESSION, "0", &vec![1; 1 << 20]).status, 204);
    let slowed = gateway.put_chunk(SESSION, "1", &[1; 50_000]);
    slowed.assert_problem(429);
    let pause: u64 = slowed.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&pause), "{pause}");
    assert_eq!(gateway.put_chunk("t1/e1/s2", "0", &[1; 50_000]).status, 204, "each has their own");
}

#[test]
fn uploads_that_wait_for_the_log_are_bounded_in_memory() {
    let gateway = Gateway::with(gateway::GatewaySettings { upload_bytes: 2 << 20, ..settings() });
    gateway.log.behave(Behaviour::Holds);
    let waiting: Vec<_> = (0..2)
        .map(|number| {
            let path = format!("/v1/sessions/t1:e1:s1/chunks/{number}");
            let token = gateway.candidate(SESSION);
            gateway.ask_aside(request("PUT", &path, &token, &["content-type: video/webm"], &vec![0; 1 << 20]))
        })
        .collect();
    wait_until(|| gateway.log.held() == 2);
    gateway.put_chunk(SESSION, "2", b"x").assert_problem(429);
    gateway.log.release();
    assert!(waiting.into_iter().all(|waiting| waiting.join().unwrap().status == 204));
    gateway.log.behave(Behaviour::Acknowledges);
    assert_eq!(gateway.put_chunk(SESSION, "2", b"x").status, 204);
}

#[test]
fn sessions_that_make_no_sense_are_refused() {
    let gateway = Gateway::start();
    let service = gateway.token(Role::Service, "t1");
    let refused: [(Value, u16); 9] = [
        (json!({}), 422),
        (json!({"exam": "e/1"}), 422),
        (json!({"exam": "e1", "name": "a b"}), 422),
        (json!({"exam": "e1", "policy": "none"}), 422),
        (json!({"exam": "e1", "stream": {"kind": "screen"}}), 422),
        (json!({"exam": "e1", "expected_ms": -1}), 422),
        (json!({"exam": "e1", "accommodations": ["wings"]}), 422),
        (json!({"exam": "e1", "who": "Mallory"}), 422),
        (json!([]), 422),
    ];
    for (new, status) in refused {
        let answer = gateway.post("/v1/sessions", &service, &new);
        answer.assert_problem(status);
        assert!(!answer.text().contains("Mallory"));
    }
    let json = ["content-type: application/json"];
    gateway.ask(&request("POST", "/v1/sessions", &service, &json, b"{")).assert_problem(400);
    gateway.ask(&request("POST", "/v1/sessions", &service, &[], b"{}")).assert_problem(415);
    let long = vec![b' '; (64 << 10) + 1];
    gateway.ask(&request("POST", "/v1/sessions", &service, &json, &long)).assert_problem(413);
    assert!(gateway.log.entries().is_empty());
    let unnamed = gateway.post("/v1/sessions", &service, &json!({"exam": "e1"}));
    assert_eq!(unnamed.json()["id"].as_str().unwrap().len(), "t1:e1:".len() + 32);
}

#[test]
fn tokens_are_renewed_while_they_are_good_and_not_for_ever() {
    let gateway = Gateway::start();
    let renew = |token: &str| gateway.ask(&request("POST", "/v1/sessions/t1:e1:s1/token", token, &[], b""));
    let renewed = renew(&gateway.candidate(SESSION));
    assert_eq!(renewed.status, 200);
    let token = renewed.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(renew(&token).status, 200, "the new one is as good as the old one");
    let path = "/v1/sessions/t1:e1:s1/chunks/0";
    assert_eq!(gateway.ask(&request("PUT", path, &token, &["content-type: video/webm"], b"x")).status, 204);
    let session = Some(SESSION.to_owned());
    let old = Claims { session, renew_until: Some(in_an_hour() - 7_200), ..claims(Role::Candidate, "t1") };
    renew(&gateway.keys.sign(&old)).assert_problem(403);
    assert_eq!(renew(&gateway.token(Role::Service, "t1")).status, 200);
}
