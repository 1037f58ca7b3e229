//! How sets of intervals are written into the fold's state: one flat list of numbers instead of a
//! list of objects, since the state of a whole session must fit 32 KiB.
//!
//! `[start, length, gap, length, gap, length, ...]`: each stretch relative to the end of the one before.

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
