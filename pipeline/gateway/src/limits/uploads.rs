//! Uploads on their way: their memory, from before the first byte of a body is read until the broker has it, and how
//! many a session has.

use std::sync::Arc;
use std::time::Duration;

use domain::ids::SessionId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::counts::{Counted, Counts};
use crate::error::Problem;

/// Counted in so many bytes, because a semaphore counts to four thousand million only.
const UNIT: usize = 1_024;
/// Uploads of a session at once: nobody fills the room alone by sending slowly.
const MOST_OF_SESSION: usize = 4;
/// After how long a client that found no room tries again.
const AGAIN: Duration = Duration::from_secs(1);

/// Room for uploads that are on their way.
#[derive(Debug, Clone)]
pub struct UploadRoom {
    units: Arc<Semaphore>,
    sessions: Counts<SessionId>,
}

/// Room that is taken until this is dropped.
#[derive(Debug)]
pub struct UploadPermit {
    _held: OwnedSemaphorePermit,
    _place: Counted<SessionId>,
}

impl UploadRoom {
    /// Room for so many bytes.
    pub fn new(bytes: usize) -> Self {
        let units = Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS));
        Self { units: Arc::new(units), sessions: Counts::default() }
    }

    /// Takes room for an upload of a session.
    ///
    /// # Errors
    /// If there is none, or the session has too many on their way: try again soon.
    pub fn take(&self, session: &SessionId, bytes: usize) -> Result<UploadPermit, Problem> {
        let place = self.sessions.take(session, MOST_OF_SESSION).ok_or_else(|| Problem::too_many(AGAIN))?;
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let held = Arc::clone(&self.units).try_acquire_many_owned(units);
        held.map(|held| UploadPermit { _held: held, _place: place }).map_err(|_| Problem::too_many(AGAIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_is_bounded() {
        let room = UploadRoom::new(10 * UNIT);
        let session = "t1/e1/s1".parse().unwrap();
        let first = room.take(&session, 6 * UNIT).unwrap();
        assert!(room.take(&session, 5 * UNIT).is_err());
        drop(first);
        room.take(&session, 5 * UNIT).unwrap();
    }
}
