//! `invigilator worker`: works on records from Kafka until it is told to stop.

use crate::attend::Overdue;
use crate::cli::WorkerArgs;
use crate::exit::{Exit, Failure};
use crate::failpoint;
use crate::service::Service;
use crate::settings::{Settings, Sources, policy};
use crate::telemetry::logs;

/// Runs the worker.
///
/// # Errors
/// If it cannot start, or a part fails for good.
pub fn run(args: &WorkerArgs) -> Result<Exit, Failure> {
    let mut sources = Sources::of_process(args.common.config.as_deref());
    sources.arguments = args.overrides();
    let settings = Settings::load(&sources)?;
    let policy = policy::load(args.common.policy.as_deref().unwrap_or(&settings.policy))?;
    logs::begin(&settings.telemetry);
    failpoint::arm().map_err(|error| Failure::new(Exit::Configuration, error))?;
    let roles: Vec<&str> = settings.worker.roles.iter().map(|role| role.name()).collect();
    let roles = roles.join(",");
    let brokers = settings.kafka.brokers.clone();
    let service = Service::new(settings, policy)?;
    let address = service.serve(Overdue::Leaves)?.map(|address| address.to_string()).unwrap_or_default();
    tracing::info!(roles, brokers, telemetry = address, "worker started");
    if service.wait_for_topics()? {
        service.work()?;
    }
    tracing::info!("worker ended");
    Ok(Exit::Ok)
}
