//! Which segments have been taken in, so that each one is taken in once.
//!
//! The first observation of a segment stays, as in the score; only the placeholder of one that could not be
//! decoded gives way, and only to a later attempt. Bounded: of what lies far back it only remembers that
//! nothing more is taken in there.

use serde::{Deserialize, Serialize};

/// Most runs of consecutive segments; what lies before the oldest ones counts as known.
const MOST_RUNS: usize = 128;
/// Most placeholders that may still be replaced; the oldest ones then stay.
const MOST_PLACEHOLDERS: usize = 128;

/// Epoch and sequence.
type Place = (u32, u64);

/// The segments that were taken in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Places {
    /// Everything up to here counts as known.
    floor: Option<Place>,
    /// Epoch, first and last sequence; in order.
    runs: Vec<(u32, u64, u64)>,
    /// Places with the attempt that failed; in order.
    placeholders: Vec<(Place, u32)>,
}

/// What becomes of an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Nothing was known of this segment.
    New,
    /// It takes the place of a placeholder.
    Replaces,
    /// It changes nothing.
    Known,
}

impl Places {
    /// An observation of a segment has come.
    pub fn arrive(&mut self, place: Place, attempt: u32, undecodable: bool) -> Arrival {
        if let Some(index) = self.placeholders.iter().position(|(have, _)| *have == place) {
            if attempt <= self.placeholders[index].1 {
                return Arrival::Known;
            }
            if undecodable {
                self.placeholders[index].1 = attempt;
                return Arrival::Known;
            }
            self.placeholders.remove(index);
            return Arrival::Replaces;
        }
        if !self.note(place) {
            return Arrival::Known;
        }
        if undecodable {
            let index = self.placeholders.partition_point(|(have, _)| *have < place);
            self.placeholders.insert(index, (place, attempt));
            if self.placeholders.len() > MOST_PLACEHOLDERS {
                self.placeholders.remove(0);
            }
        }
        Arrival::New
    }

    /// Remembers a place; `false` if it is known already.
    fn note(&mut self, place: Place) -> bool {
        let (epoch, sequence) = place;
        let next = self.runs.partition_point(|&(epoch, _, last)| (epoch, last) < place);
        let is_in_next = |&(of, first, _): &(u32, u64, u64)| of == epoch && first <= sequence;
        if self.floor >= Some(place) || self.runs.get(next).is_some_and(is_in_next) {
            return false;
        }
        let follows = |&(of, _, last): &(u32, u64, u64)| of == epoch && last.checked_add(1) == Some(sequence);
        let precedes =
            |&(of, first, _): &(u32, u64, u64)| of == epoch && sequence.checked_add(1) == Some(first);
        let joins_last = next > 0 && follows(&self.runs[next - 1]);
        let joins_next = self.runs.get(next).is_some_and(precedes);
        match (joins_last, joins_next) {
            (true, true) => self.runs[next - 1].2 = self.runs.remove(next).2,
            (true, false) => self.runs[next - 1].2 = sequence,
            (false, true) => self.runs[next].1 = sequence,
            (false, false) => self.runs.insert(next, (epoch, sequence, sequence)),
        }
        if self.runs.len() > MOST_RUNS {
            let (epoch, _, last) = self.runs.remove(0);
            self.floor = self.floor.max(Some((epoch, last)));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_placeholder_gives_way_to_a_later_attempt_once() {
        let mut places = Places::default();
        assert_eq!(places.arrive((0, 3), 0, true), Arrival::New);
        assert_eq!(places.arrive((0, 3), 0, false), Arrival::Known, "the same attempt again");
        assert_eq!(places.arrive((0, 3), 1, true), Arrival::Known, "failed again");
        assert_eq!(places.arrive((0, 3), 1, false), Arrival::Known);
        assert_eq!(places.arrive((0, 3), 2, false), Arrival::Replaces);
        assert_eq!(places.arrive((0, 3), 3, false), Arrival::Known, "what was seen stays");
        assert_eq!(places.arrive((0, 3), 0, true), Arrival::Known);
    }

    proptest! {
        #[test]
        fn each_place_is_taken_in_once(
            places in prop::collection::vec((0u32..3, 0u64..30), 0..200)
        ) {
            let (mut known, mut plain) = (Places::default(), BTreeSet::new());
            for place in places {
                let arrival = known.arrive(place, 0, false);
                prop_assert_eq!(arrival == Arrival::New, plain.insert(place), "{:?}", place);
            }
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut places = Places::default();
        for sequence in 0..10_000 {
            places.arrive((0, sequence * 2), 0, true);
        }
        assert_eq!((places.runs.len(), places.placeholders.len()), (MOST_RUNS, MOST_PLACEHOLDERS));
        assert_eq!(places.arrive((0, 1), 0, false), Arrival::Known, "long past");
        assert_eq!(places.arrive((0, 19_999), 0, false), Arrival::New);
    }
}
