//! Whether, and with which of its time, each incident takes part in the score.
//!
//! The one place where accommodations, breaks, frozen pictures and human decisions meet the
//! incidents. All of them take *time* away from a type, not incidents from a list: how a stretch was
//! cut into incidents makes no difference. Nothing in here can add time.

use std::collections::BTreeMap;

use super::review::Decisions;
use crate::messages::{CountsReason, IncidentClass, IncidentType};
use crate::policy::Policy;
use crate::time::{Interval, IntervalSet, Millis};

/// What is asked about one incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its type.
    pub kind: IncidentType,
    /// The time in which it was seen.
    pub seen: IntervalSet,
    /// Thousandths.
    pub confidence_milli: u16,
    /// Whether "looking at the screen" was known; always `true` for types that do not need it.
    pub calibrated: bool,
}

/// What surrounds all incidents of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// The time for which video was expected.
    pub expected: Interval,
    /// Approved breaks.
    pub breaks: IntervalSet,
    /// Time in which the picture stood still.
    pub frozen: IntervalSet,
    /// A helper in the room is granted.
    pub second_person: bool,
}

/// How an incident stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The time that counts; empty if it does not count.
    pub counted: IntervalSet,
    /// Why it counts or not.
    pub reason: CountsReason,
    /// A human has to look before all of it may count.
    pub pending: bool,
}

impl Standing {
    fn without(reason: CountsReason) -> Self {
        Self { counted: IntervalSet::new(), reason, pending: false }
    }

    /// Separate pieces that count: for `repeated_glances` the number of excursions.
    pub fn pieces(&self) -> u32 {
        self.counted.iter().count() as u32
    }
}

/// Decides about all incidents of a session; the answers are in the order of the claims.
pub fn standings(
    claims: &[Claim],
    around: &Circumstances,
    decisions: &BTreeMap<IncidentType, Decisions>,
    policy: &Policy,
) -> Vec<Standing> {
    let mut claimed: BTreeMap<IncidentType, IntervalSet> = BTreeMap::new();
    for claim in claims.iter().filter(|claim| refusal(claim, around, policy).is_none()) {
        let union = claimed.entry(claim.kind).or_default();
        *union = union.union(&claim.seen);
    }
    let asked =
        IntervalSet::from_iter([around.expected]).difference(&around.breaks).difference(&around.frozen);
    let live: BTreeMap<IncidentType, IntervalSet> =
        claimed.iter().map(|(kind, union)| (*kind, without_excused(*kind, union, &asked, policy))).collect();
    let nothing = IntervalSet::new();
    let undecided = Decisions::default();
    claims
        .iter()
        .map(|claim| match refusal(claim, around, policy) {
            Some(reason) => Standing::without(reason),
            None => {
                let live = live.get(&claim.kind).unwrap_or(&nothing);
                let decided = decisions.get(&claim.kind).unwrap_or(&undecided);
                after_review(claim, live, around, decided)
            }
        })
        .collect()
}

/// Why an incident counts nothing whatever its time is.
fn refusal(claim: &Claim, around: &Circumstances, policy: &Policy) -> Option<CountsReason> {
    if claim.kind.class() == IncidentClass::Coverage {
        Some(CountsReason::Coverage)
    } else if claim.kind == IncidentType::MultiplePersons && around.second_person {
        Some(CountsReason::Accommodated)
    } else if !claim.calibrated {
        Some(CountsReason::Uncalibrated)
    } else if claim.confidence_milli < policy.confidence_floor_milli {
        Some(CountsReason::LowConfidence)
    } else {
        None
    }
}

/// Takes away the time in which nobody was asked to sit there or nothing was really seen, and what is
/// too short beside it: what is left of a stretch that was cut must still be enough to open an incident
/// by itself. What lies beyond the cut makes no difference, or a longer sighting could cost less.
fn without_excused(
    kind: IncidentType,
    union: &IntervalSet,
    asked: &IntervalSet,
    policy: &Policy,
) -> IntervalSet {
    let live = union.intersection(asked);
    if kind == IncidentType::RepeatedGlances {
        let enough = live.iter().count() >= usize::from(policy.detect.repeated_glances.count);
        return if enough { live } else { IntervalSet::new() };
    }
    let least = least(policy, kind);
    let inside: IntervalSet =
        asked.iter().map(|part| Interval::new(part.start + least, part.end - least)).collect();
    let is_kept = |piece: &Interval| piece.length() >= least || !inside.clipped(*piece).is_empty();
    live.iter().filter(is_kept).collect()
}

/// Seen time that opens an incident of this type.
fn least(policy: &Policy, kind: IncidentType) -> Millis {
    let detect = &policy.detect;
    let window = match kind {
        IncidentType::MultiplePersons => detect.multiple_persons.window,
        IncidentType::PersonAbsent => detect.person_absent.window,
        IncidentType::GazeOffScreen => detect.gaze_off_screen.window,
        IncidentType::HeadTurnedAway => detect.head_turned_away.window,
        IncidentType::PhoneVisible => detect.phone_visible.window,
        IncidentType::ProhibitedObject => detect.prohibited_object.window,
        _ => return Millis::ZERO,
    };
    Millis(window.on_ms.0 * i64::from(window.p_milli) / 1000)
}

/// Evidence counts unless dismissed; identity counts only where confirmed.
fn after_review(claim: &Claim, live: &IntervalSet, around: &Circumstances, decided: &Decisions) -> Standing {
    let remaining = claim.seen.intersection(live);
    if remaining.is_empty() {
        return Standing::without(excuse(claim, around));
    }
    let standing = remaining.difference(&decided.dismissed);
    if standing.is_empty() {
        return Standing::without(CountsReason::Dismissed);
    }
    if claim.kind.class() == IncidentClass::Evidence {
        return Standing { counted: standing, reason: CountsReason::Evidence, pending: false };
    }
    let counted = standing.intersection(&decided.confirmed);
    let pending = counted != standing;
    let reason = if counted.is_empty() { CountsReason::AwaitingReview } else { CountsReason::Confirmed };
    Standing { counted, reason, pending }
}

/// What took the time of an incident away.
fn excuse(claim: &Claim, around: &Circumstances) -> CountsReason {
    let expected = claim.seen.clipped(around.expected);
    if !expected.intersection(&around.breaks).is_empty() {
        CountsReason::Accommodated
    } else if !expected.intersection(&around.frozen).is_empty() {
        CountsReason::Frozen
    } else {
        CountsReason::Unexpected
    }
}
