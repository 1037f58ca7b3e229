//! Promise: one command shows a running system, ends by itself with every candidate's score and its
//! reasons, and leaves nothing behind, however it ends.
//!
//! Runs the real binary with the embedded broker, decoders and models, on the sample clips of `make setup`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn program(temporary: &Path, only: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_invigilator"));
    command
        .args(["demo", "--listen", "127.0.0.1:0", "--only", only])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("INVIGILATOR_CONFIG")
        .env("TMPDIR", temporary)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What git takes for changed or new in this tree.
fn tree() -> String {
    let status = Command::new("git")
        .args(["status", "--porcelain", "--untracked-files=all"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the tests run in a clone");
    String::from_utf8(status.stdout).unwrap()
}

/// What this program left in the folder for temporary files; libraries have their own habits.
fn left_behind(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("invigilator")).collect()
}

fn row<'a>(table: &'a str, candidate: &str) -> &'a str {
    table.lines().find(|line| line.starts_with(candidate)).unwrap_or_else(|| panic!("{candidate}: {table}"))
}

#[test]
fn it_ends_with_scores_and_reasons_and_leaves_nothing_behind() {
    let (temporary, before) = (tempfile::tempdir().unwrap(), tree());
    let Output { status, stdout, stderr } =
        program(temporary.path(), "second-person,covered").output().unwrap();
    let (table, told) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(status.code(), Some(0), "{table}{told}");

    // The scores that `analyze` gives for the same clips.
    let second_person = row(&table, "second-person");
    assert!(second_person.contains("▲ amber"), "{table}");
    assert!(second_person.contains("two or more persons"), "{table}");
    let covered = row(&table, "covered");
    assert!(covered.contains("◌ grey") && covered.contains("camera covered"), "{table}");
    assert!(covered.contains("(costs nothing)") && !covered.contains('−'), "{table}");
    assert!(!table.contains("calm"), "only those that were asked for: {table}");
    assert!(table.contains("media travelled by reference") && table.contains("promises nothing"), "{table}");
    assert!(table.contains("a human decides"), "{table}");

    // Nobody watches: plain lines, no drawing.
    assert!(told.contains("/2 final") && !told.contains('\u{1b}'), "{told}");
    assert_eq!(tree(), before);
    assert_eq!(left_behind(temporary.path()), [""; 0]);
}

/// What the gateway of a demonstration answers, by the link to its dashboard.
fn asked(link: &str, path: &str) -> serde_json::Value {
    let (address, token) = link.split_once("/#token=").unwrap();
    let host = address.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(host).unwrap();
    let head = format!("Host: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close");
    write!(connection, "GET {path} HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    serde_json::from_str(body).unwrap()
}

#[test]
fn the_dashboard_shows_the_candidates_and_stays_until_interrupted() {
    let temporary = tempfile::tempdir().unwrap();
    let mut demo = program(temporary.path(), "second-person");
    let mut demo = demo.arg("--stay").spawn().unwrap();
    let mut told = BufReader::new(demo.stderr.take().unwrap()).lines().map(Result::unwrap);
    let link = told.find_map(|line| line.strip_prefix("dashboard: ").map(str::to_owned)).unwrap();
    let rest = std::thread::spawn(move || told.collect::<Vec<_>>());
    let mut printed = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let candidate = printed.find_map(|line| line.strip_prefix("sit the exam yourself: ").map(str::to_owned));
    assert!(candidate.unwrap().contains("/candidate/#id=demo:exam:you&policy=standard&token="));

    let scored = || {
        let list = asked(&link, "/v1/sessions");
        let items = list["items"].as_array().unwrap().clone();
        items.into_iter().find(|item| item["name"] == "second-person" && item["status"] == "final")
    };
    let began = Instant::now();
    let session = loop {
        if let Some(session) = scored() {
            break session;
        }
        // What is printed comes from the same topics by another way.
        assert!(began.elapsed() < Duration::from_secs(30), "no final score on the dashboard");
    };
    assert_eq!((&session["band"], &session["state"]), (&"amber".into(), &"ended".into()), "{session}");
    let interrupt = Command::new("kill").args(["-INT", &demo.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    assert_eq!(demo.wait().unwrap().code(), Some(0), "{:?}", rest.join());
    assert_eq!(left_behind(temporary.path()), [""; 0]);
}

#[test]
fn an_interrupted_run_says_so_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    // As slow as it was recorded: it cannot be over before it is interrupted.
    let mut demo = program(temporary.path(), "calm").args(["--speed", "1"]).spawn().unwrap();
    let mut told = BufReader::new(demo.stderr.take().unwrap()).lines().map(Result::unwrap);
    told.find(|line| line.contains("/1 final")).expect("it told how it goes before it ended");
    let interrupt = Command::new("kill").args(["-INT", &demo.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let rest: Vec<String> = told.collect();
    assert_eq!(demo.wait().unwrap().code(), Some(1), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("interrupted")), "{rest:?}");
    assert_eq!(left_behind(temporary.path()), [""; 0]);
}

#[test]
fn mistakes_are_told_before_anything_starts() {
    let temporary = tempfile::tempdir().unwrap();
    let unknown = program(temporary.path(), "cheats").output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("second-person"));
    let no_clips = program(temporary.path(), "calm").args(["--clips", "no/such/folder"]).output().unwrap();
    assert_eq!(no_clips.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&no_clips.stderr).contains("make setup"));
    assert_eq!(left_behind(temporary.path()), [""; 0]);
}
