//! Incidents open after the *on* time with at least `p` of the planned time, close after the *off*
//! time, and merge across a short gap only if it was seen.

use domain::messages::IncidentState;
use domain::messages::IncidentType::{self, PersonAbsent};
use domain::messages::Severity;

use crate::builder::{Script, session};
use crate::fixtures::{Outcome, run, standard};

fn outcome(script: Script) -> Outcome {
    run(&standard(), &script.seated(30).observations())
}

fn absences(script: Script) -> Vec<(i64, i64)> {
    outcome(script).spans(PersonAbsent)
}

fn begun() -> Script {
    session().seated(30)
}

#[test]
fn nothing_opens_before_the_on_time() {
    assert_eq!(absences(begun().absent(9)), []);
    assert_eq!(absences(begun().absent(10)), [(29, 39)]);
}

#[test]
fn one_of_ten_planned_seconds_may_be_missing_but_not_two() {
    assert_eq!(absences(begun().absent(5).seated(1).absent(3)), []);
    assert_eq!(absences(begun().absent(5).seated(1).absent(5)), [(29, 40)]);
    assert_eq!(absences(begun().absent(4).seated(1).absent(3).seated(1).absent(4)), []);
}

#[test]
fn an_unseen_second_votes_against() {
    assert_eq!(absences(begun().absent(4).dark(1).absent(3).dark(1).absent(4)), []);
    assert_eq!(absences(begun().absent(4).dark(1).absent(6)), [(29, 40)]);
}

#[test]
fn it_closes_after_the_off_time_and_ends_where_it_was_last_true() {
    let outcome = outcome(begun().absent(20).seated(2).absent(20));
    assert_eq!(outcome.spans(PersonAbsent), [(29, 71)]);
    assert_eq!(absences(begun().absent(20).seated(6).absent(20)), [(29, 49), (55, 75)]);
}

#[test]
fn a_short_seen_gap_is_merged() {
    // Closed by four seconds at the seat, opened again ten seconds later: one incident, gap included.
    let outcome = outcome(begun().absent(20).seated(4).absent(20));
    assert_eq!(outcome.spans(PersonAbsent), [(29, 73)]);
    let incident = outcome.of(PersonAbsent)[0];
    assert_eq!(incident.duration_ms.0, 44_000);
    let states: Vec<_> = outcome.revisions().iter().map(|revision| revision.state).collect();
    assert_eq!(states.iter().filter(|state| **state == IncidentState::Closed).count(), 2);
}

#[test]
fn a_gap_that_was_not_seen_is_never_merged() {
    let outcome = outcome(begun().absent(20).seated(2).dark(1).seated(1).absent(20));
    assert_eq!(outcome.spans(PersonAbsent), [(29, 49), (53, 73)]);
}

#[test]
fn unseen_time_within_an_open_incident_is_not_counted() {
    let outcome = outcome(begun().absent(20).dark(2).absent(20));
    assert_eq!(outcome.spans(PersonAbsent), [(29, 71)]);
    assert_eq!(outcome.of(PersonAbsent)[0].duration_ms.0, 40_000);
    assert_eq!(outcome.score().contributions[0].union_ms.0, 40_000);
}

#[test]
fn an_incident_that_has_become_rare_closes() {
    let mut script = begun().absent(12);
    for _ in 0..10 {
        script = script.seated(2).absent(1);
    }
    let spans = absences(script);
    assert_eq!(spans.len(), 1);
    assert!(spans[0].1 < 55, "{spans:?}");
}

#[test]
fn time_is_weighed_and_not_samples() {
    // Fourteen samples that stand for nine seconds are not yet ten seconds.
    assert_eq!(absences(begun().absent(4).fps(2).absent(5).fps(1)), []);
    assert_eq!(absences(begun().absent(5).fps(2).absent(5).fps(1)), [(29, 39)]);
}

#[test]
fn severity_follows_the_union_of_the_type() {
    let severities = |seconds: i64| {
        let outcome = outcome(begun().absent(seconds).seated(20).absent(seconds));
        let incidents = outcome.of(PersonAbsent);
        assert_eq!(incidents.len(), 2);
        (incidents[0].severity, incidents[1].severity, outcome.score().contributions[0].severity)
    };
    assert_eq!(severities(14), (Severity::Low, Severity::Low, Severity::Low));
    assert_eq!(severities(16), (Severity::Medium, Severity::Medium, Severity::Medium));
    assert_eq!(severities(61), (Severity::High, Severity::High, Severity::High));
}

#[test]
fn an_open_incident_is_updated_every_ten_seconds() {
    let outcome = outcome(begun().absent(65));
    let revisions: Vec<_> = outcome
        .revisions()
        .into_iter()
        .map(|revision| (revision.rev, revision.state, revision.end_ms.0 / 1000))
        .collect();
    let states: Vec<_> = revisions.iter().map(|revision| revision.1).collect();
    assert_eq!(states.first(), Some(&IncidentState::Open));
    assert_eq!(states.last(), Some(&IncidentState::Closed));
    assert_eq!(states.iter().filter(|state| **state == IncidentState::Updated).count(), 5);
    assert!(revisions.iter().zip(0..).all(|(revision, number)| revision.0 == number));
}

#[test]
fn the_same_type_again_within_half_a_minute_is_the_same_episode() {
    let outcome = outcome(begun().absent(20).seated(20).absent(20).seated(40).absent(20));
    let episodes: Vec<_> = outcome
        .of(PersonAbsent)
        .iter()
        .map(|incident| incident.reason.params.get("episode_start_ms").cloned())
        .collect();
    assert_eq!(episodes, [None, Some(29_500.into()), None]);
}

#[test]
fn ids_stay_over_revisions_and_confidence_never_falls() {
    let outcome = outcome(begun().absent(65));
    let revisions = outcome.revisions();
    assert!(revisions.iter().all(|revision| revision.incident_id == revisions[0].incident_id));
    assert!(revisions.windows(2).all(|pair| pair[0].confidence <= pair[1].confidence));
    assert_eq!(outcome.kinds(), [IncidentType::PersonAbsent]);
}

#[test]
fn an_incident_names_its_first_segments() {
    let outcome = outcome(begun().absent(65));
    let refs: Vec<u64> =
        outcome.of(PersonAbsent)[0].media_refs.iter().map(|reference| reference.sequence).collect();
    assert_eq!(refs, (14..22).collect::<Vec<_>>());
}
