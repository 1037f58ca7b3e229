//! The sessions' keys that this process has asked for lately: bounded in number, and asked for again every now and
//! then, so that one that was destroyed is soon forgotten everywhere.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use domain::ids::SessionId;

use super::SessionKey;

/// For how long a key is used without asking whether it was destroyed.
pub(super) const FRESH: Duration = Duration::from_secs(600);
/// The same after a vault did not answer: work that has begun goes on.
pub(super) const AGAIN: Duration = Duration::from_secs(60);
/// Keys at most, of some 600 bytes each.
const MOST: usize = 20_000;

/// Keys that were asked for lately.
#[derive(Default)]
pub(super) struct Cache(HashMap<SessionId, Kept>);

struct Kept {
    key: SessionKey,
    until: Instant,
}

impl Cache {
    /// A key that may be used without asking.
    pub(super) fn fresh(&self, session: &SessionId, now: Instant) -> Option<SessionKey> {
        self.0.get(session).filter(|kept| now < kept.until).map(|kept| kept.key.clone())
    }

    /// A key that is used on although the vault does not answer.
    pub(super) fn stale(&mut self, session: &SessionId, now: Instant) -> Option<SessionKey> {
        let kept = self.0.get_mut(session)?;
        kept.until = kept.until.max(now + AGAIN);
        Some(kept.key.clone())
    }

    /// Keeps a key; those that were not asked for again for longest go first.
    pub(super) fn keep(&mut self, session: &SessionId, key: SessionKey, now: Instant) {
        if self.0.len() >= MOST && !self.0.contains_key(session) {
            let mut untils: Vec<Instant> = self.0.values().map(|kept| kept.until).collect();
            // Half at once: it is not done again for long.
            let (_, middle, _) = untils.select_nth_unstable(MOST / 2);
            let middle = *middle;
            self.0.retain(|_, kept| kept.until > middle);
        }
        self.0.insert(session.clone(), Kept { key, until: now + FRESH });
    }

    /// Forgets a key.
    pub(super) fn forget(&mut self, session: &SessionId) {
        self.0.remove(session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SessionKey {
        SessionKey::of([1; 32])
    }

    #[test]
    fn a_key_is_fresh_for_a_while_and_used_on_while_nobody_answers() {
        let (mut cache, session, now) = (Cache::default(), "t/e/s".parse().unwrap(), Instant::now());
        assert!(cache.stale(&session, now).is_none(), "nothing was ever asked for");
        cache.keep(&session, key(), now);
        assert!(cache.fresh(&session, now).is_some() && cache.fresh(&session, now + FRESH).is_none());
        let later = now + FRESH;
        assert!(cache.stale(&session, later).is_some());
        assert!(cache.fresh(&session, later).is_some(), "it is not asked for with every record meanwhile");
        assert!(cache.fresh(&session, later + AGAIN).is_none());
        cache.forget(&session);
        assert!(cache.stale(&session, now).is_none());
    }

    #[test]
    fn the_number_of_keys_is_bounded_and_the_oldest_go() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        let session = |number: usize| -> SessionId { format!("t/e/{number}").parse().unwrap() };
        for number in 0..=MOST {
            cache.keep(&session(number), key(), now + Duration::from_millis(number as u64));
        }
        assert!(cache.0.len() <= MOST / 2 + 1);
        assert!(cache.fresh(&session(0), now).is_none() && cache.fresh(&session(MOST), now).is_some());
    }
}
