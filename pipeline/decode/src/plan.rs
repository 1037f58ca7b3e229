//! Which instants of a medium get a picture: decided by the caller, before decoding.

use domain::ports::SampleTime;
use domain::time::{Interval, MediaMs, Millis};
use serde::{Deserialize, Serialize};

/// A sequence of instants on the media clock, within an optional window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamplingPlan {
    pace: Pace,
    start: MediaMs,
    window: Option<Interval>,
    hold: Millis,
    rotation_deg: u16,
}

/// How instants follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Pace {
    /// Multiples of an interval. The picture that was displayed `slack` before an instant stands for it, or
    /// the last keyframe if that comes later.
    Grid { interval: Millis, slack: Millis },
    /// The first one of the window, then the last keyframe within `apart` of the one before; where there is
    /// none, exactly `apart` after it.
    Keyframes { apart: Millis },
}

impl SamplingPlan {
    /// How long frames may be apart when nothing else is said: browsers pause as long in a static scene.
    pub const DEFAULT_HOLD: Millis = Millis(4000);

    /// How long a frame stands at most before a hole. The same for all plans and containers, so that
    /// they agree on an instant: about what a browser leaves between frames while little moves, and
    /// short enough for a hole to show at its length.
    pub const BEFORE_A_HOLE: Millis = Millis(500);

    /// Encoders count frames, not time: a keyframe may come this much later than the distance that was
    /// asked for, and still be the one that was meant.
    pub const KEYFRAME_LATE: Millis = Millis(100);

    /// One picture per `interval`, from the first frame, at media time zero, to the last.
    pub fn every(interval: Millis) -> Self {
        Self::paced(Pace::Grid { interval: Millis(interval.0.max(1)), slack: Millis::ZERO })
    }

    /// The picture at the start, then keyframes, as far apart as possible up to `apart`. Only where those
    /// are further apart are other frames decoded.
    pub fn keyframes(apart: Millis) -> Self {
        Self::paced(Pace::Keyframes { apart: Millis(apart.0.max(1)) })
    }

    fn paced(pace: Pace) -> Self {
        Self { pace, start: MediaMs::ZERO, window: None, hold: Self::DEFAULT_HOLD, rotation_deg: 0 }
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
    /// agree on an instant. A plan of keyframes has none.
    pub fn slackened(mut self, by: Millis) -> Self {
        if let Pace::Grid { slack, .. } = &mut self.pace {
            *slack = by;
        }
        self
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

    /// Time between instants, at most.
    pub fn interval(&self) -> Millis {
        match self.pace {
            Pace::Grid { interval, .. } => interval,
            Pace::Keyframes { apart } => apart,
        }
    }

    /// Where the first frame lies.
    pub fn start(&self) -> MediaMs {
        self.start
    }

    /// How far frames may be apart without a hole between them.
    pub fn hold(&self) -> Millis {
        self.hold
    }

    /// How long a frame stands that none follows within the hold.
    pub(crate) fn hold_before_hole(&self) -> Millis {
        self.hold.min(Self::BEFORE_A_HOLE)
    }

    /// Where the window ends; without one, the medium ends the plan.
    pub fn until(&self) -> Option<MediaMs> {
        self.window.map(|window| window.end)
    }

    /// The first instant.
    pub fn first(&self) -> MediaMs {
        let start = self.window.map_or(self.start, |window| window.start);
        match self.pace {
            Pace::Grid { interval, .. } => {
                let index = start.0.div_euclid(interval.0) + i64::from(start.0.rem_euclid(interval.0) != 0);
                MediaMs(index.saturating_mul(interval.0))
            }
            Pace::Keyframes { .. } => start,
        }
    }

    /// When the next sample is due after one.
    pub(crate) fn after(&self, sample: SampleTime) -> MediaMs {
        MediaMs(sample.planned.0.saturating_add(self.interval().0))
    }

    /// By how much a sample may be later than it is due.
    pub(crate) fn late(&self) -> Millis {
        match self.pace {
            Pace::Grid { .. } => Millis::ZERO,
            Pace::Keyframes { .. } => Self::KEYFRAME_LATE,
        }
    }

    /// Whether there is a sample due at `instant`, or the window is over by then.
    pub(crate) fn is_open_at(&self, instant: MediaMs) -> bool {
        let is_first = instant <= self.first();
        let late = if is_first { Millis::ZERO } else { self.late() };
        self.until().is_none_or(|until| instant + late < until)
    }

    /// The sample that is due at `due`, where the last keyframe not later than that (and
    /// [`late`](Self::late)) lies at `key`.
    pub(crate) fn sample(&self, due: MediaMs, key: Option<MediaMs>) -> SampleTime {
        match self.pace {
            // Without a keyframe nobody knows what can be spared.
            Pace::Grid { slack, .. } => {
                let moment = key.map_or(due, |key| key.max(due - slack).min(due));
                SampleTime { planned: due, moment }
            }
            Pace::Keyframes { .. } => {
                SampleTime::exactly(key.filter(|key| *key >= self.earliest(due)).unwrap_or(due))
            }
        }
    }

    /// Whether this sample may be the one that is due at `due`.
    pub(crate) fn allows(&self, due: MediaMs, sample: SampleTime) -> bool {
        let SampleTime { planned, moment } = sample;
        match self.pace {
            Pace::Grid { slack, .. } => planned == due && (due - slack..=due).contains(&moment),
            Pace::Keyframes { .. } => {
                planned == moment && (self.earliest(due)..=due + self.late()).contains(&moment)
            }
        }
    }

    /// The earliest keyframe that may stand for what is due.
    fn earliest(&self, due: MediaMs) -> MediaMs {
        self.first().max(MediaMs(due.0 - self.interval().0 + 1))
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

    #[test]
    fn keyframes_begin_with_the_window_and_need_not_be_on_time() {
        let plan = SamplingPlan::keyframes(Millis(2000)).starting_at(MediaMs(300));
        let plan = plan.within(Interval::new(MediaMs(300), MediaMs(2350)));
        assert_eq!(plan.first(), MediaMs(300));
        assert!(!plan.is_open_at(MediaMs(2300)), "the next keyframe is meant, and the next segment's");
        let at = |due: i64, key: i64| plan.sample(MediaMs(due), Some(MediaMs(key))).moment.0;
        assert_eq!(at(2300, 2350), 2350);
        assert_eq!(at(2300, 301), 301);
        assert_eq!(at(2300, 300), 2300, "one that was looked at already");
        assert_eq!(at(300, 0), 300, "one before the window");
    }
}
