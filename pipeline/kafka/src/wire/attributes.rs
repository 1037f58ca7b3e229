//! The attributes that all events have.

use std::str::FromStr;

use domain::messages::envelope::SPEC_VERSION;

use super::error::{WireError, printable};
use crate::headers::Headers;
use crate::record::Record;

pub(super) const CONTENT_TYPE: &str = "content-type";
const SPEC: &str = "ce_specversion";
const ID: &str = "ce_id";
const SOURCE: &str = "ce_source";
pub(super) const TYPE: &str = "ce_type";
const SUBJECT: &str = "ce_subject";
const TIME: &str = "ce_time";
const TRACE: [&str; 2] = ["traceparent", "ce_traceparent"];

/// Of no event of ours is an attribute longer.
const LONGEST_ATTRIBUTE: usize = 2_048;

/// What only the writer of an event knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// URI-reference of the producer.
    pub source: &'a str,
    /// When it was made, RFC 3339; never to be scored by.
    pub time: Option<&'a str>,
    /// W3C trace context.
    pub traceparent: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// An event without time and trace.
    pub fn from_source(source: &'a str) -> Self {
        Self { source, time: None, traceparent: None }
    }

    /// The headers of an event.
    pub(super) fn headers(self, kind: &str, id: String, session: &str, content_type: &str) -> Headers {
        let mut headers = Headers::new();
        headers.push(SPEC, SPEC_VERSION);
        headers.push(ID, id);
        headers.push(SOURCE, self.source);
        headers.push(TYPE, kind);
        headers.push(SUBJECT, session);
        if let Some(time) = self.time {
            headers.push(TIME, time);
        }
        headers.push(CONTENT_TYPE, content_type);
        if let Some(traceparent) = self.traceparent {
            TRACE.iter().for_each(|name| headers.push(*name, traceparent));
        }
        headers
    }
}

/// The CloudEvents type of a record, to tell apart what shares a topic.
///
/// # Errors
/// If it has none, or is an event of another version of CloudEvents.
pub fn kind(record: &Record) -> Result<&str, WireError> {
    let version = required(&record.headers, SPEC)?;
    if version != SPEC_VERSION {
        return Err(WireError::UnknownSpecVersion { found: printable(version) });
    }
    required(&record.headers, TYPE)
}

/// The W3C trace context that a record carries; its form is not checked.
pub fn traceparent(record: &Record) -> Option<&str> {
    let values = TRACE.into_iter().filter_map(|name| record.headers.get(name));
    values.filter_map(|value| std::str::from_utf8(value).ok()).find(|value| value.len() <= 64)
}

/// Checks that a record is an event of a type.
pub(super) fn check_kind(record: &Record, expected: &str) -> Result<(), WireError> {
    let found = kind(record)?;
    required(&record.headers, ID)?;
    required(&record.headers, SOURCE)?;
    if found == expected {
        return Ok(());
    }
    let name = expected.rsplit_once(".v").map_or(expected, |(name, _)| name);
    let version = found.strip_prefix(name).and_then(|rest| rest.strip_prefix(".v"));
    let found = printable(found);
    match version {
        Some(version) if !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(WireError::UnknownVersion { found })
        }
        _ => Err(WireError::UnknownType { found }),
    }
}

/// Checks that key and subject of a record are its session.
pub(super) fn check_session(record: &Record, session: &str) -> Result<(), WireError> {
    if record.key != session.as_bytes() {
        return Err(WireError::KeyIsNotSession);
    }
    if required(&record.headers, SUBJECT)? != session {
        return Err(WireError::SubjectIsNotSession);
    }
    Ok(())
}

/// The subject of an event.
pub(super) fn subject(headers: &Headers) -> Result<&str, WireError> {
    required(headers, SUBJECT)
}

/// An attribute that must be there.
pub(super) fn required<'a>(headers: &'a Headers, header: &'static str) -> Result<&'a str, WireError> {
    optional(headers, header)?.ok_or(WireError::MissingHeader { header })
}

/// An attribute that may be there.
pub(super) fn optional<'a>(headers: &'a Headers, header: &'static str) -> Result<Option<&'a str>, WireError> {
    let Some(value) = headers.get(header) else { return Ok(None) };
    match std::str::from_utf8(value) {
        Ok(text) if !text.is_empty() && text.len() <= LONGEST_ATTRIBUTE => Ok(Some(text)),
        _ => Err(WireError::InvalidHeader { header }),
    }
}

/// A number that must be there.
pub(super) fn number<T: FromStr>(headers: &Headers, header: &'static str) -> Result<T, WireError> {
    parse(required(headers, header)?, header)
}

/// Reads the value of an attribute.
pub(super) fn parse<T: FromStr>(text: &str, header: &'static str) -> Result<T, WireError> {
    text.parse().map_err(|_| WireError::InvalidHeader { header })
}
