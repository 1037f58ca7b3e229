//! From a file to embeddings, by the parts of the product: decoder, models, eligibility.
//!
//! Of each picture the largest face is taken. Says of every sample why it has no embedding, if it has none.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use decode::{DecodeEvent, DecoderPool, SamplingPlan};
use domain::identity::{Embedding, Ineligible};
use domain::picture::Picture;
use domain::ports::{Attention, Look, Recognition as _, Vision as _};
use domain::time::{Interval, MediaMs, Millis};
use infer::{InferError, Recognizer, Vision};

/// What one sample of a file came to.
pub(super) type Sample = Result<Embedding, Unusable>;

/// Why a sample has no embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unusable(pub &'static str);

/// The parts of the product that faces go through.
#[derive(Debug)]
pub(super) struct Faces {
    pub decoder: DecoderPool,
    pub vision: Vision,
    pub recognizer: Recognizer,
}

/// One sample a second: those of a video are to differ, and the product is no faster.
const APART: Millis = Millis(1000);
/// No more of one file: pictures are held until all were looked at.
const MOST: usize = 60;

impl Faces {
    /// The one sample of a photograph.
    pub fn of_photograph(&self, path: &Path) -> Result<Sample, Box<dyn std::error::Error + Send + Sync>> {
        let samples =
            self.of(path, SamplingPlan::every(APART).within(Interval::new(MediaMs::ZERO, MediaMs(1000))))?;
        samples.into_iter().next().ok_or_else(|| "no picture".into())
    }

    /// The samples of a video.
    pub fn of_video(&self, path: &Path) -> Result<Vec<Sample>, Box<dyn std::error::Error + Send + Sync>> {
        self.of(path, SamplingPlan::every(APART))
    }

    fn of(
        &self,
        path: &Path,
        plan: SamplingPlan,
    ) -> Result<Vec<Sample>, Box<dyn std::error::Error + Send + Sync>> {
        let mut pictures = Vec::new();
        self.decoder.decode(&File::open(path)?, &plan, &mut |event| {
            if let DecodeEvent::Frame(frame) = event {
                pictures.push(frame.picture);
            }
            if pictures.len() < MOST { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(self.look_at(&pictures)?)
    }

    fn look_at(&self, pictures: &[Arc<Picture>]) -> Result<Vec<Sample>, InferError> {
        let look = |picture: &Arc<Picture>| Look {
            picture: Arc::clone(picture),
            attention: Attention::Unless { faces: 1 },
        };
        let segment: Vec<Look> = pictures.iter().map(look).collect();
        let sights = self.vision.look(std::slice::from_ref(&segment)).into_iter().flatten();
        let sample = |(picture, sight): (&Arc<Picture>, Result<domain::ports::Sight, InferError>)| {
            let detections = sight?.detections;
            let largest = detections.faces.iter().max_by(|one, other| one.rect.h.total_cmp(&other.rect.h));
            Ok(match largest {
                None => Err(Unusable("no face")),
                Some(face) => {
                    let embedded = self.recognizer.embed(picture, face)?;
                    embedded.map_err(|reason: Ineligible| Unusable(reason.name()))
                }
            })
        };
        pictures.iter().zip(sights).map(sample).collect()
    }
}
