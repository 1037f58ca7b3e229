//! Promise: whatever can write a stream can upload it: ffmpeg and GStreamer push to the endpoint that browsers use, by
//! nothing but `split` and `curl`, and their video becomes segments.
//!
//! Real binary, real Apache Kafka, real programs, as docs/gateway.md has them.

use std::process::Command;

use serde_json::json;

use crate::exam::{Exam, clip};
use crate::gateway::{Gateway, header, wait_until};

/// Uploads what comes in on standard input, in numbered chunks, each of them until it is acknowledged.
const PUSH: &str = r#"split --bytes=40000 --numeric-suffixes --suffix-length=6 --filter='
    curl --silent --show-error --fail --retry 10 --retry-all-errors --request PUT --data-binary @- \
        --header "authorization: Bearer $TOKEN" --header "content-type: $TYPE" \
        "$CHUNKS/$(expr "${FILE#x}" + 0)"'"#;

/// Has a program write a stream into [`PUSH`], ends the session, and waits for its segments: how far they reach, in
/// milliseconds of media time.
fn push(name: &str, media_type: &str, program: &str) -> i64 {
    let exam = Exam::new(&format!("pushers-{name}"));
    exam.create_topics();
    let gateway = Gateway::start(&exam);
    let _worker = exam.worker_of(&["cut"], name, &[]);
    let (id, token) = gateway.create(&gateway.token("service"), "s1");
    let pushed = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &format!("{program} | {PUSH}")])
        .env("CHUNKS", format!("http://{}/v1/sessions/{id}/chunks", gateway.address))
        .env("TOKEN", &token)
        .env("TYPE", media_type)
        .env("CLIP", clip("c16_opus_vp8.webm"))
        .output()
        .unwrap();
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    assert_eq!(gateway.post(&format!("/v1/sessions/{id}/end"), &token, &json!({})).0, 202);
    wait_until("the session has ended", || {
        let facts = exam.read_all(&exam.topics.sessions());
        facts.iter().any(|fact| crate::exam::data(fact)["event"] == "ended").then_some(())
    });
    let segments = exam.read_all(&exam.topics.segments());
    let number = |record, name| header(record, name).parse::<i64>().unwrap();
    let sequences: Vec<i64> = segments.iter().map(|record| number(record, "ce_sequence")).collect();
    assert_eq!(sequences, (0..segments.len() as i64).collect::<Vec<_>>(), "all of it, in order");
    segments.iter().map(|record| number(record, "ce_endms")).max().unwrap()
}

#[test]
fn ffmpeg_pushes_webm() {
    let program = r#"ffmpeg -loglevel error -i "$CLIP" -map 0:v -c copy -f webm -live 1 pipe:1"#;
    let reached = push("ffmpeg-webm", "video/webm;codecs=vp8", program);
    assert!(reached > 10_000, "{reached}");
}

#[test]
fn ffmpeg_pushes_fragmented_mp4() {
    let program = r#"ffmpeg -loglevel error -i "$CLIP" -map 0:v -c:v libx264 -preset ultrafast -g 60 \
        -f mp4 -movflags frag_keyframe+empty_moov+default_base_moof pipe:1"#;
    let reached = push("ffmpeg-mp4", "video/mp4", program);
    assert!(reached > 10_000, "{reached}");
}

#[test]
fn gstreamer_pushes_webm() {
    let program = "gst-launch-1.0 -q videotestsrc num-buffers=180 ! video/x-raw,width=320,height=240,framerate=15/1 \
        ! vp8enc deadline=1 keyframe-max-dist=30 ! webmmux streamable=true ! fdsink";
    let reached = push("gstreamer", "video/webm;codecs=vp8", program);
    assert!((11_500..=12_500).contains(&reached), "{reached}");
}
