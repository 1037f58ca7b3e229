//! Arguments of `invigilator topics`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use kafka::Shadow;

use super::brokers_override;
use crate::access::Party;
use crate::settings::Override;

pub(super) const EXAMPLES: &str = "\
Examples:
  invigilator topics create --partitions 12 --replication 3
  invigilator topics create --partitions 12 --replication 3 --dry-run
  invigilator topics check --brokers kafka-0:9092 --json
  invigilator topics acls --role score --principal User:score
  invigilator topics create --shadow v2 --partitions 12 --replication 3

Exit code 7 if a topic breaks a promise: it is missing, has another number of partitions than those that
are read beside it, another clean-up, too small a max.message.bytes, or cannot be written while one broker
is down. Workers do not start on such topics. Other differences are told and cost nothing.

The number of partitions never changes: records of a session are in one partition, in order, and who reads
it has the session's state. Choose it for the largest day (at most as many workers as partitions share the
work). More are a new generation of topics under another kafka.topic_prefix.

Whoever else writes to the topics must choose partitions as Java clients do: `partitioner=murmur2_random`
in clients built on librdkafka.";

/// `invigilator topics`
#[derive(Debug, Args)]
pub struct TopicsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub action: TopicsAction,
}

/// What can be done with the topics.
#[derive(Debug, Subcommand)]
pub enum TopicsAction {
    /// Create the topics that do not exist; those that do are left as they are
    Create(CreateArgs),
    /// Compare the topics with what they should be
    Check(CheckArgs),
    /// Print the commands that allow a principal what its process does
    Acls(AclsArgs),
}

/// `invigilator topics create`
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Partitions of each topic, for ever
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=10_000))]
    pub partitions: i32,
    /// Copies of each record; 3 in production
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=32))]
    pub replication: i32,
    /// Only say what would be created
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Where the topics are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `invigilator topics check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Where the topics are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `invigilator topics acls`
#[derive(Debug, Args)]
pub struct AclsArgs {
    /// Whose access
    #[arg(long, value_name = "ROLE", value_enum)]
    pub role: Party,
    /// Its principal, as brokers know it
    #[arg(long, value_name = "TYPE:NAME")]
    pub principal: String,
    /// Where the topics are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Which brokers, which settings.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// As a shadow of this name has them: what it writes is its own (`invigilator worker --shadow`)
    #[arg(long, value_name = "NAME")]
    pub shadow: Option<Shadow>,
    /// Brokers to begin with
    #[arg(long, value_name = "HOST:PORT,...")]
    pub brokers: Option<String>,
    /// A settings file; see config/default.toml for all keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl PlaceArgs {
    /// The settings that these arguments set.
    pub fn overrides(&self) -> Vec<Override> {
        brokers_override(self.brokers.as_deref()).into_iter().collect()
    }
}
