//! What goes into the fold and what comes out of it.

use crate::messages::{Incident, Marker, Observation, Review, Score, SessionFact};
use crate::time::Millis;

/// One record of a session, from any of the recorded topics.
#[derive(Debug, Clone, Copy)]
pub enum ScoreInput<'a> {
    /// What was seen in one segment.
    Observation(&'a Observation),
    /// A clock's verdict.
    Marker(&'a Marker),
    /// A fact of the session's life.
    SessionFact(&'a SessionFact),
    /// A human's decision.
    Review(&'a Review),
}

/// One record to publish. `run` is left empty: the caller has the clock.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// A revision of an incident.
    Incident {
        /// The revision.
        incident: Box<Incident>,
        /// Media time from the start of the condition to the sample that opened the incident; goes
        /// into the incident's `run`.
        time_to_flag: Millis,
    },
    /// A revision of the score.
    Score(Box<Score>),
}

/// What the fold did with its inputs, for metrics. Not part of any result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counters {
    /// Segments that took their place.
    pub segments: u64,
    /// Records delivered again, dropped.
    pub duplicates: u64,
    /// Segments that came after their place was given up: they count as not seen.
    pub late: u64,
    /// Records of another session, dropped.
    pub foreign: u64,
}
