//! Where a file ended: as it says itself, or where its decoding broke off.

use decode::{DecodeError, Decoded, Ending, StreamInfo};
use domain::error::ErrorKind;
use domain::time::{Interval, MediaMs};

use super::{AnalyzeError, expected};

/// The end of a file of which something was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// Where the last frame ends.
    pub(super) end: MediaMs,
    /// Media time of the last frame.
    pub(super) last: MediaMs,
    /// Why not all of it could be decoded, as a sentence.
    pub(super) cut_short: Option<String>,
}

impl Ended {
    /// What the outcome of a decode means; `reached` is the last instant that came, if any did.
    pub(super) fn of(
        outcome: Result<Decoded, DecodeError>,
        reached: Option<MediaMs>,
    ) -> Result<Self, AnalyzeError> {
        match (outcome, reached) {
            (Ok(decoded), _) => {
                let cut_short = (decoded.ending == Ending::Truncated)
                    .then(|| "the file breaks off, or is damaged in places".to_owned());
                Ok(Self { end: decoded.end, last: decoded.last, cut_short })
            }
            (Err(error), Some(reached)) if error.kind() == ErrorKind::Poison => {
                Ok(Self { end: reached, last: reached, cut_short: Some(error.to_string()) })
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    /// The stretch in which video was expected.
    pub(super) fn expected(&self, stream: &StreamInfo) -> Interval {
        expected(stream.duration.unwrap_or(self.last - MediaMs::ZERO))
    }
}
