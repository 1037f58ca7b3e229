//! Promise: an upload is cut as its file would be, and cut on from any point with the same result; bytes that
//! are missing cost what was in them, up to the next keyframe.

use std::fs;
use std::sync::OnceLock;

use container::{CutSettings, Limits, LiveCutter, Segment, VideoTrack, begins_recording, write};
use domain::messages::CutPoint;
use domain::time::Millis;
use proptest::prelude::*;

use crate::support::*;

/// Something that happens to an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event<'a> {
    Piece(&'a [u8]),
    Hole,
    Silence,
}

/// An upload on its way: what it said, and how many bytes came.
struct Upload {
    cutter: LiveCutter,
    segments: Vec<Segment>,
    bytes: u64,
}

impl Upload {
    fn new(settings: CutSettings) -> Self {
        Self { cutter: LiveCutter::new(Limits::default(), settings), segments: Vec::new(), bytes: 0 }
    }

    fn resume(settings: CutSettings, point: CutPoint) -> Self {
        let bytes = point.from.position;
        let cutter = LiveCutter::resume(Limits::default(), settings, point).unwrap();
        Self { cutter, segments: Vec::new(), bytes }
    }

    /// Takes an event; says whether the upload can go on.
    fn take(&mut self, event: Event<'_>) -> bool {
        match event {
            Event::Piece(piece) => {
                self.bytes += piece.len() as u64;
                self.cutter.push(piece, &mut self.segments).is_ok()
            }
            Event::Hole => self.cutter.pass_hole().is_ok(),
            Event::Silence => {
                self.segments.extend(self.cutter.flush());
                true
            }
        }
    }

    fn end(self) -> Vec<Segment> {
        self.segments.into_iter().chain(self.cutter.finish()).collect()
    }
}

/// What an upload of a stream in pieces of one size becomes.
fn uploaded(stream: &[u8], size: usize) -> (VideoTrack, Vec<Segment>) {
    let mut upload = Upload::new(CutSettings::default());
    assert!(stream.chunks(size).all(|piece| upload.take(Event::Piece(piece))));
    (upload.cutter.track().unwrap().clone(), upload.end())
}

#[test]
fn an_upload_is_cut_as_its_file() {
    for name in ["c01_calm_vp8.webm", "c04_leaves_fmp4.mp4", "c16_opus_vp8.webm", "c19_1080p_h264.mkv"] {
        let (track, segments) = uploaded(&fs::read(clip(name)).unwrap(), 10_007);
        let (own, expected) = cut(&clip(name));
        let files = |track, segments: &[Segment]| {
            segments.iter().map(|segment| (segment.interval, write(track, segment))).collect::<Vec<_>>()
        };
        assert!(files(&track, &segments) == files(&own, &expected), "{name}");
    }
}

#[test]
fn a_movie_that_is_no_stream_is_refused() {
    let stream = fs::read(clip("c02_calm_h264.mp4")).unwrap();
    let mut upload = Upload::new(CutSettings::default());
    let error = upload.cutter.push(&stream, &mut upload.segments).unwrap_err();
    assert_eq!(error.reason(), "unsupported_container");
}

#[test]
fn missing_bytes_cost_what_was_in_them() {
    for name in ["c01_calm_vp8.webm", "c04_leaves_fmp4.mp4"] {
        let stream = fs::read(clip(name)).unwrap();
        let sound = probe(&clip(name));
        let pieces: Vec<&[u8]> = stream.chunks(30_000).collect();
        let mut upload = Upload::new(CutSettings::default());
        for (index, piece) in pieces.iter().enumerate() {
            let event = if index == pieces.len() / 2 { Event::Hole } else { Event::Piece(piece) };
            assert!(upload.take(event), "{name}");
        }
        assert_eq!(upload.cutter.damages(), 1, "{name}");
        let segments = upload.end();
        assert_joined(&segments);
        let found = shown(&segments);
        assert!(found.iter().all(|frame| sound.contains(frame)), "{name}: a frame was made up");
        assert!(found.len() < sound.len() && found.len() + 250 > sound.len(), "{name}: {}", found.len());
        assert_eq!(found.last(), sound.last(), "{name}");
        assert_eq!(segments.iter().filter(|segment| segment.is_undecodable()).count(), 1, "{name}");
    }
}

#[test]
fn a_silence_closes_what_came_and_loses_nothing() {
    let stream = fs::read(clip("c01_calm_vp8.webm")).unwrap();
    let (first, rest) = stream.split_at(stream.len() / 3);
    let mut upload = Upload::new(CutSettings::default());
    for event in [Event::Piece(first), Event::Silence, Event::Silence, Event::Piece(rest)] {
        assert!(upload.take(event));
    }
    let segments = upload.end();
    assert_joined(&segments);
    assert_eq!(shown(&segments), probe(&clip("c01_calm_vp8.webm")));
    assert!(segments.iter().any(|segment| segment.preroll() > Millis::ZERO));
}

#[test]
fn a_header_is_told_from_other_bytes_as_soon_as_possible() {
    for header in [&b"\x1a\x45\xdf\xa3"[..], b"\0\0\0\x1cftyp"] {
        for length in 0..header.len() {
            assert_eq!(begins_recording(&header[..length]), None, "{length}");
            let mut other = header[..=length].to_vec();
            other[length] ^= 0x80;
            let is_size = header[0] == 0 && length == 3;
            assert_eq!(begins_recording(&other), if is_size { None } else { Some(false) }, "{length}");
        }
        assert_eq!(begins_recording(header), Some(true));
    }
}

/// Six seconds of each kind of stream that browsers and recorders send.
fn streams() -> &'static [Vec<u8>] {
    static STREAMS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    STREAMS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let made = |name: &str, codec: &[&str]| {
            let sound = ["-f", "lavfi", "-i", "sine=d=6"];
            fs::read(generated(folder.path(), name, 6, &[&sound[..], codec].concat())).unwrap()
        };
        // Several keyframes in a cluster, and a cluster for each.
        let vp8 = made("a.webm", &["-c:a", "libopus", "-c:v", "libvpx", "-g", "20"]);
        let short = ["-c:v", "libvpx", "-g", "20", "-cluster_time_limit", "400"];
        let fragments = |style: &'static str| {
            ["-c:a", "aac", "-c:v", "libx264", "-g", "20", "-movflags", style, "-frag_duration", "3000000"]
        };
        vec![
            without_cluster_sizes(vp8.clone()),
            vp8,
            made("b.webm", &short),
            made("c.mp4", &fragments("frag_keyframe+empty_moov+default_base_moof")),
            made("d.mp4", &[&fragments("empty_moov")[..], &["-bf", "2"]].concat()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn whoever_goes_on_from_a_point_says_the_same(
        index in 0..5usize,
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..16u8), 1..40),
        restart in any::<prop::sample::Index>(),
        settings in (1..4i64, 1..4i64, prop_oneof![Just(12_000usize), Just(1 << 20)]),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let settings = CutSettings {
            target: Millis(settings.0 * 500),
            longest: Millis(settings.1 * 700),
            preroll: Millis(3_000),
            bytes: settings.2,
        };
        let mut stream = streams()[index].clone();
        if let Some((place, value)) = damage {
            let place = place.index(stream.len());
            stream[place] = value;
        }
        let mut cuts: Vec<(usize, u8)> =
            cuts.iter().map(|(cut, what)| (cut.index(stream.len()), *what)).collect();
        cuts.push((stream.len(), 9));
        cuts.sort_unstable();
        let mut events = Vec::new();
        let mut start = 0;
        for (cut, what) in cuts {
            match what {
                // The header is needed.
                0 if start > 2_000 => events.push(Event::Hole),
                1 | 2 => events.extend([Event::Piece(&stream[start..cut]), Event::Silence]),
                _ => events.push(Event::Piece(&stream[start..cut])),
            }
            start = cut;
        }

        let mut upload = Upload::new(settings);
        let mut points = Vec::new();
        let mut starts = Vec::new();
        for (index, event) in events.iter().enumerate() {
            starts.push(upload.bytes);
            if !upload.take(*event) {
                break;
            }
            points.extend(upload.cutter.point().map(|point| (index, point, upload.segments.len())));
        }
        let all = upload.end();
        prop_assume!(!points.is_empty());
        let (taken, point, said) = points.swap_remove(restart.index(points.len()));
        // As it is stored.
        let point: CutPoint = serde_json::from_str(&serde_json::to_string(&point).unwrap()).unwrap();

        let position = point.from.position;
        let begin = starts.iter().rposition(|start| *start <= position).unwrap();
        // A hole has no bytes: what comes before it has the position, unless that is behind it.
        let begin = starts[..=begin].iter().position(|start| *start == starts[begin]).unwrap();
        let mut again = Upload::resume(settings, point);
        let mut at = starts[begin];
        for (index, event) in events[..starts.len()].iter().enumerate().skip(begin) {
            let goes_on = match event {
                Event::Piece(piece) => {
                    let known = position.saturating_sub(at).min(piece.len() as u64) as usize;
                    at += piece.len() as u64;
                    again.take(Event::Piece(&piece[known..]))
                }
                // Known to the point, and before what it needs.
                Event::Hole if index <= taken && at <= position => true,
                other => again.take(*other),
            };
            if !goes_on {
                break;
            }
        }
        prop_assert_eq!(&again.end()[..], &all[said..]);
    }
}
