//! Which partitions take nothing in because fetching for them is slow or fails.
//!
//! Others go on: what one partition has in the making is bounded, so that it cannot fill the memory that
//! all share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A partition that bears so much is held: so many fetches at once, or one thing that waits to be tried
/// again.
const FULL: usize = 8;

/// What the partitions bear at present.
#[derive(Debug, Default)]
pub(super) struct Holds {
    loads: Mutex<BTreeMap<i32, usize>>,
}

/// A part of what a partition bears; taken off it when dropped.
#[derive(Debug)]
pub(super) struct Load<'a> {
    holds: &'a Holds,
    partition: i32,
    weight: usize,
}

impl Holds {
    /// The partition has one more thing to fetch.
    pub(super) fn fetching(&self, partition: i32) -> Load<'_> {
        self.add(partition, 1)
    }

    /// The partition has something that waits to be tried again.
    pub(super) fn waiting(&self, partition: i32) -> Load<'_> {
        self.add(partition, FULL)
    }

    /// The partitions that are to be held now.
    pub(super) fn held(&self) -> BTreeSet<i32> {
        self.loads().iter().filter(|(_, load)| **load >= FULL).map(|(partition, _)| *partition).collect()
    }

    fn add(&self, partition: i32, weight: usize) -> Load<'_> {
        *self.loads().entry(partition).or_default() += weight;
        Load { holds: self, partition, weight }
    }

    fn loads(&self) -> MutexGuard<'_, BTreeMap<i32, usize>> {
        // Sums are whole whatever happened to a thread that held them.
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        let mut loads = self.holds.loads();
        if let Some(load) = loads.get_mut(&self.partition) {
            *load = load.saturating_sub(self.weight);
            if *load == 0 {
                loads.remove(&self.partition);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_held_while_one_thing_waits_or_much_is_fetched() {
        let holds = Holds::default();
        let waiting = holds.waiting(3);
        let _fetch = holds.fetching(4);
        assert_eq!(holds.held(), [3].into());
        let again = holds.waiting(3);
        drop(waiting);
        assert_eq!(holds.held(), [3].into(), "one still waits");
        drop(again);
        assert_eq!(holds.held(), [].into());

        let mut fetches: Vec<Load<'_>> = (1..FULL).map(|_| holds.fetching(4)).collect();
        assert_eq!(holds.held(), [4].into());
        fetches.pop();
        assert_eq!(holds.held(), [].into());
    }
}
