//! Promise: every record that a worker writes is as docs/asyncapi.yaml describes it.
//!
//! Real binary, real Apache Kafka. The segments are none, which leads to records of every kind.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use domain::messages::{SegmentHeader, SessionEvent, SessionFact};
use domain::time::{Interval, MediaMs};
use kafka::{Connection, Outgoing, PartitionReader, Record, Start, Topics};
use rustix::process::{Pid, Signal, kill_process};

use super::description::{faults, name, of};
use super::{PATIENCE, create_topics, publish, records};
use crate::broker::Broker;

/// A worker that does not outlive the test.
struct Worker(Child);

impl Worker {
    fn start(brokers: &str, prefix: &str) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_invigilator"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["worker", "--brokers", brokers])
            .env("INVIGILATOR__KAFKA__TOPIC_PREFIX", prefix)
            .env("INVIGILATOR__KAFKA__GROUP_PREFIX", prefix)
            .env("INVIGILATOR__TELEMETRY__LISTEN", "")
            .env("INVIGILATOR__WORKER__IDLE_AFTER_END_MS", "1000")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended in order.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

/// Waits until the score of the only session is final.
fn wait_for_final_score(connection: &Connection, topics: &Topics) {
    let reader = PartitionReader::new(connection, 8 << 20).unwrap();
    reader.assign(&[(&topics.scores(), 0, Start::Beginning)]).unwrap();
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "no final score came");
        let Some(record) = reader.poll(PATIENCE).unwrap() else { continue };
        let score: domain::messages::Score = kafka::wire::decode(&record).unwrap();
        if score.status == domain::messages::ScoreStatus::Final {
            return;
        }
    }
}

fn read_all(connection: &Connection, topic: &str) -> Vec<Record> {
    let reader = PartitionReader::new(connection, 8 << 20).unwrap();
    let mut records = Vec::new();
    reader.read_to_end(topic, 0, Start::Beginning, PATIENCE, &mut |record| records.push(record)).unwrap();
    records
}

#[test]
fn everything_that_a_worker_writes_is_described() {
    let (broker, topics) = (Broker::shared(), Topics::new("described").unwrap());
    let connection = broker.connection("contracts");
    create_topics(&connection, &topics);
    let header = SegmentHeader { start_ms: MediaMs(0), end_ms: MediaMs(12_000), ..records::segment_header() };
    let fact = |event| {
        let fact = SessionFact { session: header.session.clone(), media_ms: MediaMs(0), event };
        Outgoing::message(topics.sessions(), records::FULL, &fact)
    };
    let expected = Some(Interval::new(MediaMs(0), MediaMs(20_000)));
    let started = SessionEvent::Started { policy: "standard".to_owned(), accommodations: vec![], expected };
    let segment = Outgoing {
        value: Some(b"no video".to_vec()),
        ..records::segment(&topics, records::FULL, &header, records::inline())
    };
    let no_segment = Outgoing { headers: kafka::Headers::new(), ..segment.clone() };
    publish(&connection, [fact(started), fact(SessionEvent::Ended { expected }), segment, no_segment]);

    let worker = Worker::start(&broker.bootstrap(), "described");
    wait_for_final_score(&connection, &topics);
    worker.stop();

    let mut kinds = BTreeSet::new();
    let results = [
        (topics.observations(), "exam.observations"),
        (topics.incidents(), "exam.incidents"),
        (topics.scores(), "exam.scores"),
        (topics.score_state(), "exam.score-state"),
        (topics.dead_letters(), "exam.dead-letters"),
    ];
    for (topic, described) in results {
        for Record { key, value, headers, .. } in read_all(&connection, &topic) {
            let record = Outgoing { topic: described.to_owned(), partition: None, key, value, headers };
            assert_eq!(faults(&record), Vec::<String>::new(), "{record:?}");
            kinds.insert(name(of(&record)));
        }
    }
    let all = [
        "dead letter",
        "invigilator.incident.v1",
        "invigilator.marker.v1",
        "invigilator.observation.v1",
        "invigilator.score.v1",
        "state",
    ];
    assert_eq!(kinds, BTreeSet::from(all));
}
