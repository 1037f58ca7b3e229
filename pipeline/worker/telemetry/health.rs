//! What "alive" and "ready" mean.
//!
//! *Alive*: every loop that polls Kafka came round lately. Whether Kafka answers does not matter: a
//! restart mends no broker, and restarting a fleet for one makes things worse.
//! *Ready*: models are loaded, decoders start, and every role has its share of partitions or has been
//! told that it has none. Of use for rollouts; consumers get their work from Kafka either way.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A loop that does not come round for this long hangs: ten times what the longest step may take.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// The state of all loops of this process.
#[derive(Debug, Clone)]
pub struct Health {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    started: Instant,
    loops: Mutex<Vec<Arc<Pulse>>>,
    draining: AtomicBool,
}

/// The pulse of one loop.
#[derive(Debug)]
pub struct Pulse {
    name: &'static str,
    started: Instant,
    beat_ms: AtomicU64,
    ready: AtomicBool,
}

impl Default for Health {
    fn default() -> Self {
        let inner =
            Inner { started: Instant::now(), loops: Mutex::default(), draining: AtomicBool::new(false) };
        Self { inner: Arc::new(inner) }
    }
}

impl Health {
    /// Registers a loop, which counts as alive from now on.
    pub fn register(&self, name: &'static str) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse {
            name,
            started: self.inner.started,
            beat_ms: AtomicU64::new(0),
            ready: AtomicBool::new(false),
        });
        pulse.beat();
        self.inner.loops.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&pulse));
        pulse
    }

    /// The process ends: it is not ready any more.
    pub fn draining(&self) {
        self.inner.draining.store(true, Ordering::Relaxed);
    }

    /// Why the process is not alive, if it is not.
    pub fn hangs(&self) -> Option<String> {
        self.find(|pulse| pulse.silent() > HANGS_AFTER)
            .map(|name| format!("{name} has not come round for {} s", HANGS_AFTER.as_secs()))
    }

    /// Why the process is not ready, if it is not.
    pub fn waits(&self) -> Option<String> {
        if self.inner.draining.load(Ordering::Relaxed) {
            return Some("draining".to_owned());
        }
        if self.inner.loops.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return Some("starting".to_owned());
        }
        self.find(|pulse| !pulse.ready.load(Ordering::Relaxed))
            .map(|name| format!("{name} has no partitions yet"))
    }

    fn find(&self, wanted: impl Fn(&Pulse) -> bool) -> Option<&'static str> {
        let loops = self.inner.loops.lock().unwrap_or_else(PoisonError::into_inner);
        loops.iter().find(|pulse| wanted(pulse)).map(|pulse| pulse.name)
    }
}

impl Pulse {
    /// The loop came round.
    pub fn beat(&self) {
        self.beat_ms.store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// The loop knows its share of the work.
    pub fn ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    fn silent(&self) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_millis(self.beat_ms.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_when_every_loop_is_and_not_while_draining() {
        let health = Health::default();
        assert_eq!(health.waits().as_deref(), Some("starting"));
        let (observe, score) = (health.register("observe"), health.register("score"));
        observe.ready();
        assert_eq!(health.waits().as_deref(), Some("score has no partitions yet"));
        score.ready();
        assert_eq!(health.waits(), None);
        health.draining();
        assert_eq!(health.waits().as_deref(), Some("draining"));
        assert_eq!(health.hangs(), None);
    }

    #[test]
    fn a_silent_loop_hangs() {
        let started = Instant::now().checked_sub(HANGS_AFTER * 2).unwrap();
        let inner = Inner { started, loops: Mutex::default(), draining: AtomicBool::new(false) };
        let health = Health { inner: Arc::new(inner) };
        let pulse = health.register("score");
        assert_eq!(health.hangs(), None);
        pulse.beat_ms.store(0, Ordering::Relaxed);
        assert_eq!(health.hangs().as_deref(), Some("score has not come round for 60 s"));
    }
}
