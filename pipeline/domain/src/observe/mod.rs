//! Turns what the models saw in the samples of one segment into its [`Observation`].
//!
//! Input: the planned instants of the segment and, for each, a [`Sight`] or the reason why there is
//! none. Output: numbers only, rounded to what the models can really tell, each face once, every
//! planned instant present. Promises to be a function of its arguments alone; remembers nothing from
//! one segment to the next. Does not judge: tracks, calibration and incidents belong to
//! [`score`](crate::score).

pub mod quality;
mod same_face;

use serde::{Deserialize, Serialize};

use crate::detections::{DetectedFace, DetectedObject, DetectedPerson, Detections};
use crate::geometry::{Point, Rect};
use crate::ids::SessionId;
use crate::messages::{
    DeadLetter, FaceObservation, FrameObservation, ModelRef, ObjectObservation, Observation,
    PersonObservation, PipelineRef, Plan, SampleStatus, SegmentStatus, StreamRef, UnseenReason,
};
use crate::ports::Sight;
use crate::time::{Interval, MediaMs};
use quality::Light;

/// From which confidence on a detection is reported. Deliberately laxer than the policy's levels: the
/// score decides what counts, and can be recomputed from what was reported.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reporting {
    /// Faces, by the detector's confidence.
    pub face_conf: f32,
    /// A detected face whose crop the mesh does not take for a face is dropped below this probability.
    pub face_presence: f32,
    /// Two meshes whose centres are closer than this many face widths lie on the same face.
    pub same_face_widths: f32,
    /// Heads and bodies.
    pub person_conf: f32,
    /// Objects.
    pub object_conf: f32,
}

impl Default for Reporting {
    fn default() -> Self {
        Self {
            face_conf: 0.5,
            face_presence: 0.5,
            same_face_widths: 0.3,
            person_conf: 0.3,
            object_conf: 0.25,
        }
    }
}

/// Never more of a kind per sample than this: bounds a record's size whatever is in the picture.
const MOST_OF_A_KIND: usize = 16;

/// What identifies a segment in its observation.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentIdentity {
    /// The session.
    pub session: SessionId,
    /// The stream within the session.
    pub stream: StreamRef,
    /// Number within the epoch.
    pub sequence: u64,
    /// How often it was driven through again.
    pub attempt: u32,
    /// Its stretch of media time.
    pub interval: Interval,
}

/// Who looks: goes into every observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Observers {
    /// The models.
    pub models: Vec<ModelRef>,
    /// The program.
    pub pipeline: PipelineRef,
}

/// The observation of a decoded segment.
pub fn observed(
    segment: SegmentIdentity,
    plan: Plan,
    frames: Vec<FrameObservation>,
    by: &Observers,
) -> Observation {
    record(segment, plan, SegmentStatus::Observed, None, frames, by)
}

/// The placeholder of a segment that no decoder accepts: every planned instant is there, unseen.
pub fn undecodable(
    segment: SegmentIdentity,
    plan: Plan,
    instants: impl Iterator<Item = MediaMs>,
    reason: &str,
    by: &Observers,
) -> Observation {
    let frames = instants.map(|instant| unseen(instant, UnseenReason::Undecodable)).collect();
    let dead_letter = DeadLetter { reason: reason.to_owned() };
    record(segment, plan, SegmentStatus::Undecodable, Some(dead_letter), frames, by)
}

fn record(
    segment: SegmentIdentity,
    plan: Plan,
    status: SegmentStatus,
    dead_letter: Option<DeadLetter>,
    frames: Vec<FrameObservation>,
    by: &Observers,
) -> Observation {
    Observation {
        tenant: segment.session.tenant().to_owned(),
        exam: segment.session.exam().to_owned(),
        session: segment.session,
        stream: segment.stream,
        sequence: segment.sequence,
        attempt: segment.attempt,
        start_ms: segment.interval.start,
        end_ms: segment.interval.end,
        status,
        dead_letter,
        plan,
        frames,
        template: None,
        models: by.models.clone(),
        pipeline: by.pipeline.clone(),
        run: None,
    }
}

/// A planned instant at which nothing could be seen, for want of a picture.
pub fn unseen(instant: MediaMs, reason: UnseenReason) -> FrameObservation {
    FrameObservation {
        media_ms: instant,
        status: SampleStatus::NotSeen,
        reason: Some(reason),
        quality: None,
        faces: Vec::new(),
        persons: None,
        objects: None,
    }
}

/// What was seen at a planned instant.
pub fn seen(instant: MediaMs, sight: &Sight, reporting: &Reporting) -> FrameObservation {
    let quality = Some(sight.quality.clone());
    if let Light::Unusable(reason) = sight.light {
        return FrameObservation { quality, ..unseen(instant, reason) };
    }
    let faces: Vec<FaceObservation> =
        reported_faces(&sight.detections, reporting).into_iter().map(face).collect();
    let things = sight.detections.things.as_ref();
    let persons = things.map(|things| persons(&things.persons, reporting));
    let objects = things.map(|things| objects(&things.objects, reporting));
    if sight.light == Light::Dim && faces.is_empty() && persons.as_ref().is_none_or(Vec::is_empty) {
        // Who is found in the dark is there; who is not found may be there all the same.
        return FrameObservation { quality, ..unseen(instant, UnseenReason::Dark) };
    }
    FrameObservation {
        media_ms: instant,
        status: SampleStatus::Seen,
        reason: None,
        quality,
        faces,
        persons,
        objects,
    }
}

/// The faces of a sight that are reported, each once, in the order in which a sample lists them.
pub fn reported_faces<'a>(detections: &'a Detections, reporting: &Reporting) -> Vec<&'a DetectedFace> {
    let credible = |face: &&DetectedFace| {
        face.conf >= reporting.face_conf
            && face.mesh.is_none_or(|mesh| mesh.presence >= reporting.face_presence)
    };
    let mut distinct = same_face::merge(detections.faces.iter().filter(credible), reporting.same_face_widths);
    distinct.sort_by(|one, other| {
        other.rect.area().total_cmp(&one.rect.area()).then(one.rect.x.total_cmp(&other.rect.x))
    });
    distinct.truncate(MOST_OF_A_KIND);
    distinct
}

fn face(detected: &DetectedFace) -> FaceObservation {
    let mesh = detected.mesh.as_ref();
    let eyes = mesh.and_then(|mesh| mesh.eyes);
    FaceObservation {
        rect: rounded_rect(detected.rect),
        conf: rounded(detected.conf, 1000.0),
        points: detected.points.iter().map(|point| rounded_point(*point)).collect(),
        yaw: mesh.map(|mesh| rounded(mesh.yaw, 10.0)),
        pitch: mesh.map(|mesh| rounded(mesh.pitch, 10.0)),
        roll: mesh.map(|mesh| rounded(mesh.roll, 10.0)),
        gaze_yaw: eyes.map(|eyes| rounded(eyes.gaze_x, 1000.0)),
        // Detections measure downwards like pixels; messages measure upwards like pitch.
        gaze_pitch: eyes.map(|eyes| rounded(-eyes.gaze_y, 1000.0)),
        eye_openness: eyes.map(|eyes| rounded(eyes.openness, 1000.0)),
        identity: None,
    }
}

fn persons(detected: &[DetectedPerson], reporting: &Reporting) -> Vec<PersonObservation> {
    let credible = detected.iter().filter(|person| person.conf >= reporting.person_conf);
    let mut persons: Vec<PersonObservation> = credible
        .map(|person| PersonObservation {
            rect: rounded_rect(person.rect),
            conf: rounded(person.conf, 1000.0),
        })
        .collect();
    persons.sort_by(|one, other| by_confidence((one.conf, one.rect), (other.conf, other.rect)));
    persons.truncate(MOST_OF_A_KIND);
    persons
}

fn objects(detected: &[DetectedObject], reporting: &Reporting) -> Vec<ObjectObservation> {
    let credible = detected.iter().filter(|object| object.conf >= reporting.object_conf);
    let mut objects: Vec<ObjectObservation> = credible
        .map(|object| ObjectObservation {
            class: object.class,
            rect: rounded_rect(object.rect),
            conf: rounded(object.conf, 1000.0),
        })
        .collect();
    objects.sort_by(|one, other| by_confidence((one.conf, one.rect), (other.conf, other.rect)));
    objects.truncate(MOST_OF_A_KIND);
    objects
}

/// Most confident first; ties by position, so that the order never depends on the model's own.
fn by_confidence(one: (f32, Rect), other: (f32, Rect)) -> std::cmp::Ordering {
    let position = |rect: Rect| (rect.x, rect.y);
    let ((x, y), (other_x, other_y)) = (position(one.1), position(other.1));
    other.0.total_cmp(&one.0).then(x.total_cmp(&other_x)).then(y.total_cmp(&other_y))
}

fn rounded(value: f32, per_unit: f32) -> f32 {
    // Adding zero turns -0 into 0: equal observations print equal bytes.
    (value * per_unit).round() / per_unit + 0.0
}

fn rounded_point(point: Point) -> Point {
    Point { x: rounded(point.x, 10_000.0), y: rounded(point.y, 10_000.0) }
}

fn rounded_rect(rect: Rect) -> Rect {
    let [x, y, w, h] = <[f32; 4]>::from(rect).map(|value| rounded(value, 10_000.0));
    Rect { x, y, w, h }
}

#[cfg(test)]
mod tests;
