//! Looking away is measured from the candidate's own screen: nothing counts before it is known, and a
//! camera to the side or a raised face is no offence.

use domain::messages::CountsReason;
use domain::messages::IncidentType::{GazeOffScreen, HeadTurnedAway};
use domain::messages::NotEvaluatedReason;

use crate::builder::{Looks, SCREEN, session};
use crate::fixtures::{run, standard};

/// A second monitor is the screen, and the camera sits on the first one.
const SIDEWAYS: Looks = Looks { yaw: 27.0, pitch: 20.0, eyes: Some((0.06, 0.02)) };

#[test]
fn a_camera_to_the_side_is_no_offence() {
    let outcome = run(&standard(), &session().looking(300, SIDEWAYS).observations());
    assert_eq!(outcome.kinds(), []);
}

#[test]
fn away_is_away_from_the_own_screen() {
    let script = session().looking(60, SIDEWAYS).looking(15, SIDEWAYS.turned(-30.0)).looking(20, SIDEWAYS);
    let outcome = run(&standard(), &script.observations());
    assert_eq!(outcome.spans(GazeOffScreen), [(59, 74)]);
}

#[test]
fn before_eight_seconds_looking_away_is_listed_and_costs_nothing() {
    let away = SCREEN.turned(60.0);
    let mut policy = standard();
    policy.detect.head_turned_away.window.on_ms.0 = 4000;
    let outcome = run(&policy, &session().looking(6, away).seated(40).observations());
    let incident = outcome.of(HeadTurnedAway)[0];
    assert_eq!((incident.counts, incident.counts_reason), (false, CountsReason::Uncalibrated));
    assert_eq!(outcome.score().concern_milli, 0);
    let left_out = &outcome.score().not_evaluated;
    assert_eq!(left_out.len(), 3);
    assert!(left_out.iter().all(|entry| entry.reason == NotEvaluatedReason::Uncalibrated));
    assert!((7000..=9000).contains(&left_out[0].duration_ms.0), "{left_out:?}");
}

#[test]
fn looking_away_within_the_first_minute_does_not_move_the_centre() {
    let script = session().seated(12).looking(20, SCREEN.turned(30.0)).seated(60);
    let outcome = run(&standard(), &script.observations());
    assert_eq!(outcome.spans(GazeOffScreen), [(11, 31)]);
}

#[test]
fn a_first_impression_that_was_wrong_is_given_up() {
    // Eight seconds of something else, then a minute at the screen.
    let script = session().looking(9, SCREEN.turned(30.0)).seated(300);
    let outcome = run(&standard(), &script.observations());
    let total: i64 = outcome.of(GazeOffScreen).iter().map(|incident| incident.duration_ms.0).sum();
    assert!(total <= 20_000, "{total}");
}

#[test]
fn posture_may_drift() {
    let mut script = session().seated(70);
    for step in 1..=30 {
        script = script.looking(30, SCREEN.turned(step as f32 * 0.9));
    }
    assert_eq!(run(&standard(), &script.observations()).kinds(), []);
}

#[test]
fn a_new_encoder_is_learned_anew() {
    let script = session().seated(60).reload().looking(120, SIDEWAYS);
    let outcome = run(&standard(), &script.observations());
    assert_eq!(outcome.kinds(), []);
}
