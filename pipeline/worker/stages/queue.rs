//! What was taken in and waits to be decoded, the most urgent first.
//!
//! Not bounded by itself: each segment in it holds a permit for its bytes. Ends when nobody is left who puts
//! anything in.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use domain::delivery::Waiting;

use super::decode::Taken;

/// Segments that wait.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Waiting<Taken>,
    entrances: usize,
}

/// Where segments are put in; the queue ends with the last one.
pub(super) struct Entrance<'a>(&'a Queue);

impl Queue {
    /// One more place to put segments in.
    pub(super) fn entrance(&self) -> Entrance<'_> {
        self.lock().entrances += 1;
        Entrance(self)
    }

    /// Waits for the next segment; `None` once nothing comes any more.
    pub(super) fn next(&self) -> Option<Taken> {
        let is_idle = |state: &mut State| state.waiting.is_empty() && state.entrances > 0;
        let mut state = self.news.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        state.waiting.pop()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whole whatever happened to a thread that held it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entrance<'_> {
    /// Puts a segment in.
    pub(super) fn put(&self, segment: Taken) {
        let tenant = segment.header.session.tenant().to_owned();
        self.0.lock().waiting.push(segment.urgency, &tenant, segment);
        self.0.news.notify_one();
    }
}

impl Drop for Entrance<'_> {
    fn drop(&mut self) {
        self.0.lock().entrances -= 1;
        self.0.news.notify_all();
    }
}
