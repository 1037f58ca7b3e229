//! Promise: an Open edX platform proctors its exams here by its own contract: attempts become sessions, candidates may
//! begin when their camera has been seen, and the platform gets reviews, never a verdict, and nobody's name.
//!
//! The peer is the real thing: the Python package edx-proctoring, as a Django application (`edx/lms.py`).

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use domain::messages::{
    Band, Incident, IncidentState, ReviewPriority, ReviewState, ReviewStatus, Score, ScoreStatus,
};
use domain::time::Millis;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::receiver::closed_port;
use super::{Results, incident, score};
use crate::exam::{Exam, data, text};
use crate::gateway::{Gateway, ask, header, put, wait_until};

/// By which the platform is known at the gateway.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A platform.
struct Lms {
    child: Child,
    steps: ChildStdin,
    answers: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl Lms {
    fn start(address: SocketAddr, gateway: &Gateway) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join(".cache/edx/bin/python");
        assert!(python.exists(), "edx-proctoring is missing: run `make setup`");
        let folder = TempDir::new().unwrap();
        // It dies with its test.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .args([&python, &root.join("tests/subscribers/edx/lms.py")])
            .args([&address.port().to_string(), &format!("http://{}/edx", gateway.address)])
            .args(["campus", SECRET])
            .args([folder.path(), &root.join("docs/openedx")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (steps, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut lms = Self { child, steps, answers: BufReader::new(answers), _folder: folder };
        assert_eq!(lms.answer(), "ready");
        lms
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no answer: {line}"))
    }

    /// Has the platform do something: a list of a step's name and its arguments.
    fn step(&mut self, step: &Value) -> Value {
        writeln!(self.steps, "{step}").unwrap();
        let answer = self.answer();
        assert!(answer.get("error").is_none(), "{step}: {answer}");
        answer
    }

    /// Waits until the platform knows something of its attempt.
    fn wait_until(&mut self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        wait_until(what, || Some(self.step(&json!(["attempt", 1]))).filter(&is_so))
    }
}

impl Drop for Lms {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The file of subscribers for a platform.
fn platform(address: SocketAddr) -> String {
    format!(
        "[[open_edx]]\nname = \"campus\"\ntenant = \"t1\"\nurl = \"http://{address}\"\n\
         public_url = \"https://proctoring.example\"\nsecret_file = \"secret\"\nclient_id = \"proctoring\"\n\
         client_secret_file = \"account\"\n"
    )
}

const SECRETS: [(&str, &str); 2] = [("secret", SECRET), ("account", "a secret of the platform\n")];

/// What stands behind a word in an address.
fn behind<'a>(address: &'a str, word: &str) -> &'a str {
    address.split_once(word).unwrap_or_else(|| panic!("no {word} in {address}")).1
}

#[test]
fn an_exam_of_open_edx_is_proctored_and_reviewed_by_people() {
    let exam = Exam::new("edx");
    exam.create_topics();
    let address = closed_port();
    let gateway = Gateway::telling(&exam, &platform(address), &SECRETS);
    let mut lms = Lms::start(address, &gateway);
    assert_eq!(lms.step(&json!(["config"]))["name"], "campus");

    let created = lms.step(&json!(["create_exam", "midterm"]));
    let exam_id = text(&created["external_id"]);
    assert!(exam_id.starts_with("edx-campus-"), "{created}");
    let attempt = text(&lms.step(&json!(["create_attempt", created["exam"]]))["external_id"]);
    let session = format!("t1/{exam_id}/{attempt}");
    let facts = exam.read_all(&exam.topics.sessions());
    let fact = data(facts.last().unwrap());
    assert_eq!((&fact["session"], &fact["event"]), (&session.clone().into(), &"started".into()));

    // The candidate's page is where the platform sends them, with a token that lets them upload.
    let told = lms.step(&json!(["backend_attempt", 1]));
    let page = text(&told["download_url"]);
    let id = session.replace('/', ":");
    assert!(
        page.starts_with(&format!("https://proctoring.example/candidate/#id={id}&policy=standard&token="))
    );
    assert_eq!(put(&gateway.address, &id, 0, behind(&page, "token="), b"video").unwrap(), 204);
    assert_eq!(lms.step(&json!(["attempt", 1])), json!({"status": "created", "review": null}));

    // As soon as something was seen of them, they may begin.
    let results = Results::of(&exam);
    let write = |score: &Score| results.write(exam.topics.scores(), score);
    let mut early = Score { rev: 0, status: ScoreStatus::Provisional, ..score(&session) };
    early.coverage.observed_ms = Millis(4_000);
    write(&early);
    lms.wait_until("they may begin", |known| known["status"] == "ready_to_start");
    for status in ["started", "ready_to_submit", "submitted"] {
        assert_eq!(lms.step(&json!(["set_status", 1, status])), status);
    }
    let uploads = exam.read_all(&exam.topics.chunks());
    let last = uploads.iter().rev().find(|record| header(record, "ce_subject") == session).unwrap();
    assert_eq!(data(last)["event"], "ended");

    // What was seen asks for a person, and says nothing more.
    let seen = Incident { rev: 1, state: IncidentState::Closed, ..incident(&session) };
    results.write(exam.topics.incidents(), &seen);
    let amber = Score { rev: 1, status: ScoreStatus::Final, band: Band::Amber, ..score(&session) };
    write(&amber);
    let known = lms.wait_until("it is reviewed", |known| known["review"]["comments"][0].is_array());
    let review = &known["review"];
    assert_eq!(
        (&known["status"], &review["status"]),
        (&"second_review_required".into(), &"Suspicious".into())
    );
    assert_eq!(review["reviewed_by"], Value::Null, "a machine is nobody");
    let start = seen.start_ms.0 / 1000;
    assert_eq!(review["comments"][0][0], start, "{review}");
    assert_eq!(review["comments"][0][2], "unknown");

    // A person dismisses it: that makes a new revision, and with it another review.
    let review = ReviewState { state: ReviewStatus::Dismissed, ..ReviewState::unreviewed() };
    results.write(exam.topics.incidents(), &Incident { rev: 2, review, counts: false, ..seen });
    let priority = ReviewPriority::None;
    let contributions = Vec::new();
    let green = Score { band: Band::Green, integrity: Some(100), contributions, ..amber };
    write(&Score { rev: 2, review_priority: priority, ..green });
    let known = lms.wait_until("it is reviewed again", |known| known["status"] != "second_review_required");
    assert_eq!((&known["status"], &known["review"]["status"]), (&"verified".into(), &"Clean".into()));

    // Staff of the course see this exam, and no other one.
    let way = text(&lms.step(&json!(["instructor_url", exam_id, attempt])));
    let way = way.strip_prefix(&format!("http://{}", gateway.address)).unwrap();
    let (status, _) = ask(&gateway.address, "GET", way, "", "", b"").unwrap();
    assert_eq!(status, 303);
    assert!(lms.step(&json!(["remove_attempt", 1])).as_bool().unwrap());

    // Nobody's name or address has come into the log.
    let topics = [exam.topics.sessions(), exam.topics.chunks(), exam.topics.audit()];
    for record in topics.iter().flat_map(|topic| exam.read_all(topic)) {
        let value = String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned();
        assert!(!value.contains("example.org") && !value.contains("Somebody"), "{value}");
    }
}
