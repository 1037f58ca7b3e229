//! Bodies: no larger than allowed, and here within a time. Whoever drips bytes is hung up on.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::error::Problem;

/// The largest body that is not video, in bytes.
pub const LARGEST_JSON: usize = 64 << 10;
/// How long such a body may take.
const JSON_WITHIN: Duration = Duration::from_secs(10);

/// The length that a request states.
///
/// # Errors
/// If it is no number, or larger than allowed: nothing is read then.
pub fn stated_length(headers: &HeaderMap, most: usize) -> Result<Option<usize>, Problem> {
    let Some(value) = headers.get(CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse::<u64>().ok());
    let length = length.ok_or_else(|| Problem::bad_request("the content length is no number"))?;
    match usize::try_from(length) {
        Ok(length) if length <= most => Ok(Some(length)),
        _ => Err(Problem::too_large(most)),
    }
}

/// Reads a body.
///
/// # Errors
/// If it is larger than allowed, takes too long, or the client hangs up.
pub async fn read(body: Body, most: usize, within: Duration) -> Result<Bytes, Problem> {
    let read = timeout(within, Limited::new(body, most).collect()).await.map_err(|_| Problem::too_slow())?;
    let read = read.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
        Some(_) => Problem::too_large(most),
        None => Problem::bad_request("the body ended too early"),
    })?;
    Ok(read.to_bytes())
}

/// A JSON body.
#[derive(Debug)]
pub struct Input<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        const JSON: &str = "application/json";
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case(JSON) {
            return Err(Problem::unsupported_type(JSON));
        }
        stated_length(request.headers(), LARGEST_JSON)?;
        let text = read(request.into_body(), LARGEST_JSON, JSON_WITHIN).await?;
        serde_json::from_slice(&text).map(Self).map_err(|error| {
            // Of what was sent nothing is repeated but the place.
            let place = format!("line {}, column {}", error.line(), error.column());
            match error.classify() {
                serde_json::error::Category::Data => {
                    Problem::unprocessable(format!("the body has not the form that is asked for at {place}"))
                }
                _ => Problem::bad_request(format!("the body is no JSON at {place}")),
            }
        })
    }
}
