//! One session's upload: chunks and facts in, segments and facts out.
//!
//! A function of the log of chunks alone, and of how uploads are cut: whoever goes on from a stored state, with
//! the records from its offset on, says what was not said yet, to the byte. A recording that cannot be read is
//! given up until another header comes.

mod recording;
mod state;

use std::collections::VecDeque;

use container::{ContainerError, CutSettings, Limits, LiveCutter};
use domain::ids::SessionId;
use domain::messages::{BreakEnd, ChunkHeader, SessionEvent, SessionFact, UploadEvent};
use domain::time::{Interval, MediaMs, Millis};
use domain::upload::{Arrival, Bounds, ChunkOrder, Turn};
use kafka::Record;

use crate::piece::Piece;

/// What an open upload costs beside its media.
const OVERHEAD: usize = 4 << 10;

/// How uploads are cut.
#[derive(Debug, Clone, Copy)]
pub struct Cutting {
    pub limits: Limits,
    pub settings: CutSettings,
    pub bounds: Bounds,
    /// After how long an upload of which nothing comes is silent.
    pub silence: Millis,
    /// After how long it gives up what it kept to go on from.
    pub let_go: Millis,
}

/// What an upload led to.
pub(super) enum Said {
    Segment(Piece),
    Fact(SessionFact),
    /// A chunk at which its recording could not be read any further.
    Refused(Record, ContainerError),
    /// Chunks that came to no good, by what became of them.
    Chunks(&'static str, u64),
    /// A recording was begun, or read on after a hole.
    Recording(&'static str),
}

/// The recording that chunks belong to.
enum Recording {
    /// The next chunk begins it.
    Expected,
    Open(Box<LiveCutter>),
    GivenUp,
}

/// A chunk that had its turn and may have to be read again.
struct Turned {
    number: u64,
    offset: i64,
    /// Where it begins in the recording.
    start: u64,
}

/// An upload.
pub(super) struct Session {
    id: SessionId,
    how: Cutting,
    began_at_ms: Option<i64>,
    heard_at_ms: i64,
    order: ChunkOrder<Record>,
    /// Chunks whose bytes do not tell yet whether another recording begins: a few at most.
    undecided: Vec<(u64, Record)>,
    epoch: u32,
    epoch_start: MediaMs,
    recording: Recording,
    /// Of the next segment.
    sequence: u64,
    turned: VecDeque<Turned>,
    /// Bytes of the recording that had their turn.
    position: u64,
    /// Those before were read before.
    known: u64,
    end: MediaMs,
    is_silent: bool,
    /// The last record that told of a break.
    breaks_until: Option<i64>,
    break_end: Option<BreakEnd>,
    /// The first record that has to be read again, from the last stored state on.
    needed: Option<i64>,
    is_changed: bool,
    said: Vec<Said>,
}

impl Session {
    /// An upload of which nothing has come yet.
    pub(super) fn new(id: SessionId, how: Cutting) -> Self {
        Self {
            id,
            how,
            began_at_ms: None,
            heard_at_ms: 0,
            order: ChunkOrder::from(0, how.bounds),
            undecided: Vec::new(),
            epoch: 0,
            epoch_start: MediaMs::ZERO,
            recording: Recording::Expected,
            sequence: 0,
            turned: VecDeque::new(),
            position: 0,
            known: 0,
            end: MediaMs::ZERO,
            is_silent: false,
            breaks_until: None,
            break_end: None,
            needed: None,
            is_changed: false,
            said: Vec::new(),
        }
    }

    /// Whether something was said that the stored state does not know.
    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// The first record that has to be read again if this process ends now.
    pub(super) fn needed(&self) -> Option<i64> {
        self.needed
    }

    /// Whether a chunk of it ever came.
    pub(super) fn has_begun(&self) -> bool {
        self.began_at_ms.is_some()
    }

    /// Whether nothing has come since the upload was said to be silent.
    pub(super) fn is_silent(&self) -> bool {
        self.is_silent
    }

    /// Bytes that are held.
    pub(super) fn held(&self) -> usize {
        let open = if let Recording::Open(cutter) = &self.recording { cutter.held() } else { 0 };
        OVERHEAD + self.order.bytes() + open
    }

    /// What was said since this was last asked.
    pub(super) fn take_said(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.said)
    }

    /// Takes a chunk.
    pub(super) fn chunk(&mut self, header: &ChunkHeader, record: Record) -> Arrival {
        let (offset, came) = (record.origin.offset, record.timestamp_ms.unwrap_or_default());
        let bytes = record.value.as_ref().map_or(0, Vec::len);
        let arrival = self.order.offer(header.number, &header.sha256, header.begins, bytes, record);
        // Whatever becomes of it, somebody is there.
        (self.heard_at_ms, self.is_silent) = (came, false);
        // It is not read again if this process ends.
        self.is_changed |= arrival != Arrival::Taken;
        if arrival == Arrival::Taken {
            self.began_at_ms.get_or_insert(came);
            self.needed.get_or_insert(offset);
            self.take_turns();
        }
        arrival
    }

    /// Takes a fact; says whether the upload is over.
    pub(super) fn fact(&mut self, event: UploadEvent, record: &Record) -> bool {
        let at = record.timestamp_ms.unwrap_or_default();
        let on_clock = MediaMs::ZERO + Millis(at.saturating_sub(self.began_at_ms.unwrap_or(at)).max(0));
        self.is_changed = true;
        match event {
            UploadEvent::Silent => self.fall_silent(Millis(at.saturating_sub(self.heard_at_ms))),
            UploadEvent::BreakStarted | UploadEvent::BreakEnded => {
                self.pass_break(event, record.origin.offset, on_clock);
            }
            UploadEvent::Ended => {
                self.end(on_clock);
                self.heard_at_ms = at;
            }
        }
        event == UploadEvent::Ended
    }

    /// Nothing came for so long: closes what came; when that was done before, gives up what was kept to go on
    /// from.
    fn fall_silent(&mut self, quiet: Millis) {
        // Whoever said so had not read all that was there, or was asked for less patience.
        if quiet < Millis(self.how.silence.0 / 2) {
            return;
        }
        let was_silent = std::mem::replace(&mut self.is_silent, true);
        if was_silent && quiet < self.how.let_go {
            return;
        }
        self.give_up_missing();
        let Recording::Open(cutter) = &mut self.recording else { return };
        if was_silent && !self.turned.is_empty() {
            self.turned.clear();
            let read_on = cutter.let_go();
            self.pass_damage(read_on);
        } else {
            let (track, segments) = (cutter.track().cloned(), cutter.flush());
            self.say_segments(track, segments);
        }
    }

    /// A break begins where frames end. Where it ends shows with the next frames: they follow on, or begin
    /// another recording later.
    fn pass_break(&mut self, event: UploadEvent, offset: i64, on_clock: MediaMs) {
        // Read again after a restart: it was told of.
        if self.breaks_until.is_some_and(|until| offset <= until) {
            return;
        }
        self.breaks_until = Some(offset);
        match event {
            UploadEvent::BreakEnded if self.has_begun() => {
                self.break_end = Some(BreakEnd { media_ms: self.reached().max(on_clock), offset });
            }
            UploadEvent::BreakEnded => self.say_fact(MediaMs::ZERO, SessionEvent::BreakEnded),
            _ => self.say_fact(self.reached(), SessionEvent::BreakStarted),
        }
    }

    fn end(&mut self, on_clock: MediaMs) {
        self.give_up_missing();
        let last = self.reached() - Millis(1);
        self.finish_recording();
        if let Some(end) = self.break_end.take() {
            self.say_fact(end.media_ms, SessionEvent::BreakEnded);
        }
        // As long as frames came; but who has been silent should have sent more.
        let end = if self.is_silent { last.max(on_clock) } else { last }.max(MediaMs::ZERO);
        let expected = self.has_begun().then(|| Interval::new(MediaMs::ZERO, end));
        self.say_fact(end, SessionEvent::Ended { expected });
    }

    fn give_up_missing(&mut self) {
        self.order.give_up();
        self.take_turns();
        self.read_undecided();
    }

    /// Where everything that came ends, on the media clock of the session.
    fn reached(&self) -> MediaMs {
        let Recording::Open(cutter) = &self.recording else { return self.end };
        self.end.max(self.epoch_start + (cutter.reached() - MediaMs::ZERO))
    }

    fn take_turns(&mut self) {
        while let Some(turn) = self.order.turn() {
            match turn {
                Turn::Chunk(number, record) => self.next(number, record),
                Turn::Lost(_) | Turn::Passed(_) => {
                    if let Turn::Lost(count) = turn {
                        self.said.push(Said::Chunks("lost", count));
                    }
                    self.read_undecided();
                    self.pass_hole();
                }
            }
        }
    }
}
