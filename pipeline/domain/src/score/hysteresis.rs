//! From a condition that flickers to a stretch that opens and closes: one generic window, weighted by
//! time.
//!
//! Opens when, over the last *on* time, at least `p` of the **planned** time was seen and true, and the
//! window begins and ends true (so that no opening comes sooner than the *on* time after the start).
//! Closes when nothing was true, at the laxer level, for the *off* time, or when less than half of `p`
//! of the window is. A slot not seen votes false, counts towards *off*, and never belongs to the
//! stretch, also not when two stretches are merged across a gap. Does not know what is decided about.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::messages::SampleStats;
use crate::policy::Window;
use crate::time::{Interval, IntervalSet, MediaMs, Millis};

/// What one slot says about one condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Vote {
    pub span: Interval,
    /// Valid for this condition.
    pub seen: bool,
    /// True at the level that opens.
    pub on: bool,
    /// True at the laxer level that keeps open.
    pub off: bool,
    /// `false` forbids to open now (but not to count as true in a later window).
    pub may_open: bool,
    /// Thousandths.
    pub confidence: u16,
    /// A figure worth telling, e.g. how many persons; the highest one is kept.
    pub figure: u16,
}

impl Vote {
    /// A slot that shows nothing about the condition.
    pub fn unseen(span: Interval) -> Self {
        Self { span, seen: false, on: false, off: false, may_open: false, confidence: 0, figure: 0 }
    }

    /// A slot in which the condition does not hold.
    pub fn no(span: Interval) -> Self {
        Self { seen: true, ..Self::unseen(span) }
    }

    fn length(&self) -> i64 {
        self.span.length().0
    }

    /// Whether the condition was seen to hold, at the level that opens or the laxer one.
    fn holds(&self, strict: bool) -> bool {
        self.seen && if strict { self.on } else { self.off }
    }
}

/// A stretch that became known or grew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Growth {
    /// Where the stretch begins, or begins to grow.
    pub start: MediaMs,
    /// Where it ends now.
    pub end: MediaMs,
    /// Time to add; never contains time that was not seen.
    pub seen: IntervalSet,
    /// Slots between the stretch's ends.
    pub stats: SampleStats,
    /// Confidence of the present on-window, if it is one.
    pub confidence: u16,
    /// Highest figure.
    pub figure: u16,
}

/// What a slot changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// A stretch opened.
    Opened(Growth),
    /// The last stretch goes on after a seen gap.
    Merged(Growth),
    /// The open stretch grew.
    Grew(Growth),
    /// The open stretch is over; it ended with what was added last.
    Closed,
}

/// The window of one condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hysteresis {
    /// The last votes, as far back as opening and merging look.
    recent: VecDeque<Past>,
    open: bool,
    /// End of the open or of the last stretch.
    end: Option<MediaMs>,
}

/// A past vote in its short written form: start, length, flags, confidence, figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, i64, u8, u16, u16)", into = "(i64, i64, u8, u16, u16)")]
struct Past(Vote);

impl Hysteresis {
    /// Takes one slot in.
    pub fn vote(&mut self, vote: Vote, window: Window, merge_gap: Millis) -> Option<Change> {
        self.recent.push_back(Past(vote));
        let horizon = vote.span.end - (window.on_ms + merge_gap).max(window.off_ms);
        self.forget(horizon);
        if self.open { self.go_on(vote, window) } else { self.try_open(vote, window, merge_gap) }
    }

    /// Forgets the past, e.g. because the meaning of the votes changed; says whether a stretch was open.
    pub fn reset(&mut self) -> bool {
        std::mem::take(self).open
    }

    fn try_open(&mut self, newest: Vote, window: Window, merge_gap: Millis) -> Option<Change> {
        if !newest.may_open || !newest.holds(true) {
            return None;
        }
        let after = self.end.unwrap_or(MediaMs(i64::MIN));
        let on_window = self.window(window.on_ms, after, true)?;
        if !on_window.starts_true || !on_window.reaches(window.p_milli) {
            return None;
        }
        let merged = self.end.filter(|end| self.seen_between(*end, on_window.start, merge_gap));
        let mut growth = self.growth_since(merged.unwrap_or(on_window.start));
        growth.confidence = on_window.confidence;
        self.open = true;
        self.end = Some(newest.span.end);
        Some(if merged.is_some() { Change::Merged(growth) } else { Change::Opened(growth) })
    }

    fn go_on(&mut self, newest: Vote, window: Window) -> Option<Change> {
        let end = self.end.unwrap_or(newest.span.start);
        let too_sparse = self
            .window(window.on_ms, MediaMs(i64::MIN), false)
            .is_some_and(|lax| !lax.reaches(window.p_milli / 2));
        if newest.holds(false) && !too_sparse {
            let mut growth = self.growth_since(end);
            let strict = self.window(window.on_ms, MediaMs(i64::MIN), true);
            let holds = strict.filter(|strict| strict.reaches(window.p_milli));
            growth.confidence = holds.map_or(0, |strict| strict.confidence);
            self.end = Some(newest.span.end);
            return Some(Change::Grew(growth));
        }
        if too_sparse || newest.span.end - end >= window.off_ms {
            self.open = false;
            return Some(Change::Closed);
        }
        None
    }

    /// What the votes from `start` on add to a stretch.
    fn growth_since(&self, start: MediaMs) -> Growth {
        let mut growth = Growth { start, end: start, ..Growth::default() };
        for Past(vote) in self.recent.iter().filter(|past| past.0.span.end > start) {
            growth.end = vote.span.end;
            growth.stats.planned += 1;
            growth.stats.valid += u32::from(vote.seen);
            growth.stats.matched += u32::from(vote.holds(false));
            if vote.seen {
                growth.seen.insert(Interval::new(vote.span.start.max(start), vote.span.end));
                growth.figure = growth.figure.max(vote.figure);
            }
        }
        growth
    }

    /// The last `length` of planned time, if that much lies after `after`.
    fn window(&self, length: Millis, after: MediaMs, strict: bool) -> Option<OnWindow> {
        let mut found = OnWindow { length: length.0, ..OnWindow::default() };
        let mut weighted = 0;
        let mut left = length.0;
        for Past(vote) in self.recent.iter().rev() {
            let part = vote.length().min(left);
            if vote.span.end.0 - part < after.0 {
                return None;
            }
            found.starts_true = vote.holds(strict);
            found.start = vote.span.end - Millis(part);
            if vote.holds(strict) {
                found.held += part;
                weighted += part * i64::from(vote.confidence);
            }
            left -= part;
            if left == 0 {
                found.confidence = if found.held == 0 { 0 } else { (weighted / found.held) as u16 };
                return Some(found);
            }
        }
        None
    }

    /// Whether every instant from `from` to `to` was seen, and there are few enough of them to merge.
    fn seen_between(&self, from: MediaMs, to: MediaMs, merge_gap: Millis) -> bool {
        let gap = Interval::new(from, to);
        let seen: IntervalSet =
            self.recent.iter().filter(|past| past.0.seen).map(|past| past.0.span).collect();
        gap.length() <= merge_gap && seen.clipped(gap).length() == gap.length()
    }

    /// Drops votes that no window can begin with and no merge looks back to: in a calm session all.
    fn forget(&mut self, horizon: MediaMs) {
        let merges = self.end.is_some_and(|end| end > horizon);
        let idle = !self.open && !merges;
        let is_useless = |past: &Past| past.0.span.end <= horizon || (idle && !past.0.holds(true));
        while self.recent.front().is_some_and(is_useless) {
            self.recent.pop_front();
        }
    }
}

/// The latest window of a fixed length.
#[derive(Debug, Default)]
struct OnWindow {
    start: MediaMs,
    length: i64,
    /// Time in which the condition was seen to hold.
    held: i64,
    starts_true: bool,
    confidence: u16,
}

impl OnWindow {
    fn reaches(&self, p_milli: u16) -> bool {
        self.held * 1000 >= self.length * i64::from(p_milli)
    }
}

impl From<(i64, i64, u8, u16, u16)> for Past {
    fn from((start, length, flags, confidence, figure): (i64, i64, u8, u16, u16)) -> Self {
        Self(Vote {
            span: Interval::new(MediaMs(start), MediaMs(start + length)),
            seen: flags & 1 != 0,
            on: flags & 2 != 0,
            off: flags & 4 != 0,
            may_open: flags & 8 != 0,
            confidence,
            figure,
        })
    }
}

impl From<Past> for (i64, i64, u8, u16, u16) {
    fn from(Past(vote): Past) -> Self {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let flags = flag(vote.seen, 1) | flag(vote.on, 2) | flag(vote.off, 4) | flag(vote.may_open, 8);
        (vote.span.start.0, vote.length(), flags, vote.confidence, vote.figure)
    }
}
