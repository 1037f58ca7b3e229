//! Where reading of each assigned partition is, to notice when records went missing under it.
//!
//! Brokers delete old records whether or not a group has read them. The library then goes on from the
//! earliest record, silently; and a log has innocent holes as well (compaction, control records). A gap
//! is a loss if the log now begins behind the offset that was to come next.

use std::collections::BTreeMap;

/// What is known of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// It was assigned a moment ago.
    Unknown,
    /// The group never committed an offset: whatever comes first is what was to come.
    Start,
    /// The offset to come next.
    Next(i64),
}

/// What to make of a record that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is the next one.
    Expected,
    /// It is the first one: compare with the committed offset.
    First,
    /// Others were to come before it: compare with the start of the log.
    Gap {
        /// The offset that was to come.
        expected: i64,
    },
    /// The partition is not assigned any more.
    Foreign,
}

/// Where reading of each assigned partition is.
#[derive(Debug, Default)]
pub(super) struct Positions(BTreeMap<i32, Position>);

impl Positions {
    pub(super) fn add(&mut self, partitions: &[i32]) {
        self.0.extend(partitions.iter().map(|partition| (*partition, Position::Unknown)));
    }

    pub(super) fn remove(&mut self, partitions: &[i32]) {
        self.0.retain(|partition, _| !partitions.contains(partition));
    }

    pub(super) fn assigned(&self) -> Vec<i32> {
        self.0.keys().copied().collect()
    }

    /// The partitions that were assigned a moment ago.
    pub(super) fn fresh(&self) -> Vec<i32> {
        let is_fresh = |(_, position): &(&i32, &Position)| **position == Position::Unknown;
        self.0.iter().filter(is_fresh).map(|(partition, _)| *partition).collect()
    }

    /// Says where reading of a partition begins.
    pub(super) fn begin(&mut self, partition: i32, position: Position) {
        self.0.insert(partition, position);
    }

    /// Classifies a record; does not move.
    pub(super) fn arrival(&self, partition: i32, offset: i64) -> Arrival {
        match self.0.get(&partition) {
            None => Arrival::Foreign,
            Some(Position::Unknown) => Arrival::First,
            Some(Position::Start) => Arrival::Expected,
            Some(Position::Next(expected)) if *expected == offset => Arrival::Expected,
            Some(Position::Next(expected)) => Arrival::Gap { expected: *expected },
        }
    }

    /// Moves past a record that is handed out.
    pub(super) fn pass(&mut self, partition: i32, offset: i64) {
        if let Some(position) = self.0.get_mut(&partition) {
            *position = Position::Next(offset.saturating_add(1));
        }
    }
}
