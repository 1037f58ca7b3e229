//! Which requests go together: as many of a kind as fit, or as many as there are when the first of them has
//! waited long enough. Runs nothing and knows no clock: whoever asks says what time it is.
//!
//! Promises: nothing is lost and nothing doubled; requests of a kind keep their order; none is held back once
//! its time is up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How large batches get, and how long that may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// Most requests of a batch.
    pub most: usize,
    /// How long a request waits for others.
    pub wait: Duration,
}

/// Requests that wait, by kind.
#[derive(Debug)]
pub(crate) struct Batcher<K, T> {
    batching: Batching,
    /// In the order of their first requests.
    batches: VecDeque<Batch<K, T>>,
}

/// Requests that go together.
#[derive(Debug)]
pub(crate) struct Batch<K, T> {
    pub(crate) kind: K,
    pub(crate) requests: Vec<T>,
    /// When it waits no longer: at once if it is full.
    due: Instant,
}

impl<K: PartialEq, T> Batcher<K, T> {
    pub(crate) fn new(batching: Batching) -> Self {
        Self { batching, batches: VecDeque::new() }
    }

    /// Takes a request in.
    pub(crate) fn add(&mut self, kind: K, request: T, now: Instant) {
        let Batching { most, wait } = self.batching;
        let fits = |batch: &Batch<K, T>| batch.kind == kind && batch.requests.len() < most;
        let place = self.batches.iter().position(fits).unwrap_or_else(|| {
            self.batches.push_back(Batch { kind, requests: Vec::new(), due: now + wait });
            self.batches.len() - 1
        });
        let batch = &mut self.batches[place];
        batch.requests.push(request);
        if batch.requests.len() >= most {
            batch.due = now;
        }
    }

    /// A batch that waits no longer, of several the one that has waited longest.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Batch<K, T>> {
        let due = self.batches.iter().position(|batch| batch.due <= now)?;
        self.batches.remove(due)
    }

    /// When there will be something to take at the latest; `None` if nothing waits.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.batches.iter().map(|batch| batch.due).min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WAIT: Duration = Duration::from_millis(10);

    /// What left the batcher, and when.
    struct Left {
        at: Instant,
        kind: u8,
        numbers: Vec<usize>,
    }

    /// Requests that come so many milliseconds after each other, each of a kind, numbered in their order, to
    /// somebody who takes every batch as soon as it is ready.
    fn run(most: usize, requests: &[(u64, u8)]) -> (Vec<Instant>, Vec<Left>) {
        let mut batcher = Batcher::new(Batching { most, wait: WAIT });
        let (mut now, mut came, mut left) = (Instant::now(), Vec::new(), Vec::new());
        let mut take_all = |batcher: &mut Batcher<u8, usize>, at: Instant| {
            while let Some(Batch { kind, requests, .. }) = batcher.take(at) {
                left.push(Left { at, kind, numbers: requests });
            }
        };
        for (number, (gap, kind)) in requests.iter().enumerate() {
            let next = now + Duration::from_millis(*gap);
            while let Some(due) = batcher.next_due().filter(|due| *due <= next) {
                take_all(&mut batcher, due);
            }
            now = next;
            came.push(now);
            batcher.add(*kind, number, now);
            take_all(&mut batcher, now);
        }
        while let Some(due) = batcher.next_due() {
            take_all(&mut batcher, due);
        }
        (came, left)
    }

    proptest! {
        #[test]
        fn nothing_is_lost_doubled_mixed_or_late(
            most in 1_usize..6,
            requests in prop::collection::vec((0_u64..15, 0_u8..3), 0..60),
        ) {
            let (came, left) = run(most, &requests);
            for Left { at, kind, numbers } in &left {
                prop_assert!((1..=most).contains(&numbers.len()));
                for number in numbers {
                    prop_assert_eq!(requests[*number].1, *kind);
                    prop_assert!(came[*number] <= *at && *at <= came[*number] + WAIT);
                }
                // Nothing waits in vain: what leaves early is full.
                prop_assert!(numbers.len() == most || *at == came[numbers[0]] + WAIT);
            }
            for kind in 0..3 {
                let in_order: Vec<usize> =
                    left.iter().filter(|left| left.kind == kind).flat_map(|left| left.numbers.clone()).collect();
                let came: Vec<usize> = (0..requests.len()).filter(|number| requests[*number].1 == kind).collect();
                prop_assert_eq!(in_order, came);
            }
        }
    }

    #[test]
    fn what_came_while_nobody_took_leaves_in_full_batches() {
        let now = Instant::now();
        let mut batcher = Batcher::new(Batching { most: 2, wait: WAIT });
        (0..5).for_each(|number| batcher.add("face", number, now));
        let mut taken = |at| batcher.take(at).map(|batch| batch.requests);
        assert_eq!(taken(now), Some(vec![0, 1]));
        assert_eq!(taken(now), Some(vec![2, 3]));
        assert_eq!(taken(now), None);
        assert_eq!(taken(now + WAIT), Some(vec![4]));
    }
}
