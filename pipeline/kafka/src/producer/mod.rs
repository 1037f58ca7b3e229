//! Writing: with receipts ([`Publisher`]), or in transactions ([`TransactionalPublisher`]).

mod publisher;
mod room;
mod transactional;

pub use publisher::{Publisher, PublisherSettings, Refused};
pub use transactional::{TransactionError, TransactionalPublisher};

use rdkafka::ClientConfig;
use rdkafka::producer::BaseRecord;
use rdkafka::util::IntoOpaque;

use crate::connection::Connection;
use crate::error::KafkaError;
use crate::record::Outgoing;

/// The common part of all producers: no duplicates by retries, no loss by a dying broker, and keys go
/// to partitions as Java clients send them.
fn config(connection: &Connection, message_max_bytes: usize) -> Result<ClientConfig, KafkaError> {
    let mut config = connection.config()?;
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("partitioner", "murmur2_random")
        .set("message.max.bytes", message_max_bytes.to_string());
    Ok(config)
}

/// A record in the library's form, and `opaque` to come back with its delivery.
fn library_record<'a, D: IntoOpaque>(record: &'a Outgoing, opaque: D) -> BaseRecord<'a, [u8], [u8], D> {
    let headers = record.library_headers();
    let mut native = BaseRecord::with_opaque_to(&record.topic, opaque).headers(headers);
    native.partition = record.partition;
    native.key = record.library_key();
    native.payload = record.value.as_deref();
    native
}
