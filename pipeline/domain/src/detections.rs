//! What the models saw in one picture, before any judgement: the hand-over from `infer` to
//! [`observe`](crate::observe). All positions are fractions of the upright picture.

use crate::geometry::{Point, Rect};

/// Everything found in one picture. Order within a list carries no meaning.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Detections {
    /// Faces, possibly the same face twice: [`observe`](crate::observe) merges doubles.
    pub faces: Vec<DetectedFace>,
    /// Persons and objects; `None` if they were not looked for.
    pub things: Option<Things>,
}

/// What the person model found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Things {
    /// Heads and bodies.
    pub persons: Vec<DetectedPerson>,
    /// Other things the policy may care about.
    pub objects: Vec<DetectedObject>,
}

/// A face found by a detector and, where the crop allowed it, measured by the mesh.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectedFace {
    /// The detector's box.
    pub rect: Rect,
    /// The detector's confidence, 0..1.
    pub conf: f32,
    /// Right eye, left eye, nose, mouth, right ear, left ear (the candidate's right and left). The
    /// dark-scene detector has no ears and repeats the eyes there.
    pub points: [Point; 6],
    /// The mesh on this face; `None` if it was not run or found no face in the crop.
    pub mesh: Option<MeshedFace>,
}

/// Head pose and eyes of one face.
///
/// Angles in degrees: yaw > 0 when the nose points to the picture's right, pitch > 0 when it points
/// up, roll > 0 when the head leans clockwise in the picture. Raw: no calibration to the candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeshedFace {
    /// Probability that the crop shows a face, 0..1.
    pub presence: f32,
    /// Bounding box of the 468 mesh points.
    pub rect: Rect,
    /// Turn of the head to a side.
    pub yaw: f32,
    /// Nod of the head.
    pub pitch: f32,
    /// Lean of the head.
    pub roll: f32,
    /// Both irises; `None` where the eyes are too small or closed to measure.
    pub eyes: Option<Eyes>,
}

/// Where the irises are in the eyes, as the mean of both, in eye widths (corner to corner).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Eyes {
    /// Offset of the iris from the middle of the eye along its corner line, > 0 to the picture's right.
    pub gaze_x: f32,
    /// Offset across the corner line, > 0 downwards.
    pub gaze_y: f32,
    /// Distance of the lids over the corner distance; about 0.3 open, below 0.1 closed.
    pub openness: f32,
}

/// A head or body found by the person model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectedPerson {
    /// Its box.
    pub rect: Rect,
    /// Confidence, 0..1.
    pub conf: f32,
}

/// A thing found by the object model.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectedObject {
    /// The class, as messages name it.
    pub class: ObjectClass,
    /// Its box.
    pub rect: Rect,
    /// Confidence, 0..1.
    pub conf: f32,
}

/// The classes of things that can be reported.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ObjectClass {
    /// A mobile phone.
    Phone,
    /// A book.
    Book,
    /// A laptop computer.
    Laptop,
    /// A television or monitor.
    Tv,
    /// A remote control; the phone's usual mistaken identity.
    Remote,
}
