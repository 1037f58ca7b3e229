//! `invigilator.marker.v1`: what no observation can tell, written into the log of observations so that a
//! replay sees it too: a wall clock's verdict, or what became of segments that nobody observed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::segment::is_near;
use crate::ids::SessionId;
use crate::time::{MediaMs, Millis};

/// Something that is in no segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Marker {
    /// The session.
    pub session: SessionId,
    /// What was noticed.
    pub kind: MarkerKind,
    /// Media time reached by then; of `overtaken`: start of the segment before which others are missing.
    pub media_ms: MediaMs,
    /// How long nothing had come by then; of `overtaken`: 0.
    pub silent_ms: Millis,
}

impl Marker {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let is_sane = is_near(self.media_ms) && is_near(MediaMs::ZERO + self.silent_ms);
        if is_sane { Ok(()) } else { Err("a marker lies within days of its session") }
    }
}

/// What can be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarkerKind {
    /// Nothing came for so long that the session is taken to be over.
    Idle,
    /// No bytes came while the session should be running.
    StreamLost,
    /// Segments were deleted before anybody had observed them: the platform's doing.
    Overtaken,
}
