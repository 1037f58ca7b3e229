//! Persons that are looked for every few seconds only are judged as if they were looked for all the time,
//! except that nothing is made up: neither across missing data, nor of the candidate, nor of a coat.

use domain::detections::ObjectClass;
use domain::messages::IncidentType::{self, MultiplePersons, PersonAbsent};
use domain::messages::UnseenReason;

use crate::builder::{Filling, SCREEN, Script, session, sway};
use crate::fixtures::{run, standard};

fn kinds(script: Script) -> Vec<IncidentType> {
    run(&standard(), &script.observations()).kinds()
}

/// Somebody beside the candidate whose face is never seen.
fn faceless_other(script: Script, seconds: i64) -> Script {
    script.beside(seconds, |frame, number| {
        frame.add_body(0.86 + sway(number, 4) * 0.03, 0.2, 0.14, 0.6, 0.6);
    })
}

#[test]
fn somebody_whose_face_is_never_seen_stays_between_looks() {
    let always = run(&standard(), &faceless_other(session().seated(20), 40).seated(20).observations());
    let script = faceless_other(session().seated(20), 40).seated(20).rarely();
    let rarely = run(&standard(), &script.observations());
    assert_eq!((always.kinds(), rarely.kinds()), (vec![MultiplePersons], vec![MultiplePersons]));
    let [(start, end)] = rarely.spans(MultiplePersons)[..] else { panic!("{rarely:?}") };
    // Seen from the first look, and the movement that brings them to life needs five of those.
    assert!((19..=40).contains(&start) && (59..=64).contains(&end), "{start} {end}");
}

#[test]
fn a_coat_looked_at_rarely_comes_to_life_no_sooner() {
    let coat = session().seated(20).beside(300, |frame, number| {
        frame.add_body(0.86 + sway(number, 6) * 0.0007, 0.2, 0.14, 0.6, 0.6);
    });
    assert_eq!(kinds(coat.rarely()), []);
}

#[test]
fn the_candidate_is_nobody_else() {
    // Turned away at a look, then facing the camera from another place.
    let script = session().seated(20).each(1, |frame, number| {
        frame.show(number, true, 1000, 0);
        frame.add_body(0.05, 0.2, 0.3, 0.7, 0.8);
    });
    let script = script.each(19, |frame, number| {
        frame.show(number, true, 1000, 0);
        frame.add_face(0.7 + sway(number, 3) * 0.012, 0.22, 0.2, 0.3, 0.93, SCREEN);
    });
    assert_eq!(kinds(script.seated(20).rarely()), []);
}

#[test]
fn nobody_is_recalled_across_time_that_was_not_seen() {
    let other = || faceless_other(session().seated(20), 40);
    let whole = run(&standard(), &other().seated(2).rarely().observations());
    let mut observations = other().seated(2).rarely().observations();
    // What follows the last look that showed somebody is lost, and with it the look that showed nobody.
    for frame in observations.iter_mut().flat_map(|segment| &mut segment.frames) {
        if (58_000..60_000).contains(&frame.media_ms.0) {
            frame.status = domain::messages::SampleStatus::NotSeen;
            frame.reason = Some(UnseenReason::Dark);
        }
    }
    let broken = run(&standard(), &observations);
    let end = |outcome: &crate::fixtures::Outcome| outcome.spans(MultiplePersons).last().unwrap().1;
    assert!(end(&broken) <= 58 && end(&whole) > 58, "{broken:?}");
}

#[test]
fn a_candidate_bent_down_is_not_gone_between_looks() {
    // The seat looks empty, a body is seen at every second sample and not looked for at the others.
    let script = session().seated(30).each(40, |frame, number| {
        frame.show(number, false, 1000, 0);
        frame.add_body(0.1, 0.2, 0.3, 0.7, 0.8);
        if number % 2 == 1 {
            (frame.persons, frame.objects) = (None, None);
        }
    });
    assert_eq!(kinds(script), [IncidentType::FaceNotDetected]);
}

#[test]
fn an_empty_place_needs_a_look_for_bodies() {
    // A poster's face, and nobody looked whether there is a body.
    let script = |rarely: bool| {
        let script = session().poster(30).each(30, |frame, number| {
            frame.show(number, false, 1000, 0);
            frame.add_face(0.72 + sway(number, 6) * 0.0007, 0.25, 0.14, 0.24, 0.95, SCREEN);
        });
        let mut observations = script.observations();
        if rarely {
            for frame in observations.iter_mut().flat_map(|segment| &mut segment.frames) {
                (frame.persons, frame.objects) = (None, None);
            }
        }
        run(&standard(), &observations).kinds()
    };
    assert_eq!(script(false), [PersonAbsent]);
    assert_eq!(script(true), []);
}

#[test]
fn objects_stay_between_looks() {
    let mut policy = standard();
    policy.detect.prohibited_object.classes = [ObjectClass::Book].into_iter().collect();
    let script = session().seated(20).object(30, ObjectClass::Book, 0.7).seated(20);
    let outcome = run(&policy, &script.rarely().observations());
    assert_eq!(outcome.kinds(), [IncidentType::ProhibitedObject]);
}
