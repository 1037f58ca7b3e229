//! Promise: no bytes make it panic, and none make it take more memory than the limits and the stream.

use std::fs;
use std::io::Cursor;
use std::sync::OnceLock;

use container::{CutSettings, Demuxer, Limits, Segments, write};
use domain::time::Millis;
use proptest::prelude::*;

use crate::support::*;

/// One second of every kind of stream.
fn small_streams() -> &'static [Vec<u8>] {
    static STREAMS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    STREAMS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, codec: &[&str]| {
            let small = [&["-s", "32x32", "-fflags", "+bitexact", "-g", "5"][..], codec].concat();
            fs::read(generated(folder.path(), name, 1, &small)).unwrap()
        };
        let live = make("a.webm", &["-c:v", "libvpx", "-live", "1"]);
        vec![
            without_cluster_sizes(live),
            make("b.mkv", &["-c:v", "libx264", "-bf", "2"]),
            make("c.mp4", &["-c:v", "libx264", "-bf", "2"]),
            make("d.mp4", &["-c:v", "libx264", "-bf", "2", "-movflags", "faststart"]),
            make("e.mp4", &["-c:v", "libx264", "-movflags", "frag_keyframe+empty_moov"]),
        ]
    })
}

/// Reads a stream in both ways, as far as it can be read, and writes what comes of it.
fn read(stream: &[u8]) {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut packets = Vec::new();
    let mut delivered = 0;
    for piece in stream.chunks(700) {
        let result = demuxer.push(piece, &mut packets);
        delivered += packets.drain(..).map(|packet| packet.bytes.len()).sum::<usize>();
        if result.is_err() {
            break;
        }
    }
    let _ = demuxer.finish();
    assert!(delivered <= 2 * stream.len(), "{delivered} of {}", stream.len());
    let (whole, pieces) = (demux([stream]), demux(stream.chunks(700)));
    assert_eq!(whole.packets, pieces.packets);
    assert_eq!((whole.damages, whole.result.is_ok()), (pieces.damages, pieces.result.is_ok()));

    let Ok(mut segments) = Segments::open(Cursor::new(stream), Limits::default(), CutSettings::default())
    else {
        return;
    };
    let mut delivered = Vec::new();
    for segment in segments.by_ref().flatten() {
        assert!(segment.interval.length() >= Millis::ZERO);
        assert!(segment.packets.first().is_none_or(|first| first.is_key));
        let _ = write(segments_track(), &segment);
        delivered.push(segment);
    }
    assert_joined(&delivered);
}

fn segments_track() -> &'static container::VideoTrack {
    static TRACK: OnceLock<container::VideoTrack> = OnceLock::new();
    TRACK.get_or_init(|| demux([&small_streams()[0][..]]).track.unwrap())
}

#[test]
fn a_stream_cut_off_anywhere_ends_in_an_error_or_early() {
    for stream in small_streams() {
        for length in 0..stream.len() {
            read(&stream[..length]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn flipped_bits_do_no_harm(
        index in 0..5usize,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u32), 1..6),
    ) {
        let mut stream = small_streams()[index].clone();
        for (place, bit) in flips {
            let place = place.index(stream.len());
            stream[place] ^= 1 << bit;
        }
        read(&stream);
    }

    /// The descriptions, where sizes and counts are.
    #[test]
    fn replaced_bytes_in_the_head_do_no_harm(
        index in 0..5usize,
        changes in prop::collection::vec((0..1200usize, prop_oneof![Just(0xff), Just(0), any::<u8>()]), 1..12),
    ) {
        let mut stream = small_streams()[index].clone();
        // The head of a whole file may be at its end.
        let is_last = index == 2;
        let length = stream.len();
        for (place, value) in changes {
            let place = place.min(length - 1);
            stream[if is_last { length - 1 - place } else { place }] = value;
        }
        read(&stream);
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(
        start in prop::sample::select(vec![
            &b""[..], b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff", b"\0\0\0\x08ftyp",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        read(&[start, &bytes].concat());
    }
}
