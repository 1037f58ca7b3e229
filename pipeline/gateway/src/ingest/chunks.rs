//! Chunks of video, as browsers cut them: bytes with a number. What is in them, the worker finds out.
//!
//! Acknowledged is what the broker has. A chunk that was sent twice, because an acknowledgement was lost, is in the
//! log twice with the same number and hash, which does no harm.

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::messages::canonical::sha256_hex;
use domain::messages::{Chunk, ChunkHeader};
use domain::ports::Entry;

use super::append_holding;
use crate::app::App;
use crate::auth::Target;
use crate::error::Problem;
use crate::limits::body;

/// Containers that browsers and encoders stream.
pub const MEDIA_TYPES: [&str; 3] = ["video/webm", "video/x-matroska", "video/mp4"];
/// Parameters included.
const LONGEST_MEDIA_TYPE: usize = 120;
/// More bytes than this are hashed where nothing else has to wait.
const HASHED_AT_ONCE: usize = 128 << 10;

/// `PUT /v1/sessions/{id}/chunks/{n}`
pub async fn put(
    State(app): State<App>,
    Target(session): Target,
    Path((_, number)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let number = number_of(&number)?;
    let media_type = media_type(request.headers())?;
    let digest = digest(request.headers())?;
    let begins = begins(request.headers())?;
    let most = app.settings.max_chunk_bytes;
    let stated = body::stated_length(request.headers(), most)?;
    if stated == Some(0) {
        return Err(Problem::unprocessable("a chunk has at least one byte"));
    }
    // Before a byte is read: whoever sends too much is told so early, if they say how much it is.
    let reserved = stated.unwrap_or(most);
    let permit = app.limits.uploads.take(&session, reserved)?;
    app.limits.bytes.take(&session, reserved as u64)?;
    let bytes = body::read(request.into_body(), most, app.settings.body_timeout).await?;
    if bytes.is_empty() {
        return Err(Problem::unprocessable("a chunk has at least one byte"));
    }
    app.limits.bytes.give_back(&session, (reserved - bytes.len()) as u64);
    let sha256 = hash(&bytes).await?;
    if digest.is_some_and(|digest| digest != sha256) {
        return Err(Problem::bad_request("the content is not what its digest says"));
    }
    let length = bytes.len();
    let header = ChunkHeader { session, number, sha256, media_type, begins };
    let chunk = Chunk { header, bytes: bytes.into() };
    append_holding(&app, Entry::Chunk(chunk), permit).await?;
    app.meter.uploaded(length);
    Ok(StatusCode::NO_CONTENT)
}

/// Numbers are written in one way only.
fn number_of(text: &str) -> Result<u64, Problem> {
    let number = text.parse().ok().filter(|number: &u64| *number < ChunkHeader::MOST);
    number.filter(|number| number.to_string() == text).ok_or_else(|| {
        Problem::bad_request(format!("the number of a chunk is 0 to {}", ChunkHeader::MOST - 1))
    })
}

/// The content type with its parameters, if it is one of those that are read.
fn media_type(headers: &HeaderMap) -> Result<String, Problem> {
    let unsupported = || Problem::unsupported_type("video/webm, video/x-matroska or video/mp4");
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).ok_or_else(unsupported)?;
    let base = text.split(';').next().unwrap_or_default().trim();
    let is_known = MEDIA_TYPES.iter().any(|known| base.eq_ignore_ascii_case(known));
    if !is_known || text.len() > LONGEST_MEDIA_TYPE {
        return Err(unsupported());
    }
    // Names of types are the same in capitals, values of parameters are not.
    Ok(format!("{}{}", base.to_ascii_lowercase(), &text[text.find(';').unwrap_or(text.len())..]))
}

/// Whether whoever sends this chunk knows of none with a lower number: a boolean of structured fields (RFC 8941).
fn begins(headers: &HeaderMap) -> Result<bool, Problem> {
    match headers.get("chunk-begins").map(HeaderValue::as_bytes) {
        None | Some(b"?0") => Ok(false),
        Some(b"?1") => Ok(true),
        Some(_) => Err(Problem::bad_request("Chunk-Begins is ?0 or ?1")),
    }
}

/// The SHA-256 that a request states (RFC 9530), as lower-case hex. Other digests are not looked at.
fn digest(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("content-digest") else { return Ok(None) };
    let bad = || Problem::bad_request("the digest has the form sha-256=:BASE64:");
    let stated = value.to_str().map_err(|_| bad())?;
    let mut members = stated.split(',').map(str::trim);
    let Some(member) = members.find_map(|member| member.strip_prefix("sha-256=")) else { return Ok(None) };
    let encoded = member.strip_prefix(':').and_then(|rest| rest.strip_suffix(':')).ok_or_else(bad)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| bad())?;
    Ok(Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
}

async fn hash(bytes: &Bytes) -> Result<String, Problem> {
    if bytes.len() <= HASHED_AT_ONCE {
        return Ok(sha256_hex(bytes));
    }
    let bytes = bytes.clone();
    tokio::task::spawn_blocking(move || sha256_hex(&bytes)).await.map_err(|_| Problem::internal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))])
    }

    #[test]
    fn what_browsers_record_is_taken_with_its_parameters() {
        let kept = media_type(&headers("content-type", "video/webm;codecs=vp8")).unwrap();
        assert_eq!(kept, "video/webm;codecs=vp8");
        let kept = media_type(&headers("content-type", "Video/MP4; codecs=\"avc1.42E01E\"")).unwrap();
        assert_eq!(kept, "video/mp4; codecs=\"avc1.42E01E\"");
        for other in ["audio/webm", "video/webmx", "text/html", ""] {
            assert!(media_type(&headers("content-type", other)).is_err(), "{other}");
        }
    }

    #[test]
    fn numbers_are_written_in_one_way() {
        assert_eq!(number_of("0").unwrap(), 0);
        for bad in ["-1", "+1", "01", "", "1.0", "6048000", "99999999999999999999"] {
            assert!(number_of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn digests_are_read_as_the_standard_writes_them() {
        let empty = "sha-512=:AA==:, sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        assert_eq!(digest(&headers("content-digest", empty)).unwrap(), Some(sha256_hex(b"")));
        assert_eq!(digest(&headers("content-digest", "md5=:AA==:")).unwrap(), None);
        assert!(digest(&headers("content-digest", "sha-256=47DE")).is_err());
    }
}
