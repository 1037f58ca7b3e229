//! From the container's time stamps to media time.
//!
//! The first frame that the container gives a time lies at the plan's start; all others keep their
//! distance from it. Streams that begin somewhere else (MPEG-TS, recordings cut out of a live stream)
//! thereby begin where the caller says.

use domain::time::{MediaMs, Millis};
use gstreamer as gst;

/// The media clock of one job.
#[derive(Debug)]
pub(super) struct Timeline {
    start: MediaMs,
    latest_allowed: MediaMs,
    /// Running time of the first frame.
    origin: Option<gst::ClockTime>,
    last: MediaMs,
    end: MediaMs,
    frames: u64,
    beyond_limit: bool,
}

/// What a time stamp means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On the media clock.
    At(MediaMs),
    /// There is no time stamp, or the container says that the frame is never displayed.
    Nowhere,
    /// Further away than any medium may be long: a damaged time stamp, or the rest of an endless file.
    BeyondLimit,
}

impl Timeline {
    pub(super) fn new(start: MediaMs, longest: Millis) -> Self {
        Self {
            start,
            latest_allowed: start + longest,
            origin: None,
            last: start,
            end: start,
            frames: 0,
            beyond_limit: false,
        }
    }

    /// Meets the next encoded frame.
    pub(super) fn meet(&mut self, running: Option<gst::ClockTime>, lasts: Option<gst::ClockTime>) -> Place {
        self.frames += 1;
        self.origin = self.origin.or(running);
        let place = self.place(running);
        match place {
            Place::At(at) => {
                let lasts = lasts.map_or(Millis::ZERO, length);
                self.last = self.last.max(at);
                self.end = self.end.max((at + lasts).min(self.latest_allowed));
            }
            Place::BeyondLimit => self.beyond_limit = true,
            Place::Nowhere => {}
        }
        place
    }

    /// Meets a decoded frame whose time the container did not give, but the decoder knows.
    pub(super) fn meet_decoded(&mut self, running: Option<gst::ClockTime>) -> Place {
        self.origin = self.origin.or(running);
        let place = self.place(running);
        if let Place::At(at) = place {
            self.last = self.last.max(at);
            self.end = self.end.max(at);
        }
        place
    }

    /// Where a frame lies.
    fn place(&self, running: Option<gst::ClockTime>) -> Place {
        let (Some(origin), Some(running)) = (self.origin, running) else { return Place::Nowhere };
        let since = signed(running).saturating_sub(signed(origin));
        match self.start + Millis(milliseconds(since)) {
            at if at < self.start => Place::Nowhere,
            at if at > self.latest_allowed => Place::BeyondLimit,
            at => Place::At(at),
        }
    }

    /// Media time of the last frame.
    pub(super) fn last(&self) -> MediaMs {
        self.last
    }

    /// Where the last frame ends, if the container says so; else `last`.
    pub(super) fn end(&self) -> MediaMs {
        self.end
    }

    /// How long the frames last together.
    pub(super) fn length(&self) -> Millis {
        self.end - self.start
    }

    /// How many frames were met.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Whether frames lay further away than allowed.
    pub(super) fn is_beyond_limit(&self) -> bool {
        self.beyond_limit
    }
}

/// A length of time in milliseconds.
pub(super) fn length(time: gst::ClockTime) -> Millis {
    Millis(milliseconds(signed(time)))
}

/// Nanoseconds, three centuries at most.
fn signed(time: gst::ClockTime) -> i64 {
    i64::try_from(time.nseconds()).unwrap_or(i64::MAX)
}

/// Nanoseconds in the nearest whole milliseconds: containers round their time stamps both ways.
fn milliseconds(nanoseconds: i64) -> i64 {
    nanoseconds.saturating_add(500_000).div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Option<gst::ClockTime> {
        Some(gst::ClockTime::from_mseconds(milliseconds))
    }

    #[test]
    fn the_first_frame_lies_at_the_start() {
        let mut timeline = Timeline::new(MediaMs(2000), Millis(10_000));
        assert_eq!(timeline.meet(None, None), Place::Nowhere);
        assert_eq!(timeline.meet(ms(1400), None), Place::At(MediaMs(2000)));
        assert_eq!(timeline.meet(ms(1900), ms(40)), Place::At(MediaMs(2500)));
        assert_eq!(timeline.meet(ms(1300), None), Place::Nowhere);
        assert_eq!(timeline.meet(ms(11_401), None), Place::BeyondLimit);
        assert_eq!((timeline.last(), timeline.end()), (MediaMs(2500), MediaMs(2540)));
        assert!(timeline.is_beyond_limit());
    }

    #[test]
    fn time_stamps_beyond_all_bounds_are_beyond_the_limit() {
        let longest = gst::ClockTime::from_nseconds(u64::MAX - 1);
        let mut timeline = Timeline::new(MediaMs(2000), Millis(10_000));
        assert_eq!(timeline.meet(ms(5), Some(longest)), Place::At(MediaMs(2000)));
        assert_eq!(timeline.end(), MediaMs(12_000));
        assert_eq!(timeline.meet(Some(longest), None), Place::BeyondLimit);
        let mut timeline = Timeline::new(MediaMs(2000), Millis(10_000));
        assert_eq!(timeline.meet(Some(longest), None), Place::At(MediaMs(2000)));
        assert_eq!(timeline.meet(ms(0), None), Place::Nowhere);
    }

    #[test]
    fn rounding_does_not_depend_on_the_side() {
        assert_eq!(milliseconds(499_999_999), 500);
        assert_eq!(milliseconds(500_000_001), 500);
        assert_eq!(milliseconds(-1), 0);
    }
}
