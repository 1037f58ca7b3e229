//! Promise: where a policy asks for pictures of flagged moments, they are kept sealed, nobody but the candidate can be
//! recognised in them, whoever may look at the session may look at them until they are past their time, and no result
//! depends on any of it.
//!
//! Real binary, real decoder and models, real Apache Kafka, a real S3-compatible server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use domain::evidence::PictureName;
use domain::messages::Incident;
use serde_json::Value;
use tempfile::TempDir;

use crate::exam::{
    Exam, PARTITIONS, PATIENCE, Worker, analyzed_with, clip, invigilator, text, without_history,
};
use crate::gateway::{Gateway, wait_until};
use crate::object_store::ObjectStore;

const SESSION: &str = "t1/e7/second";
const CLIP: &str = "c05_second_person_vp8.webm";
const KEY: &str = "t1 test AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
const GONE: &str = "invigilator_evidence_pictures_total{outcome=\"shows_nothing\"}";
const KEPT: &str = "invigilator_evidence_pictures_total{outcome=\"kept\"}";

/// A folder with keys, a vault and a policy that asks for pictures.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tenants.keys"), KEY).unwrap();
        let standard = include_str!("../config/policies/standard.toml");
        let policy = standard.replace("id = \"standard\"", "id = \"pictures\"");
        let policy = policy.replace("pictures = false", "pictures = true");
        std::fs::write(folder.path().join("pictures.toml"), policy).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}/", self.path(name).display())
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.path(name).display().to_string();
        vec![
            ("INVIGILATOR__PRIVACY__KEYS_FILE", path("tenants.keys")),
            ("INVIGILATOR__PRIVACY__VAULT", self.uri("vault")),
            ("INVIGILATOR__POLICY__DEFAULT", path("pictures.toml")),
            ("INVIGILATOR__EVIDENCE__STORE", "s3://pictures/flagged/".to_owned()),
        ]
    }
}

/// A worker that is there before anything comes: it keeps no picture of a session whose start it has not read, and what
/// waited for it may be looked at before that.
fn waiting_worker(exam: &Exam, name: &str, variables: &[(&str, &str)]) -> Worker {
    exam.create_topics();
    let worker = exam.worker_with(name, variables);
    worker.wait_until("it is ready", |worker| worker.get("/readyz").0 == 200);
    worker
}

/// What lies in the bucket of a session.
fn pictures(bucket: &Path, session: &str) -> Vec<PathBuf> {
    let Ok(folder) = std::fs::read_dir(bucket.join("flagged").join(session)) else { return Vec::new() };
    folder.map(|entry| entry.unwrap().path()).collect()
}

fn borrowed<'a>(variables: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn publish(exam: &Exam, session: &str, policy: &Path) {
    let output = exam
        .command("publish")
        .args(["--no-progress", "--create-topics", &PARTITIONS.to_string(), "--session", session, "--policy"])
        .arg(policy)
        .arg(clip(CLIP))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Asks for something that is no text: status, content type, body.
fn fetch(address: &str, path: &str, token: &str) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    (status, kind.to_owned(), answer[end + 4..].to_vec())
}

/// How the program finds a photo: `can be used`, or the reason why not.
fn as_photo(photo: &Path) -> String {
    let output = invigilator().args(["enroll", "--dry-run"]).arg(photo).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What two scores must agree on, but for the name of the session and what follows from it.
fn of_any_session(score: Value) -> Value {
    let mut score = without_history(score);
    score["session"] = Value::Null;
    for contribution in score["contributions"].as_array_mut().unwrap() {
        contribution["incidents"] = Value::Null;
    }
    score
}

fn age(file: &Path, days: u64) {
    let then = SystemTime::now() - Duration::from_secs(days * 86_400);
    std::fs::File::options().write(true).open(file).unwrap().set_modified(then).unwrap();
}

fn sweep(variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut command = invigilator();
    command.args(["evidence", "sweep"]).args(arguments).envs(variables.iter().copied());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_picture_is_sealed_shows_nobody_else_and_ends_with_its_time_or_its_session() {
    let (exam, place) = (Exam::new("evidence"), Place::new());
    let objects = ObjectStore::start("pictures");
    let bucket = objects.data().join("pictures");
    let variables: Vec<_> = place.variables().into_iter().chain(objects.environment()).collect();
    let variables = borrowed(&variables);
    let worker = waiting_worker(&exam, "evidence-0", &variables);
    publish(&exam, SESSION, &place.path("pictures.toml"));
    publish(&exam, "t1/e7/standard", Path::new("standard"));
    let scores = exam.final_scores(2);
    worker.wait_until("pictures are kept", |worker| worker.metric(KEPT) >= 1.0);

    // Nothing but the pictures: the score is that of a run without.
    let (expected, _) = analyzed_with(&[CLIP], &[("INVIGILATOR__POLICY__DEFAULT", variables[2].1)]);
    let expected = expected.into_values().next().unwrap();
    assert_eq!(of_any_session(scores[SESSION].clone()), of_any_session(expected));
    assert!(pictures(&bucket, "t1/e7/standard").is_empty(), "its policy does not ask for any");

    // Sealed, and each of them of an incident.
    let incidents: Vec<Incident> = exam
        .incidents()
        .into_iter()
        .filter(|((session, _), _)| session == SESSION)
        .map(|(_, mut incident)| {
            (incident["rev"], incident["state"]) = (0.into(), "closed".into());
            serde_json::from_value(incident).unwrap()
        })
        .collect();
    let shows = |name: &PictureName| {
        incidents.iter().any(|incident| incident.span().is_some_and(|span| span.holds(name)))
    };
    let names = || -> Vec<PictureName> {
        let stem = |file: PathBuf| file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        pictures(&bucket, SESSION).into_iter().map(stem).collect()
    };
    // The last of the three is of a segment that no incident names any more.
    worker.wait_until("what shows nothing is gone", |worker| worker.metric(GONE) >= 1.0);
    assert!(names().iter().all(shows), "{:?}", names());
    let files = pictures(&bucket, SESSION);
    assert!(!files.is_empty());
    for file in &files {
        let bytes = std::fs::read(file).unwrap();
        assert!(!bytes.windows(3).any(|three| three == [0xff, 0xd8, 0xff]), "a JPEG lies open in the store");
        assert!(bytes.len() > 5_000, "{}", bytes.len());
    }

    // Whoever may look at the session may look at them, and nobody else.
    let gateway = Gateway::keeping(&exam, &place.path("gateway"), &variables);
    let reviewer = gateway.token("reviewer");
    let list = format!("/v1/sessions/{}/evidence", SESSION.replace('/', ":"));
    let listed = wait_until("the gateway knows the incident", || {
        let (status, listed) = gateway.get(&list, &reviewer);
        let listed: Value = serde_json::from_str(&listed).ok().filter(|_| status == 200)?;
        (listed["items"].as_array()?.len() == files.len()).then_some(listed)
    });
    let name = text(&listed["items"][0]["name"]);
    let (status, kind, jpeg) = fetch(&gateway.address, &format!("{list}/{name}"), &reviewer);
    assert_eq!((status, kind.as_str()), (200, "image/jpeg"));
    assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]));
    let service = gateway.token("service");
    assert_eq!(fetch(&gateway.address, &format!("{list}/{name}"), &service).0, 403);
    let foreign = list.replace("t1:", "t2:");
    assert_eq!(fetch(&gateway.address, &format!("{foreign}/{name}"), &reviewer).0, 404);

    // Two faces in the video, one in the picture, for the same detector.
    let (kept, before) = (place.path("kept.jpg"), place.path("before.jpg"));
    std::fs::write(&kept, &jpeg).unwrap();
    let at = listed["items"][0]["media_ms"].as_i64().unwrap() as f64 / 1000.0;
    let mut ffmpeg = std::process::Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-y", "-ss", &at.to_string(), "-i"]).arg(clip(CLIP));
    assert!(ffmpeg.args(["-frames:v", "1", "-q:v", "2"]).arg(&before).status().unwrap().success());
    assert!(as_photo(&before).contains("shows 2 faces"), "{}", as_photo(&before));
    assert!(!as_photo(&kept).contains("(faces)"), "one face, the candidate's: {}", as_photo(&kept));

    // Past its time it is not shown, and the sweep deletes it; twice does no harm.
    assert_eq!(sweep(&variables, &[]), format!("0 pictures deleted, {} kept", files.len()));
    let aged = bucket.join("flagged").join(SESSION).join(format!("{name}.sealed"));
    age(&aged, 31);
    assert_eq!(fetch(&gateway.address, &format!("{list}/{name}"), &reviewer).0, 404);
    let left = files.len() - 1;
    assert_eq!(sweep(&variables, &["--dry-run"]), format!("1 pictures would be deleted, {left} kept"));
    assert!(aged.exists());
    assert_eq!(sweep(&variables, &[]), format!("1 pictures deleted, {left} kept"));
    assert_eq!(sweep(&variables, &[]), format!("0 pictures deleted, {left} kept"));

    // With the session everything goes.
    assert_eq!(worker.terminate(), Some(0));
    let output = exam.command("erase").arg(SESSION).envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let receipt: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(receipt["pictures"], left, "{receipt}");
    assert!(pictures(&bucket, SESSION).is_empty());
}

#[test]
fn a_store_that_is_down_costs_pictures_and_nothing_else() {
    let (exam, place) = (Exam::new("evidence-down"), Place::new());
    let variables = place.variables();
    let nobody = [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "test"),
    ];
    let worker = waiting_worker(&exam, "evidence-down-0", &[borrowed(&variables), nobody.to_vec()].concat());
    publish(&exam, SESSION, &place.path("pictures.toml"));
    let scores = exam.final_scores(1);
    let lost = "invigilator_evidence_pictures_total{outcome=\"no_store\"}";
    worker.wait_until("a picture is lost, and counted", |worker| worker.metric(lost) >= 1.0);
    let (expected, _) = analyzed_with(&[CLIP], &[("INVIGILATOR__POLICY__DEFAULT", &variables[2].1)]);
    let expected = expected.into_values().next().unwrap();
    assert_eq!(of_any_session(scores[SESSION].clone()), of_any_session(expected));
    assert_eq!(worker.metric(KEPT), 0.0);
    assert!(exam.read_all(&exam.topics.dead_letters()).is_empty());
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn pictures_without_keys_are_refused_at_the_start() {
    let place = Place::new();
    let output = invigilator()
        .args(["worker", "--brokers", "127.0.0.1:9"])
        .env("INVIGILATOR__EVIDENCE__STORE", place.uri("pictures"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("evidence.store") && said.contains("privacy.vault"), "{said}");
}
