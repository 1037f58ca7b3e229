//! Promise: segments in, exactly the expected observations, incidents and scores out, with one worker or
//! several, through a rebalance, past records that are none; and the scores are those of `analyze`.
//!
//! Real binary, real decoder and models, real Apache Kafka.

use std::collections::{BTreeMap, BTreeSet};

use kafka::{Outgoing, Publisher, PublisherSettings, Record};
use serde_json::Value;

use crate::exam::{Exam, PATIENCE, analyzed, assert_observed_once, data, without_history};

#[test]
fn a_worker_scores_as_analyze_does_and_its_figures_are_true() {
    const CLIPS: [&str; 4] =
        ["c03_leaves_vp8.webm", "c05_second_person_vp8.webm", "c04_leaves_fmp4.mp4", "c17_rotated_h264.mp4"];
    let exam = Exam::new("equal");
    exam.publish(&CLIPS);
    let worker = exam.worker("equal-0");
    let scores = exam.final_scores(CLIPS.len());
    let (expected_scores, expected_incidents) = analyzed(&CLIPS);
    let scores: BTreeMap<_, _> =
        scores.into_iter().map(|(session, score)| (session, without_history(score))).collect();
    assert_eq!(scores, expected_scores);
    assert_eq!(exam.incidents(), expected_incidents);
    let segments = assert_observed_once(&exam) as f64;

    worker.wait_until("every observation is acknowledged", |worker| {
        worker.metric("invigilator_stage_items_total{outcome=\"ok\",stage=\"publish\"}") == segments
    });
    for stage in ["ingest", "decode", "look"] {
        let series = format!("invigilator_stage_items_total{{outcome=\"ok\",stage=\"{stage}\"}}");
        assert_eq!(worker.metric(&series), segments, "{stage}");
    }
    assert!(worker.metric("invigilator_samples_total{outcome=\"seen\"}") > segments);
    let closer = worker.metric("invigilator_stage_items_total{outcome=\"ok\",stage=\"closer\"}");
    assert!(closer > 0.0 && closer < segments, "{closer} of {segments} segments were suspicious");
    assert!(worker.metric("invigilator_model_seconds_total{model=\"blazeface_back\"}") > 0.0);
    assert_eq!(worker.metric("invigilator_scores_total{status=\"final\"}"), CLIPS.len() as f64);
    assert_eq!(worker.get("/healthz").0, 200);
    assert_eq!(worker.get("/readyz").0, 200);
    assert_eq!(worker.get("/nothing").0, 404);
    assert_eq!(worker.metric("invigilator_queue_bytes{pool=\"media\"}"), 0.0);
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn a_second_worker_takes_its_share_and_then_all_of_it() {
    const CLIPS: [&str; 4] =
        ["c01_calm_vp8.webm", "c02_calm_h264.mp4", "c08_covered_vp8.webm", "c11_frozen_vp8.webm"];
    let exam = Exam::new("shared");
    exam.publish(&CLIPS);
    let published = "invigilator_stage_items_total{outcome=\"ok\",stage=\"publish\"}";
    let first = exam.worker("shared-0");
    first.wait_until("the first worker is in the middle of it", |worker| worker.metric(published) >= 3.0);
    let second = exam.worker("shared-1");
    let moved = "invigilator_rebalances_total{change=\"assigned\",role=\"observe\"}";
    second.wait_until("the second worker has a share", |worker| {
        worker.get("/metrics").1.contains(moved) && worker.metric(moved) >= 1.0
    });
    assert_eq!(first.terminate(), Some(0));
    let scores = exam.final_scores(CLIPS.len());
    let (expected, _) = analyzed(&CLIPS);
    let scores: BTreeMap<_, _> =
        scores.into_iter().map(|(session, score)| (session, without_history(score))).collect();
    assert_eq!(scores, expected);
    assert_observed_once(&exam);
    assert_eq!(second.terminate(), Some(0));
}

#[test]
fn what_is_no_segment_is_set_aside_and_holds_up_nothing() {
    let exam = Exam::new("poison");
    exam.publish(&["c16_opus_vp8.webm"]);
    let segments = exam.read_all(&exam.topics.segments());
    let publisher = Publisher::new(&exam.connection, PublisherSettings::default(), |(), result| {
        result.unwrap();
    })
    .unwrap();
    // The same partition as the session's: noise without headers, and a segment that is noise inside.
    let mut noise = Outgoing {
        topic: exam.topics.segments(),
        partition: Some(segments[0].origin.partition),
        key: segments[0].key.clone(),
        value: Some(vec![7; 3000]),
        headers: kafka::Headers::new(),
    };
    publisher.send(noise.clone(), ()).unwrap();
    let mut spoiled = segments[0].headers.clone();
    spoiled.push("ce_sequence", segments.len().to_string());
    let end = |record: &Record| -> i64 {
        std::str::from_utf8(record.headers.get("ce_endms").unwrap()).unwrap().parse().unwrap()
    };
    let reached = segments.iter().map(end).max().unwrap();
    spoiled.push("ce_startms", reached.to_string());
    spoiled.push("ce_endms", (reached + 2000).to_string());
    noise.headers = spoiled;
    publisher.send(noise, ()).unwrap();
    publisher.flush(PATIENCE).unwrap();

    let worker = exam.worker("poison-0");
    let letters = exam.read(&exam.topics.dead_letters(), |records| records.len() == 2);
    let header = |record: &Record, name: &str| {
        String::from_utf8(record.headers.get(name).unwrap_or_default().to_vec()).unwrap()
    };
    for letter in &letters {
        assert_eq!(letter.value.as_deref(), Some(&[7; 3000][..]), "the original is kept");
        assert_eq!(header(letter, "dlq-topic"), exam.topics.segments());
    }
    let reasons: BTreeSet<_> =
        letters.iter().map(|letter| (header(letter, "dlq-stage"), header(letter, "dlq-reason"))).collect();
    let stages: BTreeSet<_> = reasons.iter().map(|(stage, _)| stage.as_str()).collect();
    assert_eq!(stages, ["decode", "ingest"].into(), "{reasons:?}");

    let observations = exam.read(&exam.topics.observations(), |records| records.len() > segments.len());
    let placeholders: Vec<Value> =
        observations.iter().map(data).filter(|data| data["status"] == "undecodable").collect();
    assert_eq!(placeholders.len(), 1);
    assert_eq!(placeholders[0]["sequence"], segments.len() as u64);
    let score = exam.final_scores(1).into_values().next().unwrap();
    assert_eq!(score["integrity"], 100, "what cannot be decoded costs no points: {score}");
    assert_eq!(worker.terminate(), Some(0));
}
