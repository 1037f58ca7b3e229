//! Promise: a stream's frames are those that ffprobe reports, wherever the stream is cut on its way.

use std::fs;

use container::{Codec, ContainerError};
use domain::time::Millis;
use proptest::prelude::*;

use crate::support::*;

/// What can be read as a stream, with the codec inside.
const STREAMS: [(&str, Codec); 12] = [
    ("c01_calm_vp8.webm", Codec::Vp8),
    ("c02_calm_h264.mp4", Codec::H264),
    ("c04_leaves_fmp4.mp4", Codec::H264),
    ("c07_two_faces_vp9.webm", Codec::Vp9),
    ("c09_dark_h264.mp4", Codec::H264),
    ("c14_people_walking_vp8.webm", Codec::Vp8),
    ("c15_empty_h264.mp4", Codec::H264),
    ("c16_opus_vp8.webm", Codec::Vp8),
    ("c18_variable_rate_vp8.webm", Codec::Vp8),
    ("c19_1080p_h264.mkv", Codec::H264),
    ("c20_calm_hevc.mp4", Codec::Hevc),
    ("c21_gap_vp8.webm", Codec::Vp8),
];

#[test]
fn frames_are_those_that_ffprobe_reports() {
    for (name, codec) in STREAMS {
        let path = clip(name);
        let stream = fs::read(&path).unwrap();
        let demuxed = demux(stream.chunks(10_007));
        assert!(demuxed.result.is_ok(), "{name}: {:?}", demuxed.result);
        assert_eq!(frames(&demuxed.packets), probe(&path), "{name}");
        assert_eq!((demuxed.track.unwrap().codec, demuxed.damages), (codec, 0), "{name}");
    }
}

#[test]
fn the_track_is_described() {
    let track = |name| demux([&fs::read(clip(name)).unwrap()[..]]).track.unwrap();
    let vp8 = track("c01_calm_vp8.webm");
    assert_eq!((vp8.width, vp8.height, vp8.rotation, vp8.stated_duration), (640, 480, 0, None));
    assert!(vp8.codec_private.is_empty());
    let h264 = track("c02_calm_h264.mp4");
    assert_eq!((h264.codec_private.len(), h264.stated_duration), (39, Some(Millis(62_000))));
    assert_eq!(track("c04_leaves_fmp4.mp4").stated_duration, None);
    let full_hd = track("c19_1080p_h264.mkv");
    assert_eq!((full_hd.width, full_hd.height, full_hd.stated_duration), (1920, 1080, Some(Millis(30_000))));
    assert_eq!(full_hd.frame_ns, Some(66_666_666));
}

#[test]
fn equal_tracks_have_equal_descriptions_whatever_their_container() {
    let description = |stream: &[u8]| demux([stream]).track.unwrap().description();
    let webm = |name: &str| description(&fs::read(clip(name)).unwrap());
    assert_eq!(webm("c01_calm_vp8.webm"), webm("c03_leaves_vp8.webm"));
    assert_ne!(webm("c01_calm_vp8.webm"), webm("c07_two_faces_vp9.webm"));
    let folder = tempfile::tempdir().unwrap();
    let mp4 = clip("c02_calm_h264.mp4");
    let fragments = ["-i", mp4.to_str().unwrap(), "-c", "copy", "-movflags", "frag_keyframe+empty_moov"];
    let fragmented = fs::read(ffmpeg(folder.path(), "fragmented.mp4", &fragments)).unwrap();
    assert_eq!(description(&fragmented), description(&fs::read(mp4).unwrap()));
}

#[test]
fn clusters_of_unknown_size_are_read() {
    let path = clip("c16_opus_vp8.webm");
    let live = without_cluster_sizes(fs::read(&path).unwrap());
    let demuxed = demux(live.chunks(4096));
    assert!(demuxed.result.is_ok(), "{:?}", demuxed.result);
    assert_eq!(frames(&demuxed.packets), probe(&path));
}

#[test]
fn fragments_of_every_style_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for (index, flags) in [
        "frag_keyframe+empty_moov",
        "frag_keyframe+empty_moov+default_base_moof",
        "frag_every_frame+empty_moov+separate_moof",
        "frag_keyframe+empty_moov+omit_tfhd_offset",
        "frag_keyframe+empty_moov+delay_moov+negative_cts_offsets",
        "cmaf",
        "dash+frag_keyframe",
        // The index of the first fragment comes last.
        "frag_keyframe",
        // One for all.
        "faststart",
    ]
    .into_iter()
    .enumerate()
    {
        let sound =
            ["-f", "lavfi", "-i", "sine=d=6", "-c:a", "aac", "-c:v", "libx264", "-bf", "2", "-g", "20"];
        let codec = [&sound[..], &["-movflags", flags]].concat();
        let path = generated(folder.path(), &format!("{index}.mp4"), 6, &codec);
        let mut expected = probe(&path);
        if flags != "frag_keyframe" {
            let demuxed = demux(fs::read(&path).unwrap().chunks(999));
            assert!(demuxed.result.is_ok(), "{flags}: {:?}", demuxed.result);
            assert_eq!(frames(&demuxed.packets), expected, "{flags}");
        }
        expected.sort_by_key(|frame| frame.0);
        assert_eq!(shown(&cut(&path).1), expected, "{flags}");
    }
}

#[test]
fn an_index_at_the_end_is_refused_in_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    let source = clip("c02_calm_h264.mp4");
    let path = ffmpeg(folder.path(), "last.mp4", &["-i", source.to_str().unwrap(), "-c", "copy", "-t", "4"]);
    let stream = fs::read(path).unwrap();
    let result = demux([&stream[..]]).result;
    assert!(matches!(result, Err(ContainerError::IndexAtEnd)), "{result:?}");
}

#[test]
fn a_second_recording_in_the_same_stream_is_told() {
    for name in ["c01_calm_vp8.webm", "c04_leaves_fmp4.mp4"] {
        let stream = fs::read(clip(name)).unwrap();
        let once = demux([&stream[..]]).packets;
        let twice = demux([&stream[..], &stream[..]]);
        assert!(matches!(twice.result, Err(ContainerError::Restarted)), "{name}: {:?}", twice.result);
        assert_eq!(twice.packets, once);
    }
}

/// Three seconds of each kind of stream.
fn short_streams() -> &'static [Vec<u8>] {
    static STREAMS: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    STREAMS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let opus =
            ["-f", "lavfi", "-i", "sine=d=3", "-c:a", "libopus", "-c:v", "libvpx", "-g", "15", "-live", "1"];
        let webm = fs::read(generated(folder.path(), "a.webm", 3, &opus)).unwrap();
        let h264 = ["-c:v", "libx264", "-g", "15", "-movflags", "frag_keyframe+empty_moov"];
        let fragmented = fs::read(generated(folder.path(), "b.mp4", 3, &h264)).unwrap();
        let h264 = ["-c:v", "libx264", "-g", "15", "-movflags", "faststart"];
        let whole = fs::read(generated(folder.path(), "c.mp4", 3, &h264)).unwrap();
        vec![without_cluster_sizes(webm), fragmented, whole]
    })
}

#[test]
fn single_bytes_give_the_same_packets() {
    for stream in short_streams() {
        let whole = demux([&stream[..]]);
        assert!(whole.result.is_ok() && whole.packets.len() == 45);
        assert_eq!(demux(stream.chunks(1)).packets, whole.packets);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_give_the_same_packets(
        index in 0..3usize,
        mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut stream = short_streams()[index].clone();
        if let Some((place, value)) = damage {
            let place = place.index(stream.len());
            stream[place] = value;
        }
        let mut cuts: Vec<usize> = cuts.drain(..).map(|cut| cut.index(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let whole = demux([&stream[..]]);
        let pieces = demux(cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]));
        prop_assert_eq!(pieces.packets, whole.packets);
        prop_assert_eq!(pieces.track, whole.track);
        prop_assert_eq!(pieces.damages, whole.damages);
        prop_assert_eq!(pieces.result.map_err(|error| error.reason()), whole.result.map_err(|error| error.reason()));
    }
}
