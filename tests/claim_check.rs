//! Promise: media by reference are scored as media in records are; a store that is down costs time and
//! nothing else, and only where something is waited for; a record leads nowhere that no operator allowed.
//!
//! Real binary, real decoder and models, real Apache Kafka, a real S3-compatible server.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use kafka::{Outgoing, Publisher, PublisherSettings, Record};
use serde_json::Value;
use tempfile::TempDir;

use crate::exam::{
    Exam, PARTITIONS, Worker, assert_observed_once, clip, data, invigilator, text, without_history,
};
use crate::object_store::ObjectStore;

const BUCKET: &str = "media";
const PREFIX: &str = "s3://media/exams";
/// Records that the observe role is through with.
const DONE: &str = "invigilator_stage_items_total{outcome=\"ok\",stage=\"publish\"}";

/// The first seconds of a clip.
fn recording(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("short.webm");
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-t", "9.9", "-i"])
        .arg(clip("c16_opus_vp8.webm"))
        .args(["-an", "-c", "copy"])
        .arg(&path)
        .status();
    assert!(status.unwrap().success());
    path
}

/// Publishes a recording as a session; with a place, its media go there.
fn publish(exam: &Exam, recording: &Path, session: &str, place: Option<(&str, &[(&str, String)])>) {
    let mut command = exam.command("publish");
    command
        .args(["--no-progress", "--create-topics", &PARTITIONS.to_string(), "--session", session])
        .arg(recording);
    if let Some((media, environment)) = place {
        command.args(["--by-reference", "--media", media]).envs(environment.iter().cloned());
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A worker that may read from the store and below the given prefixes, and tries again for so long.
fn worker(exam: &Exam, store: &ObjectStore, prefixes: &[&str], retry_for_ms: u32) -> Worker {
    let [endpoint, region, key, secret] = store.environment();
    let allowed = ("INVIGILATOR__WORKER__MEDIA_PREFIXES", format!("{prefixes:?}"));
    let retry = ("INVIGILATOR__WORKER__RETRY_FOR_MS", retry_for_ms.to_string());
    // However slow this machine is, no session is over before its records are there.
    let idle = ("INVIGILATOR__WORKER__IDLE_AFTER_END_MS", "600000".to_owned());
    let variables = [endpoint, region, key, secret, allowed, retry, idle];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    exam.worker_with("claim-check", &variables)
}

/// The score that `analyze` gives for a recording.
fn analyzed(recording: &Path, session: &str) -> Value {
    let output = invigilator()
        .args(["analyze", "--json", "--no-progress", "--session", session])
        .arg(recording)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let mut events = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let score = events.rfind(|event| event["type"] == "invigilator.score.v1").unwrap();
    without_history(score["data"].clone())
}

fn publisher(exam: &Exam) -> Publisher<()> {
    Publisher::new(&exam.connection, PublisherSettings::default(), |(), result| result.unwrap()).unwrap()
}

/// Sends records again, to another topic.
fn forward(publisher: &Publisher<()>, records: &[Record], topic: &str) {
    for record in records {
        let copy = Outgoing {
            topic: topic.to_owned(),
            partition: None,
            key: record.key.clone(),
            value: record.value.clone(),
            headers: record.headers.clone(),
        };
        publisher.send(copy, ()).unwrap();
    }
    publisher.flush(Duration::from_secs(60)).unwrap();
}

fn header(record: &Record, name: &str) -> String {
    String::from_utf8(record.headers.get(name).unwrap_or_default().to_vec()).unwrap()
}

#[test]
fn a_store_that_is_down_holds_up_its_partition_alone_and_loses_nothing() {
    // Two in one partition, the third in another.
    const AWAY: &str = "local/claim/away";
    const BEHIND: &str = "local/claim/here";
    const HERE: &str = "local/claim/inline";
    let folder = tempfile::tempdir().unwrap();
    let recording = recording(&folder);
    let mut store = ObjectStore::start(BUCKET);
    // Records whose media are in the store, at hand when it is not.
    let elsewhere = Exam::new("claim-elsewhere");
    publish(&elsewhere, &recording, AWAY, Some((PREFIX, &store.environment())));
    let segments = elsewhere.read_all(&elsewhere.topics.segments());
    let facts = elsewhere.read_all(&elsewhere.topics.sessions());
    let (before, after) = segments.split_at(segments.len() / 2);

    let exam = Exam::new("claim-down");
    exam.create_topics();
    let worker = worker(&exam, &store, &[PREFIX], 600_000);
    let publisher = publisher(&exam);
    forward(&publisher, &facts[..1], &exam.topics.sessions());
    forward(&publisher, before, &exam.topics.segments());
    worker.wait_until("the store is read from", |worker| worker.metric(DONE) == before.len() as f64);

    store.kill();
    forward(&publisher, after, &exam.topics.segments());
    forward(&publisher, &facts[1..], &exam.topics.sessions());
    let retries = "invigilator_retries_total{reason=\"store_unreachable\",stage=\"fetch\"}";
    worker.wait_until("fetching was tried again and again", |worker| {
        worker.get("/metrics").1.contains(retries) && worker.metric(retries) >= 5.0
    });
    publish(&exam, &recording, BEHIND, None);
    publish(&exam, &recording, HERE, None);
    let all = exam.read_all(&exam.topics.segments());
    let partitions = |session: &str| -> BTreeSet<i32> {
        let of_session = all.iter().filter(|record| record.key == session.as_bytes());
        of_session.map(|record| record.origin.partition).collect()
    };
    assert_eq!(partitions(AWAY), partitions(BEHIND), "the names were chosen badly");
    assert!(partitions(AWAY).is_disjoint(&partitions(HERE)), "the names were chosen badly");
    let each = segments.len();
    worker.wait_until("the other partitions go on", |worker| {
        worker.metric(DONE) == (before.len() + each) as f64
    });
    // One record waits. Others that came before its first failure may have been taken in, and nothing
    // that was published after it.
    let taken_in = worker.metric("invigilator_stage_items_total{outcome=\"ok\",stage=\"ingest\"}");
    let allowed = (before.len() + each + 1) as f64..=(2 * each) as f64;
    assert!(allowed.contains(&taken_in), "nothing more of the partition that waits: {taken_in}");

    store.restart();
    let scores = exam.final_scores(3).into_iter();
    let scores: BTreeMap<_, _> = scores.map(|(session, score)| (session, without_history(score))).collect();
    assert_eq!(scores[AWAY], analyzed(&recording, AWAY));
    assert_eq!(scores[HERE], analyzed(&recording, HERE));
    assert_eq!(assert_observed_once(&exam), all.len());
    assert_eq!(exam.read_all(&exam.topics.dead_letters()).len(), 0);
    assert_eq!(worker.terminate(), Some(0));
}

/// A server that sends everybody elsewhere; counts who comes.
fn server(location: Option<&str>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (visitors, location) = (Arc::new(AtomicUsize::new(0)), location.unwrap_or_default().to_owned());
    let counted = Arc::clone(&visitors);
    thread::spawn(move || {
        for mut visitor in listener.incoming().map(Result::unwrap) {
            counted.fetch_add(1, Ordering::SeqCst);
            let _asked = visitor.read(&mut [0; 4096]);
            let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
            let _answered = visitor.write_all(answer.as_bytes());
        }
    });
    (base, visitors)
}

#[test]
fn records_lead_nowhere_that_is_not_allowed() {
    const SESSION: &str = "local/claim/hostile";
    const AWAY: &str = "http://127.0.0.1:1";
    let folder = tempfile::tempdir().unwrap();
    let recording = recording(&folder);
    let store = ObjectStore::start(BUCKET);
    let exam = Exam::new("claim-hostile");
    publish(&exam, &recording, SESSION, Some((PREFIX, &store.environment())));
    let segments = exam.read_all(&exam.topics.segments());
    let (secret, seen) = server(None);
    let (redirecting, asked) = server(Some(&format!("{secret}/exams/a")));

    let outside = folder.path().join("secret");
    std::fs::write(&outside, b"secret").unwrap();
    let hostile = [
        (format!("{secret}/exams/a"), "media_not_allowed"),
        ("http://169.254.169.254/latest/meta-data/".to_owned(), "media_not_allowed"),
        (format!("file://{}", outside.display()), "media_not_allowed"),
        ("s3://media/exams/../secret".to_owned(), "media_not_allowed"),
        (format!("{redirecting}/exams/a"), "media_redirected"),
        ("s3://media/exams/none".to_owned(), "media_not_found"),
        // Allowed, but nobody is there, and time is short.
        (format!("{AWAY}/a"), "store_unreachable"),
    ];
    let records = hostile.iter().enumerate().map(|(index, (uri, _))| {
        let mut record = segments[0].clone();
        record.headers.push("ce_sequence", (segments.len() + index).to_string());
        record.headers.push("ce_mediauri", uri.as_str());
        record
    });
    forward(&publisher(&exam), &records.collect::<Vec<_>>(), &exam.topics.segments());

    let worker = worker(&exam, &store, &[PREFIX, AWAY, &format!("{redirecting}/exams/")], 1_000);
    let letters = exam.read(&exam.topics.dead_letters(), |letters| letters.len() == hostile.len());
    let told: BTreeSet<_> =
        letters.iter().map(|letter| (header(letter, "ce_mediauri"), header(letter, "dlq-reason"))).collect();
    assert_eq!(told, hostile.into_iter().map(|(uri, why)| (uri, why.to_owned())).collect());
    for letter in &letters {
        assert_eq!(header(letter, "dlq-stage"), "fetch");
        let is_tried_again = header(letter, "dlq-attempts").parse::<u32>().unwrap() > 1;
        assert_eq!(is_tried_again, header(letter, "dlq-reason") == "store_unreachable");
    }
    let is_placeholder = |record: &Record| data(record)["status"] == "undecodable";
    let observations =
        exam.read(&exam.topics.observations(), |records| records.len() == segments.len() + letters.len());
    assert_eq!(observations.iter().filter(|record| is_placeholder(record)).count(), letters.len());
    assert!(observations.iter().all(|record| text(&data(record)["session"]) == SESSION));
    assert_eq!(seen.load(Ordering::SeqCst), 0, "nobody was asked whom no operator allowed");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(worker.terminate(), Some(0));
}

/// Serves a folder over TLS as `localhost`, until this process ends; where.
fn tls_server(folder: &Path, certificate: &Path, key: &Path) -> (String, Child) {
    const SERVER: &str = r#"
import functools, http.server, ssl, sys, threading
folder, certificate, key = sys.argv[1:]
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
"#;
    let mut server = Command::new("python3")
        .args(["-c", SERVER])
        .args([folder, certificate, key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut port).unwrap();
    (format!("https://localhost:{}", port.trim()), server)
}

#[test]
fn media_on_a_web_server_are_scored_as_media_in_records_are() {
    const SESSION: &str = "local/claim/web";
    let folder = tempfile::tempdir().unwrap();
    let recording = recording(&folder);
    let media = folder.path().join("media");
    let elsewhere = Exam::new("claim-folder");
    publish(&elsewhere, &recording, SESSION, Some((media.to_str().unwrap(), &[])));

    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-out"])
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (base, mut server) = tls_server(&media, &certificate, &key);

    let exam = Exam::new("claim-web");
    exam.create_topics();
    let on_server = |mut record: Record| {
        let name = header(&record, "ce_mediauri").rsplit_once('/').unwrap().1.to_owned();
        record.headers.push("ce_mediauri", format!("{base}/{name}"));
        record
    };
    let segments =
        elsewhere.read_all(&elsewhere.topics.segments()).into_iter().map(on_server).collect::<Vec<_>>();
    let publisher = publisher(&exam);
    let facts = elsewhere.read_all(&elsewhere.topics.sessions());
    forward(&publisher, &facts, &exam.topics.sessions());
    forward(&publisher, &segments, &exam.topics.segments());
    let trusted = ("SSL_CERT_FILE", certificate.display().to_string());
    let allowed = ("INVIGILATOR__WORKER__MEDIA_PREFIXES", format!("{:?}", [&base]));
    let worker = {
        let variables = [trusted, allowed];
        exam.worker_with("claim-web", &variables.each_ref().map(|(name, value)| (*name, value.as_str())))
    };
    let score = exam.final_scores(1).remove(SESSION).unwrap();
    assert_eq!(without_history(score), analyzed(&recording, SESSION));
    assert_eq!(worker.terminate(), Some(0));
    drop(server.stdin.take());
    assert!(server.wait().unwrap().success());
}
