//! What is remembered of the sessions met last: bounded, whatever comes.
//!
//! For what may be forgotten: whoever was met neither in this generation nor in the one before is.

use std::collections::HashMap;

use domain::ids::SessionId;

/// Sessions of which something is remembered, at least; twice as many at most.
const SESSIONS: usize = 20_000;

/// Something about each of the sessions met last.
#[derive(Debug)]
pub struct Recent<T> {
    young: HashMap<SessionId, T>,
    old: HashMap<SessionId, T>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<T: Clone> Recent<T> {
    /// What is remembered of a session.
    pub fn get(&self, session: &SessionId) -> Option<T> {
        self.young.get(session).or_else(|| self.old.get(session)).cloned()
    }

    /// Remembers something of a session from now on.
    pub fn insert(&mut self, session: &SessionId, remembered: T) {
        if self.young.len() >= SESSIONS && !self.young.contains_key(session) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(session.clone(), remembered);
    }

    /// Forgets a session.
    pub fn forget(&mut self, session: &SessionId) {
        self.young.remove(session);
        self.old.remove(session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sessions_met_last_are_remembered_and_no_more_than_fit() {
        let session = |number: usize| SessionId::new("t", "e", &number.to_string()).unwrap();
        let mut recent = Recent::default();
        for number in 0..3 * SESSIONS {
            recent.insert(&session(0), 0);
            recent.insert(&session(number), number);
        }
        assert!(recent.young.len() + recent.old.len() <= 2 * SESSIONS);
        assert!(recent.get(&session(0)).is_some());
        assert!(recent.get(&session(1)).is_none());
        let last = 2 * SESSIONS + 1..3 * SESSIONS;
        assert!(last.clone().all(|number| recent.get(&session(number)) == Some(number)));
        recent.forget(&session(last.start));
        assert_eq!(recent.get(&session(last.start)), None);
    }
}
