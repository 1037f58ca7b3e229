//! A chosen picture becomes a sealed one in the store: what nobody may see is made unrecognisable, the result is looked
//! at again, and only when no face is found in it but the candidate's it is encoded, sealed and stored.
//!
//! One thread; ends with those who choose. A store that fails costs pictures.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use domain::observe::{Reporting, reported_faces};
use domain::picture::Picture;
use domain::ports::{Attention, Look, Vision};

use super::album::{Album, AlbumError};
use super::keeper::Chosen;
use super::redact::redact;
use crate::jpeg;
use crate::stages::Stop;
use crate::telemetry::logs::Trouble;
use crate::telemetry::metrics::{Metrics, PictureOutcome};

/// How often a picture is looked at again; one in which there still is a face then is not kept.
const LOOKS: usize = 4;

/// Develops pictures.
pub(crate) struct Darkroom<'a, V: Vision> {
    pub album: Album<'a>,
    pub vision: &'a V,
    pub reporting: Reporting,
    pub metrics: &'a Metrics,
    pub stop: &'a Stop,
}

/// Why a picture is not kept.
#[derive(Debug, thiserror::Error)]
enum NotKept {
    #[error("a face is found in it whatever is hidden")]
    Face,
    #[error("it cannot be looked at again")]
    Unseen,
    #[error("it cannot be encoded")]
    Encoding,
    #[error(transparent)]
    Album(#[from] AlbumError),
}

impl NotKept {
    fn outcome(&self) -> PictureOutcome {
        match self {
            Self::Face | Self::Unseen | Self::Encoding => PictureOutcome::NotHidden,
            Self::Album(AlbumError::Store(_)) => PictureOutcome::NoStore,
            Self::Album(AlbumError::Key(_) | AlbumError::Seal(_)) => PictureOutcome::NoKey,
        }
    }
}

impl<V: Vision> Darkroom<'_, V> {
    /// Develops what comes until nothing comes any more.
    pub(crate) fn run(self, from: &Receiver<Chosen>) {
        let mut trouble = Trouble::default();
        while let Ok(chosen) = from.recv() {
            if self.stop.is_immediate() {
                return;
            }
            let outcome = match self.develop(&chosen) {
                Ok(()) => PictureOutcome::Kept,
                Err(reason) => {
                    if trouble.is_news() {
                        tracing::warn!(session = %chosen.session, %reason, "a picture is not kept");
                    }
                    reason.outcome()
                }
            };
            self.metrics.picture(outcome);
        }
    }

    fn develop(&self, chosen: &Chosen) -> Result<(), NotKept> {
        let shown = unrecognisable(self.vision, &self.reporting, chosen)?;
        let jpeg = jpeg::encode(&shown).map_err(|_| NotKept::Encoding)?;
        Ok(self.album.put(&chosen.session, &chosen.name, &jpeg)?)
    }
}

/// The picture with nobody in it that could be recognised but the candidate.
fn unrecognisable<V: Vision>(
    vision: &V,
    reporting: &Reporting,
    chosen: &Chosen,
) -> Result<Arc<Picture>, NotKept> {
    let mut hidden = chosen.hidden.clone();
    for _ in 0..LOOKS {
        let picture = redact(&chosen.picture, &hidden).map_err(|_| NotKept::Encoding)?;
        let picture = Arc::new(picture);
        let look = Look { picture: Arc::clone(&picture), attention: Attention::Thorough };
        let sights = vision.look(&[vec![look]]);
        let Some(Ok(sight)) = sights.into_iter().flatten().next() else { return Err(NotKept::Unseen) };
        let faces = reported_faces(&sight.detections, reporting);
        // All of them, before it is looked at again.
        if faces.into_iter().filter(|face| hidden.add(face.rect)).count() == 0 {
            return Ok(picture);
        }
    }
    Err(NotKept::Face)
}
