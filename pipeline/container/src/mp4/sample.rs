//! A frame as an index describes it, in the units of its track.

use std::sync::Arc;

use domain::messages::StreamPoint;

use crate::error::{ContainerError, damaged};
use crate::packet::Frame;

/// Where a frame lies in the file, and in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) offset: u64,
    pub(super) size: u32,
    /// When it is shown.
    pub(super) at: i64,
    pub(super) duration: u32,
    pub(super) is_key: bool,
}

/// The units of a track's time, and where its presentation begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timebase {
    /// Units per second, never 0.
    pub(super) scale: u32,
    /// Time of the first instant that is shown.
    pub(super) start: i64,
}

impl Timebase {
    /// A frame with the sample's times in nanoseconds, rounded down.
    pub(super) fn frame(self, sample: Sample, bytes: Arc<[u8]>) -> Result<Frame, ContainerError> {
        let nanoseconds = |units: i64| {
            let exact = i128::from(units) * 1_000_000_000;
            i64::try_from(exact.div_euclid(i128::from(self.scale)))
                .map_err(|_| damaged("a time stamp makes no sense"))
        };
        Ok(Frame {
            at: nanoseconds(sample.at)?,
            duration: Some(nanoseconds(sample.duration.into())?),
            is_key: sample.is_key,
            is_after_loss: false,
            from: StreamPoint::default(),
            is_shown: sample.at >= self.start,
            bytes,
        })
    }
}
