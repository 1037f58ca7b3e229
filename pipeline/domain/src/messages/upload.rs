//! `invigilator.upload.v1`: what happened to an upload besides its chunks, in their topic and so in order
//! with them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::SessionId;

/// One fact of an upload. It has no media time: whoever cuts the stream knows that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UploadFact {
    /// The session.
    pub session: SessionId,
    /// What happened.
    pub event: UploadEvent,
}

/// What can happen to an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UploadEvent {
    /// Nothing more will come.
    Ended,
    /// A break of the session began.
    BreakStarted,
    /// The break is over.
    BreakEnded,
    /// Nothing has come for a while. Said again in the same silence: nothing has come for so long that what
    /// was kept to go on from is given up.
    Silent,
}
