//! Headers of a record: an ordered list of names and bytes.

// The safe accessor of the client library panics on a name that is not UTF-8, and names come from
// whoever may write to a topic.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::ptr;

use rdkafka::bindings;
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr;

/// Headers of a record, in order; a name may occur more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a header at the end.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.0.push((name.into(), value.into()));
    }

    /// The value of the last header with a name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().rev().find(|(have, _)| have == name).map(|(_, value)| value.as_slice())
    }

    /// All headers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Size of all names and values, in bytes.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// The headers of a message. A name that is not UTF-8 is kept as far as it is readable, a value that
    /// is null becomes empty.
    pub(crate) fn copy(message: &BorrowedMessage<'_>) -> Self {
        let mut headers = Self::new();
        let mut list = ptr::null_mut();
        // SAFETY: the message is alive, and the list it gives out is its own and lives as long.
        if unsafe { bindings::rd_kafka_message_headers(message.ptr(), &mut list) } != NO_ERROR {
            return headers;
        }
        for index in 0.. {
            let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
            // SAFETY: `list` is valid, see above; an index past the end is an error and no access.
            let found =
                unsafe { bindings::rd_kafka_header_get_all(list, index, &mut name, &mut value, &mut length) };
            if found != NO_ERROR {
                break;
            }
            // SAFETY: a header that was found has a name that ends in NUL, and lives as long as `list`.
            let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
            let value = if value.is_null() || length == 0 {
                &[]
            } else {
                // SAFETY: a value that is not null has `length` bytes, and lives as long as `list`.
                unsafe { std::slice::from_raw_parts(value.cast::<u8>(), length) }
            };
            headers.push(name, value);
        }
        headers
    }
}

const NO_ERROR: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;

impl FromIterator<(String, Vec<u8>)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, Vec<u8>)>>(headers: I) -> Self {
        Self(headers.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_the_last_of_a_name_counts() {
        let mut headers = Headers::new();
        headers.push("a", "1");
        headers.push("b", "2");
        headers.push("a", "3");
        assert_eq!(headers.get("a"), Some(b"3".as_slice()));
        assert_eq!(headers.get("c"), None);
        let names: Vec<&str> = headers.iter().map(|(name, _)| name).collect();
        assert_eq!((names.as_slice(), headers.bytes()), (["a", "b", "a"].as_slice(), 6));
    }
}
