//! Requests to subscribers, and what an answer means. Nothing is followed that a subscriber sends us to, and nothing
//! of its answer is read that nobody needs.

use std::time::Duration;

use domain::error::ErrorKind;
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response, StatusCode, redirect};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take.
pub const ANSWER: Duration = Duration::from_secs(15);
/// Whoever asks for a longer pause is asked again after this one.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// An entry that a subscriber is not known to have heard of.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    /// It does not want this one, and never will.
    #[error("status {status}")]
    Refused {
        /// What it answered.
        status: u16,
    },
    /// It does not take anything now.
    #[error("status {status}")]
    Unavailable {
        /// What it answered.
        status: u16,
        /// How long it asks to be left alone.
        pause: Option<Duration>,
    },
    /// There is no answer.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// What dashboards are shown is needed, and does not know of it yet.
    #[error("dashboards do not know of it yet")]
    Behind,
    /// It cannot be put into words.
    #[error("it cannot be written: {0}")]
    Unwritable(#[from] serde_json::Error),
}

impl TellError {
    /// Whether the entry can be told later.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { .. } | Self::Unwritable(_) => ErrorKind::Poison,
            Self::Unavailable { .. } | Self::Unreachable(_) | Self::Behind => ErrorKind::Transient,
        }
    }

    /// How long the subscriber asks to be left alone.
    pub fn pause(&self) -> Duration {
        match self {
            Self::Unavailable { pause: Some(pause), .. } => *pause,
            _ => Duration::ZERO,
        }
    }
}

impl From<reqwest::Error> for TellError {
    fn from(error: reqwest::Error) -> Self {
        // Addresses may hold what is nobody's business.
        let error = error.without_url();
        let mut problem = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            problem = inner.to_string();
            cause = inner.source();
        }
        Self::Unreachable(problem)
    }
}

/// A client that goes where it is sent and nowhere else.
///
/// # Errors
/// If the system has no means of TLS.
pub fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .user_agent(concat!("invigilator/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .build()
}

/// Sends a request. `is_refusal` says which statuses are about this entry alone; after all others but those of success
/// it is told again.
///
/// # Errors
/// If it did not succeed.
pub async fn send(
    request: RequestBuilder,
    is_refusal: impl FnOnce(StatusCode) -> bool,
) -> Result<Response, TellError> {
    let response = request.send().await?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if is_refusal(status) {
        return Err(TellError::Refused { status: status.as_u16() });
    }
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let pause = seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_PAUSE));
    Err(TellError::Unavailable { status: status.as_u16(), pause })
}
