//! What `invigilator evidence` can be asked.

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(super) const EXAMPLES: &str = "\
Examples:
  invigilator evidence sweep
  invigilator evidence sweep --dry-run

To be run once a day, by anybody who may write to evidence.store; it needs neither brokers nor keys, and to run it twice
does no harm. Exit code 7 if the store fails.";

/// `invigilator evidence`
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    /// What to do with pictures of flagged moments.
    #[command(subcommand)]
    pub action: EvidenceAction,
}

/// What can be done with them.
#[derive(Debug, Subcommand)]
pub enum EvidenceAction {
    /// Delete those that are older than evidence.keep_days
    Sweep(SweepArgs),
}

/// Arguments of a sweep.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// Delete nothing: say how many there are
    #[arg(long)]
    pub dry_run: bool,
    /// A settings file; see config/default.toml for all keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
