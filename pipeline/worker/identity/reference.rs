//! Photos of a person → what is wrong with each of them, or the template that all of them give.
//!
//! A photo is decoded as video is: in a child process that can do no harm.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use decode::{DecodeError, DecodeEvent, DecoderPool, SamplingPlan};
use domain::identity::{Embedding, Ineligible};
use domain::observe::quality::Light;
use domain::observe::{Reporting, reported_faces};
use domain::picture::Picture;
use domain::ports::{Attention, Look, Recognition, Vision};
use domain::time::{Interval, MediaMs, Millis};

/// Why a photo gives no template.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It is no picture.
    #[error("is no picture: {0}")]
    NoPicture(#[from] DecodeError),
    /// Nothing can be seen in it.
    #[error("too dark, too blurred or without structure: take it in better light")]
    Light,
    /// Nobody, or more than one person.
    #[error("shows {0} faces: there must be exactly one")]
    Faces(usize),
    /// The face allows no comparison.
    #[error("{0}")]
    Ineligible(Ineligible),
    /// The face is unlike that of the other photos.
    #[error("the face is unlike that of the photos before it: is it the same person?")]
    Unlike,
}

impl Unusable {
    /// A stable word for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::NoPicture(_) => "no_picture",
            Self::Light => "light",
            Self::Faces(_) => "faces",
            Self::Ineligible(ineligible) => ineligible.name(),
            Self::Unlike => "unlike",
        }
    }
}

/// What reads photos.
pub struct Photographs<'a, V, R> {
    /// Decodes.
    pub decoder: &'a DecoderPool,
    /// Looks.
    pub vision: &'a V,
    /// Embeds.
    pub recognizer: &'a R,
    /// What counts as a face.
    pub reporting: Reporting,
    /// Photos of one person are at least this alike: else somebody else is on one of them.
    pub alike: f32,
}

impl<V: Vision, R: Recognition<Error = V::Error>> Photographs<'_, V, R> {
    /// The face on a photo; `before` are those of earlier photos of the same person.
    ///
    /// # Errors
    /// The outer one if the models cannot run; the inner one is the photo's.
    pub fn face(
        &self,
        photo: io::Result<File>,
        before: &[Embedding],
    ) -> Result<Result<Embedding, Unusable>, V::Error> {
        let picture = match photo.map_err(Unusable::from).and_then(|photo| self.picture(&photo)) {
            Ok(picture) => picture,
            Err(unusable) => return Ok(Err(unusable)),
        };
        let look = Look { picture: Arc::clone(&picture), attention: Attention::Thorough };
        let sights = self.vision.look(&[vec![look]]);
        let Some(sight) = sights.into_iter().flatten().next() else { return Ok(Err(Unusable::Light)) };
        let sight = sight?;
        if matches!(sight.light, Light::Unusable(_)) {
            return Ok(Err(Unusable::Light));
        }
        let faces = reported_faces(&sight.detections, &self.reporting);
        let [face] = faces.as_slice() else { return Ok(Err(Unusable::Faces(faces.len()))) };
        let embedding = match self.recognizer.embed(&picture, face)? {
            Ok(embedding) => embedding,
            Err(ineligible) => return Ok(Err(Unusable::Ineligible(ineligible))),
        };
        let is_alike =
            |known: &Embedding| known.similarity(&embedding).is_some_and(|cosine| cosine >= self.alike);
        Ok(if before.iter().all(is_alike) { Ok(embedding) } else { Err(Unusable::Unlike) })
    }

    fn picture(&self, photo: &File) -> Result<Arc<Picture>, Unusable> {
        let first = Interval::new(MediaMs::ZERO, MediaMs(1));
        let plan = SamplingPlan::every(Millis::from_secs(1)).within(first);
        let mut picture = None;
        self.decoder.decode(photo, &plan, &mut |event| {
            if let DecodeEvent::Frame(frame) = event {
                picture.get_or_insert(frame.picture);
            }
            ControlFlow::Continue(())
        })?;
        picture.ok_or_else(|| DecodeError::NoPictures.into())
    }
}
