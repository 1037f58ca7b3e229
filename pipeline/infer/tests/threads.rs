//! What is seen depends on the picture alone: not on threads, neighbours or what was seen before.

use domain::ports::{Look, Sight, Vision as _};
use infer::Vision;

use crate::support::{SIZE, brief, darkened, golden, mirrored, picture, settings};

/// Segments, the last of several pictures.
fn segments() -> Vec<Vec<Look>> {
    let (one, two) = (golden("astronaut_640x480"), golden("two_faces_640x480"));
    let mut all = vec![picture(&one, SIZE), picture(&two, SIZE), picture(&mirrored(&two, SIZE.0), SIZE)];
    all.push(picture(&darkened(&one, 0.1), SIZE));
    // Another size between, so that no buffer fits by chance.
    all.push(picture(&one[..640 * 301 * 3], (640, 301)));
    all.push(picture(&two, SIZE));
    let mut segments: Vec<Vec<Look>> = all.into_iter().map(|picture| vec![brief(picture)]).collect();
    segments.push((0..6).map(|_| brief(picture(&one, SIZE))).collect());
    segments
}

fn seen(vision: &Vision, segments: &[Vec<Look>]) -> Vec<Vec<Sight>> {
    let answers = vision.look(segments).into_iter();
    answers.map(|segment| segment.into_iter().map(Result::unwrap).collect()).collect()
}

#[test]
fn any_number_of_threads_sees_the_same_bit_by_bit() {
    let segments = segments();
    let alone = Vision::new(&settings(1)).unwrap();
    let expected = seen(&alone, &segments);
    assert_eq!(expected[1], expected[5]);
    assert!(expected.iter().flatten().all(|sight| !sight.detections.faces.is_empty()));
    for threads in [2, 4] {
        let vision = Vision::new(&settings(threads)).unwrap();
        for _ in 0..2 {
            assert_eq!(seen(&vision, &segments), expected, "{threads} threads");
        }
    }
    let backwards: Vec<_> = segments.iter().rev().cloned().collect();
    let mut found = seen(&alone, &backwards);
    found.reverse();
    assert_eq!(found, expected);
}

#[test]
fn no_pictures_are_no_work() {
    assert!(crate::support::vision().look(&[]).is_empty());
}
