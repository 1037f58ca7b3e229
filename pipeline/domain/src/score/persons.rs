//! Who is in one picture: faces and bodies that belong together are one person.
//!
//! Every face is a person (the observer has merged doubles). A body whose upper part holds a face
//! belongs to that face. Detectors give one person several body boxes, often an arm or a torso within
//! the whole: a body without a face of its own that lies mostly inside another body, or around it, is
//! not counted.
//! Remembers nothing; who moves and who is the candidate is for [`tracks`](super::tracks).

use super::sample::{Body, Face, Region};
use crate::policy::MultiplePersonsRules;

/// A body mostly (thousandths of its area) inside another one is part of it.
const NESTED_MILLI: i64 = 700;

/// One person in one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Person {
    /// Where the head is: the face, or the upper part of the body.
    pub head: Region,
    /// The body's box, if there is one.
    pub body: Option<Region>,
    /// Index of the face in the scene.
    pub face: Option<usize>,
    /// The best evidence for this person, thousandths.
    pub conf: u16,
    /// Convincing at the level that opens an incident.
    pub clear: bool,
    /// High enough in the picture to be in the room.
    pub near: bool,
}

/// Everybody in the picture at the laxer level, faces first.
pub(super) fn persons(faces: &[Face], bodies: &[Body], rules: &MultiplePersonsRules) -> Vec<Person> {
    let credible = |face: &&(usize, &Face)| i32::from(face.1.conf) >= rules.face_conf_milli.off;
    let faces: Vec<(usize, &Face)> =
        faces.iter().enumerate().collect::<Vec<_>>().iter().filter(credible).copied().collect();
    let mut bodies: Vec<Option<&Body>> =
        bodies.iter().filter(|body| i32::from(body.conf) >= rules.body_conf_milli.off).map(Some).collect();
    let mut found: Vec<Person> = Vec::with_capacity(faces.len() + bodies.len());
    for (index, face) in faces {
        let own = own_body(face.region, &bodies).and_then(|place| bodies[place].take());
        found.push(person(Some((index, face)), own, rules));
    }
    let owned: Vec<Region> = found.iter().filter_map(|person| person.body).collect();
    let mut free: Vec<&Body> = bodies.into_iter().flatten().collect();
    free.sort_by_key(|body| std::cmp::Reverse(body.region.area()));
    let mut outer = owned;
    for body in free {
        if !outer.iter().any(|other| is_same(body.region, *other)) {
            found.push(person(None, Some(body), rules));
            outer.push(body.region);
        }
    }
    found
}

/// The body that this face belongs to: the one whose middle is closest above or around it.
fn own_body(face: Region, bodies: &[Option<&Body>]) -> Option<usize> {
    let (x, y) = face.centre();
    let holds_head = |body: Region| {
        let margin = body.w / 10;
        let beside = x < body.x - margin || x > body.x + body.w + margin;
        // From a face height above the shoulders down to a face that begins below the chest. The face's
        // upper edge, not its middle: close to the camera a face fills its body's box.
        let above_or_below = y < body.y - face.h || face.y > body.y + body.h * 6 / 10;
        !beside && !above_or_below
    };
    let candidates = bodies.iter().enumerate().filter_map(|(place, body)| {
        let region = body.as_ref()?.region;
        holds_head(region).then(|| ((region.centre().0 - x).abs(), place))
    });
    candidates.min().map(|(_, place)| place)
}

/// Whether one box lies mostly inside the other: a part of a person, or the whole around a part.
fn is_same(one: Region, other: Region) -> bool {
    one.shared(other) * 1000 >= one.area().min(other.area()) * NESTED_MILLI
}

fn person(face: Option<(usize, &Face)>, body: Option<&Body>, rules: &MultiplePersonsRules) -> Person {
    let face_conf = face.map_or(0, |(_, face)| face.conf);
    let body_conf = body.map_or(0, |body| body.conf);
    let body_region = body.map(|body| body.region);
    let face_region = face.map(|(_, face)| face.region);
    let head = face_region.or(body_region.map(head_of)).unwrap_or_default();
    let height = body_region.or(face_region).unwrap_or_default().h;
    Person {
        head,
        body: body_region,
        face: face.map(|(index, _)| index),
        conf: face_conf.max(body_conf),
        clear: i32::from(face_conf) >= rules.face_conf_milli.on
            || i32::from(body_conf) >= rules.body_conf_milli.on,
        near: height >= i32::from(rules.height_milli) * 10,
    }
}

/// Where the head of a body without a face is likely to be.
fn head_of(body: Region) -> Region {
    Region { x: body.x + body.w / 4, y: body.y, w: body.w / 2, h: body.h / 3 }
}
