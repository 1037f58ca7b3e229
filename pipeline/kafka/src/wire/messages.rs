//! JSON messages: the value is the message, without an envelope around it.

use domain::messages::envelope::{JSON, Message, event_id};
use serde::de::DeserializeOwned;

use super::attributes::{CONTENT_TYPE, Event, check_kind, check_session, required};
use super::error::{WireError, printable};
use crate::headers::Headers;
use crate::record::{Outgoing, Record};

/// Writes a message as headers and value. The id is that of the content, as in structured mode, so
/// that the same message written twice is recognised.
///
/// # Panics
/// Never for messages: their keys are strings and their numbers finite.
pub fn encode<T: Message>(event: Event<'_>, message: &T) -> (Headers, Vec<u8>) {
    let headers = event.headers(T::TYPE, event_id(T::TYPE, message), message.subject(), JSON);
    let value = serde_json::to_vec(message).expect("messages have string keys");
    (headers, value)
}

/// Reads a message.
///
/// # Errors
/// If the record is no such event, of another version, its data, key and subject do not agree, or the
/// message breaks a rule.
pub fn decode<T: Message + DeserializeOwned>(record: &Record) -> Result<T, WireError> {
    check_kind(record, T::TYPE)?;
    let content_type = required(&record.headers, CONTENT_TYPE)?;
    if !is_json(content_type) {
        return Err(WireError::WrongContentType { found: printable(content_type) });
    }
    let value = record.value.as_deref().ok_or(WireError::NoValue)?;
    let message: T = serde_json::from_slice(value)
        .map_err(|error| WireError::InvalidData { problem: printable(&error.to_string()) })?;
    check_session(record, message.subject())?;
    message.validate().map_err(|problem| WireError::InvalidData { problem: problem.to_owned() })?;
    Ok(message)
}

/// Whether a content type is JSON, with parameters or without.
fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(JSON)
}

impl Outgoing {
    /// A record with a message, keyed by its session.
    pub fn message<T: Message>(topic: impl Into<String>, event: Event<'_>, message: &T) -> Self {
        let (headers, value) = encode(event, message);
        let key = message.subject().as_bytes().to_vec();
        Self { topic: topic.into(), partition: None, key, value: Some(value), headers }
    }
}
