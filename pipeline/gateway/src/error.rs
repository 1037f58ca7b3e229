//! Errors as clients see them: RFC 9457 problems. They say what to do, and nothing about what is not the caller's.

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

/// Content type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A request that was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// A stable word.
    pub word: &'static str,
    /// For people.
    pub detail: String,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

/// The body of a problem, RFC 9457.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct ProblemBody<'a> {
    /// `urn:invigilator:problem:` and a stable word.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, for people.
    pub detail: &'a str,
}

impl Problem {
    /// A problem.
    pub fn new(status: StatusCode, word: &'static str, detail: impl Into<String>) -> Self {
        Self { status, word, detail: detail.into(), retry_after: None }
    }

    /// One that passes.
    pub fn after(self, pause: Duration) -> Self {
        Self { retry_after: Some(pause), ..self }
    }

    /// There is no token, or none that is accepted.
    pub fn no_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "no_token", "a valid bearer token is needed")
    }

    /// The token's roles do not allow this.
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "the roles of this token do not allow this")
    }

    /// There is no such thing, or it is not the caller's to know.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such thing")
    }

    /// The request cannot be understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// The request makes no sense.
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", detail)
    }

    /// The body is larger than allowed.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("a body is at most {limit} bytes here");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    /// The session was erased.
    pub fn erased() -> Self {
        Self::new(StatusCode::GONE, "erased", "the session was erased: nothing more is taken of it")
    }

    /// The body takes too long.
    pub fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body took too long")
    }

    /// The content type is none of those allowed.
    pub fn unsupported_type(allowed: &str) -> Self {
        let detail = format!("the content type must be {allowed}");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_type", detail)
    }

    /// More than the caller's share.
    pub fn too_many(pause: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", "more than allowed: slow down").after(pause)
    }

    /// The log takes nothing at present.
    pub fn unavailable() -> Self {
        let detail = "nothing can be written at present: try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).after(Duration::from_secs(2))
    }

    /// Pictures cannot be had at present.
    pub fn no_pictures() -> Self {
        let detail = "pictures cannot be shown at present: try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).after(Duration::from_secs(2))
    }

    /// This process is to blame.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong here")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            kind: format!("urn:invigilator:problem:{}", self.word),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (self.status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(pause) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(pause.as_secs_f64().ceil().max(1.0) as u64));
        }
        response
    }
}
