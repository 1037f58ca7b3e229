//! Promise: a session whose score is final takes no memory, and a decision about it makes a revision all the same,
//! however long after, and whoever owns the session by then.
//!
//! Real binary, real decoder and models, real Apache Kafka.

use domain::messages::{Decision, IncidentType, Review};
use domain::time::MediaMs;
use kafka::wire::Event;
use kafka::{Outgoing, Publisher, PublisherSettings};
use serde_json::Value;

use crate::exam::{Exam, PATIENCE, data, without_history};

const CLIP: &str = "c05_second_person_vp8.webm";
/// Final scores leave memory at once.
const AT_ONCE: (&str, &str) = ("INVIGILATOR__WORKER__FINAL_IN_MEMORY_MS", "0");

/// Decides about all incidents of a kind.
fn decide(exam: &Exam, session: &str, decision: Decision, at: &str) {
    let review = Review {
        session: session.parse().unwrap(),
        review_id: at.to_owned(),
        kind: IncidentType::MultiplePersons,
        start_ms: MediaMs(0),
        end_ms: MediaMs(600_000),
        decision,
        by: "reviewer-1".to_owned(),
        at: at.to_owned(),
        note: None,
    };
    let publisher =
        Publisher::new(&exam.connection, PublisherSettings::default(), |(), result| result.unwrap()).unwrap();
    let event = Event::from_source("/tests");
    publisher.send(Outgoing::message(exam.topics.reviews(), event, &review), ()).unwrap();
    publisher.flush(PATIENCE).unwrap();
}

/// The score of this revision, as soon as it is there.
fn revision(exam: &Exam, rev: u64) -> Value {
    let scores = exam.read(&exam.topics.scores(), |records| {
        records.iter().any(|record| data(record)["rev"].as_u64() == Some(rev))
    });
    data(scores.last().unwrap())
}

#[test]
fn decisions_wake_sessions_that_are_not_in_memory_any_more() {
    let exam = Exam::new("reviews");
    exam.create_topics();
    exam.publish(&[CLIP]);
    let worker = exam.worker_with("reviews-0", &[AT_ONCE]);
    let (session, first) = exam.final_scores(1).pop_first().unwrap();
    let rev = first["rev"].as_u64().unwrap();
    let is_at_rest = || {
        worker.wait_until("no session is in memory", |worker| worker.metric("invigilator_sessions") == 0.0)
    };
    is_at_rest();

    decide(&exam, &session, Decision::Dismiss, "2026-11-24T14:00:00Z");
    let dismissed = revision(&exam, rev + 1);
    assert_eq!((&dismissed["integrity"], &dismissed["supersedes"]), (&Value::from(100), &first["rev"]));
    is_at_rest();
    assert_eq!(worker.terminate(), Some(0));

    // A successor finds the state of the session, and needs no memory for it.
    let successor = exam.worker("reviews-1");
    successor.wait_until("it owns the session", |worker| worker.get("/readyz").0 == 200);
    assert_eq!(successor.metric("invigilator_sessions"), 0.0);
    decide(&exam, &session, Decision::Reopen, "2026-11-24T15:00:00Z");
    let reopened = revision(&exam, rev + 2);
    assert_eq!(reopened["supersedes"], dismissed["rev"]);
    assert_eq!(without_history(reopened), without_history(first));
    assert_eq!(successor.terminate(), Some(0));
}
