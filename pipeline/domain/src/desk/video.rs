//! What a desk knows of the video itself: how far it has come, what was seen when, what was not, and whether
//! the stream goes on. Folds observations and markers, in the order of their topic.

use serde::{Deserialize, Serialize};

use super::entry::IngestMs;
use super::places::{Arrival, Places};
use super::series::{Bin, Series};
use super::unseen::UnseenTime;
use crate::messages::{
    FrameObservation, Marker, MarkerKind, Observation, SampleStatus, SegmentStatus, UnseenReason,
};
use crate::score::Unseen;
use crate::time::{Interval, MediaMs, Millis};

/// Less media time than this between two segments is a seam and no hole.
const SEAM: Millis = Millis(250);

/// What is known of the video.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Video {
    places: Places,
    pub series: Series,
    pub unseen: UnseenTime,
    /// Start of the first segment.
    first: Option<MediaMs>,
    /// Latest end of any segment.
    pub reached: Option<MediaMs>,
    /// When media time last moved on.
    pub heard: Option<IngestMs>,
    /// The newest sample, and how many faces it showed.
    newest: Option<(MediaMs, Option<u8>)>,
    /// Segments that were taken in.
    pub segments: u64,
    /// Of these, placeholders of what could not be decoded.
    pub undecodable: u64,
    /// Samples left out under load.
    pub shed: u64,
    /// Restarts of the encoder, the first start included.
    pub epochs: u32,
    /// Media time reached when no bytes came any more.
    lost: Option<MediaMs>,
    /// Media time reached when the session was taken to be over.
    idle: Option<MediaMs>,
    /// Start of the last segment before which others were deleted unseen.
    overtaken: Option<MediaMs>,
}

impl Video {
    /// Takes an observation in; `false` if it changes nothing.
    pub fn observe(&mut self, at: IngestMs, observation: &Observation) -> bool {
        let place = (observation.stream.epoch, observation.sequence);
        let undecodable = observation.status == SegmentStatus::Undecodable;
        match self.places.arrive(place, observation.attempt, undecodable) {
            Arrival::Known => return false,
            Arrival::New => self.segments += 1,
            Arrival::Replaces => self.undecodable = self.undecodable.saturating_sub(1),
        }
        self.undecodable += u64::from(undecodable);
        self.shed += u64::from(observation.plan.shed);
        self.epochs = self.epochs.max(observation.stream.epoch.saturating_add(1));
        let span = Interval::new(observation.start_ms, observation.end_ms);
        self.lay(span);
        if undecodable {
            self.unseen.insert(span, Unseen::Undecodable);
        }
        for (index, frame) in observation.frames.iter().enumerate() {
            self.sample(frame, cell(&observation.frames, index, span));
        }
        if self.reached.is_none_or(|reached| span.end > reached) {
            self.reached = Some(span.end);
            self.heard = self.heard.max(Some(at));
        }
        true
    }

    /// Takes a marker in; `false` if it changes nothing.
    pub fn mark(&mut self, marker: &Marker) -> bool {
        let noted = match marker.kind {
            MarkerKind::StreamLost => &mut self.lost,
            MarkerKind::Idle => &mut self.idle,
            MarkerKind::Overtaken => &mut self.overtaken,
        };
        let before = *noted;
        *noted = before.max(Some(marker.media_ms));
        *noted != before
    }

    /// Forgets what was measured.
    pub fn forget_samples(&mut self) {
        self.series = Series::default();
        self.newest = self.newest.map(|(at, _)| (at, None));
    }

    /// Whether no bytes came, and nothing has been seen since.
    pub fn is_lost(&self) -> bool {
        self.lost.is_some() && self.lost >= self.reached
    }

    /// Whether the session was taken to be over, and nothing has been seen since.
    pub fn is_idle(&self) -> bool {
        self.idle.is_some() && self.idle >= self.reached
    }

    /// Faces in the newest sample; `None` if it was not seen.
    pub fn faces(&self) -> Option<u8> {
        self.newest.and_then(|(_, faces)| faces)
    }

    /// Puts a segment into media time, with what is missing beside it.
    fn lay(&mut self, span: Interval) {
        if let Some(reached) = self.reached.filter(|reached| span.start - *reached > SEAM) {
            let deleted = self.overtaken == Some(span.start);
            let reason = if deleted { Unseen::Overtaken } else { Unseen::Gap };
            self.unseen.insert(Interval::new(reached, span.start), reason);
        }
        if let Some(first) = self.first.filter(|first| *first - span.end > SEAM) {
            self.unseen.insert(Interval::new(span.end, first), Unseen::Gap);
        }
        self.unseen.remove(span);
        self.first = Some(self.first.map_or(span.start, |first| first.min(span.start)));
    }

    fn sample(&mut self, frame: &FrameObservation, cell: Interval) {
        let bin = Bin::of(frame);
        self.series.add(frame.media_ms, bin);
        if frame.status != SampleStatus::Seen {
            self.unseen.insert(cell, frame.reason.unwrap_or(UnseenReason::Gap).into());
        }
        if self.newest.is_none_or(|(newest, _)| frame.media_ms > newest) {
            self.newest = Some((frame.media_ms, bin.faces));
        }
    }
}

/// The part of a segment that a sample stands for: up to half way to its neighbours.
fn cell(frames: &[FrameObservation], index: usize, span: Interval) -> Interval {
    let half_way = |one: &FrameObservation, two: &FrameObservation| {
        MediaMs(one.media_ms.0 + (two.media_ms - one.media_ms).half().0)
    };
    let before = index.checked_sub(1).map(|before| half_way(&frames[before], &frames[index]));
    let after = frames.get(index + 1).map(|after| half_way(&frames[index], after));
    Interval::new(before.unwrap_or(span.start), after.unwrap_or(span.end)).intersection(span)
}
