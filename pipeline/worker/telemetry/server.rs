//! The endpoints of operators: `/metrics`, `/healthz`, `/readyz`. Plain HTTP/1, read-only, no secrets
//! behind it, on an address of its own.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::health::Health;
use super::metrics::Metrics;

/// More than any scraper needs.
const MOST_CONNECTIONS: usize = 64;

/// Answers on `listen` until the runtime ends.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
}

impl Server {
    /// Takes the address.
    ///
    /// # Errors
    /// If it is taken, or not ours.
    pub async fn bind(listen: SocketAddr) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(listen).await? })
    }

    /// The address, with the port that the system chose.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests. `refresh` brings metrics up to date that are read and not counted.
    pub async fn run(self, metrics: Metrics, health: Health, refresh: Arc<dyn Fn() + Send + Sync>) {
        let slots = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let Ok((stream, _)) = self.listener.accept().await else { continue };
            let (metrics, health, refresh) = (metrics.clone(), health.clone(), Arc::clone(&refresh));
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let answer = answer(&request, &metrics, &health, refresh.as_ref());
                    async { Ok::<_, Infallible>(answer) }
                });
                // A client that hangs up or talks nonsense concerns nobody else.
                let _ended = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
                drop(slot);
            });
        }
    }
}

fn answer(
    request: &Request<Incoming>,
    metrics: &Metrics,
    health: &Health,
    refresh: &(dyn Fn() + Send + Sync),
) -> Response<Full<Bytes>> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, text) = match (is_read, request.uri().path()) {
        (false, _) => (StatusCode::METHOD_NOT_ALLOWED, "read only".to_owned()),
        (true, "/metrics") => {
            refresh();
            (StatusCode::OK, metrics.text())
        }
        (true, "/healthz") => verdict(health.hangs()),
        (true, "/readyz") => verdict(health.waits()),
        (true, _) => (StatusCode::NOT_FOUND, "there are /metrics, /healthz and /readyz".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn verdict(against: Option<String>) -> (StatusCode, String) {
    match against {
        None => (StatusCode::OK, "ok".to_owned()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}
