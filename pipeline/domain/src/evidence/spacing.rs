//! How often a picture is taken of a session: what goes on for long looks the same for long, and incidents name only
//! the segments that they begin with.

use crate::score::telling::{Subject, Telling};
use crate::time::{MediaMs, Millis};

/// Longest pause between two pictures of the same.
const LONGEST: Millis = Millis::from_secs(600);

/// When a picture of a session was last taken, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spacing {
    at: MediaMs,
    subject: Subject,
    /// How long nothing more of the same is taken.
    pause: Millis,
}

impl Spacing {
    /// Whether another picture is taken: if so, what to remember of it. Two are at least `apart` from each other; of
    /// the same thing each pause is twice the one before, until something else is to be seen or nothing was for a
    /// while.
    pub fn allow(before: Option<Self>, telling: Telling, apart: Millis) -> Option<Self> {
        let Telling { at, subject } = telling;
        let first = Self { at, subject, pause: apart };
        let Some(before) = before else { return Some(first) };
        let since = at - before.at;
        // Segments may be looked at in another order than they were recorded in.
        if Millis(since.0.abs()) < apart {
            return None;
        }
        let goes_on = subject == before.subject && since.0 >= 0 && since < before.pause + before.pause;
        match goes_on {
            false => Some(first),
            true if since < before.pause => None,
            true => Some(Self { pause: (before.pause + before.pause).min(LONGEST), ..first }),
        }
    }
}
