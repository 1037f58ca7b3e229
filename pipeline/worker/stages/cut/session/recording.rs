//! The recording within an upload: chunks in order in, segments out, until another one begins.

use container::{ContainerError, LiveCutter, Segment, VideoTrack, begins_recording};
use domain::messages::canonical::sha256_hex;
use domain::messages::{SessionEvent, SessionFact, StreamKind, StreamRef};
use domain::time::{MediaMs, Millis};
use domain::upload::epoch_start;
use kafka::Record;

use super::{Recording, Said, Session, Turned};
use crate::piece::{self, Piece};

/// With a chunk, a recording may grow by this much, beside its length so far, beyond the time that it has taken.
const MOST_AHEAD: Millis = Millis::from_secs(60);
/// A state is due when so many more chunks would have to be read again, whether or not they led to a segment.
const CHUNKS_A_STATE: usize = 64;

impl Session {
    /// A chunk has its turn: it goes on with the recording, or begins another.
    pub(super) fn next(&mut self, number: u64, record: Record) {
        // It is known to belong there: it begins the recording, or was read before.
        let belongs = matches!(self.recording, Recording::Expected) || self.position < self.known;
        self.undecided.push((number, record));
        let came = self.undecided.first().and_then(|(_, record)| record.timestamp_ms);
        let beginning = self.undecided.iter().flat_map(|(_, record)| record.value.iter().flatten());
        let beginning: Vec<u8> = beginning.take(8).copied().collect();
        match begins_recording(&beginning) {
            _ if belongs => {}
            None => return,
            Some(true) => self.begin_recording(came.unwrap_or_default()),
            Some(false) => {}
        }
        self.read_undecided();
    }

    /// Another recording begins, with a chunk that came at this time.
    fn begin_recording(&mut self, came_at_ms: i64) {
        self.finish_recording();
        self.epoch = self.epoch.saturating_add(1);
        self.epoch_start = epoch_start(self.end, self.began_at_ms.unwrap_or(came_at_ms), came_at_ms);
        if let Some(end) = self.break_end.take() {
            self.say_fact(end.media_ms.min(self.epoch_start), SessionEvent::BreakEnded);
        }
        self.recording = Recording::Expected;
        (self.sequence, self.position, self.known) = (0, 0, 0);
        self.turned.clear();
        self.is_changed = true;
    }

    pub(super) fn read_undecided(&mut self) {
        for (number, record) in std::mem::take(&mut self.undecided) {
            self.read(number, record);
        }
    }

    /// Reads a chunk of the recording.
    fn read(&mut self, number: u64, record: Record) {
        let offset = record.origin.offset;
        if self.break_end.is_some_and(|end| end.offset < offset) {
            self.break_end = None;
            self.say_fact(self.reached(), SessionEvent::BreakEnded);
        }
        if matches!(self.recording, Recording::Expected) {
            self.recording = Recording::Open(Box::new(LiveCutter::new(self.how.limits, self.how.settings)));
            self.said.push(Said::Recording("begun"));
        }
        let Recording::Open(cutter) = &mut self.recording else {
            self.said.push(Said::Chunks("dropped", 1));
            // Nothing else would say that it is not needed.
            self.is_changed = true;
            return;
        };
        let bytes = record.value.as_deref().unwrap_or_default();
        let (start, length) = (self.position, bytes.len() as u64);
        self.position += length;
        self.turned.push_back(Turned { number, offset, start });
        self.is_changed |= self.turned.len().is_multiple_of(CHUNKS_A_STATE);
        let known = self.known.saturating_sub(start).min(length);
        let (mut segments, damages) = (Vec::new(), cutter.damages());
        let reached = |cutter: &LiveCutter| cutter.reached().max(cutter.end()) - MediaMs::ZERO;
        let came = record.timestamp_ms.unwrap_or_default();
        let took = Millis(came.saturating_sub(self.began_at_ms.unwrap_or(came)))
            - (self.epoch_start - MediaMs::ZERO);
        let most = reached(cutter) + took.max(Millis::ZERO) + MOST_AHEAD;
        let result = cutter.push(&bytes[known as usize..], &mut segments);
        if cutter.damages() > damages {
            self.said.push(Said::Recording("damaged"));
        }
        let is_ahead = reached(cutter) > most;
        let track = cutter.track().cloned();
        if is_ahead {
            // Its media time means nothing: what is left of it is not said.
            self.recording = Recording::GivenUp;
        } else {
            self.say_segments(track, segments);
        }
        if let Err(error) = if is_ahead { Err(ContainerError::TooLong) } else { result } {
            self.finish_recording();
            self.said.push(Said::Refused(record, error));
        }
    }

    /// Bytes of the recording are missing here.
    pub(super) fn pass_hole(&mut self) {
        if let Recording::Open(cutter) = &mut self.recording {
            let read_on = cutter.pass_hole();
            self.pass_damage(read_on);
        }
    }

    /// The recording is read on after a hole, or cannot be.
    pub(super) fn pass_damage(&mut self, read_on: Result<(), ContainerError>) {
        self.is_changed = true;
        if read_on.is_ok() {
            self.said.push(Said::Recording("damaged"));
        } else {
            self.finish_recording();
            self.recording = Recording::GivenUp;
            self.said.push(Said::Recording("refused"));
        }
    }

    /// Says what is left of the recording.
    pub(super) fn finish_recording(&mut self) {
        if let Recording::Open(cutter) = std::mem::replace(&mut self.recording, Recording::GivenUp) {
            let track = cutter.track().cloned();
            self.say_segments(track, cutter.finish());
        }
        self.turned.clear();
        self.is_changed = true;
    }

    pub(super) fn say_segments(&mut self, track: Option<VideoTrack>, segments: Vec<Segment>) {
        // Frames come after their description.
        let Some(track) = track.filter(|_| !segments.is_empty()) else { return };
        let init_sha256 = sha256_hex(&track.description());
        let stream = StreamRef { kind: StreamKind::Webcam, epoch: self.epoch, init_sha256 };
        for segment in segments {
            let mut left = Some(segment);
            while let Some(segment) = left {
                let (part, rest) = piece::split(segment);
                let place = (self.sequence, self.epoch_start);
                self.say_piece(piece::of(&self.id, &stream, &track, place, &part));
                left = rest;
            }
        }
    }

    fn say_piece(&mut self, piece: Piece) {
        self.sequence += 1;
        self.is_changed = true;
        self.end = self.end.max(piece.header.end_ms);
        self.said.push(Said::Segment(piece));
    }

    pub(super) fn say_fact(&mut self, media_ms: MediaMs, event: SessionEvent) {
        self.is_changed = true;
        self.said.push(Said::Fact(SessionFact { session: self.id.clone(), media_ms, event }));
    }
}
