//! Chunks: the value is a piece of a byte stream.

use domain::messages::envelope::event_id;
use domain::messages::{CHUNK_TYPE, Chunk, ChunkHeader};
use serde::Serialize;

use super::attributes::{
    CONTENT_TYPE, Event, check_kind, check_session, number, optional, parse, required, subject,
};
use super::error::WireError;
use crate::record::{Outgoing, Record};

const NUMBER: &str = "ce_chunk";
const SHA256: &str = "ce_chunksha256";
/// Absent where it is false.
const BEGINS: &str = "ce_chunkbegins";

/// What the id of a chunk is made of: the same chunk sent twice is recognised.
#[derive(Serialize)]
struct Identity<'a> {
    session: &'a str,
    number: u64,
    sha256: &'a str,
}

impl Outgoing {
    /// A record with a chunk, keyed by its session.
    pub fn chunk(topic: impl Into<String>, event: Event<'_>, chunk: Chunk) -> Self {
        let Chunk { header, bytes } = chunk;
        let session = header.session.as_str();
        let identity = Identity { session, number: header.number, sha256: &header.sha256 };
        let id = event_id(CHUNK_TYPE, &identity);
        let mut headers = event.headers(CHUNK_TYPE, id, session, &header.media_type);
        headers.push(NUMBER, header.number.to_string());
        headers.push(SHA256, header.sha256.as_str());
        if header.begins {
            headers.push(BEGINS, "true");
        }
        let key = session.as_bytes().to_vec();
        Self { topic: topic.into(), partition: None, key, value: Some(bytes), headers }
    }
}

/// Reads the header of a chunk; its bytes stay in the record, and there are some.
///
/// # Errors
/// If the record is no chunk, of another version, empty, or its header breaks a rule.
pub fn decode_chunk(record: &Record) -> Result<ChunkHeader, WireError> {
    check_kind(record, CHUNK_TYPE)?;
    let headers = &record.headers;
    let header = ChunkHeader {
        session: subject(headers)?.parse().map_err(|_| WireError::SubjectIsNotSession)?,
        number: number(headers, NUMBER)?,
        sha256: required(headers, SHA256)?.to_owned(),
        media_type: required(headers, CONTENT_TYPE)?.to_owned(),
        begins: optional(headers, BEGINS)?.map_or(Ok(false), |text| parse(text, BEGINS))?,
    };
    header.validate()?;
    check_session(record, header.session.as_str())?;
    match record.value.as_deref() {
        None | Some([]) => Err(WireError::NoValue),
        Some(_) => Ok(header),
    }
}
