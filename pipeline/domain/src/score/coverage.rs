//! What was seen of a session, what was not, and why.
//!
//! Coverage is the union of what valid samples observed, within the expected time and outside approved
//! breaks. Frozen time is taken out again once it is known to be frozen. Nothing in here costs points.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::compact;
use super::rule::Unexplained;
use crate::messages::{Coverage, UnseenReason};
use crate::time::{Interval, IntervalSet, MediaMs, Millis};

/// Why time was not seen: what the observer says, and three reasons that only the fold can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unseen {
    /// Too dark for any model.
    Dark,
    /// Too blurred for any model.
    Blur,
    /// The picture was near-uniform.
    Obstructed,
    /// The bytes could not be decoded.
    Undecodable,
    /// There is no picture for that time.
    Gap,
    /// We left it out under load.
    Shed,
    /// The picture stood still.
    Frozen,
    /// It came after its place was given up.
    Late,
    /// It was deleted before anybody had observed it.
    Overtaken,
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
            Self::Overtaken => "overtaken",
        }
    }
}

/// Stretches remembered one by one; when there are more, the oldest are added up.
const MOST_STRETCHES: usize = 256;
/// Facts and latecomers may still change how time younger than this is accounted for.
const UNSETTLED: Millis = Millis::from_secs(180);

/// Seen and unseen time of a session. The sets of all reasons and the observed set are disjoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CoverageLedger {
    #[serde(with = "compact")]
    observed: IntervalSet,
    unseen: BTreeMap<Unseen, Stretches>,
    /// What was added up of the time before `settled_until`.
    settled: Sums,
    settled_until: Option<MediaMs>,
}

/// A set of intervals in its short written form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Stretches(#[serde(with = "compact")] IntervalSet);

/// Coverage, added up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sums {
    expected: Millis,
    observed: Millis,
    by_reason: BTreeMap<Unseen, Millis>,
    longest_unseen: Millis,
    unexplained: Unexplained,
}

/// Coverage and what of the missing part nobody has an explanation for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CoverageReport {
    pub coverage: Coverage,
    pub unexplained: Unexplained,
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
        let settled = self.settled_until.unwrap_or(span.start);
        let open = Interval::new(span.start.max(settled), span.end);
        self.observed.remove(open);
        for stretches in self.unseen.values_mut() {
            stretches.0.remove(open);
        }
        self.miss(open, reason);
    }

    /// A better reason for what was not seen of this time.
    pub fn explain(&mut self, span: Interval, reason: Unseen) {
        let missing = [span].into_iter().collect::<IntervalSet>().difference(&self.observed);
        for part in missing.iter() {
            self.reclassify(part, reason);
        }
    }

    /// Time in which the picture stood still; never settled, since it takes time away from incidents.
    pub fn frozen(&self) -> IntervalSet {
        self.unseen.get(&Unseen::Frozen).map(|stretches| stretches.0.clone()).unwrap_or_default()
    }

    /// Keeps the ledger small: adds up the oldest stretches once there are too many.
    pub fn settle(&mut self, frontier: MediaMs, expected: Interval, breaks: &IntervalSet) {
        let stretches = self.unseen.values().map(|stretches| stretches.0.iter().count());
        if stretches.sum::<usize>() + self.observed.iter().count() <= MOST_STRETCHES {
            return;
        }
        // Where an observed stretch begins, no unseen one is cut in two.
        let before = frontier - UNSETTLED;
        let starts = self.observed.iter().map(|stretch| stretch.start);
        let Some(until) = starts.take_while(|start| *start <= before).last() else { return };
        self.settled = self.sums(Interval::new(expected.start, until.min(expected.end)), breaks);
        self.settled_until = Some(until);
        let young = Interval::new(until, MediaMs::MAX);
        self.observed = self.observed.clipped(young);
        for (reason, stretches) in &mut self.unseen {
            if *reason != Unseen::Frozen {
                stretches.0 = stretches.0.clipped(young);
            }
        }
    }

    /// Everything within `expected` and outside `breaks`. Time of which nothing is known is a gap.
    pub fn report(&self, expected: Interval, breaks: &IntervalSet) -> CoverageReport {
        let sums = self.sums(expected, breaks);
        let ratio_milli = match sums.expected.0 {
            // Of nothing expected, nothing is missing.
            0 => 1000,
            expected => sums.observed.0 * 1000 / expected,
        };
        let named = sums.by_reason.into_iter().filter(|(_, length)| *length > Millis::ZERO);
        let coverage = Coverage {
            expected_ms: sums.expected,
            observed_ms: sums.observed,
            ratio_milli,
            by_reason: named.map(|(reason, length)| (reason.name().to_owned(), length)).collect(),
            longest_unseen_ms: sums.longest_unseen,
        };
        CoverageReport { coverage, unexplained: sums.unexplained }
    }

    /// What was settled before, and the rest of `expected`.
    fn sums(&self, expected: Interval, breaks: &IntervalSet) -> Sums {
        let start = self.settled_until.map_or(expected.start, |until| until.max(expected.start));
        let open: IntervalSet = [Interval::new(start, expected.end)].into_iter().collect();
        let open = open.difference(breaks);
        let observed = open.intersection(&self.observed);
        let unseen = open.difference(&observed);

        let mut sums = self.settled.clone();
        sums.expected += open.length();
        sums.observed += observed.length();
        let mut unknown = unseen.clone();
        for (reason, stretches) in &self.unseen {
            let part = unseen.intersection(&stretches.0);
            unknown = unknown.difference(&part);
            *sums.by_reason.entry(*reason).or_default() += part.length();
        }
        *sums.by_reason.entry(Unseen::Gap).or_default() += unknown.length();
        sums.longest_unseen = sums.longest_unseen.max(unseen.longest());
        // What is our own doing needs no explanation; all else a human may have to explain.
        let ours =
            [Unseen::Shed, Unseen::Overtaken].into_iter().filter_map(|reason| self.unseen.get(&reason));
        let unexplained = ours.fold(unseen, |left, stretches| left.difference(&stretches.0));
        sums.unexplained.longest = sums.unexplained.longest.max(unexplained.longest());
        sums.unexplained.total += unexplained.length();
        sums
    }
}
