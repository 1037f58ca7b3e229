//! Which stretches of media time were looked at, and why the others were not: for drawing.
//!
//! A sample stands for half the planned interval on either side; a frozen picture shows nothing. The
//! totals that count are those of the score's coverage ledger; this module only says where on the
//! time line they lie.

use std::collections::BTreeMap;

use domain::messages::{IncidentType, Observation, SampleStatus, UnseenReason};
use domain::time::{Interval, IntervalSet, MediaMs, Millis};

use super::SessionReport;

/// A sample never stands for more than this.
const LONGEST_REACH: Millis = Millis(2000);
/// Time between samples that is not worth drawing as a hole.
const SHORTEST_GAP: Millis = Millis(1000);
/// The coverage ledger's words for what only the fold can know.
const FROZEN: &str = "frozen";
const GAP: &str = "gap";

/// Where a session was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Looked at, by a valid sample.
    pub seen: IntervalSet,
    /// Not seen, by the coverage ledger's word for the reason; all sets are disjoint.
    pub unseen: BTreeMap<&'static str, IntervalSet>,
}

/// One stretch that was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnseenStretch {
    /// Where.
    pub interval: Interval,
    /// Why, in the coverage ledger's word.
    pub reason: &'static str,
}

impl Seen {
    /// Lays the samples of a session out on its time line.
    pub fn of(report: &SessionReport) -> Self {
        let whole = Interval::new(MediaMs::ZERO, MediaMs::ZERO + report.span());
        let mut layout = Self::default();
        for (reach, reason) in report.observations.iter().flat_map(samples) {
            let reach = reach.intersection(whole);
            match reason {
                None => layout.seen.insert(reach),
                Some(reason) => layout.unseen.entry(name(reason)).or_default().insert(reach),
            }
        }
        let frozen: IntervalSet = report
            .standing_incidents()
            .iter()
            .filter(|incident| incident.kind == IncidentType::VideoFrozen)
            .map(|incident| Interval::new(incident.start_ms, incident.end_ms).intersection(whole))
            .collect();
        layout.seen = layout.seen.difference(&frozen);
        layout.keep_apart(frozen, whole);
        layout
    }

    /// Makes all sets disjoint, and what is in none of them a gap.
    fn keep_apart(&mut self, frozen: IntervalSet, whole: Interval) {
        let mut taken = self.seen.union(&frozen);
        for set in self.unseen.values_mut() {
            *set = set.difference(&taken);
            taken = taken.union(set);
        }
        let mut rest = IntervalSet::new();
        rest.insert(whole);
        // What is left over before the first and after the last sample is no gap.
        let is_gap = |part: &Interval| part.length() > SHORTEST_GAP;
        let rest: IntervalSet = rest.difference(&taken).iter().filter(is_gap).collect();
        let gap = self.unseen.entry(GAP).or_default();
        *gap = gap.union(&rest);
        self.unseen.insert(FROZEN, frozen);
        self.unseen.retain(|_, set| !set.is_empty());
    }

    /// All that was not seen, in order of time.
    pub fn unseen_stretches(&self) -> Vec<UnseenStretch> {
        let stretches = self
            .unseen
            .iter()
            .flat_map(|(reason, set)| set.iter().map(move |interval| UnseenStretch { interval, reason }));
        let mut stretches: Vec<UnseenStretch> = stretches.collect();
        stretches.sort_by_key(|stretch| stretch.interval);
        stretches
    }
}

/// The reach of each sample, and why it was not seen if it was not.
fn samples(observation: &Observation) -> impl Iterator<Item = (Interval, Option<UnseenReason>)> + '_ {
    let half = half_interval(observation);
    observation.frames.iter().map(move |frame| {
        let reason = match frame.status {
            SampleStatus::Seen => None,
            SampleStatus::NotSeen => Some(frame.reason.unwrap_or(UnseenReason::Gap)),
        };
        (Interval::new(frame.media_ms - half, frame.media_ms + half), reason)
    })
}

/// Half the planned interval of a segment, rounded up so that neighbours touch.
pub fn half_interval(observation: &Observation) -> Millis {
    let fps = f64::from(observation.plan.fps);
    let interval = if fps > 0.0 { Millis((1000.0 / fps).round() as i64) } else { LONGEST_REACH };
    Millis((interval.min(LONGEST_REACH).0 + 1) / 2)
}

/// The coverage ledger's word for a reason.
fn name(reason: UnseenReason) -> &'static str {
    match reason {
        UnseenReason::Dark => "dark",
        UnseenReason::Blur => "blur",
        UnseenReason::Obstructed => "obstructed",
        UnseenReason::Undecodable => "undecodable",
        UnseenReason::Gap => GAP,
        UnseenReason::Shed => "shed",
    }
}
