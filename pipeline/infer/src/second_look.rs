//! Where to look again: parts of a picture in which a person was found and the person's face was not,
//! or hardly.
//!
//! A face that is large enough for us in the picture can be too small in the face detector's input,
//! in which the whole picture has to fit. The person model sees bodies, which are larger, and so says
//! where a closer look may pay. Looks at no pixels itself.

use domain::geometry::Rect;

use crate::models::FoundFace;
use crate::pixels::{Region, Size};

/// Side of the part that is looked at again, in the shorter side of the person's box.
const SIDE: f32 = 1.6;

/// How much of the side lies above the person's box, which often cuts the hair.
const ABOVE: f32 = 0.15;

/// A person's face is looked for in the box's upper part: this much of its height.
const UPPER_PART: f32 = 0.6;

/// Persons smaller than this part of the picture's height have faces that are too small to count.
const SMALLEST_PERSON: f32 = 0.15;

/// A face found with this confidence needs no second look; a weaker one may only be too small.
pub(crate) const SURE: f32 = 0.75;

/// A part nearly as large as the picture shows its faces no larger than the first look did.
const LEAST_GAIN: f32 = 1.3;

/// The part of a picture to look at again for the face of a person; `None` if that face has
/// surely been found or a closer look cannot help. `person` and `faces` in pixels of the picture.
pub(crate) fn region(person: Rect, faces: &[FoundFace], picture: Size) -> Option<Region> {
    if person.h < SMALLEST_PERSON * picture.height as f32 || has_sure_face(person, faces) {
        return None;
    }
    let side = SIDE * person.w.min(person.h);
    let longest = picture.width.max(picture.height) as f32;
    if side * LEAST_GAIN > longest {
        return None;
    }
    let (left, top) = (person.centre().x - side / 2.0, person.y - ABOVE * side);
    Region::around(left, top, left + side, top + side, picture)
}

fn has_sure_face(person: Rect, faces: &[FoundFace]) -> bool {
    let upper = Rect { h: person.h * UPPER_PART, ..person };
    faces.iter().any(|face| face.conf >= SURE && upper.contains(face.rect.centre()))
}

#[cfg(test)]
mod tests {
    use domain::geometry::Point;

    use super::*;

    const PICTURE: Size = Size::new(1280, 720);
    const PERSON: Rect = Rect { x: 600.0, y: 200.0, w: 100.0, h: 240.0 };

    fn face(x: f32, y: f32, conf: f32) -> FoundFace {
        let rect = Rect { x, y, w: 40.0, h: 50.0 };
        FoundFace { rect, conf, points: [Point::default(); 6] }
    }

    #[test]
    fn a_person_without_a_face_is_looked_at_again_around_the_head() {
        let region = region(PERSON, &[face(100.0, 200.0, 0.9)], PICTURE).unwrap();
        assert_eq!(region, Region { x: 570, y: 176, size: Size::new(160, 160) });
    }

    #[test]
    fn only_a_sure_face_in_the_upper_part_ends_the_search() {
        assert_eq!(region(PERSON, &[face(630.0, 210.0, 0.9)], PICTURE), None);
        assert!(region(PERSON, &[face(630.0, 210.0, 0.6)], PICTURE).is_some());
        assert!(region(PERSON, &[face(630.0, 380.0, 0.9)], PICTURE).is_some());
    }

    #[test]
    fn a_tiny_person_and_one_who_fills_the_picture_are_not() {
        let tiny = Rect { h: 100.0, ..PERSON };
        assert_eq!(region(tiny, &[], PICTURE), None);
        let filling = Rect { x: 100.0, y: 0.0, w: 1000.0, h: 720.0 };
        assert_eq!(region(filling, &[], PICTURE), None);
    }
}
