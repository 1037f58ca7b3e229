//! Little light and dark skin cost no face; no light at all is said to be just that.

use domain::messages::UnseenReason;
use domain::observe::quality::Light;

use crate::support::{SIZE, darkened, golden, look, picture};

#[test]
fn a_face_in_a_tenth_of_the_light_is_found_and_measured() {
    let sight = look(picture(&darkened(&golden("astronaut_640x480"), 0.1), SIZE));
    assert!(!matches!(sight.light, Light::Unusable(_)), "{:?}", sight.light);
    assert_eq!(sight.detections.faces.len(), 1);
    assert!(sight.detections.faces[0].mesh.is_some_and(|mesh| mesh.eyes.is_some()));
}

/// Only the face is darker, as skin is: the room says nothing about it.
#[test]
fn a_much_darker_face_in_a_lit_room_is_found_and_measured() {
    let bright = golden("astronaut_640x480");
    let dark = darkened(&bright, 0.1);
    // Around the face's box of the golden output.
    let face = |index: usize| {
        let (x, y) = (index / 3 % 640, index / 3 / 640);
        let (dx, dy) = ((x as f32 - 281.0) / 85.0, (y as f32 - 158.0) / 110.0);
        dx * dx + dy * dy < 1.0
    };
    let rgb: Vec<u8> =
        (0..bright.len()).map(|index| if face(index) { dark[index] } else { bright[index] }).collect();
    let sight = look(picture(&rgb, SIZE));
    assert_eq!(sight.light, Light::Normal);
    assert_eq!(sight.detections.faces.len(), 1, "{:?}", sight.detections.faces);
    assert!(sight.detections.faces[0].mesh.is_some());
}

#[test]
fn a_black_picture_is_unusable_and_shows_nothing() {
    let sight = look(picture(&vec![3; 640 * 480 * 3], SIZE));
    let Light::Unusable(reason) = sight.light else { panic!("{:?}", sight.light) };
    assert!(matches!(reason, UnseenReason::Obstructed | UnseenReason::Dark));
    assert_eq!(sight.detections, Default::default());
}
