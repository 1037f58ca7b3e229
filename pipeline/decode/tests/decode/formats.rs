//! Every container and codec that is promised gives the same instants with the right pictures.

use std::path::Path;

use decode::Ending;
use domain::time::Millis;

use crate::support::*;

const FRAMES: i64 = 60;

fn check(name: &str, container: &str, codec: &str, arguments: &str) -> Outcome {
    let folder = folder();
    let path = folder.path().join(name);
    ffmpeg(&format!("{} {arguments}", numbered(FRAMES, "160x120")), &path);
    check_file(&path, container, codec)
}

fn check_file(path: &Path, container: &str, codec: &str) -> Outcome {
    let outcome = decode(path);
    let decoded = outcome.decoded();
    assert_eq!((decoded.stream.container.as_str(), decoded.stream.codec.as_str()), (container, codec));
    assert_eq!((decoded.stream.width, decoded.stream.height), (160, 120));
    assert_eq!(decoded.ending, Ending::Complete);
    assert_eq!((decoded.first.0, decoded.last.0), (0, time(FRAMES - 1)));
    let expected: Vec<_> = (0..8).map(|index| (index * 500, Some(displayed(index * 500)))).collect();
    assert_eq!(outcome.numbers(), expected, "{path:?}");
    outcome
}

#[test]
fn webm_vp8() {
    let outcome = check("a.webm", "matroska", "vp8", "-c:v libvpx -b:v 2M");
    assert_eq!(outcome.decoded().stream.duration, Some(Millis(4000)));
}

#[test]
fn webm_vp9() {
    check("a.webm", "matroska", "vp9", "-c:v libvpx-vp9 -b:v 2M -deadline realtime");
}

#[test]
fn a_live_recording_states_no_duration() {
    let outcome = check("a.webm", "matroska", "vp8", "-c:v libvpx -b:v 2M -f webm -live 1");
    assert_eq!(outcome.decoded().stream.duration, None);
}

#[test]
fn matroska_h264() {
    check("a.mkv", "matroska", "h264", "-c:v libx264 -crf 5");
}

#[test]
fn mp4_h264_with_index_at_either_end() {
    for flags in ["", "-movflags +faststart"] {
        let outcome = check("a.mp4", "mp4", "h264", &format!("-c:v libx264 -crf 5 {flags}"));
        assert_eq!(outcome.decoded().stream.duration, Some(Millis(4000)));
    }
}

#[test]
fn fragmented_mp4_states_no_duration() {
    let flags = "-g 15 -movflags frag_keyframe+empty_moov+default_base_moof";
    let outcome = check("a.mp4", "mp4", "h264", &format!("-c:v libx264 -crf 5 {flags}"));
    assert_eq!(outcome.decoded().stream.duration, None);
}

#[test]
fn mp4_without_b_frames_as_browsers_send_it() {
    check("a.mp4", "mp4", "h264", "-c:v libx264 -crf 5 -profile:v baseline -g 30");
}

#[test]
fn mpeg_ts_starts_at_zero_whatever_its_clock_says() {
    check("a.ts", "mpegts", "h264", "-c:v libx264 -crf 5");
}

#[test]
fn hevc() {
    check("a.mp4", "mp4", "hevc", "-c:v libx265 -crf 5 -x265-params log-level=error");
}

#[test]
fn matroska_mjpeg() {
    check("a.mkv", "matroska", "mjpeg", "-c:v mjpeg -q:v 2 -color_range pc -pix_fmt yuvj420p");
}

#[test]
fn ten_bits_and_other_subsamplings() {
    for format in ["yuv420p10le", "yuv422p", "yuv444p"] {
        check("a.mkv", "matroska", "h264", &format!("-c:v libx264 -crf 5 -pix_fmt {format}"));
    }
}

#[test]
fn gif() {
    let folder = folder();
    let path = folder.path().join("a.gif");
    ffmpeg(&numbered(FRAMES, "160x120"), &path);
    let outcome = decode(&path);
    assert_eq!(outcome.decoded().stream.codec, "gif");
    let numbers = outcome.numbers();
    assert!((8..=9).contains(&numbers.len()), "{numbers:?}");
    for (instant, number) in numbers {
        // The palette is coarse, and time goes in hundredths of a second.
        assert!((number.unwrap() - displayed(instant)).abs() <= 2, "{number:?} at {instant}");
    }
}

#[test]
fn sound_and_further_streams_are_ignored() {
    let input = "-f lavfi -i sine=duration=4 -f lavfi -i testsrc2=s=320x240:d=4";
    let maps = "-map 0:v -map 1:a -map 2:v -c:v libvpx -b:v 2M -c:a libopus";
    let folder = folder();
    let path = folder.path().join("a.mkv");
    ffmpeg(&format!("{} {input} {maps}", numbered(FRAMES, "160x120")), &path);
    check_file(&path, "matroska", "vp8");
}

#[test]
fn same_input_same_pictures() {
    let folder = folder();
    let path = folder.path().join("a.webm");
    ffmpeg("-f lavfi -i testsrc2=s=320x240:d=3 -c:v libvpx-vp9 -deadline realtime", &path);
    let pictures = |outcome: &Outcome| -> Vec<_> {
        let picture = |event: &decode::DecodeEvent| match event {
            decode::DecodeEvent::Frame(frame) => Some((frame.picture_ms, (*frame.picture).clone())),
            _ => None,
        };
        outcome.events.iter().filter_map(picture).collect()
    };
    assert_eq!(pictures(&decode(&path)), pictures(&decode(&path)));
}
