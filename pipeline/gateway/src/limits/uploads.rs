//! Uploads on their way: their memory, from before the first byte of a body is read until the broker has it, and how
//! many a session has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ids::SessionId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
    /// Uploads by session.
    sessions: Arc<Mutex<HashMap<SessionId, usize>>>,
}

/// Room that is taken until this is dropped.
#[derive(Debug)]
pub struct UploadPermit {
    _held: OwnedSemaphorePermit,
    _place: Place,
}

/// One of a session's uploads.
#[derive(Debug)]
struct Place {
    session: SessionId,
    sessions: Arc<Mutex<HashMap<SessionId, usize>>>,
}

impl Place {
    fn take(session: &SessionId, sessions: &Arc<Mutex<HashMap<SessionId, usize>>>) -> Option<Self> {
        let mut counts = sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(session.clone()).or_default();
        if *count >= MOST_OF_SESSION {
            return None;
        }
        *count += 1;
        Some(Self { session: session.clone(), sessions: Arc::clone(sessions) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.session);
            }
        }
    }
}

impl UploadRoom {
    /// Room for so many bytes.
    pub fn new(bytes: usize) -> Self {
        let units = Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS));
        Self { units: Arc::new(units), sessions: Arc::default() }
    }

    /// Takes room for an upload of a session.
    ///
    /// # Errors
    /// If there is none, or the session has too many on their way: try again soon.
    pub fn take(&self, session: &SessionId, bytes: usize) -> Result<UploadPermit, Problem> {
        let place = Place::take(session, &self.sessions).ok_or_else(|| Problem::too_many(AGAIN))?;
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

    #[test]
    fn a_session_has_a_few_on_their_way() {
        let room = UploadRoom::new(100 * UNIT);
        let (session, other) = ("t1/e1/s1".parse().unwrap(), "t1/e1/s2".parse().unwrap());
        let mut held: Vec<_> = (0..MOST_OF_SESSION).map(|_| room.take(&session, 1).unwrap()).collect();
        assert!(room.take(&session, 1).is_err());
        room.take(&other, 1).unwrap();
        held.pop();
        held.push(room.take(&session, 1).unwrap());
        drop(held);
        assert!(room.sessions.lock().unwrap().is_empty());
    }
}
