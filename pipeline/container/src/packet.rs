//! Encoded frames on the media clock, and the clock that places them there.
//!
//! The first frame that is shown lies at 0; all others keep their distance from it. Frames that an edit
//! list hides, but which others are decoded from, lie before 0.

use std::sync::Arc;

use domain::messages::StreamPoint;
use domain::time::{MediaMs, Millis};

use crate::error::{ContainerError, damaged};
use crate::limits::Limits;

/// An encoded frame. Packets come in decoding order, which is not that of their times where frames are
/// predicted from later ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// When the frame is shown.
    pub at: MediaMs,
    /// How long it is shown, if the container says so.
    pub duration: Option<Millis>,
    /// Whether decoding can begin here.
    pub is_key: bool,
    /// Whether frames just before this one were lost to damage. It is a keyframe then.
    pub is_after_loss: bool,
    /// From where its stream has to be read to come to it again. Of files that are read by their index: the
    /// default.
    pub from: StreamPoint,
    /// The frame as the codec wants it, shared between the segments that need it.
    pub bytes: Arc<[u8]>,
}

/// A frame with the times of its container.
#[derive(Debug)]
pub(crate) struct Frame {
    /// In nanoseconds.
    pub(crate) at: i64,
    /// In nanoseconds.
    pub(crate) duration: Option<i64>,
    pub(crate) is_key: bool,
    pub(crate) is_after_loss: bool,
    pub(crate) from: StreamPoint,
    /// Whether the container wants it to be shown.
    pub(crate) is_shown: bool,
    pub(crate) bytes: Arc<[u8]>,
}

/// The media clock of a stream.
#[derive(Debug)]
pub(crate) struct Clock {
    limits: Limits,
    /// Container time of the first frame that is shown, in nanoseconds.
    origin: Option<i64>,
    /// Frames that came before one was shown, and their size.
    early: Vec<Frame>,
    early_bytes: usize,
}

impl Clock {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, origin: None, early: Vec::new(), early_bytes: 0 }
    }

    /// Goes on with a stream whose first frame came before.
    pub(crate) fn resume(&mut self, origin: Option<i64>) {
        self.origin = origin;
    }

    /// Container time of the first frame that is shown, in nanoseconds.
    pub(crate) fn origin(&self) -> Option<i64> {
        self.origin
    }

    /// Whether frames wait for the first one that is shown.
    pub(crate) fn holds_frames(&self) -> bool {
        !self.early.is_empty()
    }

    /// Places a frame, and with the first one that is shown those that came before it.
    pub(crate) fn place(&mut self, frame: Frame, packets: &mut Vec<Packet>) -> Result<(), ContainerError> {
        if let Some(origin) = self.origin {
            packets.push(self.packet(origin, frame)?);
            return Ok(());
        }
        if frame.is_shown {
            let origin = *self.origin.insert(frame.at);
            for early in std::mem::take(&mut self.early).into_iter().chain([frame]) {
                packets.push(self.packet(origin, early)?);
            }
            return Ok(());
        }
        self.early_bytes += frame.bytes.len() + size_of::<Frame>();
        if self.early_bytes > self.limits.frame {
            return Err(damaged("too many frames come before the first that is shown"));
        }
        self.early.push(frame);
        Ok(())
    }

    fn packet(&self, origin: i64, frame: Frame) -> Result<Packet, ContainerError> {
        let at = Millis(milliseconds(frame.at.checked_sub(origin).ok_or(ContainerError::TooLong)?));
        if at > self.limits.duration || Millis(-at.0) > self.limits.duration {
            return Err(ContainerError::TooLong);
        }
        let duration = frame.duration.map(|duration| Millis(milliseconds(duration)));
        // A frame cannot be shown for longer than a stream may be: such a statement is noise.
        let duration = duration.filter(|duration| (Millis::ZERO..=self.limits.duration).contains(duration));
        Ok(Packet {
            at: MediaMs::ZERO + at,
            duration,
            is_key: frame.is_key,
            is_after_loss: frame.is_after_loss,
            from: frame.from,
            bytes: frame.bytes,
        })
    }
}

/// Nanoseconds in the nearest whole milliseconds: containers round their time stamps both ways.
pub(crate) fn milliseconds(nanoseconds: i64) -> i64 {
    nanoseconds.saturating_add(500_000).div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(milliseconds: i64, is_shown: bool) -> Frame {
        let at = milliseconds * 1_000_000;
        let (from, bytes) = (StreamPoint::default(), [0; 4].into());
        Frame { at, duration: None, is_key: true, is_after_loss: false, from, is_shown, bytes }
    }

    fn times(packets: &[Packet]) -> Vec<i64> {
        packets.iter().map(|packet| packet.at.0).collect()
    }

    #[test]
    fn the_first_frame_that_is_shown_lies_at_zero() {
        let mut clock = Clock::new(Limits::default());
        let mut packets = Vec::new();
        clock.place(frame(1000, false), &mut packets).unwrap();
        clock.place(frame(1400, false), &mut packets).unwrap();
        assert!(packets.is_empty());
        for at in [1500, 1700, 1600] {
            clock.place(frame(at, true), &mut packets).unwrap();
        }
        assert_eq!(times(&packets), [-500, -100, 0, 200, 100]);
    }

    #[test]
    fn frames_far_away_are_refused() {
        let mut clock = Clock::new(Limits { duration: Millis(1000), ..Limits::default() });
        let mut packets = Vec::new();
        for at in [0, 1000] {
            clock.place(frame(at, true), &mut packets).unwrap();
        }
        for at in [1001, -1001] {
            assert!(matches!(clock.place(frame(at, true), &mut packets), Err(ContainerError::TooLong)));
        }
    }

    #[test]
    fn hidden_frames_are_bounded() {
        let mut clock = Clock::new(Limits { frame: 1000, ..Limits::default() });
        let mut place = || clock.place(frame(0, false), &mut Vec::new());
        assert!((0..100).any(|_| place().is_err()));
    }

    #[test]
    fn rounding_does_not_depend_on_the_side() {
        assert_eq!(milliseconds(499_999_999), 500);
        assert_eq!(milliseconds(500_000_001), 500);
        assert_eq!(milliseconds(-1), 0);
    }
}
