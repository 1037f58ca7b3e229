//! Which records of a partition are being worked on, and up to where all are done.
//!
//! Records of one partition are finished in any order, but only a position can be committed. The
//! ledger gives the position before which everything is done, so that a crash repeats work and never
//! skips any. Offsets on a log have holes (compaction, control records): only offsets that were begun
//! count.
//!
//! Every assignment of a partition is a generation. Work in flight when a partition is taken away
//! belongs to a past one: finishing it moves nothing, even if the partition has come back and the same
//! offset is being worked on again.

use std::collections::{BTreeMap, BTreeSet};

/// The right to finish one record: given when work on it begins, and worth something as long as the
/// partition stays assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    partition: i32,
    offset: i64,
    generation: u64,
}

impl Lease {
    /// The record's partition.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// The record's offset.
    pub fn offset(&self) -> i64 {
        self.offset
    }
}

/// The records of one topic's assigned partitions that are in work.
#[derive(Debug, Default)]
pub struct OffsetLedger {
    partitions: BTreeMap<i32, Partition>,
    generations: u64,
}

/// One assignment of one partition.
#[derive(Debug)]
struct Partition {
    generation: u64,
    in_flight: BTreeSet<i64>,
    /// After the last offset that was begun or passed; `None` before the first.
    next: Option<i64>,
    /// The last position that was taken to be committed, or where work began.
    taken: Option<i64>,
}

impl Partition {
    fn committable(&self) -> Option<i64> {
        self.in_flight.first().copied().or(self.next)
    }

    /// The position to commit, if it is past the last one that was taken.
    fn take(&mut self) -> Option<i64> {
        let advanced = self.committable().filter(|position| Some(*position) > self.taken);
        self.taken = advanced.or(self.taken);
        advanced
    }
}

impl OffsetLedger {
    /// A ledger without partitions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a new generation of a partition; leases of an earlier one are worth nothing from now on.
    pub fn assign(&mut self, partition: i32) {
        self.generations += 1;
        let fresh =
            Partition { generation: self.generations, in_flight: BTreeSet::new(), next: None, taken: None };
        self.partitions.insert(partition, fresh);
    }

    /// Begins work on a record.
    ///
    /// `None` says not to: the partition is not assigned, or the offset was passed already in this
    /// generation, so that its result is known or on its way.
    pub fn begin(&mut self, partition: i32, offset: i64) -> Option<Lease> {
        let state = self.partitions.get_mut(&partition)?;
        if offset < 0 || state.next.is_some_and(|next| offset < next) {
            return None;
        }
        let next = offset.checked_add(1)?;
        if state.next.replace(next).is_none() {
            state.taken = Some(offset);
        }
        state.in_flight.insert(offset);
        Some(Lease { partition, offset, generation: state.generation })
    }

    /// Notes that reading has come to `next`, and that all records before it were begun: what else takes up offsets
    /// there, such as the ends of transactions, is nobody's work.
    pub fn pass(&mut self, partition: i32, next: i64) {
        if let Some(state) = self.partitions.get_mut(&partition) {
            state.next = state.next.max(Some(next));
        }
    }

    /// Whether the partition is still in the assignment that the lease was given in: ask before a result
    /// is published.
    pub fn is_current(&self, lease: &Lease) -> bool {
        self.partitions.get(&lease.partition).is_some_and(|state| state.generation == lease.generation)
    }

    /// Notes that a record's result is safe. Returns whether that counted: not for a stale lease, and not
    /// twice.
    pub fn done(&mut self, lease: &Lease) -> bool {
        self.is_current(lease)
            && self
                .partitions
                .get_mut(&lease.partition)
                .is_some_and(|state| state.in_flight.remove(&lease.offset))
    }

    /// The next offset to commit: everything that was begun before it is done. `None` if the partition is
    /// not assigned or nothing was begun.
    pub fn committable(&self, partition: i32) -> Option<i64> {
        self.partitions.get(&partition)?.committable()
    }

    /// The positions that advanced since they were last taken, as (partition, next offset).
    pub fn take_committable(&mut self) -> Vec<(i32, i64)> {
        let advanced = self.partitions.iter_mut();
        advanced.filter_map(|(partition, state)| Some((*partition, state.take()?))).collect()
    }

    /// Offers every position again, because committing some failed.
    pub fn offer_again(&mut self) {
        self.partitions.values_mut().for_each(|state| state.taken = None);
    }

    /// Ends the assignment of a partition. Returns the position to commit for good, whether it was taken
    /// before or not: what was taken may have failed.
    pub fn revoke(&mut self, partition: i32) -> Option<i64> {
        self.partitions.remove(&partition)?.committable()
    }

    /// How many records are begun and not done.
    pub fn in_flight(&self) -> usize {
        self.partitions.values().map(|state| state.in_flight.len()).sum()
    }
}

#[cfg(test)]
mod tests;
