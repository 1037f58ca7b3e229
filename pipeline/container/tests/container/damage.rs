//! Promise: damage costs what it hits, up to the next keyframe, and is counted.

use std::fs::{self, File};
use std::io::Cursor;

use container::{ContainerError, CutSettings, Limits, Segments};
use domain::time::{MediaMs, Millis};

use crate::support::*;

#[test]
fn noise_in_the_middle_costs_the_frames_around_it() {
    let damaged = clip("bad/corrupt_middle.webm");
    let sound = probe(&clip("c16_opus_vp8.webm"));
    let mut segments = open(&damaged);
    let all: Vec<_> = segments.by_ref().collect::<Result<_, _>>().unwrap();
    assert!(segments.damages() >= 1);
    assert_joined(&all);
    let found = shown(&all);
    assert!(found.iter().filter(|frame| !sound.contains(frame)).count() <= 1, "a frame was made up");
    assert!(found.len() + 90 > sound.len(), "{} of {}", found.len(), sound.len());
    assert_eq!(found.last(), sound.last());
    // The time of what was lost is there, and nothing is shown in it.
    let [lost] = all.iter().filter(|segment| segment.is_undecodable()).collect::<Vec<_>>()[..] else {
        panic!("one stretch is lost")
    };
    assert!(lost.interval.length() > Millis(500), "{lost:?}");
    assert!(!found.iter().any(|frame| lost.interval.contains(MediaMs(frame.0))));
}

#[test]
fn one_wrong_size_costs_a_cluster_at_most() {
    let path = clip("c01_calm_vp8.webm");
    let sound = probe(&path);
    let stream = without_cluster_sizes(fs::read(&path).unwrap());
    // Blocks of track 1 with two bytes of size, less than 8 KiB.
    let is_block = |at: &usize| {
        let bytes = &stream[*at..at + 7];
        bytes[0] == 0xa3 && bytes[1] & 0xe0 == 0x40 && bytes[3] == 0x81 && bytes[6] & 0x7f == 0
    };
    let blocks: Vec<usize> = (0..stream.len() - 7).filter(is_block).collect();
    assert!(blocks.len() > 100, "{}", blocks.len());
    for block in [blocks[40], blocks[70], blocks[99]] {
        let mut damaged = stream.clone();
        // Says to be 8 KiB longer than it is.
        damaged[block + 1] |= 0x20;
        let demuxed = demux(damaged.chunks(50_000));
        assert!(demuxed.result.is_ok() && demuxed.damages >= 1, "{:?}", demuxed.result);
        let found = frames(&demuxed.packets);
        let lost = sound.iter().filter(|frame| !found.contains(frame)).count();
        // Clusters hold 5 s here.
        assert!((1..=120).contains(&lost), "{lost} frames are lost");
    }
}

/// What swallowed others is found out in the same place, however little of the stream comes at once.
#[test]
fn padding_of_a_wrong_size_costs_the_same_wherever_the_stream_is_cut() {
    let stream = without_cluster_sizes(fs::read(clip("c01_calm_vp8.webm")).unwrap());
    let clusters: Vec<usize> =
        (0..stream.len() - 4).filter(|at| stream[*at..].starts_with(&[0x1f, 0x43, 0xb6, 0x75])).collect();
    // At the end of the second cluster, up to somewhere in the next.
    let mut damaged = stream[..clusters[2]].to_vec();
    damaged.extend([0xec, 0x10, 0x01, 0x00, 0x07]);
    damaged.extend(&stream[clusters[2]..]);
    let whole = demux([&damaged[..]]);
    assert_eq!((whole.damages, whole.result.is_ok()), (1, true));
    assert_eq!(frames(&whole.packets).last(), frames(&demux([&stream[..]]).packets).last());
    for piece in [1000, 4000, 64 << 10] {
        let pieces = demux(damaged.chunks(piece));
        assert!(pieces.packets == whole.packets && pieces.damages == 1, "{piece}");
    }
}

#[test]
fn what_comes_before_a_cut_is_delivered() {
    for name in ["c01_calm_vp8.webm", "c04_leaves_fmp4.mp4", "c02_calm_h264.mp4", "c19_1080p_h264.mkv"] {
        let stream = fs::read(clip(name)).unwrap();
        let whole = demux([&stream[..]]).packets;
        let cut = demux([&stream[..stream.len() / 2]]);
        assert!(matches!(cut.result, Err(ContainerError::Truncated)), "{name}: {:?}", cut.result);
        assert!(cut.packets.len() > whole.len() / 3, "{name}");
        assert_eq!(cut.packets, whole[..cut.packets.len()], "{name}");

        let file = Cursor::new(&stream[..stream.len() / 2]);
        let results: Vec<_> =
            Segments::open(file, Limits::default(), CutSettings::default()).unwrap().collect();
        let (last, segments) = results.split_last().unwrap();
        assert!(matches!(last, Err(ContainerError::Truncated)), "{name}: {last:?}");
        let segments: Vec<_> = segments.iter().map(|segment| segment.as_ref().unwrap().clone()).collect();
        assert_joined(&segments);
        assert_eq!(shown(&segments).len(), cut.packets.len());
    }
}

#[test]
fn a_stream_without_a_frame_is_told() {
    let file = File::open(clip("bad/truncated.webm")).unwrap();
    let results: Vec<_> = Segments::open(file, Limits::default(), CutSettings::default()).unwrap().collect();
    assert!(matches!(results[..], [Err(ContainerError::Truncated)]), "{results:?}");
    let stream = fs::read(clip("c04_leaves_fmp4.mp4")).unwrap();
    let moof = stream.windows(4).position(|name| name == b"moof").unwrap() - 4;
    let result = demux([&stream[..moof]]).result;
    assert!(matches!(result, Err(ContainerError::NoFrames)), "{result:?}");
}
