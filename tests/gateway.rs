//! Promise: what the gateway acknowledges is in Kafka, whatever is killed; what a person decides there becomes a new
//! revision of the score; and its rights are those that `topics acls` prints.
//!
//! Real binary, real Apache Kafka. Everything that needs no broker is tested in `pipeline/gateway/tests/`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::messages::canonical::sha256_hex;
use kafka::Record;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::broker::Broker;
use crate::cut::{Segment, published, segments};
use crate::exam::{Exam, PATIENCE, clip, data, invigilator, text};

/// A gateway on an exam's topics, and what it needs.
pub struct Gateway<'a> {
    exam: &'a Exam,
    folder: TempDir,
    /// Where its store is.
    store: PathBuf,
    /// Further variables of its environment.
    variables: Vec<(String, String)>,
    child: Child,
    pub address: String,
    pub telemetry: String,
}

/// The file of subscribers, in the folder of a gateway.
const SUBSCRIBERS: &str = "subscribers.toml";

impl<'a> Gateway<'a> {
    pub fn start(exam: &'a Exam) -> Self {
        Self::with(exam, &[])
    }

    /// One that tells others of results: with these files in its folder, one of them the file of subscribers.
    pub fn telling(exam: &'a Exam, subscribers: &str, secrets: &[(&str, &str)]) -> Self {
        Self::with(exam, &[&[(SUBSCRIBERS, subscribers)], secrets].concat())
    }

    fn with(exam: &'a Exam, files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let store = folder.path().join("store");
        Self::launched(exam, folder, store, Vec::new())
    }

    /// One whose store outlives it, with further variables in its environment.
    pub fn keeping(exam: &'a Exam, store: &Path, variables: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables = variables.iter().map(owned).collect();
        Self::launched(exam, TempDir::new().unwrap(), store.to_owned(), variables)
    }

    fn launched(exam: &'a Exam, folder: TempDir, store: PathBuf, variables: Vec<(String, String)>) -> Self {
        std::fs::write(folder.path().join("key"), "k".repeat(32)).unwrap();
        let (child, address, telemetry) = launch(exam, &folder, &store, &variables);
        Self { exam, folder, store, variables, child, address, telemetry }
    }

    /// Starts another one without what this one has in its store.
    pub fn forget_store(&mut self) {
        assert_eq!(self.end(), Some(0));
        std::fs::remove_dir_all(&self.store).unwrap();
        self.restart();
    }

    /// Kills it at once, and starts another one on the same store.
    pub fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.restart();
    }

    /// Starts another one on the same store, after this one has ended.
    pub fn restart(&mut self) {
        (self.child, self.address, self.telemetry) =
            launch(self.exam, &self.folder, &self.store, &self.variables);
    }

    /// Ends it as Kubernetes would; returns its exit code.
    pub fn terminate(mut self) -> Option<i32> {
        self.end()
    }

    /// The same, of one that may be started again.
    pub fn end(&mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }

    /// A subcommand of `invigilator gateway`, with the same settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        // Arguments of the gateway itself do not go with those of a subcommand; its variables do.
        let (mut command, exam) = (invigilator(), self.exam.command("gateway"));
        command
            .arg("gateway")
            .args(arguments)
            .envs(exam.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("INVIGILATOR__KAFKA__BROKERS", self.exam.bootstrap())
            .env("INVIGILATOR__GATEWAY__SUBSCRIBERS", self.folder.path().join(SUBSCRIBERS));
        command
    }

    /// A figure of it; 0 while it has none.
    pub fn metric(&self, series: &str) -> f64 {
        let (_, metrics) = ask(&self.telemetry, "GET", "/metrics", "", "", b"").unwrap();
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
        value.unwrap_or_default()
    }

    pub fn token(&self, role: &str) -> String {
        self.token_of(&[role])
    }

    /// A token of somebody who has all these roles.
    pub fn token_of(&self, roles: &[&str]) -> String {
        let output = invigilator()
            .args(["gateway", "token", "--tenant", "t1", "--subject", "somebody"])
            .args(roles.iter().flat_map(|role| ["--role", role]))
            .env("INVIGILATOR__GATEWAY__KEY_FILE", self.folder.path().join("key"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What an operator is answered.
    pub fn operator(&self, path: &str) -> (u16, String) {
        ask(&self.telemetry, "GET", path, "", "", b"").unwrap()
    }

    pub fn get(&self, path: &str, token: &str) -> (u16, String) {
        ask(&self.address, "GET", path, token, "", b"").unwrap()
    }

    pub fn post(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let (status, said) =
            ask(&self.address, "POST", path, token, "application/json", body.as_bytes()).unwrap();
        (status, serde_json::from_str(&said).unwrap_or_default())
    }

    /// A new session: its id and its upload token.
    pub fn create(&self, service: &str, name: &str) -> (String, String) {
        let (status, created) = self.post("/v1/sessions", service, &json!({"exam": "e1", "name": name}));
        assert_eq!(status, 201, "{created}");
        (text(&created["id"]), text(&created["upload"]["token"]))
    }
}

impl Drop for Gateway<'_> {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

fn launch(
    exam: &Exam,
    folder: &TempDir,
    store: &Path,
    variables: &[(String, String)],
) -> (Child, String, String) {
    let mut command = exam.command("gateway");
    let subscribers = folder.path().join(SUBSCRIBERS);
    if subscribers.exists() {
        command.env("INVIGILATOR__GATEWAY__SUBSCRIBERS", subscribers);
    }
    let mut child = command
        .env("INVIGILATOR__GATEWAY__LISTEN", "127.0.0.1:0")
        .env("INVIGILATOR__GATEWAY__KEY_FILE", folder.path().join("key"))
        .env("INVIGILATOR__GATEWAY__STORE", store)
        .envs(variables.iter().cloned())
        .env("INVIGILATOR__GATEWAY__APPEND_TIMEOUT_MS", "2000")
        .env("INVIGILATOR__GATEWAY__REQUESTS_PER_S", "10000")
        .env("INVIGILATOR__TELEMETRY__LISTEN", "127.0.0.1:0")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let (address, telemetry) = loop {
        let mut line = String::new();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the gateway ended before it began");
        let Ok(entry) = serde_json::from_str::<Value>(&line) else { panic!("no log line: {line}") };
        if entry["message"] == "gateway started" {
            break (text(&entry["address"]), text(&entry["telemetry"]));
        }
    };
    // Somebody has to read the rest, or the gateway waits for room to write it.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::stderr()));
    (child, address, telemetry)
}

/// Asks once on a connection of its own: status and body.
pub fn ask(
    address: &str,
    method: &str,
    path: &str,
    token: &str,
    kind: &str,
    body: &[u8],
) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other("it hung up"))?;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    Ok((status, body.to_owned()))
}

pub fn put(address: &str, id: &str, number: usize, token: &str, bytes: &[u8]) -> std::io::Result<u16> {
    let path = format!("/v1/sessions/{id}/chunks/{number}");
    ask(address, "PUT", &path, token, "video/webm;codecs=vp8", bytes).map(|(status, _)| status)
}

pub fn wait_until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "not within {} s: {what}", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub fn header(record: &Record, name: &str) -> String {
    String::from_utf8(record.headers.get(name).unwrap_or_default().to_vec()).unwrap()
}

/// Chunks of the log: hash by session and number.
fn chunks(exam: &Exam) -> BTreeMap<(String, usize), String> {
    let records = exam.read_all(&exam.topics.chunks());
    let is_chunk = |record: &&Record| header(record, "ce_type") == "invigilator.chunk.v1";
    let chunk = |record: &Record| {
        let hash = sha256_hex(record.value.as_deref().unwrap_or_default());
        assert_eq!(header(record, "ce_chunksha256"), hash);
        ((header(record, "ce_subject"), header(record, "ce_chunk").parse().unwrap()), hash)
    };
    records.iter().filter(is_chunk).map(chunk).collect()
}

#[test]
fn what_a_session_uploads_is_in_kafka_when_it_is_acknowledged() {
    let exam = Exam::new("gateway-uploads");
    exam.create_topics();
    let gateway = Gateway::start(&exam);
    let service = gateway.token("service");
    let (id, token) = gateway.create(&service, "s1");
    assert_eq!(id, "t1:e1:s1");
    for number in 0..5 {
        let bytes = vec![number as u8; 10_000];
        assert_eq!(put(&gateway.address, &id, number, &token, &bytes).unwrap(), 204);
        let hash = chunks(&exam).remove(&("t1/e1/s1".to_owned(), number));
        assert_eq!(hash, Some(sha256_hex(&bytes)), "acknowledged is in the log");
    }
    assert_eq!(gateway.post(&format!("/v1/sessions/{id}/end"), &token, &json!({})).0, 202);
    let types = |topic: &str| -> Vec<String> {
        exam.read_all(topic).iter().map(|record| header(record, "ce_type")).collect()
    };
    assert_eq!(types(&exam.topics.chunks()).last().unwrap(), "invigilator.upload.v1");
    assert_eq!(types(&exam.topics.sessions()), ["invigilator.session.v1"]);
    assert_eq!(types(&exam.topics.audit()).len(), 2, "created and ended");
    let first = &exam.read_all(&exam.topics.chunks())[0];
    assert_eq!(header(first, "ce_chunkbegins"), "", "it did not say so");

    // What the log says of it, the dashboard shows.
    let proctor = gateway.token("proctor");
    wait_until("the session is listed", || {
        let (_, listed) = gateway.get("/v1/sessions", &proctor);
        listed.contains("\"t1:e1:s1\"").then_some(())
    });
    wait_until("it is ready", || (gateway.operator("/readyz").0 == 200).then_some(()));
    let (_, metrics) = gateway.operator("/metrics");
    for series in [
        "invigilator_gateway_chunks_total 5",
        "invigilator_gateway_chunk_bytes_total 50000",
        "invigilator_gateway_requests_total{method=\"PUT\",route=\"/v1/sessions/{id}/chunks/{n}\",status=\"2xx\"} 5",
    ] {
        assert!(metrics.contains(series), "{series} in {metrics}");
    }
    assert!(!metrics.contains("s1"), "no session is a label");
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn a_broker_that_dies_costs_time_and_loses_nothing_that_was_acknowledged() {
    let mut broker = Broker::start();
    let exam = Exam::on(&broker.bootstrap(), "gateway-broker");
    exam.create_topics();
    let gateway = Gateway::start(&exam);
    let (id, token) = gateway.create(&gateway.token("service"), "s1");
    let send = |number: usize| put(&gateway.address, &id, number, &token, &[number as u8; 1_000]).unwrap();
    let mut acknowledged = Vec::new();
    for number in 0..10 {
        assert_eq!(send(number), 204);
        acknowledged.push(number);
    }
    broker.kill();
    assert_eq!(send(10), 503);
    broker.restart();
    for number in 10..20 {
        wait_until("chunks are taken again", || (send(number) == 204).then_some(()));
        acknowledged.push(number);
    }
    let found = chunks(&exam);
    for number in acknowledged {
        assert!(found.contains_key(&("t1/e1/s1".to_owned(), number)), "chunk {number} was acknowledged");
    }
}

#[test]
fn a_gateway_that_is_killed_loses_nothing_that_it_acknowledged() {
    let exam = Exam::new("gateway-killed");
    exam.create_topics();
    let mut gateway = Gateway::start(&exam);
    let service = gateway.token("service");
    let sessions: Vec<_> = (0..8).map(|number| gateway.create(&service, &format!("s{number}"))).collect();
    let acknowledged = Mutex::new(Vec::new());
    for _ in 0..3 {
        let (address, is_dead) = (gateway.address.clone(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for (id, token) in &sessions {
                let (address, acknowledged, is_dead) = (&address, &acknowledged, &is_dead);
                scope.spawn(move || {
                    let mut number = 0;
                    while !is_dead.load(Ordering::Relaxed) {
                        let bytes = format!("{id} {number} {address}").into_bytes();
                        if matches!(put(address, id, number, token, &bytes), Ok(204)) {
                            let session = id.replace(':', "/");
                            acknowledged.lock().unwrap().push((session, number, sha256_hex(&bytes)));
                        }
                        number += 1;
                    }
                });
            }
            let enough = acknowledged.lock().unwrap().len() + 200;
            wait_until("uploads go on", || (acknowledged.lock().unwrap().len() >= enough).then_some(()));
            gateway.kill_and_restart();
            is_dead.store(true, Ordering::Relaxed);
        });
    }
    let records = exam.read_all(&exam.topics.chunks());
    let found: std::collections::BTreeSet<(String, usize, String)> = records
        .iter()
        .map(|record| {
            let number = header(record, "ce_chunk").parse().unwrap();
            (header(record, "ce_subject"), number, header(record, "ce_chunksha256"))
        })
        .collect();
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() >= 600);
    for chunk in acknowledged {
        assert!(found.contains(&chunk), "{chunk:?} was acknowledged");
    }
}

/// Browsers that send each chunk until it is acknowledged, while both processes on its way are killed again and again.
#[test]
fn kills_of_gateway_and_cutter_lose_nothing_that_was_acknowledged() {
    const CLIPS: [&str; 4] =
        ["c05_second_person_vp8.webm", "c08_covered_vp8.webm", "c11_frozen_vp8.webm", "c16_opus_vp8.webm"];
    let exam = Exam::new("gateway-kills");
    exam.create_topics();
    // Members of the group that died are missed soon; nothing is silent, however slow the machine.
    let variables = [
        ("INVIGILATOR__KAFKA__SESSION_TIMEOUT_MS", "2000"),
        ("INVIGILATOR__WORKER__CUT_SILENCE_MS", "600000"),
    ];
    let start_cutter = || exam.worker_of(&["cut"], "gateway-kills-0", &variables);
    let (mut gateway, mut cutter) = (Gateway::start(&exam), start_cutter());
    let service = gateway.token("service");
    let sessions = CLIPS.map(|name| (name, gateway.create(&service, &name[..3])));
    let (address, acknowledged) = (Mutex::new(gateway.address.clone()), AtomicUsize::new(0));
    let ask_until = |wanted: u16, send: &dyn Fn(&str) -> std::io::Result<u16>| {
        wait_until("it is taken", || {
            let to = address.lock().unwrap().clone();
            (send(&to).ok()? == wanted).then_some(())
        });
    };
    std::thread::scope(|scope| {
        for (name, (id, token)) in &sessions {
            let (acknowledged, ask_until) = (&acknowledged, &ask_until);
            scope.spawn(move || {
                let video = std::fs::read(clip(name)).unwrap();
                for (number, bytes) in video.chunks(20_000).enumerate() {
                    ask_until(204, &|to| put(to, id, number, token, bytes));
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                let path = format!("/v1/sessions/{id}/end");
                ask_until(202, &|to| {
                    ask(to, "POST", &path, token, "application/json", b"{}").map(|answer| answer.0)
                });
            });
        }
        for _ in 0..3 {
            let enough = acknowledged.load(Ordering::Relaxed) + 40;
            wait_until("uploads go on", || (acknowledged.load(Ordering::Relaxed) >= enough).then_some(()));
            cutter.signal(Signal::KILL);
            gateway.kill_and_restart();
            gateway.address.clone_into(&mut address.lock().unwrap());
            cutter = start_cutter();
        }
    });
    let is_end = |record: &&Record| data(record)["event"] == "ended";
    exam.read(&exam.topics.sessions(), |facts| facts.iter().filter(is_end).count() == CLIPS.len());
    let of_files = |mut segments: Vec<Segment>| {
        segments.iter_mut().for_each(|segment| segment.session.clear());
        segments.sort();
        segments
    };
    assert_eq!(of_files(segments(&exam)), of_files(published("gateway-kills-files", &CLIPS).0));
    assert_eq!(cutter.terminate(), Some(0));
}

#[test]
fn video_that_is_uploaded_in_pieces_is_scored_and_shown() {
    let exam = Exam::new("gateway-video");
    exam.create_topics();
    let mut gateway = Gateway::start(&exam);
    let _worker = exam.worker("video");
    let (id, token) = gateway.create(&gateway.token("service"), "s1");
    let video = std::fs::read(clip("c16_opus_vp8.webm")).unwrap();
    // As a browser cuts: anywhere. Some pieces are sent twice, and two of them in the wrong order.
    let mut pieces: Vec<(usize, &[u8])> = video.chunks(50_001).enumerate().collect();
    pieces.insert(1, pieces[0]);
    let last = pieces.len() - 1;
    pieces.swap(last - 1, last);
    for (number, bytes) in pieces {
        assert_eq!(put(&gateway.address, &id, number, &token, bytes).unwrap(), 204);
    }
    assert_eq!(gateway.post(&format!("/v1/sessions/{id}/end"), &token, &json!({})).0, 202);
    let proctor = gateway.token("proctor");
    let page = wait_until("the score is final", || {
        let (_, page) = gateway.get(&format!("/v1/sessions/{id}"), &proctor);
        let page: Value = serde_json::from_str(&page).ok()?;
        (page["score"]["status"] == "final").then_some(page)
    });
    assert_eq!(
        (&page["summary"]["state"], &page["score"]["integrity"]),
        (&json!("ended"), &json!(100)),
        "{page}"
    );
    let (_, timeline) = gateway.get(&format!("/v1/sessions/{id}/timeline"), &proctor);
    let timeline: Value = serde_json::from_str(&timeline).unwrap();
    assert!(timeline["samples"].as_array().unwrap().iter().any(|sample| sample["faces"] == 1), "{timeline}");

    // One that begins behind what there is, is ready when it has read it, although nothing more comes.
    gateway.kill_and_restart();
    wait_until("it is ready", || {
        let (status, _) = ask(&gateway.telemetry, "GET", "/readyz", "", "", b"").ok()?;
        (status == 200).then_some(())
    });
    let (_, again) = gateway.get(&format!("/v1/sessions/{id}"), &proctor);
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap()["score"], page["score"]);
}

#[test]
fn a_decision_becomes_a_new_revision_of_the_score() {
    let exam = Exam::new("gateway-review");
    exam.create_topics();
    let gateway = Gateway::start(&exam);
    let _worker = exam.worker("review");
    let file: PathBuf = clip("c05_second_person_vp8.webm");
    let published =
        exam.command("publish").args(["--no-progress", "--session", "t1/e1/s1"]).arg(file).output().unwrap();
    assert!(published.status.success(), "{}", String::from_utf8_lossy(&published.stderr));
    let reviewer = gateway.token("reviewer");
    let page = |wanted: &dyn Fn(&Value) -> bool| {
        wait_until("the page shows it", || {
            let (status, page) = gateway.get("/v1/sessions/t1:e1:s1", &reviewer);
            let page: Value = serde_json::from_str(&page).ok().filter(|_| status == 200)?;
            wanted(&page).then_some(page)
        })
    };
    let before = page(&|page| page["score"]["status"] == "final");
    let counts = |incident: &&Value| incident["counts"] == true;
    let incident = before["incidents"].as_array().unwrap().iter().find(counts).unwrap();
    assert_eq!(incident["type"], "multiple_persons");
    let review = json!({
        "type": incident["type"], "start_ms": incident["start_ms"], "end_ms": incident["end_ms"],
        "decision": "dismiss", "note": "a poster",
    });
    let (status, made) = gateway.post("/v1/sessions/t1:e1:s1/reviews", &reviewer, &review);
    assert_eq!((status, &made["by"]), (201, &json!("somebody")), "{made}");
    let rev = before["score"]["rev"].as_i64().unwrap();
    let after = page(&|page| page["score"]["rev"].as_i64() > Some(rev) && page["score"]["status"] == "final");
    assert_eq!((&before["score"]["band"], &after["score"]["integrity"]), (&json!("amber"), &json!(100)));
    assert_eq!(after["reviews"][0]["note"], "a poster");
    let (_, revisions) = gateway.get("/v1/sessions/t1:e1:s1/scores", &reviewer);
    assert!(revisions.contains("\"supersedes\""), "{revisions}");
}
