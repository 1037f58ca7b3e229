//! Media time: instants, durations, intervals and sets of intervals, in whole milliseconds.
//!
//! Everything that is scored is placed on the media clock of a session. Wall-clock time never enters
//! these types.

use std::ops::{Add, AddAssign, Sub, SubAssign};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An instant on the media clock of a session, in milliseconds from its start.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct MediaMs(pub i64);

/// A length of media time, in milliseconds.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl MediaMs {
    /// The start of the media clock.
    pub const ZERO: Self = Self(0);
    /// Later than any instant of any session.
    pub const MAX: Self = Self(i64::MAX);
}

impl Millis {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A duration of whole seconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds * 1000)
    }

    /// Half of the duration, rounded down.
    pub const fn half(self) -> Self {
        Self(self.0 / 2)
    }
}

impl Add<Millis> for MediaMs {
    type Output = Self;
    fn add(self, length: Millis) -> Self {
        Self(self.0.saturating_add(length.0))
    }
}

impl Sub<Millis> for MediaMs {
    type Output = Self;
    fn sub(self, length: Millis) -> Self {
        Self(self.0.saturating_sub(length.0))
    }
}

impl Sub for MediaMs {
    type Output = Millis;
    fn sub(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Millis {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Millis {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Millis {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Millis {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl std::iter::Sum for Millis {
    fn sum<I: Iterator<Item = Self>>(lengths: I) -> Self {
        lengths.fold(Self::ZERO, Add::add)
    }
}

/// A half-open stretch of media time: `start` belongs to it, `end` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// First instant inside.
    pub start: MediaMs,
    /// First instant after.
    pub end: MediaMs,
}

impl Interval {
    /// The stretch from `start` to `end`; empty when `end` is not after `start`.
    pub fn new(start: MediaMs, end: MediaMs) -> Self {
        Self { start, end: end.max(start) }
    }

    /// How long the stretch is.
    pub fn length(self) -> Millis {
        self.end - self.start
    }

    /// Whether nothing is inside.
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// Whether `instant` lies inside.
    pub fn contains(self, instant: MediaMs) -> bool {
        self.start <= instant && instant < self.end
    }

    /// The part that both stretches share, possibly empty.
    pub fn intersection(self, other: Self) -> Self {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }
}

/// A union of intervals, kept sorted, disjoint and without empty members, so that equal sets of
/// instants are equal values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct IntervalSet(Vec<Interval>);

impl IntervalSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a stretch; overlapping and touching stretches become one.
    pub fn insert(&mut self, added: Interval) {
        if added.is_empty() {
            return;
        }
        let first = self.0.partition_point(|have| have.end < added.start);
        let after = self.0.partition_point(|have| have.start <= added.end);
        let mut merged = added;
        for have in &self.0[first..after] {
            merged = Interval::new(merged.start.min(have.start), merged.end.max(have.end));
        }
        self.0.splice(first..after, [merged]);
    }

    /// Takes a stretch out.
    pub fn remove(&mut self, removed: Interval) {
        if removed.is_empty() {
            return;
        }
        let kept = self.0.iter().flat_map(|have| {
            [
                Interval::new(have.start, have.end.min(removed.start)),
                Interval::new(have.start.max(removed.end), have.end),
            ]
        });
        self.0 = kept.filter(|part| !part.is_empty()).collect();
    }

    /// The instants that are in both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        let mut shared = Self::new();
        for mine in &self.0 {
            let from = other.0.partition_point(|theirs| theirs.end <= mine.start);
            for theirs in other.0[from..].iter().take_while(|theirs| theirs.start < mine.end) {
                shared.insert(mine.intersection(*theirs));
            }
        }
        shared
    }

    /// The instants of this set that are not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        let mut left = Vec::with_capacity(self.0.len());
        for mine in &self.0 {
            let mut start = mine.start;
            let from = other.0.partition_point(|theirs| theirs.end <= mine.start);
            for theirs in other.0[from..].iter().take_while(|theirs| theirs.start < mine.end) {
                left.push(Interval::new(start, theirs.start));
                start = theirs.end;
            }
            left.push(Interval::new(start, mine.end));
        }
        left.retain(|part| !part.is_empty());
        Self(left)
    }

    /// The instants that are in either set.
    pub fn union(&self, other: &Self) -> Self {
        let (longer, shorter) = if self.0.len() < other.0.len() { (other, self) } else { (self, other) };
        let mut all = longer.clone();
        for part in &shorter.0 {
            all.insert(*part);
        }
        all
    }

    /// The instants of this set inside `window`.
    pub fn clipped(&self, window: Interval) -> Self {
        let from = self.0.partition_point(|have| have.end <= window.start);
        let inside = self.0[from..].iter().take_while(|have| have.start < window.end);
        Self(inside.map(|have| have.intersection(window)).collect())
    }

    /// Total length of the union.
    pub fn length(&self) -> Millis {
        self.0.iter().map(|have| have.length()).sum()
    }

    /// Length of the longest single stretch.
    pub fn longest(&self) -> Millis {
        self.0.iter().map(|have| have.length()).max().unwrap_or_default()
    }

    /// End of the last stretch.
    pub fn last_end(&self) -> Option<MediaMs> {
        self.0.last().map(|have| have.end)
    }

    /// Whether no instant is inside.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `instant` is inside.
    pub fn contains(&self, instant: MediaMs) -> bool {
        let after = self.0.partition_point(|have| have.end <= instant);
        self.0.get(after).is_some_and(|have| have.contains(instant))
    }

    /// The stretches, in order, disjoint and not touching.
    pub fn iter(&self) -> impl Iterator<Item = Interval> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<Interval> for IntervalSet {
    fn from_iter<I: IntoIterator<Item = Interval>>(intervals: I) -> Self {
        let mut set = Self::new();
        for interval in intervals {
            set.insert(interval);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(start: i64, end: i64) -> Interval {
        Interval::new(MediaMs(start), MediaMs(end))
    }

    #[test]
    fn touching_stretches_become_one() {
        let set: IntervalSet = [span(0, 10), span(20, 30), span(10, 20)].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [span(0, 30)]);
    }

    #[test]
    fn removing_the_middle_leaves_both_sides() {
        let mut set: IntervalSet = [span(0, 30)].into_iter().collect();
        set.remove(span(10, 20));
        assert_eq!(set.iter().collect::<Vec<_>>(), [span(0, 10), span(20, 30)]);
        assert_eq!(set.length(), Millis(20));
        assert!(set.contains(MediaMs(9)) && !set.contains(MediaMs(10)) && set.contains(MediaMs(20)));
    }

    /// A set of small intervals beside the plain set of instants it stands for.
    fn sets() -> impl Strategy<Value = (IntervalSet, std::collections::BTreeSet<i64>)> {
        prop::collection::vec((0i64..60, 0i64..12), 0..12).prop_map(|parts| {
            let set = parts.iter().map(|&(start, length)| span(start, start + length)).collect();
            let instants = parts.iter().flat_map(|&(start, length)| start..start + length).collect();
            (set, instants)
        })
    }

    proptest! {
        #[test]
        fn set_algebra_agrees_with_sets_of_instants(
            (one, plain_one) in sets(), (other, plain_other) in sets()
        ) {
            let instants = |set: &IntervalSet| -> Vec<i64> {
                set.iter().flat_map(|part| part.start.0..part.end.0).collect()
            };
            prop_assert_eq!(instants(&one), plain_one.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(one.length().0 as usize, plain_one.len());
            let shared: Vec<i64> = plain_one.intersection(&plain_other).copied().collect();
            prop_assert_eq!(instants(&one.intersection(&other)), shared);
            let left: Vec<i64> = plain_one.difference(&plain_other).copied().collect();
            prop_assert_eq!(instants(&one.difference(&other)), left);
            let either: Vec<i64> = plain_one.union(&plain_other).copied().collect();
            prop_assert_eq!(instants(&one.union(&other)), either);
            let inside: Vec<i64> = plain_one.range(10..30).copied().collect();
            prop_assert_eq!(instants(&one.clipped(span(10, 30))), inside);
        }
    }
}
