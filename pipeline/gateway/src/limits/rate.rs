//! Token buckets: so much a second, and some at once. Kept for whoever used them lately, in bounded memory.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Problem;

/// More buckets than this are looked through for those that are full again, which say nothing.
const MANY: usize = 50_000;

/// One bucket for each of many.
#[derive(Debug)]
pub struct Buckets {
    per_second: f64,
    most: f64,
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    buckets: HashMap<u64, Bucket>,
    /// How many there may be until they are looked through again.
    many: usize,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    seen: Instant,
}

impl Buckets {
    /// `per_second` in the long run, `most` at once.
    pub fn new(per_second: u64, most: u64) -> Self {
        let state = State { many: MANY, ..State::default() };
        let (per_second, most) = (per_second as f64, most as f64);
        Self { per_second, most, hasher: RandomState::new(), state: Mutex::new(state) }
    }

    /// One in a while in the long run, `most` at once.
    pub fn one_every(pause: Duration, most: u64) -> Self {
        Self { per_second: 1.0 / pause.as_secs_f64(), ..Self::new(1, most) }
    }

    /// Takes out of somebody's bucket. What is larger than a bucket is let through when the bucket is full.
    ///
    /// # Errors
    /// With the time after which there will be enough.
    pub fn take(&self, of: &impl Hash, amount: u64) -> Result<(), Problem> {
        self.take_at(of, amount, Instant::now()).map_err(Problem::too_many)
    }

    /// Puts back what was taken and not used.
    pub fn give_back(&self, of: &impl Hash, amount: u64) {
        let key = self.hasher.hash_one(of);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = state.buckets.get_mut(&key) {
            bucket.left = (bucket.left + amount as f64).min(self.most);
        }
    }

    fn take_at(&self, of: &impl Hash, amount: u64, now: Instant) -> Result<(), Duration> {
        let key = self.hasher.hash_one(of);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.buckets.len() >= state.many {
            state.buckets.retain(|_, bucket| self.filled(*bucket, now) < self.most);
            state.many = MANY.max(state.buckets.len() * 2);
        }
        let bucket = state.buckets.entry(key).or_insert(Bucket { left: self.most, seen: now });
        let (left, amount) = (self.filled(*bucket, now), (amount as f64).min(self.most));
        *bucket = Bucket { left, seen: now };
        if left < amount {
            return Err(Duration::from_secs_f64((amount - left) / self.per_second));
        }
        bucket.left -= amount;
        Ok(())
    }

    fn filled(&self, bucket: Bucket, now: Instant) -> f64 {
        let since = now.saturating_duration_since(bucket.seen).as_secs_f64();
        (bucket.left + since * self.per_second).min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_runs_dry_says_for_how_long_and_fills_again() {
        let buckets = Buckets::new(10, 30);
        let now = Instant::now();
        assert_eq!(buckets.take_at(&"a", 30, now), Ok(()));
        assert_eq!(buckets.take_at(&"a", 5, now), Err(Duration::from_millis(500)));
        assert_eq!(buckets.take_at(&"b", 5, now), Ok(()), "each has their own");
        assert_eq!(buckets.take_at(&"a", 5, now + Duration::from_millis(500)), Ok(()));
        buckets.give_back(&"a", 5);
        assert_eq!(buckets.take_at(&"a", 5, now + Duration::from_millis(500)), Ok(()));
        assert_eq!(buckets.take_at(&"a", 1_000, now + Duration::from_secs(60)), Ok(()), "giants go alone");
    }

    #[test]
    fn memory_is_bounded_by_those_who_used_theirs_lately() {
        let buckets = Buckets::new(1, 1);
        let now = Instant::now();
        (0..MANY).for_each(|each| buckets.take_at(&each, 1, now).unwrap());
        buckets.take_at(&"late", 1, now + Duration::from_secs(5)).unwrap();
        assert_eq!(buckets.state.lock().unwrap().buckets.len(), 1);
    }
}
