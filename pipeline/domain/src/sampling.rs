//! Which instants of a segment are looked at: decided before decoding, recorded in the observation.
//!
//! A segment is looked at on a base grid; when one of those samples is suspicious, the instants of
//! the denser escalated grid that lie between are looked at as well, before anything is published.
//! Both grids are multiples of their interval on the session's media clock, so that neighbouring
//! segments join without a seam.

use serde::{Deserialize, Serialize};

use crate::geometry::Rect;
use crate::messages::{FrameObservation, PersonObservation, SampleStatus};
use crate::time::{Interval, MediaMs, Millis};

/// The two grids of sample instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleGrid {
    base: Millis,
    escalated: Millis,
}

/// A pair of sampling rates that makes no grid.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "a sampling rate must be 0.5 to 5 per second with a whole number of milliseconds between samples, \
     and the escalated rate a multiple of it up to 10; got {base} and {escalated}"
)]
pub struct SampleGridError {
    base: f32,
    escalated: f32,
}

impl SampleGrid {
    /// Grids from rates in samples per second of media time.
    ///
    /// # Errors
    /// If a rate is out of bounds, does not divide a second into whole milliseconds, or the escalated
    /// grid does not contain the base grid.
    pub fn new(base_fps: f32, escalated_fps: f32) -> Result<Self, SampleGridError> {
        let refused = || SampleGridError { base: base_fps, escalated: escalated_fps };
        let interval = |fps: f32| {
            let millis = (1000.0 / fps).round();
            ((millis * fps - 1000.0).abs() < 0.01).then_some(Millis(millis as i64))
        };
        if !(0.5..=5.0).contains(&base_fps) || !(base_fps..=10.0).contains(&escalated_fps) {
            return Err(refused());
        }
        let base = interval(base_fps).ok_or_else(refused)?;
        let escalated = interval(escalated_fps).ok_or_else(refused)?;
        if base.0 % escalated.0 != 0 {
            return Err(refused());
        }
        Ok(Self { base, escalated })
    }

    /// Time between samples of the base grid.
    pub fn base(self) -> Millis {
        self.base
    }

    /// Time between samples after escalation.
    pub fn escalated(self) -> Millis {
        self.escalated
    }

    /// Whether an instant of the escalated grid belongs to the base grid as well.
    pub fn is_base(self, instant: MediaMs) -> bool {
        instant.0 % self.base.0 == 0
    }

    /// Whether persons and objects are looked for at an instant whatever is seen there: at the first one of
    /// the base grid in each stretch of `every` on the media clock.
    pub fn is_for_things(self, instant: MediaMs, every: Millis) -> bool {
        if every <= self.escalated {
            return true;
        }
        let stretch = |instant: i64| instant.div_euclid(every.0);
        self.is_base(instant) && stretch(instant.0) != stretch(instant.0 - self.base.0)
    }

    /// The planned instants within a segment.
    pub fn instants(self, segment: Interval, escalated: bool) -> impl Iterator<Item = MediaMs> {
        let step = if escalated { self.escalated.0 } else { self.base.0 };
        let first = segment.start.0.div_euclid(step) + i64::from(segment.start.0.rem_euclid(step) != 0);
        (first..).map(move |index| MediaMs(index * step)).take_while(move |instant| *instant < segment.end)
    }
}

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

    fn span(start: i64, end: i64) -> Interval {
        Interval::new(MediaMs(start), MediaMs(end))
    }

    #[test]
    fn segments_join_without_seam() {
        let grid = SampleGrid::new(1.0, 2.0).unwrap();
        let whole: Vec<_> = grid.instants(span(0, 10_000), true).collect();
        let parts: Vec<_> = [span(0, 2_300), span(2_300, 7_000), span(7_000, 10_000)]
            .into_iter()
            .flat_map(|part| grid.instants(part, true))
            .collect();
        assert_eq!(whole, parts);
        assert_eq!(whole.len(), 20);
        assert_eq!(whole.iter().filter(|instant| grid.is_base(**instant)).count(), 10);
    }

    #[test]
    fn the_end_belongs_to_the_next_segment() {
        let grid = SampleGrid::new(1.0, 2.0).unwrap();
        assert_eq!(grid.instants(span(0, 2_000), false).collect::<Vec<_>>(), [MediaMs(0), MediaMs(1_000)]);
        assert_eq!(grid.instants(span(1_001, 2_000), false).count(), 0);
    }

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

    #[test]
    fn rates_without_a_common_grid_are_refused() {
        for (base, escalated) in
            [(0.0, 2.0), (f32::NAN, 2.0), (1.0, 0.5), (3.0, 6.0), (2.0, 5.0), (6.0, 12.0)]
        {
            assert!(SampleGrid::new(base, escalated).is_err(), "{base} {escalated}");
        }
        assert!(SampleGrid::new(2.0, 2.0).is_ok());
        assert!(SampleGrid::new(0.5, 2.0).is_ok());
    }
}
