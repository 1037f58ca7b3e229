//! What sessions are in Kafka: records and bytes of each topic, counted by reading all of them.

use std::collections::HashMap;
use std::time::Duration;

use kafka::topics::ALL;
use kafka::{Connection, KafkaError, PartitionReader, Record, Start, Topics};
use serde::{Deserialize, Serialize};

/// Budget of the reader.
const BUFFER: usize = 16 << 20;

/// What one topic holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Its name without the prefix.
    pub topic: String,
    /// Records.
    pub records: u64,
    /// Bytes of their keys, headers and values.
    pub bytes: u64,
    /// How many different keys they have.
    pub keys: u64,
    /// Bytes of the last record of each key: what stays in a compacted topic.
    pub last_bytes: u64,
}

/// Reads all topics from their beginning to their end.
///
/// # Errors
/// If brokers refuse, or do not answer within `patience` each time.
pub fn count(
    connection: &Connection,
    topics: &Topics,
    partitions: i32,
    patience: Duration,
) -> Result<Vec<Traffic>, KafkaError> {
    let reader = PartitionReader::new(connection, BUFFER)?;
    let mut all = Vec::with_capacity(ALL.len());
    for topic in ALL {
        let name = topics.name(topic.name);
        let (mut records, mut bytes, mut last) = (0, 0, HashMap::new());
        for partition in 0..partitions {
            reader.read_to_end(&name, partition, Start::Beginning, patience, &mut |record| {
                let size = size(&record);
                records += 1;
                bytes += size;
                last.insert(record.key, size);
            })?;
        }
        let (keys, last_bytes) = (last.len() as u64, last.into_values().sum());
        all.push(Traffic { topic: topic.name.to_owned(), records, bytes, keys, last_bytes });
    }
    Ok(all)
}

fn size(record: &Record) -> u64 {
    (record.key.len() + record.value.as_ref().map_or(0, Vec::len) + record.headers.bytes()) as u64
}
