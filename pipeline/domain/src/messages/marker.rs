//! `invigilator.marker.v1`: a wall clock's verdict, written into the observation log so that a replay
//! sees it too.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::SessionId;
use crate::time::{MediaMs, Millis};

/// Something that only a clock could notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Marker {
    /// The session.
    pub session: SessionId,
    /// What the clock noticed.
    pub kind: MarkerKind,
    /// Media time reached when it did.
    pub media_ms: MediaMs,
    /// How long nothing had come by then.
    pub silent_ms: Millis,
}

/// What a clock can notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarkerKind {
    /// Nothing came for so long that the session is taken to be over.
    Idle,
    /// No bytes came while the session should be running.
    StreamLost,
}
