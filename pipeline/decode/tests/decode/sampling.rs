//! Which picture stands for which instant: pauses, gaps, windows, offsets, and what is not decoded.

use std::sync::Arc;

use decode::{DecodeEvent, Ending, SamplingPlan};
use domain::time::{Interval, MediaMs, Millis};

use crate::support::*;

/// A recording of 90 frames with nothing sent between frames 10 and 75: 0.67 s to 5 s.
fn with_a_pause(codec: &str, name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = folder();
    let path = folder.path().join(name);
    let select = "-vf select='lte(n,10)+gte(n,75)' -fps_mode passthrough";
    ffmpeg(&format!("{} {select} {codec}", numbered(78, "160x120")), &path);
    (folder, path)
}

#[test]
fn a_pause_is_bridged_by_the_frame_before() {
    for (codec, name) in [("-c:v libvpx -b:v 2M", "a.webm"), ("-c:v libx264 -crf 5", "a.mp4")] {
        let (_folder, path) = with_a_pause(codec, name);
        let plan = SamplingPlan::every(Millis(500)).holding(Millis(10_000));
        let outcome = decode_with(&pool(), &path, &plan);
        let mut expected = vec![(0, Some(0)), (500, Some(displayed(500)))];
        expected.extend((2..10).map(|index| (index * 500, Some(10))));
        expected.push((5000, Some(75)));
        assert_eq!(outcome.numbers(), expected, "{name}");
        let frames: Vec<_> = (outcome.events.iter())
            .filter_map(|event| match event {
                DecodeEvent::Frame(frame) => Some(frame),
                _ => None,
            })
            .collect();
        assert!(Arc::ptr_eq(&frames[2].picture, &frames[9].picture), "nothing new was sent");
        assert!(frames.iter().all(|frame| frame.picture_ms <= frame.time.moment));
    }
}

#[test]
fn a_pause_longer_than_the_hold_is_a_gap_from_its_beginning() {
    let (_folder, path) = with_a_pause("-c:v libvpx -b:v 2M", "a.webm");
    for hold in [2000, 4000] {
        let plan = SamplingPlan::every(Millis(1000)).holding(Millis(hold));
        let outcome = decode_with(&pool(), &path, &plan);
        let expected =
            [(0, Some(0)), (1000, Some(10)), (2000, None), (3000, None), (4000, None), (5000, Some(75))];
        assert_eq!(outcome.numbers(), expected);
        assert_eq!((outcome.decoded().frames, outcome.decoded().gaps), (3, 3));
    }
}

#[test]
fn frames_that_are_not_decoded_leave_no_hole() {
    // One frame a second, a keyframe every second one.
    let folder = folder();
    let path = folder.path().join("a.webm");
    let select = "-vf select='not(mod(n,15))' -fps_mode passthrough";
    ffmpeg(&format!("{} {select} -c:v libvpx -b:v 2M -g 2", numbered(75, "160x120")), &path);
    let plan = SamplingPlan::every(Millis(3900)).holding(Millis(1050));
    let outcome = decode_with(&pool(), &path, &plan);
    assert_eq!(outcome.numbers(), [(0, Some(0)), (3900, Some(45))]);
    assert!(outcome.decoded().frames_skipped > 0, "{outcome:?}");
}

#[test]
fn the_stream_is_announced_first() {
    let folder = folder();
    let outcome = decode(&recording(&folder, 15));
    assert!(matches!(&outcome.events[0], DecodeEvent::Started(stream) if stream.duration.is_some()));
}

#[test]
fn a_window_is_answered_whole_and_decoded_alone() {
    let folder = folder();
    let path = recording(&folder, 75);
    let window = Interval::new(MediaMs(3000), MediaMs(4000));
    let plan = SamplingPlan::every(Millis(500)).within(window);
    let outcome = decode_with(&pool(), &path, &plan);
    assert_eq!(outcome.numbers(), [(3000, Some(45)), (3500, Some(displayed(3500)))]);
    let decoded = outcome.decoded();
    assert!(decoded.frames_skipped >= 30, "the first group of pictures is not decoded: {decoded:?}");
    assert!(decoded.last.0 < 4500, "it stops behind the window: {decoded:?}");

    let window = Interval::new(MediaMs(0), MediaMs(1000));
    let outcome = decode_with(&pool(), &path, &SamplingPlan::every(Millis(500)).within(window));
    assert_eq!(outcome.decoded().ending, Ending::Complete, "what lies behind the window does not matter");

    let window = Interval::new(MediaMs(4500), MediaMs(6500));
    let plan = SamplingPlan::every(Millis(500)).within(window).holding(Millis(600));
    let outcome = decode_with(&pool(), &path, &plan);
    let expected = [(4500, Some(displayed(4500))), (5000, Some(74)), (5500, None), (6000, None)];
    assert_eq!(outcome.numbers(), expected);
}

#[test]
fn a_segment_lies_where_the_caller_says() {
    let folder = folder();
    let plan = SamplingPlan::every(Millis(500)).starting_at(MediaMs(10_300));
    let outcome = decode_with(&pool(), &recording(&folder, 15), &plan);
    assert_eq!(outcome.numbers(), [(10_500, Some(displayed(200))), (11_000, Some(displayed(700)))]);
    assert_eq!(outcome.decoded().first, MediaMs(10_300));
}

#[test]
fn frames_that_no_picture_depends_on_are_not_decoded() {
    let folder = folder();
    for (codec, name) in [
        ("-c:v libvpx -b:v 2M", "a.webm"),
        ("-c:v libx264 -crf 5 -bf 3", "a.mp4"),
        ("-c:v libx264 -crf 5 -bf 3 -flags -cgop -x264-params open-gop=1", "a.mkv"),
        ("-c:v libx265 -crf 5 -x265-params log-level=error", "b.mp4"),
    ] {
        let path = folder.path().join(name);
        ffmpeg(&format!("{} {codec} -g 15 -keyint_min 15", numbered(60, "160x120")), &path);
        // Keyframes every second, instants 0.4 s after each of them.
        let plan = SamplingPlan::every(Millis(1000)).starting_at(MediaMs(600));
        let outcome = decode_with(&pool(), &path, &plan);
        let expected: Vec<_> =
            (0..4).map(|index| (1000 + index * 1000, Some(displayed(400 + index * 1000)))).collect();
        assert_eq!(outcome.numbers(), expected, "{codec}");
        let decoded = outcome.decoded();
        assert!(decoded.frames_decoded + decoded.frames_skipped <= 60, "{codec}: {decoded:?}");
        assert!(decoded.frames_skipped >= 16, "{codec}: {decoded:?}");
    }
}

#[test]
fn frames_sent_out_of_time_do_no_harm() {
    // Two recordings in one file, as a player that was restarted leaves them: time starts again.
    let folder = folder();
    let path = recording(&folder, 30);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend(std::fs::read(&path).unwrap());
    let twice = folder.path().join("twice.webm");
    std::fs::write(&twice, bytes).unwrap();
    let outcome = decode(&twice);
    let instants: Vec<_> = outcome.numbers().iter().map(|(instant, _)| *instant).collect();
    assert!(instants.starts_with(&[0, 500, 1000, 1500]), "{instants:?}");
    assert!(instants.is_sorted());
    assert_ne!(outcome.decoded().ending, Ending::Stopped);
}
