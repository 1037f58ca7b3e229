//! Arguments of `invigilator gateway`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};

use super::{brokers_override, moment};
use crate::settings::Override;

pub(super) const EXAMPLES: &str = "\
Examples:
  invigilator gateway --listen 127.0.0.1:8080 --brokers kafka-0:9092
  invigilator gateway token --role service --tenant t1
  invigilator gateway token --role reviewer --tenant t1 --exam e7 --subject reviewer-17 --ttl 1h
  invigilator gateway replay registry --from 2026-12-01T08:00:00Z

The first three need gateway.key_file, a file with a secret: `openssl rand -hex 32 > gateway.key` makes one, and
INVIGILATOR__GATEWAY__KEY_FILE=gateway.key names it.

Writes PREFIX.chunks, PREFIX.sessions, PREFIX.reviews and PREFIX.audit; reads PREFIX.sessions,
PREFIX.observations, PREFIX.incidents, PREFIX.scores, PREFIX.reviews and PREFIX.audit. Metrics and health:
telemetry.listen. SIGTERM or SIGINT: finish what is in hand and leave. The API: docs/gateway.md.";

/// `invigilator gateway`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct GatewayArgs {
    /// Something else than to run.
    #[command(subcommand)]
    pub action: Option<GatewayAction>,
    /// Where requests come in
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Brokers to begin with
    #[arg(long, value_name = "HOST:PORT,...")]
    pub brokers: Option<String>,
    /// A settings file; see config/default.toml for all keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl GatewayArgs {
    /// The settings that these arguments set.
    pub fn overrides(&self) -> Vec<Override> {
        let listen = self.listen.as_deref().map(|listen| Override {
            argument: "--listen",
            key: "gateway.listen",
            value: listen.into(),
        });
        listen.into_iter().chain(brokers_override(self.brokers.as_deref())).collect()
    }
}

/// What else there is to do.
#[derive(Debug, Subcommand)]
pub enum GatewayAction {
    /// Print a token that is signed with the key file
    Token(TokenArgs),
    /// Have a subscriber told again of what happened since a time; no gateway may be running
    Replay(ReplayArgs),
}

/// `invigilator gateway replay`
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A name of the file of subscribers
    #[arg(value_name = "SUBSCRIBER")]
    pub subscriber: String,
    /// Since when: a time like 2026-11-24T14:00:00Z, or how long ago, like 2h
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub from: SystemTime,
    /// Brokers to begin with
    #[arg(long, value_name = "HOST:PORT,...")]
    pub brokers: Option<String>,
    /// A settings file; see config/default.toml for all keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl ReplayArgs {
    /// The settings that these arguments set.
    pub fn overrides(&self) -> Vec<Override> {
        brokers_override(self.brokers.as_deref()).into_iter().collect()
    }
}

/// `invigilator gateway token`
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// What its bearer may do
    #[arg(long, value_name = "ROLE", value_delimiter = ',', value_enum, required = true)]
    pub role: Vec<TokenRole>,
    /// The institution
    #[arg(long, value_name = "TENANT")]
    pub tenant: String,
    /// Only these exams; all of the tenant by default
    #[arg(long, value_name = "EXAM", value_delimiter = ',')]
    pub exam: Vec<String>,
    /// Who, as an opaque id: reviews and the audit log name it
    #[arg(long, value_name = "ID", default_value = "operator")]
    pub subject: String,
    /// How long it is good
    #[arg(long, value_name = "DURATION", default_value = "8h", value_parser = humantime::parse_duration)]
    pub ttl: Duration,
    /// A settings file; see config/default.toml for all keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// A role on the command line. Candidates get their tokens from the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TokenRole {
    /// Watches sessions
    Proctor,
    /// Decides about incidents
    Reviewer,
    /// Reads the audit log
    Admin,
    /// The back end of an exam client: creates and ends sessions
    Service,
}
