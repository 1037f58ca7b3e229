//! Decides which pictures are kept: looks at every segment that was looked at, together with its pictures, on the thread
//! that looks. What is chosen goes to the darkroom, if there is room; else it is not kept.
//!
//! Remembers of each session where its candidate sat and when a picture was last taken, and forgets sessions not met
//! for long: after a crash there is a picture more, or one in which nobody can be recognised.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::Sender;
use domain::evidence::{Hidden, PictureName, Spacing, Whereabouts};
use domain::ids::SessionId;
use domain::messages::Observation;
use domain::picture::Picture;
use domain::score::telling::most_telling;
use domain::time::{MediaMs, Millis};

use super::consents::Consents;
use crate::identity::compare::Shown;
use crate::observer::Witness;
use crate::recent::Recent;
use crate::telemetry::metrics::{Metrics, PictureOutcome};

/// A picture that is to be kept.
pub(crate) struct Chosen {
    /// Of which session.
    pub session: SessionId,
    /// What it is called.
    pub name: PictureName,
    /// As it was decoded.
    pub picture: Arc<Picture>,
    /// What nobody may see of it.
    pub hidden: Hidden,
}

/// Chooses pictures.
pub(crate) struct Keeper<'a> {
    consents: &'a Consents,
    /// Pictures of one session are at least so far apart.
    apart: Millis,
    remembered: Mutex<Recent<Memory>>,
    chosen: Sender<Chosen>,
    metrics: Metrics,
}

/// What is remembered of a session.
#[derive(Debug, Clone, Copy, Default)]
struct Memory {
    candidate: Option<Whereabouts>,
    taken: Option<Spacing>,
}

impl<'a> Keeper<'a> {
    /// Hands what it chooses to `chosen`.
    pub(crate) fn new(
        consents: &'a Consents,
        apart: Millis,
        chosen: Sender<Chosen>,
        metrics: Metrics,
    ) -> Self {
        Self { consents, apart, remembered: Mutex::default(), chosen, metrics }
    }
}

impl Witness for Keeper<'_> {
    fn show(&self, observation: &Observation, shown: &BTreeMap<MediaMs, Shown>) {
        let Some(consent) = self.consents.of(&observation.session) else { return };
        // Whole whatever happened to a thread that held it.
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let mut memory = remembered.get(&observation.session).unwrap_or_default();
        let telling = most_telling(observation, &consent.policy, consent.helper_allowed);
        let taken = telling.and_then(|telling| Spacing::allow(memory.taken, telling, self.apart));
        let at = telling.filter(|_| taken.is_some()).map(|telling| telling.at);

        let level = consent.policy.detect.identity.high_milli as f32 / 1000.0;
        let alike = observation.template.as_ref().map(|_| level);
        let mut candidate = None;
        for sample in &observation.frames {
            memory.candidate = Whereabouts::after(memory.candidate, sample, alike);
            if at == Some(sample.media_ms) {
                candidate = memory.candidate;
            }
        }
        if let Some((at, Shown { picture, .. })) = at.and_then(|at| Some((at, shown.get(&at)?))) {
            let chosen = Chosen {
                session: observation.session.clone(),
                name: PictureName { epoch: observation.stream.epoch, sequence: observation.sequence, at },
                picture: Arc::clone(picture),
                hidden: Hidden::of(&observation.frames, at, candidate),
            };
            match self.chosen.try_send(chosen) {
                Ok(()) => memory.taken = taken,
                Err(_) => self.metrics.picture(PictureOutcome::NoRoom),
            }
        }
        remembered.insert(&observation.session, memory);
    }
}
