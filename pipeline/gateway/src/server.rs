//! Connections: how many, how long they may take to say what they want, TLS, and the end.
//!
//! HTTP/1.1. A connection that sends no complete header in time is closed, also between two requests; one that takes
//! no bytes for a minute is closed by the kernel. Connections beyond the limit wait to be accepted; those of an address
//! that has too many are closed.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::limits::counts::Counts;
use crate::meter::Meter;
use crate::settings::GatewaySettings;

/// How long a client that takes no bytes keeps its connection.
const UNREAD_FOR: Duration = Duration::from_secs(60);
/// How long to wait when the system has no more files to give.
const REST: Duration = Duration::from_millis(100);

/// A listener that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be had.
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("cannot use certificate and key: {0}")]
    Tls(String),
}

/// Takes connections.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    slots: Arc<Semaphore>,
    connections: usize,
    of_address: Option<usize>,
    header_timeout: Duration,
    drain_deadline: Duration,
}

impl Server {
    /// Takes the address, and reads certificate and key.
    ///
    /// # Errors
    /// If either cannot be done.
    pub async fn bind(settings: &GatewaySettings) -> Result<Self, ServerError> {
        let listen = settings.listen;
        let listener =
            TcpListener::bind(listen).await.map_err(|source| ServerError::Listen { listen, source })?;
        let tls = settings.tls.as_ref().map(|(certificate, key)| acceptor(certificate, key)).transpose()?;
        Ok(Self {
            listener,
            tls,
            slots: Arc::new(Semaphore::new(settings.connections)),
            connections: settings.connections,
            of_address: (settings.connections_per_address > 0).then_some(settings.connections_per_address),
            header_timeout: settings.header_timeout,
            drain_deadline: settings.drain_deadline,
        })
    }

    /// The address, with the port that the system chose.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests until `closing` says so; then lets those that have begun finish, within the deadline.
    pub async fn run(self, router: Router, meter: Arc<dyn Meter>, mut closing: watch::Receiver<bool>) {
        let (graceful, addresses) = (GracefulShutdown::new(), Counts::default());
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.listener, &self.slots) => accepted,
                _ = closing.wait_for(|closing| *closing) => break,
            };
            let Some((stream, address, slot)) = accepted else {
                sleep(REST).await;
                continue;
            };
            let place = self.of_address.map(|most| addresses.take(&address, most));
            if matches!(place, Some(None)) {
                tracing::debug!("an address has as many connections as it may have");
                continue;
            }
            meter.connections(self.connections - self.slots.available_permits());
            prepare(&stream);
            let (service, watcher) = (TowerToHyperService::new(router.clone()), graceful.watcher());
            let (tls, meter, header_timeout) = (self.tls.clone(), Arc::clone(&meter), self.header_timeout);
            let (slots, most) = (Arc::clone(&self.slots), self.connections);
            tokio::spawn(async move {
                let serve = async {
                    match tls {
                        None => serve(stream, service, header_timeout, watcher).await,
                        Some(tls) => {
                            // A client that does not finish the handshake is like one that sends no header.
                            if let Ok(Ok(stream)) = timeout(header_timeout, tls.accept(stream)).await {
                                serve(stream, service, header_timeout, watcher).await;
                            }
                        }
                    }
                };
                serve.await;
                drop((slot, place));
                meter.connections(most - slots.available_permits());
            });
        }
        drop(self.listener);
        if timeout(self.drain_deadline, graceful.shutdown()).await.is_err() {
            tracing::warn!("the drain deadline has passed: requests are cut off; clients send them again");
        }
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, from)) => Some((stream, from.ip(), slot)),
        Err(error) => {
            tracing::warn!(%error, "a connection was not accepted");
            None
        }
    }
}

/// Small answers go at once, and whoever takes none is given up.
fn prepare(stream: &TcpStream) {
    let unread_ms = UNREAD_FOR.as_millis().try_into().unwrap_or(u32::MAX);
    let prepared = stream
        .set_nodelay(true)
        .and_then(|()| Ok(rustix::net::sockopt::set_tcp_user_timeout(stream, unread_ms)?));
    if let Err(error) = prepared {
        tracing::debug!(%error, "a connection stays as it is");
    }
}

async fn serve<S>(
    stream: S,
    service: TowerToHyperService<Router>,
    header_timeout: Duration,
    watcher: hyper_util::server::graceful::Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(64)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), service);
    // A client that hangs up or talks nonsense concerns nobody else.
    let _ended = watcher.watch(connection).await;
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, ServerError> {
    let unreadable =
        |path: &Path, error: &dyn std::fmt::Display| ServerError::Tls(format!("{}: {error}", path.display()));
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(|chain| chain.collect::<Result<Vec<_>, _>>())
        .map_err(|error| unreadable(certificate, &error))?;
    // What is wrong with a key is not repeated: it might quote it.
    let key_der =
        PrivateKeyDer::from_pem_file(key).map_err(|_| unreadable(key, &"holds no private key in PEM"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ServerError::Tls(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .map_err(|error| unreadable(certificate, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
