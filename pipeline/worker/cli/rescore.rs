//! What `invigilator rescore` can be asked.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{ArgGroup, Args};
use domain::ids::SessionId;

use super::{brokers_override, moment};
use crate::settings::Override;

const EXAMPLES: &str = "\
Examples:
  invigilator rescore --policy standard-accommodated --session t1/e7/s42 --dry-run
  invigilator rescore --policy standard-accommodated --session t1/e7/s42
  invigilator rescore --policy standard --since 2days
  invigilator rescore --policy standard --all --brokers kafka-0:9092

Judges sessions whose score is final again, from what was seen; no video is needed. The order goes into
PREFIX.observations, and the score role that owns the session carries it out: it folds the session again
from its whole log, and publishes a revision of the score that names the one it supersedes, revisions of
the incidents that changed, and those of incidents that are not found any more (`superseded`). Waits for
that, and prints what became of each score. With --dry-run the same is computed here, and nothing changes.
The policy must be one that the workers know: a built-in one, or the one that their settings name. A
session whose log is not whole any more (retention) is not judged again. Exit code 3 if some sessions and 4
if no session was judged again.";

/// `invigilator rescore`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(group = ArgGroup::new("which").required(true).multiple(false).args(["session", "since", "all"]))]
pub struct RescoreArgs {
    /// Id of the policy that judges from now on
    #[arg(long, value_name = "ID")]
    pub policy: String,
    /// These sessions
    #[arg(long, value_name = "TENANT/EXAM/SESSION", value_delimiter = ',')]
    pub session: Vec<SessionId>,
    /// Sessions last scored then or later: a time (RFC 3339), or how long ago (2h, 3days)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<SystemTime>,
    /// All sessions
    #[arg(long)]
    pub all: bool,
    /// Print what would become of the scores, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How long to wait for the score role, for each 64 sessions
    #[arg(long, value_name = "TIME", default_value = "2min", value_parser = humantime::parse_duration)]
    pub wait: Duration,
    /// Brokers to begin with
    #[arg(long, value_name = "HOST:PORT,...")]
    pub brokers: Option<String>,
    /// A settings file; see config/default.toml for all keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl RescoreArgs {
    /// The settings that these arguments set.
    pub fn overrides(&self) -> Vec<Override> {
        brokers_override(self.brokers.as_deref()).into_iter().collect()
    }
}
