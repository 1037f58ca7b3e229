//! Two boxes around one body: the person model frames a candidate close to the camera once whole and
//! once in part, with boxes too different for its own suppression.
//!
//! A box that lies within a more confident one is taken for the same person, unless two faces were
//! found there: then somebody sits in front of or looks over the shoulder of somebody else.

use domain::detections::DetectedPerson;
use domain::geometry::Rect;

/// How much of a box lies within the other one if both frame one body.
const WITHIN: f32 = 0.8;

/// Keeps one box for each body, the most confident.
pub(crate) fn merge(mut persons: Vec<DetectedPerson>, faces: &[Rect]) -> Vec<DetectedPerson> {
    persons.sort_by(|one, other| other.conf.total_cmp(&one.conf));
    let mut kept: Vec<DetectedPerson> = Vec::new();
    for person in persons {
        if !kept.iter().any(|better| is_same(better.rect, person.rect, faces)) {
            kept.push(person);
        }
    }
    kept
}

fn is_same(better: Rect, other: Rect, faces: &[Rect]) -> bool {
    let smaller = better.area().min(other.area());
    if better.intersection(other).area() < WITHIN * smaller {
        return false;
    }
    let inside = |face: &&Rect| better.contains(face.centre()) || other.contains(face.centre());
    faces.iter().filter(inside).count() < 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(x: f32, w: f32, conf: f32) -> DetectedPerson {
        DetectedPerson { rect: Rect { x, y: 0.1, w, h: 0.9 }, conf }
    }

    fn face(x: f32) -> Rect {
        Rect { x, y: 0.2, w: 0.1, h: 0.15 }
    }

    #[test]
    fn a_part_of_a_body_is_no_second_person() {
        let found = vec![person(0.1, 0.5, 0.34), person(0.12, 0.88, 0.65)];
        assert_eq!(merge(found.clone(), &[face(0.3)]), [person(0.12, 0.88, 0.65)]);
        assert_eq!(merge(found, &[]), [person(0.12, 0.88, 0.65)], "seen from behind");
    }

    #[test]
    fn a_person_before_another_one_has_a_face_too() {
        let found = vec![person(0.12, 0.88, 0.65), person(0.2, 0.3, 0.5)];
        assert_eq!(merge(found.clone(), &[face(0.25), face(0.7)]), found);
    }

    #[test]
    fn persons_side_by_side_stay_apart() {
        let found = vec![person(0.0, 0.5, 0.8), person(0.35, 0.5, 0.6)];
        assert_eq!(merge(found.clone(), &[face(0.2)]), found);
    }
}
