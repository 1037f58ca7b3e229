//! Decides how each segment is looked at first, from what is remembered of its session.
//!
//! Remembers a little of each session that this process looked at lately, and forgets the ones it has not met
//! for long, so that memory is bounded whatever comes. Nothing rests on this memory but the plan, which is
//! recorded: after a rebalance or a crash, sessions are looked at in full for a while.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::ids::SessionId;
use domain::messages::{Observation, SegmentHeader};
use domain::sampling::{BasePlan, Calm, Level, Suspicion};
use domain::time::Millis;

/// Sessions of which something is remembered, at least; twice as many at most.
const SESSIONS: usize = 20_000;

/// Decides plans.
pub(super) struct Plans {
    calm_after: Option<Millis>,
    suspicion: Suspicion,
    calm: Mutex<Recent>,
}

/// The sessions met last. Whoever was met neither in this generation nor in the one before is forgotten.
#[derive(Default)]
struct Recent {
    young: HashMap<SessionId, Calm>,
    old: HashMap<SessionId, Calm>,
}

impl Plans {
    /// Sessions that were calm for `calm_after` are looked at keyframes only; without it, none.
    pub(super) fn new(calm_after: Option<Millis>, suspicion: Suspicion) -> Self {
        Self { calm_after, suspicion, calm: Mutex::default() }
    }

    /// The plan for a segment.
    pub(super) fn decide(&self, header: &SegmentHeader) -> BasePlan {
        let calm = self.lock().get(&header.session);
        BasePlan::decide(header.start_ms, calm.as_ref(), self.calm_after, Level::None)
    }

    /// Remembers what was seen.
    pub(super) fn learn(&self, observation: &Observation) {
        let mut recent = self.lock();
        let before = recent.get(&observation.session);
        let after = Calm::after(before.as_ref(), observation, &self.suspicion);
        recent.insert(&observation.session, after);
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        // Whole whatever happened to a thread that held it.
        self.calm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn get(&self, session: &SessionId) -> Option<Calm> {
        self.young.get(session).or_else(|| self.old.get(session)).copied()
    }

    fn insert(&mut self, session: &SessionId, calm: Calm) {
        if self.young.len() >= SESSIONS && !self.young.contains_key(session) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(session.clone(), calm);
    }
}

#[cfg(test)]
mod tests {
    use domain::time::MediaMs;

    use super::*;

    #[test]
    fn the_sessions_met_last_are_remembered_and_no_more_than_fit() {
        let session = |number: usize| SessionId::new("t", "e", &number.to_string()).unwrap();
        let calm = Calm::between(MediaMs(0), MediaMs(1));
        let mut recent = Recent::default();
        for number in 0..3 * SESSIONS {
            recent.insert(&session(0), calm);
            recent.insert(&session(number), calm);
        }
        assert!(recent.young.len() + recent.old.len() <= 2 * SESSIONS);
        assert!(recent.get(&session(0)).is_some());
        assert!(recent.get(&session(1)).is_none());
        assert!((2 * SESSIONS + 1..3 * SESSIONS).all(|number| recent.get(&session(number)).is_some()));
    }
}
