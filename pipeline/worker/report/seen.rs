//! Which stretches of media time were looked at, and why the others were not: for drawing.
//!
//! The totals that count are those of the score's coverage ledger; this module only says where on the
//! time line they lie.

use std::collections::BTreeMap;

use domain::messages::IncidentType;
use domain::time::{Interval, IntervalSet, MediaMs};

use super::SessionReport;

/// The coverage ledger's words for what one sample alone cannot know.
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
    /// Lays the samples of a session out on its time line. Time that no sample stands for is a gap.
    pub fn of(report: &SessionReport) -> Self {
        let whole = Interval::new(MediaMs::ZERO, MediaMs::ZERO + report.span());
        let mut layout = Self::default();
        let mut rest: IntervalSet = [whole].into_iter().collect();
        for trace in &report.traces {
            let span = trace.span.intersection(whole);
            match trace.unseen {
                None => layout.seen.insert(span),
                Some(reason) => layout.unseen.entry(reason).or_default().insert(span),
            }
            rest.remove(span);
        }
        let gap = layout.unseen.entry(GAP).or_default();
        *gap = gap.union(&rest);
        layout.take_out_frozen(report, whole);
        layout.unseen.retain(|_, set| !set.is_empty());
        layout
    }

    /// A frozen picture is known to be one only after a while: its beginning was taken for seen.
    fn take_out_frozen(&mut self, report: &SessionReport, whole: Interval) {
        let is_frozen = |kind: IncidentType| kind == IncidentType::VideoFrozen;
        let incidents = report.standing_incidents();
        let frozen = incidents.iter().filter(|incident| is_frozen(incident.kind));
        let frozen: IntervalSet = frozen
            .map(|incident| Interval::new(incident.start_ms, incident.end_ms).intersection(whole))
            .collect();
        let taken = self.seen.intersection(&frozen);
        self.seen = self.seen.difference(&taken);
        let known = self.unseen.entry(FROZEN).or_default();
        *known = known.union(&taken);
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
