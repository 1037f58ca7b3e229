//! What in a sample is reason to look more often: cheap, lax, and forgotten with the segment.

use serde::{Deserialize, Serialize};

use crate::geometry::Rect;
use crate::messages::{FrameObservation, PersonObservation, SampleStatus};

/// What makes a sample worth a closer look. Deliberately laxer than any incident's threshold: a
/// needless escalation costs a few inferences, a missed one costs evidence's precision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspicion {
    /// Head turned by more than this, in degrees.
    pub yaw_deg: f32,
    /// Irises off the middle of the eyes by more than this, in eye widths.
    pub gaze_offset: f32,
    /// Confidence from which a second body is worth a look.
    pub person_conf: f32,
    /// Confidence from which an object is worth a look.
    pub object_conf: f32,
}

/// A box with this much of its area inside another one is a part of the same person.
const PART_OF_A_PERSON: f32 = 0.7;

impl Default for Suspicion {
    fn default() -> Self {
        Self { yaw_deg: 22.0, gaze_offset: 0.08, person_conf: 0.35, object_conf: 0.5 }
    }
}

impl Suspicion {
    /// Whether a sample is suspicious. One that could not be seen is not, nor one in which there is nobody:
    /// looking twice as often at a dark picture or an empty chair shows nothing more.
    pub fn raised_by(&self, sample: &FrameObservation) -> bool {
        let is_empty = sample.faces.is_empty() && sample.persons.as_ref().is_none_or(Vec::is_empty);
        if sample.status == SampleStatus::NotSeen || is_empty {
            return false;
        }
        let [face] = sample.faces.as_slice() else { return true };
        let exceeds = |value: Option<f32>, limit: f32| value.is_some_and(|value| value.abs() > limit);
        exceeds(face.yaw, self.yaw_deg)
            || exceeds(face.gaze_yaw, self.gaze_offset)
            || self.shows_another_body(sample.persons.as_deref().unwrap_or_default())
            || sample.objects.iter().flatten().any(|object| object.conf >= self.object_conf)
    }

    /// Whether a box stands beside the most confident one. The person model boxes parts of a person
    /// separately; they lie within the whole.
    fn shows_another_body(&self, persons: &[PersonObservation]) -> bool {
        let Some((first, others)) = persons.split_first() else { return false };
        let is_apart = |other: &PersonObservation| {
            let inside = other.rect.share_inside(first.rect).max(first.rect.share_inside(other.rect));
            other.conf >= self.person_conf && inside < PART_OF_A_PERSON
        };
        others.iter().any(is_apart)
    }
}

/// Whether one of these bodies has no face, all in the same unit. Parts of a body, which the person model
/// boxes separately, have the face of the whole.
pub fn is_somebody_faceless(bodies: &[Rect], faces: &[Rect]) -> bool {
    let has_face = |body: &&Rect| faces.iter().any(|face| body.contains(face.centre()));
    let (owners, others): (Vec<&Rect>, Vec<&Rect>) = bodies.iter().partition(has_face);
    let is_part = |body: &Rect| owners.iter().any(|owner| body.share_inside(**owner) >= PART_OF_A_PERSON);
    others.into_iter().any(|body| !is_part(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MediaMs;

    fn sample(persons: &[(f32, [f32; 4])]) -> FrameObservation {
        let face = serde_json::json!({
            "box": [0.4, 0.2, 0.2, 0.3], "conf": 0.9, "points": [], "yaw": 1.0, "pitch": 2.0, "roll": 0.0,
            "gaze_yaw": 0.01, "gaze_pitch": 0.0, "eye_openness": 0.3, "match": null
        });
        let person = |(conf, rect): &(f32, [f32; 4])| PersonObservation { conf: *conf, rect: (*rect).into() };
        FrameObservation {
            media_ms: MediaMs(0),
            status: SampleStatus::Seen,
            reason: None,
            quality: None,
            faces: vec![serde_json::from_value(face).unwrap()],
            persons: Some(persons.iter().map(person).collect()),
            objects: Some(Vec::new()),
        }
    }

    #[test]
    fn another_face_body_or_look_is_suspicious_and_a_part_of_a_body_is_not() {
        let raised = |sample: &FrameObservation| Suspicion::default().raised_by(sample);
        let whole = (0.8, [0.1, 0.1, 0.8, 0.9]);
        assert!(!raised(&sample(&[whole])));
        assert!(!raised(&sample(&[whole, (0.5, [0.15, 0.3, 0.4, 0.6])])));
        assert!(raised(&sample(&[(0.8, [0.1, 0.1, 0.4, 0.9]), (0.5, [0.6, 0.3, 0.3, 0.7])])));
        let mut nobody = sample(&[whole]);
        nobody.faces.clear();
        assert!(raised(&nobody), "a body without a face");
        nobody.persons = Some(Vec::new());
        assert!(!raised(&nobody));
        let mut aside = sample(&[whole]);
        aside.faces[0].yaw = Some(-30.0);
        assert!(raised(&aside));
        aside.status = SampleStatus::NotSeen;
        assert!(!raised(&aside));
    }

    #[test]
    fn a_body_without_a_face_is_told_from_parts_of_one_with_a_face() {
        let rect = |x: f32, y: f32, w: f32, h: f32| Rect { x, y, w, h };
        let (face, body) = (rect(0.4, 0.2, 0.1, 0.2), rect(0.3, 0.1, 0.3, 0.8));
        let arm = rect(0.35, 0.5, 0.1, 0.3);
        let other = rect(0.7, 0.1, 0.2, 0.8);
        assert!(!is_somebody_faceless(&[body, arm], &[face]));
        assert!(is_somebody_faceless(&[body, other], &[face]));
        assert!(is_somebody_faceless(&[body], &[]));
        assert!(!is_somebody_faceless(&[], &[]));
    }
}
