//! What of a session was not seen, and why: stretches of media time, as exact as samples tell.
//!
//! Bounded: when there are too many stretches, the two with the least seen time between them become one. A
//! plot then shows a little too much as unseen, never too little. Nothing is judged by these stretches: what
//! coverage comes to is in the score.

use serde::{Deserialize, Serialize};

use crate::score::Unseen;
use crate::time::{Interval, MediaMs};

/// Most stretches of a session.
const MOST_STRETCHES: usize = 512;

/// Stretches that were not seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct UnseenTime {
    /// Start, end and reason; in order, disjoint.
    stretches: Vec<(MediaMs, MediaMs, Unseen)>,
}

impl UnseenTime {
    /// This time was not seen, whatever was known of it.
    pub fn insert(&mut self, span: Interval, reason: Unseen) {
        if span.is_empty() {
            return;
        }
        self.remove(span);
        let place = self.stretches.partition_point(|(start, ..)| *start < span.start);
        self.stretches.insert(place, (span.start, span.end, reason));
        self.join_alike(place);
        self.join_alike(place.saturating_sub(1));
        if self.stretches.len() > MOST_STRETCHES {
            self.join_closest();
        }
    }

    /// This time is not unseen.
    pub fn remove(&mut self, span: Interval) {
        let first = self.stretches.partition_point(|(_, end, _)| *end <= span.start);
        let after = self.stretches.partition_point(|(start, ..)| *start < span.end);
        if first >= after || span.is_empty() {
            return;
        }
        let (head, _, head_reason) = self.stretches[first];
        let (_, tail, tail_reason) = self.stretches[after - 1];
        let kept = [(head, span.start, head_reason), (span.end, tail, tail_reason)];
        self.stretches.splice(first..after, kept.into_iter().filter(|(start, end, _)| start < end));
    }

    /// The stretches, in order, disjoint.
    pub fn iter(&self) -> impl Iterator<Item = (Interval, Unseen)> + '_ {
        self.stretches.iter().map(|&(start, end, reason)| (Interval::new(start, end), reason))
    }

    /// Joins a stretch with the next one if they touch and have the same reason.
    fn join_alike(&mut self, index: usize) {
        if let [(_, end, reason), (start, _, next)] = self.stretches[index..].get(..2).unwrap_or_default()
            && end == start
            && reason == next
        {
            self.join(index);
        }
    }

    fn join_closest(&mut self) {
        let gap = |pair: &[(MediaMs, MediaMs, Unseen)]| pair[1].0 - pair[0].1;
        let gaps = self.stretches.windows(2).map(gap).enumerate();
        if let Some((index, _)) = gaps.min_by_key(|(index, gap)| (*gap, *index)) {
            self.join(index);
        }
    }

    /// Joins a stretch with the next one; the longer one's reason stands for both.
    fn join(&mut self, index: usize) {
        let (start, end, reason) = self.stretches[index];
        let (next_start, next_end, next_reason) = self.stretches.remove(index + 1);
        let reason = if next_end - next_start > end - start { next_reason } else { reason };
        self.stretches[index] = (start, next_end, reason);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    fn span(start: i64, length: i64) -> Interval {
        Interval::new(MediaMs(start), MediaMs(start + length))
    }

    proptest! {
        #[test]
        fn agrees_with_a_map_of_instants(
            steps in prop::collection::vec((0i64..60, 0i64..12, 0usize..3), 0..30)
        ) {
            let (mut unseen, mut plain) = (UnseenTime::default(), BTreeMap::new());
            for (start, length, what) in steps {
                let reason = [None, Some(Unseen::Dark), Some(Unseen::Gap)][what];
                match reason {
                    Some(reason) => unseen.insert(span(start, length), reason),
                    None => unseen.remove(span(start, length)),
                }
                for instant in start..start + length {
                    plain.remove(&instant);
                    reason.map(|reason| plain.insert(instant, reason));
                }
            }
            let instants: BTreeMap<i64, Unseen> = unseen
                .iter()
                .flat_map(|(span, reason)| (span.start.0..span.end.0).map(move |instant| (instant, reason)))
                .collect();
            prop_assert_eq!(instants, plain);
            let alike = unseen.stretches.windows(2).any(|pair| pair[0].1 == pair[1].0 && pair[0].2 == pair[1].2);
            prop_assert!(!alike, "touching stretches of one reason are one");
        }
    }

    #[test]
    fn too_many_become_fewer_and_never_less() {
        let mut unseen = UnseenTime::default();
        for index in 0..5_000 {
            unseen.insert(span(index * 2_000, 1_000), Unseen::Dark);
        }
        assert_eq!(unseen.stretches.len(), MOST_STRETCHES);
        for index in 0..5_000 {
            let instant = MediaMs(index * 2_000 + 500);
            assert!(unseen.iter().any(|(span, _)| span.contains(instant)), "{instant:?}");
        }
    }
}
