//! Memory of uploads: from before the first byte of a body is read until the broker has it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Problem;

/// Counted in so many bytes, because a semaphore counts to four thousand million only.
const UNIT: usize = 1_024;
/// After how long a client that found no room tries again.
const AGAIN: Duration = Duration::from_secs(1);

/// Room for uploads that are on their way.
#[derive(Debug, Clone)]
pub struct UploadRoom {
    units: Arc<Semaphore>,
}

/// Room that is taken until this is dropped.
#[derive(Debug)]
pub struct UploadPermit {
    _held: OwnedSemaphorePermit,
}

impl UploadRoom {
    /// Room for so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self { units: Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))) }
    }

    /// Takes room.
    ///
    /// # Errors
    /// If there is none: try again soon.
    pub fn take(&self, bytes: usize) -> Result<UploadPermit, Problem> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let held = Arc::clone(&self.units).try_acquire_many_owned(units);
        held.map(|held| UploadPermit { _held: held }).map_err(|_| Problem::too_many(AGAIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_is_bounded() {
        let room = UploadRoom::new(10 * UNIT);
        let first = room.take(6 * UNIT).unwrap();
        assert!(room.take(5 * UNIT).is_err());
        drop(first);
        room.take(5 * UNIT).unwrap();
    }
}
