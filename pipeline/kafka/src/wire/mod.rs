//! How messages, chunks and segments are written in records: CloudEvents 1.0, binary mode of the Kafka
//! binding.
//!
//! Attributes are headers `ce_<attribute>`, the content type is the header `content-type`, the data is
//! the value, and the key is the session, so that a session's records stay in order. The context of a
//! trace travels twice: as `traceparent`, which tracing tools read, and as `ce_traceparent`, the
//! attribute of the distributed-tracing extension that CloudEvents libraries read; a reader takes the
//! first that is there.
//!
//! Payloads of chunks and segments may be sealed; an attribute says so, and all others can be read without a key.
//!
//! What is read here comes from outside: every error is of the input, none is a panic.

mod attributes;
mod chunks;
mod error;
mod messages;
mod sealed;
mod segments;

pub use attributes::{Event, kind, traceparent};
pub use chunks::decode_chunk;
pub use error::WireError;
pub use messages::{decode, encode};
pub use sealed::{is_sealed, mark_sealed};
pub use segments::{Media, decode_segment, encode_segment};

#[cfg(test)]
mod tests;
