//! Promise: what `publish` writes is the whole recording, in order and without seams, each segment
//! decodable on its own, between the session's start and its end; and a mistake is told before or instead
//! of a half-published session.
//!
//! Runs the real binary against the embedded broker, on the sample clips of `make setup`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use domain::messages::{SegmentHeader, SessionEvent, SessionFact};
use domain::time::{Interval, MediaMs, Millis};
use kafka::wire::{self, Media};
use kafka::{Connection, EmbeddedBroker, PartitionReader, Record, Start, Topics};

const PARTITIONS: i32 = 2;

fn clip(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/clips").join(name);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path
}

fn broker() -> EmbeddedBroker {
    let broker = EmbeddedBroker::start().unwrap();
    broker.create_topics(&Topics::default().specs(PARTITIONS, 1)).unwrap();
    broker
}

fn publish(broker: &EmbeddedBroker, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_invigilator"))
        .args(["publish", "--brokers", &broker.brokers()])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the binary was built with this test")
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// All records of a topic, in the order of their partition, then their offset.
fn read(broker: &EmbeddedBroker, topic: &str) -> Vec<Record> {
    let connection = Connection::new(broker.brokers(), "test");
    let mut records = Vec::new();
    for partition in 0..PARTITIONS {
        let reader = PartitionReader::new(&connection, 64 << 20).unwrap();
        let patience = Duration::from_secs(30);
        let mut keep = |record| records.push(record);
        reader.read_to_end(topic, partition, Start::Beginning, patience, &mut keep).unwrap();
    }
    records
}

/// What a session was told.
struct Told {
    headers: Vec<SegmentHeader>,
    facts: Vec<SessionFact>,
}

fn told(segments: &[Record], facts: &[Record], session: &str) -> Told {
    let of = |records: &[Record]| -> Vec<Record> {
        records.iter().filter(|record| record.key == session.as_bytes()).cloned().collect()
    };
    Told {
        headers: of(segments).iter().map(|record| wire::decode_segment(record).unwrap().0).collect(),
        facts: of(facts).iter().map(|record| wire::decode(record).unwrap()).collect(),
    }
}

/// How many frames of a file can be decoded, as `ffprobe` counts them.
fn frames(media: &Path) -> u32 {
    let counted = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v", "-count_frames"])
        .args(["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"])
        .arg(media)
        .output()
        .expect("ffprobe is installed by `make setup`");
    let complaints = String::from_utf8_lossy(&counted.stderr);
    assert!(counted.status.success() && complaints.is_empty(), "{}: {complaints}", media.display());
    let counted = String::from_utf8_lossy(&counted.stdout).into_owned();
    counted.trim().trim_end_matches(',').parse().unwrap()
}

#[test]
fn a_recording_becomes_seamless_decodable_segments_between_start_and_end() {
    let (broker, folder) = (broker(), tempfile::tempdir().unwrap());
    let (webm, mp4) = (clip("c16_opus_vp8.webm"), clip("c17_rotated_h264.mp4"));
    let media_dir = folder.path().to_str().unwrap();
    let published = publish(
        &broker,
        &[webm.to_str().unwrap(), mp4.to_str().unwrap(), "--by-reference", "--media", media_dir],
    );
    assert_eq!(code(&published), 0, "{}", said(&published));
    let said = said(&published);
    assert!(said.contains("2 sessions, 30 segments"), "{said}");

    let topics = Topics::default();
    let (segments, facts) = (read(&broker, &topics.segments()), read(&broker, &topics.sessions()));
    assert_eq!((segments.len(), facts.len()), (30, 4));
    let sessions: Vec<&str> =
        said.lines().filter(|line| line.starts_with("local/files/")).map(|line| &line[..28]).collect();
    for (session, is_mp4) in
        sessions.iter().map(|session| (*session, said_of(&said, session).contains(".mp4")))
    {
        let Told { headers, facts } = told(&segments, &facts, session);
        let mut end = MediaMs::ZERO;
        for (sequence, header) in headers.iter().enumerate() {
            assert_eq!((header.sequence, header.start_ms), (sequence as u64, end), "{session}");
            assert!(header.end_ms - header.start_ms <= Millis(10_000));
            assert_eq!(header.rotation_deg, is_mp4.then_some(270));
            end = header.end_ms;
        }
        assert!((29_900..=30_000).contains(&end.0), "{end:?}");
        let container = if is_mp4 { "video/x-matroska; codecs=avc1" } else { "video/webm; codecs=vp8" };
        assert!(headers.iter().all(|header| header.media_type == container), "{container}");

        // A live recording says nothing about its length before it ends; the other does.
        let expected = Interval::new(MediaMs::ZERO, MediaMs(30_000));
        let SessionEvent::Started { policy, expected: at_first, .. } = &facts[0].event else {
            panic!("{facts:?}")
        };
        assert_eq!((policy.as_str(), at_first), ("standard", &is_mp4.then_some(expected)));
        let SessionEvent::Ended { expected: Some(at_last) } = facts[1].event else { panic!("{facts:?}") };
        assert!(at_last.start == MediaMs::ZERO && (29_900..=30_000).contains(&at_last.end.0), "{at_last:?}");
        assert!(facts[1].media_ms <= end, "nothing more is to come");
    }

    let mut all = 0;
    for record in &segments {
        let (_, Media::Reference { uri, sha256, size }) = wire::decode_segment(record).unwrap() else {
            panic!("--by-reference leaves no media in records")
        };
        let path = Path::new(uri.strip_prefix("file://").unwrap());
        let media = std::fs::read(path).unwrap();
        assert_eq!((media.len() as u64, domain::messages::canonical::sha256_hex(&media)), (size, sha256));
        all += frames(path);
    }
    assert_eq!(all, frames(&webm) + frames(&mp4), "every frame is in one segment");
}

/// The line about a session.
fn said_of<'a>(said: &'a str, session: &str) -> &'a str {
    said.lines().find(|line| line.starts_with(session)).unwrap()
}

#[test]
fn copies_are_sessions_of_their_own_and_small_media_travel_inside() {
    let broker = broker();
    let webm = clip("c16_opus_vp8.webm");
    let arguments =
        [webm.to_str().unwrap(), "--session", "t1/e7/s", "--loop", "2", "--policy", "standard-accommodated"];
    let published = publish(&broker, &arguments);
    assert_eq!(code(&published), 0, "{}", said(&published));
    let topics = Topics::default();
    let (segments, facts) = (read(&broker, &topics.segments()), read(&broker, &topics.sessions()));
    for session in ["t1/e7/s-1", "t1/e7/s-2"] {
        let told = told(&segments, &facts, session);
        assert_eq!((told.headers.len(), told.facts.len()), (15, 2), "{session}");
        let SessionEvent::Started { policy, .. } = &told.facts[0].event else { panic!("{:?}", told.facts) };
        assert_eq!(policy, "standard-accommodated");
    }
    let inline = |record: &&Record| matches!(wire::decode_segment(record), Ok((_, Media::Inline(_))));
    assert_eq!(segments.iter().filter(inline).count(), 30);
}

#[test]
fn realtime_takes_as_long_as_the_recording() {
    let (broker, folder) = (broker(), tempfile::tempdir().unwrap());
    let short = folder.path().join("short.webm");
    let cut = Command::new("ffmpeg")
        .args(["-v", "error", "-t", "3.9", "-i", clip("c16_opus_vp8.webm").to_str().unwrap()])
        .args(["-an", "-c", "copy", short.to_str().unwrap()])
        .status()
        .unwrap();
    assert!(cut.success());
    let began = Instant::now();
    let published = publish(&broker, &[short.to_str().unwrap(), "--realtime"]);
    assert_eq!(code(&published), 0, "{}", said(&published));
    assert!(began.elapsed() >= Duration::from_millis(3_800), "took only {:?}", began.elapsed());
}

#[test]
fn a_stretch_that_cannot_be_decoded_keeps_its_place() {
    let broker = broker();
    let damaged = clip("bad/corrupt_middle.webm");
    let published = publish(&broker, &[damaged.to_str().unwrap()]);
    assert_eq!(code(&published), 0, "{}", said(&published));
    let segments = read(&broker, &Topics::default().segments());
    let folder = tempfile::tempdir().unwrap();
    let (mut end, mut empty) = (MediaMs::ZERO, 0);
    for (sequence, record) in segments.iter().enumerate() {
        let (header, Media::Inline(media)) = wire::decode_segment(record).unwrap() else {
            panic!("small media travel in their record")
        };
        assert_eq!((header.sequence, header.start_ms), (sequence as u64, end));
        end = header.end_ms;
        let file = folder.path().join(format!("{sequence}.webm"));
        std::fs::write(&file, &media).unwrap();
        let probed = Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-count_packets",
                "-show_entries",
                "stream=nb_read_packets",
                "-of",
                "csv=p=0",
            ])
            .arg(&file)
            .output()
            .unwrap();
        // `ffprobe` prints no number where there is nothing to count.
        empty += u32::from(probed.stdout.trim_ascii().is_empty());
    }
    assert_eq!(empty, 1, "the damage leaves one stretch without frames");
    assert!((29_000..=30_100).contains(&end.0), "{end:?}");
}

#[test]
fn files_that_cannot_be_cut_cost_themselves_only() {
    let broker = broker();
    let (text, transport_stream) = (clip("bad/text.webm"), clip("c06_second_person_h264.ts"));
    let bad = [text.to_str().unwrap(), transport_stream.to_str().unwrap()];
    let none = publish(&broker, &bad);
    assert_eq!(code(&none), 4, "{}", said(&none));
    assert!(read(&broker, &Topics::default().sessions()).is_empty(), "a session without video was begun");

    let good = clip("c16_opus_vp8.webm");
    let some = publish(&broker, &[bad[0], good.to_str().unwrap()]);
    assert_eq!(code(&some), 3, "{}", said(&some));
    assert!(said(&some).contains("1 session, 15 segments"), "{}", said(&some));

    let nowhere = publish(&broker, &[good.to_str().unwrap(), "--inline-max", "10"]);
    assert_eq!(code(&nowhere), 4, "{}", said(&nowhere));
    assert!(said(&nowhere).contains("no place for media is given"), "{}", said(&nowhere));
}

#[test]
fn brokers_and_topics_that_are_not_there_are_told_at_once() {
    let good = clip("c16_opus_vp8.webm");
    let empty = EmbeddedBroker::start().unwrap();
    let no_topics = publish(&empty, &[good.to_str().unwrap()]);
    assert_eq!(code(&no_topics), 7, "{}", said(&no_topics));
    assert!(said(&no_topics).contains("--create-topics"), "{}", said(&no_topics));

    let output = Command::new(env!("CARGO_BIN_EXE_invigilator"))
        .args(["publish", "--brokers", "127.0.0.1:1", good.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(code(&output), 7, "{}", said(&output));
    assert!(said(&output).contains("127.0.0.1:1"), "{}", said(&output));
}
