//! Nobody found is an absence only if the picture agrees: the candidate's place looks different.

use domain::messages::IncidentType::{self, FaceNotDetected, PersonAbsent};

use crate::builder::{Script, session};
use crate::fixtures::{Outcome, run, standard};

fn outcome(script: Script) -> Outcome {
    run(&standard(), &script.seated(30).observations())
}

fn kinds(script: Script) -> Vec<IncidentType> {
    outcome(script).kinds()
}

#[test]
fn an_empty_seat_is_an_absence() {
    let outcome = outcome(session().seated(30).absent(20));
    assert_eq!(outcome.kinds(), [PersonAbsent]);
    assert_eq!(outcome.spans(PersonAbsent), [(29, 49)]);
}

#[test]
fn a_detector_that_fails_is_no_absence() {
    let outcome = outcome(session().seated(30).undetected(20));
    assert_eq!(outcome.kinds(), [FaceNotDetected]);
    assert_eq!(outcome.score().integrity, Some(100));
}

#[test]
fn a_change_of_exposure_is_no_witness() {
    for (gain, offset) in [(1000, 40), (1000, -30), (600, 0), (1400, 0), (700, 50), (1300, -40), (400, 10)] {
        let script = session().seated(30).undetected_exposed(20, gain, offset);
        assert_eq!(kinds(script), [FaceNotDetected], "gain {gain} offset {offset}");
    }
}

#[test]
fn an_empty_seat_is_an_absence_under_any_exposure() {
    for (gain, offset) in [(1000, 40), (1000, -30), (700, 0), (1300, 0), (700, 50)] {
        let script = session().seated(30).absent_exposed(20, gain, offset);
        assert_eq!(kinds(script), [PersonAbsent], "gain {gain} offset {offset}");
    }
}

#[test]
fn who_never_sat_is_not_absent() {
    let outcome = run(&standard(), &session().absent(60).observations());
    assert_eq!(outcome.kinds(), [FaceNotDetected]);
    assert_eq!(outcome.score().integrity, Some(100));
}

#[test]
fn after_a_new_encoder_the_old_place_is_no_witness() {
    assert_eq!(kinds(session().seated(30).reload().absent(20)), [FaceNotDetected]);
}

#[test]
fn a_body_or_a_face_says_somebody_is_there() {
    assert_eq!(kinds(session().seated(30).faceless(20)), [FaceNotDetected]);
    let behind = session().seated(30).absent(0).each(20, |frame, number| {
        use crate::builder::Filling;
        frame.show(number, false, 1000, 0);
        frame.add_body(0.1, 0.2, 0.3, 0.7, 0.45);
    });
    assert_eq!(kinds(behind), [FaceNotDetected]);
}

#[test]
fn a_poster_does_not_sit_in_for_the_candidate() {
    let script = session().poster(30).each(20, |frame, number| {
        use crate::builder::{Filling, SCREEN, sway};
        frame.show(number, false, 1000, 0);
        frame.add_face(0.72 + sway(number, 6) * 0.0007, 0.25, 0.14, 0.24, 0.95, SCREEN);
    });
    let outcome = run(&standard(), &script.poster(30).observations());
    assert_eq!(outcome.kinds(), [PersonAbsent]);
}
