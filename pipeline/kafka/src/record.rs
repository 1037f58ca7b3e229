//! Records as they come from and go to a topic, owned and free of the client library.

use rdkafka::message::{BorrowedMessage, Header, Message, OwnedHeaders};

use crate::headers::Headers;

/// Where a record is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it is.
    pub origin: Origin,
    /// Its key; empty where it has none.
    pub key: Vec<u8>,
    /// Its value; `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers, in order.
    pub headers: Headers,
    /// Its timestamp in milliseconds since 1970, if it has one: set by a producer or a broker, never to
    /// be scored by.
    pub timestamp_ms: Option<i64>,
}

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The topic.
    pub topic: String,
    /// The partition; `None`: chosen by the key, as Java clients choose it.
    pub partition: Option<i32>,
    /// The key; empty for none.
    pub key: Vec<u8>,
    /// The value; `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    /// The headers, in order.
    pub headers: Headers,
}

impl Record {
    pub(crate) fn copy(message: &BorrowedMessage<'_>) -> Self {
        Self {
            origin: Origin {
                topic: message.topic().to_owned(),
                partition: message.partition(),
                offset: message.offset(),
            },
            key: message.key().unwrap_or_default().to_vec(),
            value: message.payload().map(<[u8]>::to_vec),
            headers: Headers::copy(message),
            timestamp_ms: message.timestamp().to_millis(),
        }
    }
}

impl Outgoing {
    /// Size of key, value and headers, in bytes.
    pub fn bytes(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, Vec::len) + self.headers.bytes()
    }

    /// The key as the client library wants it.
    pub(crate) fn library_key(&self) -> Option<&[u8]> {
        (!self.key.is_empty()).then_some(&self.key)
    }

    /// The headers as the client library wants them.
    pub(crate) fn library_headers(&self) -> OwnedHeaders {
        self.headers
            .iter()
            .fold(OwnedHeaders::new_with_capacity(self.headers.len()), |headers, (key, value)| {
                headers.insert(Header { key, value: Some(value) })
            })
    }
}
