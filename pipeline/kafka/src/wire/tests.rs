use domain::ids::SessionId;
use domain::messages::envelope::{CloudEvent, Message};
use domain::messages::{
    Chunk, ChunkError, Marker, MarkerKind, Observation, Review, SegmentHeader, StreamKind, StreamRef,
};
use domain::time::{MediaMs, Millis};
use proptest::prelude::*;

use super::*;
use crate::headers::Headers;
use crate::record::{Origin, Outgoing, Record};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const EVENT: Event<'_> =
    Event { source: "/invigilator/observe", time: Some("2026-11-24T14:03:22Z"), traceparent: Some(TRACE) };

/// The record that a reader gets of what was written.
fn read(key: &str, (headers, value): (Headers, Vec<u8>)) -> Record {
    Record {
        origin: Origin { topic: "exam.test".to_owned(), partition: 0, offset: 0 },
        key: key.as_bytes().to_vec(),
        value: Some(value),
        headers,
        timestamp_ms: None,
    }
}

fn marker() -> Marker {
    let session = "t1/e7/s42".parse().unwrap();
    Marker { session, kind: MarkerKind::Idle, media_ms: MediaMs(90_000), silent_ms: Millis(60_000) }
}

fn header() -> SegmentHeader {
    SegmentHeader {
        session: "t1/e7/s42".parse().unwrap(),
        stream: StreamRef { kind: StreamKind::Webcam, epoch: 1, init_sha256: "0f".repeat(32) },
        sequence: 17,
        attempt: 0,
        start_ms: MediaMs(34_000),
        end_ms: MediaMs(36_000),
        preroll_ms: Millis(0),
        rotation_deg: None,
        media_type: "video/webm".to_owned(),
    }
}

/// A record with one header replaced, or removed.
fn with(record: &Record, name: &str, value: Option<&str>) -> Record {
    let mut headers: Headers = record
        .headers
        .iter()
        .filter(|(have, _)| *have != name)
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect();
    if let Some(value) = value {
        headers.push(name, value);
    }
    Record { headers, ..record.clone() }
}

#[test]
fn a_message_is_a_cloud_event_in_binary_mode() {
    let record = read("t1/e7/s42", encode(EVENT, &marker()));
    let text = |name: &str| std::str::from_utf8(record.headers.get(name).unwrap()).unwrap();
    let wrapped = CloudEvent::wrap(EVENT.source, marker());
    assert_eq!(text("ce_specversion"), "1.0");
    assert_eq!(text("ce_id"), wrapped.id);
    assert_eq!(text("ce_source"), "/invigilator/observe");
    assert_eq!(text("ce_type"), "invigilator.marker.v1");
    assert_eq!(text("ce_subject"), "t1/e7/s42");
    assert_eq!(text("ce_time"), "2026-11-24T14:03:22Z");
    assert_eq!(text("content-type"), "application/json");
    assert_eq!((text("traceparent"), text("ce_traceparent")), (TRACE, TRACE));
    assert_eq!(record.value, Some(serde_json::to_vec(&marker()).unwrap()));

    assert_eq!(kind(&record), Ok(Marker::TYPE));
    assert_eq!(decode(&record), Ok(marker()));
    assert_eq!(traceparent(&with(&record, "traceparent", None)), Some(TRACE));
    let outgoing = Outgoing::message("exam.observations", EVENT, &marker());
    assert_eq!((outgoing.key, outgoing.value), (record.key.clone(), record.value.clone()));
}

#[test]
fn a_message_that_breaks_a_rule_is_refused() {
    let never = Marker { media_ms: MediaMs(i64::MIN), ..marker() };
    let error = decode::<Marker>(&read("t1/e7/s42", encode(EVENT, &never))).unwrap_err();
    assert_eq!(error.reason(), "invalid_data");
}

#[test]
fn the_published_example_of_an_observation_goes_through() {
    let example = include_str!("../../../../tests/data/messages/observation.v1.json");
    let observation: Observation = serde_json::from_str(example).unwrap();
    let record = read(observation.session.as_str(), encode(EVENT, &observation));
    assert_eq!(decode(&record), Ok(observation));
}

#[test]
fn what_is_no_such_message_is_refused_with_the_reason() {
    let good = read("t1/e7/s42", encode(EVENT, &marker()));
    let reason = |record: &Record| decode::<Marker>(record).unwrap_err().reason();
    for header in ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "content-type"] {
        let error = decode::<Marker>(&with(&good, header, None)).unwrap_err();
        assert_eq!(error, WireError::MissingHeader { header });
        assert_eq!(reason(&with(&good, header, Some(""))), "invalid_header");
    }
    assert_eq!(reason(&with(&good, "ce_specversion", Some("2.0"))), "unknown_spec_version");
    assert_eq!(reason(&with(&good, "ce_type", Some("invigilator.marker.v2"))), "unknown_version");
    for other in
        ["invigilator.marker", "invigilator.marker.v", "invigilator.marker.vx", "invigilator.score.v1"]
    {
        assert_eq!(reason(&with(&good, "ce_type", Some(other))), "unknown_type", "{other}");
    }
    assert_eq!(reason(&with(&good, "content-type", Some("application/avro"))), "wrong_content_type");
    let with_charset = with(&good, "content-type", Some("Application/JSON; charset=utf-8"));
    assert_eq!(decode(&with_charset), Ok(marker()));
    assert_eq!(reason(&with(&good, "ce_subject", Some("t1/e7/s43"))), "subject_is_not_session");
    assert_eq!(reason(&Record { key: b"t1/e7/s43".to_vec(), ..good.clone() }), "key_is_not_session");
    assert_eq!(reason(&Record { value: None, ..good.clone() }), "no_value");
    assert_eq!(reason(&Record { value: Some(b"{\"session\":".to_vec()), ..good.clone() }), "invalid_data");
    assert_eq!(decode::<Review>(&good).unwrap_err().reason(), "unknown_type");
}

#[test]
fn a_segment_is_in_the_record_or_referred_to() {
    let bytes = [0x1a, 0x45, 0xdf, 0xa3];
    let inline = read("t1/e7/s42", encode_segment(EVENT, &header(), Media::Inline(bytes.as_slice().into())));
    assert_eq!(inline.headers.get("ce_type"), Some(b"invigilator.segment.v1".as_slice()));
    assert_eq!(inline.headers.get("content-type"), Some(b"video/webm".as_slice()));
    assert_eq!(inline.headers.get("ce_startms"), Some(b"34000".as_slice()));
    assert_eq!(decode_segment(&inline), Ok((header(), Media::Inline(bytes.as_slice().into()))));

    let reference =
        Media::Reference { uri: "s3://bucket/key".to_owned(), sha256: "ab".repeat(32), size: 1 << 40 };
    let referred = read("t1/e7/s42", encode_segment(EVENT, &header(), reference.clone()));
    assert_eq!(referred.value, Some(Vec::new()));
    assert_eq!(decode_segment(&referred), Ok((header(), reference)));

    let reason = |record: &Record| decode_segment(record).unwrap_err().reason();
    assert_eq!(reason(&Record { value: None, ..inline.clone() }), "ambiguous_media");
    assert_eq!(reason(&Record { value: inline.value.clone(), ..referred.clone() }), "ambiguous_media");
    for (name, bad) in [
        ("ce_mediauri", "gopher://x"),
        ("ce_mediauri", "no-scheme"),
        ("ce_mediasha256", "AB"),
        ("ce_mediasize", "-1"),
        ("ce_streamkind", "screen"),
        ("ce_sequence", "99999999999999999999"),
        ("ce_epoch", "x"),
        ("ce_rotation", "-90"),
    ] {
        assert_eq!(reason(&with(&referred, name, Some(bad))), "invalid_header", "{name}: {bad}");
    }
    assert_eq!(reason(&with(&inline, "ce_endms", Some("34000"))), "invalid_segment");
    assert_eq!(reason(&with(&inline, "content-type", Some("text/html"))), "invalid_segment");
    assert_eq!(reason(&with(&inline, "ce_subject", Some("nobody"))), "subject_is_not_session");
    assert_eq!(reason(&Record { key: b"t1/e7/s43".to_vec(), ..inline.clone() }), "key_is_not_session");
    assert_eq!(reason(&with(&inline, "ce_type", Some("invigilator.segment.v2"))), "unknown_version");
}

fn sessions() -> impl Strategy<Value = SessionId> {
    "[A-Za-z0-9._-]{1,9}/[A-Za-z0-9._-]{1,9}/[A-Za-z0-9._-]{1,9}".prop_map(|text| text.parse().unwrap())
}

prop_compose! {
    fn segment_headers()(
        session in sessions(),
        epoch in any::<u32>(),
        hash in any::<[u8; 32]>(),
        sequence in any::<u64>(),
        attempt in any::<u32>(),
        start in 0i64..500_000_000,
        length in 1i64..=600_000,
        preroll in 0i64..=600_000,
        rotation in prop::option::of(prop::sample::select(vec![0u16, 90, 180, 270])),
        media_type in "video/[ -~]{0,40}",
    ) -> SegmentHeader {
        let init_sha256 = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        SegmentHeader {
            session,
            stream: StreamRef { kind: StreamKind::Webcam, epoch, init_sha256 },
            sequence,
            attempt,
            start_ms: MediaMs(start),
            end_ms: MediaMs(start + length),
            preroll_ms: Millis(preroll),
            rotation_deg: rotation,
            media_type,
        }
    }
}

fn media() -> impl Strategy<Value = Media<'static>> {
    let reference = ("(file|https?|s3):[!-~]{0,60}", any::<u64>()).prop_map(|(uri, size)| Media::Reference {
        uri,
        sha256: "0a".repeat(32),
        size,
    });
    prop_oneof![
        prop::collection::vec(any::<u8>(), 1..200).prop_map(|bytes| Media::Inline(bytes.into())),
        reference
    ]
}

/// Headers that are almost right: known names, values of any bytes or those of the neighbours.
fn any_headers() -> impl Strategy<Value = Headers> {
    let names: Vec<String> = encode_segment(EVENT, &header(), Media::Inline(vec![1].into()))
        .0
        .iter()
        .map(|(name, _)| name.to_owned())
        .chain(["ce_rotation", "ce_mediauri", "ce_mediasha256", "ce_mediasize"].map(str::to_owned))
        .collect();
    let values = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "[0-9]{1,20}".prop_map(String::into_bytes),
        prop::sample::select(vec![
            "1.0",
            "invigilator.segment.v1",
            "invigilator.marker.v1",
            "t/e/s",
            "webcam"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec((prop_oneof![8 => prop::sample::select(names), 1 => ".{0,9}"], values), 0..30)
        .prop_map(|headers| headers.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_written_is_read(header in segment_headers(), media in media()) {
        let record = read(header.session.as_str(), encode_segment(EVENT, &header, media.clone()));
        prop_assert_eq!(decode_segment(&record), Ok((header, media)));
    }

    #[test]
    fn messages_are_read_as_written(
        session in sessions(),
        at in 0..=SegmentHeader::LATEST.0,
        silent in 0..=SegmentHeader::LATEST.0,
    ) {
        let message =
            Marker { session, kind: MarkerKind::StreamLost, media_ms: MediaMs(at), silent_ms: Millis(silent) };
        let record = read(message.session.as_str(), encode(Event::from_source("/x"), &message));
        prop_assert_eq!(decode(&record), Ok(message));
    }

    #[test]
    fn no_bytes_do_any_harm(
        headers in any_headers(),
        key in prop::collection::vec(any::<u8>(), 0..20),
        value in prop::option::of(prop::collection::vec(any::<u8>(), 0..60)),
    ) {
        let record = Record { key, value, ..read("", (headers, Vec::new())) };
        let _ = (kind(&record).is_ok(), traceparent(&record));
        for error in [decode::<Marker>(&record).err(), decode_segment(&record).err()].into_iter().flatten() {
            let shown = error.to_string();
            prop_assert!(shown.len() < 300 && shown.chars().all(|each| each == ' ' || each.is_ascii_graphic()));
        }
    }

    #[test]
    fn one_bad_header_does_no_harm(index in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 0..30)) {
        let good = read("t1/e7/s42", encode_segment(EVENT, &header(), Media::Inline(vec![1, 2, 3].into())));
        let replaced = index.index(good.headers.len());
        let headers = good.headers.iter().enumerate().map(|(at, (name, value))| {
            (name.to_owned(), if at == replaced { bytes.clone() } else { value.to_vec() })
        });
        let record = Record { headers: headers.collect(), ..good.clone() };
        if let Ok((header, _)) = decode_segment(&record) {
            prop_assert_eq!(header.validate(), Ok(()));
        }
    }
}

#[test]
fn a_chunk_is_read_back_as_it_was_written() {
    let chunk = Chunk::new("t1/e7/s42".parse().unwrap(), 7, "video/webm;codecs=vp8", b"\x1a".to_vec());
    let Outgoing { key, value, headers, .. } = Outgoing::chunk("exam.chunks", EVENT, chunk.clone());
    let record = read(std::str::from_utf8(&key).unwrap(), (headers, value.unwrap()));
    assert_eq!(decode_chunk(&record), Ok(chunk.header.clone()));
    assert_eq!(record.value.as_deref(), Some(&chunk.bytes[..]));
    let without = |value| decode_chunk(&Record { value, ..record.clone() });
    assert_eq!(without(None), Err(WireError::NoValue));
    assert_eq!(without(Some(Vec::new())), Err(WireError::NoValue));
    let altered = |name, text| decode_chunk(&with(&record, name, text)).unwrap_err();
    assert_eq!(altered("ce_chunk", None), WireError::MissingHeader { header: "ce_chunk" });
    assert_eq!(altered("ce_chunk", Some("-1")), WireError::InvalidHeader { header: "ce_chunk" });
    assert_eq!(altered("ce_chunk", Some("99999999")), WireError::Chunk(ChunkError::Number));
    assert_eq!(altered("ce_chunkbegins", Some("?1")), WireError::InvalidHeader { header: "ce_chunkbegins" });
    let mut begins = chunk;
    begins.header.begins = true;
    let Outgoing { value, headers, .. } = Outgoing::chunk("exam.chunks", EVENT, begins.clone());
    let other = read("t1/e7/s42", (headers, value.unwrap()));
    assert_eq!(decode_chunk(&other), Ok(begins.header));
    assert_eq!(altered("ce_chunksha256", Some("0f")), WireError::Chunk(ChunkError::Hash));
    assert_eq!(altered("content-type", Some("text/html")), WireError::Chunk(ChunkError::MediaType));
    assert_eq!(altered("ce_subject", Some("t1/e7/s43")), WireError::KeyIsNotSession);
}
