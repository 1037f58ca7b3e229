//! Promise: a calm session is looked at by keyframes only, and closely as soon as something is suspicious; a
//! worker that cannot keep up sheds samples, of whoever takes most, says so, and never sheds a segment.
//!
//! Real binary, real decoder and models, real Apache Kafka.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::exam::{Exam, Worker, analyzed, assert_observed_once, clip, data, text};

const CALM_AFTER: &str = "INVIGILATOR__ADAPTIVE__CALM_AFTER_MS";
const MOST_BEHIND: &str = "INVIGILATOR__ADAPTIVE__MOST_BEHIND_MS";
/// Not all of a recording is decoded before the first of it was looked at, as live video never is.
const ONE_BY_ONE: (&str, &str) = ("INVIGILATOR__WORKER__BATCH", "1");

fn observations(exam: &Exam) -> Vec<Value> {
    let mut observations: Vec<Value> = exam.read_all(&exam.topics.observations()).iter().map(data).collect();
    observations.sort_by_key(|observation| observation["start_ms"].as_i64());
    observations
}

fn moments(observation: &Value) -> Vec<i64> {
    let frames = observation["frames"].as_array().unwrap();
    frames.iter().map(|frame| frame["media_ms"].as_i64().unwrap()).collect()
}

#[test]
fn a_calm_session_costs_keyframes_until_somebody_comes_in() {
    const CLIP: &str = "c05_second_person_vp8.webm";
    let exam = Exam::new("calm");
    exam.publish(&[CLIP]);
    let worker = exam.worker_with("calm-0", &[(CALM_AFTER, "2000"), ONE_BY_ONE]);
    let score = exam.final_scores(1).into_values().next().unwrap();
    assert_observed_once(&exam);
    let observations = observations(&exam);
    let calm: Vec<&Value> =
        observations.iter().filter(|observation| observation["plan"]["reason"] == "calm").collect();
    let keyframes: Vec<&&Value> =
        calm.iter().filter(|observation| observation["plan"]["escalated"] == false).collect();
    assert!(keyframes.len() >= 2, "{observations:#?}");
    for observation in &keyframes {
        assert_eq!(observation["plan"]["keyframes_only"], true);
        assert_eq!(observation["plan"]["fps"], 0.5);
        let moments = moments(observation);
        assert_eq!(
            moments.first(),
            observation["start_ms"].as_i64().as_ref(),
            "segments begin with keyframes"
        );
        assert!(moments.windows(2).all(|pair| pair[1] - pair[0] <= 2100), "{moments:?}");
    }
    let told = worker.metric("invigilator_plans_total{escalated=\"no\",plan=\"calm\"}");
    assert_eq!(told, keyframes.len() as f64);

    let (expected, expected_incidents) = analyzed(&[CLIP]);
    let kinds = |incidents: Vec<&Value>| -> BTreeSet<(String, String)> {
        incidents.iter().map(|incident| (text(&incident["type"]), text(&incident["severity"]))).collect()
    };
    let incidents = exam.incidents();
    assert_eq!(kinds(incidents.values().collect()), kinds(expected_incidents.values().collect()));
    let start = |incidents: Vec<&Value>| {
        let persons = incidents.into_iter().filter(|incident| incident["type"] == "multiple_persons");
        persons.map(|incident| incident["start_ms"].as_i64().unwrap()).min().unwrap()
    };
    let off = start(incidents.values().collect()) - start(expected_incidents.values().collect());
    assert!(off.abs() <= 2000, "found when the first keyframe shows it: {off} ms");
    let expected = expected.into_values().next().unwrap();
    assert_eq!(score["coverage"]["by_reason"], expected["coverage"]["by_reason"], "keyframes cover the time");
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn a_worker_that_cannot_keep_up_sheds_samples_of_whoever_takes_most() {
    const SESSIONS: usize = 12;
    let exam = Exam::new("overload");
    let publish = |session: &str, copies: usize| {
        let output = exam
            .command("publish")
            .args(["--no-progress", "--create-topics", "3", "--session", session])
            .args(["--loop", &copies.to_string()])
            .arg(clip("c01_calm_vp8.webm"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    publish("large/e/s", SESSIONS);
    publish("small/e/s", 1);
    let worker = exam.worker_with("overload-0", &[(MOST_BEHIND, "2000")]);
    let scores = exam.final_scores(SESSIONS + 1);
    assert_observed_once(&exam);

    let shed = |score: &Value| score["coverage"]["by_reason"]["shed"].as_i64().unwrap_or_default();
    let of = |tenant: &'static str| {
        scores.iter().filter(move |(session, _)| session.starts_with(tenant)).map(|(_, score)| score)
    };
    assert_eq!(of("small").map(shed).sum::<i64>(), 0, "one session is less than a fair part");
    assert!(of("large").map(shed).sum::<i64>() > 0, "{scores:#?}");
    assert!(
        scores.values().all(|score| score["concern_milli"] == 0),
        "nobody pays for our load: {scores:#?}"
    );
    check_plans(&worker, &observations(&exam));
    assert_eq!(worker.terminate(), Some(0));
}

/// Every sample that was shed is listed, and counted.
fn check_plans(worker: &Worker, observations: &[Value]) {
    let is_shed = |frame: &&Value| frame["reason"] == "shed";
    let mut shed = 0;
    for observation in observations {
        let listed = observation["frames"].as_array().unwrap().iter().filter(is_shed).count();
        assert_eq!(observation["plan"]["shed"], listed);
        assert!(listed == 0 || observation["plan"]["reason"] == "load");
        shed += listed;
    }
    assert_eq!(worker.metric("invigilator_samples_total{outcome=\"shed\"}"), shed as f64);
}
