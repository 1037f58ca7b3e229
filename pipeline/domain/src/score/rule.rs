//! The score rule: findings, coverage and policy in, points and a verdict out. A pure function.
//!
//! What an incident may bring to the score is decided before, in [`standing`](super::standing); here
//! is only arithmetic, in milli-points:
//!
//! 1. per type `raw = min(cap, base of the severity + rate x length of the union)`: the base once per
//!    type and the severity from the union, so that merging or splitting incidents changes nothing;
//! 2. looking away (gaze, head, glances) is capped together, then everything at 100 points;
//! 3. both caps reduce by largest remainder, so that what is applied adds up exactly;
//! 4. too little seen turns a green score grey. Missing data never turns into points.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::messages::{Band, Contribution, Coverage, EvidenceStatus, IncidentType, ReviewPriority, Severity};
use crate::policy::{Points, Policy};
use crate::time::{IntervalSet, Millis};

/// All of 100 points.
const WHOLE_MILLI: i64 = 100_000;

/// What one incident brings to the score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The incident.
    pub incident: Uuid,
    /// Its type.
    pub kind: IncidentType,
    /// The time that counts.
    pub counted: IntervalSet,
    /// Excursions that count, for `repeated_glances`; not read for other types.
    pub excursions: u32,
}

/// What all incidents of a type add up to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Total {
    /// The incidents, in order of appearance.
    pub incidents: Vec<Uuid>,
    /// Their time.
    pub union: IntervalSet,
    /// Their excursions.
    pub excursions: u32,
}

/// Expected time that was neither seen nor left out by ourselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unexplained {
    /// The longest single stretch.
    pub longest: Millis,
    /// All of it.
    pub total: Millis,
}

/// The outcome of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Sum of what was applied.
    pub concern_milli: i64,
    /// 100 - concern, rounded down; `None` where too little was seen to vouch for it.
    pub integrity: Option<u8>,
    /// Coarse reading.
    pub band: Band,
    /// Whether enough was seen.
    pub evidence: EvidenceStatus,
    /// How soon a human should look.
    pub review_priority: ReviewPriority,
}

/// Adds findings up by type. Findings without counted time do not take part.
pub fn totals(findings: &[Finding]) -> BTreeMap<IncidentType, Total> {
    let mut totals: BTreeMap<IncidentType, Total> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| !finding.counted.is_empty()) {
        let total = totals.entry(finding.kind).or_default();
        total.incidents.push(finding.incident);
        total.union = total.union.union(&finding.counted);
        total.excursions += finding.excursions;
    }
    totals
}

impl Total {
    /// What severity goes by: length of the union, or for `repeated_glances` the number of excursions.
    pub fn extent(&self, kind: IncidentType) -> i64 {
        match kind {
            IncidentType::RepeatedGlances => i64::from(self.excursions),
            _ => self.union.length().0,
        }
    }
}

/// How grave a total of this extent is. Coverage has nothing to weigh.
pub fn severity(points: &Points, kind: IncidentType, extent: i64) -> Severity {
    points.charge(kind).map_or(Severity::Info, |charge| charge.level(extent).0)
}

/// What every type adds to concern, in the order of the table.
pub fn contributions(points: &Points, findings: &[Finding]) -> Vec<Contribution> {
    let mut totals = totals(findings);
    let mut rows: Vec<Contribution> = Points::ORDER
        .into_iter()
        .filter_map(|kind| Some(contribution(points, kind, totals.remove(&kind)?)))
        .collect();
    reduce(&mut rows, is_looking_away, points.looking_away_cap_milli);
    reduce(&mut rows, |_| true, WHOLE_MILLI);
    rows
}

fn contribution(points: &Points, kind: IncidentType, total: Total) -> Contribution {
    let (severity, base_milli, rate_milli_per_s, cap_milli) = match points.charge(kind) {
        Some(charge) => {
            let (severity, level) = charge.level(total.extent(kind));
            (severity, level.base_milli, charge.rate_milli_per_s, charge.cap_milli)
        }
        None => (Severity::Info, 0, 0, 0),
    };
    let union_ms = total.union.length();
    let raw_milli = cap_milli.min(base_milli + rate_milli_per_s.saturating_mul(union_ms.0) / 1000);
    Contribution {
        kind,
        severity,
        incidents: total.incidents,
        union_ms,
        base_milli,
        rate_milli_per_s,
        raw_milli,
        applied_milli: raw_milli,
    }
}

/// The types that share one limit.
pub fn is_looking_away(kind: IncidentType) -> bool {
    matches!(kind, IncidentType::GazeOffScreen | IncidentType::HeadTurnedAway | IncidentType::RepeatedGlances)
}

/// Scales what the rows of a group apply down to `cap` by the largest remainder method: every row gets
/// the floor of its share, and the milli-points left over go to the largest remainders, ties to the
/// earlier row.
fn reduce(rows: &mut [Contribution], in_group: impl Fn(IncidentType) -> bool, cap: i64) {
    let mut group: Vec<&mut Contribution> = rows.iter_mut().filter(|row| in_group(row.kind)).collect();
    let sum: i64 = group.iter().map(|row| row.applied_milli).sum();
    if sum <= cap {
        return;
    }
    let mut remainders: Vec<(i64, usize)> = Vec::with_capacity(group.len());
    let mut left = cap;
    for (index, row) in group.iter_mut().enumerate() {
        let share = row.applied_milli * cap;
        row.applied_milli = share / sum;
        left -= row.applied_milli;
        remainders.push((share % sum, index));
    }
    remainders.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
    for (_, index) in remainders.into_iter().take(left as usize) {
        group[index].applied_milli += 1;
    }
}

/// The outcome. `pending_identity` says that a human still has to look at an identity incident.
pub fn verdict(
    policy: &Policy,
    contributions: &[Contribution],
    coverage: &Coverage,
    unexplained: Unexplained,
    pending_identity: bool,
) -> Verdict {
    let concern_milli: i64 = contributions.iter().map(|row| row.applied_milli).sum();
    let integrity = ((WHOLE_MILLI - concern_milli) / 1000).clamp(0, 100) as u8;
    let enough = coverage.ratio_milli >= i64::from(policy.coverage.floor_milli);
    let band = match integrity {
        whole if whole >= policy.bands.green_from && enough => Band::Green,
        whole if whole >= policy.bands.green_from => Band::Grey,
        whole if whole >= policy.bands.amber_from => Band::Amber,
        _ => Band::Red,
    };
    let queue = !enough || too_much_unexplained(policy, coverage.expected_ms, unexplained);
    let review_priority = if pending_identity || band == Band::Red {
        ReviewPriority::High
    } else if queue {
        ReviewPriority::Medium
    } else if concern_milli > 0 {
        ReviewPriority::Low
    } else {
        ReviewPriority::None
    };
    Verdict {
        concern_milli,
        integrity: (band != Band::Grey).then_some(integrity),
        band,
        evidence: if enough { EvidenceStatus::Sufficient } else { EvidenceStatus::Insufficient },
        review_priority,
    }
}

fn too_much_unexplained(policy: &Policy, expected: Millis, unexplained: Unexplained) -> bool {
    let rules = policy.coverage;
    unexplained.longest > rules.unseen_stretch_ms
        || unexplained.total.0 * 1000 > expected.0 * i64::from(rules.unseen_total_milli)
}
