//! Stores of media that are down while partitions change hands, or that do not let us read.

use super::{CLIPS, assert_nothing_lost_or_doubled, start};
use crate::exam::{Exam, PARTITIONS, Worker, clip};
use crate::object_store::ObjectStore;

const BUCKET: &str = "media";
const PLACE: &str = "s3://media/exams";
const ASSIGNED: &str = "invigilator_rebalances_total{change=\"assigned\",role=\"observe\"}";
const PARTITIONS_OWNED: &str = "invigilator_partitions{role=\"observe\"}";

/// Tries to fetch that failed for a reason.
fn failed(worker: &Worker, reason: &str) -> f64 {
    worker.metric_or(&format!("invigilator_retries_total{{reason=\"{reason}\",stage=\"fetch\"}}"), 0.0)
}

/// Publishes all recordings, with their media in the store.
fn publish(exam: &Exam, store: &ObjectStore) {
    let output = exam
        .command("publish")
        .args(["--no-progress", "--create-topics", &PARTITIONS.to_string()])
        .args(["--by-reference", "--media", PLACE])
        .args(CLIPS.map(clip))
        .envs(store.environment())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A worker that may read from the store.
fn reader(exam: &Exam, store: &ObjectStore, name: &str) -> Worker {
    let environment = store.environment();
    let mut variables: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let allowed = format!("[\"{PLACE}\"]");
    variables.push(("INVIGILATOR__WORKER__MEDIA_PREFIXES", &allowed));
    variables.push(("INVIGILATOR__WORKER__DRAIN_DEADLINE_MS", "2000"));
    start(exam, name, &variables)
}

#[test]
fn partitions_that_change_hands_while_their_segments_wait_to_be_tried_again() {
    let mut store = ObjectStore::start(BUCKET);
    let exam = Exam::new("handed-over");
    publish(&exam, &store);
    store.kill();
    let first = reader(&exam, &store, "handed-over-0");
    let waits = |worker: &Worker| failed(worker, "store_unreachable") >= 5.0;
    first.wait_until("segments wait", waits);
    // Some partitions go to another worker, and then all of them.
    let second = reader(&exam, &store, "handed-over-1");
    second.wait_until("it has a share", |worker| worker.metric_or(ASSIGNED, 0.0) >= 1.0);
    assert_eq!(first.terminate(), Some(0), "what waits does not hold up the end");
    second.wait_until("it has everything, and waits", |worker| {
        worker.metric_or(PARTITIONS_OWNED, 0.0) == f64::from(PARTITIONS) && waits(worker)
    });
    store.restart();
    let again = assert_nothing_lost_or_doubled(&exam);
    assert_eq!(again, 0, "who lost a partition said nothing of what waited in it");
    assert_eq!(second.terminate(), Some(0));
}

#[test]
fn a_store_that_does_not_know_us_for_a_while() {
    let mut store = ObjectStore::start(BUCKET);
    let exam = Exam::new("strangers");
    publish(&exam, &store);
    store.kill();
    store.forget_us();
    store.restart();
    let worker = reader(&exam, &store, "strangers-0");
    worker.wait_until("it is refused", |worker| failed(worker, "store_unauthorized") >= 5.0);
    store.kill();
    store.remember_us();
    store.restart();
    assert_nothing_lost_or_doubled(&exam);
    assert_eq!(worker.terminate(), Some(0));
}
