//! Sends the records of all lives, each when its time has come; knows how far it is and how late.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::vec;

use domain::time::{MediaMs, Millis};
use kafka::{Connection, KafkaError, Publisher, PublisherSettings, Topics};

use super::Wave;
use super::life::Life;
use super::records::{Made, Planned, What, planned};
use super::seen::Origin;
use crate::clock;
use crate::stages::ARRIVED;

/// How long brokers may take to acknowledge what is on its way at the end.
const PATIENCE: Duration = Duration::from_secs(120);
/// It is looked so often whether an end was asked for.
const NAP: Duration = Duration::from_millis(50);

/// What was sent, counted while it is.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub observations: AtomicU64,
    /// Facts and decisions.
    pub others: AtomicU64,
    /// Bytes of the observations.
    pub bytes: AtomicU64,
    /// Sessions that have begun.
    pub begun: AtomicU64,
    /// How long after its time the last record was sent, in milliseconds.
    pub late_ms: AtomicU64,
    /// The most of that.
    pub latest_ms: AtomicU64,
    /// Everything is acknowledged.
    pub is_done: AtomicBool,
}

/// Sends a wave.
pub(super) struct Sender {
    pub wave: Wave,
    pub origin: Origin,
    pub sent: Sent,
    topics: Topics,
    publisher: Publisher<()>,
    failure: Arc<Mutex<Option<KafkaError>>>,
    began: Instant,
    /// For each session, milliseconds after the beginning: when the last was sent that its final score needs.
    completed: Vec<AtomicU64>,
}

/// A session that is on.
struct Running {
    life: Life,
    rest: vec::IntoIter<Planned>,
    has_ended: bool,
    has_last: bool,
}

impl Sender {
    pub fn new(
        wave: Wave,
        connection: &Connection,
        topics: &Topics,
        began: Instant,
    ) -> Result<Self, KafkaError> {
        let failure = Arc::<Mutex<Option<KafkaError>>>::default();
        let failed = Arc::clone(&failure);
        let settings = PublisherSettings { buffer_bytes: 64 << 20, ..PublisherSettings::default() };
        let publisher = Publisher::new(connection, settings, move |(), result| {
            if let Err(error) = result {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        })?;
        let completed = (0..wave.sessions).map(|_| AtomicU64::new(0)).collect();
        let (origin, sent, topics) = (Origin::simulated(), Sent::default(), topics.clone());
        Ok(Self { wave, origin, sent, topics, publisher, failure, began, completed })
    }

    /// When all was sent that a session's final score needs; `None` if that is not yet, or never so.
    pub fn completed(&self, number: u32) -> Option<Duration> {
        let at = self.completed.get(number as usize)?.load(Ordering::Relaxed);
        (at > 0).then(|| Duration::from_millis(at))
    }

    /// Sends everything, or what there is until an end is asked for.
    pub fn send(&self, stop: &AtomicBool) -> Result<(), KafkaError> {
        let begins = (0..self.wave.sessions).map(|number| (Life::of(&self.wave, number).begins, number));
        let mut due: BinaryHeap<Reverse<(Millis, u32)>> = begins.map(Reverse).collect();
        let mut running: HashMap<u32, Running> = HashMap::new();
        while let Some(Reverse((at, number))) = due.pop() {
            if !self.wait_until(at, stop) {
                return Ok(());
            }
            let session = running.entry(number).or_insert_with(|| self.begin(number));
            if let Some(planned) = session.rest.next() {
                self.send_one(session, number, planned)?;
            }
            match session.rest.as_slice().first() {
                Some(next) => due.push(Reverse((next.due, number))),
                None => drop(running.remove(&number)),
            }
        }
        self.publisher.flush(PATIENCE)?;
        if let Some(error) = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        self.sent.is_done.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn begin(&self, number: u32) -> Running {
        self.sent.begun.fetch_add(1, Ordering::Relaxed);
        let life = Life::of(&self.wave, number);
        let rest = planned(&self.wave, &life).into_iter();
        Running { life, rest, has_ended: false, has_last: false }
    }

    fn send_one(&self, session: &mut Running, number: u32, planned: Planned) -> Result<(), KafkaError> {
        let made = planned.make(&session.life, &self.origin);
        let mut record = made.outgoing(&self.topics);
        if let Made::Observation(_) = made {
            // When its segment would have come to the broker: what delays are measured from.
            record.headers.push(ARRIVED, clock::now_ms().to_string());
            self.sent.observations.fetch_add(1, Ordering::Relaxed);
            self.sent.bytes.fetch_add(record.bytes() as u64, Ordering::Relaxed);
        } else {
            self.sent.others.fetch_add(1, Ordering::Relaxed);
        }
        self.publisher.send(record, ()).map_err(|refused| refused.error)?;
        let end = MediaMs::ZERO + session.life.length;
        let was_complete = session.has_ended && session.has_last;
        match planned.what {
            What::Ended => session.has_ended = true,
            What::Segment { end: reached, .. } => session.has_last |= reached == end,
            _ => {}
        }
        if session.has_ended && session.has_last && !was_complete {
            let at = self.began.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
            self.completed[number as usize].store(at, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Waits for a time; `false` if an end was asked for.
    fn wait_until(&self, due: Millis, stop: &AtomicBool) -> bool {
        let due = Duration::from_millis(due.0.try_into().unwrap_or_default());
        loop {
            if stop.load(Ordering::Relaxed) {
                return false;
            }
            let now = self.began.elapsed();
            match due.checked_sub(now).filter(|left| !left.is_zero()) {
                Some(left) => thread::sleep(left.min(NAP)),
                None => {
                    let late = (now - due).as_millis().try_into().unwrap_or(u64::MAX);
                    self.sent.late_ms.store(late, Ordering::Relaxed);
                    self.sent.latest_ms.fetch_max(late, Ordering::Relaxed);
                    return true;
                }
            }
        }
    }
}
