//! Promise: listeners are told what happens as it happens, go on where they were, and know when they missed something.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use gateway::GatewaySettings;
use gateway::auth::{Claims, Role};
use serde_json::{Value, json};

use crate::reading::{incident_of, score_of, start_of};
use crate::support::{Gateway, claims, in_an_hour, request, settings};

/// A listener.
struct Listener {
    lines: BufReader<TcpStream>,
    /// Of the last event.
    id: String,
}

#[derive(Debug)]
struct Told {
    kind: String,
    data: Value,
}

impl Listener {
    fn new(gateway: &Gateway, query: &str, token: &str, last: Option<&str>) -> Self {
        let last = last.map(|last| format!("last-event-id: {last}"));
        let headers: Vec<&str> = last.iter().map(String::as_str).collect();
        let mut stream = gateway.connect();
        stream.write_all(&request("GET", &format!("/v1/events{query}"), token, &headers, b"")).unwrap();
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        while line != "\r\n" {
            line.clear();
            lines.read_line(&mut line).unwrap();
        }
        let mut listener = Self { lines, id: String::new() };
        assert_eq!(listener.line().as_deref(), Some("retry: 2000"));
        listener
    }

    /// The next line, without what frames the body; `None` at the end.
    fn line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 || line == "0\r\n" {
                return None;
            }
            if let Some(text) = line.strip_suffix('\n').filter(|text| !text.ends_with('\r')) {
                return Some(text.to_owned());
            }
        }
    }

    /// The next event. Comments are passed over.
    fn hear(&mut self) -> Option<Told> {
        let (mut kind, mut data) = (String::new(), Value::Null);
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("id", id)) => id.clone_into(&mut self.id),
                Some(("event", name)) => name.clone_into(&mut kind),
                Some(("data", text)) => data = serde_json::from_str(text).unwrap(),
                _ if line.is_empty() && !kind.is_empty() => return Some(Told { kind, data }),
                _ => {}
            }
        }
    }

    fn expect(&mut self, kind: &str, session: &str) -> Told {
        let told = self.hear().unwrap();
        assert_eq!((told.kind.as_str(), &told.data["session"]), (kind, &json!(session)), "{told:?}");
        told
    }
}

#[test]
fn what_happens_is_told_to_those_whom_it_concerns() {
    let gateway = Gateway::start();
    let proctor = gateway.token(Role::Proctor, "t1");
    let of_e2 =
        gateway.keys.sign(&Claims { exams: Some(vec!["e2".to_owned()]), ..claims(Role::Proctor, "t1") });
    let mut all = Listener::new(&gateway, "", &proctor, None);
    let mut exam = Listener::new(&gateway, "?exam=e1", &proctor, None);
    let mut one = Listener::new(&gateway, "?session=t1:e2:s1", &proctor, None);
    let mut few = Listener::new(&gateway, "", &of_e2, None);
    let mut foreign = Listener::new(&gateway, "", &gateway.token(Role::Admin, "t2"), None);
    for session in ["t1/e1/s1", "t1/e2/s1", "t1/e2/s2", "t2/e1/s1"] {
        gateway.read(start_of(session, 0));
    }
    gateway.read(vec![incident_of("t1/e2/s1", &[])]);
    gateway.read(vec![score_of("t1/e2/s1", &[])]);
    for session in ["t1/e1/s1", "t1/e2/s1", "t1/e2/s2"] {
        all.expect("session", session);
    }
    let incident = all.expect("incident", "t1/e2/s1");
    assert!(incident.data["incident_id"].is_string());
    all.expect("session", "t1/e2/s1");
    assert_eq!(all.expect("score", "t1/e2/s1").data["integrity"], 77);
    exam.expect("session", "t1/e1/s1");
    for listener in [&mut one, &mut few] {
        assert_eq!(listener.expect("session", "t1/e2/s1").data["state"], "waiting");
    }
    one.expect("incident", "t1/e2/s1");
    few.expect("session", "t1/e2/s2");
    foreign.expect("session", "t2/e1/s1");
}

#[test]
fn who_comes_back_goes_on_where_they_were() {
    let gateway = Gateway::start();
    let proctor = gateway.token(Role::Proctor, "t1");
    let mut listener = Listener::new(&gateway, "", &proctor, None);
    gateway.read(start_of("t1/e1/s1", 0));
    listener.expect("session", "t1/e1/s1");
    let last = listener.id.clone();
    drop(listener);
    gateway.read(start_of("t1/e1/s2", 0));
    gateway.read(start_of("t1/e1/s3", 0));
    let mut listener = Listener::new(&gateway, "", &proctor, Some(&last));
    listener.expect("session", "t1/e1/s2");
    listener.expect("session", "t1/e1/s3");
}

#[test]
fn who_missed_something_is_told_to_fetch_anew() {
    let gateway = Gateway::start();
    let proctor = gateway.token(Role::Proctor, "t1");
    gateway.read(start_of("t1/e1/s1", 0));
    // Of another process, of one that never was, of nothing at all.
    let instance = {
        let mut listener = Listener::new(&gateway, "", &proctor, None);
        gateway.read(start_of("t1/e1/s2", 0));
        listener.expect("session", "t1/e1/s2");
        listener.id.rsplit_once('-').unwrap().0.to_owned()
    };
    for last in ["0123-0", &format!("{instance}-99"), "nonsense"] {
        let mut listener = Listener::new(&gateway, "", &proctor, Some(last));
        assert_eq!(listener.hear().unwrap().kind, "reset", "{last}");
        gateway.read(start_of(&format!("t1/e1/after-{}", last.len()), 0));
        assert_eq!(listener.hear().unwrap().kind, "session");
    }
}

#[test]
fn silence_is_told_and_streams_end_with_their_token_and_with_the_gateway() {
    let heartbeat = Duration::from_millis(100);
    let mut gateway = Gateway::with(GatewaySettings { heartbeat, ..settings() });
    let proctor = gateway.token(Role::Proctor, "t1");
    gateway.read(start_of("t1/e1/s1", 0));
    let mut listener = Listener::new(&gateway, "", &proctor, None);
    let mut beats = 0;
    while beats < 3 {
        beats += usize::from(listener.line().unwrap() == ":");
    }
    let soon = Claims { exp: in_an_hour() - 3_599, ..claims(Role::Proctor, "t1") };
    let mut short = Listener::new(&gateway, "", &gateway.keys.sign(&soon), None);
    while short.line().is_some() {}
    gateway.close();
    while listener.line().is_some() {}
    gateway.wait_for_end();
}

#[test]
fn listeners_are_bounded() {
    let gateway = Gateway::with(GatewaySettings { listeners: 1, ..settings() });
    let proctor = gateway.token(Role::Proctor, "t1");
    let first = Listener::new(&gateway, "", &proctor, None);
    let second = gateway.get("/v1/events", &proctor);
    second.assert_problem(503);
    assert!(second.header("retry-after").is_some());
    drop(first);
    let begun = std::time::Instant::now();
    // The gateway learns that the first one has gone when it tells it something.
    loop {
        gateway.read(start_of(&format!("t1/e1/s{}", begun.elapsed().as_nanos()), 0));
        let mut stream = gateway.connect();
        stream.write_all(&request("GET", "/v1/events", &proctor, &[], b"")).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        if line.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(begun.elapsed() < crate::support::PATIENCE);
    }
}
