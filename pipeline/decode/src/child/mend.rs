//! Takes what is damaged out of a Matroska file on its way to the demuxer.
//!
//! Live recordings have no index and no sizes: a demuxer that meets noise in one reads lengths out of it
//! and jumps somewhere. Here the elements are followed just ahead of the demuxer. Where the chain breaks,
//! it is taken up again at the next cluster; frames that depend on lost ones are lost as well. For the
//! demuxer all that becomes padding of the same length, so that every other byte stays in its place.
//!
//! Does not look into frames: noise that leaves the chain whole is for the decoder to find.

use std::collections::VecDeque;
use std::io;

use super::ebml::*;
use super::window::Window;

/// The head of an element has twelve bytes at most, that of a block eleven more.
const LONGEST_HEAD: usize = 24;
/// No padding is longer than this: demuxers take long elements for a mistake.
const LONGEST_PADDING: u64 = 1 << 20;
/// More pieces of padding than this lie far behind the demuxer.
const MOST_PADDINGS: usize = 1 << 16;
/// How many tracks are followed.
const MOST_TRACKS: usize = 128;
/// Descriptions of tracks are not longer.
const LONGEST_TRACKS: u64 = 1 << 20;
/// The demuxer may look somewhere far ahead: no more than this is read to follow it.
const MOST_READS: u64 = 64;

/// Follows the elements of a file.
#[derive(Debug)]
pub(super) struct Mend {
    window: Window,
    /// Where the next element begins.
    next: u64,
    /// The block before it, which is whole only if there is an element at `next`.
    pending: Option<u64>,
    /// Where the segment ends, if it says so.
    segment_end: Option<u64>,
    /// The numbers of its tracks.
    tracks: Vec<u64>,
    /// After damage: the tracks that have had a keyframe since.
    resumed: Option<Vec<u64>>,
    paddings: VecDeque<Padding>,
    is_damaged: bool,
}

/// The head of an element that nobody reads, and where it lies.
#[derive(Debug)]
struct Padding {
    at: u64,
    head: Vec<u8>,
}

/// What lies at a place where an element is expected.
enum Found {
    /// An element: where its head ends, and where it ends.
    Whole(Element, u64, u64),
    /// An element that is longer than the file.
    Cut,
    /// No element.
    Noise,
}

/// What a block is for.
struct Block {
    track: u64,
    is_key: bool,
}

impl Mend {
    pub(super) fn new(window: Window) -> Self {
        Self {
            window,
            next: 0,
            pending: None,
            segment_end: None,
            tracks: Vec::new(),
            resumed: None,
            paddings: VecDeque::new(),
            is_damaged: false,
        }
    }

    /// Replaces what is damaged in bytes that lie at `offset`.
    pub(super) fn mend(&mut self, offset: u64, bytes: &mut [u8]) {
        self.follow(offset.saturating_add(bytes.len() as u64));
        let end = offset + bytes.len() as u64;
        for padding in self.paddings.iter().take_while(|padding| padding.at < end) {
            for (at, byte) in (padding.at..).zip(&padding.head) {
                if let Some(target) = at.checked_sub(offset).and_then(|at| bytes.get_mut(at as usize)) {
                    *target = *byte;
                }
            }
        }
    }

    /// Whether the chain of elements does not lead to the end of the file, or had to be mended.
    pub(super) fn is_incomplete(&mut self) -> bool {
        self.follow(self.window.size());
        self.is_damaged || self.next < self.window.size()
    }

    /// Follows the elements until all before `target` are known to be whole.
    fn follow(&mut self, target: u64) {
        let reads = self.window.reads();
        while self.pending.unwrap_or(self.next) < target.min(self.window.size())
            && self.window.reads() - reads < MOST_READS
        {
            if self.next >= self.window.size() {
                self.pending = None;
            } else if self.step().is_err() {
                // What cannot be read is where the file ends for the demuxer as well.
                self.is_damaged = true;
                return;
            }
        }
    }

    fn step(&mut self) -> io::Result<()> {
        let start = self.next;
        match self.find(start)? {
            Found::Whole(element, body, end) => {
                self.next = end;
                self.pending = matches!(element.id, SIMPLE_BLOCK | BLOCK_GROUP).then_some(start);
                match element.id {
                    SEGMENT => {
                        self.segment_end = element.size.map(|size| body.saturating_add(size));
                        self.is_damaged |= self.segment_end.is_some_and(|end| end > self.window.size());
                    }
                    TRACKS => self.read_tracks(body, end)?,
                    SIMPLE_BLOCK | BLOCK_GROUP => self.pass(element, start, body, end)?,
                    _ => {}
                }
                Ok(())
            }
            // Behind a segment that ended there may be anything.
            Found::Noise if self.segment_end.is_some_and(|end| start >= end) => {
                self.next = self.window.size();
                Ok(())
            }
            Found::Cut => self.skip(start, start),
            // The block before it is the one that noise began in.
            Found::Noise => self.skip(self.pending.unwrap_or(start), start),
        }
    }

    fn find(&mut self, start: u64) -> io::Result<Found> {
        let size = self.window.size();
        let head = self.window.look(start, LONGEST_HEAD)?;
        let mut reader = Reader::new(head);
        let Some(element) = reader.next() else {
            let is_last = head.len() < LONGEST_HEAD;
            return Ok(if is_last && head.first() != Some(&0) { Found::Cut } else { Found::Noise });
        };
        let body = start + reader.position() as u64;
        let end = element.size.map(|size| body.saturating_add(size));
        let is_sound = match element.id {
            // Their children follow, and may do so until the file ends.
            SEGMENT | CLUSTER => return Ok(Found::Whole(element, body, body)),
            EBML | SEEK_HEAD | INFO | TRACKS | CUES | CHAPTERS | ATTACHMENTS | TAGS | SILENT_TRACKS
            | VOID => true,
            TIMESTAMP | POSITION | PREVIOUS_SIZE => element.size.is_some_and(|size| size <= 8),
            CHECKSUM => element.size == Some(4),
            BLOCK_GROUP => element.size.is_some_and(|size| size > 4),
            SIMPLE_BLOCK => {
                let is_one = simple_block(&head[reader.position()..]).is_none_or(|(block, flags)| {
                    flags & 0x70 == 0 && (self.tracks.is_empty() || self.tracks.contains(&block.track))
                });
                is_one && element.size.is_some_and(|size| size > 3)
            }
            _ => false,
        };
        Ok(match end.filter(|_| is_sound) {
            Some(end) if end <= size => Found::Whole(element, body, end),
            Some(_) => Found::Cut,
            None => Found::Noise,
        })
    }

    /// Goes on at the next cluster after `start`; everything between `from` and it is lost.
    fn skip(&mut self, from: u64, start: u64) -> io::Result<()> {
        self.is_damaged = true;
        self.resumed = Some(Vec::new());
        self.next = self.next_cluster(start.saturating_add(1))?;
        self.pending = None;
        self.pad(from, self.next);
        Ok(())
    }

    /// Where the next cluster begins; the end of the file if there is none.
    fn next_cluster(&mut self, from: u64) -> io::Result<u64> {
        let size = self.window.size();
        let mut position = from;
        while position < size {
            let bytes = self.window.look(position, LONGEST_HEAD)?;
            let is_last = position + bytes.len() as u64 >= size;
            let heads = if is_last { bytes.len() } else { bytes.len() - (LONGEST_HEAD - 1) };
            if let Some(found) = (0..heads).find(|at| is_cluster(&bytes[*at..])) {
                return Ok(position + found as u64);
            }
            position += heads as u64;
        }
        Ok(size)
    }

    /// Takes the next block; after damage it counts only if its track has had a keyframe since.
    fn pass(&mut self, element: Element, start: u64, body: u64, end: u64) -> io::Result<()> {
        if self.resumed.is_none() {
            return Ok(());
        }
        let block = match element.id {
            SIMPLE_BLOCK => simple_block(self.window.look(body, LONGEST_HEAD)?).map(|(block, _)| block),
            _ => self.block_of_group(body, end)?,
        };
        let (Some(resumed), Some(block)) = (&mut self.resumed, block) else { return Ok(()) };
        if resumed.contains(&block.track) {
            return Ok(());
        }
        if block.is_key && resumed.len() < MOST_TRACKS {
            resumed.push(block.track);
        } else {
            self.pad(start, end);
        }
        Ok(())
    }

    fn block_of_group(&mut self, body: u64, end: u64) -> io::Result<Option<Block>> {
        let (mut position, mut track, mut is_key) = (body, None, true);
        while position < end {
            let mut reader = Reader::new(self.window.look(position, LONGEST_HEAD)?);
            let Some(Element { id, size: Some(size) }) = reader.next() else { break };
            position = position.saturating_add(reader.position() as u64).saturating_add(size);
            match id {
                BLOCK => track = reader.number(8, true),
                REFERENCE => is_key = false,
                _ => {}
            }
        }
        Ok(track.map(|track| Block { track, is_key }))
    }

    fn read_tracks(&mut self, body: u64, end: u64) -> io::Result<()> {
        let length = (end - body).min(LONGEST_TRACKS) as usize;
        let bytes = self.window.look(body, length)?;
        self.tracks = track_numbers(&bytes[..length]);
        Ok(())
    }

    /// Makes padding of everything between two places.
    fn pad(&mut self, from: u64, to: u64) {
        let mut at = from;
        while to - at >= 2 {
            let left = to - at;
            let length = if left < LONGEST_PADDING * 2 { left } else { LONGEST_PADDING };
            let head = match length - 2 {
                body @ 0..=126 => vec![VOID as u8, 0x80 | body as u8],
                body => [&[VOID as u8, 1][..], &(body - 7).to_be_bytes()[1..]].concat(),
            };
            if self.paddings.len() == MOST_PADDINGS {
                self.paddings.pop_front();
            }
            self.paddings.push_back(Padding { at, head });
            at += length;
        }
    }
}

/// What the head of a simple block says, and its flags.
fn simple_block(body: &[u8]) -> Option<(Block, u8)> {
    let mut reader = Reader::new(body);
    let track = reader.number(8, true)?;
    let flags = *body.get(reader.position() + 2)?;
    Some((Block { track, is_key: flags & 0x80 != 0 }, flags))
}

/// Whether a cluster begins here: four bytes may be chance, so its first child has to be one.
fn is_cluster(bytes: &[u8]) -> bool {
    if !bytes.starts_with(&CLUSTER.to_be_bytes()) {
        return false;
    }
    let mut reader = Reader::new(bytes);
    let is_cluster = reader.next().is_some_and(|element| element.id == CLUSTER);
    let child = reader.next().map(|child| child.id);
    is_cluster && matches!(child, Some(TIMESTAMP | POSITION | PREVIOUS_SIZE | CHECKSUM | VOID))
}

fn track_numbers(tracks: &[u8]) -> Vec<u64> {
    let mut numbers = Vec::new();
    let mut reader = Reader::new(tracks);
    while let Some(element) = reader.next() {
        let Some(body) = reader.body(element.size) else { break };
        let mut entry = Reader::new(if element.id == TRACK_ENTRY { body } else { &[] });
        while let Some(field) = entry.next() {
            let Some(value) = entry.body(field.size) else { break };
            if field.id == TRACK_NUMBER && numbers.len() < MOST_TRACKS {
                numbers.push(value.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
            }
        }
    }
    numbers
}

#[cfg(test)]
mod tests;
