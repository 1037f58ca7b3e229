//! Promise: a session can be judged again under another policy without its video: by the score role, once,
//! with revisions that name what they supersede, and to the score that the policy would have given at first.
//!
//! Real binary, real decoder and models, real Apache Kafka.

use std::process::{Command, Output};

use kafka::{Headers, Outgoing, Publisher, PublisherSettings};
use serde_json::Value;

use crate::exam::{Exam, PATIENCE, clip, data, invigilator, text, without_history};

const CLIP: &str = "c05_second_person_vp8.webm";
const GRANTED: &str = "standard-accommodated";

fn run(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

fn rescore(exam: &Exam, arguments: &[&str]) -> (Option<i32>, String) {
    run(exam.command("rescore").args(arguments))
}

/// The score that `analyze` gives under a policy.
fn analyzed_under(policy: &str) -> Value {
    let output = invigilator()
        .args(["analyze", "--json", "--no-progress", "--policy", policy])
        .arg(clip(CLIP))
        .output();
    let lines = String::from_utf8(output.unwrap().stdout).unwrap();
    let mut events = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let score = events.rfind(|event| event["type"] == "invigilator.score.v1").unwrap();
    without_history(score["data"].clone())
}

/// Writes a state that no version of the program can read.
fn spoil_state(exam: &Exam, session: &str) {
    let publisher =
        Publisher::new(&exam.connection, PublisherSettings::default(), |(), result| result.unwrap()).unwrap();
    let spoilt = Outgoing {
        topic: exam.topics.score_state(),
        partition: None,
        key: session.as_bytes().to_vec(),
        value: Some(b"{}".to_vec()),
        headers: Headers::new(),
    };
    publisher.send(spoilt, ()).unwrap();
    publisher.flush(PATIENCE).unwrap();
}

#[test]
fn another_policy_judges_without_video_and_names_what_it_supersedes() {
    let exam = Exam::new("rescore");
    exam.create_topics();
    let (code, said) = run(exam.command("publish").arg("--no-progress").arg(clip(CLIP)));
    assert_eq!(code, Some(0), "{said}");
    // Orders find sessions that are not in memory any more.
    let first = exam.worker_with("rescore-0", &[("INVIGILATOR__WORKER__FINAL_IN_MEMORY_MS", "0")]);
    let (session, strict) = exam.final_scores(1).pop_first().unwrap();
    let scores = || exam.read_all(&exam.topics.scores()).len();
    let (told, incidents_at_first) = (scores(), exam.incidents());

    let (code, said) = rescore(&exam, &["--policy", GRANTED, "--session", &session, "--dry-run"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 session would be judged again") && said.contains("100 green"), "{said}");
    let (code, said) = rescore(&exam, &["--policy", "lenient", "--all"]);
    assert!(code == Some(5) && said.contains("standard, standard-accommodated"), "{said}");
    let (code, said) = rescore(&exam, &["--policy", GRANTED, "--session", "t1/e7/other"]);
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(scores(), told, "nothing was changed");

    let (code, said) = rescore(&exam, &["--policy", GRANTED, "--since", "1h"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 session judged again"), "{said}");
    let granted = data(exam.read_all(&exam.topics.scores()).last().unwrap());
    assert_eq!(granted["supersedes"], strict["rev"]);
    assert_eq!(granted["rev"], strict["rev"].as_u64().unwrap() + 1);
    assert_eq!(granted["status"], "final");
    let expected = analyzed_under(GRANTED);
    assert_eq!(without_history(granted.clone()), expected);
    assert_ne!(granted["integrity"], strict["integrity"]);
    let incidents = exam.incidents();
    assert!(incidents.values().all(|incident| incident["policy"]["id"] == GRANTED), "{incidents:?}");
    assert_eq!(first.terminate(), Some(0));

    // A successor that cannot read the stored state finds the order in the log; and back is as good as forth.
    spoil_state(&exam, &session);
    let second = exam.worker("rescore-1");
    let (code, said) = rescore(&exam, &["--policy", "standard", "--all"]);
    assert_eq!(code, Some(0), "{said}");
    let back = data(exam.read_all(&exam.topics.scores()).last().unwrap());
    assert_eq!(back["supersedes"], granted["rev"]);
    assert_eq!(without_history(back), without_history(strict));
    assert_eq!(exam.incidents(), incidents_at_first);
    let revisions: Vec<Value> = exam.read_all(&exam.topics.incidents()).iter().map(data).collect();
    for later in 1..revisions.len() {
        let same = |one: &Value| one["incident_id"] == revisions[later]["incident_id"];
        let before = revisions[..later].iter().rev().find(|one| same(one));
        let is_newer = before.is_none_or(|before| before["rev"].as_u64() < revisions[later]["rev"].as_u64());
        assert!(is_newer, "{} of {}", revisions[later]["rev"], text(&revisions[later]["incident_id"]));
    }
    assert_eq!(second.terminate(), Some(0));
}
