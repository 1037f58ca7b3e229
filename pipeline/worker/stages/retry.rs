//! When work that failed for no fault of its own is tried again.
//!
//! Exponential back-off with full jitter: many that failed at once do not come back at once. The schedule
//! is pure; [`Tries`] adds a clock and a random number, and holds the partition meanwhile.

use std::time::{Duration, Instant};

use domain::error::ErrorKind;

use super::holds::{Holds, Load};
use crate::telemetry::metrics::{Metrics, Stage};

/// The pause after a first failure is at most this long, and at most twice as long after each further one.
const FIRST: Duration = Duration::from_millis(200);
/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(10);

/// The pauses between tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// How long after the first failure it is tried for the last time.
    pub(crate) give_up_after: Duration,
}

impl Schedule {
    /// How long to wait after so many failures, the first of which was so long ago; `None`: give up.
    /// `luck` from 0 to 1 says which part of the longest pause it is.
    pub(crate) fn pause(self, failures: u32, since_first: Duration, luck: f64) -> Option<Duration> {
        let left = self.give_up_after.checked_sub(since_first).filter(|left| !left.is_zero())?;
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        Some(FIRST.saturating_mul(doubled).min(LONGEST).mul_f64(luck).min(left))
    }
}

/// What stages that try again work with.
#[derive(Clone, Copy)]
pub(super) struct Retry<'a> {
    pub schedule: Schedule,
    pub holds: &'a Holds,
    pub metrics: &'a Metrics,
}

impl<'a> Retry<'a> {
    /// Begins with one piece of work.
    pub(super) fn begin(self, stage: Stage, partition: i32) -> Tries<'a> {
        Tries { retry: self, stage, partition, failures: 0, first_failure: None, held: None }
    }
}

/// The tries of one piece of work. From the first failure on its partition is held, until this is dropped.
pub(super) struct Tries<'a> {
    retry: Retry<'a>,
    stage: Stage,
    partition: i32,
    failures: u32,
    first_failure: Option<Instant>,
    held: Option<Load<'a>>,
}

impl Tries<'_> {
    /// Notes a failure. How long to wait before the next try; `None`: there is none, because it would be
    /// of no use or the time for it is over.
    pub(super) fn failed(&mut self, kind: ErrorKind, reason: &'static str) -> Option<Duration> {
        self.failures += 1;
        if kind != ErrorKind::Transient {
            return None;
        }
        let now = Instant::now();
        let since = now.saturating_duration_since(*self.first_failure.get_or_insert(now));
        let pause = self.retry.schedule.pause(self.failures, since, fastrand::f64())?;
        let Self { stage, partition, failures, .. } = *self;
        let pause_ms = pause.as_millis() as u64;
        let stage_name = stage.name();
        if failures == 1 {
            tracing::warn!(
                stage = stage_name,
                partition,
                reason,
                "a segment is tried again; its partition waits"
            );
        } else {
            tracing::debug!(stage = stage_name, partition, reason, failures, pause_ms, "tried again");
        }
        self.retry.metrics.retry(stage, reason);
        self.held.get_or_insert_with(|| self.retry.holds.waiting(partition));
        Some(pause)
    }

    /// How many tries have failed.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Schedule = Schedule { give_up_after: Duration::from_secs(60) };

    #[test]
    fn pauses_double_up_to_the_longest() {
        let longest = |failures| MINUTE.pause(failures, Duration::ZERO, 1.0).unwrap().as_millis();
        assert_eq!([1, 2, 3, 6, 7, 100].map(longest), [200, 400, 800, 6_400, 10_000, 10_000]);
        assert_eq!(MINUTE.pause(3, Duration::ZERO, 0.5), Some(Duration::from_millis(400)));
    }

    proptest! {
        #[test]
        fn work_is_tried_until_the_end_and_not_after_it(luck in prop::collection::vec(0.0..1.0, 1..400)) {
            let (mut elapsed, mut failures) = (Duration::ZERO, 0);
            for luck in luck {
                failures += 1;
                let Some(pause) = MINUTE.pause(failures, elapsed, luck) else {
                    prop_assert_eq!(elapsed, MINUTE.give_up_after);
                    return Ok(());
                };
                prop_assert!(pause <= LONGEST);
                elapsed += pause;
                prop_assert!(elapsed <= MINUTE.give_up_after);
            }
        }
    }

    #[test]
    fn only_what_may_pass_by_itself_is_tried_again_and_holds_its_partition() {
        let (holds, metrics) = (Holds::default(), Metrics::new());
        let retry = Retry { schedule: MINUTE, holds: &holds, metrics: &metrics };
        let mut tries = retry.begin(Stage::Fetch, 7);
        assert!(tries.failed(ErrorKind::Transient, "store_fails").is_some());
        assert_eq!(holds.held(), [7].into());
        assert!(tries.failed(ErrorKind::Poison, "media_not_found").is_none());
        assert_eq!(tries.failures(), 2);
        drop(tries);
        assert_eq!(holds.held(), [].into());
        let counted = "invigilator_retries_total{reason=\"store_fails\",stage=\"fetch\"} 1";
        assert!(metrics.text().contains(counted), "{}", metrics.text());
    }
}
