//! What was seen of a session, what was not, and why.
//!
//! Coverage is the union of what valid samples observed, within the expected time and outside approved
//! breaks. Frozen time is taken out again once it is known to be frozen. Nothing in here costs points.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compact;
use crate::messages::{Coverage, UnseenReason};
use crate::time::{Interval, IntervalSet, Millis};

/// Why time was not seen: what the observer says, and two reasons that only the fold can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unseen {
    Dark,
    Blur,
    Obstructed,
    Undecodable,
    Gap,
    Shed,
    /// The picture stood still.
    Frozen,
    /// It came after its place was given up.
    Late,
}

impl From<UnseenReason> for Unseen {
    fn from(reason: UnseenReason) -> Self {
        match reason {
            UnseenReason::Dark => Self::Dark,
            UnseenReason::Blur => Self::Blur,
            UnseenReason::Obstructed => Self::Obstructed,
            UnseenReason::Undecodable => Self::Undecodable,
            UnseenReason::Gap => Self::Gap,
            UnseenReason::Shed => Self::Shed,
        }
    }
}

impl Unseen {
    /// The word that messages use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Blur => "blur",
            Self::Obstructed => "obstructed",
            Self::Undecodable => "undecodable",
            Self::Gap => "gap",
            Self::Shed => "shed",
            Self::Frozen => "frozen",
            Self::Late => "late",
        }
    }
}

/// Seen and unseen time of a session. The sets of all reasons and the observed set are disjoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CoverageLedger {
    #[serde(with = "compact")]
    observed: IntervalSet,
    unseen: BTreeMap<Unseen, Stretches>,
}

/// A set of intervals in its short written form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Stretches(#[serde(with = "compact")] IntervalSet);

/// Coverage and what of the missing part nobody has an explanation for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CoverageReport {
    pub coverage: Coverage,
    pub unexplained: IntervalSet,
}

impl CoverageLedger {
    /// A valid sample observed this time.
    pub fn observe(&mut self, span: Interval) {
        self.observed.insert(span);
    }

    /// The last sample turns out to stand for a little more, if it was seen.
    pub fn extend_last(&mut self, span: Interval) {
        if self.observed.last_end() == Some(span.start) {
            self.observed.insert(span);
        }
    }

    /// This time was not seen.
    pub fn miss(&mut self, span: Interval, reason: Unseen) {
        self.unseen.entry(reason).or_default().0.insert(span);
    }

    /// Something about this time is known better now than when it was taken in.
    pub fn reclassify(&mut self, span: Interval, reason: Unseen) {
        self.observed.remove(span);
        for stretches in self.unseen.values_mut() {
            stretches.0.remove(span);
        }
        self.miss(span, reason);
    }

    /// Time in which the picture stood still.
    pub fn frozen(&self) -> IntervalSet {
        self.unseen.get(&Unseen::Frozen).map(|stretches| stretches.0.clone()).unwrap_or_default()
    }

    /// Everything within `expected` and outside `breaks`. Time of which nothing is known is a gap.
    pub fn report(&self, expected: Interval, breaks: &IntervalSet) -> CoverageReport {
        let expected: IntervalSet = [expected].into_iter().collect();
        let expected = expected.difference(breaks);
        let observed = expected.intersection(&self.observed);
        let unseen = expected.difference(&observed);
        let mut unknown = unseen.clone();
        let mut by_reason: BTreeMap<Unseen, Millis> = BTreeMap::new();
        for (reason, stretches) in &self.unseen {
            let part = unseen.intersection(&stretches.0);
            unknown = unknown.difference(&part);
            *by_reason.entry(*reason).or_default() += part.length();
        }
        *by_reason.entry(Unseen::Gap).or_default() += unknown.length();
        by_reason.retain(|_, length| *length > Millis::ZERO);

        // What we left out under load is our doing and known to be; all else a human may have to explain.
        let shed = self.unseen.get(&Unseen::Shed).map(|stretches| stretches.0.clone());
        let unexplained = unseen.difference(&shed.unwrap_or_default());
        let (expected_ms, observed_ms) = (expected.length(), observed.length());
        let coverage = Coverage {
            expected_ms,
            observed_ms,
            // Of nothing expected, nothing is missing.
            ratio_milli: if expected_ms.0 == 0 { 1000 } else { observed_ms.0 * 1000 / expected_ms.0 },
            by_reason: by_reason
                .into_iter()
                .map(|(reason, length)| (reason.name().to_owned(), length))
                .collect(),
            longest_unseen_ms: unseen.longest(),
        };
        CoverageReport { coverage, unexplained }
    }
}
