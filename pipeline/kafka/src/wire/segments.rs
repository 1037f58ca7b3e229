//! Segments: the value is media, or empty with an address and a hash of where the media are.

use std::borrow::Cow;

use domain::messages::envelope::event_id;
use domain::messages::{SEGMENT_TYPE, SegmentHeader, StreamKind, StreamRef, is_sha256};
use domain::time::{MediaMs, Millis};

use super::attributes::{
    CONTENT_TYPE, Event, check_kind, check_session, number, optional, parse, required, subject,
};
use super::error::WireError;
use crate::headers::Headers;
use crate::record::Record;

const STREAM_KIND: &str = "ce_streamkind";
const EPOCH: &str = "ce_epoch";
const INIT_SHA256: &str = "ce_initsha256";
const SEQUENCE: &str = "ce_sequence";
const ATTEMPT: &str = "ce_attempt";
const START: &str = "ce_startms";
const END: &str = "ce_endms";
const PREROLL: &str = "ce_prerollms";
const ROTATION: &str = "ce_rotation";
const MEDIA_URI: &str = "ce_mediauri";
const MEDIA_SHA256: &str = "ce_mediasha256";
const MEDIA_SIZE: &str = "ce_mediasize";

/// The media of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media<'a> {
    /// In the record.
    Inline(Cow<'a, [u8]>),
    /// Elsewhere.
    Reference {
        /// Where: `file:`, `http:`, `https:` or `s3:`. Who may be asked for what is for the reader to
        /// decide.
        uri: String,
        /// SHA-256 of the media, lower-case hex.
        sha256: String,
        /// Size of the media, in bytes.
        size: u64,
    },
}

/// Writes a segment as headers and value. The id names the segment, not its bytes: session, stream,
/// number, attempt, times.
pub fn encode_segment(event: Event<'_>, header: &SegmentHeader, media: Media<'_>) -> (Headers, Vec<u8>) {
    let id = event_id(SEGMENT_TYPE, header);
    let mut headers = event.headers(SEGMENT_TYPE, id, header.session.as_str(), &header.media_type);
    headers.push(STREAM_KIND, kind_name(header.stream.kind));
    headers.push(EPOCH, header.stream.epoch.to_string());
    headers.push(INIT_SHA256, header.stream.init_sha256.as_str());
    headers.push(SEQUENCE, header.sequence.to_string());
    headers.push(ATTEMPT, header.attempt.to_string());
    headers.push(START, header.start_ms.0.to_string());
    headers.push(END, header.end_ms.0.to_string());
    headers.push(PREROLL, header.preroll_ms.0.to_string());
    if let Some(rotation) = header.rotation_deg {
        headers.push(ROTATION, rotation.to_string());
    }
    match media {
        Media::Inline(bytes) => (headers, bytes.into_owned()),
        Media::Reference { uri, sha256, size } => {
            headers.push(MEDIA_URI, uri);
            headers.push(MEDIA_SHA256, sha256);
            headers.push(MEDIA_SIZE, size.to_string());
            (headers, Vec::new())
        }
    }
}

/// Reads a segment; its media stay in the record. What they are is not looked at.
///
/// # Errors
/// If the record is no segment, of another version, or its header breaks a rule.
pub fn decode_segment(record: &Record) -> Result<(SegmentHeader, Media<'_>), WireError> {
    check_kind(record, SEGMENT_TYPE)?;
    let headers = &record.headers;
    let header = SegmentHeader {
        session: subject(headers)?.parse().map_err(|_| WireError::SubjectIsNotSession)?,
        stream: StreamRef {
            kind: kind_of(required(headers, STREAM_KIND)?)?,
            epoch: number(headers, EPOCH)?,
            init_sha256: required(headers, INIT_SHA256)?.to_owned(),
        },
        sequence: number(headers, SEQUENCE)?,
        attempt: number(headers, ATTEMPT)?,
        start_ms: MediaMs(number(headers, START)?),
        end_ms: MediaMs(number(headers, END)?),
        preroll_ms: Millis(number(headers, PREROLL)?),
        rotation_deg: optional(headers, ROTATION)?.map(|text| parse(text, ROTATION)).transpose()?,
        media_type: required(headers, CONTENT_TYPE)?.to_owned(),
    };
    header.validate()?;
    check_session(record, header.session.as_str())?;
    Ok((header, media(record)?))
}

fn media(record: &Record) -> Result<Media<'_>, WireError> {
    let value = record.value.as_deref().unwrap_or_default();
    match (optional(&record.headers, MEDIA_URI)?, value.is_empty()) {
        (None, false) => Ok(Media::Inline(value.into())),
        (Some(uri), true) => {
            let sha256 = required(&record.headers, MEDIA_SHA256)?;
            let scheme = uri.split_once(':').map(|(scheme, _)| scheme);
            if !matches!(scheme, Some("file" | "http" | "https" | "s3")) {
                return Err(WireError::InvalidHeader { header: MEDIA_URI });
            }
            if !is_sha256(sha256) {
                return Err(WireError::InvalidHeader { header: MEDIA_SHA256 });
            }
            let size = number(&record.headers, MEDIA_SIZE)?;
            Ok(Media::Reference { uri: uri.to_owned(), sha256: sha256.to_owned(), size })
        }
        (None, true) | (Some(_), false) => Err(WireError::AmbiguousMedia),
    }
}

fn kind_name(kind: StreamKind) -> &'static str {
    match kind {
        StreamKind::Webcam => "webcam",
    }
}

fn kind_of(name: &str) -> Result<StreamKind, WireError> {
    match name {
        "webcam" => Ok(StreamKind::Webcam),
        _ => Err(WireError::InvalidHeader { header: STREAM_KIND }),
    }
}
