//! What models have done so far, counted as they run, on all threads together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What one model has done so far, on all threads together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelUsage {
    /// Its name in the manifest.
    pub model: String,
    /// On how many pictures it ran.
    pub runs: u64,
    /// On how many of these it glanced.
    pub glances: u64,
    /// How long its runs took.
    pub time: Duration,
}

/// On how many pictures a model ran and how long, on all threads together.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    pictures: AtomicU64,
    glances: AtomicU64,
    nanos: AtomicU64,
}

impl Usage {
    /// Counts a run on so many pictures.
    pub(crate) fn add(&self, pictures: usize, is_glance: bool, time: Duration) {
        self.pictures.fetch_add(pictures as u64, Ordering::Relaxed);
        if is_glance {
            self.glances.fetch_add(pictures as u64, Ordering::Relaxed);
        }
        self.nanos.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// What `model` has done so far.
    pub(crate) fn of(&self, model: &str) -> ModelUsage {
        ModelUsage {
            model: model.to_owned(),
            runs: self.pictures.load(Ordering::Relaxed),
            glances: self.glances.load(Ordering::Relaxed),
            time: Duration::from_nanos(self.nanos.load(Ordering::Relaxed)),
        }
    }
}
