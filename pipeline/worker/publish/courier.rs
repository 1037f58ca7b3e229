//! Records on their way to Kafka, counted per session until they are acknowledged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use domain::messages::{SegmentHeader, SessionFact};
use kafka::wire::{Event, Media};
use kafka::{Connection, KafkaError, Outgoing, Publisher, PublisherSettings, Topics};

use super::error::PublishError;
use crate::clock;
use crate::piece;
use crate::privacy::{SessionKey, payload};
use crate::telemetry::trace::TraceContext;

/// CloudEvents `source` of everything that is published.
const SOURCE: &str = "/invigilator/publish";

/// Sends records of any number of sessions.
pub struct Courier {
    publisher: Publisher<Receipt>,
    topics: Topics,
    figures: Arc<Figures>,
}

/// What has been acknowledged so far.
#[derive(Debug, Default)]
pub struct Figures {
    segments: AtomicU64,
    bytes: AtomicU64,
}

impl Figures {
    /// Segments.
    pub fn segments(&self) -> u64 {
        self.segments.load(Ordering::Relaxed)
    }

    /// Bytes of media, wherever they are.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Courier {
    /// A courier to these brokers; no record is larger than `largest` bytes.
    ///
    /// # Errors
    /// If a setting is refused.
    pub fn new(connection: &Connection, topics: Topics, largest: usize) -> Result<Self, KafkaError> {
        let figures = Arc::<Figures>::default();
        let counted = Arc::clone(&figures);
        let settings = PublisherSettings { message_max_bytes: largest, ..PublisherSettings::default() };
        let publisher = Publisher::new(connection, settings, move |receipt: Receipt, result| {
            if let (Ok(()), Some(bytes)) = (&result, receipt.media) {
                counted.segments.fetch_add(1, Ordering::Relaxed);
                counted.bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            receipt.tally.returned(result);
        })?;
        Ok(Self { publisher, topics, figures })
    }

    /// What has been acknowledged so far.
    pub fn figures(&self) -> &Arc<Figures> {
        &self.figures
    }

    /// Begins a session, whose media are sealed if it has a key.
    pub(super) fn line(&self, key: Option<SessionKey>) -> Line<'_> {
        Line { courier: self, tally: Arc::default(), key }
    }
}

/// The records of one session, in order.
pub(super) struct Line<'a> {
    courier: &'a Courier,
    tally: Arc<Tally>,
    key: Option<SessionKey>,
}

impl Line<'_> {
    /// Sends a fact of the session's life.
    ///
    /// # Errors
    /// If it is not accepted, or an earlier record was not delivered.
    pub(super) fn fact(&self, fact: &SessionFact) -> Result<(), KafkaError> {
        let now = clock::now();
        let event = Event { time: Some(&now), ..Event::from_source(SOURCE) };
        self.send(Outgoing::message(self.courier.topics.sessions(), event, fact), None)
    }

    /// Sends a segment of `bytes` of media. Waits while the producer's budget is on its way.
    ///
    /// # Errors
    /// As [`fact`](Self::fact).
    pub(super) fn segment(
        &self,
        header: &SegmentHeader,
        media: Media<'_>,
        bytes: usize,
    ) -> Result<(), PublishError> {
        let now = clock::now();
        let trace = TraceContext::of_segment(&header.session, header.stream.epoch, header.sequence).header();
        let event = Event { source: SOURCE, time: Some(&now), traceparent: Some(&trace) };
        let record = piece::record(&self.courier.topics, event, header, media);
        let record = payload::seal(record, self.key.as_ref(), &payload::of_segment(header))?;
        Ok(self.send(record, Some(bytes as u64))?)
    }

    fn send(&self, record: Outgoing, media: Option<u64>) -> Result<(), KafkaError> {
        self.tally.left()?;
        let receipt = Receipt { tally: Arc::clone(&self.tally), media };
        self.courier.publisher.send(record, receipt).map_err(|refused| {
            refused.receipt.tally.returned(Ok(()));
            refused.error
        })
    }

    /// Waits until every record of the session is acknowledged. The producer gives each one back, at the
    /// latest after its delivery timeout.
    ///
    /// # Errors
    /// The first delivery that failed.
    pub(super) fn settle(&self) -> Result<(), KafkaError> {
        self.tally.settle()
    }
}

/// Comes back with a record.
struct Receipt {
    tally: Arc<Tally>,
    /// Bytes of media, for a segment.
    media: Option<u64>,
}

/// How many records of a session are on their way, and the first that failed.
#[derive(Debug, Default)]
struct Tally {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    on_their_way: usize,
    failure: Option<KafkaError>,
}

impl Tally {
    /// One more record leaves, unless an earlier one failed: what comes after a hole is of no use.
    fn left(&self) -> Result<(), KafkaError> {
        let mut state = self.lock();
        match &state.failure {
            Some(failure) => Err(failure.clone()),
            None => {
                state.on_their_way += 1;
                Ok(())
            }
        }
    }

    fn returned(&self, result: Result<(), KafkaError>) {
        let mut state = self.lock();
        state.on_their_way = state.on_their_way.saturating_sub(1);
        if let Err(error) = result {
            state.failure.get_or_insert(error);
        }
        self.changed.notify_all();
    }

    fn settle(&self) -> Result<(), KafkaError> {
        let settled = self.changed.wait_while(self.lock(), |state| state.on_their_way > 0);
        settled.unwrap_or_else(PoisonError::into_inner).failure.clone().map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_session_is_settled_when_every_record_is_back() {
        let tally = Tally::default();
        tally.left().unwrap();
        tally.left().unwrap();
        thread::scope(|scope| {
            let settled = scope.spawn(|| tally.settle());
            tally.returned(Ok(()));
            assert!(!settled.is_finished(), "one is still on its way");
            tally.returned(Ok(()));
            assert_eq!(settled.join().unwrap(), Ok(()));
        });
    }

    #[test]
    fn after_a_lost_record_nothing_more_leaves() {
        let tally = Tally::default();
        tally.left().unwrap();
        let lost = KafkaError::Closed { action: "test" };
        tally.returned(Err(lost.clone()));
        assert_eq!(tally.left(), Err(lost.clone()));
        assert_eq!(tally.settle(), Err(lost));
    }
}
