//! Writing in transactions: records and the offsets of what they were computed from, all or nothing.
//!
//! Used by one thread: begin, send, commit. Errors that pass are waited out inside; what is left is
//! either [`TransactionError::Abort`], after which the caller aborts and reads again from the committed
//! offsets, or [`TransactionError::Fatal`], after which this producer is of no use: a new one with the
//! same id ends whatever this one left open.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::error::{KafkaError as LibraryError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, DeliveryResult, Producer, ProducerContext};

use super::{config, library_record};
use crate::connection::Connection;
use crate::consumer::GroupMetadata;
use crate::context::{self, Context, Errors};
use crate::error::{KafkaError, Subject};
use crate::record::Outgoing;
use crate::topics::{LARGEST_RECORD, LETTER_ROOM};

/// How long one call of the library may take before it is asked again.
const ONE_CALL: Duration = Duration::from_secs(5);

/// Why a transaction did not come about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// Nothing of it will be seen: abort it, and read again from the committed offsets.
    #[error("the transaction must be aborted: {0}")]
    Abort(#[source] KafkaError),
    /// The producer is of no use any more: build another one, and read again from the committed offsets.
    /// Whether the transaction was committed is not known before.
    #[error("the transactional producer must be built anew: {0}")]
    Fatal(#[source] KafkaError),
}

/// Writes in transactions. Used by one thread.
pub struct TransactionalPublisher {
    producer: BaseProducer<Context<Places>>,
    transactional_id: String,
    timeout: Duration,
}

impl TransactionalPublisher {
    /// A producer of this id; every other one of the same id is fenced, and what it left open is ended.
    /// `timeout` is how long a transaction may stay open before the brokers abort it, and how long any
    /// step of it is tried.
    ///
    /// # Errors
    /// [`TransactionError::Fatal`] if a setting is refused or no broker answers in time.
    pub fn new(
        connection: &Connection,
        transactional_id: &str,
        timeout: Duration,
    ) -> Result<Self, TransactionError> {
        let mut config = config(connection, LARGEST_RECORD + LETTER_ROOM).map_err(TransactionError::Fatal)?;
        let timeout_ms = timeout.as_millis().to_string();
        config
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", &timeout_ms)
            .set("linger.ms", "5")
            // When a group's coordinator dies at the wrong moment, the library waits for a connection that
            // it has given up itself, beyond any time limit (librdkafka 2.12, its issue 5511). It looks for
            // the new coordinator as soon as any connection closes: one without traffic for this long does,
            // whatever the operator set for other clients.
            .set("connections.max.idle.ms", &timeout_ms);
        let producer = context::create(connection, &config, "create a producer", Places::default())
            .map_err(TransactionError::Fatal)?;
        let publisher = Self { producer, transactional_id: transactional_id.to_owned(), timeout };
        publisher
            .insist("take over the transactional id", |producer| producer.init_transactions(ONE_CALL))
            .map_err(|error| TransactionError::Fatal(error.into()))?;
        Ok(publisher)
    }

    /// Serves the client between transactions. Called every few seconds, it keeps it known to the brokers:
    /// tokens are renewed only so.
    pub fn keep_in_touch(&self) {
        self.producer.poll(Duration::ZERO);
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// If the producer is not in a state to.
    pub fn begin(&mut self) -> Result<(), TransactionError> {
        self.places().clear();
        self.insist("begin a transaction", Producer::begin_transaction)
    }

    /// Sends a record as a part of the transaction. Whether it arrived shows when committing.
    ///
    /// # Errors
    /// If it is not accepted: a record that is too large aborts the transaction.
    pub fn send(&mut self, record: &Outgoing) -> Result<(), TransactionError> {
        const ACTION: &str = "send a record";
        let place = self.places().len();
        self.places().push(None);
        let deadline = Instant::now() + self.timeout;
        loop {
            let Err((error, _)) = self.producer.send(library_record(record, place)) else { return Ok(()) };
            if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) && Instant::now() < deadline {
                self.producer.poll(Duration::from_millis(1));
                continue;
            }
            return Err(self.judge(KafkaError::from_library(ACTION, error)));
        }
    }

    /// Makes the offsets, (topic, partition, next offset), of a group a part of the transaction.
    ///
    /// # Errors
    /// If they were not taken, or a record that was sent before did not arrive.
    pub fn add_offsets(
        &mut self,
        offsets: &[(&str, i32, i64)],
        group: &GroupMetadata,
    ) -> Result<(), TransactionError> {
        self.wait_for_records();
        let at = |(topic, partition, next): &(&str, i32, i64)| {
            ((*topic).to_owned(), *partition, Offset::from_raw((*next).max(0)))
        };
        let list: TopicPartitionList = offsets.iter().map(at).collect();
        self.insist("add offsets to a transaction", |producer| {
            producer.send_offsets_to_transaction(&list, &group.0, ONE_CALL)
        })
    }

    /// Commits the transaction. Returns the offsets of its records, in the order in which they were sent; `None`
    /// where the brokers did not say.
    ///
    /// # Errors
    /// If it was not committed, or that is not known: see [`TransactionError`].
    pub fn commit(&mut self) -> Result<Vec<Option<i64>>, TransactionError> {
        self.wait_for_records();
        self.insist("commit a transaction", |producer| producer.commit_transaction(ONE_CALL))?;
        Ok(std::mem::take(&mut *self.places()))
    }

    fn places(&self) -> MutexGuard<'_, Vec<Option<i64>>> {
        self.producer.context().own.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_records(&self) {
        // Without this the library waits in steps of 100 ms for what arrives within a few.
        let deadline = Instant::now() + self.timeout;
        while self.producer.in_flight_count() > 0 && Instant::now() < deadline {
            self.producer.poll(Duration::from_millis(1));
        }
    }

    /// Aborts the transaction: nothing of it will be seen.
    ///
    /// # Errors
    /// [`TransactionError::Fatal`] if that is not possible.
    pub fn abort(&mut self) -> Result<(), TransactionError> {
        self.insist("abort a transaction", |producer| producer.abort_transaction(ONE_CALL))
            .map_err(|error| TransactionError::Fatal(error.into()))
    }

    /// Repeats one step until it succeeds, cannot, or has taken too long.
    fn insist(
        &self,
        action: &'static str,
        step: impl Fn(&BaseProducer<Context<Places>>) -> Result<(), LibraryError>,
    ) -> Result<(), TransactionError> {
        let deadline = Instant::now() + self.timeout;
        loop {
            match step(&self.producer) {
                Ok(()) => return Ok(()),
                Err(LibraryError::Transaction(error))
                    if error.is_retriable() && Instant::now() < deadline =>
                {
                    tracing::debug!(action, error = error.name(), "trying again");
                    // Serves what the library has to say meanwhile, and paces the repetition.
                    self.producer.poll(Duration::from_millis(10));
                }
                Err(LibraryError::Transaction(error)) => {
                    let requires_abort = error.txn_requires_abort();
                    let is_fatal = error.is_fatal() || !requires_abort;
                    tracing::warn!(action, error = error.string(), is_fatal, "a transaction failed");
                    let refused = if is_fatal { KafkaError::fatal } else { KafkaError::refused };
                    let error = refused(action, error.code())
                        .about(&[Subject::TransactionalId(&self.transactional_id)]);
                    return Err(if is_fatal {
                        TransactionError::Fatal(error)
                    } else {
                        TransactionError::Abort(error)
                    });
                }
                Err(error) => return Err(self.judge(KafkaError::from_library(action, error))),
            }
        }
    }

    /// An error of a single record or of the flush: aborts, unless the producer is done for.
    fn judge(&self, error: KafkaError) -> TransactionError {
        match self.producer.client().fatal_error() {
            Some(_) => TransactionError::Fatal(error),
            None => TransactionError::Abort(error),
        }
    }
}

/// The offsets of the records of a transaction, in the order in which they were sent.
#[derive(Debug, Default)]
struct Places(Mutex<Vec<Option<i64>>>);

impl Errors for Places {
    fn error(&self, error: LibraryError, reason: &str) {
        tracing::warn!(target: "librdkafka", %error, reason, "client error");
    }
}

impl ProducerContext for Context<Places> {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, place: usize) {
        let offset = result.as_ref().ok().map(|record| record.offset());
        // A record of a transaction that was given up has no place in this one.
        if let Some(known) = self.own.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(place) {
            *known = offset;
        }
    }
}

impl TransactionError {
    /// Whether another producer would be refused as well: settings that make no sense, rights that are
    /// missing.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Abort(error) | Self::Fatal(error) => error.is_refusal(),
        }
    }
}

impl From<TransactionError> for KafkaError {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Abort(error) | TransactionError::Fatal(error) => error,
        }
    }
}
