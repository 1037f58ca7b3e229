//! What `invigilator bench wave` can be asked.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};

use super::{brokers_override, same_settings};
use crate::settings::Override;

const EXAMPLES: &str = "\
Examples:
  invigilator bench wave --brokers 127.0.0.1:9092
  invigilator bench wave --sessions 5000 --within 1min --lasts 3min --json wave.json --svg wave.svg
  invigilator bench wave --segment 10s --workers 3 --partitions 24 --broker-pid 4711

Simulates candidates, each with a life of their own that the seed decides: half sit and write, others leave, have
company, look aside, cover the camera; some observations come twice, late, too late or never; people decide about
incidents meanwhile. Observations, facts and decisions go to a real broker, under topics of their own, when their
time has come; processes of this program with the score role, settings as given, work on them. Told are the delay,
what waited, memory and processor time, what the same means for other numbers of sessions; and whether it was all
right: every session has its final score, nothing was said twice, and of a sample scores and incidents are, to the
byte, the fold of what was sent. Exit code 1 if not.

Sender, broker and workers share the machine they run on: where it cannot keep up, that is told, too. Observations
of a broker with one copy of each record say nothing about networks and followers.";

/// `invigilator bench wave`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct WaveArgs {
    /// How many candidates
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub sessions: u32,
    /// All of them begin within this time
    #[arg(long, value_name = "TIME", default_value = "5min", value_parser = humantime::parse_duration)]
    pub within: Duration,
    /// When the exam is over, counted from the first beginning
    #[arg(long, value_name = "TIME", default_value = "8min", value_parser = humantime::parse_duration)]
    pub lasts: Duration,
    /// Length of a segment, 1 s to 10 s: an observation each
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = segment)]
    pub segment: Duration,
    /// Decides what happens to whom
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Processes with the score role
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..=64))]
    pub workers: u32,
    /// Partitions of each topic
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = value_parser!(i32).range(1..=1000))]
    pub partitions: i32,
    /// How long it may take after the last record until every session is final; then what there is is told
    #[arg(long, value_name = "TIME", default_value = "30min", value_parser = humantime::parse_duration)]
    pub settle_within: Duration,
    /// Sessions whose results are compared with the fold of what was sent
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub compared: u32,
    /// The process of the broker, if it runs here: its processor time is told apart
    #[arg(long, value_name = "PID")]
    pub broker_pid: Option<u32>,
    /// Also write all figures as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also draw them, second by second
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
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

impl WaveArgs {
    /// The settings that these arguments set.
    pub fn overrides(&self) -> Vec<Override> {
        brokers_override(self.brokers.as_deref()).into_iter().collect()
    }

    /// The arguments that make another command use the same settings.
    pub fn same_settings(&self) -> Vec<String> {
        same_settings(self.brokers.as_deref(), self.config.as_deref())
    }
}

fn segment(text: &str) -> Result<Duration, String> {
    let length = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let is_whole = length.subsec_nanos() == 0 && (1..=10).contains(&length.as_secs());
    is_whole.then_some(length).ok_or_else(|| "1 to 10 whole seconds".to_owned())
}
