//! A running gateway: its parts, Kafka behind its ports, its end.
//!
//! | File | Responsible for |
//! |---|---|
//! | [`log`] | entries → records, each with its acknowledgement |
//! | [`feed`] | records → what dashboards are shown |
//! | [`pictures`] | pictures of incidents, opened |
//! | [`tell`] | records → subscribers, each at a pace of its own |
//! | [`replay`] | where a subscriber is told from, by an operator |
//!
//! Everything else is the crate `gateway`'s, which knows no broker.

pub mod feed;
pub mod log;
pub mod pictures;
pub mod replay;
pub mod tell;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use ::gateway::auth::refresh::keep;
use ::gateway::auth::{Keys, Secret};
use ::gateway::edx::Platform;
use ::gateway::{
    App, GatewaySettings, Pictures, Server, ServerError, Store, StoreError, Subscribers, router,
};
use anyhow::anyhow;
use kafka::Admin;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, watch};

use self::feed::Follower;
use self::log::KafkaLog;
use self::pictures::SealedPictures;
use self::tell::Telling;
use crate::access::{self, Party};
use crate::attend::{Attendant, Overdue};
use crate::evidence::PictureStore;
use crate::exit::{Exit, Failure};
use crate::privacy::Protection;
use crate::settings::Settings;
use crate::stages::Stop;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;
use crate::topology;

/// A gateway that can be watched and stopped.
pub struct Service {
    settings: Settings,
    gateway: GatewaySettings,
    subscribers: Subscribers,
    pictures: Option<PictureStore>,
    metrics: Metrics,
    health: Health,
    stop: Stop,
}

impl Service {
    /// Makes the parts that need no broker.
    ///
    /// # Errors
    /// If a policy, or the file of subscribers, cannot be loaded.
    pub fn new(settings: Settings) -> Result<Self, Failure> {
        let mut gateway = settings.gateway()?;
        let subscribers = tell::read(settings.gateway.subscribers.as_deref())
            .map_err(|error| configuration(anyhow!(error).context("gateway.subscribers")))?;
        gateway.platforms = subscribers.platforms();
        gateway.attempts_on = subscribers.attempts_on();
        let unknown = |platform: &&Arc<Platform>| {
            platform.policy.as_ref().is_some_and(|policy| !gateway.policies.contains_key(policy))
        };
        if let Some(platform) = gateway.platforms.iter().find(unknown) {
            let problem = anyhow!("{}: there is no such policy: see gateway.policies", platform.name);
            return Err(configuration(problem.context("gateway.subscribers")));
        }
        let (metrics, health, stop) = (Metrics::new(), Health::default(), Stop::default());
        let pictures = settings.sealed_pictures()?;
        Ok(Self { settings, gateway, subscribers, pictures, metrics, health, stop })
    }

    /// Ends the gateway from outside.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Attends to operators and signals.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub fn attend(&self) -> Result<Option<SocketAddr>, Failure> {
        let attendant = Attendant {
            listen: self.settings.telemetry.listen,
            drain_deadline: self.gateway.drain_deadline + self.settings.gateway.append_timeout,
            metrics: self.metrics.clone(),
            health: self.health.clone(),
            stop: self.stop.clone(),
            refresh: Arc::new(|| ()),
        };
        attendant.begin(Overdue::Leaves)
    }

    /// Waits for brokers to answer, and looks whether the topics are as they must be. Returns whether work may
    /// begin: if not, an end was asked for meanwhile.
    ///
    /// # Errors
    /// If a topic breaks a promise, or the brokers refuse this process.
    pub fn wait_for_topics(&self) -> Result<bool, Failure> {
        let connection = self.settings.connection().map_err(configuration)?;
        let topics = self.settings.topics().map_err(configuration)?;
        topology::wait_until_fit(&connection, &topics, &access::topics(&[Party::Gateway]), &self.stop)
    }

    /// Opens the store, and takes the address.
    ///
    /// # Errors
    /// If either cannot be done, or the brokers refuse this process.
    pub fn open(mut self, secret: Secret) -> Result<Running, Failure> {
        let connection = self.settings.connection().map_err(configuration)?;
        let topics = self.settings.topics().map_err(configuration)?;
        let admin = Admin::new(&connection, topology::PATIENCE);
        let admin = admin.map_err(|error| Failure::new(Exit::Service, error))?;
        // Offsets of one cluster say nothing about another one.
        let log = format!("{} {}", admin.cluster().unwrap_or_default(), topics.sessions());
        let store = Store::open(&self.settings.gateway.store, &log, self.gateway.retention).map_err(store)?;
        let protection = Protection::open(&self.settings.privacy)?;
        let pictures = self.pictures.take().zip(protection.vault().cloned());
        let pictures =
            pictures.map(|(store, vault)| Arc::new(SealedPictures::new(store, vault)) as Arc<dyn Pictures>);
        let log = Arc::new(KafkaLog::open(&self.settings, protection, self.stop.clone())?);
        let runtime = Builder::new_multi_thread().enable_all().thread_name("http").build()?;
        let server = runtime.block_on(Server::bind(&self.gateway)).map_err(environment)?;
        let address = server.address()?;
        let (close, closing) = watch::channel(false);
        let keys = Arc::new(Keys::new(secret, self.gateway.trust.clone()));
        let app = App::new(
            self.gateway.clone(),
            Arc::clone(&keys),
            Arc::clone(&log) as _,
            Arc::new(self.metrics.clone()),
            Arc::new(store),
            pictures,
            closing,
        );
        let app = app.map_err(|problem| Failure::new(Exit::Environment, anyhow!(problem.detail)))?;
        Ok(Running { service: self, runtime, server, address, app, keys, log, close })
    }
}

/// A gateway that has its address.
pub struct Running {
    service: Service,
    runtime: Runtime,
    server: Server,
    address: SocketAddr,
    app: App,
    keys: Arc<Keys>,
    log: Arc<KafkaLog>,
    close: watch::Sender<bool>,
}

impl Running {
    /// Where requests come in.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Works until an end is asked for: then takes no more requests, finishes those that have begun, and waits until
    /// all that was taken is acknowledged.
    ///
    /// # Errors
    /// If a part failed for good.
    pub fn work(self) -> Result<(), Failure> {
        let Self { service, runtime, server, app, keys, log, close, .. } = self;
        let Service { settings, gateway, subscribers, metrics, health, stop, .. } = service;
        let connection = settings.connection().map_err(configuration)?;
        let topics = settings.topics().map_err(configuration)?;
        // Not ready before the feed has got to the end, whoever else is.
        let pulse = health.register("feed");
        if let Some(source) = gateway.key_source {
            let wanted: Arc<Notify> = Arc::clone(&app.key_wanted);
            runtime.spawn(keep(source, keys, wanted));
        }
        // Uploads wait for nothing that follows: brokers may take long to say where topics end.
        let serving = runtime.spawn(server.run(router(&app), Arc::new(metrics.clone()), app.closing.clone()));
        let telling = Telling {
            connection: &connection,
            topics: &topics,
            kafka: &settings.kafka,
            runtime: runtime.handle().clone(),
            metrics: &metrics,
            health: &health,
            stop: &stop,
            closing: app.closing.clone(),
        };
        let couriers =
            telling.begin(subscribers.all(&app.store)).map_err(|error| Failure::new(Exit::Service, error))?;
        let follower = Follower::open(&connection, topics, &app, metrics.clone(), pulse)
            .map_err(|error| Failure::new(Exit::Service, error))?;
        let follow = {
            let stop = stop.clone();
            move || {
                if let Err(error) = follower.follow(&stop) {
                    stop.fail("feed", &error);
                }
            }
        };
        let following = thread::Builder::new().name("feed".to_owned()).spawn(follow)?;
        stop.wait_for_drain();
        // Nobody listens any more if the server has ended already.
        let _told = close.send(true);
        let served = runtime.block_on(serving);
        log.flush(settings.gateway.append_timeout);
        let followed = following.join().is_ok();
        // All of them are waited for, whatever became of some.
        let told =
            couriers.into_iter().map(|courier| courier.join().is_ok()).fold(true, |all, one| all & one);
        if served.is_err() || !followed || !told {
            stop.fail("gateway", &"a part of it panicked");
        }
        runtime.shutdown_background();
        stop.failure().map_or(Ok(()), |reason| Err(Failure::new(Exit::Service, anyhow!(reason))))
    }
}

fn configuration(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Exit::Configuration, error)
}

fn environment(error: ServerError) -> Failure {
    Failure::new(Exit::Environment, error)
}

fn store(error: StoreError) -> Failure {
    Failure::new(Exit::Environment, anyhow!(error).context("gateway.store"))
}
