//! Large segments that come faster than they can be looked at.

use std::fs;

use kafka::{Outgoing, Publisher, PublisherSettings, Record};

use super::{CLIPS, OBSERVED, start};
use crate::exam::{Exam, PATIENCE, Worker};

/// Of a segment, in bytes: as much as a topic with media takes, with room for headers.
const LARGE: usize = (8 << 20) - (64 << 10);
const SEGMENTS: usize = 80;

const MEDIA_MIB: usize = 48;
const PICTURES_MIB: usize = 32;
/// Records that were fetched and not polled, of the one client that reads media (kafka::GroupSettings).
const FETCHED_MIB: usize = 32;
/// Results on their way (kafka::PublisherSettings).
const SENT_MIB: usize = 32;

/// WebM with an element of nothing at its end, which every reader skips.
fn padded(media: &[u8]) -> Vec<u8> {
    let padding = LARGE - media.len() - 9;
    let mut padded = media.to_vec();
    // EBML Void, with a size of eight bytes (RFC 8794, 11.3.2).
    padded.push(0xec);
    padded.extend((padding as u64 | 1 << 56).to_be_bytes());
    padded.resize(padded.len() + padding, 0);
    padded
}

#[test]
fn memory_stays_within_its_budget_however_large_the_segments_are() {
    let (small, exam) = (Exam::new("small"), Exam::new("large"));
    small.publish(&CLIPS[2..3]);
    exam.create_topics();
    let segments = small.read_all(&small.topics.segments());
    let settings = PublisherSettings::default();
    let publisher = Publisher::new(&exam.connection, settings, |(), result| result.unwrap()).unwrap();
    for number in 0..SEGMENTS {
        let record = &segments[number % segments.len()];
        publisher.send(large(record, number, exam.topics.segments()), ()).unwrap();
    }
    publisher.flush(PATIENCE).unwrap();

    let budgets = [
        ("INVIGILATOR__WORKER__MEDIA_MIB", MEDIA_MIB.to_string()),
        ("INVIGILATOR__WORKER__PICTURES_MIB", PICTURES_MIB.to_string()),
    ];
    let mut variables: Vec<(&str, &str)> =
        budgets.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.extend([("INVIGILATOR__WORKER__ROLES", "[\"observe\"]")]);
    // Models and decoders are loaded, and nothing is read yet: the topic has no records for this one.
    let empty = Exam::new("nothing");
    empty.create_topics();
    let idle = start(&empty, "nothing-0", &variables);
    idle.wait_until("it is ready", |worker| worker.get("/readyz").0 == 200);
    let before = peak_mib(&idle);
    assert_eq!(idle.terminate(), Some(0));

    let worker = start(&exam, "large-0", &variables);
    worker.wait_until("everything is observed", |worker| worker.metric(OBSERVED) == SEGMENTS as f64);
    assert!(
        worker.metric("invigilator_stage_blocked_seconds_total{stage=\"ingest\"}") > 0.0,
        "reading was held up: the budget was reached"
    );
    let used = peak_mib(&worker).saturating_sub(before);
    let budget = MEDIA_MIB + PICTURES_MIB + FETCHED_MIB + SENT_MIB;
    println!("peak beyond idle: {used} MiB of {budget} MiB budgeted");
    assert!(used * 10 <= budget * 12, "{used} MiB beyond idle, but {budget} MiB are budgeted");
    assert_eq!(worker.terminate(), Some(0));
}

/// A record with large media, as a segment of its own.
fn large(record: &Record, number: usize, topic: String) -> Outgoing {
    let mut headers: kafka::Headers =
        record.headers.iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
    headers.push("ce_epoch", number.to_string());
    Outgoing {
        topic,
        partition: Some(record.origin.partition),
        key: record.key.clone(),
        value: Some(padded(record.value.as_deref().unwrap())),
        headers,
    }
}

/// The largest resident set that a process had so far.
fn peak_mib(worker: &Worker) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", worker.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<usize>().unwrap() / 1024
}
