//! Turns an observation into whole numbers: the last place where floating point exists.
//!
//! Angles become milli-degrees, iris offsets thousandths of an eye width, confidences thousandths,
//! positions ten-thousandths of the picture. Judges nothing. The written names are short: segments wait in
//! the reorder buffer, which is part of a state that must fit 32 KiB.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::detections::ObjectClass;
use crate::geometry::Rect;
use crate::messages::{
    FaceObservation, FrameObservation, IdentityMatch, ObjectObservation, Observation, PersonObservation,
    Quality, SampleStatus, SegmentStatus, UnseenReason, canonical,
};
use crate::observe::quality::grid_cells;
use crate::time::{Interval, MediaMs, Millis};

/// One segment, as the fold needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Segment {
    #[serde(rename = "o")]
    pub epoch: u32,
    #[serde(rename = "n")]
    pub sequence: u64,
    #[serde(rename = "t")]
    pub attempt: u32,
    #[serde(rename = "i")]
    pub interval: Interval,
    /// Placeholder of a segment that no decoder accepted.
    #[serde(rename = "u")]
    pub undecodable: bool,
    /// Planned time between two samples.
    #[serde(rename = "s")]
    pub step: Millis,
    #[serde(rename = "v")]
    pub samples: Vec<Sample>,
    /// Template that faces were compared with.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// `name@version` of the models that looked.
    #[serde(rename = "m")]
    pub models: Vec<String>,
    /// SHA-256 of the observation's canonical bytes, hex.
    #[serde(rename = "d")]
    pub digest: String,
}

/// One planned instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sample {
    #[serde(rename = "a")]
    pub at: MediaMs,
    #[serde(rename = "v")]
    pub view: View,
}

/// What became of a planned instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum View {
    /// Nothing can be concluded.
    #[serde(rename = "u")]
    Unseen(UnseenReason),
    /// Valid.
    #[serde(rename = "s")]
    Seen(Scene),
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scene {
    /// Largest first.
    #[serde(rename = "f")]
    pub faces: Vec<Face>,
    /// `None` if nobody looked for them.
    #[serde(rename = "t")]
    pub things: Option<Things>,
    /// `None` if the observation carries no readable quality.
    #[serde(rename = "p")]
    pub print: Option<Print>,
    /// What comparing its faces with the enrolled one came to; `None` if that was not tried.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
}

/// A comparison with the enrolled face, of the face that is most alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Check {
    /// Thousandths; `None` if no face was eligible.
    #[serde(rename = "s")]
    pub similarity: Option<i32>,
}

/// Persons and objects of one picture.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Things {
    #[serde(rename = "b")]
    pub bodies: Vec<Body>,
    #[serde(rename = "o")]
    pub objects: Vec<Object>,
}

/// A face.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Face {
    #[serde(rename = "r")]
    pub region: Region,
    #[serde(rename = "c")]
    pub conf: u16,
    #[serde(rename = "p")]
    pub pose: Option<Pose>,
    #[serde(rename = "e")]
    pub eyes: Option<Eyes>,
}

/// Raw head pose in milli-degrees: yaw > 0 to the picture's right, pitch > 0 up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pose {
    #[serde(rename = "y")]
    pub yaw: i32,
    #[serde(rename = "p")]
    pub pitch: i32,
}

/// Raw iris offset in thousandths of an eye width: x > 0 to the picture's right, y > 0 up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Eyes {
    pub x: i32,
    pub y: i32,
    /// Lid distance over eye width, thousandths.
    #[serde(rename = "o")]
    pub open: i32,
}

/// A head or body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Body {
    #[serde(rename = "r")]
    pub region: Region,
    #[serde(rename = "c")]
    pub conf: u16,
}

/// A thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Object {
    #[serde(rename = "k")]
    pub class: ObjectClass,
    #[serde(rename = "c")]
    pub conf: u16,
}

/// What a picture looked like as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Print {
    /// Difference hash.
    #[serde(rename = "h")]
    pub hash: u64,
    #[serde(rename = "g")]
    pub grid: Grid,
}

/// Mean luma of 8 x 8 cells, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid(pub [u8; 64]);

/// A box in ten-thousandths of the picture's width and height.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[i32; 4]", into = "[i32; 4]")]
pub(super) struct Region {
    pub x: i32,
    pub y: i32,
    pub w: i32,
    pub h: i32,
}

impl Segment {
    /// Reads an observation.
    pub fn read(observation: &Observation) -> Self {
        let models = observation.models.iter().map(|model| format!("{}@{}", model.name, model.version));
        Self {
            epoch: observation.stream.epoch,
            sequence: observation.sequence,
            attempt: observation.attempt,
            interval: Interval::new(observation.start_ms, observation.end_ms),
            undecodable: observation.status == SegmentStatus::Undecodable,
            step: step(observation.plan.fps),
            samples: observation.frames.iter().map(sample).collect(),
            template: observation.template.clone(),
            models: models.collect(),
            digest: canonical::sha256_hex(&canonical::bytes(observation)),
        }
    }
}

/// Planned time between samples; at most 2 s, since a sample never stands for more.
fn step(fps: f32) -> Millis {
    Millis(((1000.0 / fps).round() as i64).clamp(50, 2000))
}

fn sample(frame: &FrameObservation) -> Sample {
    let view = match frame.status {
        SampleStatus::NotSeen => View::Unseen(frame.reason.unwrap_or(UnseenReason::Gap)),
        SampleStatus::Seen => View::Seen(scene(frame)),
    };
    Sample { at: frame.media_ms, view }
}

/// What a valid sample shows.
pub(super) fn scene(frame: &FrameObservation) -> Scene {
    Scene {
        faces: frame.faces.iter().map(face).collect(),
        things: frame.persons.as_ref().map(|persons| Things {
            bodies: persons.iter().map(body).collect(),
            objects: frame.objects.iter().flatten().map(object).collect(),
        }),
        print: frame.quality.as_ref().and_then(print),
        check: check(frame),
    }
}

fn check(frame: &FrameObservation) -> Option<Check> {
    let matches: Vec<&IdentityMatch> = frame.faces.iter().filter_map(|face| face.identity.as_ref()).collect();
    let eligible = matches.iter().filter(|one| one.eligible).filter_map(|one| one.similarity);
    let similarity = eligible.map(thousandths).max().map(|similarity| similarity.clamp(-1000, 1000));
    (!matches.is_empty()).then_some(Check { similarity })
}

fn face(face: &FaceObservation) -> Face {
    let pose = face.yaw.zip(face.pitch);
    let eyes = face.gaze_yaw.zip(face.gaze_pitch).zip(face.eye_openness);
    Face {
        region: face.rect.into(),
        conf: confidence(face.conf),
        pose: pose.map(|(yaw, pitch)| Pose { yaw: thousandths(yaw), pitch: thousandths(pitch) }),
        eyes: eyes.map(|((x, y), open)| Eyes {
            x: thousandths(x),
            y: thousandths(y),
            open: thousandths(open),
        }),
    }
}

fn body(person: &PersonObservation) -> Body {
    Body { region: person.rect.into(), conf: confidence(person.conf) }
}

fn object(object: &ObjectObservation) -> Object {
    Object { class: object.class, conf: confidence(object.conf) }
}

fn print(quality: &Quality) -> Option<Print> {
    let hash = u64::from_str_radix(&quality.phash, 16).ok()?;
    let cells: [u8; 64] = grid_cells(&quality.grid).try_into().ok()?;
    Some(Print { hash, grid: Grid(cells) })
}

/// Clamped to what no measurement comes near, so that no arithmetic on it can overflow.
fn thousandths(value: f32) -> i32 {
    ((value * 1000.0).round() as i32).clamp(-1_000_000, 1_000_000)
}

fn confidence(value: f32) -> u16 {
    thousandths(value).clamp(0, 1000) as u16
}

impl Region {
    pub fn centre(self) -> (i32, i32) {
        (self.x + self.w / 2, self.y + self.h / 2)
    }

    pub fn area(self) -> i64 {
        i64::from(self.w.max(0)) * i64::from(self.h.max(0))
    }

    /// Area that both share.
    pub fn shared(self, other: Self) -> i64 {
        let width = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let height = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        i64::from(width.max(0)) * i64::from(height.max(0))
    }

    /// Thousandths of the box outside the picture.
    pub fn cut_milli(self) -> i32 {
        let inside = self.shared(Self { x: 0, y: 0, w: 10_000, h: 10_000 });
        if self.area() == 0 { 0 } else { (1000 - inside * 1000 / self.area()) as i32 }
    }
}

impl From<Rect> for Region {
    fn from(rect: Rect) -> Self {
        // Boxes far outside the picture are clamped, so that no arithmetic on them can overflow.
        let units = |value: f32| ((value * 10_000.0).round() as i32).clamp(-100_000, 100_000);
        Self { x: units(rect.x), y: units(rect.y), w: units(rect.w), h: units(rect.h) }
    }
}

impl From<[i32; 4]> for Region {
    fn from([x, y, w, h]: [i32; 4]) -> Self {
        Self { x, y, w, h }
    }
}

impl From<Region> for [i32; 4] {
    fn from(region: Region) -> Self {
        [region.x, region.y, region.w, region.h]
    }
}

impl Serialize for Grid {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let text: String = self.0.iter().map(|cell| format!("{cell:02x}")).collect();
        text.serialize(out)
    }
}

impl<'de> Deserialize<'de> for Grid {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        let cells = grid_cells(&text).try_into();
        cells.map(Self).map_err(|_| serde::de::Error::custom("a grid is 128 hex digits"))
    }
}
