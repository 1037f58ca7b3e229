//! A human's decision is about a type and a stretch of time: it survives new revisions, and what grows
//! beyond it is unreviewed again.

use domain::messages::IncidentType::{self, GazeOffScreen, PersonAbsent};
use domain::messages::{CountsReason, Decision, Review, ReviewStatus, ScoreStatus};
use domain::score::ScoreInput;
use domain::time::MediaMs;

use crate::builder::session;
use crate::fixtures::{Outcome, fold_with, run_with, session_id, standard, started};

fn review(id: &str, kind: IncidentType, from_s: i64, to_s: i64, decision: Decision, minute: u32) -> Review {
    Review {
        session: session_id(),
        review_id: id.into(),
        kind,
        start_ms: MediaMs(from_s * 1000),
        end_ms: MediaMs(to_s * 1000),
        decision,
        by: "proctor-7".into(),
        at: format!("2026-11-24T15:{minute:02}:00Z"),
        note: Some("seen".into()),
    }
}

fn absence(reviews: &[Review]) -> Outcome {
    let script = session().seated(60).absent(40).seated(60);
    run_with(&standard(), &[started(&[], None)], &script.observations(), reviews)
}

#[test]
fn dismissing_takes_the_points_away_in_a_new_revision() {
    let outcome = absence(&[review("a", PersonAbsent, 50, 110, Decision::Dismiss, 1)]);
    let scores = outcome.scores();
    let [before, after] = &scores[scores.len() - 2..] else { panic!() };
    assert_eq!((before.rev, before.concern_milli), (1, 8000));
    assert_eq!((after.rev, after.supersedes, after.concern_milli), (2, Some(1), 0));
    assert_eq!(after.status, ScoreStatus::Final);
    let incident = outcome.of(PersonAbsent)[0];
    assert_eq!(
        (incident.counts_reason, incident.review.state),
        (CountsReason::Dismissed, ReviewStatus::Dismissed)
    );
    assert_eq!(incident.review.by.as_deref(), Some("proctor-7"));
}

#[test]
fn confirming_after_dismissing_restores_the_points() {
    let plain = absence(&[]);
    let outcome = absence(&[
        review("a", PersonAbsent, 50, 110, Decision::Dismiss, 1),
        review("b", PersonAbsent, 50, 110, Decision::Confirm, 2),
    ]);
    assert_eq!(outcome.score().contributions, plain.score().contributions);
    assert_eq!(outcome.of(PersonAbsent)[0].review.state, ReviewStatus::Confirmed);
}

#[test]
fn reopening_takes_a_decision_back() {
    let outcome = absence(&[
        review("a", PersonAbsent, 50, 110, Decision::Dismiss, 1),
        review("b", PersonAbsent, 50, 110, Decision::Reopen, 2),
    ]);
    assert_eq!(outcome.score().concern_milli, 8000);
    assert_eq!(outcome.of(PersonAbsent)[0].review.state, ReviewStatus::Reopened);
}

#[test]
fn decisions_apply_in_the_order_of_their_time_and_once() {
    let dismiss = review("a", PersonAbsent, 50, 110, Decision::Dismiss, 1);
    let confirm = review("b", PersonAbsent, 50, 110, Decision::Confirm, 2);
    let late = absence(&[confirm.clone(), dismiss.clone(), confirm.clone(), dismiss.clone()]);
    let early = absence(&[dismiss, confirm]);
    assert_eq!(late.score(), early.score());
}

#[test]
fn a_decision_on_one_type_leaves_the_others_alone() {
    let outcome = absence(&[review("a", GazeOffScreen, 0, 200, Decision::Dismiss, 1)]);
    assert_eq!(outcome.score().concern_milli, 8000);
}

#[test]
fn an_incident_that_grows_beyond_a_dismissal_counts_with_the_rest() {
    let mut fold = fold_with(&standard());
    let mut outcome = Outcome::default();
    outcome.add(fold.push(ScoreInput::SessionFact(&started(&[], None))));
    let observations = session().seated(60).absent(40).seated(4).absent(40).seated(40).observations();
    let (before, after): (Vec<_>, Vec<_>) =
        observations.iter().partition(|observation| observation.end_ms <= MediaMs(104_000));
    for observation in before {
        outcome.add(fold.push(ScoreInput::Observation(observation)));
    }
    let dismiss = review("a", PersonAbsent, 50, 102, Decision::Dismiss, 1);
    outcome.add(fold.push(ScoreInput::Review(&dismiss)));
    assert_eq!(outcome.of(PersonAbsent)[0].review.state, ReviewStatus::Dismissed);
    for observation in after {
        outcome.add(fold.push(ScoreInput::Observation(observation)));
    }
    outcome.add(fold.finish());
    // Merged with what came after: one incident, the dismissed stretch stays dismissed.
    let incident = outcome.of(PersonAbsent)[0];
    assert_eq!(outcome.spans(PersonAbsent), [(59, 143)]);
    assert_eq!(incident.review.state, ReviewStatus::Unreviewed);
    let counted = outcome.score().contributions[0].union_ms.0;
    assert!((41_000..=42_500).contains(&counted), "{counted}");
}
