//! Two persons are reported when two living persons are there, not when a poster, a second box of the
//! same person, or somebody far away is.

use domain::messages::IncidentType::{self, MultiplePersons};
use domain::messages::Severity;
use domain::score::ScoreInput;

use crate::builder::{Filling, SCREEN, Script, session, sway};
use crate::fixtures::{fold_with, run, standard, started};

fn kinds(script: Script) -> Vec<IncidentType> {
    run(&standard(), &script.seated(20).observations()).kinds()
}

fn at_two_fps() -> Script {
    session().seated(20).fps(2).seated(4)
}

#[test]
fn a_second_person_is_reported_with_their_time() {
    let outcome = run(&standard(), &at_two_fps().second_person(12).seated(20).observations());
    assert_eq!(outcome.kinds(), [MultiplePersons]);
    assert_eq!(outcome.spans(MultiplePersons), [(23, 35)]);
    let incident = outcome.of(MultiplePersons)[0];
    assert_eq!((incident.severity, incident.severity_num), (Severity::High, 0.25));
    assert_eq!(incident.reason.params["max_persons"], 2);
    assert_eq!((incident.stats.planned, incident.stats.matched), (24, 24));
    assert_eq!(incident.confidence, 0.85);
}

#[test]
fn a_poster_is_no_person() {
    assert_eq!(kinds(at_two_fps().poster(600)), []);
    assert_eq!(kinds(session().fps(2).poster(600)), []);
}

#[test]
fn a_small_face_that_jitters_with_its_detector_is_a_poster() {
    // 7 thousandths of the picture, a seventh of the face: more of its size than a living one may move.
    let small = at_two_fps().beside(300, |frame, number| {
        frame.add_face(0.8 + sway(number, 6) * 0.0035, 0.1, 0.05, 0.09, 0.95, SCREEN);
    });
    assert_eq!(kinds(small), []);
}

#[test]
fn whoever_sits_still_is_told_from_a_poster() {
    // 3 hundredths of a large face: less than was measured of persons who sit still.
    let still = at_two_fps().beside(20, |frame, number| {
        frame.add_face(0.6 + sway(number, 6) * 0.009, 0.25, 0.38, 0.5, 0.95, SCREEN);
    });
    assert_eq!(kinds(still), [MultiplePersons]);
}

#[test]
fn a_still_face_is_no_person_from_its_first_moment() {
    let mut script = session().seated(20);
    for _ in 0..10 {
        script = script.poster(4).seated(16);
    }
    assert_eq!(kinds(script), []);
}

#[test]
fn an_outlier_of_the_detector_does_not_bring_a_poster_to_life() {
    let jumpy = at_two_fps().beside(300, |frame, number| {
        let jump = if number % 9 == 0 { 0.05 } else { 0.0 };
        frame.add_face(0.72 + jump, 0.25, 0.14, 0.24, 0.95, SCREEN);
    });
    assert_eq!(kinds(jumpy), []);
}

#[test]
fn a_poster_and_a_person_are_a_person() {
    let script = at_two_fps().poster(60).beside(20, |frame, number| {
        frame.add_face(0.72 + sway(number, 6) * 0.0007, 0.25, 0.14, 0.24, 0.95, SCREEN);
        frame.add_face(0.08 + sway(number, 8) * 0.02, 0.3, 0.13, 0.22, 0.8, SCREEN);
    });
    let outcome = run(&standard(), &script.poster(20).observations());
    assert_eq!(outcome.kinds(), [MultiplePersons]);
    assert_eq!(outcome.of(MultiplePersons)[0].reason.params["max_persons"], 2);
}

#[test]
fn a_face_and_its_body_are_one_person() {
    // The script's candidate always has both; the body's box alone lies elsewhere for a moment.
    let torso = at_two_fps().each(20, |frame, number| {
        frame.add_candidate(number, SCREEN);
        let body = &mut frame.persons.as_mut().unwrap()[0];
        body.rect.y = 0.5;
        body.rect.h = 0.5;
    });
    assert_eq!(kinds(torso), []);
}

#[test]
fn a_box_within_a_box_is_the_same_person() {
    let arm = at_two_fps().beside(20, |frame, number| {
        frame.add_body(0.2 + sway(number, 4) * 0.05, 0.5, 0.25, 0.45, 0.6);
    });
    assert_eq!(kinds(arm), []);
}

#[test]
fn a_body_without_a_face_is_a_person() {
    let back = at_two_fps().beside(20, |frame, number| {
        frame.add_body(0.86 + sway(number, 4) * 0.03, 0.2, 0.14, 0.6, 0.6);
    });
    assert_eq!(kinds(back), [MultiplePersons]);
}

#[test]
fn whoever_is_small_or_doubtful_is_not_in_the_room() {
    let with_face = |height: f32, conf: f32| {
        at_two_fps().beside(20, move |frame, number| {
            frame.add_face(0.8 + sway(number, 4) * 0.02, 0.1, 0.05, height, conf, SCREEN);
        })
    };
    assert_eq!(kinds(with_face(0.085, 0.9)), [MultiplePersons]);
    assert_eq!(kinds(with_face(0.075, 0.9)), []);
    assert_eq!(kinds(with_face(0.085, 0.61)), [MultiplePersons]);
    assert_eq!(kinds(with_face(0.085, 0.59)), []);
}

#[test]
fn an_open_incident_stays_open_at_the_laxer_level() {
    let doubtful = |frame: &mut domain::messages::FrameObservation, number: i64| {
        frame.add_face(0.72 + sway(number, 7) * 0.02, 0.25, 0.14, 0.24, 0.5, SCREEN);
    };
    let script = at_two_fps().second_person(4).beside(6, doubtful).seated(20);
    assert_eq!(run(&standard(), &script.observations()).spans(MultiplePersons), [(23, 33)]);
}

#[test]
fn the_first_revision_comes_with_the_on_time() {
    let mut fold = fold_with(&standard());
    fold.push(ScoreInput::SessionFact(&started(&[], None)));
    let mut opened = None;
    for observation in at_two_fps().second_person(12).observations() {
        for output in fold.push(ScoreInput::Observation(&observation)) {
            if let domain::score::Output::Incident { incident, time_to_flag } = output {
                opened = opened.or(Some((incident.start_ms.0, incident.rev, time_to_flag.0)));
            }
        }
    }
    let (start, rev, time_to_flag) = opened.unwrap();
    assert!((23_500..=24_000).contains(&start), "{start}");
    assert_eq!(rev, 0);
    assert!((2500..=5000).contains(&time_to_flag), "{time_to_flag}");
}
