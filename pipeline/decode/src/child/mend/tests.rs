//! Damage of all kinds, and what the demuxer sees of it.

use proptest::prelude::*;

use super::*;
use crate::child::window::tests::window;

fn element(id: u32, body: &[u8]) -> Vec<u8> {
    let id: Vec<u8> = id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    [&id[..], &(0x1000_0000 | body.len() as u32).to_be_bytes(), body].concat()
}

fn unsized_element(id: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat()
}

/// A block of track 1 or 2.
fn block(track: u8, is_key: bool) -> Vec<u8> {
    let head = [0x80 | track, 0, 0, if is_key { 0x80 } else { 0 }];
    element(SIMPLE_BLOCK, &[&head[..], &[track; 200]].concat())
}

/// A frame that depends on another, as the last of a recording may be written.
fn group() -> Vec<u8> {
    element(BLOCK_GROUP, &[element(BLOCK, &[0x81, 0, 0, 0, 9]), element(REFERENCE, &[1])].concat())
}

/// Sound (track 2) beside a video whose only keyframe is in the middle.
fn cluster() -> Vec<u8> {
    let blocks = [block(1, false), block(2, true), block(1, true), block(1, false), group()];
    [unsized_element(CLUSTER), element(TIMESTAMP, &[7]), blocks.concat()].concat()
}

/// A live recording of some clusters.
fn recording(clusters: usize) -> Vec<u8> {
    let tracks = [1, 2].map(|number| element(TRACK_ENTRY, &element(TRACK_NUMBER, &[number]))).concat();
    let head = [element(EBML, &[]), unsized_element(SEGMENT), element(TRACKS, &tracks)].concat();
    [head, vec![cluster(); clusters].concat()].concat()
}

/// The file as the demuxer sees it, reading `step` bytes at a time; and whether something is missing.
fn mended(file: &[u8], step: usize) -> (Vec<u8>, bool) {
    let mut mend = Mend::new(window(file));
    let mut seen = file.to_vec();
    for (index, part) in seen.chunks_mut(step).enumerate() {
        mend.mend((index * step) as u64, part);
    }
    (seen, mend.is_incomplete())
}

/// The elements of a file, without what is in them.
fn elements(file: &[u8]) -> Vec<u32> {
    let mut reader = Reader::new(file);
    let mut ids = Vec::new();
    while let Some(element) = reader.next() {
        ids.push(element.id);
        if ![SEGMENT, CLUSTER].contains(&element.id) && reader.body(element.size).is_none() {
            break;
        }
    }
    ids
}

/// How far a file is a chain of elements that are known here.
fn chained(file: &[u8]) -> usize {
    const KNOWN: [u32; 11] = [
        EBML,
        SEGMENT,
        TRACKS,
        CLUSTER,
        TIMESTAMP,
        SIMPLE_BLOCK,
        BLOCK_GROUP,
        POSITION,
        PREVIOUS_SIZE,
        VOID,
        CHECKSUM,
    ];
    let mut reader = Reader::new(file);
    let mut reached = 0;
    while let Some(element) = reader.next().filter(|each| KNOWN.contains(&each.id)) {
        if ![SEGMENT, CLUSTER].contains(&element.id) && reader.body(element.size).is_none() {
            break;
        }
        reached = reader.position();
    }
    reached
}

#[test]
fn a_whole_recording_is_left_alone() {
    let file = recording(3);
    assert_eq!(mended(&file, 100), (file.clone(), false));
    // Up to the end of any block.
    assert!(!mended(&file[..file.len() - cluster().len()], 100).1);
    // Two recordings in one file.
    assert!(!mended(&[&file[..], &file].concat(), 100).1);
}

#[test]
fn a_recording_that_breaks_off_ends_with_padding() {
    let file = recording(2);
    let group = file.len() - group().len();
    assert_eq!(elements(&file[group..]), [BLOCK_GROUP]);
    for length in [file.len() - 1, group + 5, group + 1] {
        let (seen, is_incomplete) = mended(&file[..length], 100);
        assert!(is_incomplete, "{length}");
        assert_eq!(seen[..group], file[..group], "all blocks before are whole");
    }
}

#[test]
fn after_noise_every_track_goes_on_with_a_keyframe() {
    let mut file = recording(3);
    let second = file.len() - 2 * cluster().len();
    // From within the first block of the second cluster into the second.
    file[second + 120..second + 300].fill(0xff);
    let (seen, is_incomplete) = mended(&file, 100);
    assert!(is_incomplete);
    assert_eq!(seen[..second], file[..second]);
    assert_eq!(
        elements(&seen[second..]),
        [
            CLUSTER,
            TIMESTAMP,
            VOID, // all that was left of it
            CLUSTER,
            TIMESTAMP,
            VOID,
            SIMPLE_BLOCK,
            SIMPLE_BLOCK,
            SIMPLE_BLOCK,
            BLOCK_GROUP,
        ]
    );
}

#[test]
fn a_long_stretch_is_padded_in_parts() {
    let (first, last) = (recording(1), cluster());
    for noise in [1, 126, 127, 5_000_000, (1 << 21) + 1] {
        let file = [&first[..], &vec![0; noise], &last].concat();
        let (seen, _) = mended(&file, 1 << 16);
        let group = first.len() - group().len();
        let ids = elements(&seen[group..]);
        let paddings = ids.iter().take_while(|id| **id == VOID).count();
        assert!(paddings >= 1 && paddings >= noise >> 21, "{noise}: {ids:x?}");
        assert_eq!(ids[paddings..paddings + 2], [CLUSTER, TIMESTAMP], "{noise}");
    }
}

#[test]
fn what_follows_a_finished_segment_is_nobodys_business() {
    let body = cluster();
    let file = [element(EBML, &[]), element(SEGMENT, &body)].concat();
    assert!(!mended(&[&file[..], &[0; 100]].concat(), 100).1);
    assert!(mended(&file[..file.len() - body.len()], 100).1, "the segment is longer than the file");
}

proptest! {
    /// Whatever is done to a file: what the demuxer sees is a chain of elements that leads to its end.
    #[test]
    fn what_was_mended_is_whole(
        noise in prop::collection::vec(any::<u8>(), 0..700),
        at in 30usize..4000,
        cut in 60usize..5000,
        step in 1usize..3000,
    ) {
        let mut file = recording(5);
        let head = recording(0).len();
        let at = at.clamp(head, file.len());
        let end = (at + noise.len()).min(file.len());
        file[at..end].copy_from_slice(&noise[..end - at]);
        file.truncate(cut.max(head));
        let (seen, _) = mended(&file, step);
        prop_assert_eq!(&mended(&file, 1 << 20).0, &seen, "it does not matter how it is read");
        // A single byte cannot be padded.
        prop_assert!(seen.len() - chained(&seen) <= 1, "{:x?}", elements(&seen));
    }

    /// Any bytes at all.
    #[test]
    fn nothing_hangs_or_panics(bytes in prop::collection::vec(any::<u8>(), 1..2000), step in 1usize..500) {
        mended(&bytes, step);
    }
}
