//! A running worker process: its parts, what operators see of it, its stages, its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::anyhow;
use infer::InUse;

use crate::access::{self, Party};
use crate::attend::{Attendant, Overdue};
use crate::evidence::{Album, Consents, Keeping, PictureStore};
use crate::exit::{Exit, Failure};
use crate::media::Library;
use crate::privacy::Protection;
use crate::settings::policy::LoadedPolicy;
use crate::settings::{Role, Settings};
use crate::stages::{Budgets, Eyes, Policies, Stop, Worker};
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::spans::Spans;
use crate::topology;
use crate::workshop::{Workshop, WorkshopError};

/// A worker that can be run, watched and stopped.
#[derive(Debug)]
pub struct Service {
    settings: Settings,
    policy: LoadedPolicy,
    /// Decoders and models, if the observe role runs here.
    workshop: Option<Arc<Workshop>>,
    /// Where pictures of flagged moments lie, if any are kept.
    pictures: Option<PictureStore>,
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
        // Whoever only deletes pictures needs no keys.
        let pictures = if observes { settings.sealed_pictures()? } else { settings.pictures()? };
        // Templates that nobody has a key for need no model.
        let recognizes = settings.privacy.keys_file.is_some();
        let open = || {
            let workshop = Workshop::open(settings.clone(), policy.clone(), false)?;
            let workshop = if recognizes { workshop.recognizing()? } else { workshop };
            Ok::<_, WorkshopError>(Arc::new(workshop))
        };
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
            pictures,
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

    /// Attends to operators and signals: see [`Attendant::begin`].
    ///
    /// # Errors
    /// If the address cannot be had.
    pub fn serve(&self, overdue: Overdue) -> Result<Option<SocketAddr>, Failure> {
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
        let attendant = Attendant {
            listen: self.settings.telemetry.listen,
            drain_deadline: self.settings.worker.drain_deadline,
            metrics: self.metrics.clone(),
            health: self.health.clone(),
            stop: self.stop.clone(),
            refresh,
        };
        attendant.begin(overdue)
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
        let protection = Protection::open(&self.settings.privacy)?;
        if let Some(workshop) = &self.workshop {
            self.metrics.confined(workshop.confinement());
        }
        let pictures = self.pictures.as_ref();
        let consents = Consents::new(&Policies::load(self.policy.clone())?);
        let album = pictures.zip(protection.vault()).map(|(store, vault)| Album { store, vault });
        let keeping = album.map(|album| Keeping { album, consents: &consents });
        let eyes = self.workshop.as_ref().map(|workshop| Eyes {
            library: &library,
            decoder: workshop.decoder(),
            observer: workshop.observer(name),
            photographs: workshop.photographs(),
            keeping,
        });
        let mut worker = Worker {
            settings: &self.settings,
            policy: self.policy.clone(),
            connection: self.settings.connection().map_err(unreadable)?,
            topics: self.settings.topics().map_err(service)?,
            eyes,
            protection: &protection,
            pictures,
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
