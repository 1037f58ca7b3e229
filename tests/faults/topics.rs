//! Topics that are deleted under a running worker and made again, and records that are deleted unread.

use std::collections::{BTreeMap, BTreeSet};

use kafka::Admin;
use rustix::process::Signal;
use serde_json::json;

use super::{CLIPS, FAILPOINTS, OBSERVED, Verdicts, start, undisturbed_of};
use crate::broker::Broker;
use crate::exam::{Exam, PATIENCE, text, without_history};

/// Somebody who sits still.
const CALM: &str = "c01_calm_vp8.webm";

fn delete(exam: &Exam, topic: &str) {
    let admin = Admin::new(&exam.connection, PATIENCE).unwrap();
    admin.delete_topics(&[topic]).unwrap();
    while admin.partitions(topic).unwrap().is_some() {}
}

/// The final scores and the incidents of so many sessions.
fn verdicts(exam: &Exam, sessions: usize) -> Verdicts {
    let scores: BTreeMap<_, _> = exam.final_scores(sessions).into_iter().collect();
    (scores.into_iter().map(|(session, score)| (session, without_history(score))).collect(), exam.incidents())
}

/// What an undisturbed run makes of the sessions that have incidents or scores here.
fn expected(verdicts: &Verdicts) -> Verdicts {
    let sessions: BTreeSet<String> = verdicts.0.values().map(|score| text(&score["session"])).collect();
    undisturbed_of(&sessions)
}

#[test]
fn segments_that_are_deleted_and_begin_anew() {
    let exam = Exam::new("anew");
    exam.publish(&CLIPS[..1]);
    let worker = start(&exam, "anew-0", &[]);
    exam.final_scores(1);
    delete(&exam, &exam.topics.segments());
    // The same offsets again, with other segments.
    exam.publish(&CLIPS[1..2]);
    let verdicts = verdicts(&exam, 2);
    assert_eq!(verdicts, expected(&verdicts));
    assert_eq!(worker.terminate(), Some(0), "the same process all along");
}

#[test]
fn scores_that_are_deleted_while_a_transaction_writes_them() {
    let exam = Exam::new("written");
    exam.publish(&CLIPS[..2]);
    let worker = start(&exam, "written-0", &[(FAILPOINTS, "score.offsets=stop@2")]);
    worker.wait_until_stopped();
    delete(&exam, &exam.topics.scores());
    exam.create_topics();
    worker.signal(Signal::CONT);
    let verdicts = verdicts(&exam, 2);
    assert_eq!(verdicts, expected(&verdicts));
    assert_eq!(worker.terminate(), Some(0), "the same process all along");
}

#[test]
fn segments_that_are_deleted_before_anybody_read_them() {
    let exam = Exam::new("overtaken");
    exam.publish(&[CALM]);
    // It stops after a few, since it has room for no more.
    let little_room = ("INVIGILATOR__WORKER__MEDIA_MIB", "1");
    let worker = start(&exam, "overtaken-0", &[little_room]);
    worker.wait_until("it has begun", |worker| worker.metric(OBSERVED) >= 2.0);
    assert_eq!(worker.terminate(), Some(0));
    let segments = exam.read_all(&exam.topics.segments());
    let (partition, observed) =
        (segments[0].origin.partition, exam.read_all(&exam.topics.observations()).len());
    let deleted = 8;
    assert!(observed + deleted + 2 < segments.len(), "some are left");
    Broker::shared().delete_records(&exam.topics.segments(), partition, (observed + deleted) as i64);

    let worker = start(&exam, "overtaken-0", &[]);
    let score = exam.final_scores(1).into_values().next().unwrap();
    assert_eq!(worker.metric("invigilator_overtaken_records_total"), deleted as f64);
    assert_eq!(worker.terminate(), Some(0));
    let incidents: Vec<_> = exam.incidents().into_values().collect();
    let [gap] = incidents.as_slice() else { panic!("{incidents:?}") };
    assert_eq!((&gap["type"], &gap["attribution"]), (&json!("video_gap"), &json!("platform")));
    // Segments of two seconds, less what the samples beside them stand for.
    let missing = score["coverage"]["by_reason"]["overtaken"].as_i64().unwrap();
    assert!((14_000..=16_000).contains(&missing), "{score}");
    assert_eq!(score["concern_milli"], 0);
}
