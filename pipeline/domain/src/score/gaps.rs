//! What is missing from the stream itself: holes, undecodable pieces, silence, a clock that runs back.
//!
//! All of it is coverage: it says what could not be seen and on whose side, and never costs points.

use serde::{Deserialize, Serialize};

use super::coverage::Unseen;
use super::hysteresis::{Change, Growth};
use super::timeline::{Sight, Slot};
use crate::messages::{IncidentType, Marker};
use crate::policy::Detect;
use crate::time::{Interval, IntervalSet, MediaMs, Millis};

/// A hole whose segments were numbered but never came: lost on the way.
pub(super) const LOST_ON_THE_WAY: u16 = 1;
/// A hole whose segments came and were deleted before anybody had observed them.
pub(super) const DELETED_UNSEEN: u16 = 2;

/// What is known of the segments before one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Their numbers are complete.
    Complete,
    /// Some are missing, and nobody knows why.
    Missing,
    /// Some were deleted unseen.
    Deleted,
}

/// Present runs of missing pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Gaps {
    hole: Run,
    undecodable: Run,
    /// Media time at which the stream fell silent, until it goes on.
    silent_since: Option<MediaMs>,
}

/// A run of slots for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    stretch: Option<Interval>,
    segments: u16,
    figure: u16,
    open: bool,
}

impl Gaps {
    /// A segment begins; `undecodable` if it is a placeholder.
    pub fn segment(
        &mut self,
        start: MediaMs,
        before: Before,
        undecodable: bool,
    ) -> Option<(IncidentType, Change)> {
        match before {
            Before::Complete => {}
            Before::Missing => self.hole.figure = LOST_ON_THE_WAY,
            Before::Deleted => self.hole.figure = DELETED_UNSEEN,
        }
        if undecodable {
            self.undecodable.segments = self.undecodable.segments.saturating_add(1);
        }
        let since = self.silent_since.take()?;
        let growth = Growth { start: since, end: since.max(start), ..Growth::default() };
        Some((IncidentType::StreamLost, Change::Grew(growth)))
    }

    /// Takes a slot in.
    pub fn look(&mut self, slot: &Slot, detect: &Detect) -> Vec<(IncidentType, Change)> {
        let reason = match slot.sight {
            Sight::Unseen(reason) => Some(reason),
            Sight::Seen(_) => None,
        };
        let gap_limit = detect.video_gap.longer_than_ms;
        let hole = self.hole.look(slot.span, reason == Some(Unseen::Gap), |run| run.length() > gap_limit);
        let rules = detect.media_undecodable;
        let undecodable = self.undecodable.look(slot.span, reason == Some(Unseen::Undecodable), |run| {
            run.segments >= rules.segments || run.length() >= rules.lost_ms
        });
        let named = [(IncidentType::VideoGap, hole), (IncidentType::MediaUndecodable, undecodable)];
        named.into_iter().filter_map(|(kind, change)| Some((kind, change?))).collect()
    }

    /// A clock noticed that no bytes come.
    pub fn silent(&mut self, marker: &Marker) -> Option<(IncidentType, Change)> {
        if self.silent_since.is_some() {
            return None;
        }
        self.silent_since = Some(marker.media_ms);
        let seconds = u16::try_from(marker.silent_ms.0 / 1000).unwrap_or(u16::MAX);
        let growth =
            Growth { start: marker.media_ms, end: marker.media_ms, figure: seconds, ..Growth::default() };
        Some((IncidentType::StreamLost, Change::Opened(growth)))
    }
}

impl Run {
    fn look(&mut self, span: Interval, missing: bool, is_long: impl Fn(&Self) -> bool) -> Option<Change> {
        if !missing {
            let was_open = self.open;
            *self = Self::default();
            return was_open.then_some(Change::Closed);
        }
        let start = self.stretch.map_or(span.start, |stretch| stretch.start);
        self.stretch = Some(Interval::new(start, span.end));
        if self.open {
            return Some(Change::Grew(missing_growth(span, self.figure)));
        }
        self.open = is_long(self);
        self.open.then(|| Change::Opened(missing_growth(Interval::new(start, span.end), self.figure)))
    }

    fn length(&self) -> Millis {
        self.stretch.map(Interval::length).unwrap_or_default()
    }
}

fn missing_growth(span: Interval, figure: u16) -> Growth {
    let seen: IntervalSet = [span].into_iter().collect();
    Growth { start: span.start, end: span.end, seen, confidence: 1000, figure, ..Growth::default() }
}

/// Media time ran back by this stretch.
pub(super) fn ran_back(stretch: Interval) -> Change {
    Change::Opened(Growth { start: stretch.start, end: stretch.end, confidence: 1000, ..Growth::default() })
}
