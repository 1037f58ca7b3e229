//! `invigilator.observation.v1`: what was seen in one segment, numbers only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::segment::{is_near, is_stretch_of_segment};
use crate::detections::ObjectClass;
use crate::geometry::{Point, Rect};
use crate::ids::SessionId;
use crate::time::MediaMs;

/// What was seen in one segment: a function of its bytes, the plan, the models and the
/// configuration, and (without `run`) of nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// The session it belongs to.
    pub session: SessionId,
    /// Tenant part of `session`.
    pub tenant: String,
    /// Exam part of `session`.
    pub exam: String,
    /// Which of the session's streams the segment is from.
    pub stream: StreamRef,
    /// Number of the segment within the epoch, from 0, without holes.
    pub sequence: u64,
    /// 0, or how often the segment was driven through again after a dead letter.
    pub attempt: u32,
    /// Media time of the segment's start.
    pub start_ms: MediaMs,
    /// Media time of the segment's end (exclusive).
    pub end_ms: MediaMs,
    /// Whether the segment could be decoded.
    pub status: SegmentStatus,
    /// Where the undecodable original went.
    pub dead_letter: Option<DeadLetter>,
    /// Which samples were planned.
    pub plan: Plan,
    /// One entry per planned sample, in order of media time.
    pub frames: Vec<FrameObservation>,
    /// Id of the template that faces were compared with; absent where nobody is enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The models that looked.
    pub models: Vec<ModelRef>,
    /// The program that looked.
    pub pipeline: PipelineRef,
    /// Wall-clock facts of this run; absent in canonical form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<ObservationRun>,
}

impl Observation {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if !is_stretch_of_segment(self.start_ms, self.end_ms) {
            return Err("an observation is of a segment that may be");
        }
        if !self.frames.iter().all(|frame| is_near(frame.media_ms)) {
            return Err("samples lie within days of their session");
        }
        let is_finite = self.plan.fps.is_finite() && self.frames.iter().all(FrameObservation::is_finite);
        if is_finite { Ok(()) } else { Err("a number is too large") }
    }
}

impl FrameObservation {
    fn is_finite(&self) -> bool {
        let boxes = self.faces.iter().map(|face| (face.rect, face.conf));
        let boxes = boxes.chain(self.persons.iter().flatten().map(|person| (person.rect, person.conf)));
        let mut boxes = boxes.chain(self.objects.iter().flatten().map(|object| (object.rect, object.conf)));
        let is_box =
            |(rect, conf): (Rect, f32)| <[f32; 4]>::from(rect).iter().chain([&conf]).all(|n| n.is_finite());
        boxes.all(is_box) && self.faces.iter().all(FaceObservation::is_finite)
    }
}

/// One stream of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StreamRef {
    /// What the stream shows.
    pub kind: StreamKind,
    /// Counts the encoder's restarts (page reload, camera change), from 0.
    pub epoch: u32,
    /// SHA-256 of the stream's header (for an analysed file: of the whole file), lower-case hex.
    pub init_sha256: String,
}

/// What a stream shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamKind {
    /// The candidate, from the front.
    Webcam,
}

/// Whether a segment could be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SegmentStatus {
    /// Decoded; each planned sample says what was seen or why not.
    Observed,
    /// Placeholder of a dead-lettered segment.
    Undecodable,
}

/// Where the original of an undecodable segment is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetter {
    /// Why it could not be decoded, as a stable word (`truncated`, `timeout`, ...).
    pub reason: String,
}

/// The samples that were planned for a segment before it was decoded, and what became of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Planned samples per second of media time, those that were left out included.
    pub fps: f32,
    /// Only keyframes were looked at first, and few other frames decoded.
    pub keyframes_only: bool,
    /// Why this plan.
    pub reason: PlanReason,
    /// A suspicious sample raised the rate to `fps` within the segment.
    pub escalated: bool,
    /// Samples left out because of our own load.
    pub shed: u32,
}

/// Why a plan was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanReason {
    /// The configured rate.
    Default,
    /// Nothing has happened for a while.
    Calm,
    /// We have too much to do: our doing, and said so.
    Load,
}

/// What was seen at one planned instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FrameObservation {
    /// The moment that was looked at, or was planned to be.
    pub media_ms: MediaMs,
    /// Whether the sample is valid.
    pub status: SampleStatus,
    /// Why it is not; `null` when it is.
    pub reason: Option<UnseenReason>,
    /// Picture quality; `null` when there was no picture.
    pub quality: Option<Quality>,
    /// Faces, each once, largest first.
    pub faces: Vec<FaceObservation>,
    /// Heads and bodies, most confident first; `null` where nobody looked for them, which they are in
    /// every sample only while there is a reason to.
    pub persons: Option<Vec<PersonObservation>>,
    /// Objects, most confident first; looked for together with `persons`.
    pub objects: Option<Vec<ObjectObservation>>,
}

/// Whether a planned sample is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SampleStatus {
    /// Decoded and passed the quality gate.
    Seen,
    /// Nothing can be concluded from it.
    NotSeen,
}

/// Why a planned sample was not seen. None of these ever costs points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnseenReason {
    /// Too dark for any model.
    Dark,
    /// Too blurred for any model.
    Blur,
    /// The picture is near-uniform: a lid, a hand, a wall in front of the lens.
    Obstructed,
    /// The bytes could not be decoded.
    Undecodable,
    /// There is no picture for this instant.
    Gap,
    /// We left it out under load: our doing, and said so.
    Shed,
}

/// Picture quality of the whole frame, measured before any model runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quality {
    /// 10th percentile of luma, full range 0..255.
    pub luma_p10: u8,
    /// 90th percentile of luma, full range 0..255.
    pub luma_p90: u8,
    /// Standard deviation of luma.
    pub contrast: u8,
    /// Mean absolute response of a Laplacian on the shrunk picture, in tenths of a luma step.
    pub sharpness: u16,
    /// 64-bit difference hash of the shrunk luma, 16 hex digits.
    pub phash: String,
    /// Mean luma of the cells of an 8x8 grid, row by row, two hex digits each.
    pub grid: String,
}

/// One face.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaceObservation {
    /// Box of the face.
    #[serde(rename = "box")]
    pub rect: Rect,
    /// Confidence of the detector, 0..1.
    pub conf: f32,
    /// Detector points: right eye, left eye, nose, mouth, right ear, left ear.
    pub points: Vec<Point>,
    /// Head turned, degrees, > 0 to the picture's right; `null` where it could not be measured.
    pub yaw: Option<f32>,
    /// Head raised, degrees, > 0 up.
    pub pitch: Option<f32>,
    /// Head leaning, degrees, > 0 clockwise in the picture.
    pub roll: Option<f32>,
    /// Iris offset along the eye in eye widths, > 0 to the picture's right; `null` where the eyes
    /// could not be measured.
    pub gaze_yaw: Option<f32>,
    /// Iris offset across the eye in eye widths, > 0 up.
    pub gaze_pitch: Option<f32>,
    /// Distance of the lids over the width of the eye.
    pub eye_openness: Option<f32>,
    /// Comparison with the enrolment; `null` where none was made.
    #[serde(rename = "match")]
    pub identity: Option<IdentityMatch>,
}

impl FaceObservation {
    fn is_finite(&self) -> bool {
        let Self { yaw, pitch, roll, gaze_yaw, gaze_pitch, eye_openness, .. } = *self;
        let similarity = self.identity.as_ref().and_then(|identity| identity.similarity);
        let measured = [yaw, pitch, roll, gaze_yaw, gaze_pitch, eye_openness, similarity];
        let points = self.points.iter().flat_map(|point| [point.x, point.y]);
        measured.into_iter().flatten().chain(points).all(f32::is_finite)
    }
}

/// Comparison of one face with the enrolled candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityMatch {
    /// Whether size, pose, light and sharpness allow a comparison.
    pub eligible: bool,
    /// Cosine similarity; `null` when not eligible.
    pub similarity: Option<f32>,
    /// Id of the template compared with.
    pub template: String,
}

/// One head or body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PersonObservation {
    /// Its box.
    #[serde(rename = "box")]
    pub rect: Rect,
    /// Confidence, 0..1.
    pub conf: f32,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectObservation {
    /// What it is.
    pub class: ObjectClass,
    /// Its box.
    #[serde(rename = "box")]
    pub rect: Rect,
    /// Confidence, 0..1.
    pub conf: f32,
}

/// A model that took part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ModelRef {
    /// What it was used for.
    pub task: String,
    /// Its name in the manifest.
    pub name: String,
    /// Its version in the manifest.
    pub version: String,
    /// SHA-256 of the file that ran, lower-case hex.
    pub sha256: String,
}

/// The program that made an observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PipelineRef {
    /// Version of the program.
    pub version: String,
    /// SHA-256 of the settings that can change an observation, lower-case hex.
    pub config_hash: String,
}

/// Wall-clock facts of making an observation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObservationRun {
    /// When it was made, RFC 3339.
    pub observed_at: String,
    /// Who made it.
    pub worker: String,
    /// Where the time went.
    pub timings_ms: StageTimings,
}

/// Time spent on a segment, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct StageTimings {
    /// Waiting to be decoded or looked at.
    pub queue: f32,
    /// Decoding.
    pub decode: f32,
    /// Running models.
    pub infer: f32,
}
