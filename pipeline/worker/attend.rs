//! What every service does beside its work: answer operators, take signals, keep the deadline of an orderly end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::anyhow;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{Exit, Failure};
use crate::stages::Stop;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::server::Server;

/// How long giving up may take.
const LET_GO_WITHIN: Duration = Duration::from_secs(3);

/// What becomes of a process when everything was given up, and even that takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue {
    /// It ends without a word to the brokers.
    Leaves,
    /// It takes its time: it has more to clear away than what is between it and the brokers.
    Stays,
}

/// Attends to a service.
pub struct Attendant {
    /// Address of `/metrics`, `/healthz` and `/readyz`.
    pub listen: Option<SocketAddr>,
    /// How long an orderly end may take.
    pub drain_deadline: Duration,
    /// Its figures.
    pub metrics: Metrics,
    /// Who is alive and ready.
    pub health: Health,
    /// Its end.
    pub stop: Stop,
    /// Brings metrics up to date that are read and not counted.
    pub refresh: Arc<dyn Fn() + Send + Sync>,
}

impl Attendant {
    /// Begins, on threads that live as long as the process. SIGTERM and SIGINT end the service: a first one in order,
    /// a second now; what cannot even be given up in order, because brokers do not answer, is `overdue`. Returns
    /// where operators are answered.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub fn begin(self, overdue: Overdue) -> Result<Option<SocketAddr>, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let server = self.listen.map(|listen| runtime.block_on(Server::bind(listen)));
        let server = server.transpose().map_err(|error| {
            let listen = self.listen.map(|listen| listen.to_string()).unwrap_or_default();
            Failure::new(Exit::Environment, anyhow!("cannot listen on {listen} (telemetry.listen): {error}"))
        })?;
        let address = server.as_ref().map(Server::address).transpose()?;
        keep_deadline(self.stop.clone(), self.drain_deadline, overdue)?;
        let Self { metrics, health, stop, refresh, .. } = self;
        let attend = move || {
            runtime.block_on(async {
                if let Some(server) = server {
                    tokio::spawn(server.run(metrics, health.clone(), refresh));
                }
                end_on_signals(&stop, &health).await;
                std::future::pending::<()>().await;
            });
        };
        thread::Builder::new().name("telemetry".to_owned()).spawn(attend)?;
        Ok(address)
    }
}

/// Gives up what an orderly end has not finished by its deadline, and leaves, if it may, a while after that. It
/// loses nothing: what was not acknowledged is not committed either.
fn keep_deadline(stop: Stop, drain_deadline: Duration, overdue: Overdue) -> io::Result<JoinHandle<()>> {
    let keep = move || {
        stop.wait_for_drain();
        if !stop.rest(drain_deadline) {
            tracing::warn!("the drain deadline has passed: a successor does the rest again");
            stop.now();
        }
        if overdue == Overdue::Leaves {
            thread::sleep(LET_GO_WITHIN);
            tracing::warn!("the end takes too long: leaving without a word to the brokers");
            let exit = if stop.failure().is_some() { Exit::Service } else { Exit::Ok };
            std::process::exit(exit as i32);
        }
    };
    thread::Builder::new().name("deadline".to_owned()).spawn(keep)
}

async fn end_on_signals(stop: &Stop, health: &Health) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be caught: only SIGKILL ends this process");
        return;
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if stop.is_draining() {
            tracing::warn!("leaving now: what was not acknowledged is done again by a successor");
            stop.now();
        } else {
            tracing::info!("finishing what is in hand; a second signal ends this at once");
            health.draining();
            stop.drain();
        }
    }
}
