//! Points follow the union of what was seen: more evidence never raises integrity, how it is cut into
//! incidents changes nothing, what is applied adds up exactly, and coverage costs nothing.

use std::collections::BTreeMap;

use domain::messages::{Contribution, CountsReason, Decision, IncidentClass, IncidentType, Review};
use domain::policy::Policy;
use domain::score::review::Reviews;
use domain::score::rule::{self, Finding};
use domain::score::standing::{Circumstances, Claim, standings};
use domain::time::{Interval, IntervalSet, MediaMs};
use proptest::prelude::*;

use crate::fixtures::{session_id, standard};

/// A session reduced to what the rule needs.
#[derive(Debug, Clone)]
struct Case {
    claims: Vec<Claim>,
    around: Circumstances,
    reviews: Vec<Review>,
}

impl Case {
    fn contributions(&self, policy: &Policy) -> Vec<Contribution> {
        let mut reviews = Reviews::default();
        for review in &self.reviews {
            reviews.add(review);
        }
        let standings = standings(&self.claims, &self.around, &reviews.by_type(), policy);
        let findings: Vec<Finding> = self
            .claims
            .iter()
            .zip(&standings)
            .enumerate()
            .map(|(index, (claim, standing))| Finding {
                incident: session_id().derive(&index.to_string()),
                kind: claim.kind,
                counted: standing.counted.clone(),
                excursions: standing.pieces(),
            })
            .collect();
        rule::contributions(&policy.points, &findings)
    }

    fn concern(&self, policy: &Policy) -> i64 {
        self.contributions(policy).iter().map(|row| row.applied_milli).sum()
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }
}

fn stretch(start_s: i64, length_s: i64) -> Interval {
    Interval::new(MediaMs(start_s * 500), MediaMs((start_s + length_s) * 500))
}

fn stretches(most: usize) -> impl Strategy<Value = IntervalSet> {
    prop::collection::vec((0i64..2000, 1i64..200), 1..=most)
        .prop_map(|parts| parts.into_iter().map(|(start, length)| stretch(start, length)).collect())
}

fn kinds() -> impl Strategy<Value = IncidentType> {
    prop::sample::select(IncidentType::ALL.to_vec())
}

/// Types that cost nothing unless a human says so.
fn harmless_kinds() -> impl Strategy<Value = IncidentType> {
    let mut kinds = IncidentType::ALL.to_vec();
    kinds.retain(|kind| kind.class() != IncidentClass::Evidence);
    prop::sample::select(kinds)
}

fn claim() -> impl Strategy<Value = Claim> {
    (kinds(), stretches(3), 0u16..=1000, prop::bool::weighted(0.9)).prop_map(
        |(kind, seen, confidence_milli, calibrated)| Claim { kind, seen, confidence_milli, calibrated },
    )
}

fn review(number: usize) -> impl Strategy<Value = Review> {
    let decisions = [Decision::Confirm, Decision::Dismiss, Decision::Reopen];
    (kinds(), 0i64..2000, 1i64..400, prop::sample::select(decisions.to_vec())).prop_map(
        move |(kind, start, length, decision)| decided(number, kind, stretch(start, length), decision),
    )
}

fn decided(number: usize, kind: IncidentType, interval: Interval, decision: Decision) -> Review {
    Review {
        session: session_id(),
        review_id: format!("r{number}"),
        kind,
        start_ms: interval.start,
        end_ms: interval.end,
        decision,
        by: "proctor-7".into(),
        at: format!("2026-11-24T14:{:02}:00Z", number % 60),
        note: None,
    }
}

fn case() -> impl Strategy<Value = Case> {
    let around = (0i64..200, 1500i64..2400, stretches(2), stretches(2), 0u8..8).prop_map(
        |(start, length, breaks, frozen, which)| Circumstances {
            expected: stretch(start, length),
            breaks: if which & 1 == 0 { IntervalSet::new() } else { breaks },
            frozen: if which & 2 == 0 { IntervalSet::new() } else { frozen },
            second_person: which & 4 != 0,
        },
    );
    let reviews = prop_oneof![
        Just(Vec::new()).boxed(),
        (review(0), review(1), review(2)).prop_map(|(a, b, c)| vec![a, b, c]).boxed(),
    ];
    (prop::collection::vec(claim(), 1..6), around, reviews).prop_map(|(claims, around, reviews)| Case {
        claims,
        around,
        reviews,
    })
}

proptest! {
    #[test]
    fn adding_an_incident_never_raises_integrity(case in case(), added in claim()) {
        let policy = standard();
        let more = case.with(|case| case.claims.push(added));
        prop_assert!(more.concern(&policy) >= case.concern(&policy));
    }

    #[test]
    fn extending_an_incident_never_raises_integrity(
        case in case(), which in any::<prop::sample::Index>(), more in stretches(2), surer in 0u16..=1000
    ) {
        let policy = standard();
        let extended = case.with(|case| {
            let claim = which.get_mut(&mut case.claims);
            claim.seen = claim.seen.union(&more);
            claim.confidence_milli = claim.confidence_milli.max(surer);
        });
        // Excursions are separate by an on-screen sample: what joins two of them is no extension.
        let joined = case.claims.iter().zip(&extended.claims).any(|(before, after)| {
            before.kind == IncidentType::RepeatedGlances
                && after.seen.iter().count() < before.seen.iter().count() + more.iter().count()
        });
        if !joined {
            prop_assert!(extended.concern(&policy) >= case.concern(&policy));
        }
    }

    #[test]
    fn merging_two_incidents_never_raises_integrity(
        case in case(), twin in claim(), which in any::<prop::sample::Index>()
    ) {
        let policy = standard();
        let kind = which.get(&case.claims).kind;
        if kind == IncidentType::RepeatedGlances {
            return Ok(()); // Counted by number: sectors stay apart and are never merged.
        }
        let apart = case.with(|case| {
            let calibrated = which.get(&case.claims).calibrated;
            case.claims.push(Claim { kind, calibrated, ..twin.clone() });
        });
        let merged = case.with(|case| {
            let claim = which.get_mut(&mut case.claims);
            claim.seen = claim.seen.union(&twin.seen);
            claim.confidence_milli = claim.confidence_milli.max(twin.confidence_milli);
        });
        prop_assert!(merged.concern(&policy) >= apart.concern(&policy));
    }

    #[test]
    fn splitting_a_seen_interval_changes_no_points(
        case in case(), which in any::<prop::sample::Index>(), at in 0i64..1_200_000
    ) {
        let policy = standard();
        let index = which.index(case.claims.len());
        if case.claims[index].kind == IncidentType::RepeatedGlances {
            return Ok(()); // Cutting an excursion makes two of it.
        }
        let split = case.with(|case| {
            let whole = case.claims.remove(index);
            let (before, after) = (
                whole.seen.clipped(Interval::new(MediaMs(0), MediaMs(at))),
                whole.seen.clipped(Interval::new(MediaMs(at), MediaMs::MAX)),
            );
            case.claims.push(Claim { seen: before, ..whole.clone() });
            case.claims.push(Claim { seen: after, ..whole });
        });
        let points = |case: &Case| -> Vec<(IncidentType, i64, i64)> {
            let rows = case.contributions(&policy).into_iter();
            rows.map(|row| (row.kind, row.raw_milli, row.applied_milli)).collect()
        };
        prop_assert_eq!(points(&split), points(&case));
    }

    #[test]
    fn what_is_applied_adds_up_and_stays_within_every_cap(case in case()) {
        let policy = standard();
        let rows = case.contributions(&policy);
        let sum = |rows: &[&Contribution]| -> i64 { rows.iter().map(|row| row.applied_milli).sum() };
        let raw: i64 = rows.iter().map(|row| row.raw_milli).sum();
        let is_away = |row: &&Contribution| matches!(
            row.kind,
            IncidentType::GazeOffScreen | IncidentType::HeadTurnedAway | IncidentType::RepeatedGlances
        );
        let away: Vec<&Contribution> = rows.iter().filter(is_away).collect();
        let others: Vec<&Contribution> = rows.iter().filter(|row| !is_away(row)).collect();
        prop_assert!(sum(&away) <= 20_000);
        for row in &rows {
            prop_assert!(0 <= row.applied_milli && row.applied_milli <= row.raw_milli);
            prop_assert!(row.kind.class() != IncidentClass::Coverage);
        }
        // Exactly: nothing is lost to rounding at either cap.
        let raw_away: i64 = away.iter().map(|row| row.raw_milli).sum();
        let expected = (raw - raw_away + raw_away.min(20_000)).min(100_000);
        prop_assert_eq!(sum(&away) + sum(&others), expected);
    }

    #[test]
    fn looking_away_alone_never_goes_below_80(claims in prop::collection::vec(claim(), 1..12), case in case()) {
        let away = [
            IncidentType::GazeOffScreen,
            IncidentType::HeadTurnedAway,
            IncidentType::RepeatedGlances,
        ];
        let only = case.with(|case| {
            case.claims = claims;
            for (index, claim) in case.claims.iter_mut().enumerate() {
                claim.kind = away[index % away.len()];
            }
        });
        prop_assert!(only.concern(&standard()) <= 20_000);
    }

    #[test]
    fn coverage_and_undecided_identity_move_no_number(
        case in case(), added in claim(), kind in harmless_kinds()
    ) {
        let policy = standard();
        let added = Claim { kind, ..added };
        let undecided = case.with(|case| case.reviews.clear());
        let more = undecided.with(|case| case.claims.push(added));
        prop_assert_eq!(more.contributions(&policy), undecided.contributions(&policy));
    }

    #[test]
    fn dismissing_takes_points_away_and_confirming_restores_them(
        case in case(), which in any::<prop::sample::Index>()
    ) {
        let policy = standard();
        let Claim { kind, seen, .. } = which.get(&case.claims).clone();
        let confirm = |case: &Case, number: usize| case.with(|case| {
            for part in seen.iter() {
                case.reviews.push(decided(number, kind, part, Decision::Confirm));
                case.reviews.last_mut().unwrap().review_id += &part.start.0.to_string();
            }
        });
        let confirmed = confirm(&case, 10);
        let dismissed = confirmed.with(|case| {
            case.reviews.push(decided(20, kind, Interval::new(MediaMs(0), MediaMs::MAX), Decision::Dismiss));
        });
        let again = confirm(&dismissed, 30);
        prop_assert!(dismissed.contributions(&policy).iter().all(|row| row.kind != kind));
        prop_assert!(dismissed.concern(&policy) <= confirmed.concern(&policy));
        let of_kind = |case: &Case| case.contributions(&policy).into_iter().find(|row| row.kind == kind);
        // Confirmed again: at least what the first confirmation counted is back.
        if case.reviews.is_empty() && case.claims.iter().filter(|claim| claim.kind == kind).count() == 1 {
            prop_assert_eq!(of_kind(&again), of_kind(&confirmed));
            prop_assert_eq!(again.concern(&policy), confirmed.concern(&policy));
        }
    }
}

#[test]
fn remainders_go_to_the_largest_and_ties_to_the_earlier_row() {
    let policy = standard();
    let long: IntervalSet = [stretch(0, 20_000)].into_iter().collect();
    let glances: IntervalSet = (0..20).map(|number| stretch(number * 10, 4)).collect();
    let claim = |kind, seen: &IntervalSet| Claim {
        kind,
        seen: seen.clone(),
        confidence_milli: 900,
        calibrated: true,
    };
    let case = Case {
        claims: vec![
            claim(IncidentType::GazeOffScreen, &long),
            claim(IncidentType::HeadTurnedAway, &long),
            claim(IncidentType::RepeatedGlances, &glances),
        ],
        around: Circumstances {
            expected: stretch(0, 20_000),
            breaks: IntervalSet::new(),
            frozen: IntervalSet::new(),
            second_person: false,
        },
        reviews: Vec::new(),
    };
    let applied: BTreeMap<IncidentType, i64> =
        case.contributions(&policy).iter().map(|row| (row.kind, row.applied_milli)).collect();
    // 8000 x 20/22 = 7272.72.., twice; 6000 x 20/22 = 5454.54..: two milli-points are left over.
    assert_eq!(applied[&IncidentType::GazeOffScreen], 7273);
    assert_eq!(applied[&IncidentType::HeadTurnedAway], 7273);
    assert_eq!(applied[&IncidentType::RepeatedGlances], 5454);
}

#[test]
fn an_incident_below_the_confidence_floor_is_listed_and_counts_nothing() {
    let policy = standard();
    let seen: IntervalSet = [stretch(0, 100)].into_iter().collect();
    let kind = IncidentType::MultiplePersons;
    let stand = |confidence_milli| {
        let claims = [Claim { kind, seen: seen.clone(), confidence_milli, calibrated: true }];
        let around = Circumstances {
            expected: stretch(0, 1000),
            breaks: IntervalSet::new(),
            frozen: IntervalSet::new(),
            second_person: false,
        };
        standings(&claims, &around, &BTreeMap::new(), &policy).remove(0).reason
    };
    assert_eq!(stand(policy.confidence_floor_milli), CountsReason::Evidence);
    assert_eq!(stand(policy.confidence_floor_milli - 1), CountsReason::LowConfidence);
}

#[test]
fn what_a_cut_leaves_counts_by_its_own_length_whatever_lies_beyond() {
    let policy = standard();
    let counted = |start_s: i64, end_s: i64| {
        let seen = [Interval::new(MediaMs(start_s * 1000), MediaMs(end_s * 1000))].into_iter().collect();
        let kind = IncidentType::PersonAbsent;
        let claims = [Claim { kind, seen, confidence_milli: 900, calibrated: true }];
        let around = Circumstances {
            expected: stretch(0, 1000),
            breaks: [Interval::new(MediaMs(100_000), MediaMs(200_000))].into_iter().collect(),
            frozen: IntervalSet::new(),
            second_person: false,
        };
        standings(&claims, &around, &BTreeMap::new(), &policy).remove(0).counted.length().0
    };
    // Nine seconds are what opens `person_absent`.
    assert_eq!((counted(92, 150), counted(92, 100)), (0, 0));
    assert_eq!((counted(91, 150), counted(91, 100)), (9_000, 9_000));
    // Away from a cut a short stretch may be part of more.
    assert_eq!(counted(50, 52), 2_000);
}
