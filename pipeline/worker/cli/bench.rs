//! What `invigilator bench` can be asked.

use std::path::PathBuf;

use clap::{Args, Subcommand, value_parser};

use super::{WaveArgs, brokers_override, same_settings};
use crate::settings::Override;

const EXAMPLES: &str = "\
Examples:
  invigilator bench exam.webm --brokers 127.0.0.1:9092
  invigilator bench exam-1.webm exam-2.webm --copies 8 --rounds 5 --json bench.json --svg bench.svg
  invigilator bench exam.webm --python .cache/baseline/bin/python
  invigilator bench exam-1.webm exam-2.webm --count

Publishes the recordings as sessions to a real broker, under topics of its own, and works them off with
this program as a worker: with one thread and with two; then runs the same decode calls and models alone,
and, with --python, the worker of benches/baseline. All of them in every round; figures are medians, with
the lowest and the highest. `make bench` does all of it, with a broker. The JSON is what `invigilator plan
--figures` reads.

With --count nothing is measured and no broker is needed: the files are analysed once, and what that takes
is counted exactly, file by file: frames decoded, pictures, model runs.

`bench wave` needs no video: thousands of simulated candidates for the score role alone.";

/// What can be measured besides recordings.
#[derive(Debug, Subcommand)]
pub enum BenchAction {
    /// Measure the score role on thousands of simulated candidates who begin within minutes
    Wave(WaveArgs),
}

/// `invigilator bench`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct BenchArgs {
    /// Something else than recordings.
    #[command(subcommand)]
    pub action: Option<BenchAction>,
    /// Video files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Sessions made of each file
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = value_parser!(u32).range(1..))]
    pub copies: u32,
    /// Only count what is done with each file
    #[arg(long, conflicts_with_all = ["python", "broker_pid", "svg"])]
    pub count: bool,
    /// How often everything is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// An interpreter with the packages of benches/baseline/requirements.txt: measures that worker too
    #[arg(long, value_name = "FILE")]
    pub python: Option<PathBuf>,
    /// The worker that it runs
    #[arg(long, value_name = "FILE", default_value = "benches/baseline/worker.py", requires = "python")]
    pub baseline: PathBuf,
    /// The process of the broker, if it runs here: its processor time is printed, and not counted
    #[arg(long, value_name = "PID")]
    pub broker_pid: Option<u32>,
    /// Also write all figures as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also draw them
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

impl BenchArgs {
    /// The settings that these arguments set.
    pub fn overrides(&self) -> Vec<Override> {
        brokers_override(self.brokers.as_deref()).into_iter().collect()
    }

    /// The arguments that make another command use the same settings.
    pub fn same_settings(&self) -> Vec<String> {
        same_settings(self.brokers.as_deref(), self.config.as_deref())
    }
}
