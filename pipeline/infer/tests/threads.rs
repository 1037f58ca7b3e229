//! What is seen depends on the picture alone: not on threads, neighbours or what was seen before.

use std::sync::Arc;

use domain::picture::Picture;
use domain::ports::{Sight, Vision as _};
use infer::Vision;

use crate::support::{SIZE, darkened, golden, mirrored, picture, settings};

fn pictures() -> Vec<Arc<Picture>> {
    let (one, two) = (golden("astronaut_640x480"), golden("two_faces_640x480"));
    let mut all = vec![picture(&one, SIZE), picture(&two, SIZE), picture(&mirrored(&two, SIZE.0), SIZE)];
    all.push(picture(&darkened(&one, 0.1), SIZE));
    // Another size between, so that no buffer fits by chance.
    all.push(picture(&one[..640 * 301 * 3], (640, 301)));
    all.push(picture(&two, SIZE));
    all.into_iter().map(Arc::new).collect()
}

fn seen(vision: &Vision, pictures: &[Arc<Picture>]) -> Vec<Sight> {
    vision.look(pictures).into_iter().map(Result::unwrap).collect()
}

#[test]
fn any_number_of_threads_sees_the_same_bit_by_bit() {
    let pictures = pictures();
    let alone = Vision::new(&settings(1)).unwrap();
    let expected = seen(&alone, &pictures);
    assert_eq!(expected[1], expected[5]);
    assert!(expected.iter().all(|sight| !sight.detections.faces.is_empty()));
    for threads in [2, 4] {
        let vision = Vision::new(&settings(threads)).unwrap();
        for _ in 0..2 {
            assert_eq!(seen(&vision, &pictures), expected, "{threads} threads");
        }
    }
    let backwards: Vec<_> = pictures.iter().rev().cloned().collect();
    let mut found = seen(&alone, &backwards);
    found.reverse();
    assert_eq!(found, expected);
}

#[test]
fn no_pictures_are_no_work() {
    assert!(crate::support::vision().look(&[]).is_empty());
}
