//! The seams between the core and its adapters: what `decode` hands over, what `infer` answers.
//!
//! `worker` joins the two; they do not know each other.

use std::sync::Arc;

use crate::detections::Detections;
use crate::error::ErrorKind;
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
    /// The planned instant.
    pub sample_ms: MediaMs,
    /// Presentation time of the picture itself, never after `sample_ms` by more than half a sample
    /// interval.
    pub picture_ms: MediaMs,
    /// The picture.
    pub picture: Arc<Picture>,
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

/// Looks at pictures of many sessions at once.
pub trait Vision: Sync {
    /// The error of one picture.
    type Error: VisionError;

    /// Looks at every picture, in parallel; the answers are in the order of the pictures and do not
    /// depend on the number of threads.
    fn look(&self, pictures: &[Arc<Picture>]) -> Vec<Result<Sight, Self::Error>>;

    /// The models that do the looking.
    fn models(&self) -> &[ModelRef];
}

/// An error that knows what it means for the picture.
pub trait VisionError: std::error::Error + Send + Sync + 'static {
    /// What to do with the picture that caused it.
    fn kind(&self) -> ErrorKind;
}
