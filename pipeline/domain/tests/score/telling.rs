//! A picture is worth keeping of what the fold makes an incident of, and of nothing else; of a segment's samples it is
//! the one that shows most.

use domain::detections::ObjectClass;
use domain::evidence::PictureName;
use domain::messages::{IdentityMatch, IncidentType, Observation, SampleStatus};
use domain::policy::Policy;
use domain::score::telling::{Subject, Telling, most_telling};
use domain::time::MediaMs;
use proptest::prelude::*;

use crate::builder::{Filling, SCREEN, Script, session};
use crate::fixtures::{run, standard};

fn told(policy: &Policy, observations: &[Observation]) -> Vec<Telling> {
    observations.iter().filter_map(|observation| most_telling(observation, policy, false)).collect()
}

fn subjects(policy: &Policy, script: Script) -> Vec<Subject> {
    let mut subjects: Vec<Subject> =
        told(policy, &script.observations()).iter().map(|telling| telling.subject).collect();
    subjects.dedup();
    subjects
}

#[test]
fn what_opens_incidents_is_worth_a_picture_and_what_is_calm_or_unseen_is_not() {
    let policy = standard();
    assert_eq!(subjects(&policy, session().seated(20)), []);
    assert_eq!(subjects(&policy, session().seated(10).dark(10).covered(10)), []);
    assert_eq!(subjects(&policy, session().looking(20, SCREEN.turned(60.0))), []);
    assert_eq!(subjects(&policy, session().faceless(10)), []);
    assert_eq!(subjects(&policy, session().seated(10).absent(20).seated(10)), [Subject::Nobody]);
    assert_eq!(subjects(&policy, session().seated(10).second_person(10)), [Subject::Persons]);
}

#[test]
fn objects_count_where_the_policy_lists_them_alone() {
    let phone = || session().object(8, ObjectClass::Phone, 0.9);
    assert_eq!(subjects(&standard(), phone()), []);
    let mut policy = standard();
    policy.detect.phone_visible.enabled = true;
    assert_eq!(subjects(&policy, phone()), [Subject::Object]);
    assert_eq!(subjects(&policy, session().object(8, ObjectClass::Book, 0.9)), []);
    policy.detect.prohibited_object.classes = vec![ObjectClass::Book];
    assert_eq!(subjects(&policy, session().object(8, ObjectClass::Book, 0.7)), [Subject::Object]);
}

#[test]
fn somebody_who_may_be_there_is_nothing_to_keep() {
    let observations = session().second_person(10).observations();
    assert!(observations.iter().all(|one| most_telling(one, &standard(), true).is_none()));
}

#[test]
fn of_a_segment_it_is_the_sample_that_shows_most_and_of_equals_the_first() {
    let mut observations = session().fps(2).absent(2).observations();
    let telling = |observations: &[Observation]| told(&standard(), observations)[0];
    assert_eq!(telling(&observations), Telling { at: MediaMs(0), subject: Subject::Nobody });
    for (sample, conf) in [(1, 0.7), (2, 0.9), (3, 0.9)] {
        let frame = &mut observations[0].frames[sample];
        frame.add_face(0.1, 0.2, 0.2, 0.3, 0.95, SCREEN);
        frame.add_face(0.6, 0.2, 0.2, 0.3, conf, SCREEN);
    }
    assert_eq!(telling(&observations), Telling { at: MediaMs(1000), subject: Subject::Persons });
    let (eligible, template) = (true, "tpl-1".to_owned());
    let compared = |similarity| Some(IdentityMatch { eligible, similarity, template: template.clone() });
    observations[0].frames[1].faces[0].identity = compared(Some(0.99));
    assert_eq!(telling(&observations).subject, Subject::Persons, "they are who they are");
    observations[0].frames[1].faces[0].identity = compared(Some(0.5));
    assert_eq!(telling(&observations), Telling { at: MediaMs(500), subject: Subject::AnotherFace });
}

fn stretch() -> impl Strategy<Value = Script> {
    (0..5, 1..20_i64).prop_map(|(what, seconds)| match what {
        0 => session().seated(seconds),
        1 => session().absent(seconds),
        2 => session().second_person(seconds),
        3 => session().dark(seconds),
        _ => session().poster(seconds),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whoever reviews an incident of these types finds a picture of it, if one was taken whenever it was told to be.
    #[test]
    fn every_such_incident_has_a_segment_with_something_to_show(stretches in prop::collection::vec(stretch(), 1..6)) {
        let script = stretches.into_iter().fold(session().seated(20), Script::then);
        let observations = script.observations();
        let told = told(&standard(), &observations);
        let outcome = run(&standard(), &observations);
        for kind in [IncidentType::MultiplePersons, IncidentType::PersonAbsent] {
            for incident in outcome.of(kind) {
                let span = incident.span().unwrap();
                let shows = |at: MediaMs| {
                    let of = observations.iter().find(|one| one.start_ms <= at && at < one.end_ms).unwrap();
                    let (epoch, sequence) = (of.stream.epoch, of.sequence);
                    span.holds(&PictureName { epoch, sequence, at })
                };
                prop_assert!(told.iter().any(|telling| shows(telling.at)), "{incident:?}");
            }
        }
        for telling in told {
            let frames = observations.iter().flat_map(|one| &one.frames);
            let frame = frames.clone().find(|frame| frame.media_ms == telling.at).unwrap();
            prop_assert!(frame.status == SampleStatus::Seen);
        }
    }
}
