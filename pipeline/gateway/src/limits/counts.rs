//! How many of something each of many has at the moment.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// How many each has.
#[derive(Debug, Clone)]
pub struct Counts<K>(Arc<Mutex<HashMap<K, usize>>>);

/// One of them, until this is dropped.
#[derive(Debug)]
pub struct Counted<K: Clone + Eq + Hash> {
    of: K,
    counts: Counts<K>,
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Clone + Eq + Hash> Counts<K> {
    /// One more, unless somebody has `most` already.
    pub fn take(&self, of: &K, most: usize) -> Option<Counted<K>> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(of.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Counted { of: of.clone(), counts: self.clone() })
    }
}

impl<K: Clone + Eq + Hash> Drop for Counted<K> {
    fn drop(&mut self) {
        let mut counts = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_few_and_those_who_have_none_are_forgotten() {
        let counts = Counts::default();
        let mut held: Vec<_> = (0..3).map(|_| counts.take(&"a", 3).unwrap()).collect();
        assert!(counts.take(&"a", 3).is_none());
        assert!(counts.take(&"b", 3).is_some());
        held.pop();
        held.push(counts.take(&"a", 3).unwrap());
        drop(held);
        assert!(counts.0.lock().unwrap().is_empty());
    }
}
