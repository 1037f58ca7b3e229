//! The log behind the gateway: entries become records, and each is acknowledged when brokers have it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::error::ErrorKind;
use domain::messages::envelope::Message;
use domain::ports::{Acknowledged, AppendError, Entry, Full, RecordLog};
use kafka::wire::Event;
use kafka::{KafkaError, Outgoing, Publisher, PublisherSettings, Topics};

use crate::clock;
use crate::exit::{Exit, Failure};
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
    pub fn open(settings: &Settings, stop: Stop) -> Result<Self, Failure> {
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
        Ok(Self { publisher, topics, largest, stop })
    }

    /// Waits until everything that was taken is acknowledged or given up.
    pub fn flush(&self, patience: Duration) {
        if let Err(error) = self.publisher.flush(patience) {
            tracing::warn!(%error, "leaving: clients send again what was not acknowledged");
        }
    }

    fn record(&self, entry: Entry) -> Outgoing {
        let now = clock::now();
        let event = Event { time: Some(&now), ..Event::from_source(SOURCE) };
        match entry {
            Entry::Chunk(chunk) => Outgoing::chunk(self.topics.chunks(), event, chunk),
            Entry::Upload(fact) => message(self.topics.chunks(), event, &fact),
            Entry::Session(fact) => message(self.topics.sessions(), event, &fact),
            Entry::Review(review) => message(self.topics.reviews(), event, &review),
            Entry::Audit(audit) => message(self.topics.audit(), event, &audit),
        }
    }
}

impl RecordLog for KafkaLog {
    fn append(&self, entry: Entry, acknowledged: Acknowledged) -> Result<(), Full> {
        let record = self.record(entry);
        let Err(refused) = self.publisher.try_send(record, Mutex::new(Some(acknowledged))) else {
            return Ok(());
        };
        if refused.error == KafkaError::Full {
            return Err(Full);
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
