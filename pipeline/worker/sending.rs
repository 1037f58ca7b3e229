//! A few records of a tool of operators: sent, and safe when that is answered.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kafka::{Connection, KafkaError, Outgoing, Publisher, PublisherSettings};

/// Sends records and waits until all of them are acknowledged.
///
/// # Errors
/// The first one that was not accepted or not delivered; [`KafkaError::TimedOut`] after `patience`.
pub fn send_all(
    connection: &Connection,
    records: impl IntoIterator<Item = Outgoing>,
    patience: Duration,
) -> Result<(), KafkaError> {
    let failure = Arc::<Mutex<Option<KafkaError>>>::default();
    let failed = Arc::clone(&failure);
    let publisher = Publisher::new(connection, PublisherSettings::default(), move |(), result| {
        if let Err(error) = result {
            failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    })?;
    for record in records {
        publisher.send(record, ()).map_err(|refused| refused.error)?;
    }
    publisher.flush(patience)?;
    failure.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
}
