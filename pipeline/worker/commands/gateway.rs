//! `invigilator gateway`: takes requests until it is told to stop. `invigilator gateway token`: prints a token.

use std::io::{self, Write};
use std::time::SystemTime;

use anyhow::anyhow;
use domain::ids::SessionId;

use ::gateway::auth::{Claims, Role, Secret};

use crate::cli::{GatewayAction, GatewayArgs, ReplayArgs, TokenArgs, TokenRole};
use crate::exit::{Exit, Failure};
use crate::gateway::{Service, replay};
use crate::settings::properties::warn_if_exposed;
use crate::settings::{Settings, Sources};
use crate::telemetry::logs;
use crate::tls;

/// Runs the gateway, or prints a token.
///
/// # Errors
/// If it cannot start, or a part fails for good.
pub fn run(args: &GatewayArgs) -> Result<Exit, Failure> {
    match &args.action {
        Some(GatewayAction::Token(args)) => return token(args),
        Some(GatewayAction::Replay(args)) => return replay(args),
        None => {}
    }
    let mut sources = Sources::of_process(args.config.as_deref());
    sources.arguments = args.overrides();
    let settings = Settings::load(&sources)?;
    logs::begin(&settings.telemetry);
    tls::prepare();
    let secret = secret(&settings)?;
    let brokers = settings.kafka.brokers.clone();
    let service = Service::new(settings)?;
    let telemetry = service.attend()?.map(|address| address.to_string()).unwrap_or_default();
    if service.wait_for_topics()? {
        let running = service.open(secret)?;
        tracing::info!(brokers, telemetry, address = %running.address(), "gateway started");
        running.work()?;
    }
    tracing::info!("gateway ended");
    Ok(Exit::Ok)
}

fn token(args: &TokenArgs) -> Result<Exit, Failure> {
    let settings = Settings::load(&Sources::of_process(args.config.as_deref()))?;
    let usage = |message: &str| Failure::new(Exit::Usage, anyhow!(message.to_owned()));
    if SessionId::new(&args.tenant, "e", "s").is_err() {
        return Err(usage("a tenant is 1 to 128 of A-Z a-z 0-9 . _ -"));
    }
    let expires = SystemTime::now().checked_add(args.ttl);
    let expires = expires.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    let exp = expires.ok_or_else(|| usage("the time to live is too long"))?.as_secs();
    let roles = args.role.iter().map(|role| Role::from(*role)).collect();
    let claims = Claims {
        exams: (!args.exam.is_empty()).then(|| args.exam.clone()),
        ..Claims::new(args.subject.clone(), args.tenant.clone(), roles, exp)
    };
    writeln!(io::stdout(), "{}", secret(&settings)?.sign(&claims, &settings.gateway.audience))?;
    Ok(Exit::Ok)
}

fn replay(args: &ReplayArgs) -> Result<Exit, Failure> {
    let mut sources = Sources::of_process(args.config.as_deref());
    sources.arguments = args.overrides();
    logs::begin_for_people();
    tls::prepare();
    let moved = replay::replay(&Settings::load(&sources)?, &args.subscriber, args.from)?;
    let mut out = io::stdout().lock();
    for (topic, records) in moved {
        writeln!(out, "{topic}: {records} records, as soon as a gateway runs")?;
    }
    Ok(Exit::Ok)
}

fn secret(settings: &Settings) -> Result<Secret, Failure> {
    let wrong = |message: String| Failure::new(Exit::Configuration, anyhow!(message));
    let Some(file) = &settings.gateway.key_file else {
        return Err(wrong("gateway.key_file must name a file: `openssl rand -hex 32` makes one".to_owned()));
    };
    let place = format!("gateway.key_file {}", file.display());
    warn_if_exposed(file);
    let text = std::fs::read_to_string(file).map_err(|error| wrong(format!("{place}: {error}")))?;
    Secret::parse(&text).map_err(|error| wrong(format!("{place} {error}")))
}

impl From<TokenRole> for Role {
    fn from(role: TokenRole) -> Self {
        match role {
            TokenRole::Proctor => Self::Proctor,
            TokenRole::Reviewer => Self::Reviewer,
            TokenRole::Admin => Self::Admin,
            TokenRole::Service => Self::Service,
        }
    }
}
