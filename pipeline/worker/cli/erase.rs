//! What `invigilator erase` can be asked.

use std::path::PathBuf;

use clap::Args;
use domain::ids::SessionId;

use super::brokers_override;
use crate::settings::Override;

const EXAMPLES: &str = "\
Examples:
  invigilator erase t1/e7/s42
  invigilator erase t1/e7/s42 --receipt s42.json

Destroys the key that the session's video and template are sealed with, if there is a vault (privacy.vault), and
deletes what is kept of the session by its name: pictures of flagged moments, if there is a place for them
(evidence.store), the enrolment, the score, the states of cutting and scoring.
Reads the topics again, and prints a receipt as JSON: what became of the key, what was deleted where, and in which
topics records of the session stay for how long at most, because brokers delete those by age alone. Only sessions whose score
is final, or that have none, are erased. Brokers take tombstones at once and drop what was before them when they
compact. Exit code 7 if it is not certain that all was deleted; to erase again does no harm.";

/// `invigilator erase`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct EraseArgs {
    /// The session
    #[arg(value_name = "TENANT/EXAM/SESSION")]
    pub session: SessionId,
    /// Write the receipt to a file, not to the terminal
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
    /// Brokers to begin with
    #[arg(long, value_name = "HOST:PORT,...")]
    pub brokers: Option<String>,
    /// A settings file; see config/default.toml for all keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl EraseArgs {
    /// The settings that these arguments set.
    pub fn overrides(&self) -> Vec<Override> {
        brokers_override(self.brokers.as_deref()).into_iter().collect()
    }
}
