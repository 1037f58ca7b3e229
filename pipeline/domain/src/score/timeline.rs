//! Cuts media time into slots: every planned sample stands for the time around it, and holes between
//! samples are slots of their own.
//!
//! A sample stands for half its planned interval to either side, at most 2 s in all, and for what is left
//! where it comes a little late; where two samples with different intervals meet, the later one begins where the earlier one ended, so that slots never
//! overlap. All later stages weigh by the length of slots, never by their number: a segment that was
//! sampled twice as often does not vote twice. Media time that runs back is cut off and reported.

use serde::{Deserialize, Serialize};

use super::coverage::Unseen;
use super::sample::{Scene, Segment, View};
use crate::messages::UnseenReason;
use crate::time::{Interval, MediaMs, Millis};

/// Media time may run back by this much at a seam: less than any sampling interval in use.
const SEAM: Millis = Millis(250);

/// Samples may be this much further apart than planned: what was seen a little earlier may stand for the
/// planned instant, and is dated so.
const EARLY: Millis = Millis(250);

/// A stretch of media time, and what was seen in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    /// The time it stands for.
    pub span: Interval,
    /// The instant that was looked at; for a hole its start.
    pub at: MediaMs,
    /// Planned time between samples around here.
    pub step: Millis,
    pub sight: Sight,
}

/// What was seen in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sight {
    Seen(Scene),
    Unseen(Unseen),
}

/// Where the slots have got to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Timeline {
    /// End of the last slot.
    edge: Option<MediaMs>,
    /// Instant and interval of the last sample.
    last: Option<(MediaMs, Millis)>,
    /// Latest end of any segment.
    frontier: MediaMs,
    /// End of the last segment by its own clock.
    segment_end: MediaMs,
}

impl Timeline {
    /// How far back media time ran at the start of this segment, if it did.
    pub fn runs_back(&self, segment: &Segment) -> Option<Interval> {
        let back = self.segment_end - segment.interval.start;
        (back > SEAM).then(|| Interval::new(segment.interval.start, self.segment_end))
    }

    /// Media time up to which slots have been cut.
    pub fn frontier(&self) -> MediaMs {
        self.frontier
    }

    /// The slots of a segment, in order, without overlap, beginning where the last one ended.
    pub fn slots(&mut self, segment: Segment) -> Vec<Slot> {
        let Segment { interval, step, samples, undecodable, .. } = segment;
        let mut slots = Vec::with_capacity(samples.len() + 1);
        if undecodable && samples.is_empty() {
            self.close_hole(interval.start, step, &mut slots);
            let reason = Unseen::from(UnseenReason::Undecodable);
            self.cut(interval.end, interval.start, step, Sight::Unseen(reason), &mut slots);
        }
        for sample in samples {
            if self.last.is_some_and(|(last, _)| sample.at <= last) {
                continue;
            }
            let half = step.half();
            let joined = self.last.is_some_and(|(last, before)| sample.at - last <= step.max(before) + EARLY);
            if !joined {
                self.close_hole(MediaMs::ZERO.max(sample.at - half), step, &mut slots);
            }
            let sight = match sample.view {
                View::Seen(scene) => Sight::Seen(scene),
                View::Unseen(reason) => Sight::Unseen(reason.into()),
            };
            self.cut(sample.at + half, sample.at, step, sight, &mut slots);
            self.last = Some((sample.at, step));
        }
        self.segment_end = interval.end;
        self.frontier = self.frontier.max(interval.end);
        slots
    }

    /// What is left between the last sample and the end of the video once nothing more comes: it
    /// belongs to that sample if no other was planned there, and is a hole where video was expected.
    pub fn tail(&mut self, expected_end: MediaMs) -> (Option<Interval>, Option<Slot>) {
        let (Some(edge), Some((last, step))) = (self.edge, self.last) else { return (None, None) };
        let observed = Interval::new(edge, self.frontier.min(last + step + EARLY));
        let end = edge.max(observed.end);
        let missing = Interval::new(end, expected_end);
        self.edge = Some(end);
        let hole = Slot { span: missing, at: end, step, sight: Sight::Unseen(Unseen::Gap) };
        ((!observed.is_empty()).then_some(observed), (!missing.is_empty()).then_some(hole))
    }

    /// Fills the time up to `until`, which no sample stands for.
    fn close_hole(&mut self, until: MediaMs, step: Millis, slots: &mut Vec<Slot>) {
        match self.edge {
            Some(edge) => self.cut(until, edge, step, Sight::Unseen(Unseen::Gap), slots),
            None => self.edge = Some(until),
        }
    }

    fn cut(&mut self, end: MediaMs, at: MediaMs, step: Millis, sight: Sight, slots: &mut Vec<Slot>) {
        let span = Interval::new(self.edge.unwrap_or(at), end);
        if !span.is_empty() {
            slots.push(Slot { span, at, step, sight });
            self.edge = Some(end);
        }
    }
}
