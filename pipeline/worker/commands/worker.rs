//! `invigilator worker`: works on records from Kafka until it is told to stop.

use anyhow::anyhow;
use kafka::Shadow;

use crate::attend::Overdue;
use crate::cli::WorkerArgs;
use crate::exit::{Exit, Failure};
use crate::failpoint;
use crate::service::Service;
use crate::settings::{Role, Settings, Sources, policy};
use crate::telemetry::logs;

/// Runs the worker.
///
/// # Errors
/// If it cannot start, or a part fails for good.
pub fn run(args: &WorkerArgs) -> Result<Exit, Failure> {
    let mut sources = Sources::of_process(args.common.config.as_deref());
    sources.arguments = args.overrides();
    let settings = in_shadow(Settings::load(&sources)?, args.shadow.clone())?;
    let policy = policy::load(args.common.policy.as_deref().unwrap_or(&settings.policy))?;
    logs::begin(&settings.telemetry);
    failpoint::arm().map_err(|error| Failure::new(Exit::Configuration, error))?;
    let roles: Vec<&str> = settings.worker.roles.iter().map(|role| role.name()).collect();
    let roles = roles.join(",");
    let brokers = settings.kafka.brokers.clone();
    let service = Service::new(settings, policy)?;
    let address = service.serve(Overdue::Leaves)?.map(|address| address.to_string()).unwrap_or_default();
    let shadow = args.shadow.as_ref().map(tracing::field::display);
    tracing::info!(roles, brokers, telemetry = address, shadow, "worker started");
    if service.wait_for_topics()? {
        service.work()?;
    }
    tracing::info!("worker ended");
    Ok(Exit::Ok)
}

/// The settings of a worker that is a part of a shadow, if it is to be one.
fn in_shadow(settings: Settings, shadow: Option<Shadow>) -> Result<Settings, Failure> {
    let Some(shadow) = shadow else { return Ok(settings) };
    if settings.worker.roles.contains(&Role::Cut) {
        let message = "a shadow looks and judges; it cuts nothing: --role observe,score";
        return Err(Failure::new(Exit::Usage, anyhow!(message)));
    }
    Ok(settings.in_shadow(shadow))
}
