//! What the fold made of each planned sample, for plots and for measuring accuracy. Not part of any
//! result and not kept in the state.

use super::coverage::Unseen;
use super::perception::{Gaze, Perception};
use super::timeline::Slot;
use crate::time::{Interval, MediaMs};

/// One planned sample, or a hole between samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleTrace {
    /// The planned instant; for a hole its start.
    pub at: MediaMs,
    /// The time it stands for.
    pub span: Interval,
    /// Why it was not seen, as the score's `by_reason` names it; `None` if it was.
    pub unseen: Option<&'static str>,
    /// Persons who are not posters; `None` if it was not seen.
    pub persons: Option<u16>,
    /// Where the candidate looks; `None` if that could not be measured.
    pub gaze: Option<Gaze>,
}

impl SampleTrace {
    pub(super) fn of(slot: &Slot, reason: Option<Unseen>, perception: Option<&Perception>) -> Self {
        Self {
            at: slot.at,
            span: slot.span,
            unseen: reason.map(Unseen::name),
            persons: perception.map(|perception| perception.persons),
            gaze: perception.and_then(|perception| perception.face?.gaze),
        }
    }
}
