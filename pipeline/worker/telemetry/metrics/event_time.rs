//! How far each role is behind, in time: since the record came to the broker whose result was finished last, or since
//! brokers were last heard, if nothing seemed to wait then. Who cannot ask does not know what waits.
//!
//! Not responsible for: how many records wait.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::settings::Role;

/// What stands for "nothing waits" and "never heard" among times, which are later than 1970.
const NONE: i64 = 0;
/// Brokers are asked every ten seconds. Who has heard nothing for so long is out of touch.
const OUT_OF_TOUCH_MS: i64 = 30_000;

/// Times of all roles, in milliseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct EventTime([RoleTime; Role::ALL.len()]);

#[derive(Debug, Default)]
struct RoleTime {
    /// When that came which was finished last, or [`NONE`].
    reached: AtomicI64,
    /// When brokers last said how much waits, or [`NONE`].
    heard: AtomicI64,
}

impl EventTime {
    /// What came then is finished.
    pub(super) fn reached(&self, role: Role, arrived_ms: i64) {
        self.0[role as usize].reached.store(arrived_ms, Ordering::Relaxed);
    }

    /// Nothing seems to wait.
    pub(super) fn caught_up(&self, role: Role) {
        self.0[role as usize].reached.store(NONE, Ordering::Relaxed);
    }

    /// Brokers said how much waits.
    pub(super) fn heard(&self, role: Role, now_ms: i64) {
        self.0[role as usize].heard.store(now_ms, Ordering::Relaxed);
    }

    /// How far a role is behind.
    pub(super) fn lag(&self, role: Role, now_ms: i64) -> Duration {
        let times = &self.0[role as usize];
        let (reached, heard) = (times.reached.load(Ordering::Relaxed), times.heard.load(Ordering::Relaxed));
        let behind_ms = match (reached, heard) {
            (NONE, NONE) => 0,
            (NONE, heard) if now_ms - heard <= OUT_OF_TOUCH_MS => 0,
            (NONE, heard) => now_ms - heard,
            (reached, _) => now_ms - reached,
        };
        Duration::from_millis(behind_ms.max(0).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    fn lag_s(times: &EventTime, role: Role) -> u64 {
        times.lag(role, NOW).as_secs()
    }

    #[test]
    fn it_grows_while_something_waits() {
        let times = EventTime::default();
        assert_eq!(lag_s(&times, Role::Score), 0);
        times.reached(Role::Score, NOW - 60_000);
        times.heard(Role::Score, NOW);
        times.reached(Role::Observe, NOW);
        assert_eq!(lag_s(&times, Role::Score), 60, "each role has its own");
        times.caught_up(Role::Score);
        assert_eq!(lag_s(&times, Role::Score), 0);
    }

    #[test]
    fn who_has_not_heard_of_brokers_is_not_up_to_date() {
        let times = EventTime::default();
        times.caught_up(Role::Observe);
        times.heard(Role::Observe, NOW - OUT_OF_TOUCH_MS);
        assert_eq!(lag_s(&times, Role::Observe), 0, "they are not asked all the time");
        times.heard(Role::Observe, NOW - 90_000);
        assert_eq!(lag_s(&times, Role::Observe), 90);
        times.heard(Role::Observe, NOW + 5_000);
        assert_eq!(lag_s(&times, Role::Observe), 0, "clocks may be set back");
    }
}
