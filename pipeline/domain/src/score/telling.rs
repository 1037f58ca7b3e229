//! Which sample of a segment shows best what may become an incident: for a picture that is kept of it.
//!
//! Reads samples and counts persons as the fold does, by the policy's levels. Knows one segment and nothing of
//! what was before: whether anything comes of it is decided by the fold alone. Where somebody looks is left out:
//! a picture says nothing of how long they did.

use std::cmp::Reverse;

use super::persons::persons;
use super::sample::{Scene, Things, scene};
use crate::detections::ObjectClass;
use crate::messages::{FrameObservation, Observation, SampleStatus};
use crate::policy::Policy;
use crate::time::MediaMs;

/// What a sample shows; of several, the last one here counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Nobody.
    Nobody,
    /// A thing that the policy lists.
    Object,
    /// Two persons or more.
    Persons,
    /// A face that is not the enrolled one.
    AnotherFace,
}

/// A sample worth a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Telling {
    /// Which one.
    pub at: MediaMs,
    /// What it shows.
    pub subject: Subject,
}

/// The sample of a segment that shows most, if any shows something. `helper_allowed`: a second person is nothing.
pub fn most_telling(observation: &Observation, policy: &Policy, helper_allowed: bool) -> Option<Telling> {
    let shown = observation.frames.iter().filter_map(|frame| {
        let (subject, clearness) = shows(frame, policy, helper_allowed)?;
        // Of equals the first.
        Some((subject, clearness, Reverse(frame.media_ms)))
    });
    shown.max().map(|(subject, _, Reverse(at))| Telling { at, subject })
}

/// What a sample shows, and how clearly in thousandths.
fn shows(frame: &FrameObservation, policy: &Policy, helper_allowed: bool) -> Option<(Subject, i32)> {
    if frame.status == SampleStatus::NotSeen {
        return None;
    }
    let scene = scene(frame);
    let another = another_face(&scene, policy).map(|clearness| (Subject::AnotherFace, clearness));
    let several = || Some((Subject::Persons, others(&scene, policy).filter(|_| !helper_allowed)?));
    let object = || Some((Subject::Object, listed_object(&scene, policy)?));
    another
        .or_else(several)
        .or_else(object)
        .or_else(|| is_empty(&scene, policy).then_some((Subject::Nobody, 0)))
}

fn another_face(scene: &Scene, policy: &Policy) -> Option<i32> {
    let similarity = scene.check?.similarity?;
    (similarity < policy.detect.identity.low_milli).then_some(1000 - similarity)
}

/// Confidence of the best of those who are there besides one, if one of them could open an incident.
fn others(scene: &Scene, policy: &Policy) -> Option<i32> {
    let bodies = scene.things.as_ref().map_or([].as_slice(), |things| &things.bodies);
    let mut found = persons(&scene.faces, bodies, &policy.detect.multiple_persons);
    // Whoever is clearest may be the candidate.
    found.sort_by_key(|person| Reverse((person.clear, person.near, person.conf)));
    let others = found.iter().skip(1).filter(|person| person.clear && person.near);
    others.map(|person| i32::from(person.conf)).max()
}

fn listed_object(scene: &Scene, policy: &Policy) -> Option<i32> {
    let (phone, listed) = (policy.detect.phone_visible, &policy.detect.prohibited_object);
    let objects = scene.things.iter().flat_map(|things| &things.objects);
    let clear = objects.filter(|object| {
        let conf = i32::from(object.conf);
        let is_phone = phone.enabled && object.class == ObjectClass::Phone;
        (is_phone && conf >= phone.conf_milli.on)
            || (listed.classes.contains(&object.class) && conf >= listed.conf_milli.on)
    });
    clear.map(|object| i32::from(object.conf)).max()
}

/// Whether persons were looked for, and nobody was found.
fn is_empty(scene: &Scene, policy: &Policy) -> bool {
    let somebody = policy.detect.person_absent.person_conf_milli.on;
    let is_nobody = |things: &Things| things.bodies.iter().all(|body| i32::from(body.conf) < somebody);
    scene.faces.is_empty() && scene.things.as_ref().is_some_and(is_nobody)
}
