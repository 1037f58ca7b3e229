//! Promise: the segments of a file join without seam, and together show every frame once.

use std::fs::File;

use container::{ContainerError, CutSettings, Limits, Segments};
use domain::time::{MediaMs, Millis};

use crate::support::*;

const CLIPS: [&str; 10] = [
    "c01_calm_vp8.webm",
    "c02_calm_h264.mp4",
    "c04_leaves_fmp4.mp4",
    "c07_two_faces_vp9.webm",
    "c09_dark_h264.mp4",
    "c16_opus_vp8.webm",
    "c17_rotated_h264.mp4",
    "c18_variable_rate_vp8.webm",
    "c20_calm_hevc.mp4",
    "c21_gap_vp8.webm",
];

#[test]
fn segments_show_every_frame_once() {
    for name in CLIPS {
        let path = clip(name);
        let (_, segments) = cut(&path);
        assert_joined(&segments);
        let mut expected = probe(&path);
        expected.sort_by_key(|frame| frame.0);
        assert_eq!(shown(&segments), expected, "{name}");
        // In calm scenes keyframes are far apart.
        let has_preroll = segments.iter().any(|segment| segment.preroll() > Millis::ZERO);
        assert_eq!(has_preroll, name == "c18_variable_rate_vp8.webm", "{name}");
        assert!(segments.iter().all(|segment| segment.packets[0].is_key));
    }
}

#[test]
fn segments_begin_at_the_keyframes() {
    let starts = |name| {
        let (_, segments) = cut(&clip(name));
        segments.iter().map(|segment| segment.interval.start.0).collect::<Vec<_>>()
    };
    assert_eq!(starts("c01_calm_vp8.webm"), (0..64_000).step_by(2000).collect::<Vec<_>>());
    // A keyframe every 29 frames, the first one a little too early.
    assert_eq!(starts("c19_1080p_h264.mkv")[..3], [0, 3867, 7733]);
    // Nothing came between 20 s and 28 s.
    assert_eq!(starts("c21_gap_vp8.webm")[9..12], [18_000, 28_000, 30_000]);
}

#[test]
fn the_last_segment_ends_with_its_last_frame() {
    let end = |name| cut(&clip(name)).1.last().unwrap().interval.end;
    assert_eq!(end("c02_calm_h264.mp4"), MediaMs(62_000));
    assert_eq!(end("c01_calm_vp8.webm"), MediaMs(64_000));
}

#[test]
fn a_file_with_its_index_at_the_end_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let source = clip("c09_dark_h264.mp4");
    let path = ffmpeg(folder.path(), "last.mp4", &["-i", source.to_str().unwrap(), "-c", "copy"]);
    assert_eq!(cut(&path).1, cut(&source).1);
}

#[test]
fn the_rotation_of_a_phone_is_told() {
    assert_eq!(open(&clip("c17_rotated_h264.mp4")).track().rotation, 270);
    assert_eq!(open(&clip("c02_calm_h264.mp4")).track().rotation, 0);
}

#[test]
fn frames_that_an_edit_hides_lie_before_zero() {
    let folder = tempfile::tempdir().unwrap();
    let source = clip("c02_calm_h264.mp4");
    // Copied from 3 s on, the file begins with the keyframe at 2 s and says that it is to be shown later.
    let path = ffmpeg(folder.path(), "late.mp4", &["-ss", "3", "-i", source.to_str().unwrap(), "-c", "copy"]);
    let (_, segments) = cut(&path);
    assert_joined(&segments);
    assert_eq!(segments[0].preroll(), Millis(1000));
    assert_eq!(segments[0].packets.iter().filter(|packet| packet.at.0 < 0).count(), 15);
    assert_eq!(shown(&segments)[0].0, 0);
    assert_eq!(segments.last().unwrap().interval.end, MediaMs(59_000));
}

#[test]
fn without_keyframes_segments_have_a_preroll() {
    let folder = tempfile::tempdir().unwrap();
    for (name, codec) in [
        ("long.webm", &["-c:v", "libvpx", "-deadline", "realtime", "-g", "9999"][..]),
        ("long.mp4", &["-c:v", "libx264", "-g", "9999", "-sc_threshold", "0", "-bf", "3"]),
    ] {
        let path = generated(folder.path(), name, 35, codec);
        let (_, segments) = cut(&path);
        assert_joined(&segments);
        let starts: Vec<_> = segments.iter().map(|segment| segment.interval.start.0 / 1000).collect();
        assert_eq!(starts, [0, 10, 20, 30], "{name}");
        assert!(segments.iter().all(|segment| segment.preroll() == segment.interval.start - MediaMs::ZERO));
        let mut expected = probe(&path);
        expected.sort_by_key(|frame| frame.0);
        assert_eq!(shown(&segments), expected, "{name}");
    }
}

#[test]
fn open_groups_lose_no_frame() {
    let folder = tempfile::tempdir().unwrap();
    let codec = [
        "-c:v",
        "libx265",
        "-x265-params",
        "log-level=none:open-gop=1:keyint=30:min-keyint=30:scenecut=0:bframes=4",
    ];
    let path = generated(folder.path(), "open.mp4", 10, &codec);
    let expected = probe(&path);
    let is_open = |pair: &[Frame]| pair[0].1 && pair[1].0 < pair[0].0;
    assert!(expected.windows(2).any(is_open), "no keyframe is followed by one that is shown before it");
    let (_, segments) = cut(&path);
    assert_joined(&segments);
    assert_eq!(segments.len(), 5);
    let mut expected = expected;
    expected.sort_by_key(|frame| frame.0);
    assert_eq!(shown(&segments), expected);
}

#[test]
fn what_is_no_video_is_refused_by_name() {
    let refused = |name| {
        let file = File::open(clip(name)).unwrap();
        Segments::open(file, Limits::default(), CutSettings::default())
            .map(|_| ())
            .map_err(|error| error.reason())
    };
    assert_eq!(refused("bad/empty.webm"), Err("empty"));
    assert_eq!(refused("bad/text.webm"), Err("not_media"));
    assert_eq!(refused("bad/garbage.mp4"), Err("not_media"));
    assert_eq!(refused("bad/mjpeg.avi"), Err("not_media"));
    assert_eq!(refused("bad/audio_only.webm"), Err("no_video"));
    assert_eq!(refused("bad/truncated.mp4"), Err("truncated"));
    let folder = tempfile::tempdir().unwrap();
    let mpeg4 = generated(folder.path(), "old.mp4", 1, &["-c:v", "mpeg4"]);
    let refused = Segments::open(File::open(mpeg4).unwrap(), Limits::default(), CutSettings::default());
    assert!(matches!(refused, Err(ContainerError::UnsupportedCodec { codec }) if codec == "mp4v"));
}

#[test]
fn a_single_frame_is_a_segment() {
    let (_, segments) = cut(&clip("bad/zero_duration.mp4"));
    assert_eq!(segments.len(), 1);
    assert_eq!((segments[0].interval.end, segments[0].packets.len()), (MediaMs(67), 1));
}
