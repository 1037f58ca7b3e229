//! Which models a picture costs: what is sure is not looked for again, what is in doubt always is.

use domain::ports::{Attention, Look, Sight, Vision as _};
use infer::Vision;

use crate::support::{SIZE, brief, darkened, golden, pasted, picture, settings, thorough};

/// What is seen in a segment, and how often the models ran: detector, mesh, person model.
fn seen(segment: Vec<Look>) -> (Vec<Sight>, [u64; 3]) {
    let vision = Vision::new(&settings(1)).unwrap();
    let sights = vision.look(&[segment]).remove(0).into_iter().map(Result::unwrap).collect();
    let runs = |name: &str| {
        let usage = vision.usage();
        usage.iter().find(|model| model.model == name).map_or(0, |model| model.runs)
    };
    (sights, ["blazeface_back", "face_landmark", "nanodet_g"].map(runs))
}

fn astronaut() -> Vec<u8> {
    golden("astronaut_640x480")
}

/// The astronaut before a grey wall, moved by so many pixels to the right and down.
fn moved(right: u32, down: u32) -> Vec<u8> {
    pasted(&astronaut(), (170, 40, 230, 400), (170 + right, 40 + down))
}

#[test]
fn one_sure_face_is_followed_and_nobody_else_is_looked_for() {
    let still = || brief(picture(&astronaut(), SIZE));
    let (sights, runs) = seen(vec![still(), still(), still(), still(), still(), still()]);
    assert_eq!(runs, [2, 6, 0], "the fifth picture after the first is looked at afresh");
    let [first, second, ..] = sights.as_slice() else { panic!() };
    assert_eq!(second.detections.things, None);
    let (found, followed) = (&first.detections.faces[0], &second.detections.faces[0]);
    assert!(found.rect.iou(followed.rect) > 0.99, "{found:?} {followed:?}");
    let yaws = [found, followed].map(|face| face.mesh.unwrap().yaw);
    assert!((yaws[0] - yaws[1]).abs() < 2.0, "{yaws:?}");
}

#[test]
fn a_followed_face_is_where_a_detector_finds_it() {
    let to = || brief(picture(&moved(14, 6), SIZE));
    let (followed, runs) = seen(vec![brief(picture(&moved(0, 0), SIZE)), to()]);
    assert_eq!(runs, [1, 2, 0]);
    let (found, _) = seen(vec![to()]);
    let (followed, found) = (&followed[1].detections.faces[0], &found[0].detections.faces[0]);
    assert!(followed.rect.iou(found.rect) > 0.85, "{followed:?} {found:?}");
    let (one, other) = (followed.mesh.unwrap(), found.mesh.unwrap());
    assert!(one.rect.iou(other.rect) > 0.95, "{one:?} {other:?}");
    assert!((one.yaw - other.yaw).abs() < 3.0 && (one.pitch - other.pitch).abs() < 3.0);
    let (one, other) = (one.eyes.unwrap(), other.eyes.unwrap());
    assert!((one.gaze_x - other.gaze_x).abs() < 0.03, "{one:?} {other:?}");
}

#[test]
fn a_face_that_is_gone_or_elsewhere_is_looked_for() {
    let far = brief(picture(&moved(200, 0), SIZE));
    let (sights, runs) = seen(vec![brief(picture(&moved(0, 0), SIZE)), far]);
    assert_eq!((runs[0], runs[2]), (2, 0));
    assert!(sights[1].detections.faces[0].rect.x > sights[0].detections.faces[0].rect.x + 0.25);
    let empty = brief(picture(&vec![120; 640 * 480 * 3], SIZE));
    let (sights, _) = seen(vec![brief(picture(&astronaut(), SIZE)), empty]);
    assert!(sights[1].detections.faces.is_empty());
}

#[test]
fn a_change_of_who_is_there_and_whoever_is_not_sure_are_looked_at_by_every_model() {
    let two = || brief(picture(&golden("two_faces_640x480"), SIZE));
    let (sights, runs) = seen(vec![two(), two(), two()]);
    assert_eq!((runs[0] >= 3, runs[2]), (true, 1), "once, until something changes");
    assert!(sights.iter().all(|sight| sight.detections.faces.len() == 2));
    let one = || brief(picture(&astronaut(), SIZE));
    assert_eq!(seen(vec![two(), one(), two()]).1[2], 3);
    let known = Look { attention: Attention::Unless { faces: 2 }, ..two() };
    assert_eq!(seen(vec![known]).1[2], 0);
    let dim = brief(picture(&darkened(&astronaut(), 0.03), SIZE));
    assert_eq!(seen(vec![dim]).1[2], 1, "in the dark nobody is sure");
}

#[test]
fn what_is_plain_to_see_takes_a_glance_and_doubt_a_look() {
    assert_eq!(seen(vec![thorough(picture(&astronaut(), SIZE))]).1, [1, 1, 1]);
    let (sights, runs) = seen(vec![thorough(picture(&golden("two_faces_640x480"), SIZE))]);
    assert_eq!((sights[0].detections.faces.len(), runs[0] >= 2, runs[2]), (2, true, 1), "a face too many");
}

#[test]
fn everything_is_looked_for_when_it_is_its_turn() {
    let still = || thorough(picture(&astronaut(), SIZE));
    let (sights, runs) = seen(vec![still(), still()]);
    assert_eq!(runs, [2, 2, 2]);
    assert!(sights.iter().all(|sight| !sight.detections.things.as_ref().unwrap().persons.is_empty()));
}
