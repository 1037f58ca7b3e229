//! What a container says about its own length, beyond what its demuxer passes on.
//!
//! Demuxers make up a duration where the file states none, as recordings of browsers do. That matters to
//! whoever has to say what was not seen.

use domain::time::Millis;

use super::{matroska, mp4};
use crate::formats::Length;

/// Who knows how long the medium is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duration {
    /// The demuxer passes on what the container states.
    AskDemuxer,
    /// The head states it; zero if it states that there is nothing.
    Known(Millis),
    /// The container does not state it.
    Unknown,
}

/// Reads the head of a file.
pub(super) fn read(length: Length, head: &[u8]) -> Duration {
    match length {
        Length::MatroskaHeader => matroska::stated(head),
        Length::Mp4Header => mp4::stated(head),
        Length::Container => Duration::AskDemuxer,
        Length::Nobody => Duration::Unknown,
    }
}
