//! A courier's partitions, and how far it has got in each. A partition that went and came back is another one: what was
//! read of it before is read again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kafka::Assignment;

/// Told by the group, asked by the courier.
#[derive(Debug, Default)]
pub(super) struct Share(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    turns: u64,
    partitions: BTreeMap<i32, Place>,
}

/// One partition.
#[derive(Debug)]
struct Place {
    /// Which assignment it came by.
    turn: u64,
    /// The next offset, if that is not committed.
    done: Option<i64>,
}

impl Share {
    /// By which assignment a partition is ours; `None` if it is not.
    pub(super) fn turn(&self, partition: i32) -> Option<u64> {
        self.state().partitions.get(&partition).map(|place| place.turn)
    }

    /// Everything of a partition before an offset is done.
    pub(super) fn done(&self, partition: i32, next: i64) {
        if let Some(place) = self.state().partitions.get_mut(&partition) {
            place.done = Some(next);
        }
    }

    /// The (partition, next offset) pairs that are to be committed now.
    pub(super) fn take_done(&self) -> Vec<(i32, i64)> {
        let mut state = self.state();
        let places = state.partitions.iter_mut();
        places.filter_map(|(partition, place)| Some((*partition, place.done.take()?))).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Assignment for Share {
    fn assigned(&self, partitions: &[i32]) {
        let mut state = self.state();
        state.turns += 1;
        let turn = state.turns;
        state.partitions.extend(partitions.iter().map(|partition| (*partition, Place { turn, done: None })));
    }

    fn revoked(&self, partitions: &[i32]) -> Vec<(i32, i64)> {
        let mut state = self.state();
        let gone = partitions.iter().filter_map(|each| Some((*each, state.partitions.remove(each)?.done?)));
        gone.collect()
    }

    fn lost(&self, partitions: &[i32]) {
        self.state().partitions.retain(|partition, _| !partitions.contains(partition));
    }

    fn overtaken(&self, _: i32, _: i64, _: i64) {
        // The client has said so, and there is nobody left to tell of it.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_committed_once_and_with_the_partition_when_it_goes() {
        let share = Share::default();
        share.done(1, 5);
        share.assigned(&[1, 2]);
        assert_eq!(share.take_done(), [], "it was not ours");
        share.done(1, 7);
        share.done(2, 3);
        assert_eq!(share.take_done(), [(1, 7), (2, 3)]);
        assert_eq!(share.take_done(), []);
        share.done(2, 4);
        assert_eq!(share.revoked(&[1, 2]), [(2, 4)]);
        assert_eq!(share.turn(2), None);
    }

    #[test]
    fn a_partition_that_comes_back_is_another_one() {
        let share = Share::default();
        share.assigned(&[1]);
        let before = share.turn(1);
        share.done(1, 5);
        share.lost(&[1]);
        share.assigned(&[1]);
        assert!(share.turn(1) > before);
        assert_eq!(share.take_done(), [], "somebody else may have got further");
    }
}
