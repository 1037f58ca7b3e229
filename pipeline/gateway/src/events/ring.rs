//! The newest events, numbered, in bounded memory. Numbers are good for as long as this process lives; its name is
//! part of their ids, so that those of another process are recognised.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use domain::ids::SessionId;
use serde::Serialize;
use tokio::sync::watch;

/// Most events that are kept.
const MOST: usize = 32_768;
/// Most bytes of them.
const MOST_BYTES: usize = 64 << 20;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A session's summary has changed.
    Session,
    /// An incident has changed.
    Incident,
    /// There is a new revision of a score.
    Score,
}

impl Kind {
    /// As in the stream.
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Incident => "incident",
            Self::Score => "score",
        }
    }
}

/// Something that happened to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What it is about.
    pub kind: Kind,
    /// The session.
    pub session: SessionId,
    /// JSON on one line.
    pub data: String,
}

impl Event {
    /// An event, unless its data cannot be JSON.
    pub fn new(kind: Kind, session: &SessionId, data: &impl Serialize) -> Option<Self> {
        let data = serde_json::to_string(data).ok()?;
        Some(Self { kind, session: session.clone(), data })
    }
}

/// The newest events.
#[derive(Debug)]
pub struct Ring {
    instance: String,
    state: RwLock<State>,
    latest: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    /// Number of the next event. The first one is 1, so that there is a number before it to come back with.
    next: u64,
}

impl State {
    fn first(&self) -> u64 {
        self.next - self.events.len() as u64
    }
}

/// What a listener gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Since {
    /// These, and where to go on.
    Events(Vec<(u64, Arc<Event>)>, u64),
    /// Some are gone: all there is has to be fetched anew. Where to go on.
    Gone(u64),
}

impl Ring {
    /// An empty ring of a process with a name of its own.
    pub fn new(instance: String) -> Self {
        let state = State { events: VecDeque::new(), bytes: 0, next: 1 };
        Self { instance, state: RwLock::new(state), latest: watch::Sender::new(1) }
    }

    /// Adds events and wakes listeners.
    pub fn tell(&self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            state.bytes += event.data.len();
            state.events.push_back(Arc::new(event));
            state.next += 1;
        }
        while state.events.len() > MOST || state.bytes > MOST_BYTES {
            let Some(oldest) = state.events.pop_front() else { break };
            state.bytes -= oldest.data.len();
        }
        let next = state.next;
        drop(state);
        self.latest.send_replace(next);
    }

    /// The number of the next event.
    pub fn next(&self) -> u64 {
        self.state.read().unwrap_or_else(PoisonError::into_inner).next
    }

    /// Hears of events.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// Events from a number on, of those that concern a listener; `bytes` at most, but at least one.
    pub fn since(&self, number: u64, concerns: impl Fn(&Event) -> bool, bytes: usize) -> Since {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if number < state.first() || number > state.next {
            return Since::Gone(state.next);
        }
        let (mut found, mut found_bytes) = (Vec::new(), 0);
        let skipped = usize::try_from(number - state.first()).unwrap_or(usize::MAX);
        for (number, event) in (number..).zip(state.events.iter().skip(skipped)) {
            if !concerns(event) {
                continue;
            }
            found_bytes += event.data.len();
            if found_bytes > bytes && !found.is_empty() {
                return Since::Events(found, number);
            }
            found.push((number, Arc::clone(event)));
        }
        Since::Events(found, state.next)
    }

    /// The id of an event.
    pub fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.instance)
    }

    /// The number after that of an id; `None` if it is of another process.
    pub fn after(&self, id: &str) -> Option<u64> {
        let (instance, number) = id.rsplit_once('-')?;
        (instance == self.instance).then(|| number.parse::<u64>().ok()?.checked_add(1)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(session: &str, data: &str) -> Event {
        Event { kind: Kind::Session, session: session.parse().unwrap(), data: data.to_owned() }
    }

    #[test]
    fn listeners_get_what_concerns_them_from_where_they_were() {
        let ring = Ring::new("i".to_owned());
        ring.tell(vec![event("t/e/a", "1"), event("t/e/b", "2"), event("t/e/a", "3")]);
        let of_a = |event: &Event| event.session.as_str() == "t/e/a";
        let numbers = |since| match since {
            Since::Events(events, next) => {
                (events.iter().map(|(number, _)| *number).collect::<Vec<_>>(), next)
            }
            Since::Gone(next) => panic!("gone, {next}"),
        };
        assert_eq!(numbers(ring.since(1, of_a, 100)), (vec![1, 3], 4));
        assert_eq!(numbers(ring.since(ring.after("i-0").unwrap(), of_a, 100)), (vec![1, 3], 4));
        assert_eq!(numbers(ring.since(ring.after("i-1").unwrap(), of_a, 100)), (vec![3], 4));
        assert_eq!(numbers(ring.since(1, |_| true, 1)), (vec![1], 2), "a little at a time");
        assert_eq!(numbers(ring.since(4, |_| true, 1)), (vec![], 4));
        assert_eq!(ring.after("other-0"), None);
    }

    #[test]
    fn what_is_too_old_is_gone_and_memory_is_bounded() {
        let ring = Ring::new("i".to_owned());
        let large = "x".repeat(1 << 20);
        (0..80).for_each(|_| ring.tell(vec![event("t/e/a", &large)]));
        assert_eq!(ring.since(1, |_| true, 1), Since::Gone(81));
        assert_eq!(ring.since(82, |_| true, 1), Since::Gone(81), "a number that was never given");
        assert!(ring.state.read().unwrap().bytes <= MOST_BYTES);
        assert!(matches!(ring.since(80, |_| true, 1), Since::Events(events, 81) if events.len() == 1));
    }
}
