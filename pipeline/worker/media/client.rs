//! The HTTP client of all stores. It goes where it is sent and nowhere else.
//!
//! Redirects are refusals, not orders: a store that could send us on could send us to any address of our
//! network. What a store writes about a failure is not read: nobody needs it, it repeats key ids and
//! signatures, and it could be endless.

use std::time::Duration;

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use reqwest::redirect;

use crate::tls;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a server may be silent: also how long it may take to hand it the media of a segment.
const SILENCE: Duration = Duration::from_secs(60);

/// Makes clients that follow no redirect.
#[derive(Debug)]
pub(super) struct Direct;

impl HttpConnector for Direct {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        tls::prepare();
        let client = reqwest::Client::builder()
            .user_agent(concat!("invigilator/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .build()
            .map_err(|error| object_store::Error::Generic { store: "HTTP", source: Box::new(error) })?;
        Ok(HttpClient::new(SuccessOnly(client)))
    }
}

/// An answer that is no success.
#[derive(Debug, thiserror::Error)]
#[error("status {0}")]
pub(super) struct Refusal(pub u16);

#[derive(Debug)]
struct SuccessOnly(reqwest::Client);

#[async_trait]
impl HttpService for SuccessOnly {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.0.call(request).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        // The kind says whether a store that tries again by itself, as those of publishing do, may.
        let kind = match status.as_u16() {
            408 | 429 | 500.. => HttpErrorKind::Interrupted,
            _ => HttpErrorKind::Unknown,
        };
        Err(HttpError::new(kind, Refusal(status.as_u16())))
    }
}
