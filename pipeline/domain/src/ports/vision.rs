//! Looking at pictures: what `decode` hands over, what `infer` answers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::detections::{DetectedFace, Detections};
use crate::error::ErrorKind;
use crate::identity::{Embedding, Ineligible};
use crate::messages::{ModelRef, Quality};
use crate::observe::quality::Light;
use crate::picture::Picture;
use crate::time::MediaMs;

/// The picture that stands for one planned sample.
///
/// Two samples may share a picture: where a browser sent no new frame because nothing moved, the
/// last one still stands (compare with [`Arc::ptr_eq`] to look at it only once).
#[derive(Debug, Clone)]
pub struct Frame {
    /// When the sample is.
    pub time: SampleTime,
    /// Presentation time of the picture itself, never after the moment that it stands for.
    pub picture_ms: MediaMs,
    /// The picture.
    pub picture: Arc<Picture>,
}

/// When a sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SampleTime {
    /// The instant that the plan names.
    pub planned: MediaMs,
    /// The moment that is looked at for it: the same, or a little earlier where that spares decoding. What
    /// was displayed then is what is seen, and is dated so.
    pub moment: MediaMs,
}

impl SampleTime {
    /// The planned instant itself.
    pub fn exactly(planned: MediaMs) -> Self {
        Self { planned, moment: planned }
    }
}

/// What was seen in one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Sight {
    /// Measured before any model ran.
    pub quality: Quality,
    /// What the measurement allows.
    pub light: Light,
    /// What the models found; empty where `light` is [`Light::Unusable`].
    pub detections: Detections,
}

/// A picture to look at.
#[derive(Debug, Clone)]
pub struct Look {
    /// The picture.
    pub picture: Arc<Picture>,
    /// How closely to look at it.
    pub attention: Attention,
}

/// How closely to look at a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// For everything.
    Thorough,
    /// For persons and objects only if there are not exactly so many faces, for sure.
    Unless {
        /// How many are no surprise.
        faces: usize,
    },
}

/// Looks at pictures of many sessions at once.
pub trait Vision: Sync {
    /// The error of one picture.
    type Error: VisionError;

    /// Looks at the pictures of each segment, in order of media time; segments in parallel. The answers
    /// are in the order of the pictures; those of a segment depend on its pictures alone, not on the
    /// number of threads or on other segments.
    fn look(&self, segments: &[Vec<Look>]) -> Vec<Vec<Result<Sight, Self::Error>>>;

    /// The models that do the looking.
    fn models(&self) -> &[ModelRef];
}

/// Turns faces into embeddings. Called from many threads at once.
pub trait Recognition: Sync {
    /// The error of one face.
    type Error: VisionError;

    /// Where a face lies in the space of the model, or why it allows no comparison. A function of both
    /// arguments alone.
    ///
    /// # Errors
    /// If the model cannot run.
    fn embed(
        &self,
        picture: &Picture,
        face: &DetectedFace,
    ) -> Result<Result<Embedding, Ineligible>, Self::Error>;
}

/// An error that knows what it means for the picture.
pub trait VisionError: std::error::Error + Send + Sync + 'static {
    /// What to do with the picture that caused it.
    fn kind(&self) -> ErrorKind;
}
