//! Records that come twice, in another order, or cannot be read.

use std::collections::BTreeSet;

use kafka::topics::LARGEST_RECORD;
use kafka::{Headers, Outgoing, Publisher, PublisherSettings, Record};

use super::{CLIPS, OBSERVED, assert_nothing_lost_or_doubled, header, start};
use crate::exam::{Exam, PATIENCE};

/// A record again, as it was.
pub(super) fn again(record: &Record, topic: String) -> Outgoing {
    let headers = record.headers.iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
    Outgoing {
        topic,
        partition: Some(record.origin.partition),
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
    }
}

/// Sends records, and waits until they are safe.
pub(super) fn send(exam: &Exam, records: impl IntoIterator<Item = Outgoing>) {
    let settings = PublisherSettings::default();
    let publisher = Publisher::new(&exam.connection, settings, |(), result| result.unwrap()).unwrap();
    records.into_iter().for_each(|record| publisher.send(record, ()).unwrap());
    publisher.flush(PATIENCE).unwrap();
}

#[test]
fn a_publisher_that_says_everything_twice() {
    let exam = Exam::new("twice");
    exam.publish(&CLIPS[..1]);
    exam.publish(&CLIPS[..1]);
    let segments = exam.read_all(&exam.topics.segments()).len();
    let worker = start(&exam, "twice-0", &[]);
    worker.wait_until("both are observed", |worker| worker.metric(OBSERVED) == segments as f64);
    let again = assert_nothing_lost_or_doubled(&exam);
    assert_eq!(again, segments / 2, "every segment was observed twice, and counts once");
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn segments_that_come_in_another_order() {
    let (ordered, exam) = (Exam::new("ordered"), Exam::new("shuffled"));
    ordered.publish(&CLIPS[..2]);
    exam.create_topics();
    let mut segments = ordered.read_all(&ordered.topics.segments());
    // Backwards in groups of four: about as late as the policy lets a record be.
    segments.chunks_mut(4).for_each(<[Record]>::reverse);
    send(&exam, segments.iter().map(|record| again(record, exam.topics.segments())));
    let facts = ordered.read_all(&ordered.topics.sessions());
    send(&exam, facts.iter().map(|record| again(record, exam.topics.sessions())));
    let worker = start(&exam, "shuffled-0", &[]);
    assert_nothing_lost_or_doubled(&exam);
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn a_record_as_large_as_brokers_take_that_is_no_video() {
    let (small, exam) = (Exam::new("fits"), Exam::new("just-fits"));
    small.publish(&CLIPS[..1]);
    exam.create_topics();
    let segments = small.read_all(&small.topics.segments());
    let mut large = again(&segments[0], exam.topics.segments());
    large.headers.push("ce_epoch", "7");
    // A batch has some 100 bytes besides; the letter says why in some 300.
    large.value = Some(vec![0; LARGEST_RECORD - large.headers.bytes() - large.key.len() - 250]);
    let value = large.value.clone();
    send(
        &exam,
        std::iter::once(large).chain(segments.iter().map(|record| again(record, exam.topics.segments()))),
    );
    let facts = small.read_all(&small.topics.sessions());
    send(&exam, facts.iter().map(|record| again(record, exam.topics.sessions())));
    let worker = start(&exam, "just-fits-0", &[]);
    let letters = exam.read(&exam.topics.dead_letters(), |letters| letters.len() == 1);
    assert_eq!(letters[0].value, value, "untouched");
    worker.wait_until("the others are observed", |worker| {
        worker.metric(OBSERVED) == (segments.len() + 1) as f64
    });
    assert_eq!(worker.terminate(), Some(0), "the same process all along");
}

#[test]
fn what_the_score_role_cannot_read_is_set_aside_and_holds_up_nothing() {
    let exam = Exam::new("unreadable");
    exam.publish(&CLIPS[..1]);
    let segment = exam.read_all(&exam.topics.segments()).remove(0);
    let newer = |topic: String, kind: &str| {
        let mut headers = Headers::new();
        for (name, value) in [
            ("ce_specversion", "1.0"),
            ("ce_id", "1"),
            ("ce_source", "/tests"),
            ("ce_type", kind),
            ("ce_subject", &header(&segment, "ce_subject")),
            ("content-type", "application/json"),
        ] {
            headers.push(name, value);
        }
        Outgoing { headers, value: Some(b"{\"a\":1}".to_vec()), ..again(&segment, topic) }
    };
    // Before everything else in their partitions.
    send(
        &exam,
        [
            newer(exam.topics.observations(), "invigilator.observation.v99"),
            newer(exam.topics.sessions(), "invigilator.session.v1"),
        ],
    );
    let worker = start(&exam, "unreadable-0", &[]);
    exam.final_scores(1);
    let letters = exam.read(&exam.topics.dead_letters(), |records| records.len() == 2);
    let told = |letter: &Record| ["dlq-topic", "dlq-stage", "dlq-reason"].map(|name| header(letter, name));
    let expected = [
        [exam.topics.observations(), "score".to_owned(), "unknown_version".to_owned()],
        [exam.topics.sessions(), "score".to_owned(), "invalid_data".to_owned()],
    ];
    assert_eq!(letters.iter().map(told).collect::<BTreeSet<_>>(), expected.into());
    assert!(letters.iter().all(|letter| letter.value.as_deref() == Some(b"{\"a\":1}")));
    let score = exam.final_scores(1).into_values().next().unwrap();
    let undisturbed = super::undisturbed().0[score["session"].as_str().unwrap()].clone();
    assert_eq!(score["integrity"], undisturbed["integrity"]);
    assert_eq!(worker.terminate(), Some(0));
}
