//! Human decisions, by type and media interval.
//!
//! A decision is about time, not about an incident's id: whatever later revisions make of the
//! incidents, the decided stretch stays decided, and what grows beyond it is unreviewed again. A merge
//! therefore cannot bring a dismissed stretch back.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compact;
use crate::messages::{Decision, IncidentType, Review, ReviewState, ReviewStatus};
use crate::time::{Interval, IntervalSet};

/// All decisions on a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviews {
    /// In the order in which they apply.
    decisions: Vec<Decided>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Decided {
    id: String,
    kind: IncidentType,
    interval: Interval,
    decision: Decision,
    by: String,
    at: String,
    note: Option<String>,
}

/// What the decisions on one type of incident come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decisions {
    /// It happened.
    #[serde(with = "compact")]
    pub confirmed: IntervalSet,
    /// It did not, or it is fine.
    #[serde(with = "compact")]
    pub dismissed: IntervalSet,
    /// Decided before, open again.
    #[serde(with = "compact")]
    pub reopened: IntervalSet,
}

impl Reviews {
    /// Takes a decision in; `false` if it is known already. The order of arrival does not matter.
    pub fn add(&mut self, review: &Review) -> bool {
        let decided = Decided {
            id: review.review_id.clone(),
            kind: review.kind,
            interval: Interval::new(review.start_ms, review.end_ms),
            decision: review.decision,
            by: review.by.clone(),
            at: review.at.clone(),
            note: review.note.clone(),
        };
        if self.decisions.iter().any(|have| have.id == decided.id) {
            return false;
        }
        let place = self.decisions.partition_point(|have| have.before(&decided) == Ordering::Less);
        self.decisions.insert(place, decided);
        true
    }

    /// What the decisions come to, by type.
    pub fn by_type(&self) -> BTreeMap<IncidentType, Decisions> {
        let mut all: BTreeMap<IncidentType, Decisions> = BTreeMap::new();
        for decided in &self.decisions {
            let of_type = all.entry(decided.kind).or_default();
            let Decisions { confirmed, dismissed, reopened } = of_type;
            let (wins, others) = match decided.decision {
                Decision::Confirm => (confirmed, [dismissed, reopened]),
                Decision::Dismiss => (dismissed, [confirmed, reopened]),
                Decision::Reopen => (reopened, [confirmed, dismissed]),
            };
            wins.insert(decided.interval);
            for other in others {
                other.remove(decided.interval);
            }
        }
        all
    }

    /// How an incident stands in review: decided only if all of its time is.
    pub fn state_of(&self, kind: IncidentType, seen: &IntervalSet) -> ReviewState {
        let touches = |decided: &&Decided| decided.kind == kind && !seen.clipped(decided.interval).is_empty();
        let Some(last) = self.decisions.iter().rev().find(touches) else {
            return ReviewState::unreviewed();
        };
        let decisions = self.by_type().remove(&kind).unwrap_or_default();
        let within = |decided: &IntervalSet| seen.difference(decided).is_empty();
        let state = if within(&decisions.dismissed) {
            ReviewStatus::Dismissed
        } else if within(&decisions.confirmed) {
            ReviewStatus::Confirmed
        } else if last.decision == Decision::Reopen {
            ReviewStatus::Reopened
        } else {
            return ReviewState::unreviewed();
        };
        ReviewState { state, by: Some(last.by.clone()), at: Some(last.at.clone()), note: last.note.clone() }
    }
}

impl Decided {
    /// By recorded time, then by id, so that every replay applies them alike.
    fn before(&self, other: &Self) -> Ordering {
        instant(&self.at).cmp(&instant(&other.at)).then_with(|| self.id.cmp(&other.id))
    }
}

/// An RFC 3339 text as nanoseconds since 1970, so that texts with other offsets or precision compare
/// as the instants they mean. A text that is none sorts first.
pub(crate) fn instant(text: &str) -> Option<i128> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let rest = text.get(19..)?;
    let digits = rest.strip_prefix('.').map_or("", |fraction| {
        let end = fraction.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(fraction.len());
        &fraction[..end]
    });
    let nanos: i64 = format!("{digits:0<9}").get(..9)?.parse().ok()?;
    let zone = &rest[if digits.is_empty() { 0 } else { digits.len() + 1 }..];
    let offset_minutes = match zone.as_bytes().first()? {
        b'Z' | b'z' => 0,
        sign @ (b'+' | b'-') => {
            let hours: i64 = zone.get(1..3)?.parse().ok()?;
            let minutes: i64 = zone.get(4..6)?.parse().ok()?;
            (hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let seconds =
        days_since_1970(year, month, day) * 86_400 + hour * 3600 + (minute - offset_minutes) * 60 + second;
    Some(i128::from(seconds) * 1_000_000_000 + i128::from(nanos))
}

/// Days of the proleptic Gregorian calendar; years are counted from March, so that the leap day is
/// the last one.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_compare_as_instants() {
        let rising = [
            "not a time",
            "1970-01-01T00:00:00Z",
            "2026-11-24T14:03:22Z",
            "2026-11-24T14:03:22.114Z",
            "2026-11-24T15:03:22.2+01:00",
            "2026-11-24T13:03:23-01:00",
            "2027-03-01T00:00:00Z",
        ];
        for pair in rising.windows(2) {
            assert!(instant(pair[0]) < instant(pair[1]), "{pair:?}");
        }
        assert_eq!(instant("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(instant("2000-03-01T00:00:00Z"), Some(951_868_800_000_000_000));
    }
}
