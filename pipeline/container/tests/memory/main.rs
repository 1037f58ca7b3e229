//! Promise: memory is taken for what has come, not for what a stream says will come. In a process of its
//! own, whose every allocation is counted.
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Cursor;
use std::sync::atomic::{AtomicUsize, Ordering};

use container::{ContainerError, CutSettings, Demuxer, Limits, Segments};

/// Counts what is allocated.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// The counters do not touch the memory; all else is the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most memory that `work` takes at a time.
fn most(work: impl FnOnce()) -> usize {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    work();
    MOST.load(Ordering::Relaxed) - before
}

fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], name, body].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A movie of VP8 with these tables, and room for fragments.
fn movie(tables: &[u8]) -> Vec<u8> {
    let mut entry = vec![0; 78];
    entry[24..28].copy_from_slice(&[2, 128, 1, 224]);
    let descriptions = boxed(b"stsd", &[words(&[0, 1]), boxed(b"vp08", &entry)].concat());
    let index = boxed(b"stbl", &[&descriptions, tables].concat());
    let media = [
        boxed(b"mdhd", &words(&[0, 0, 0, 1000, 0, 0])),
        boxed(b"hdlr", &[&words(&[0, 0])[..], b"vide", &[0; 12]].concat()),
        boxed(b"minf", &index),
    ];
    let track = [boxed(b"tkhd", &words(&[0, 0, 0, 1])), boxed(b"mdia", &media.concat())].concat();
    let defaults = boxed(b"mvex", &boxed(b"trex", &words(&[0, 1, 1, 10, 1, 0])));
    [boxed(b"ftyp", b"isom"), boxed(b"moov", &[boxed(b"trak", &track), defaults].concat())].concat()
}

/// Streams of a few hundred bytes that speak of billions, with how they end.
fn boasts() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let webm = [&[0x1a, 0x45, 0xdf, 0xa3, 0x80, 0x18, 0x53, 0x80, 0x67, 0xff][..]].concat();
    let many = u32::MAX;
    let equal = [
        boxed(b"stsz", &words(&[0, 1, many])),
        boxed(b"stts", &words(&[0, 1, many, 1])),
        boxed(b"stsc", &words(&[0, 1, 1, many, 1])),
        boxed(b"stco", &words(&[0, 1, 0])),
    ];
    let each = boxed(b"stsz", &words(&[0, 0, many]));
    let run = |flags: u32| {
        let track = [boxed(b"tfhd", &words(&[0, 1])), boxed(b"trun", &words(&[flags, many]))];
        [movie(&[]), boxed(b"moof", &boxed(b"traf", &track.concat())), boxed(b"mdat", &[1; 100])].concat()
    };
    vec![
        ("tracks", [&webm[..], &[0x16, 0x54, 0xae, 0x6b, 0x10, 0xff, 0xff, 0xff]].concat(), "truncated"),
        (
            "more tracks",
            [&webm[..], &[0x16, 0x54, 0xae, 0x6b, 0x08, 0x7f, 0xff, 0xff, 0xff]].concat(),
            "too_large",
        ),
        ("a movie", [boxed(b"ftyp", b""), b"\x7f\xff\xff\xffmoov".to_vec()].concat(), "too_large"),
        ("samples of equal size", movie(&equal.concat()), "truncated"),
        ("samples of different sizes", movie(&each), "damaged"),
        ("a fragment", run(0), "damaged"),
        ("a fragment with sizes", run(0x200), "damaged"),
    ]
}

/// One test, because what others allocate at the same time would count.
#[test]
fn memory_is_taken_for_what_has_come() {
    what_a_stream_says_costs_nothing();
    what_is_passed_over_is_not_kept();
}

fn what_a_stream_says_costs_nothing() {
    for (name, stream, expected) in boasts() {
        let mut reason = "";
        let as_stream = most(|| {
            let mut demuxer = Demuxer::new(Limits::default());
            let mut packets = Vec::new();
            let result = demuxer.push(&stream, &mut packets).and_then(|()| demuxer.finish());
            reason = result.map_or_else(|error| error.reason(), |()| "fine");
        });
        assert_eq!(reason, expected, "{name}");
        assert!(as_stream < 100_000, "{name}: {as_stream} bytes");

        let as_file = most(|| {
            let last = match Segments::open(Cursor::new(&stream), Limits::default(), CutSettings::default()) {
                Ok(segments) => segments.last().map_or(Ok(()), |last| last.map(|_| ())),
                Err(error) => Err(error),
            };
            let known =
                |error: &ContainerError| ["too_large", "truncated", "damaged"].contains(&error.reason());
            assert!(last.as_ref().is_err_and(known), "{name}: {last:?}");
        });
        // What is read at once comes on top.
        assert!(as_file < 400_000, "{name}: {as_file} bytes");
    }
}

fn what_is_passed_over_is_not_kept() {
    // A box that is skipped, then ten megabytes of it.
    let head = [boxed(b"ftyp", b"isom"), b"\x00\xa0\x00\x08free".to_vec()].concat();
    let piece = vec![0; 64 << 10];
    let taken = most(|| {
        let mut demuxer = Demuxer::new(Limits::default());
        demuxer.push(&head, &mut Vec::new()).unwrap();
        for _ in 0..160 {
            demuxer.push(&piece, &mut Vec::new()).unwrap();
        }
    });
    assert!(taken < 300_000, "{taken}");
}
