//! What a container says about its own length, beyond what its demuxer passes on.
//!
//! Demuxers make up a duration where the file states none, as recordings of browsers do, and take a
//! file that was cut off for one that ends. Both matter to whoever has to say what was not seen.

use domain::time::Millis;

use super::{matroska, mp4};
use crate::formats::Length;

/// What the head of a file says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stated {
    /// How long the medium is.
    pub(super) duration: Duration,
    /// Where the file ends, in bytes, if it says so.
    pub(super) size: Option<u64>,
}

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
pub(super) fn read(length: Length, head: &[u8]) -> Stated {
    match length {
        Length::MatroskaHeader => matroska::stated(head),
        Length::Mp4Header => mp4::stated(head),
        Length::Container => Stated { duration: Duration::AskDemuxer, size: None },
        Length::Nobody => Stated { duration: Duration::Unknown, size: None },
    }
}
