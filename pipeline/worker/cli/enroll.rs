//! What `invigilator enroll` can be asked.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use domain::ids::SessionId;

use super::{CommonArgs, brokers_override};
use crate::settings::Override;

const EXAMPLES: &str = "\
Examples:
  invigilator enroll --dry-run passport.jpg student-card.jpg
  invigilator enroll --session t1/e7/s42 passport.jpg --brokers kafka-0:9092
  invigilator enroll --session t1/e7/s42 passport.jpg --keep 7days

Looks whether photos show exactly one face, large, frontal, well lit and sharp enough, and says what is wrong
with each that does not. What the others show becomes a template, sealed with the key of the session
(privacy.vault) or the tenant's (privacy.keys_file), and is written to PREFIX.enrolments; no photo is. Faces in
the session's video are compared with it from then on, until it is erased or its time is over. A second
enrolment replaces the first. Exit code 3 if some photos and 4 if no photo can be used.";

/// `invigilator enroll`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct EnrollArgs {
    /// Photos of one person
    #[arg(required = true, value_name = "PHOTO")]
    pub photos: Vec<PathBuf>,
    /// The session in which that person is expected
    #[arg(long, value_name = "TENANT/EXAM/SESSION", required_unless_present = "dry_run")]
    pub session: Option<SessionId>,
    /// Only say whether the photos can be used
    #[arg(long)]
    pub dry_run: bool,
    /// How long the template may be used, by default as the settings say
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub keep: Option<Duration>,
    /// Brokers to begin with
    #[arg(long, value_name = "HOST:PORT,...")]
    pub brokers: Option<String>,
    /// What all analysing commands share.
    #[command(flatten)]
    pub common: CommonArgs,
}

impl EnrollArgs {
    /// The settings that these arguments set.
    pub fn overrides(&self) -> Vec<Override> {
        let mut overrides = self.common.overrides();
        overrides.extend(brokers_override(self.brokers.as_deref()));
        overrides
    }
}
