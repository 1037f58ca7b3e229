//! Records of any headers and bytes become messages or errors; what was read is written and read the same.
#![no_main]

use domain::messages::envelope::Message;
use domain::messages::{Incident, Marker, Observation, Rescore, Review, Score, SegmentHeader, SessionFact};
use fuzz::messages::SAMPLES;
use fuzz::{Choices, change};
use kafka::wire::{Event, Media, decode, decode_segment, encode, encode_segment, kind, traceparent};
use kafka::{Headers, Origin, Record};
use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeOwned;

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let mut record = sample(&mut choices);
    for _ in 0..choices.byte() % 4 {
        change_record(&mut record, &mut choices);
    }
    let _kind = kind(&record);
    let _trace = traceparent(&record);
    message::<Observation>(&record);
    message::<Marker>(&record);
    message::<SessionFact>(&record);
    message::<Review>(&record);
    // Read for its words alone: its numbers may be infinite, which JSON cannot say.
    let _incident = decode::<Incident>(&record);
    message::<Score>(&record);
    message::<Rescore>(&record);
    segment(&record);
});

/// A record of one of the samples, with values changed; or of a segment.
fn sample(choices: &mut Choices<'_>) -> Record {
    let which = choices.below(SAMPLES.len() + 1);
    let Some((name, document)) = SAMPLES.get(which) else { return sample_of_segment() };
    let mut document = document.clone();
    let session = document["session"].as_str().unwrap_or_default().to_owned();
    // What is outside of comparison may be infinite, which JSON cannot say.
    document.as_object_mut().map(|fields| fields.remove("run"));
    change(&mut document, choices);
    let value = serde_json::to_vec(&document).expect("documents can be written");
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", "1"),
        ("ce_source", "fuzz"),
        ("ce_type", &format!("invigilator.{name}.v1")),
        ("ce_subject", &session),
        ("content-type", "application/json"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    record(session.into_bytes(), Some(value), headers.into_iter().collect())
}

fn sample_of_segment() -> Record {
    let stream = SAMPLES[0].1["stream"].clone();
    let header = SegmentHeader {
        session: "t1/e7/s42".parse().expect("this is a session"),
        stream: serde_json::from_value(stream).expect("this is a stream"),
        sequence: 17,
        attempt: 0,
        start_ms: domain::time::MediaMs(34_000),
        end_ms: domain::time::MediaMs(36_000),
        preroll_ms: domain::time::Millis(0),
        rotation_deg: None,
        media_type: "video/webm".to_owned(),
    };
    let (headers, value) =
        encode_segment(Event::from_source("fuzz"), &header, Media::Inline(b"media".into()));
    record(b"t1/e7/s42".to_vec(), Some(value), headers)
}

fn record(key: Vec<u8>, value: Option<Vec<u8>>, headers: Headers) -> Record {
    let origin = Origin { topic: "fuzz".to_owned(), partition: 0, offset: 0 };
    Record { origin, key, value, headers, timestamp_ms: None }
}

fn change_record(record: &mut Record, choices: &mut Choices<'_>) {
    let length = usize::from(choices.byte());
    match choices.byte() % 5 {
        0 => record.key = choices.bytes(length).to_vec(),
        1 => record.value = (length != 0).then(|| choices.bytes(length).to_vec()),
        2 => {
            let name = String::from_utf8_lossy(choices.bytes(length % 16)).into_owned();
            record.headers.push(name, choices.bytes(length));
        }
        _ => {
            let index = choices.below(record.headers.len());
            let headers = record.headers.iter().enumerate().map(|(at, (name, value))| {
                let value =
                    if at == index { choices.number().to_string().into_bytes() } else { value.to_vec() };
                (name.to_owned(), value)
            });
            record.headers = headers.collect();
        }
    }
}

fn message<T: Message + DeserializeOwned + PartialEq + std::fmt::Debug>(read: &Record) {
    let Ok(message) = decode::<T>(read) else { return };
    let (headers, value) = encode(Event::from_source("fuzz"), &message);
    let written = record(read.key.clone(), Some(value), headers);
    assert_eq!(decode::<T>(&written).expect("what was written can be read"), message);
}

fn segment(read: &Record) {
    let Ok((header, media)) = decode_segment(read) else { return };
    let (headers, value) = encode_segment(Event::from_source("fuzz"), &header, media.clone());
    let written = record(read.key.clone(), Some(value), headers);
    let again = decode_segment(&written).expect("what was written can be read");
    assert_eq!(again, (header, media));
}
