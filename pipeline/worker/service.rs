//! A running worker process: its parts, what operators see of it, its stages, its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::anyhow;
use infer::InUse;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use crate::access::{self, Party};
use crate::exit::{Exit, Failure};
use crate::media::Library;
use crate::settings::policy::LoadedPolicy;
use crate::settings::{Role, Settings};
use crate::stages::{Budgets, Eyes, Stop, Worker};
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::server::Server;
use crate::telemetry::spans::Spans;
use crate::topology;
use crate::workshop::Workshop;

/// How long giving up may take.
const LET_GO_WITHIN: Duration = Duration::from_secs(3);

/// A worker that can be run, watched and stopped.
#[derive(Debug)]
pub struct Service {
    settings: Settings,
    policy: LoadedPolicy,
    /// Decoders and models, if the observe role runs here.
    workshop: Option<Arc<Workshop>>,
    budgets: Budgets,
    metrics: Metrics,
    spans: Spans,
    health: Health,
    stop: Stop,
}

impl Service {
    /// Makes the parts.
    ///
    /// # Errors
    /// If the machine lacks something that the roles need.
    pub fn new(settings: Settings, policy: LoadedPolicy) -> Result<Self, Failure> {
        let observes = settings.worker.roles.contains(&Role::Observe);
        let open = || Workshop::open(settings.clone(), policy.clone(), false).map(Arc::new);
        let workshop = observes.then(open).transpose()?;
        let metrics = Metrics::new();
        if let Some(InUse { provider, fell_back }) = workshop.as_ref().map(|workshop| workshop.in_use()) {
            metrics.provider(*provider);
            if let Some(error) = fell_back {
                tracing::warn!(%error, "models run on the processor");
            }
        }
        let spans = spans_of(&settings)?;
        Ok(Self {
            budgets: Budgets::of(&settings),
            spans,
            settings,
            policy,
            workshop,
            metrics,
            health: Health::default(),
            stop: Stop::default(),
        })
    }

    /// Ends the service from outside.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Who is alive and ready.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Its figures.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Answers `/metrics`, `/healthz` and `/readyz` on a thread of its own, which lives as long as the
    /// process. With `signals`, SIGTERM and SIGINT end the service: a first one in order, a second now; and
    /// what cannot even be given up in order, because brokers do not answer, is left as it is.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub fn serve(&self, signals: bool) -> Result<Option<SocketAddr>, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let server = self.settings.telemetry.listen.map(|listen| runtime.block_on(Server::bind(listen)));
        let server = server.transpose().map_err(|error| {
            let listen = self.settings.telemetry.listen.map(|listen| listen.to_string()).unwrap_or_default();
            Failure::new(Exit::Environment, anyhow!("cannot listen on {listen} (telemetry.listen): {error}"))
        })?;
        let address = server.as_ref().map(Server::address).transpose()?;
        keep_deadline(self.stop.clone(), self.settings.worker.drain_deadline, signals)?;
        self.attend(runtime, server, signals)?;
        Ok(address)
    }

    fn attend(&self, runtime: Runtime, server: Option<Server>, signals: bool) -> io::Result<JoinHandle<()>> {
        let (metrics, health, stop) = (self.metrics.clone(), self.health.clone(), self.stop.clone());
        let refresh = {
            let (budgets, metrics) = (self.budgets.clone(), self.metrics.clone());
            let workshop = self.workshop.clone();
            Arc::new(move || {
                budgets.tell(&metrics);
                for used in workshop.iter().flat_map(|workshop| workshop.usage()) {
                    metrics.model(&used.model, used.runs, used.time);
                }
            })
        };
        let attend = move || {
            runtime.block_on(async {
                if let Some(server) = server {
                    tokio::spawn(server.run(metrics, health.clone(), refresh));
                }
                if signals {
                    end_on_signals(&stop, &health).await;
                }
                std::future::pending::<()>().await;
            });
        };
        thread::Builder::new().name("telemetry".to_owned()).spawn(attend)
    }

    /// Waits for brokers to answer, and looks whether the topics of the roles are as they must be. Returns
    /// whether work may begin: if not, an end was asked for meanwhile.
    ///
    /// # Errors
    /// If a topic breaks a promise, or the brokers refuse this process.
    pub fn wait_for_topics(&self) -> Result<bool, Failure> {
        let connection =
            self.settings.connection().map_err(|error| Failure::new(Exit::Configuration, error))?;
        let topics = self.settings.topics().map_err(|error| Failure::new(Exit::Configuration, error))?;
        let parties: Vec<Party> = self.settings.worker.roles.iter().map(|role| Party::from(*role)).collect();
        topology::wait_until_fit(&connection, &topics, &access::topics(&parties), &self.stop)
    }

    /// Works until an end is asked for.
    ///
    /// # Errors
    /// If a part failed for good.
    pub fn work(&self) -> Result<(), Failure> {
        let unreadable = |error: io::Error| Failure::new(Exit::Configuration, error);
        let service = |error: kafka::KafkaError| Failure::new(Exit::Service, error);
        let undescribed = |error: object_store::Error| Failure::new(Exit::Configuration, error);
        let name = format!("observe-{}", self.settings.kafka.instance);
        let most_bytes = self.settings.kafka.max_record_bytes.into();
        let library = Library::open(&self.settings.worker.media_prefixes, most_bytes).map_err(undescribed)?;
        if let Some(workshop) = &self.workshop {
            self.metrics.confined(workshop.confinement());
        }
        let eyes = self.workshop.as_ref().map(|workshop| Eyes {
            library: &library,
            decoder: workshop.decoder(),
            observer: workshop.observer(name),
        });
        let mut worker = Worker {
            settings: &self.settings,
            policy: self.policy.clone(),
            connection: self.settings.connection().map_err(unreadable)?,
            topics: self.settings.topics().map_err(service)?,
            eyes,
            metrics: self.metrics.clone(),
            spans: self.spans.clone(),
            health: self.health.clone(),
            stop: self.stop.clone(),
        };
        let ran = worker.run(&self.budgets).map_err(service);
        self.spans.close();
        match self.stop.failure() {
            Some(reason) => Err(Failure::new(Exit::Service, anyhow!(reason))),
            None => ran,
        }
    }
}

fn spans_of(settings: &Settings) -> Result<Spans, Failure> {
    let Some(endpoint) = &settings.telemetry.otlp_endpoint else { return Ok(Spans::default()) };
    Spans::to(endpoint, &settings.kafka.instance).map_err(|error| {
        let context = format!("cannot send spans to {endpoint} (telemetry.otlp_endpoint)");
        Failure::new(Exit::Configuration, anyhow!(error).context(context))
    })
}

/// Gives up what an orderly end has not finished by its deadline. With `leaves`, the process ends a while
/// after everything was given up, should even that take longer. It loses nothing: what was not acknowledged
/// is not committed either.
fn keep_deadline(stop: Stop, drain_deadline: Duration, leaves: bool) -> io::Result<JoinHandle<()>> {
    let keep = move || {
        stop.wait_for_drain();
        if !stop.rest(drain_deadline) {
            tracing::warn!("the drain deadline has passed: a successor does the rest again");
            stop.now();
        }
        if leaves {
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
