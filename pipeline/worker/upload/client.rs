//! What is asked of a gateway: a session, its chunks, its end. Asked again while that may help.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::ids::SessionId;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url, redirect};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use super::error::UploadError;
use crate::stages::Schedule;
use crate::tls;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take: longer than the gateway waits for its brokers.
const ANSWER: Duration = Duration::from_secs(45);
/// Of a refusal no more is read.
const LONGEST_REFUSAL: usize = 4 << 10;
/// Of its words no more is repeated.
const LONGEST_DETAIL: usize = 300;

/// A gateway, and the token by which sessions are created there.
pub struct Client {
    http: reqwest::Client,
    base: Url,
    bearer: HeaderValue,
    schedule: Schedule,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Client").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// A session to be created.
#[derive(Debug, Serialize)]
pub struct NewSession<'a> {
    /// The exam.
    pub exam: &'a str,
    /// Its name within the exam; else the gateway makes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// The policy; else the gateway's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<&'a str>,
}

/// A session that uploads are taken of.
pub struct Opened {
    id: String,
    /// Its name.
    pub session: SessionId,
    policy: String,
    bearer: HeaderValue,
    /// The number of the first chunk.
    pub first_chunk: u64,
    /// The largest chunk, in bytes.
    pub chunk_bytes: usize,
}

impl Opened {
    /// The page of the gateway at an address on which a candidate sits this session. Holds the token.
    pub fn page(&self, address: &str) -> String {
        // What stands behind the scheme is the token.
        let token = self.bearer.to_str().ok().and_then(|bearer| bearer.split_once(' ')).unwrap_or_default().1;
        format!("{address}/candidate/#id={}&policy={}&token={token}", self.id, self.policy)
    }
}

#[derive(Deserialize)]
struct Created {
    id: String,
    session: SessionId,
    policy: String,
    upload: Upload,
}

#[derive(Deserialize)]
struct Upload {
    token: String,
    first_chunk: u64,
    chunk_bytes: usize,
}

#[derive(Deserialize)]
struct Renewed {
    token: String,
}

#[derive(Deserialize)]
struct Refusal {
    detail: String,
}

/// One thing that is asked.
struct Request<'a> {
    action: &'static str,
    method: Method,
    path: &'a str,
    bearer: HeaderValue,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Client {
    /// A client of the gateway at an address. Whatever fails for reasons that pass is asked again for `retry_for`.
    ///
    /// # Errors
    /// If that is no address, or the token cannot be one.
    pub fn new(address: &str, token: &str, retry_for: Duration) -> Result<Self, UploadError> {
        tls::prepare();
        let is_web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let wrong = || UploadError::Address(address.to_owned());
        // Without the slash the last part would be replaced by what is joined.
        let base = Url::parse(&format!("{}/", address.trim_end_matches('/'))).ok();
        let base = base.filter(is_web).ok_or_else(wrong)?;
        let http = reqwest::Client::builder()
            .user_agent(concat!("invigilator/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .build()
            .map_err(|error| UploadError::Answer { action: "connect", reason: error.to_string() })?;
        Ok(Self { http, base, bearer: bearer(token)?, schedule: Schedule { give_up_after: retry_for } })
    }

    /// Creates a session.
    ///
    /// # Errors
    /// If the gateway refuses, or cannot be reached.
    pub async fn create(&self, new: &NewSession<'_>) -> Result<Opened, UploadError> {
        const ACTION: &str = "create a session";
        let body = serde_json::to_vec(new)
            .map_err(|error| UploadError::Answer { action: ACTION, reason: error.to_string() })?;
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let request = Request {
            action: ACTION,
            method: Method::POST,
            path: "v1/sessions",
            bearer: self.bearer.clone(),
            headers,
            body,
        };
        let Created { id, session, policy, upload } = self.answer(&request).await?;
        let Upload { token, first_chunk, chunk_bytes } = upload;
        Ok(Opened { id, session, policy, bearer: bearer(&token)?, first_chunk, chunk_bytes })
    }

    /// Uploads a chunk; returns when it is acknowledged.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub(super) async fn put(
        &self,
        opened: &mut Opened,
        number: u64,
        media_type: &'static str,
        bytes: &[u8],
    ) -> Result<(), UploadError> {
        let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(bytes)));
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]);
        if let Ok(digest) = HeaderValue::from_str(&digest) {
            headers.insert(HeaderName::from_static("content-digest"), digest);
        }
        if number == opened.first_chunk {
            // Whatever another program sent of this session before, this one knows of none.
            headers.insert(HeaderName::from_static("chunk-begins"), HeaderValue::from_static("?1"));
        }
        let path = format!("v1/sessions/{}/chunks/{number}", opened.id);
        self.ask_of(opened, "upload a chunk", Method::PUT, &path, headers, bytes).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub(super) async fn end(&self, opened: &mut Opened) -> Result<(), UploadError> {
        let path = format!("v1/sessions/{}/end", opened.id);
        self.ask_of(opened, "end the session", Method::POST, &path, HeaderMap::new(), &[]).await
    }

    /// Asks something of a session by its own token, which is renewed when it has expired.
    async fn ask_of(
        &self,
        opened: &mut Opened,
        action: &'static str,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: &[u8],
    ) -> Result<(), UploadError> {
        let ask = |bearer| Request {
            action,
            method: method.clone(),
            path,
            bearer,
            headers: headers.clone(),
            body: body.to_vec(),
        };
        match self.ask(&ask(opened.bearer.clone())).await {
            Err(UploadError::Refused { status: 401, .. }) => {
                opened.bearer = self.renew(opened).await?;
                self.ask(&ask(opened.bearer.clone())).await.map(drop)
            }
            result => result.map(drop),
        }
    }

    async fn renew(&self, opened: &Opened) -> Result<HeaderValue, UploadError> {
        let path = format!("v1/sessions/{}/token", opened.id);
        let renewed: Renewed = self
            .answer(&Request {
                action: "renew the token",
                method: Method::POST,
                path: &path,
                bearer: self.bearer.clone(),
                headers: HeaderMap::new(),
                body: Vec::new(),
            })
            .await?;
        bearer(&renewed.token)
    }

    async fn answer<T: for<'de> Deserialize<'de>>(&self, request: &Request<'_>) -> Result<T, UploadError> {
        let misread = |reason: String| UploadError::Answer { action: request.action, reason };
        let bytes = self.ask(request).await?.bytes().await.map_err(|error| misread(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| misread(error.to_string()))
    }

    /// Asks until there is an answer that stands.
    async fn ask(&self, request: &Request<'_>) -> Result<Response, UploadError> {
        let (began, mut failures) = (Instant::now(), 0);
        loop {
            let (reason, wish) = match self.try_once(request).await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) if passes(response.status()) => {
                    (format!("the gateway answers {}", response.status()), retry_after(&response))
                }
                Ok(response) => return Err(refusal(request.action, response).await),
                Err(error) => (crate::exit::with_causes(&error), None),
            };
            failures += 1;
            let Some(pause) = self.schedule.pause(failures, began.elapsed(), fastrand::f64()) else {
                return Err(UploadError::Unavailable {
                    action: request.action,
                    reason,
                    after: began.elapsed(),
                });
            };
            sleep(wish.map_or(pause, |wish| wish.max(pause))).await;
        }
    }

    async fn try_once(&self, request: &Request<'_>) -> Result<Response, reqwest::Error> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path(), request.path));
        self.http
            .request(request.method.clone(), url)
            .header(AUTHORIZATION, request.bearer.clone())
            .headers(request.headers.clone())
            .body(request.body.clone())
            .send()
            .await
    }
}

fn bearer(token: &str) -> Result<HeaderValue, UploadError> {
    let misread = |reason: &str| UploadError::Answer { action: "use a token", reason: reason.to_owned() };
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
        .map_err(|_| misread("it has characters that no token has"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn passes(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

async fn refusal(action: &'static str, mut response: Response) -> UploadError {
    let (status, mut text) = (response.status().as_u16(), Vec::new());
    while let Ok(Some(piece)) = response.chunk().await {
        text.extend_from_slice(&piece);
        if text.len() > LONGEST_REFUSAL {
            break;
        }
    }
    let detail = serde_json::from_slice(&text).map_or_else(|_| String::new(), |Refusal { detail }| detail);
    let detail = detail.chars().filter(|each| !each.is_control()).take(LONGEST_DETAIL).collect();
    UploadError::Refused { action, status, detail }
}
