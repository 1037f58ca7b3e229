use proptest::prelude::*;

use super::*;
use crate::geometry::Rect;
use crate::messages::{FaceObservation, FrameObservation, IdentityMatch, PersonObservation, SampleStatus};
use crate::score::telling::{Subject, Telling};
use crate::time::{Interval, MediaMs, Millis};

const APART: Millis = Millis(5000);
/// A similarity from which on somebody is who was enrolled.
const ALIKE: f32 = 0.95;

fn face(rect: [f32; 4], similarity: Option<f32>) -> FaceObservation {
    let identity = similarity.map(|similarity| IdentityMatch {
        eligible: true,
        similarity: Some(similarity),
        template: "tpl-1".to_owned(),
    });
    let (yaw, pitch, roll, gaze_yaw, gaze_pitch, eye_openness) = (None, None, None, None, None, None);
    let (rect, conf, points) = (rect.into(), 0.9, Vec::new());
    FaceObservation { rect, conf, points, yaw, pitch, roll, gaze_yaw, gaze_pitch, eye_openness, identity }
}

fn sample(at: i64, faces: Vec<FaceObservation>, bodies: &[[f32; 4]]) -> FrameObservation {
    let person = |rect: &[f32; 4]| PersonObservation { rect: (*rect).into(), conf: 0.8 };
    FrameObservation {
        media_ms: MediaMs(at),
        status: SampleStatus::Seen,
        reason: None,
        quality: None,
        faces,
        persons: Some(bodies.iter().map(person).collect()),
        objects: Some(Vec::new()),
    }
}

const LEFT: [f32; 4] = [0.1, 0.2, 0.2, 0.3];
const RIGHT: [f32; 4] = [0.6, 0.2, 0.2, 0.3];

fn followed(samples: &[FrameObservation], alike: Option<f32>) -> Option<Rect> {
    let last = samples.iter().fold(None, |before, sample| Whereabouts::after(before, sample, alike))?;
    Some(last.face)
}

#[test]
fn who_sat_alone_is_followed_when_somebody_joins() {
    let alone = sample(0, vec![face(LEFT, None)], &[]);
    let joined = sample(1000, vec![face(RIGHT, None), face([0.12, 0.2, 0.2, 0.3], None)], &[]);
    assert_eq!(followed(&[alone.clone(), joined.clone()], None), Some([0.12, 0.2, 0.2, 0.3].into()));
    assert_eq!(followed(std::slice::from_ref(&joined), None), None, "nobody knows who was there first");
    let later = FrameObservation { media_ms: MediaMs(4000), ..joined };
    assert_eq!(followed(&[alone.clone(), later], None), None, "they may have changed places");
    let near = sample(1000, vec![face([0.12, 0.2, 0.2, 0.3], None), face([0.25, 0.2, 0.2, 0.3], None)], &[]);
    assert_eq!(followed(&[alone.clone(), near], None), None, "it could be either");
    let gone = sample(1000, Vec::new(), &[]);
    assert_eq!(followed(&[alone, gone], None), None);
    let faceless = sample(0, vec![face(LEFT, None)], &[[0.05, 0.1, 0.3, 0.9], [0.6, 0.1, 0.3, 0.9]]);
    assert_eq!(followed(&[faceless], None), None, "the other one may be the candidate");
}

#[test]
fn who_is_enrolled_is_known_by_comparison_alone() {
    let unknown = sample(0, vec![face(LEFT, None)], &[]);
    assert_eq!(followed(&[unknown], Some(ALIKE)), None, "who sits there alone may be anybody");
    let both = sample(0, vec![face(LEFT, Some(0.5)), face(RIGHT, Some(0.99))], &[]);
    assert_eq!(followed(std::slice::from_ref(&both), Some(ALIKE)), Some(RIGHT.into()));
    let next = |similarity| sample(500, vec![face(LEFT, None), face(RIGHT, similarity)], &[]);
    assert_eq!(followed(&[both.clone(), next(None)], Some(ALIKE)), Some(RIGHT.into()));
    assert_eq!(followed(&[both, next(Some(0.9))], Some(ALIKE)), None, "not alike any more");
    let twins = sample(0, vec![face(LEFT, Some(0.99)), face(RIGHT, Some(0.99))], &[]);
    assert_eq!(followed(&[twins], Some(ALIKE)), None);
}

#[test]
fn everybody_else_is_hidden_and_what_was_found_shortly_before_too() {
    let own_body = [0.05, 0.1, 0.3, 0.9];
    let arm = [0.1, 0.5, 0.1, 0.3];
    let other_body = [0.55, 0.1, 0.3, 0.9];
    let samples = [
        sample(0, vec![face(LEFT, None)], &[own_body, other_body]),
        sample(1000, vec![face(LEFT, None), face(RIGHT, None)], &[own_body, arm]),
        sample(9000, vec![face([0.4, 0.8, 0.1, 0.1], None)], &[]),
    ];
    let candidate = Some(Whereabouts { face: LEFT.into(), at: MediaMs(1000) });
    let hidden = Hidden::of(&samples, MediaMs(1000), candidate);
    assert_eq!((hidden.faces.len(), hidden.bodies.len()), (1, 1), "{hidden:?}");
    assert!(hidden.faces[0].share_inside(RIGHT.into()) < 0.5, "more than the detector's box");
    assert!(Rect::from(RIGHT).share_inside(hidden.faces[0]) > 0.99);
    assert!(Rect::from(other_body).share_inside(hidden.bodies[0]) > 0.99);
    assert!(hidden.spared.is_some());
    let nobody = Hidden::of(&samples, MediaMs(1000), None);
    assert_eq!((nobody.faces.len(), nobody.bodies.len(), nobody.spared), (3, 4, None));
    let mut again = hidden;
    assert!(!again.add(LEFT.into()), "the candidate's");
    assert!(again.add([0.4, 0.4, 0.1, 0.1].into()) && again.faces.len() == 2);
}

#[test]
fn somebody_behind_the_candidate_is_no_part_of_them() {
    let (own, behind) = ([0.0, 0.1, 0.9, 0.9], [0.6, 0.15, 0.25, 0.5]);
    let samples = [sample(0, vec![face(LEFT, None), face([0.65, 0.2, 0.1, 0.15], None)], &[own, behind])];
    let candidate = Some(Whereabouts { face: LEFT.into(), at: MediaMs(0) });
    let hidden = Hidden::of(&samples, MediaMs(0), candidate);
    assert_eq!((hidden.faces.len(), hidden.bodies.len()), (1, 1), "{hidden:?}");
}

#[test]
fn a_picture_has_one_name_and_belongs_to_what_it_shows() {
    let name: PictureName = "1-30-61500".parse().unwrap();
    assert_eq!((name.epoch, name.sequence, name.at), (1, 30, MediaMs(61_500)));
    for bad in
        ["", "1-30", "1-30-", "01-30-61500", "1-+30-61500", "1-30-61500-2", "../1-2-3", "1-2-x", "1-2--3"]
    {
        assert!(bad.parse::<PictureName>().is_err(), "{bad}");
    }
    let span = |start, end, segments: &[u64]| {
        let interval = Interval::new(MediaMs(start), MediaMs(end));
        Span { interval, segments: segments.to_vec() }
    };
    assert!(span(61_000, 74_000, &[29, 30]).holds(&name));
    assert!(span(62_000, 74_000, &[30]).holds(&name), "a sample stands for time around it");
    assert!(!span(61_000, 74_000, &[31]).holds(&name));
    assert!(!span(90_000, 95_000, &[30]).holds(&name), "of another recording");
}

fn subject() -> impl Strategy<Value = Subject> {
    prop::sample::select(vec![Subject::Nobody, Subject::Object, Subject::Persons, Subject::AnotherFace])
}

fn rect() -> impl Strategy<Value = Rect> {
    (0.0_f32..0.9, 0.0_f32..0.9, 0.02_f32..0.4, 0.02_f32..0.4).prop_map(|(x, y, w, h)| Rect { x, y, w, h })
}

fn crowd() -> impl Strategy<Value = Vec<FrameObservation>> {
    let similarity = prop::option::of(0.4_f32..1.0);
    let faces = prop::collection::vec((rect(), similarity), 0..4);
    let bodies = prop::collection::vec(rect(), 0..4);
    let one = (faces, bodies).prop_map(|(faces, bodies)| {
        let faces = faces.into_iter().map(|(rect, similarity)| face(rect.into(), similarity)).collect();
        let bodies: Vec<[f32; 4]> = bodies.into_iter().map(Into::into).collect();
        sample(0, faces, &bodies)
    });
    prop::collection::vec(one, 1..5).prop_map(|mut samples| {
        for (index, sample) in samples.iter_mut().enumerate() {
            sample.media_ms = MediaMs(index as i64 * 500);
        }
        samples
    })
}

proptest! {
    /// Whatever is seen, two pictures of a session are apart, and what goes on for long makes few.
    #[test]
    fn pictures_are_apart(steps in prop::collection::vec((0_i64..4000, subject()), 0..200)) {
        let (mut before, mut last, mut now) = (None, None, 0);
        for (step, subject) in steps {
            now += step;
            let telling = Telling { at: MediaMs(now), subject };
            if let Some(taken) = Spacing::allow(before, telling, APART) {
                prop_assert!(last.is_none_or(|last| now - last >= APART.0));
                (before, last) = (Some(taken), Some(now));
            }
        }
    }

    #[test]
    fn what_goes_on_for_an_hour_is_shown_a_few_times(subject in subject()) {
        let mut before = None;
        let mut taken = 0;
        for at in (0..3_600_000).step_by(2000) {
            if let Some(now) = Spacing::allow(before, Telling { at: MediaMs(at), subject }, APART) {
                (before, taken) = (Some(now), taken + 1);
            }
        }
        prop_assert!((5..16).contains(&taken), "{taken}");
    }

    /// No face but one can be seen, and that one only where it is sure whose it is.
    #[test]
    fn nobody_but_the_candidate_can_be_seen(samples in crowd(), enrolled: bool) {
        let alike = enrolled.then_some(ALIKE);
        let mut candidate = None;
        for sample in &samples {
            candidate = Whereabouts::after(candidate, sample, alike);
            let here = candidate.filter(|candidate| candidate.at == sample.media_ms);
            let hidden = Hidden::of(&samples, sample.media_ms, here);
            for seen in &sample.faces {
                let is_candidate = here.is_some_and(|here| here.face == seen.rect);
                let is_hidden = hidden.faces.iter().any(|face| seen.rect.share_inside(*face) > 0.99);
                prop_assert!(is_hidden || is_candidate);
                let compared = seen.identity.as_ref().and_then(|one| one.similarity);
                let is_unlike = enrolled && compared.is_some_and(|similarity| similarity < ALIKE);
                prop_assert!(!(is_candidate && is_unlike), "compared, and somebody else");
            }
            prop_assert!(here.is_some() || hidden.bodies.len() >= sample.persons.iter().flatten().count());
        }
    }
}
