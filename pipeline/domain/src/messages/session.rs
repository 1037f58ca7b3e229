//! `invigilator.session.v1`: one fact of a session's life, from the exam system.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Accommodation;
use super::segment::is_near;
use crate::ids::SessionId;
use crate::time::{Interval, MediaMs};

/// One fact of a session's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionFact {
    /// The session.
    pub session: SessionId,
    /// Media time at which it holds.
    pub media_ms: MediaMs,
    /// What happened.
    #[serde(flatten)]
    pub event: SessionEvent,
}

impl SessionFact {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if !is_near(self.media_ms) {
            return Err("a fact lies within days of its session");
        }
        match self.event {
            SessionEvent::Started { expected: Some(expected), .. }
            | SessionEvent::Ended { expected: Some(expected) }
                if !is_near(expected.start) || !is_near(expected.end) || expected.end < expected.start =>
            {
                Err("video is expected within days of its session, and not backwards")
            }
            _ => Ok(()),
        }
    }
}

/// What can happen to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum SessionEvent {
    /// It began.
    Started {
        /// Id of the policy it is judged by.
        policy: String,
        /// What it was granted.
        accommodations: Vec<Accommodation>,
        /// When video is expected; `null` while not known.
        expected: Option<Interval>,
    },
    /// It is an attempt on a learning platform, which hears of it. Said before it began; judges nothing.
    Linked {
        /// The platform, as the gateway's operator calls it.
        platform: String,
        /// The candidate, as an opaque id of the platform's.
        user: String,
        /// The assessment, as an id of the platform's.
        resource_link: String,
        /// Counts the candidate's attempts from 1.
        attempt_number: u32,
    },
    /// A break began. Counts as approved only with the accommodation `breaks`.
    BreakStarted,
    /// The break is over.
    BreakEnded,
    /// It is over; `expected` may correct what `started` said.
    Ended {
        /// When video was expected, if better known now.
        expected: Option<Interval>,
    },
}
