//! Promise: real video in, an explained score out, the same for the same input, and nothing that could
//! not be seen ever costs a point.
//!
//! Runs the real binary with the real decoder and models on the sample clips of `make setup`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A sample clip.
fn clip(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/clips").join(name);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path
}

fn invigilator(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_invigilator"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the binary was built with this test")
}

/// The messages of an analysis, without their wall-clock part.
fn messages(clip: &Path, extra: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["analyze", "--json", "--no-progress", clip.to_str().unwrap()];
    arguments.extend(extra);
    let output = invigilator(&arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", clip.display());
    let lines = String::from_utf8(output.stdout).unwrap();
    let mut messages: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    for message in &mut messages {
        message["data"].as_object_mut().unwrap().remove("run");
    }
    messages
}

/// What an analysis came to.
struct Verdict {
    score: Value,
    /// The last revision of each incident.
    incidents: Vec<Value>,
}

fn verdict(clip: &Path) -> Verdict {
    let of_type = |kind: &str, messages: &[Value]| -> Vec<Value> {
        messages
            .iter()
            .filter(|message| message["type"] == kind)
            .map(|message| message["data"].clone())
            .collect()
    };
    let messages = messages(clip, &[]);
    let score = of_type("invigilator.score.v1", &messages).pop().expect("a score is always given");
    let mut incidents: Vec<Value> = Vec::new();
    for revision in of_type("invigilator.incident.v1", &messages) {
        incidents.retain(|have| have["incident_id"] != revision["incident_id"]);
        if revision["state"] != "superseded" {
            incidents.push(revision);
        }
    }
    Verdict { score, incidents }
}

impl Verdict {
    fn of_class(&self, class: &str) -> Vec<&str> {
        let of_class = self.incidents.iter().filter(|incident| incident["class"] == class);
        of_class.map(|incident| incident["type"].as_str().unwrap()).collect()
    }

    /// The only incident of a type: its start and end in milliseconds.
    fn only(&self, kind: &str) -> (i64, i64) {
        let found: Vec<&Value> = self.incidents.iter().filter(|incident| incident["type"] == kind).collect();
        assert_eq!(found.len(), 1, "{kind} in {:?}", self.incidents);
        (found[0]["start_ms"].as_i64().unwrap(), found[0]["end_ms"].as_i64().unwrap())
    }
}

/// Found within two seconds of what the labels say.
fn assert_span(found: (i64, i64), from_s: i64, to_s: i64) {
    let near = |found: i64, labelled: i64| (found - labelled * 1000).abs() <= 2000;
    assert!(near(found.0, from_s) && near(found.1, to_s), "found {found:?}, labelled {from_s}..{to_s} s");
}

#[test]
fn calm_video_in_every_container_and_codec_has_no_evidence_and_full_coverage() {
    for name in [
        "c01_calm_vp8.webm",
        "c02_calm_h264.mp4",
        "c16_opus_vp8.webm",
        "c17_rotated_h264.mp4",
        "c18_variable_rate_vp8.webm",
        "c19_1080p_h264.mkv",
    ] {
        let verdict = verdict(&clip(name));
        assert_eq!(verdict.of_class("evidence"), [""; 0], "{name}");
        assert_eq!(verdict.score["integrity"], 100, "{name}");
        assert_eq!(verdict.score["band"], "green", "{name}");
        assert!(
            verdict.score["coverage"]["ratio_milli"].as_i64().unwrap() >= 950,
            "{name}: {}",
            verdict.score
        );
    }
}

#[test]
fn a_second_person_is_found_and_costs_points() {
    let vp8 = verdict(&clip("c05_second_person_vp8.webm"));
    assert_span(vp8.only("multiple_persons"), 12, 32);
    assert_eq!(vp8.of_class("evidence"), ["multiple_persons"]);
    // 20 s: base 20 and 0.2 a second.
    let integrity = vp8.score["integrity"].as_i64().unwrap();
    assert!((75..=77).contains(&integrity), "{integrity}");
    let transport_stream = verdict(&clip("c06_second_person_h264.ts"));
    assert_span(transport_stream.only("multiple_persons"), 15, 27);
}

#[test]
fn an_empty_chair_is_found_only_where_somebody_sat() {
    for name in ["c03_leaves_vp8.webm", "c04_leaves_fmp4.mp4"] {
        let left = verdict(&clip(name));
        assert_span(left.only("person_absent"), 15, 39);
        assert_eq!(left.of_class("evidence"), ["person_absent"], "{name}");
    }
    let never_there = verdict(&clip("c15_empty_h264.mp4"));
    assert_eq!(never_there.of_class("evidence"), [""; 0]);
    assert_span(never_there.only("face_not_detected"), 0, 30);
    assert_eq!(never_there.score["concern_milli"], 0);
}

#[test]
fn what_could_not_be_seen_is_named_and_never_costs_points() {
    for (name, kind, from_s, to_s) in [
        ("c08_covered_vp8.webm", "camera_obstructed", 15, 29),
        // At a fiftieth of the light nothing is left of the room: it looks like a covered lens.
        ("c09_dark_h264.mp4", "camera_obstructed", 20, 54),
        ("c11_frozen_vp8.webm", "video_frozen", 20, 44),
    ] {
        let verdict = verdict(&clip(name));
        assert_span(verdict.only(kind), from_s, to_s);
        assert_eq!(verdict.of_class("evidence"), [""; 0], "{name}");
        assert_eq!(verdict.score["concern_milli"], 0, "{name}");
        assert!(verdict.score["coverage"]["ratio_milli"].as_i64().unwrap() < 950, "{name}");
    }
}

#[test]
fn the_same_input_gives_the_same_messages_for_any_number_of_threads() {
    let clip = clip("c05_second_person_vp8.webm");
    let once = messages(&clip, &["--threads", "1"]);
    assert!(once.len() > 20);
    for threads in ["1", "2", "5"] {
        assert_eq!(once, messages(&clip, &["--threads", threads]), "{threads} threads");
    }
}

#[test]
fn every_planned_instant_is_answered_once_and_segments_join() {
    let messages = messages(&clip("c21_gap_vp8.webm"), &[]);
    let observations: Vec<&Value> = messages
        .iter()
        .filter(|message| message["type"] == "invigilator.observation.v1")
        .map(|message| &message["data"])
        .collect();
    let mut end = 0;
    for (sequence, observation) in observations.iter().enumerate() {
        assert_eq!(observation["sequence"], sequence as u64);
        assert_eq!(observation["start_ms"], end);
        end = observation["end_ms"].as_i64().unwrap();
        let step = (1000.0 / observation["plan"]["fps"].as_f64().unwrap()) as i64;
        let frames = observation["frames"].as_array().unwrap();
        let instants: Vec<i64> = frames.iter().map(|frame| frame["media_ms"].as_i64().unwrap()).collect();
        let planned: Vec<i64> = (0..end)
            .step_by(step as usize)
            .filter(|at| *at >= observation["start_ms"].as_i64().unwrap())
            .collect();
        assert_eq!(instants.len(), planned.len());
        let mut early = planned.iter().zip(&instants).map(|(planned, taken)| planned - taken);
        assert!(early.all(|early| (0..=250).contains(&early)), "{instants:?} for {planned:?}");
    }
    assert!(end > 47_000);
}

#[test]
fn bad_inputs_are_named_and_do_not_stop_the_others() {
    let good = clip("c16_opus_vp8.webm");
    let bad = [
        "empty.webm",
        "text.webm",
        "garbage.mp4",
        "audio_only.webm",
        "truncated.mp4",
        "truncated.webm",
        "huge_8k.mp4",
    ];
    let bad = bad.map(|name| clip(&format!("bad/{name}")));
    let mut arguments = vec!["analyze", "--json", "--no-progress"];
    arguments.extend(bad.iter().map(|path| path.to_str().unwrap()));
    let all_bad = invigilator(&arguments);
    assert_eq!(all_bad.status.code(), Some(4), "{}", String::from_utf8_lossy(&all_bad.stderr));
    assert!(all_bad.stdout.is_empty());
    let stderr = String::from_utf8_lossy(&all_bad.stderr);
    for path in &bad {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(stderr.contains(name), "{name} is not named in: {stderr}");
    }
    arguments.push(good.to_str().unwrap());
    let some_good = invigilator(&arguments);
    assert_eq!(some_good.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&some_good.stdout).contains("invigilator.score.v1"));
}

#[test]
fn a_damaged_middle_never_becomes_evidence() {
    // Fifteen seconds of a candidate, then an empty chair, then noise in place of bytes.
    let damaged = verdict(&clip("bad/corrupt_middle.webm"));
    let evidence = damaged.of_class("evidence");
    assert!(evidence.iter().all(|kind| *kind == "person_absent"), "{evidence:?}");
}

#[test]
fn the_report_is_one_page_that_needs_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let clip = clip("c05_second_person_vp8.webm");
    let output =
        invigilator(&["analyze", "--no-progress", "--html", page.to_str().unwrap(), clip.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains("<svg") && !html.contains("src=\"http") && !html.contains("href=\"http"));
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(summary.contains("integrity") || summary.contains("Integrity"), "{summary}");
}
