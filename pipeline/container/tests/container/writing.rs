//! Promise: a written segment is a file of its own that any decoder accepts.

use std::fs::{self, File};
use std::path::Path;

use container::{CutSettings, Limits, Packet, Segment, Segments, VideoTrack, write};
use domain::time::{MediaMs, Millis};

use crate::support::*;

/// Writes segments as files; checks that each has the segment's frames, on a clock that begins with its
/// first, and decodes.
fn assert_standalone(track: &VideoTrack, segments: &[Segment], name: &str) {
    let folder = tempfile::tempdir().unwrap();
    for segment in segments {
        let bytes = write(track, segment);
        assert_eq!(bytes, write(track, segment));
        let file = folder.path().join(format!("{}.mkv", segment.sequence));
        fs::write(&file, &bytes).unwrap();
        let first = segment.packets[0].at;
        let expected: Vec<Frame> =
            frames(&segment.packets).iter().map(|f| (f.0 - first.0, f.1, f.2)).collect();
        if segment.sequence < 2 {
            assert_eq!(probe(&file), expected, "{name} {}", segment.sequence);
        }
        assert_eq!(decoded(&file), expected.len(), "{name} {}", segment.sequence);

        let again = demux([&bytes[..]]);
        assert!(again.result.is_ok(), "{name}: {:?}", again.result);
        assert_eq!(frames(&again.packets), expected);
        let stated_duration = Some(segment.interval.end - first);
        let is_last = |packet: &&Packet| {
            packet.duration.map(|lasts| packet.at + lasts - MediaMs::ZERO) == stated_duration
        };
        assert!(again.packets.iter().any(|packet| is_last(&packet)), "no frame lasts to the end");
        assert_eq!(again.track.unwrap(), VideoTrack { stated_duration, ..track.clone() });
    }
}

#[test]
fn every_segment_decodes_on_its_own() {
    for name in ["c07_two_faces_vp9.webm", "c16_opus_vp8.webm", "c20_calm_hevc.mp4"] {
        let (track, segments) = cut(&clip(name));
        assert!(segments.len() >= 10, "{name}");
        assert_standalone(&track, &segments, name);
    }
    for name in ["c04_leaves_fmp4.mp4", "c17_rotated_h264.mp4", "c19_1080p_h264.mkv"] {
        let (track, segments) = cut(&clip(name));
        assert_standalone(&track, &segments[..3], name);
    }
}

#[test]
fn a_preroll_decodes() {
    let folder = tempfile::tempdir().unwrap();
    let codec = ["-c:v", "libx264", "-g", "9999", "-sc_threshold", "0", "-bf", "3"];
    let (track, segments) = cut(&generated(folder.path(), "long.mp4", 45, &codec));
    let last = segments.last().unwrap();
    assert_eq!(last.preroll().0 / 1000, 40);
    assert_standalone(&track, &segments, "long.mp4");
}

#[test]
fn open_groups_decode() {
    let folder = tempfile::tempdir().unwrap();
    let x265 = "log-level=none:open-gop=1:keyint=30:min-keyint=30:scenecut=0:bframes=4";
    let path = generated(folder.path(), "open.mp4", 10, &["-c:v", "libx265", "-x265-params", x265]);
    let (track, segments) = cut(&path);
    assert_standalone(&track, &segments, "open.mp4");
}

/// Coded pictures are carried on as they are.
#[test]
fn av1_and_colours_are_carried_on() {
    let folder = tempfile::tempdir().unwrap();
    let colours =
        ["-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"];
    let av1 =
        [&["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "30"][..], &colours].concat();
    let h264 = [&["-c:v", "libx264", "-g", "30", "-movflags", "+write_colr"][..], &colours].concat();
    for (name, codec) in [("a.mp4", &av1), ("a.webm", &av1), ("b.mp4", &h264)] {
        let path = generated(folder.path(), name, 5, codec);
        let (track, segments) = cut(&path);
        let colour = track.colour.unwrap();
        assert_eq!((colour.matrix, colour.full_range), (1, Some(false)), "{name}");
        assert_standalone(&track, &segments, name);
        assert_eq!(colours_of(&path), ["tv", "bt709", "bt709", "bt709"]);
        let written = folder.path().join("segment.mkv");
        fs::write(&written, write(&track, &segments[0])).unwrap();
        assert_eq!(colours_of(&written), colours_of(&path), "{name}");
    }
}

fn colours_of(path: &Path) -> Vec<String> {
    let fields = "stream=color_range,color_space,color_transfer,color_primaries";
    let output = std::process::Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0", "-show_entries", fields])
        .arg(path)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().split(',').map(str::to_owned).collect()
}

#[test]
fn a_long_segment_has_several_clusters() {
    let file = File::open(clip("c18_variable_rate_vp8.webm")).unwrap();
    let whole = CutSettings { target: Millis(100_000), longest: Millis(100_000), ..CutSettings::default() };
    let segments = Segments::open(file, Limits::default(), whole).unwrap();
    let track = segments.track().clone();
    let segments: Vec<_> = segments.collect::<Result<_, _>>().unwrap();
    assert!(segments.len() == 1 && segments[0].interval.length() > Millis(58_000));
    assert_standalone(&track, &segments, "c18");
    let bytes = write(&track, &segments[0]);
    assert!(bytes.windows(4).filter(|window| *window == [0x1f, 0x43, 0xb6, 0x75]).count() >= 2);
}
