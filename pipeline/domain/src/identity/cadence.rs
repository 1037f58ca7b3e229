//! Which samples of a segment are compared with the enrolled face.
//!
//! A function of the segment and its samples: every so often in media time it is the next sample's turn, and
//! that of the first in which a face comes back. Where that leaves doubt, more samples of the same segment are
//! compared, so that a doubt is told with enough samples to fuse. Does not compare.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::messages::FrameObservation;
use crate::time::{Interval, Millis};

/// How often faces are compared with the enrolled one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cadence {
    /// Media time between two comparisons where nothing is in doubt.
    pub every_ms: Millis,
    /// Comparisons in a segment where something is.
    pub burst: u16,
    /// A similarity below this is in doubt: the policy's level for a match, or above.
    pub doubt_below: f32,
}

impl Default for Cadence {
    fn default() -> Self {
        Self { every_ms: Millis::from_secs(15), burst: 4, doubt_below: 0.95 }
    }
}

/// What comparing a sample came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Comparison {
    /// No face in it allows a comparison.
    Impossible,
    /// The highest similarity of its faces.
    Similarity(f32),
}

impl Cadence {
    /// Compares the samples of a segment whose turn it is, in order, until each turn has had a comparison;
    /// says whether more of the segment should be compared.
    ///
    /// # Errors
    /// Of `compare`.
    pub fn take_turns<'f, E>(
        &self,
        segment: Interval,
        samples: impl Iterator<Item = &'f mut FrameObservation>,
        mut compare: impl FnMut(&mut FrameObservation) -> Result<Comparison, E>,
    ) -> Result<bool, E> {
        let mut next = self.first_turn(segment);
        let (mut is_due, mut was_seen, mut in_doubt) = (false, true, false);
        let mut samples = samples.peekable();
        while let Some(sample) = samples.next() {
            // A turn after the last sample is that sample's.
            let until = if samples.peek().is_none() { segment.end.0 - 1 } else { sample.media_ms.0 };
            if next <= until {
                is_due = true;
                next += (until - next) / self.every_ms.0 * self.every_ms.0 + self.every_ms.0;
            }
            let is_seen = !sample.faces.is_empty();
            let returns = is_seen && !was_seen;
            was_seen = is_seen;
            if !is_seen || !(is_due || returns) {
                continue;
            }
            in_doubt |= returns;
            if let Comparison::Similarity(similarity) = compare(sample)? {
                is_due = false;
                in_doubt |= similarity < self.doubt_below;
            }
        }
        Ok(in_doubt)
    }

    /// Compares more samples of a segment that is in doubt, until there are as many comparisons as it takes.
    ///
    /// # Errors
    /// Of `compare`.
    pub fn burst<'f, E>(
        &self,
        samples: impl Iterator<Item = &'f mut FrameObservation>,
        mut compare: impl FnMut(&mut FrameObservation) -> Result<Comparison, E>,
    ) -> Result<(), E> {
        let (done, open): (Vec<_>, Vec<_>) = samples.partition(|sample| is_compared(sample));
        let mut left = usize::from(self.burst).saturating_sub(done.len());
        for sample in open.into_iter().filter(|sample| !sample.faces.is_empty()) {
            if left == 0 {
                break;
            }
            left -= usize::from(matches!(compare(sample)?, Comparison::Similarity(_)));
        }
        Ok(())
    }

    /// The first multiple of the cadence in a segment, in milliseconds.
    fn first_turn(&self, segment: Interval) -> i64 {
        let (start, every) = (segment.start.0, self.every_ms.0);
        start + (every - start.rem_euclid(every)) % every
    }
}

fn is_compared(sample: &FrameObservation) -> bool {
    let mut matches = sample.faces.iter().filter_map(|face| face.identity.as_ref());
    matches.any(|identity| identity.similarity.is_some())
}
