//! How much is on its way to the brokers: a bound in bytes, waited for without polling.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Room for bytes on their way.
#[derive(Debug)]
pub(super) struct Room {
    limit: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: usize,
    records: usize,
    is_closed: bool,
}

/// There is no room for it now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// Others are on their way.
    Full,
    /// Nobody is let in any more.
    Closed,
}

/// The room was closed while it was waited for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Closed;

impl State {
    fn is_full(&self, bytes: usize, limit: usize) -> bool {
        self.records > 0 && self.bytes.saturating_add(bytes) > limit
    }

    fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.records += 1;
    }
}

impl Room {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits until there is room. A record that is larger than all of it goes alone.
    pub(super) fn enter(&self, bytes: usize) -> Result<(), Closed> {
        let state = self
            .changed
            .wait_while(self.lock(), |state| !state.is_closed && state.is_full(bytes, self.limit));
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.is_closed {
            return Err(Closed);
        }
        state.add(bytes);
        Ok(())
    }

    /// Takes room if there is some.
    pub(super) fn try_enter(&self, bytes: usize) -> Result<(), NoRoom> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(NoRoom::Closed);
        }
        if state.is_full(bytes, self.limit) {
            return Err(NoRoom::Full);
        }
        state.add(bytes);
        Ok(())
    }

    /// Gives room back.
    pub(super) fn leave(&self, bytes: usize) {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(bytes);
        state.records = state.records.saturating_sub(1);
        self.changed.notify_all();
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Waits until nothing is on its way. Returns how many records still are.
    pub(super) fn wait_empty(&self, timeout: Duration) -> usize {
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, |state| state.records > 0);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.records
    }

    /// Records on their way.
    pub(super) fn records(&self) -> usize {
        self.lock().records
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn who_finds_no_room_waits_for_it() {
        let room = Room::new(100);
        room.enter(60).unwrap();
        room.enter(40).unwrap();
        std::thread::scope(|scope| {
            let (entered, told) = mpsc::channel();
            let room = &room;
            scope.spawn(move || {
                room.enter(50).unwrap();
                entered.send(room.records()).unwrap();
            });
            room.leave(40);
            assert!(told.recv_timeout(Duration::from_millis(30)).is_err(), "60 + 50 is too much");
            room.leave(60);
            assert_eq!(told.recv().unwrap(), 1);
        });
    }

    #[test]
    fn who_does_not_wait_is_told_why() {
        let room = Room::new(100);
        assert_eq!(room.try_enter(60), Ok(()));
        assert_eq!(room.try_enter(60), Err(NoRoom::Full));
        assert_eq!(room.try_enter(40), Ok(()));
        room.close();
        assert_eq!(room.try_enter(1), Err(NoRoom::Closed));
    }

    #[test]
    fn a_giant_goes_alone_and_closing_lets_everybody_go() {
        let room = Room::new(10);
        room.enter(1_000).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| room.enter(1));
            room.close();
            assert_eq!(waiting.join().unwrap(), Err(Closed));
        });
        assert_eq!(room.wait_empty(Duration::ZERO), 1);
        room.leave(1_000);
        assert_eq!(room.wait_empty(Duration::ZERO), 0);
    }
}
