//! What `invigilator compare` can be asked.

use std::path::PathBuf;

use clap::Args;
use kafka::Shadow;

use super::brokers_override;
use crate::settings::Override;

const EXAMPLES: &str = "\
Examples:
  invigilator compare --shadow v2
  invigilator compare --shadow v2 --json > differences.json
  invigilator compare --shadow v2 --most-changed 2 --brokers kafka-0:9092

Compares what `invigilator worker --shadow NAME` made of sessions with what counts: the scores of sessions that are
final on both sides, their bands, the differences of integrity, and the incidents by type (two are the same if
their times meet); and says with which models, settings and policies both sides worked. Changes nothing. Which
side is right it does not know. Exit code 1 with --most-changed if more sessions have another score, or if there
is nothing to compare.";

/// `invigilator compare`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompareArgs {
    /// The shadow
    #[arg(long, value_name = "NAME")]
    pub shadow: Shadow,
    /// Of 100 sessions at most so many may have another score
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub most_changed: Option<f64>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Brokers to begin with
    #[arg(long, value_name = "HOST:PORT,...")]
    pub brokers: Option<String>,
    /// A settings file; see config/default.toml for all keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl CompareArgs {
    /// The settings that these arguments set.
    pub fn overrides(&self) -> Vec<Override> {
        brokers_override(self.brokers.as_deref()).into_iter().collect()
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let percent: Option<f64> = text.parse().ok();
    percent.filter(|percent| (0.0..=100.0).contains(percent)).ok_or_else(|| "0 to 100".to_owned())
}
