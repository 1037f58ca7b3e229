//! Looking away is read from head and eyes together, and never from what could not be measured.

use domain::messages::IncidentType::{self, FaceNotDetected, GazeOffScreen, HeadTurnedAway, RepeatedGlances};
use domain::messages::{NotEvaluatedReason, Severity};

use crate::builder::{Looks, SCREEN, Script, session};
use crate::fixtures::{run, standard};

fn kinds_after(looks: Looks) -> Vec<IncidentType> {
    let script = session().seated(60).looking(30, looks).seated(30);
    run(&standard(), &script.observations()).kinds()
}

#[test]
fn eyes_alone_can_look_away() {
    assert_eq!(kinds_after(SCREEN.eyes_by(0.10)), [GazeOffScreen]);
    assert_eq!(kinds_after(SCREEN.eyes_by(-0.14)), [GazeOffScreen]);
}

#[test]
fn eyes_moving_over_the_screen_do_not() {
    assert_eq!(kinds_after(SCREEN.eyes_by(0.05)), []);
    assert_eq!(kinds_after(SCREEN.eyes_by(-0.05)), []);
}

#[test]
fn a_turned_head_with_eyes_on_the_screen_is_at_the_screen() {
    assert_eq!(kinds_after(SCREEN.turned(24.0).eyes_by(-0.10)), []);
}

#[test]
fn a_far_turned_head_is_both() {
    assert_eq!(kinds_after(SCREEN.turned(40.0)), [GazeOffScreen, HeadTurnedAway]);
}

#[test]
fn up_and_down_are_away() {
    assert_eq!(kinds_after(SCREEN.raised(28.0)), [GazeOffScreen, HeadTurnedAway]);
    assert_eq!(kinds_after(SCREEN.raised(-28.0)), [GazeOffScreen]);
}

#[test]
fn closed_eyes_are_not_looking_anywhere() {
    assert_eq!(kinds_after(SCREEN.eyes_closed()), []);
    let squint = Looks { eyes: Some((0.3, -0.4)), ..SCREEN };
    let blink = session().seated(60).each(30, |frame, number| {
        use crate::builder::Filling;
        frame.add_candidate(number, squint);
        frame.faces[0].eye_openness = Some(0.08);
    });
    assert_eq!(run(&standard(), &blink.seated(30).observations()).kinds(), []);
}

#[test]
fn a_face_lost_after_a_turn_of_the_head_is_missing_data() {
    let script = session().seated(60).looking(4, SCREEN.turned(60.0)).faceless(60).seated(30);
    let outcome = run(&standard(), &script.observations());
    assert_eq!(outcome.kinds(), [FaceNotDetected]);
    assert_eq!(outcome.score().concern_milli, 0);
}

/// `count` looks of a second and a half to the side, with two and a half seconds in between.
fn glances(mut script: Script, count: i64, looks: impl Fn(i64) -> Looks) -> Script {
    for number in 0..count {
        script = script.seated(2).each(2, |frame, sample| {
            use crate::builder::Filling;
            let back = sample % 4 == 3;
            frame.add_candidate(sample, if back { SCREEN } else { looks(number) });
        });
    }
    script.seated(4)
}

fn glance_session(count: i64, looks: impl Fn(i64) -> Looks) -> crate::fixtures::Outcome {
    run(&standard(), &glances(session().fps(2).seated(60), count, looks).observations())
}

#[test]
fn many_looks_to_the_same_place_are_reported_and_few_are_not() {
    let same = |_| SCREEN.eyes_by(0.12);
    assert_eq!(glance_session(7, same).kinds(), []);
    let outcome = glance_session(8, same);
    assert_eq!(outcome.kinds(), [RepeatedGlances]);
    let incident = outcome.of(RepeatedGlances)[0];
    assert_eq!(incident.severity, Severity::Low);
    assert_eq!(incident.reason.text, "Eight short looks went to the same place beside the screen.");
    assert_eq!(outcome.score().concern_milli, 3000);
    let outcome = glance_session(16, same);
    assert_eq!(outcome.of(RepeatedGlances)[0].severity, Severity::Medium);
    assert_eq!(outcome.score().concern_milli, 6000);
}

#[test]
fn looks_to_different_places_are_not_repeated() {
    let around = |number: i64| match number % 3 {
        0 => SCREEN.eyes_by(0.12),
        1 => SCREEN.eyes_by(-0.12),
        _ => SCREEN.turned(45.0),
    };
    assert_eq!(glance_session(12, around).kinds(), []);
}

#[test]
fn a_look_that_is_not_bounded_by_seen_samples_is_no_glance() {
    let mut script = session().fps(2).seated(60);
    for _ in 0..12 {
        script = script.seated(2).dark(1).looking(2, SCREEN.eyes_by(0.12));
    }
    assert_eq!(run(&standard(), &script.seated(4).observations()).kinds(), []);
}

#[test]
fn a_plan_too_sparse_for_glances_says_so() {
    let sparse: Vec<_> = session().seated(60).observations();
    let sparse: Vec<_> = sparse
        .into_iter()
        .map(|mut observation| {
            observation.plan.fps = 0.5;
            observation.frames.truncate(1);
            observation
        })
        .collect();
    let outcome = run(&standard(), &sparse);
    let left_out = outcome.score().not_evaluated.iter();
    let reasons: Vec<_> =
        left_out.filter(|entry| entry.kind == RepeatedGlances).map(|entry| entry.reason).collect();
    assert_eq!(reasons, [NotEvaluatedReason::Uncalibrated, NotEvaluatedReason::SparsePlan]);
}
