//! Promise: whatever an upload goes through, whoever goes on from what is committed says what was not said yet,
//! and the same.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use domain::messages::canonical::sha256_hex;
use domain::messages::{Chunk, ChunkHeader, CutState, SessionEvent, StreamState, UploadEvent};
use domain::time::Millis;
use kafka::{Headers, Origin, Record};
use proptest::prelude::*;

use super::session::{Cutting, Said, Session};

/// A record of the log of one upload.
#[derive(Debug, Clone)]
enum Entry {
    Chunk(ChunkHeader, Vec<u8>),
    Fact(UploadEvent),
}

/// What can be compared of what an upload said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    /// Epoch, number, start and end, hash of the media.
    Segment(u32, u64, i64, i64, String),
    Fact(i64, String),
    Refused(i64, &'static str),
}

/// Where an upload is gone on from: the stored state, the record that it was stored after, and the committed offset.
type Place = (Option<(CutState, usize)>, i64);

fn how() -> Cutting {
    Cutting { let_go: Millis::from_secs(2), ..Cutting::within(256 << 10, Duration::from_secs(1)) }
}

fn chunk(number: u64, bytes: &[u8]) -> Entry {
    let Chunk { header, bytes } =
        Chunk::new("t1/e7/s42".parse().unwrap(), number, "video/webm", bytes.to_vec());
    Entry::Chunk(header, bytes)
}

/// The beginnings of two recordings: VP8 in WebM, H.264 in fragments of MP4.
fn recordings() -> &'static [Vec<u8>; 2] {
    static RECORDINGS: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    RECORDINGS.get_or_init(|| {
        ["c16_opus_vp8.webm", "c04_leaves_fmp4.mp4"].map(|name| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/clips").join(name);
            let mut bytes = std::fs::read(path).expect("`make setup` makes the clips");
            bytes.truncate(500_000);
            bytes
        })
    })
}

/// Takes a record that came a second after the one before.
fn take(session: &mut Session, offset: usize, entry: &Entry) -> (Vec<Word>, bool) {
    let mut record = Record {
        origin: Origin { topic: "exam.chunks".to_owned(), partition: 0, offset: offset as i64 },
        key: Vec::new(),
        value: None,
        headers: Headers::new(),
        timestamp_ms: Some(1_000 * offset as i64),
    };
    let is_over = match entry {
        Entry::Chunk(header, bytes) => {
            record.value = Some(bytes.clone());
            session.chunk(header, record);
            false
        }
        Entry::Fact(event) => session.fact(*event, &record),
    };
    let words = session.take_said().into_iter().filter_map(|said| match said {
        Said::Segment(piece) => {
            assert_eq!(piece.header.validate(), Ok(()));
            let header = &piece.header;
            let (start, end) = (header.start_ms.0, header.end_ms.0);
            let hash = sha256_hex(&piece.media);
            Some(Word::Segment(header.stream.epoch, header.sequence, start, end, hash))
        }
        Said::Fact(fact) => Some(Word::Fact(fact.media_ms.0, serde_json::to_string(&fact.event).unwrap())),
        Said::Refused(record, error) => Some(Word::Refused(record.origin.offset, error.reason())),
        Said::Chunks(..) | Said::Recording(_) => None,
    });
    (words.collect(), is_over)
}

/// What an upload says, and after each record where it would be gone on from.
fn run(session: &mut Session, log: &[Entry], from: usize) -> (Vec<Vec<Word>>, Vec<Place>) {
    let (mut said, mut places, mut stored) = (Vec::new(), Vec::new(), None);
    for (offset, entry) in log.iter().enumerate().skip(from) {
        let (words, is_over) = take(session, offset, entry);
        said.push(words);
        if is_over {
            break;
        }
        if session.is_changed()
            && let Some(state) = session.state()
        {
            session.stored(&state);
            stored = Some((state, offset));
        }
        let next = offset as i64 + 1;
        places.push((stored.clone(), session.needed().unwrap_or(next).min(next)));
    }
    (said, places)
}

fn fresh() -> Session {
    Session::new("t1/e7/s42".parse().unwrap(), how())
}

/// Where clusters of a WebM begin.
fn clusters(webm: &[u8]) -> Vec<usize> {
    let ids = webm.windows(4).enumerate().filter(|(_, id)| *id == [0x1f, 0x43, 0xb6, 0x75]);
    ids.map(|(at, _)| at).collect()
}

/// Chunks of these sizes, over and over.
fn chunks(recording: &[u8], sizes: &[usize], first: u64) -> Vec<Entry> {
    let (mut rest, mut entries) = (recording, Vec::new());
    for (number, size) in (first..).zip(sizes.iter().cycle()) {
        if rest.is_empty() {
            break;
        }
        let (piece, later) = rest.split_at((*size).min(rest.len()));
        entries.push(chunk(number, piece));
        rest = later;
    }
    entries
}

#[test]
fn two_recordings_are_two_epochs_at_the_brokers_time() {
    let [webm, mp4] = recordings();
    let mut log = chunks(webm, &[100_000, 1, 3], 0);
    log.push(Entry::Fact(UploadEvent::BreakStarted));
    log.extend(std::iter::repeat_n(Entry::Fact(UploadEvent::Silent), 60));
    log.push(Entry::Fact(UploadEvent::BreakEnded));
    let second = log.len();
    // One byte of the header comes alone.
    log.extend(chunks(mp4, &[1, 2, 90_000], 100));
    // What is missing before it is given up.
    log.push(Entry::Fact(UploadEvent::Ended));
    let mut session = fresh();
    let said: Vec<Word> = run(&mut session, &log, 0).0.concat();
    let of = |epoch| {
        said.iter().filter_map(move |word| match word {
            Word::Segment(of, sequence, start, end, _) if *of == epoch => Some((*sequence, *start, *end)),
            _ => None,
        })
    };
    for epoch in [0, 1] {
        assert!(of(epoch).map(|(sequence, ..)| sequence).eq(0..of(epoch).count() as u64), "{epoch}");
        assert!(of(epoch).zip(of(epoch).skip(1)).all(|((_, _, end), (_, start, _))| end == start));
    }
    assert_eq!(of(0).next().unwrap().1, 0);
    assert_eq!(of(1).next().unwrap().1, 1_000 * second as i64, "when its first chunk came");
    let facts: Vec<&Word> = said.iter().filter(|word| matches!(word, Word::Fact(..))).collect();
    let [Word::Fact(began, _), Word::Fact(ended, _), Word::Fact(end, last)] = facts[..] else {
        panic!("{facts:?}")
    };
    assert_eq!(*began, of(0).next_back().unwrap().2);
    assert_eq!(*ended, 1_000 * (second as i64 - 1));
    assert!(*end < of(1).next_back().unwrap().2 && last.contains("ended"), "{end} {last}");
    assert!(!said.iter().any(|word| matches!(word, Word::Refused(..))), "{said:?}");
}

#[test]
fn what_is_no_recording_is_refused_once_until_a_header_comes() {
    let [webm, _] = recordings();
    let mut log = vec![chunk(0, b"<!doctype html>"), chunk(1, b"<html>")];
    log.extend(chunks(webm, &[50_000], 2));
    let said = run(&mut fresh(), &log, 0).0;
    assert_eq!(said[0], [Word::Refused(0, "not_media")]);
    assert_eq!(said[1], []);
    assert!(matches!(said.concat().last(), Some(Word::Segment(1, ..))));
}

#[test]
fn an_upload_that_is_silent_for_long_needs_nothing_any_more_and_goes_on() {
    let [webm, _] = recordings();
    let mut log = chunks(webm, &[40_000], 0);
    let (middle, silent) = (log.len() / 2, Entry::Fact(UploadEvent::Silent));
    log.splice(middle..middle, [silent.clone(), silent]);
    let (said, places) = run(&mut fresh(), &log, 0);
    assert!(places[middle].1 < middle as i64, "preroll for what may follow");
    assert_eq!(places[middle + 1].1, middle as i64 + 2);
    let starts = |words: &[Vec<Word>]| words.concat().len();
    assert!(starts(&said[..middle + 2]) > 2 && starts(&said[middle + 2..]) > 2, "{said:?}");
}

#[test]
fn an_upload_that_never_began_ends_without_saying_when_video_was_expected() {
    let (words, is_over) = take(&mut fresh(), 3, &Entry::Fact(UploadEvent::Ended));
    let expected = serde_json::to_string(&SessionEvent::Ended { expected: None }).unwrap();
    assert_eq!((words, is_over), (vec![Word::Fact(0, expected)], true));
}

#[test]
fn an_upload_that_makes_no_segments_holds_no_chunk_back() {
    let log: Vec<Entry> = (0..4).map(|number| chunk(number, b"<!doctype html>")).collect();
    let places = run(&mut fresh(), &log, 0).1;
    assert_eq!(places.iter().map(|(_, next)| *next).collect::<Vec<_>>(), [1, 2, 3, 4]);
    // A recording whose clusters hold nothing.
    let [webm, _] = recordings();
    let mut log = vec![chunk(0, &webm[..clusters(webm)[0]])];
    log.extend(
        (1..200).map(|number| chunk(number, &[0x1f, 0x43, 0xb6, 0x75, 0x83, 0xe7, 0x81, number as u8])),
    );
    let places = run(&mut fresh(), &log, 0).1;
    assert!(places.last().unwrap().1 > 100, "{:?}", places.last());
}

#[test]
fn a_recording_whose_time_runs_away_is_given_up() {
    let [webm, _] = recordings();
    // A cluster a day later, and in it a keyframe of either track.
    let mut late = vec![0x1f, 0x43, 0xb6, 0x75, 0x9a, 0xe7, 0x84];
    late.extend(80_000_000u32.to_be_bytes());
    late.extend([1, 2].into_iter().flat_map(|track| [0xa3, 0x88, 0x80 | track, 0, 0, 0x80, 0x10, 0, 0, 0]));
    let log = [chunk(0, &webm[..clusters(webm)[1]]), chunk(1, &late)];
    let said = run(&mut fresh(), &log, 0).0;
    assert!(said[1].contains(&Word::Refused(1, "too_long")), "{:?}", said[1]);
}

#[test]
fn an_upload_that_is_over_says_so_and_where() {
    let mut session = fresh();
    take(&mut session, 0, &chunk(0, b"<!doctype html>"));
    take(&mut session, 3, &Entry::Fact(UploadEvent::Ended));
    let state = session.over(3);
    assert_eq!((state.stream, state.offset, state.heard_at_ms), (StreamState::Over { at: 3 }, None, 3_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_restart_anywhere_changes_nothing(
        first in 0..2usize,
        sizes in prop::collection::vec(prop_oneof![1 => 1..9usize, 6 => 5_000..60_000usize], 1..8),
        fates in prop::collection::vec((0..5usize, 0..40u8), 160),
        restart in any::<prop::sample::Index>(),
        earlier in any::<prop::sample::Index>(),
    ) {
        let recordings = recordings();
        let mut ordered = chunks(&recordings[first], &sizes, 0);
        let next = ordered.len() as u64;
        ordered.extend(chunks(&recordings[1 - first], &sizes, next));
        // Small pieces make many chunks.
        prop_assume!(ordered.len() <= fates.len());
        let mut log: Vec<(usize, Entry)> = Vec::new();
        for (index, (entry, (delay, fate))) in ordered.into_iter().zip(fates).enumerate() {
            match fate {
                // The header is needed, or nothing comes of it.
                0 if index > 2 => continue,
                1 => log.push((index + delay + 1, entry.clone())),
                2 => log.push((index, Entry::Fact(UploadEvent::Silent))),
                3 => log.push((index, Entry::Fact(UploadEvent::BreakStarted))),
                4 => log.push((index, Entry::Fact(UploadEvent::BreakEnded))),
                5 => log.extend([Entry::Fact(UploadEvent::Silent), Entry::Fact(UploadEvent::Silent)].map(|fact| (index, fact))),
                _ => {}
            }
            log.push((index + if fate < 20 { delay } else { 0 }, entry));
        }
        log.sort_by_key(|(at, _)| *at);
        let mut log: Vec<Entry> = log.into_iter().map(|(_, entry)| entry).collect();
        log.push(Entry::Fact(UploadEvent::Ended));

        let (said, places) = run(&mut fresh(), &log, 0);
        let crash = restart.index(places.len());
        let (state, from) = places[crash].clone();
        let stored = state.as_ref().map(|(_, after)| *after);
        let mut again = match state {
            None => fresh(),
            Some((state, _)) => {
                let text = serde_json::to_string(&state).unwrap();
                Session::restore(serde_json::from_str(&text).unwrap(), how()).unwrap()
            }
        };
        // Another upload may have held the offset back.
        let from = earlier.index(from as usize + 1);
        let since = stored.map_or(from, |after| after + 1);
        // What the state does not know is said again, and the same.
        prop_assert_eq!(run(&mut again, &log, from).0.concat(), said[since..].concat());
    }
}
