//! Promise: docs/asyncapi.yaml is valid, complete, and true of what the program writes.

use std::collections::{BTreeMap, BTreeSet};

use domain::messages::envelope::Message;
use domain::messages::{
    Audit, CHUNK_TYPE, CutState, Enrolment, Incident, Marker, Observation, Rescore, Review, SEGMENT_TYPE,
    Score, SessionFact, UploadFact,
};
use kafka::{Headers, Outgoing, Topics};
use serde_json::{Value, json};

use super::description::{channels, faults, header_names, messages, name, of, parsed};
use super::{read_json, records};

#[test]
fn the_parser_has_nothing_to_complain_of() {
    const INFORMATION: i64 = 2;
    let diagnostics = parsed()["diagnostics"].as_array().unwrap();
    let complaints: Vec<&Value> =
        diagnostics.iter().filter(|each| each["severity"].as_i64().unwrap() < INFORMATION).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn the_channels_are_the_topics_in_use_with_their_settings() {
    let described: BTreeMap<&str, Value> = channels()
        .map(|channel| {
            let settings = &channel["bindings"]["kafka"]["topicConfiguration"];
            (channel["address"].as_str().unwrap(), settings.clone())
        })
        .collect();
    let used: BTreeMap<String, Value> = Topics::default()
        .specs(1, 1)
        .into_iter()
        .map(|spec| {
            let mut settings = json!({"cleanup.policy": [spec.configs["cleanup.policy"]]});
            for number in ["retention.ms", "max.message.bytes"] {
                if let Some(value) = spec.configs.get(number) {
                    settings[number] = value.parse::<u64>().unwrap().into();
                }
            }
            (spec.name, settings)
        })
        .collect();
    assert_eq!(json!(described), json!(used));
}

#[test]
fn every_type_of_the_program_is_described_where_it_belongs() {
    let described: BTreeMap<&str, BTreeSet<&str>> = channels()
        .map(|channel| (channel["address"].as_str().unwrap(), messages(channel).map(name).collect()))
        .collect();
    let types = BTreeMap::from([
        ("exam.chunks", BTreeSet::from([CHUNK_TYPE, UploadFact::TYPE])),
        ("exam.cut-state", BTreeSet::from([CutState::TYPE])),
        ("exam.segments", BTreeSet::from([SEGMENT_TYPE])),
        ("exam.sessions", BTreeSet::from([SessionFact::TYPE])),
        ("exam.enrolments", BTreeSet::from([Enrolment::TYPE])),
        ("exam.observations", BTreeSet::from([Observation::TYPE, Marker::TYPE, Rescore::TYPE])),
        ("exam.incidents", BTreeSet::from([Incident::TYPE])),
        ("exam.scores", BTreeSet::from([Score::TYPE])),
        ("exam.score-state", BTreeSet::from(["state"])),
        ("exam.reviews", BTreeSet::from([Review::TYPE])),
        ("exam.audit", BTreeSet::from([Audit::TYPE])),
        ("exam.dead-letters", BTreeSet::from(["dead letter"])),
    ]);
    assert_eq!(described, types);
}

#[test]
fn records_are_as_described() {
    let topics = Topics::default();
    for record in records::full(&topics).iter().chain(&records::least(&topics)) {
        assert_eq!(faults(record), Vec::<String>::new(), "{record:?}");
    }
}

#[test]
fn the_headers_that_must_be_there_are_those_that_always_are() {
    for record in records::least(&Topics::default()) {
        let written: BTreeSet<String> = record.headers.iter().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(header_names(&of(&record)["headers"], "required"), written, "{}", record.topic);
    }
}

#[test]
fn records_that_are_not_as_described_are_found_out() {
    for record in records::full(&Topics::default()) {
        let with = |header: &str, text: &str| {
            let mut headers = record.headers.clone();
            headers.push(header, text);
            faults(&Outgoing { headers, ..record.clone() })
        };
        for (header, text) in [
            ("ce_type", "invigilator.rumour.v1"),
            ("ce_specversion", "0.3"),
            ("content-type", "text/plain"),
            ("ce_subject", "e7/s42"),
            ("traceparent", "4bf92f35"),
            ("ce_shoesize", "44"),
        ] {
            // Where several kinds share a topic, the type is what chooses the description.
            let is_shared = ["exam.chunks", "exam.observations"].contains(&record.topic.as_str());
            let chooses = header == "ce_type" && is_shared;
            assert!(chooses || !with(header, text).is_empty(), "{} with {header}: {text}", record.topic);
        }
        let keyless = Outgoing { key: b"e7/s42".to_vec(), ..record.clone() };
        assert!(!faults(&keyless).is_empty(), "{} with another key", record.topic);
    }
}

#[test]
fn media_elsewhere_come_with_hash_and_size() {
    let record = records::full(&Topics::default()).swap_remove(1);
    for header in ["ce_mediasha256", "ce_mediasize"] {
        let others = record.headers.iter().filter(|(name, _)| *name != header);
        let headers: Headers = others.map(|(name, text)| (name.to_owned(), text.to_vec())).collect();
        assert_ne!(faults(&Outgoing { headers, ..record.clone() }), Vec::<String>::new(), "{header}");
    }
}

#[test]
fn the_examples_are_those_that_every_version_must_read() {
    for message in channels().flat_map(messages) {
        let Some(kind) = name(message).strip_prefix("invigilator.") else { continue };
        if ["chunk.v1", "segment.v1"].contains(&kind) {
            continue;
        }
        let examples = message["examples"].as_array().unwrap().iter();
        let payloads: Vec<Value> = examples.map(|example| in_plain_numbers(&example["payload"])).collect();
        let file = read_json(&format!("tests/data/messages/{kind}.json"));
        assert_eq!(payloads, [in_plain_numbers(&file)], "{kind}");
    }
}

/// A JSON text whose numbers are equal if they are the same number: 12 and 12.0.
fn in_plain_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(values) => values.iter().map(in_plain_numbers).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), in_plain_numbers(value))).collect()
        }
        other => other.clone(),
    }
}
