//! Writing with receipts: whoever sends a record learns whether it is safe.
//!
//! A record that was accepted is delivered once and in order of its partition, or its receipt comes
//! back with the error; none is dropped silently. Sending blocks while the budget is on its way, or says so.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::Message;
use rdkafka::error::{KafkaError as LibraryError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, Producer, ProducerContext, PurgeConfig, ThreadedProducer};

use super::room::{NoRoom, Room};
use super::{config, library_record};
use crate::connection::Connection;
use crate::context::{self, Context, Errors};
use crate::error::{KafkaError, Subject};
use crate::record::Outgoing;
use crate::topics::LARGEST_RECORD;

/// What a record costs beside its bytes.
const OVERHEAD: usize = 512;
/// As errors say it.
const SEND: &str = "send a record";

/// How to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublisherSettings {
    /// Budget for records that are on their way, in bytes.
    pub buffer_bytes: usize,
    /// The largest record that topics accept, in bytes.
    pub message_max_bytes: usize,
    /// How long a record may wait for others to go with it.
    pub linger: Duration,
    /// After how long a record that no broker takes is given back as failed; `None`: never.
    pub delivery_timeout: Option<Duration>,
}

impl Default for PublisherSettings {
    fn default() -> Self {
        Self {
            buffer_bytes: 32 << 20,
            message_max_bytes: LARGEST_RECORD,
            linger: Duration::from_millis(5),
            delivery_timeout: Some(Duration::from_secs(120)),
        }
    }
}

/// A record that was not accepted.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Refused<T> {
    /// What was to come back with its delivery.
    pub receipt: T,
    /// Why.
    pub error: KafkaError,
}

/// Writes records and gives receipts of type `T` back when they are safe. Shared between threads.
pub struct Publisher<T: Send + Sync + 'static> {
    producer: ThreadedProducer<Context<Deliveries<T>>>,
    deliveries: Arc<Context<Deliveries<T>>>,
    message_max_bytes: usize,
}

impl<T: Send + Sync + 'static> Publisher<T> {
    /// A publisher. `on_delivered` is called once for each record that was accepted, from a thread of
    /// the publisher: it must not block, and not send.
    ///
    /// # Errors
    /// If a setting is refused. Whether a broker can be reached shows when records come back.
    pub fn new(
        connection: &Connection,
        settings: PublisherSettings,
        on_delivered: impl Fn(T, Result<(), KafkaError>) + Send + Sync + 'static,
    ) -> Result<Self, KafkaError> {
        let mut config = config(connection, settings.message_max_bytes)?;
        // The room is the bound: the library's own queue must never be the one that is full.
        let queue_kib = settings.buffer_bytes.max(settings.message_max_bytes) / 1024 * 2 + 1;
        config
            .set("queue.buffering.max.kbytes", queue_kib.min(i32::MAX as usize).to_string())
            .set("queue.buffering.max.messages", "0")
            .set("linger.ms", settings.linger.as_millis().to_string())
            // To the library, 0 means never.
            .set("message.timeout.ms", settings.delivery_timeout.unwrap_or_default().as_millis().to_string());
        let deliveries =
            Deliveries { room: Room::new(settings.buffer_bytes), on_delivered: Box::new(on_delivered) };
        let producer: ThreadedProducer<Context<Deliveries<T>>> =
            context::create(connection, &config, "create a producer", deliveries)?;
        let deliveries = Arc::clone(producer.context());
        Ok(Self { producer, deliveries, message_max_bytes: settings.message_max_bytes })
    }

    /// Sends a record. Blocks while the budget is on its way: at most for the delivery timeout if there
    /// is one, or until [`close`](Self::close).
    ///
    /// # Errors
    /// If the record is not accepted: too large, an unusable producer, closed. `on_delivered` is not
    /// called for it then.
    pub fn send(&self, record: Outgoing, receipt: T) -> Result<(), Refused<T>> {
        let bytes = match self.fitting(&record) {
            Ok(bytes) => bytes,
            Err(error) => return Err(Refused { receipt, error }),
        };
        if self.deliveries.own.room.enter(bytes).is_err() {
            return Err(Refused { receipt, error: KafkaError::Closed { action: SEND } });
        }
        self.hand_over(&record, bytes, receipt)
    }

    /// Sends a record if there is room for it now. Never blocks.
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`KafkaError::Full`] while the budget is on its way.
    pub fn try_send(&self, record: Outgoing, receipt: T) -> Result<(), Refused<T>> {
        let bytes = match self.fitting(&record) {
            Ok(bytes) => bytes,
            Err(error) => return Err(Refused { receipt, error }),
        };
        match self.deliveries.own.room.try_enter(bytes) {
            Ok(()) => self.hand_over(&record, bytes, receipt),
            Err(NoRoom::Full) => Err(Refused { receipt, error: KafkaError::Full }),
            Err(NoRoom::Closed) => Err(Refused { receipt, error: KafkaError::Closed { action: SEND } }),
        }
    }

    /// What a record takes of the budget, if it is not too large.
    fn fitting(&self, record: &Outgoing) -> Result<usize, KafkaError> {
        let (bytes, limit) = (record.bytes(), self.message_max_bytes);
        if bytes > limit { Err(KafkaError::TooLarge { bytes, limit }) } else { Ok(bytes + OVERHEAD) }
    }

    /// Gives a record that has its room to the library.
    fn hand_over(&self, record: &Outgoing, bytes: usize, receipt: T) -> Result<(), Refused<T>> {
        self.producer.send(library_record(record, Box::new(Way { bytes, receipt }))).map_err(
            |(error, native)| {
                self.deliveries.own.room.leave(bytes);
                let receipt = native.delivery_opaque.receipt;
                let error = match error.rdkafka_error_code() {
                    Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                        KafkaError::TooLarge { bytes, limit: self.message_max_bytes }
                    }
                    _ => KafkaError::from_library(SEND, error).about(&[Subject::Topic(&record.topic)]),
                };
                Refused { receipt, error }
            },
        )
    }

    /// Waits until every record that was sent is delivered or failed.
    ///
    /// # Errors
    /// [`KafkaError::TimedOut`] if some still are on their way.
    pub fn flush(&self, timeout: Duration) -> Result<(), KafkaError> {
        match self.deliveries.own.room.wait_empty(timeout) {
            0 => Ok(()),
            _ => Err(KafkaError::TimedOut { action: "deliver all records", after: timeout }),
        }
    }

    /// How many records are on their way.
    pub fn in_flight(&self) -> usize {
        self.deliveries.own.room.records()
    }

    /// The error after which this publisher can write nothing more, if there was one.
    pub fn fatal_error(&self) -> Option<KafkaError> {
        let (code, reason) = self.producer.client().fatal_error()?;
        tracing::error!(%code, reason, "the producer is unusable");
        Some(KafkaError::fatal("write", code))
    }

    /// Accepts nothing more and gives up what is on its way: receipts come back failed, blocked senders
    /// return. Flush before, to lose nothing. Dropping does the same.
    pub fn close(&self) {
        self.deliveries.own.room.close();
        self.producer.purge(PurgeConfig::default().queue().inflight());
    }
}

impl<T: Send + Sync + 'static> Drop for Publisher<T> {
    fn drop(&mut self) {
        self.close();
    }
}

/// A record on its way.
struct Way<T> {
    bytes: usize,
    receipt: T,
}

/// Takes deliveries from the library.
struct Deliveries<T> {
    room: Room,
    on_delivered: Box<dyn Fn(T, Result<(), KafkaError>) + Send + Sync>,
}

impl<T: Send + Sync + 'static> Errors for Deliveries<T> {
    fn error(&self, error: LibraryError, reason: &str) {
        tracing::warn!(target: "librdkafka", %error, reason, "producer error");
    }
}

impl<T: Send + Sync + 'static> ProducerContext for Context<Deliveries<T>> {
    type DeliveryOpaque = Box<Way<T>>;

    fn delivery(&self, result: &DeliveryResult<'_>, way: Box<Way<T>>) {
        let result = match result {
            Ok(_) => Ok(()),
            Err((error, record)) => Err(KafkaError::from_library("deliver a record", error.clone())
                .about(&[Subject::Topic(record.topic())])),
        };
        (self.own.on_delivered)(way.receipt, result);
        self.own.room.leave(way.bytes);
    }
}
