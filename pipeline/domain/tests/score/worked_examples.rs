//! The worked examples of the score rule come out to the point, as whole sessions.

use domain::messages::{Band, EvidenceStatus, IncidentType, ReviewPriority, ScoreStatus, Severity};

use crate::builder::{SCREEN, session};
use crate::fixtures::{run, run_with, span, standard, started};

#[test]
fn an_empty_chair_for_an_hour_is_red() {
    let outcome = run(&standard(), &session().seated(60).absent(3600).seated(60).observations());
    let score = outcome.score();
    assert_eq!((score.integrity, score.band), (Some(55), Band::Red));
    assert_eq!(score.concern_milli, 45_000);
    assert_eq!(score.contributions[0].severity, Severity::High);
    assert_eq!(score.review_priority, ReviewPriority::High);
}

#[test]
fn a_second_person_for_three_seconds_is_green() {
    let script = session().seated(20).fps(2).seated(10).second_person(3).seated(10).fps(1).seated(20);
    let outcome = run(&standard(), &script.observations());
    let score = outcome.score();
    assert_eq!(outcome.kinds(), [IncidentType::MultiplePersons]);
    assert_eq!(score.contributions[0].union_ms.0, 3000);
    assert_eq!((score.concern_milli, score.integrity, score.band), (10_600, Some(89), Band::Green));
    let incident = outcome.of(IncidentType::MultiplePersons)[0];
    assert_eq!(incident.reason.text, "Two persons were visible for 3 s.");
    assert_eq!(score.review_priority, ReviewPriority::Low);
}

#[test]
fn looking_away_all_hour_is_amber_and_never_below_80() {
    let away = SCREEN.turned(45.0);
    let outcome = run(&standard(), &session().seated(60).looking(3540, away).observations());
    let score = outcome.score();
    assert_eq!(outcome.kinds(), [IncidentType::GazeOffScreen, IncidentType::HeadTurnedAway]);
    assert_eq!((score.integrity, score.band), (Some(84), Band::Amber));

    let mut glancing = session().fps(2).seated(60);
    for _ in 0..20 {
        glancing = glancing.seated(3).looking(3, SCREEN.eyes_by(0.12));
    }
    let script = glancing.seated(2).fps(1).looking(3000, away);
    let outcome = run(&standard(), &script.observations());
    let score = outcome.score();
    assert_eq!((score.integrity, score.band), (Some(80), Band::Amber));
    let raw: i64 = score.contributions.iter().map(|row| row.raw_milli).sum();
    assert_eq!((raw, score.concern_milli), (22_000, 20_000));
}

#[test]
fn a_camera_covered_for_24_of_120_minutes_costs_nothing_and_joins_the_queue() {
    let script = session().seated(2880).covered(1440).seated(2880);
    let outcome = run_with(&standard(), &[started(&[], Some(span(0, 7200)))], &script.observations(), &[]);
    let score = outcome.score();
    assert_eq!((score.integrity, score.concern_milli), (Some(100), 0));
    assert_eq!((score.coverage.ratio_milli, score.evidence), (800, EvidenceStatus::Sufficient));
    assert_eq!(score.review_priority, ReviewPriority::Medium);
    assert_eq!(outcome.kinds(), [IncidentType::CameraObstructed]);
}

#[test]
fn a_camera_covered_for_30_of_120_minutes_is_grey() {
    let script = session().seated(2700).covered(1800).seated(2700);
    let outcome = run_with(&standard(), &[started(&[], Some(span(0, 7200)))], &script.observations(), &[]);
    let score = outcome.score();
    assert_eq!((score.integrity, score.band), (None, Band::Grey));
    assert_eq!((score.concern_milli, score.evidence), (0, EvidenceStatus::Insufficient));
    assert_eq!(score.review_priority, ReviewPriority::Medium);
    assert_eq!(score.status, ScoreStatus::Final);
    assert_eq!(score.coverage.by_reason["obstructed"].0, 1_800_000);
}

#[test]
fn a_calm_session_is_100_without_any_incident() {
    let outcome = run(&standard(), &session().seated(1800).observations());
    let score = outcome.score();
    assert!(outcome.incidents().is_empty(), "{:?}", outcome.kinds());
    assert_eq!((score.integrity, score.band, score.rev), (Some(100), Band::Green, 1));
    assert_eq!(score.coverage.ratio_milli, 1000);
    assert_eq!(score.review_priority, ReviewPriority::None);
    assert!(score.human_review_required && score.decision.is_none());
}
