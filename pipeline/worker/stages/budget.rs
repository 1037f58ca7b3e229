//! Memory as permits: what waits between two stages is bounded in bytes, not in messages.
//!
//! A permit is taken before the memory is and travels with it; dropping it gives the bytes back, by
//! whatever way the work ends. Whoever waits here is slowed down by a later stage, and the time is
//! counted ([`Budget::blocked`]): the bottleneck is the first stage that is not blocked.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::stop::Stop;

/// How often a waiter looks whether it should stop.
const GLANCE: Duration = Duration::from_millis(100);

/// A number of bytes that may be in use at a time.
#[derive(Debug, Clone)]
pub struct Budget {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    capacity: u64,
    used: Mutex<u64>,
    freed: Condvar,
    blocked_micros: AtomicU64,
}

/// The right to some bytes; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    bytes: u64,
    budget: Budget,
}

impl Budget {
    /// A budget of `capacity` bytes.
    pub fn new(capacity: u64) -> Self {
        let inner = Inner {
            capacity: capacity.max(1),
            used: Mutex::new(0),
            freed: Condvar::new(),
            blocked_micros: AtomicU64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        *self.lock()
    }

    /// How long takers have waited so far.
    pub fn blocked(&self) -> Duration {
        Duration::from_micros(self.inner.blocked_micros.load(Ordering::Relaxed))
    }

    /// Takes `bytes` if they are free. More than the whole budget is granted when nothing is in use:
    /// one large thing alone is better than one that never gets its turn.
    pub fn try_take(&self, bytes: u64) -> Option<Permit> {
        self.try_take_below(bytes, self.inner.capacity)
    }

    /// The same, but as if there were only half of it: what is left is for others.
    pub fn try_take_of_half(&self, bytes: u64) -> Option<Permit> {
        self.try_take_below(bytes, self.inner.capacity / 2)
    }

    fn try_take_below(&self, bytes: u64, limit: u64) -> Option<Permit> {
        let mut used = self.lock();
        if *used > 0 && used.saturating_add(bytes) > limit {
            return None;
        }
        *used = used.saturating_add(bytes);
        Some(Permit { bytes, budget: self.clone() })
    }

    /// Waits until `bytes` are free; `None` if the program stops first.
    ///
    /// Take everything that one piece of work needs at once: two that hold a part each and wait for
    /// the rest would wait for ever.
    pub fn take(&self, bytes: u64, stop: &Stop) -> Option<Permit> {
        let asked = Instant::now();
        let permit = loop {
            if let Some(permit) = self.try_take(bytes) {
                break Some(permit);
            }
            if stop.is_immediate() {
                break None;
            }
            let used = self.lock();
            let has_no_room = |used: &mut u64| *used > 0 && used.saturating_add(bytes) > self.inner.capacity;
            drop(
                self.inner
                    .freed
                    .wait_timeout_while(used, GLANCE, has_no_room)
                    .unwrap_or_else(PoisonError::into_inner),
            );
        };
        self.count_blocked(asked.elapsed());
        permit
    }

    /// Counts time that somebody was held up who does not wait in [`Budget::take`].
    pub fn count_blocked(&self, time: Duration) {
        self.inner.blocked_micros.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        // The number is whole whatever happened to a thread that held it.
        self.inner.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut used = self.budget.lock();
        *used = used.saturating_sub(self.bytes);
        drop(used);
        self.budget.inner.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn permits_add_up_to_the_capacity_and_come_back() {
        let budget = Budget::new(100);
        let first = budget.try_take(60).unwrap();
        assert!(budget.try_take(41).is_none());
        assert!(budget.try_take_of_half(1).is_none());
        let second = budget.try_take(40).unwrap();
        assert_eq!(budget.used(), 100);
        drop(first);
        assert_eq!(budget.used(), 40);
        drop(second);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn what_is_larger_than_the_budget_passes_alone() {
        let budget = Budget::new(100);
        let small = budget.try_take(1).unwrap();
        assert!(budget.try_take(500).is_none());
        drop(small);
        let large = budget.try_take(500).unwrap();
        assert!(budget.try_take(1).is_none());
        drop(large);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_waiter_gets_what_another_gives_back_and_its_wait_is_counted() {
        let budget = Budget::new(10);
        let held = budget.try_take(10).unwrap();
        let stop = Stop::default();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| budget.take(10, &stop).is_some());
            let asked = Instant::now();
            // Let go only once the waiter has surely been refused.
            while asked.elapsed() < Duration::from_millis(20) {
                thread::yield_now();
            }
            drop(held);
            assert!(waiter.join().unwrap());
        });
        assert!(budget.blocked() > Duration::ZERO);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_waiter_gives_up_when_the_program_stops() {
        let budget = Budget::new(10);
        let _held = budget.try_take(10).unwrap();
        let stop = Stop::default();
        stop.now();
        assert!(budget.take(1, &stop).is_none());
    }
}
