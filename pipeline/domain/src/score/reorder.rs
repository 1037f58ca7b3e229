//! Puts segments into the order of (epoch, sequence), whatever order they arrive in.
//!
//! A segment that continues the one before is released at once. Where one is missing, later ones wait
//! for it until media time has moved on by the lateness bound; then its place is given up. The same
//! holds for the placeholder of a dead-lettered segment, which a redriven one may still replace.
//! Promises: records permuted within the lateness bound, and delivered any number of times, are
//! released as the same sequence. What comes later than that is told apart from what comes twice.
//! Knows nothing of what is in a segment, and nothing but media time.

use serde::{Deserialize, Serialize};

use super::sample::Segment;
use crate::time::{MediaMs, Millis};

/// Most holes remembered; a segment that falls into a forgotten one counts as a duplicate.
const MOST_HOLES: usize = 32;

/// An epoch whose first segment begins this close to the end of the one before leaves no room for a
/// missing segment between them.
const SEAMLESS: Millis = Millis(1000);

/// Place of a segment.
type Place = (u32, u64);

/// Segments that wait, and what has been released.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reorder {
    /// Whether the session is known to have begun; until then everything waits.
    begun: bool,
    waiting: Vec<Segment>,
    /// Place and media end of the last one released.
    last: Option<(Place, MediaMs)>,
    /// Latest media time of any segment.
    newest: MediaMs,
    /// Places given up, oldest first.
    holes: Vec<Hole>,
}

/// Places of one epoch that were given up, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Hole {
    epoch: u32,
    first: u64,
    last: u64,
}

/// What becomes of an arriving segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It waits for its turn.
    Waiting,
    /// It is there already.
    Duplicate,
    /// Its place was given up.
    Late(Segment),
}

/// A segment whose turn it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Released {
    pub segment: Segment,
    /// Whether at least one segment before it is missing.
    pub after_hole: bool,
}

impl Reorder {
    /// Takes a segment in.
    pub fn arrive(&mut self, segment: Segment) -> Arrival {
        let place = segment.place();
        if self.last.is_some_and(|(last, _)| place <= last) {
            return if self.fill_hole(place, &segment) { Arrival::Late(segment) } else { Arrival::Duplicate };
        }
        self.newest = self.newest.max(segment.interval.end);
        match self.waiting.binary_search_by_key(&place, Segment::place) {
            Err(index) => self.waiting.insert(index, segment),
            // Only a placeholder gives way, and only to a later attempt.
            Ok(index) if self.waiting[index].undecodable && segment.attempt > self.waiting[index].attempt => {
                self.waiting[index] = segment;
            }
            Ok(_) => return Arrival::Duplicate,
        }
        Arrival::Waiting
    }

    /// The session has begun: segments need not wait for that any more.
    pub fn begin(&mut self) {
        self.begun = true;
    }

    /// Latest media time of any segment.
    pub fn newest(&self) -> MediaMs {
        self.newest
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether nothing waits and everything up to `end` has been released.
    pub fn is_complete(&self, end: MediaMs) -> bool {
        self.waiting.is_empty() && self.last.is_some_and(|(_, released)| released >= end)
    }

    /// The next segment whose turn it is; with `flush`, nothing more is waited for.
    pub fn release(&mut self, lateness: Millis, flush: bool) -> Option<Released> {
        let next = self.waiting.first()?;
        let overdue = flush || self.newest - next.interval.start > lateness;
        let in_turn = self.begun && self.continues(next) && !next.undecodable;
        if !in_turn && !overdue {
            return None;
        }
        let segment = self.waiting.remove(0);
        let after_hole = self.leave_hole_before(&segment);
        if segment.undecodable {
            self.remember(Hole { epoch: segment.epoch, first: segment.sequence, last: segment.sequence });
        }
        let end = self.last.map_or(segment.interval.end, |(_, end)| end.max(segment.interval.end));
        self.last = Some((segment.place(), end));
        self.begun = true;
        Some(Released { segment, after_hole })
    }

    /// Whether no other segment can belong between the last one released and this one.
    fn continues(&self, next: &Segment) -> bool {
        match self.last {
            None => next.place() == (0, 0),
            Some(((epoch, sequence), _)) if next.epoch == epoch => {
                sequence.checked_add(1) == Some(next.sequence)
            }
            Some(((epoch, _), end)) => {
                let is_next = epoch.checked_add(1) == Some(next.epoch) && next.sequence == 0;
                is_next && next.interval.start - end <= SEAMLESS
            }
        }
    }

    fn leave_hole_before(&mut self, segment: &Segment) -> bool {
        if self.continues(segment) {
            return false;
        }
        match self.last {
            Some(((epoch, sequence), _)) if segment.epoch != epoch => {
                self.remember(Hole { epoch, first: sequence.saturating_add(1), last: u64::MAX });
                self.remember_up_to(segment, 0);
            }
            Some(((_, sequence), _)) => self.remember_up_to(segment, sequence.saturating_add(1)),
            None => self.remember_up_to(segment, 0),
        }
        true
    }

    fn remember_up_to(&mut self, segment: &Segment, first: u64) {
        if segment.sequence > first {
            self.remember(Hole { epoch: segment.epoch, first, last: segment.sequence - 1 });
        }
    }

    fn remember(&mut self, hole: Hole) {
        if self.holes.len() == MOST_HOLES {
            self.holes.remove(0);
        }
        self.holes.push(hole);
    }

    /// Takes a place out of the hole it is in; `false` if it is in none. A placeholder does not fill
    /// the hole that it left itself.
    fn fill_hole(&mut self, (epoch, sequence): Place, segment: &Segment) -> bool {
        let inside = |hole: &Hole| hole.epoch == epoch && (hole.first..=hole.last).contains(&sequence);
        let Some(index) = self.holes.iter().position(inside) else { return false };
        if segment.undecodable {
            return false;
        }
        let hole = self.holes.remove(index);
        if sequence > hole.first {
            self.remember(Hole { last: sequence - 1, ..hole });
        }
        if sequence < hole.last {
            self.remember(Hole { first: sequence + 1, ..hole });
        }
        true
    }
}

impl Segment {
    fn place(&self) -> Place {
        (self.epoch, self.sequence)
    }
}
