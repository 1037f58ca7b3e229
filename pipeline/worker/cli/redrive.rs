//! What `invigilator redrive` can be asked.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use domain::ids::SessionId;

use super::{brokers_override, moment};
use crate::settings::Override;

const EXAMPLES: &str = "\
Examples:
  invigilator redrive --dry-run
  invigilator redrive --reason media_unreadable --since 2h
  invigilator redrive --session t1/e7/s42 --brokers kafka-0:9092
  invigilator redrive --stage fetch --since 2026-11-24T14:00:00Z --until 2026-11-24T15:00:00Z

Reads PREFIX.dead-letters as far as it goes now, and writes the segments in it back to PREFIX.segments,
untouched but for ce_attempt, which is one more. What is seen this time takes the place of what was noted as
undecodable, and the session is judged again from its whole log; a segment that was seen already is never
replaced. Once a segment is back, that is noted in PREFIX.dead-letters: a letter is redriven once, however
often this is called. Should it end between the two, the segment comes back twice, and counts once. Should
a segment fail again, that is another letter. Records that are no segment stay where they are.
Exit codes: `invigilator --help`.";

/// `invigilator redrive`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RedriveArgs {
    /// Only letters set aside for one of these reasons (dlq-reason)
    #[arg(long, value_name = "REASON", value_delimiter = ',')]
    pub reason: Vec<String>,
    /// Only letters from this stage (dlq-stage)
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,
    /// Only letters of this session
    #[arg(long, value_name = "TENANT/EXAM/SESSION")]
    pub session: Option<SessionId>,
    /// Only letters set aside then or later: a time (RFC 3339), or how long ago (2h, 3days)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<SystemTime>,
    /// Only letters set aside before: a time, or how long ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<SystemTime>,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Brokers to begin with
    #[arg(long, value_name = "HOST:PORT,...")]
    pub brokers: Option<String>,
    /// A settings file; see config/default.toml for all keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Show no progress bar
    #[arg(long)]
    pub no_progress: bool,
}

impl RedriveArgs {
    /// The settings that these arguments set.
    pub fn overrides(&self) -> Vec<Override> {
        brokers_override(self.brokers.as_deref()).into_iter().collect()
    }
}
