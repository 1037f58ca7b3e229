//! Compares the faces of a sample with the enrolled one, and writes down what that came to.

use std::sync::Arc;

use domain::detections::DetectedFace;
use domain::error::ErrorKind;
use domain::identity::Comparison;
use domain::messages::{FrameObservation, IdentityMatch};
use domain::picture::Picture;
use domain::ports::{Recognition, VisionError};

use super::Template;

/// Faces of a sample that are compared at most, the largest: a crowd must not cost more than it tells.
const MOST_COMPARED: usize = 3;

/// The picture of a sample, and the faces in it in the order in which the sample lists them.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The picture.
    pub picture: Arc<Picture>,
    /// The faces.
    pub faces: Vec<DetectedFace>,
}

/// Compares the faces of a sample with a template.
///
/// # Errors
/// If the model cannot run at all. A face that it cannot look at is not eligible.
pub fn compare<E: VisionError>(
    recognizer: &dyn Recognition<Error = E>,
    template: &Template,
    shown: Option<&Shown>,
    sample: &mut FrameObservation,
) -> Result<Comparison, E> {
    let (Some(enrolled), Some(shown)) = (&template.face, shown) else { return Ok(Comparison::Impossible) };
    let mut best: Option<f32> = None;
    for (told, face) in sample.faces.iter_mut().zip(&shown.faces).take(MOST_COMPARED) {
        let similarity = match recognizer.embed(&shown.picture, face) {
            // Of another model than the template: nothing can be said, and nothing was checked.
            Ok(Ok(embedding)) => match enrolled.similarity(&embedding) {
                Some(similarity) => Some((similarity * 1000.0).round() / 1000.0),
                None => continue,
            },
            Ok(Err(_ineligible)) => None,
            Err(error) if error.kind() == ErrorKind::Poison => None,
            Err(error) => return Err(error),
        };
        best = best.into_iter().chain(similarity).reduce(f32::max);
        let (eligible, template) = (similarity.is_some(), template.id.clone());
        told.identity = Some(IdentityMatch { eligible, similarity, template });
    }
    Ok(best.map_or(Comparison::Impossible, Comparison::Similarity))
}
