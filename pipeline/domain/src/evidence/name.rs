//! What a picture is called within its session: `EPOCH-SEQUENCE-MILLISECONDS`. The name says where in the recording it
//! was taken and nothing else; the same sample has the same name whoever looks at it, and how often.

use std::fmt;
use std::str::FromStr;

use crate::time::{Interval, MediaMs, Millis};

/// Samples stand for time around them: an incident may begin or end so long after or before one that shows it.
const AROUND: Millis = Millis(1000);

/// The name of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PictureName {
    /// Epoch of the stream.
    pub epoch: u32,
    /// Segment within the epoch.
    pub sequence: u64,
    /// When it was taken.
    pub at: MediaMs,
}

/// A text that names no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a picture is named EPOCH-SEQUENCE-MILLISECONDS")]
pub struct PictureNameError;

/// Where an incident shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// From when to when.
    pub interval: Interval,
    /// Segments that it names.
    pub segments: Vec<u64>,
}

impl Span {
    /// Whether a picture shows the incident. (Segments of different epochs have the same numbers; media time has no
    /// epochs.)
    pub fn holds(&self, picture: &PictureName) -> bool {
        let Interval { start, end } = self.interval;
        let is_within = start - AROUND <= picture.at && picture.at <= end + AROUND;
        is_within && self.segments.contains(&picture.sequence)
    }
}

impl fmt::Display for PictureName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}-{}", self.epoch, self.sequence, self.at.0)
    }
}

impl FromStr for PictureName {
    type Err = PictureNameError;

    fn from_str(text: &str) -> Result<Self, PictureNameError> {
        let mut parts = text.split('-');
        let mut next = || parts.next().ok_or(PictureNameError);
        let (epoch, sequence, at) = (next()?, next()?, next()?);
        let wrong = |_| PictureNameError;
        let name = Self {
            epoch: epoch.parse().map_err(wrong)?,
            sequence: sequence.parse().map_err(wrong)?,
            at: MediaMs(at.parse().map_err(wrong)?),
        };
        // One picture, one name: no `+7`, no `007`, nothing behind.
        if name.to_string() == text { Ok(name) } else { Err(PictureNameError) }
    }
}
