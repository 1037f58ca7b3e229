//! How fast media time passes on the wall.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use domain::time::MediaMs;

/// How fast a session is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As fast as it can be read and sent.
    Free,
    /// So many times as fast as it was recorded: a segment is sent when its end has passed.
    Times(NonZeroU32),
}

impl Pace {
    /// As fast as it was recorded.
    pub const REALTIME: Self = Self::Times(NonZeroU32::MIN);

    /// Begins a session now.
    pub fn begin(self) -> Running {
        Running { pace: self, began: Instant::now() }
    }

    /// How long after its beginning a session has reached an instant.
    fn due(self, at: MediaMs) -> Duration {
        let media = Duration::from_millis(at.0.try_into().unwrap_or_default());
        match self {
            Self::Free => Duration::ZERO,
            Self::Times(factor) => media / factor.get(),
        }
    }
}

/// The pace of a session that has begun.
#[derive(Debug, Clone, Copy)]
pub struct Running {
    pace: Pace,
    began: Instant,
}

impl Running {
    /// How long to wait until an instant of the session has passed.
    pub fn left(&self, at: MediaMs) -> Duration {
        self.pace.due(at).saturating_sub(self.began.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_due_when_its_end_has_passed() {
        let eight = Pace::Times(NonZeroU32::new(8).unwrap());
        assert_eq!(Pace::REALTIME.due(MediaMs(2_000)), Duration::from_secs(2));
        assert_eq!(eight.due(MediaMs(2_000)), Duration::from_millis(250));
        assert_eq!(Pace::Free.due(MediaMs(2_000)), Duration::ZERO);
        assert_eq!(Pace::REALTIME.due(MediaMs(-1)), Duration::ZERO);
    }

    #[test]
    fn who_is_late_does_not_wait() {
        let hour_ago = Instant::now().checked_sub(Duration::from_secs(3_600)).unwrap();
        let running = Running { pace: Pace::REALTIME, began: hour_ago };
        assert_eq!(running.left(MediaMs(3_000_000)), Duration::ZERO);
        assert!(running.left(MediaMs(7_200_000)) > Duration::from_secs(3_500));
        assert_eq!(Pace::Free.begin().left(MediaMs(7_200_000)), Duration::ZERO);
    }
}
