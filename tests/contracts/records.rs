//! Records of each kind that crosses a border, as the crate `kafka` writes them, from the examples in
//! tests/data/messages.

use domain::messages::envelope::Message;
use domain::messages::{
    Audit, CHUNK_TYPE, Chunk, CutState, Enrolment, Incident, Marker, Observation, Rescore, Review,
    SEGMENT_TYPE, Score, SegmentHeader, SessionFact, StreamKind, StreamRef, UploadFact,
};
use domain::time::{MediaMs, Millis};
use kafka::wire::{Event, Media, encode_segment, mark_sealed};
use kafka::{Outgoing, Topics};
use serde::de::DeserializeOwned;

use super::read_json;

/// An event with everything that an event can have.
pub const FULL: Event<'static> = Event {
    source: "/invigilator/test",
    time: Some("2026-11-24T14:03:22.114Z"),
    traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
};

/// The example of a message.
pub fn example<T: Message + DeserializeOwned>() -> T {
    let name = T::TYPE.strip_prefix("invigilator.").unwrap();
    serde_json::from_value(read_json(&format!("tests/data/messages/{name}.json"))).unwrap()
}

/// A record of each message.
pub fn messages(topics: &Topics, event: Event<'_>) -> Vec<Outgoing> {
    vec![
        Outgoing::chunk(topics.chunks(), event, chunk()),
        Outgoing::message(topics.chunks(), event, &example::<UploadFact>()),
        Outgoing::message(topics.cut_state(), event, &example::<CutState>()),
        Outgoing::message(topics.sessions(), event, &example::<SessionFact>()),
        Outgoing::message(topics.enrolments(), event, &example::<Enrolment>()),
        Outgoing::message(topics.observations(), event, &example::<Observation>()),
        Outgoing::message(topics.observations(), event, &example::<Marker>()),
        Outgoing::message(topics.observations(), event, &example::<Rescore>()),
        Outgoing::message(topics.incidents(), event, &example::<Incident>()),
        Outgoing::message(topics.scores(), event, &example::<Score>()),
        Outgoing::message(topics.reviews(), event, &example::<Review>()),
        Outgoing::message(topics.audit(), event, &example::<Audit>()),
    ]
}

/// A chunk of bytes that are no text.
fn chunk() -> Chunk {
    let bytes = b"\x1a\x45\xdf\xa3\x00\xff".to_vec();
    Chunk::new("t1/e7/s42".parse().unwrap(), 7, "video/webm;codecs=vp8", bytes)
}

/// A segment with nothing that may be left out.
pub fn segment_header() -> SegmentHeader {
    SegmentHeader {
        session: "t1/e7/s42".parse().unwrap(),
        stream: StreamRef { kind: StreamKind::Webcam, epoch: 0, init_sha256: "0f".repeat(32) },
        sequence: 17,
        attempt: 0,
        start_ms: MediaMs(34_000),
        end_ms: MediaMs(36_000),
        preroll_ms: Millis(400),
        rotation_deg: None,
        media_type: "video/webm; codecs=vp8".to_owned(),
    }
}

/// Media that are no text.
pub fn inline() -> Media<'static> {
    Media::Inline(b"\x1a\x45\xdf\xa3\x00\xff".into())
}

/// Media elsewhere.
pub fn reference() -> Media<'static> {
    let uri = "s3://exams/e7/s42/17.webm".to_owned();
    Media::Reference { uri, sha256: "ab".repeat(32), size: 104_857 }
}

/// A record of a segment.
pub fn segment(topics: &Topics, event: Event<'_>, header: &SegmentHeader, media: Media<'_>) -> Outgoing {
    let (headers, value) = encode_segment(event, header, media);
    let key = header.session.as_str().as_bytes().to_vec();
    Outgoing { topic: topics.segments(), partition: None, key, value: Some(value), headers }
}

/// A record of each kind with every header that it can have.
pub fn full(topics: &Topics) -> Vec<Outgoing> {
    let turned = SegmentHeader { rotation_deg: Some(90), ..segment_header() };
    let segments = [inline(), reference()].map(|media| segment(topics, FULL, &turned, media));
    let mut records: Vec<Outgoing> = segments.into_iter().chain(messages(topics, FULL)).collect();
    // Media are sealed, or may be.
    let hold_media = records.iter_mut().filter(|record| {
        let kind = record.headers.get("ce_type").unwrap_or_default();
        [CHUNK_TYPE, SEGMENT_TYPE].map(str::as_bytes).contains(&kind)
    });
    hold_media.for_each(|record| mark_sealed(&mut record.headers));
    records
}

/// A record of each kind with the headers that it must have.
pub fn least(topics: &Topics) -> Vec<Outgoing> {
    let event = Event::from_source("/invigilator/test");
    let segment = segment(topics, event, &segment_header(), inline());
    std::iter::once(segment).chain(messages(topics, event)).collect()
}
