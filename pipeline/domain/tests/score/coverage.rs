//! Coverage says what was seen, what was not, and why; a frozen, dark, covered or missing picture costs
//! no points.

use domain::messages::IncidentType::{
    CameraObstructed, GazeOffScreen, HeadTurnedAway, MediaUndecodable, PersonAbsent, SceneUnusable,
    VideoFrozen, VideoGap,
};
use domain::messages::{Band, CountsReason, ReviewPriority, Score, UnseenReason};

use crate::builder::{SCREEN, Script, session};
use crate::fixtures::{Outcome, run, run_with, span, standard, started};

fn outcome(script: Script) -> Outcome {
    run(&standard(), &script.observations())
}

fn reasons(score: &Score) -> Vec<(&str, i64)> {
    score.coverage.by_reason.iter().map(|(reason, length)| (reason.as_str(), length.0)).collect()
}

#[test]
fn every_reason_is_accounted_for() {
    let script = session()
        .seated(100)
        .dark(20)
        .seated(10)
        .covered(10)
        .seated(10)
        .unseen(10, UnseenReason::Blur)
        .shed(10)
        .seated(10)
        .lost(8)
        .seated(12);
    let outcome = outcome(script);
    let score = outcome.score();
    assert_eq!(
        reasons(score),
        [("blur", 10_000), ("dark", 20_000), ("gap", 8000), ("obstructed", 10_000), ("shed", 10_000)]
    );
    assert_eq!((score.coverage.expected_ms.0, score.coverage.observed_ms.0), (200_000, 142_000));
    assert_eq!(score.coverage.longest_unseen_ms.0, 20_000);
    assert_eq!(score.concern_milli, 0);
}

#[test]
fn expected_time_that_never_came_is_a_gap() {
    let facts = [started(&[], Some(span(0, 100)))];
    let outcome = run_with(&standard(), &facts, &session().seated(70).observations(), &[]);
    let score = outcome.score();
    assert_eq!(reasons(score), [("gap", 30_000)]);
    assert_eq!((score.coverage.ratio_milli, score.band), (700, Band::Grey));
    assert_eq!(outcome.kinds(), [VideoGap]);
}

#[test]
fn samples_of_different_density_leave_no_seam() {
    let script = session().seated(10).fps(2).seated(10).fps(1).seated(10).fps(5).seated(10).fps(1).seated(2);
    assert_eq!(outcome(script).score().coverage.ratio_milli, 1000);
}

#[test]
fn a_sample_never_stands_for_more_than_two_seconds() {
    // One sample in every five seconds of media: three of them stay unseen.
    let mut script = session();
    for _ in 0..12 {
        script = script.seated(1).hole(4);
    }
    let outcome = outcome(script.seated(1));
    let coverage = &outcome.score().coverage;
    assert!(coverage.observed_ms.0 <= 13_000, "{coverage:?}");
}

#[test]
fn a_frozen_picture_is_not_observed_and_costs_nothing() {
    let away = SCREEN.turned(60.0);
    let script = session().fps(2).seated(60).frozen().looking(60, away).thawed().seated(60);
    let outcome = outcome(script);
    assert_eq!(outcome.kinds(), [GazeOffScreen, HeadTurnedAway, VideoFrozen]);
    assert_eq!(outcome.spans(VideoFrozen), [(59, 119)]);
    // Both opened before the picture was known to be frozen, and were taken back.
    for kind in [GazeOffScreen, HeadTurnedAway] {
        let counted: Vec<_> = outcome
            .revisions()
            .iter()
            .filter(|revision| revision.kind == kind)
            .map(|revision| revision.counts_reason)
            .collect();
        assert_eq!(counted.first(), Some(&CountsReason::Evidence));
        assert_eq!(counted.last(), Some(&CountsReason::Frozen));
    }
    // The first picture that moves again is only believed with the second.
    assert_eq!(reasons(outcome.score()), [("frozen", 60_500)]);
    assert_eq!(outcome.score().concern_milli, 0);
}

#[test]
fn a_picture_held_for_four_seconds_is_not_frozen() {
    let mut script = session().fps(2).seated(20);
    for _ in 0..20 {
        script = script.frozen().seated(4).thawed().seated(1);
    }
    let outcome = outcome(script.seated(9));
    assert_eq!(outcome.kinds(), []);
    assert_eq!(outcome.score().coverage.ratio_milli, 1000);
}

#[test]
fn a_covered_camera_is_reported_and_never_an_absence() {
    let outcome = outcome(session().seated(30).covered(60).seated(30));
    assert_eq!(outcome.kinds(), [CameraObstructed]);
    assert_eq!(outcome.spans(CameraObstructed), [(29, 89)]);
}

#[test]
fn darkness_is_reported_after_fifteen_seconds() {
    assert_eq!(outcome(session().seated(30).dark(14).seated(30)).kinds(), []);
    assert_eq!(outcome(session().seated(30).dark(16).seated(30)).kinds(), [SceneUnusable]);
}

#[test]
fn holes_longer_than_five_seconds_are_reported() {
    assert_eq!(outcome(session().seated(30).lost(4).seated(30)).kinds(), []);
    let lost = outcome(session().seated(30).lost(6).seated(30));
    assert_eq!(lost.spans(VideoGap), [(29, 35)]);
    assert_eq!(lost.of(VideoGap)[0].reason.code, "segments_missing");
    let hole = outcome(session().seated(30).hole(7).seated(31));
    assert_eq!(hole.of(VideoGap)[0].reason.code, "media_time_missing");
}

#[test]
fn three_undecodable_segments_in_a_row_are_reported() {
    assert_eq!(outcome(session().seated(30).undecodable(4).seated(30)).kinds(), []);
    assert_eq!(outcome(session().seated(30).undecodable(6).seated(30)).kinds(), [MediaUndecodable]);
}

#[test]
fn an_absence_seen_before_the_picture_froze_still_counts() {
    let script = session().seated(30).absent(20).frozen().absent(60).thawed().seated(30);
    let outcome = outcome(script);
    let counted = outcome.score().contributions[0].union_ms.0;
    assert_eq!(outcome.kinds(), [PersonAbsent, VideoFrozen]);
    assert!((19_000..=20_500).contains(&counted), "{counted}");
}

#[test]
fn unexplained_time_asks_for_a_human_and_our_own_shedding_does_not() {
    let priority = |script: Script| outcome(script).score().review_priority;
    assert_eq!(priority(session().seated(2000).dark(90).seated(2000)), ReviewPriority::None);
    assert_eq!(priority(session().seated(2000).dark(122).seated(4000)), ReviewPriority::Medium);
    assert_eq!(priority(session().seated(200).dark(16).seated(84)), ReviewPriority::Medium);
    assert_eq!(priority(session().seated(2000).shed(200).seated(2000)), ReviewPriority::None);
}
