//! How the bulk of the fold's state is written: flat lists of numbers instead of objects, since the
//! state of a whole session must fit 32 KiB.
//!
//! A set of intervals is `[start, length, gap, length, gap, length, ...]`: each stretch relative to the end of the one before.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::{Interval, IntervalSet, MediaMs, Millis};

/// Writes a set (`serde(with)`).
pub(super) fn serialize<S: Serializer>(set: &IntervalSet, out: S) -> Result<S::Ok, S::Error> {
    let mut before = MediaMs::ZERO;
    let mut numbers = Vec::new();
    for part in set.iter() {
        numbers.extend([(part.start - before).0, part.length().0]);
        before = part.end;
    }
    numbers.serialize(out)
}

/// Reads a set (`serde(with)`).
pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<IntervalSet, D::Error> {
    let numbers = Vec::<i64>::deserialize(input)?;
    let mut before = MediaMs::ZERO;
    let parts = numbers.chunks_exact(2).map(|pair| {
        let start = before + Millis(pair[0]);
        before = start + Millis(pair[1]);
        Interval::new(start, before)
    });
    Ok(parts.collect())
}

/// Leaves out what a reader fills in anyhow (`serde(skip_serializing_if)`).
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Sample counts as `[planned, valid, true]`.
pub(super) mod stats {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::messages::SampleStats;

    /// Writes counts (`serde(with)`).
    pub fn serialize<S: Serializer>(stats: &SampleStats, out: S) -> Result<S::Ok, S::Error> {
        [stats.planned, stats.valid, stats.matched].serialize(out)
    }

    /// Reads counts (`serde(with)`).
    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<SampleStats, D::Error> {
        let [planned, valid, matched] = <[u32; 3]>::deserialize(input)?;
        Ok(SampleStats { planned, valid, matched })
    }
}
