//! Promise: what others use to read CloudEvents reads our records, and the consumers in docs/consumers
//! show every score and incident that counts, and nothing else.
//!
//! Real clients and SDKs, real Apache Kafka.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use domain::messages::envelope::Message;
use domain::messages::{Band, Incident, Score};
use kafka::wire::Event;
use kafka::{Outgoing, Topics, TransactionalPublisher};
use serde::Serialize;
use serde_json::{Value, json};

use super::{PATIENCE, create_topics, installed, path, publish, records};
use crate::broker::Broker;

/// How docs/consumers/README.md says that they are run.
const PYTHON: &str = "python consumer.py";
const TYPE_SCRIPT: &str = "npx tsx consumer.ts";

/// A message that consumers of today do not know.
#[derive(Serialize)]
struct Rumour {
    session: String,
}

impl Message for Rumour {
    const TYPE: &'static str = "invigilator.rumour.v1";

    fn subject(&self) -> &str {
        &self.session
    }
}

/// Runs a command line and gives back what it prints, line by line.
fn run(folder: &Path, line: &str) -> Vec<String> {
    let paths = std::env::var("PATH").unwrap();
    let output = Command::new("timeout")
        .args([&PATIENCE.as_secs().to_string(), "sh", "-c", line])
        .env("PATH", format!("{}:{paths}", installed("venv").join("bin").display()))
        .current_dir(folder)
        .output()
        .unwrap();
    let (printed, errors) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "`{line}` ended with {}:\n{printed}{errors}", output.status);
    printed.lines().map(str::to_owned).collect()
}

fn read_back(brokers: &str, isolation: &str, topics: &[String], count: usize) -> Vec<Value> {
    let line = format!("python readback.py {brokers} {isolation} {count} {}", topics.join(" "));
    let lines = run(&path("tests/contracts"), &line);
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn consumers_show_every_score_and_incident_that_counts() {
    let (broker, topics) = (Broker::shared(), Topics::default());
    let connection = broker.connection("contracts");
    create_topics(&connection, &topics);
    let incident: Incident = records::example();
    let score: Score = records::example();

    // What was never committed, in front of everything else.
    let aborted = Incident { session: "t1/e7/aborted".parse().unwrap(), ..incident.clone() };
    let mut producer = TransactionalPublisher::new(&connection, "contracts", PATIENCE).unwrap();
    producer.begin().unwrap();
    producer.send(&Outgoing::message(topics.incidents(), records::FULL, &aborted)).unwrap();
    let seen = read_back(&broker.bootstrap(), "read_uncommitted", &[topics.incidents()], 1);
    assert_eq!(seen[0]["data"]["session"], "t1/e7/aborted");
    producer.abort().unwrap();

    let mut grey = Score { session: "t1/e7/s43".parse().unwrap(), integrity: None, ..score.clone() };
    (grey.band, grey.contributions) = (Band::Grey, Vec::new());
    let rumour = Rumour { session: "t1/e7/s42".to_owned() };
    let mut forgotten = Outgoing::message(topics.scores(), records::FULL, &score);
    forgotten.value = None;
    let messages = [
        Outgoing::message(topics.incidents(), records::FULL, &rumour),
        Outgoing::message(topics.incidents(), records::FULL, &incident),
        forgotten,
        Outgoing::message(topics.scores(), Event::from_source("/invigilator/test"), &score),
        Outgoing::message(topics.scores(), records::FULL, &grey),
    ];
    publish(&connection, messages);

    let expected = [
        "t1/e7/s42 incident multiple_persons closed high: Two persons were visible for 13 s.",
        "t1/e7/s42 score final 77 amber: multiple_persons -22.6",
        "t1/e7/s43 score final grey: nothing found",
    ];
    let readme = std::fs::read_to_string(path("docs/consumers/README.md")).unwrap();
    let copied = installed("consumers");
    std::fs::copy(path("docs/consumers/consumer.ts"), copied.join("consumer.ts")).unwrap();
    for (command, folder) in [(PYTHON, path("docs/consumers")), (TYPE_SCRIPT, copied)] {
        assert!(readme.contains(&format!("{command} 127.0.0.1:9092 dashboard\n")), "{command}");
        let group = if command == PYTHON { "python" } else { "type-script" };
        let line = format!("{command} {} {group} {}", broker.bootstrap(), expected.len());
        let mut printed = run(&folder, &line);
        printed.sort();
        assert_eq!(printed, expected, "{command}");
    }
}

#[test]
fn consumers_are_short_and_the_typed_one_is_well_typed() {
    for consumer in ["consumer.py", "consumer.ts"] {
        let text = std::fs::read_to_string(path("docs/consumers").join(consumer)).unwrap();
        assert!(text.lines().count() <= 30, "{consumer} is too long to be copied");
    }
    let folder = tempfile::tempdir_in(installed("consumers")).unwrap();
    for file in ["consumer.ts", "package.json"] {
        std::fs::copy(path("docs/consumers").join(file), folder.path().join(file)).unwrap();
    }
    run(folder.path(), "npm run check");
}

#[test]
fn a_cloud_events_sdk_reads_what_was_written() {
    let (broker, topics) = (Broker::shared(), Topics::new("sdk").unwrap());
    let connection = broker.connection("contracts");
    create_topics(&connection, &topics);
    let written = records::full(&topics);
    publish(&connection, written.clone());

    let names: Vec<String> = topics.specs(1, 1).into_iter().map(|spec| spec.name).collect();
    let read = read_back(&broker.bootstrap(), "read_committed", &names, written.len());
    let by_topic = |events: Vec<Value>| {
        let mut topics: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for event in events {
            topics.entry(event["topic"].to_string()).or_default().push(event);
        }
        topics
    };
    let (read, written) = (by_topic(read), by_topic(written.iter().map(event).collect()));
    assert_eq!(read.len(), written.len());
    for (topic, events) in written {
        assert_eq!(read[&topic], events, "{topic}");
    }
}

/// The event that a record is, as the CloudEvents specification says.
fn event(record: &Outgoing) -> Value {
    let mut attributes = json!({"partitionkey": std::str::from_utf8(&record.key).unwrap()});
    for (header, text) in record.headers.iter() {
        let attribute = match header {
            "content-type" => "datacontenttype",
            "traceparent" => continue,
            _ => header.strip_prefix("ce_").unwrap(),
        };
        attributes[attribute] = std::str::from_utf8(text).unwrap().into();
    }
    attributes["time"] = "2026-11-24T14:03:22.114000+00:00".into();
    let data = match record.value.as_deref().unwrap() {
        [] => Value::Null,
        value => serde_json::from_slice(value).unwrap_or_else(|_| {
            let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({"hex": hex})
        }),
    };
    json!({"topic": record.topic, "attributes": attributes, "data": data})
}
