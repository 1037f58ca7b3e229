//! Which instants of a medium get a picture: decided by the caller, before decoding.

use domain::time::{Interval, MediaMs, Millis};
use serde::{Deserialize, Serialize};

/// Multiples of an interval on the media clock, within an optional window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamplingPlan {
    interval: Millis,
    start: MediaMs,
    window: Option<Interval>,
    hold: Millis,
    slack: Millis,
    rotation_deg: u16,
}

impl SamplingPlan {
    /// How long frames may be apart when nothing else is said: browsers pause as long in a static scene.
    pub const DEFAULT_HOLD: Millis = Millis(4000);

    /// How long a frame stands at most before a hole. The same for all plans and containers, so that
    /// they agree on an instant: about what a browser leaves between frames while little moves, and
    /// short enough for a hole to show at its length.
    pub const BEFORE_A_HOLE: Millis = Millis(500);

    /// One picture per `interval`, from the first frame, at media time zero, to the last.
    pub fn every(interval: Millis) -> Self {
        Self {
            interval: Millis(interval.0.max(1)),
            start: MediaMs::ZERO,
            window: None,
            hold: Self::DEFAULT_HOLD,
            slack: Millis::ZERO,
            rotation_deg: 0,
        }
    }

    /// The first frame lies at `start` instead of zero: for a segment of a longer session.
    pub fn starting_at(self, start: MediaMs) -> Self {
        Self { start, ..self }
    }

    /// All instants of `window` and no others: also those before the first or after the last frame.
    pub fn within(self, window: Interval) -> Self {
        Self { window: Some(window), ..self }
    }

    /// A frame stands up to the next one, or up to the end of the window or the medium, if that comes
    /// within `hold`. What is longer is a hole: the frame before it stands for
    /// [`BEFORE_A_HOLE`](Self::BEFORE_A_HOLE), and the rest is a gap.
    pub fn holding(self, hold: Millis) -> Self {
        Self { hold, ..self }
    }

    /// The picture that was displayed `slack` before an instant stands for it, or the last keyframe if that
    /// comes later: what lies between need not be decoded. The same for all plans of a medium, so that they
    /// agree on an instant.
    pub fn slackened(self, slack: Millis) -> Self {
        Self { slack, ..self }
    }

    /// Pictures are turned clockwise by 0, 90, 180 or 270 degrees, where the container says nothing else:
    /// for segments, which lose what their recording's container said.
    pub fn turned(self, rotation_deg: u16) -> Self {
        Self { rotation_deg, ..self }
    }

    /// How pictures are turned where the container does not say.
    pub(crate) fn rotation_deg(&self) -> u16 {
        self.rotation_deg
    }

    /// Time between instants.
    pub fn interval(&self) -> Millis {
        self.interval
    }

    /// Where the first frame lies.
    pub fn start(&self) -> MediaMs {
        self.start
    }

    /// How far frames may be apart without a hole between them.
    pub fn hold(&self) -> Millis {
        self.hold
    }

    /// By how much a picture may be older than the one displayed at its instant.
    pub fn slack(&self) -> Millis {
        self.slack
    }

    /// How long a frame stands that none follows within the hold.
    pub(crate) fn hold_before_hole(&self) -> Millis {
        self.hold.min(Self::BEFORE_A_HOLE)
    }

    /// Where the window ends; without one, the medium ends the plan.
    pub fn until(&self) -> Option<MediaMs> {
        self.window.map(|window| window.end)
    }

    /// The first planned instant.
    pub fn first(&self) -> MediaMs {
        self.not_before(self.window.map_or(self.start, |window| window.start))
    }

    /// The first instant of the grid that is not before `instant`.
    pub(crate) fn not_before(&self, instant: MediaMs) -> MediaMs {
        let step = self.interval.0;
        let index = instant.0.div_euclid(step) + i64::from(instant.0.rem_euclid(step) != 0);
        MediaMs(index.saturating_mul(step))
    }

    /// Whether `instant` is before the end of the window.
    pub(crate) fn is_open_at(&self, instant: MediaMs) -> bool {
        self.until().is_none_or(|until| instant < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grid_is_anchored_at_media_time_zero() {
        let plan = SamplingPlan::every(Millis(500)).starting_at(MediaMs(2300));
        assert_eq!(plan.first(), MediaMs(2500));
        let windowed = plan.within(Interval::new(MediaMs(2000), MediaMs(3000)));
        assert_eq!(windowed.first(), MediaMs(2000));
        assert!(windowed.is_open_at(MediaMs(2999)) && !windowed.is_open_at(MediaMs(3000)));
    }
}
