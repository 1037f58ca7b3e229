//! Topics that are deleted under a running worker and made again, and records that are deleted unread.

use kafka::Admin;
use rustix::process::Signal;
use serde_json::json;

use super::{CLIPS, FAILPOINTS, OBSERVED, assert_undisturbed, sessions_in, start};
use crate::broker::Broker;
use crate::exam::{Exam, PATIENCE};

/// Somebody who sits still.
const CALM: &str = "c01_calm_vp8.webm";

fn delete(exam: &Exam, topic: &str) {
    let admin = Admin::new(&exam.connection, PATIENCE).unwrap();
    admin.delete_topics(&[topic]).unwrap();
    while admin.partitions(topic).unwrap().is_some() {}
}

#[test]
fn segments_that_are_deleted_and_begin_anew() {
    let exam = Exam::new("anew");
    exam.publish(&CLIPS[..1]);
    let worker = start(&exam, "anew-0", &[]);
    exam.final_scores(1);
    delete(&exam, &exam.topics.segments());
    let before = sessions_in(&exam, &exam.topics.observations());
    // The same offsets again, with other segments.
    exam.publish(&CLIPS[1..2]);
    assert_undisturbed(&exam, &(&before | &sessions_in(&exam, &exam.topics.segments())));
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
    assert_undisturbed(&exam, &sessions_in(&exam, &exam.topics.segments()));
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
