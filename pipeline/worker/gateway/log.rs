//! The log behind the gateway: entries become records, and each is acknowledged when brokers have it.
//!
//! Chunks are sealed with the key of their session where the settings say so. A chunk whose key is not at hand goes on
//! its way when that has come, which nobody here waits for; until then the room of uploads holds it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::error::ErrorKind;
use domain::messages::Chunk;
use domain::messages::envelope::Message;
use domain::ports::{Acknowledged, AppendError, Entry, Full, RecordLog};
use kafka::wire::Event;
use kafka::{KafkaError, Outgoing, Publisher, PublisherSettings, Topics};

use crate::clock;
use crate::exit::{Exit, Failure};
use crate::privacy::{Protection, SealError, SessionKey, VaultError, payload};
use crate::settings::Settings;
use crate::stages::Stop;

/// CloudEvents `source` of everything that the gateway writes.
const SOURCE: &str = "/invigilator/gateway";

/// Room for what is no video, beside that of uploads: they never take it, since each holds its share of their room
/// until it is acknowledged.
const FACTS: usize = 16 << 20;

/// Called once; what is shared between threads must be behind a lock.
type Receipt = Mutex<Option<Acknowledged>>;

/// Writes to Kafka.
pub struct KafkaLog {
    writer: Arc<Writer>,
    protection: Protection,
}

struct Writer {
    publisher: Publisher<Receipt>,
    topics: Topics,
    largest: usize,
    stop: Stop,
}

impl KafkaLog {
    /// A log on the brokers of the settings. An error that no later record can do better with ends the service.
    ///
    /// # Errors
    /// If a setting is refused.
    pub fn open(settings: &Settings, protection: Protection, stop: Stop) -> Result<Self, Failure> {
        let connection = settings.connection().map_err(|error| Failure::new(Exit::Configuration, error))?;
        let topics = settings.topics().map_err(|error| Failure::new(Exit::Configuration, error))?;
        let largest = settings.kafka.max_record_bytes as usize;
        let publisher = PublisherSettings {
            buffer_bytes: settings.gateway.upload_bytes.max(largest) + FACTS,
            message_max_bytes: largest,
            delivery_timeout: Some(settings.gateway.append_timeout),
            ..PublisherSettings::default()
        };
        let ending = stop.clone();
        let publisher = Publisher::new(&connection, publisher, move |receipt, result| {
            settle(receipt, result, largest, &ending);
        })
        .map_err(|error| Failure::new(Exit::Service, error))?;
        Ok(Self { writer: Arc::new(Writer { publisher, topics, largest, stop }), protection })
    }

    /// Waits until everything that was taken is acknowledged or given up.
    pub fn flush(&self, patience: Duration) {
        if let Err(error) = self.writer.publisher.flush(patience) {
            tracing::warn!(%error, "leaving: clients send again what was not acknowledged");
        }
    }

    /// Sends a chunk, sealed where the settings say so, once the key of its session is there.
    fn send_chunk(&self, chunk: Chunk, acknowledged: Acknowledged) -> Result<(), Full> {
        let session = chunk.header.session.clone();
        let (Some(wish), Some(vault)) = (self.protection.wish_to_write(), self.protection.vault()) else {
            return self.writer.send(self.writer.chunk(chunk), acknowledged);
        };
        if let Some(key) = vault.at_hand(&session) {
            return match self.writer.sealed(chunk, &key) {
                Ok(record) => self.writer.send(record, acknowledged),
                Err(error) => {
                    acknowledged(Err(AppendError::Failed { reason: error.reason() }));
                    Ok(())
                }
            };
        }
        let (writer, answer) = (Arc::clone(&self.writer), vault.ask(&session, wish));
        vault.spawn(async move {
            let key = answer.await.unwrap_or(Err(VaultError::NoVault));
            let sealed = key.and_then(|key| Ok(writer.sealed(chunk, &key)?));
            match sealed {
                Ok(record) => writer.send_or_tell(record, acknowledged),
                Err(VaultError::Erased) => acknowledged(Err(AppendError::Erased)),
                Err(error) => acknowledged(Err(AppendError::Failed { reason: error.reason() })),
            }
        });
        Ok(())
    }
}

impl RecordLog for KafkaLog {
    fn append(&self, entry: Entry, acknowledged: Acknowledged) -> Result<(), Full> {
        let (writer, topics) = (&self.writer, &self.writer.topics);
        let now = clock::now();
        let event = Event { time: Some(&now), ..Event::from_source(SOURCE) };
        let record = match entry {
            Entry::Chunk(chunk) => return self.send_chunk(chunk, acknowledged),
            Entry::Upload(fact) => message(topics.chunks(), event, &fact),
            Entry::Session(fact) => message(topics.sessions(), event, &fact),
            Entry::Review(review) => message(topics.reviews(), event, &review),
            Entry::Audit(audit) => message(topics.audit(), event, &audit),
        };
        writer.send(record, acknowledged)
    }
}

impl Writer {
    fn chunk(&self, chunk: Chunk) -> Outgoing {
        let now = clock::now();
        let event = Event { time: Some(&now), ..Event::from_source(SOURCE) };
        Outgoing::chunk(self.topics.chunks(), event, chunk)
    }

    fn sealed(&self, chunk: Chunk, key: &SessionKey) -> Result<Outgoing, SealError> {
        let bound_to = payload::of_chunk(&chunk.header);
        payload::seal(self.chunk(chunk), Some(key), &bound_to)
    }

    fn send(&self, record: Outgoing, acknowledged: Acknowledged) -> Result<(), Full> {
        self.try_send(record, acknowledged).map_err(|_| Full)
    }

    /// The same where nobody can be refused any more.
    fn send_or_tell(&self, record: Outgoing, acknowledged: Acknowledged) {
        if let Err(acknowledged) = self.try_send(record, acknowledged) {
            acknowledged(Err(AppendError::Failed { reason: KafkaError::Full.reason() }));
        }
    }

    /// Sends a record; gives its receipt back if there is no room.
    fn try_send(&self, record: Outgoing, acknowledged: Acknowledged) -> Result<(), Acknowledged> {
        let Err(refused) = self.publisher.try_send(record, Mutex::new(Some(acknowledged))) else {
            return Ok(());
        };
        if refused.error == KafkaError::Full {
            let receipt = refused.receipt.into_inner().unwrap_or_else(PoisonError::into_inner);
            return receipt.map_or(Ok(()), Err);
        }
        settle(refused.receipt, Err(refused.error), self.largest, &self.stop);
        Ok(())
    }
}

fn message<T: Message>(topic: String, event: Event<'_>, message: &T) -> Outgoing {
    Outgoing::message(topic, event, message)
}

fn settle(receipt: Receipt, result: Result<(), KafkaError>, largest: usize, stop: &Stop) {
    let result = result.map_err(|error| {
        if error.kind() == ErrorKind::Fatal {
            stop.fail("gateway", &error);
        }
        match error.kind() {
            ErrorKind::Poison => AppendError::TooLarge { limit: largest },
            ErrorKind::Transient | ErrorKind::Fatal => AppendError::Failed { reason: error.reason() },
        }
    });
    if let Some(acknowledged) = receipt.into_inner().unwrap_or_else(PoisonError::into_inner) {
        acknowledged(result);
    }
}
