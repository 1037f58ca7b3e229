//! What a session was granted is honoured, listed, and never costs points.

use domain::messages::IncidentType::{GazeOffScreen, MultiplePersons, PersonAbsent};
use domain::messages::{Accommodation, CountsReason, SessionEvent, SessionFact};

use crate::builder::{SCREEN, Script, session};
use crate::fixtures::{Outcome, fact, run_with, span, standard, started};

fn outcome(granted: &[Accommodation], more: &[SessionFact], script: Script) -> Outcome {
    let mut facts = vec![started(granted, None)];
    facts.extend_from_slice(more);
    run_with(&standard(), &facts, &script.observations(), &[])
}

fn a_break(from_s: i64, to_s: i64) -> [SessionFact; 2] {
    [fact(from_s * 1000, SessionEvent::BreakStarted), fact(to_s * 1000, SessionEvent::BreakEnded)]
}

#[test]
fn a_granted_break_is_neither_expected_nor_an_absence() {
    let script = session().seated(60).absent(300).seated(60);
    let outcome = outcome(&[Accommodation::Breaks], &a_break(60, 360), script);
    let score = outcome.score();
    assert_eq!(score.concern_milli, 0);
    assert_eq!(score.coverage.expected_ms.0, 120_000);
    assert_eq!(outcome.of(PersonAbsent)[0].counts_reason, CountsReason::Accommodated);
    assert_eq!(score.accommodations_honoured, [Accommodation::Breaks]);
}

#[test]
fn a_few_seconds_on_both_sides_of_a_break_are_no_absence() {
    let script = session().seated(60).absent(300).seated(60);
    let outcome = outcome(&[Accommodation::Breaks], &a_break(64, 356), script);
    assert_eq!(outcome.score().concern_milli, 0);
}

#[test]
fn what_lies_outside_the_break_still_counts() {
    let script = session().seated(60).absent(300).seated(60);
    let outcome = outcome(&[Accommodation::Breaks], &a_break(100, 360), script);
    let counted = outcome.score().contributions[0].union_ms.0;
    assert!((39_500..=40_500).contains(&counted), "{counted}");
}

#[test]
fn a_break_that_was_not_granted_is_expected_time() {
    let script = session().seated(60).absent(300).seated(60);
    let outcome = outcome(&[], &a_break(60, 360), script);
    assert_eq!(outcome.score().coverage.expected_ms.0, 420_000);
    assert!(outcome.score().concern_milli > 0);
}

#[test]
fn a_planned_break_of_the_policy_needs_no_record() {
    let mut policy = standard();
    policy.accommodations.breaks = true;
    policy.accommodations.planned_breaks = vec![span(60, 360)];
    let script = session().seated(60).absent(300).seated(60);
    let outcome = run_with(&policy, &[started(&[], None)], &script.observations(), &[]);
    assert_eq!(outcome.score().concern_milli, 0);
}

#[test]
fn paper_makes_looking_down_fine_and_nothing_else() {
    let down = session().seated(60).looking(30, SCREEN.raised(-30.0)).seated(30);
    assert_eq!(outcome(&[], &[], down.clone()).kinds(), [GazeOffScreen]);
    assert_eq!(outcome(&[Accommodation::Paper], &[], down).kinds(), []);
    let side = session().seated(60).looking(30, SCREEN.turned(25.0)).seated(30);
    assert_eq!(outcome(&[Accommodation::Paper], &[], side).kinds(), [GazeOffScreen]);
}

#[test]
fn a_granted_second_person_is_listed_and_costs_nothing() {
    let script = session().fps(2).seated(30).second_person(30).seated(30);
    let outcome = outcome(&[Accommodation::SecondPerson], &[], script);
    let incident = outcome.of(MultiplePersons)[0];
    assert_eq!((incident.counts, incident.counts_reason), (false, CountsReason::Accommodated));
    assert_eq!(outcome.score().integrity, Some(100));
}

#[test]
fn everything_granted_is_listed() {
    let granted = [
        Accommodation::Breaks,
        Accommodation::ExtraTime,
        Accommodation::Paper,
        Accommodation::SecondPerson,
        Accommodation::HeadCovering,
    ];
    let outcome = outcome(&granted, &[], session().seated(30));
    assert_eq!(outcome.score().accommodations_honoured, granted);
}

#[test]
fn after_the_exam_nobody_has_to_sit_there() {
    let script = session().seated(60).absent(60);
    let facts = [started(&[], Some(span(0, 60)))];
    let outcome = run_with(&standard(), &facts, &script.observations(), &[]);
    assert_eq!(outcome.score().concern_milli, 0);
    assert_eq!(outcome.of(PersonAbsent)[0].counts_reason, CountsReason::Unexpected);
}
