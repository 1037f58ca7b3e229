//! Which samples are compared with enrolled faces, segment by segment and many segments at once.
//!
//! First those whose turn it is; after the closer look, which a doubt asks for like anything suspicious, more of
//! the segments that are in doubt.

use domain::identity::Cadence;
use domain::messages::ModelRef;
use domain::ports::{Recognition, Vision};
use rayon::prelude::*;

use super::{DecodedSegment, Observer, Seen};
use crate::identity::Template;
use crate::identity::compare::compare;

/// Compares faces with enrolled ones.
pub struct Recognizer<'a, E> {
    /// Embeds.
    pub by: &'a dyn Recognition<Error = E>,
    /// The model that does.
    pub model: ModelRef,
    /// How often.
    pub cadence: Cadence,
}

impl<V: Vision> Observer<'_, V> {
    /// Compares the samples whose turn it is with the enrolled faces; says of which segments more should be.
    pub(super) fn take_turns(
        &self,
        segments: &[DecodedSegment],
        seen: &mut [Seen],
    ) -> Result<Vec<bool>, V::Error> {
        let in_doubt = segments.par_iter().zip(seen).map(|(segment, Seen { frames, shown })| {
            let Some((recognizer, template)) = self.compares(segment) else { return Ok(false) };
            recognizer.cadence.take_turns(segment.identity.interval, frames.values_mut(), |frame| {
                compare(recognizer.by, template, shown.get(&frame.media_ms), frame)
            })
        });
        in_doubt.collect()
    }

    /// Compares more samples of the segments that are in doubt.
    pub(super) fn settle_doubts(
        &self,
        segments: &[DecodedSegment],
        seen: &mut [Seen],
        in_doubt: &[bool],
    ) -> Result<(), V::Error> {
        let doubtful = segments.par_iter().zip(seen).zip(in_doubt).filter(|(_, in_doubt)| **in_doubt);
        doubtful.try_for_each(|((segment, Seen { frames, shown }), _)| {
            let Some((recognizer, template)) = self.compares(segment) else { return Ok(()) };
            recognizer.cadence.burst(frames.values_mut(), |frame| {
                compare(recognizer.by, template, shown.get(&frame.media_ms), frame)
            })
        })
    }

    /// What compares the faces of a segment, and with whom.
    fn compares<'s>(
        &'s self,
        segment: &'s DecodedSegment,
    ) -> Option<(&'s Recognizer<'s, V::Error>, &'s Template)> {
        self.recognizer.as_ref().zip(segment.template.as_deref())
    }
}
