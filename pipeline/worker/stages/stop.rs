//! How the stages learn that the program ends.
//!
//! Two steps: *drain* (SIGTERM: take in nothing new, finish and acknowledge what is in hand) and *now* (a
//! second signal, a passed deadline, a fatal error in some stage: let go of everything; what was not
//! acknowledged will be done again by a successor). A stage that fails stops all others and leaves the
//! reason here.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// From the default, 0: running.
const DRAINING: u8 = 1;
const IMMEDIATE: u8 = 2;

/// Shared by everything that runs.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    state: AtomicU8,
    failure: Mutex<Option<String>>,
    changed: Condvar,
}

impl Stop {
    /// Asks for an orderly end.
    pub fn drain(&self) {
        self.raise(DRAINING);
    }

    /// Asks for an immediate end.
    pub fn now(&self) {
        self.raise(IMMEDIATE);
    }

    /// Ends everything because of an error; the first one is kept.
    pub fn fail(&self, stage: &str, error: &dyn std::fmt::Display) {
        // At once: the end may be cut short before the command gets to say why.
        tracing::error!(stage, %error, "ending");
        let mut failure = self.inner.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| format!("{stage}: {error}"));
        drop(failure);
        self.raise(IMMEDIATE);
    }

    /// Whether nothing new may be begun.
    pub fn is_draining(&self) -> bool {
        self.inner.state.load(Ordering::Acquire) >= DRAINING
    }

    /// Whether even what was begun is given up.
    pub fn is_immediate(&self) -> bool {
        self.inner.state.load(Ordering::Acquire) >= IMMEDIATE
    }

    /// Why everything ended, if it was an error.
    pub fn failure(&self) -> Option<String> {
        self.inner.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until an end is asked for, or for `longest`; says whether one is.
    pub fn wait(&self, longest: Duration) -> bool {
        let guard = self.inner.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.inner.changed.wait_timeout_while(guard, longest, |_| !self.is_draining());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        self.is_draining()
    }

    /// Waits until an end is asked for.
    pub fn wait_for_drain(&self) {
        let guard = self.inner.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.inner.changed.wait_while(guard, |_| !self.is_draining());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for so long, or until everything is given up; says whether it is.
    pub fn rest(&self, pause: Duration) -> bool {
        let guard = self.inner.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.inner.changed.wait_timeout_while(guard, pause, |_| !self.is_immediate());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        self.is_immediate()
    }

    fn raise(&self, state: u8) {
        self.inner.state.fetch_max(state, Ordering::AcqRel);
        // Under the lock, so that nobody goes to sleep between looking and waiting.
        drop(self.inner.failure.lock().unwrap_or_else(PoisonError::into_inner));
        self.inner.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_only_go_forward_and_the_first_failure_is_kept() {
        let stop = Stop::default();
        assert!(!stop.is_draining() && !stop.wait(Duration::ZERO));
        stop.drain();
        assert!(!stop.rest(Duration::ZERO), "what is in hand is still finished");
        assert!(stop.is_draining() && !stop.is_immediate() && stop.failure().is_none());
        stop.fail("publish", &"fenced");
        stop.fail("look", &"a consequence");
        stop.drain();
        assert!(stop.is_immediate() && stop.wait(Duration::from_secs(60)));
        assert!(stop.rest(Duration::from_secs(60)));
        assert_eq!(stop.failure().as_deref(), Some("publish: fenced"));
    }
}
