//! Promise: the pages and the client do in a real browser what they promise: against a small gateway
//! (`browser/fake.mjs`) that misbehaves when it is told to, and with everything real, from a camera to a score.
//! What is promised in detail, each file of `browser/` says.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::exam::{Exam, clip, text};

/// Browsers run one after another: they need a processor each, and one of them is measured.
static TURN: Mutex<()> = Mutex::new(());

/// Runs the tests of one file, in Node, which is told `given`.
fn run_with(file: &str, given: &Value) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let driver = root.join(".cache/browser/installed");
    assert!(driver.is_file(), "what drives browsers is missing; run: make setup");
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]).arg(root.join("tests/browser").join(file));
    node.env("INVIGILATOR_WHOLE", given.to_string());
    let output = node.output().unwrap_or_else(|error| panic!("node: {error}; run: make setup"));
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    assert!(output.status.success(), "{file}: {told}{}", String::from_utf8_lossy(&output.stderr));
}

fn run(file: &str) {
    run_with(file, &Value::Null);
}

#[test]
fn pages_are_accessible_in_light_and_dark_wide_and_narrow() {
    run("accessible.test.mjs");
}

#[test]
fn a_proctor_works_by_keyboard_and_hears_of_everything() {
    run("dashboard.test.mjs");
}

#[test]
fn two_thousand_sessions_stay_smooth() {
    run("load.test.mjs");
}

#[test]
fn a_candidate_knows_what_is_recorded_and_how_it_goes() {
    run("candidate.test.mjs");
}

#[test]
fn the_client_brings_every_byte() {
    run("client.test.mjs");
}

#[test]
fn what_a_camera_sees_becomes_a_score_and_a_person_decides() {
    let folder = tempfile::tempdir().unwrap();
    let exam = Exam::new("browser");
    exam.create_topics();
    let _worker = exam.worker("browser-0");
    let gateway = Gateway::start(&exam, folder.path(), &[]);
    let given = json!({
        "origin": gateway.origin,
        "service": gateway.token("service"),
        "reviewer": gateway.token("reviewer"),
        "camera": camera("c05_second_person_vp8.webm", folder.path()),
    });
    run_with("whole.mjs", &given);
}

#[test]
fn proctors_sign_in_where_their_institution_knows_them() {
    let folder = tempfile::tempdir().unwrap();
    let exam = Exam::new("sign-in");
    exam.create_topics();
    let mut provider = Provider::start();
    let keys = format!("{}/jwks", provider.issuer);
    let settings = [
        ("ISSUER", provider.issuer.as_str()),
        ("JWKS", keys.as_str()),
        ("SIGN_IN_CLIENT", "dashboard"),
        ("SIGN_IN_RESOURCE", "https://gateway.test"),
    ];
    let gateway = Gateway::start(&exam, folder.path(), &settings);
    provider.know(&gateway.origin);
    run_with("sign-in.mjs", &json!({ "origin": gateway.origin }));
}

/// A running identity provider.
struct Provider {
    process: Child,
    issuer: String,
}

impl Provider {
    /// Starts it and waits until it says where it is.
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/provider.mjs");
        let mut command = Command::new("node");
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut issuer = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut issuer).unwrap();
        Self { process, issuer: issuer.trim().to_owned() }
    }

    /// Tells it where the dashboard is: it answers nobody before.
    fn know(&mut self, origin: &str) {
        writeln!(self.process.stdin.as_mut().unwrap(), "{origin}").unwrap();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.process.kill();
        let _status = self.process.wait();
    }
}

/// A clip as Chromium plays it for a webcam, again and again.
fn camera(name: &str, folder: &Path) -> PathBuf {
    let file = folder.join("camera.mjpeg");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(clip(name));
    ffmpeg.args(["-an", "-vf", "scale=640:480,fps=15", "-c:v", "mjpeg", "-q:v", "4"]).arg(&file);
    assert!(ffmpeg.status().unwrap().success());
    file
}

/// A running gateway.
struct Gateway {
    process: Child,
    origin: String,
    key_file: PathBuf,
}

impl Gateway {
    /// Starts it, with further settings, and waits until the log says where it is.
    fn start(exam: &Exam, folder: &Path, settings: &[(&str, &str)]) -> Self {
        let key_file = folder.join("gateway.key");
        std::fs::write(&key_file, "a secret of tests, which is long enough\n").unwrap();
        let mut command = exam.command("gateway");
        command
            .args(["--listen", "127.0.0.1:0"])
            .env("INVIGILATOR__GATEWAY__KEY_FILE", &key_file)
            .env("INVIGILATOR__GATEWAY__STORE", folder.join("store"))
            .env("INVIGILATOR__TELEMETRY__LISTEN", "127.0.0.1:0")
            .envs(settings.iter().map(|(name, value)| (format!("INVIGILATOR__GATEWAY__{name}"), value)))
            .stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the gateway ended before it began");
            let Ok(entry) = serde_json::from_str::<Value>(&line) else { panic!("no log line: {line}") };
            if entry["message"] == "gateway started" {
                break text(&entry["address"]);
            }
        };
        // Somebody has to read the rest, or the gateway waits for room to write it.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::stderr()));
        Self { process, origin: format!("http://{address}"), key_file }
    }

    fn token(&self, role: &str) -> String {
        let mut command = crate::exam::invigilator();
        command.args(["gateway", "token", "--tenant", "t1", "--role", role]);
        let output = command.env("INVIGILATOR__GATEWAY__KEY_FILE", &self.key_file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.process.kill();
        let _status = self.process.wait();
    }
}
