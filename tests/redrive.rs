//! Promise: a segment that was set aside can be tried again, long after its place was given up: the score is
//! then that of a session that lost nothing. Redriving twice changes nothing, looking changes nothing.
//!
//! Real binary, real decoder and models, real Apache Kafka.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use kafka::{Headers, Outgoing, Publisher, PublisherSettings, wire};
use serde_json::Value;

use crate::exam::{Exam, PATIENCE, analyzed, clip, data, without_history};

const CLIP: &str = "c16_opus_vp8.webm";
/// The segment whose media are missing: so early that its place is given up before the end.
const MISSING: u64 = 3;

/// Publishes a clip by reference, and takes the media of one segment away. Where they were, and where they
/// are.
fn publish_with_a_hole(exam: &Exam, folder: &Path) -> (PathBuf, PathBuf) {
    exam.create_topics();
    let output = exam
        .command("publish")
        .args(["--no-progress", "--by-reference", "--media"])
        .args([folder, &clip(CLIP)])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let segments = exam.read_all(&exam.topics.segments());
    let missing = segments.iter().find_map(|record| match wire::decode_segment(record).unwrap() {
        (header, wire::Media::Reference { uri, .. }) if header.sequence == MISSING => Some(uri),
        _ => None,
    });
    let place = PathBuf::from(missing.unwrap().strip_prefix("file://").unwrap());
    let aside = folder.join("aside");
    fs::rename(&place, &aside).unwrap();
    (place, aside)
}

fn redrive(exam: &Exam, arguments: &[&str]) -> String {
    let output = exam.command("redrive").arg("--no-progress").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_redriven_segment_is_seen_after_all_and_only_once() {
    let exam = Exam::new("redrive");
    let folder = tempfile::tempdir().unwrap();
    let (place, aside) = publish_with_a_hole(&exam, folder.path());
    let segments = || exam.read_all(&exam.topics.segments()).len();
    let published = segments();

    let folders = format!("[\"file://{}\"]", folder.path().display());
    let worker = exam.worker_with("redrive-0", &[("INVIGILATOR__WORKER__MEDIA_PREFIXES", folders.as_str())]);
    let (session, lossy) = exam.final_scores(1).pop_first().unwrap();
    assert!(lossy["coverage"]["by_reason"]["undecodable"].as_i64() > Some(0), "{lossy}");
    publish_noise(&exam, &session);
    exam.read(&exam.topics.dead_letters(), |letters| letters.len() == 2);

    let looked = redrive(&exam, &["--dry-run"]);
    assert!(looked.contains("goes back") && looked.contains("stays: no segment"), "{looked}");
    assert!(looked.contains("1 segment would be sent back"), "{looked}");
    for nothing in [["--reason", "truncated"], ["--session", "t1/e7/other"], ["--until", "1h"]] {
        assert!(redrive(&exam, &nothing).contains("0 segments sent back"), "{nothing:?}");
    }
    assert_eq!(segments(), published + 1, "only the noise came since");

    fs::rename(&aside, &place).unwrap();
    let done = redrive(&exam, &["--stage", "fetch", "--since", "1h", "--session", &session]);
    assert!(done.contains("1 segment sent back"), "{done}");
    let rev = |score: &Value| score["rev"].as_u64().unwrap();
    let scores = exam.read(&exam.topics.scores(), |records| {
        records.iter().map(data).any(|score| {
            score["coverage"]["by_reason"].get("undecodable").is_none() && score["status"] == "final"
        })
    });
    let mended = data(scores.last().unwrap());
    assert!(rev(&mended) > rev(&lossy), "{mended}");
    let (expected_scores, expected_incidents) = analyzed(&[CLIP]);
    assert_eq!(without_history(mended), expected_scores[&session]);
    assert_eq!(exam.incidents(), expected_incidents);

    let again = redrive(&exam, &[]);
    assert!(again.contains("1 letter was sent back before"), "{again}");
    assert!(again.contains("0 segments sent back"), "{again}");
    assert_eq!(segments(), published + 2, "the noise, and one segment");
    assert_eq!(worker.terminate(), Some(0));
}

/// A record that is no segment, in the session's partition.
fn publish_noise(exam: &Exam, session: &str) {
    let publisher =
        Publisher::new(&exam.connection, PublisherSettings::default(), |(), result| result.unwrap()).unwrap();
    let noise = Outgoing {
        topic: exam.topics.segments(),
        partition: None,
        key: session.as_bytes().to_vec(),
        value: Some(vec![7; 3000]),
        headers: Headers::new(),
    };
    publisher.send(noise, ()).unwrap();
    publisher.flush(PATIENCE).unwrap();
}
