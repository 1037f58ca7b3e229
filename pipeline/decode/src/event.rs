//! What the caller learns while a medium is decoded, and at its end.

use domain::ports::{Frame, SampleTime};
use domain::time::{MediaMs, Millis};
use serde::{Deserialize, Serialize};

/// One piece of news of a running decode, in the order in which they come.
#[derive(Debug, Clone)]
pub enum DecodeEvent {
    /// The video stream was found. Comes once, before everything else.
    Started(StreamInfo),
    /// The picture that stands for the next sample. Consecutive frames may share one
    /// picture (`Arc::ptr_eq`): nothing new was sent between them.
    Frame(Frame),
    /// No picture stands for the next sample.
    Gap(SampleTime),
}

/// The video stream as the container describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamInfo {
    /// Such as `matroska`.
    pub container: String,
    /// Such as `vp8`.
    pub codec: String,
    /// Width of the pictures as they will be shown, upright and with square pixels, as the container
    /// describes them; zero when it does not say.
    pub width: u32,
    /// Height, likewise.
    pub height: u32,
    /// How long the container says it is: live recordings do not say.
    pub duration: Option<Millis>,
    /// About how long it is, stated or not: for progress bars alone.
    pub estimate: Option<Millis>,
}

/// How a decode came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The whole medium, or the whole window of the plan, was seen.
    Complete,
    /// Something is missing: the medium breaks off, or is damaged somewhere. What was decoded is good;
    /// what was lost in the middle shows as gaps.
    Truncated,
    /// The consumer asked to stop.
    Stopped,
}

/// A decode that gave what the medium has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The stream.
    pub stream: StreamInfo,
    /// How it ended.
    pub ending: Ending,
    /// Media time of the first frame.
    pub first: MediaMs,
    /// Media time of the last frame that was met, decoded or not.
    pub last: MediaMs,
    /// Where the last frame ends, as far as the container says; at least `last`.
    pub end: MediaMs,
    /// Frames that were decoded.
    pub frames_decoded: u64,
    /// Frames that were passed over because no picture depends on them.
    pub frames_skipped: u64,
    /// Instants that got a picture.
    pub frames: u64,
    /// Instants that got none.
    pub gaps: u64,
}
