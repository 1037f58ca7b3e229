//! Puts results back into the order in which their work was begun, per session.
//!
//! Segments of one session are decoded side by side and finish in any order; their observations are
//! published in the order of the log, so that the score waits for nothing that is only slow. A place is
//! reserved when work begins and filled when it ends. Pure.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Reserved and filled places of all keys.
#[derive(Debug)]
pub struct InOrder<K, T> {
    lines: HashMap<K, VecDeque<Place<T>>>,
    next_ticket: u64,
}

#[derive(Debug)]
struct Place<T> {
    ticket: u64,
    result: Option<T>,
}

/// A reserved place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(u64);

impl<K, T> Default for InOrder<K, T> {
    fn default() -> Self {
        Self { lines: HashMap::new(), next_ticket: 0 }
    }
}

impl<K: Hash + Eq + Clone, T> InOrder<K, T> {
    /// Reserves the next place in the line of `key`.
    pub fn reserve(&mut self, key: K) -> Ticket {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.lines.entry(key).or_default().push_back(Place { ticket, result: None });
        Ticket(ticket)
    }

    /// Fills a place; returns everything whose turn it is now, in order.
    pub fn fill(&mut self, key: &K, ticket: Ticket, result: T) -> Vec<T> {
        let Some(line) = self.lines.get_mut(key) else { return Vec::new() };
        if let Ok(index) = line.binary_search_by_key(&ticket.0, |place| place.ticket) {
            line[index].result = Some(result);
        }
        let mut ready = Vec::new();
        while let Some(result) = line.front_mut().and_then(|place| place.result.take()) {
            line.pop_front();
            ready.push(result);
        }
        if line.is_empty() {
            self.lines.remove(key);
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_slow_one_holds_up_its_own_line_only() {
        let mut order = InOrder::default();
        let slow = order.reserve("a");
        let quick = order.reserve("a");
        let other = order.reserve("b");
        assert!(order.fill(&"a", quick, 2).is_empty());
        assert_eq!(order.fill(&"b", other, 3), [3]);
        assert_eq!(order.fill(&"a", slow, 1), [1, 2]);
        assert!(order.lines.is_empty());
    }

    proptest! {
        #[test]
        fn every_result_comes_out_once_and_in_order(
            keys in prop::collection::vec(0u8..4, 1..60),
            shuffle in any::<prop::sample::Index>(),
            seed in prop::collection::vec(any::<u32>(), 60),
        ) {
            let mut order = InOrder::default();
            let mut work: Vec<(u8, Ticket, usize)> =
                keys.iter().enumerate().map(|(index, key)| (*key, order.reserve(*key), index)).collect();
            work.sort_by_key(|(_, _, index)| seed[(index + shuffle.index(60)) % 60]);
            let mut out: HashMap<u8, Vec<usize>> = HashMap::new();
            for (key, ticket, index) in work {
                out.entry(key).or_default().extend(order.fill(&key, ticket, index));
            }
            prop_assert!(order.lines.is_empty());
            for (key, released) in out {
                let expected: Vec<usize> = (0..keys.len()).filter(|index| keys[*index] == key).collect();
                prop_assert_eq!(released, expected);
            }
        }
    }
}
