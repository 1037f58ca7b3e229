//! What can be asked for: commands and their arguments, with the help that users read.
//!
//! Parses and nothing more; each command is carried out by its file in [`commands`](crate::commands).

mod bench;
mod compare;
mod enroll;
mod erase;
mod evidence;
mod gateway;
mod plan;
mod redrive;
mod rescore;
mod topics;
mod upload;
mod wave;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, Parser, Subcommand};
use domain::ids::SessionId;
use kafka::Shadow;

pub use self::gateway::{GatewayAction, GatewayArgs, ReplayArgs, TokenArgs, TokenRole};
pub use bench::{BenchAction, BenchArgs};
pub use compare::CompareArgs;
pub use enroll::EnrollArgs;
pub use erase::EraseArgs;
pub use evidence::{EvidenceAction, EvidenceArgs, SweepArgs};
pub use plan::PlanArgs;
pub use redrive::RedriveArgs;
pub use rescore::RescoreArgs;

use crate::exit;
use crate::settings::Override;
pub use topics::{AclsArgs, CheckArgs, CreateArgs, PlaceArgs, TopicsAction, TopicsArgs};
pub use upload::UploadArgs;
pub use wave::WaveArgs;

/// Turns exam webcam video into explained integrity scores.
///
/// Every point of a score comes with its reason; what could not be seen never costs points; a human
/// decides.
#[derive(Debug, Parser)]
#[command(name = "invigilator", version, after_help = exit::TABLE, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Analyse video files: what was seen, incidents, an integrity score
    Analyze(AnalyzeArgs),
    /// Show a running system: a broker, a worker, sample clips as candidates
    Demo(DemoArgs),
    /// Publish recordings to Kafka as if they were live sessions
    Publish(PublishArgs),
    /// Upload recordings to a gateway as browsers do
    Upload(UploadArgs),
    /// Work on segments from Kafka: observe them, score what was observed
    Worker(WorkerArgs),
    /// Take uploads from browsers, and show dashboards what came of them
    #[command(after_help = gateway::EXAMPLES)]
    Gateway(GatewayArgs),
    /// Create or check the topics, or print who must be allowed what
    #[command(after_help = topics::EXAMPLES)]
    Topics(TopicsArgs),
    /// Give segments that were set aside another try
    Redrive(RedriveArgs),
    /// Judge sessions again under a policy, without video
    Rescore(RescoreArgs),
    /// Say what a shadow sees and judges otherwise than those whose results count
    Compare(CompareArgs),
    /// Say who is expected in a session: photos in, a sealed template out
    Enroll(EnrollArgs),
    /// Delete what is kept of a session, and print a receipt
    Erase(EraseArgs),
    /// Delete pictures of flagged moments that are past their time
    #[command(after_help = evidence::EXAMPLES)]
    Evidence(EvidenceArgs),
    /// Measure accuracy on labelled footage
    Eval(EvalArgs),
    /// Measure how many sessions a core carries
    Bench(BenchArgs),
    /// Size a cluster: cores, pods, partitions, bytes, cost
    Plan(PlanArgs),
    /// List or verify the models
    #[command(after_help = MODELS_EXAMPLES)]
    Models(ModelsArgs),
    /// Check settings and policy, and print every mistake
    CheckConfig(CheckConfigArgs),
    /// Say what is installed, what is missing, and what to do about it
    Doctor(DoctorArgs),
    /// Decode video for a parent process; not for people
    #[command(name = crate::settings::adapters::DECODE_CHILD, hide = true)]
    DecodeChild,
}

const ANALYZE_EXAMPLES: &str = "\
Examples:
  invigilator analyze exam.webm
  invigilator analyze recordings/ --html report.html
  invigilator analyze 'recordings/*.mp4' --json > findings.jsonl
  invigilator analyze exam.webm --reference passport.jpg
  invigilator analyze exam.webm --session t1/e7/s42 --policy config/policies/standard.toml

Several files, folders (with everything in them) and globs can be mixed; a file is analysed once.
Without --json a readable summary is printed; with --json one CloudEvent per line: observations,
incidents, scores, in order. Exit codes: `invigilator --help`.";

/// `invigilator analyze`
#[derive(Debug, Args)]
#[command(after_help = ANALYZE_EXAMPLES)]
pub struct AnalyzeArgs {
    /// Video files, folders or globs
    #[arg(required = true, value_name = "FILE")]
    pub inputs: Vec<PathBuf>,
    /// Print CloudEvents as JSON lines instead of a summary
    #[arg(long)]
    pub json: bool,
    /// Write a self-contained HTML report
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write pictures of flagged moments into a folder (the only pixels ever written)
    #[arg(long, value_name = "DIR")]
    pub evidence: Option<PathBuf>,
    /// Photos of whoever is expected: faces are compared with them
    #[arg(long, value_name = "PHOTO")]
    pub reference: Vec<PathBuf>,
    /// Samples per second of media time, 0.5 to 5; a suspicious segment is looked at more often still
    #[arg(long, value_name = "N")]
    pub fps: Option<f64>,
    /// The session that the (only) input stands for; by default it is named after the file's content
    #[arg(long, value_name = "TENANT/EXAM/SESSION")]
    pub session: Option<SessionId>,
    /// Show no progress bar
    #[arg(long)]
    pub no_progress: bool,
    /// What all analysing commands share.
    #[command(flatten)]
    pub common: CommonArgs,
}

const DEMO_EXAMPLES: &str = "\
Examples:
  invigilator demo
  invigilator demo --only calm,second-person,covered
  invigilator demo --brokers kafka-0:9092 --speed 1

Needs the clips and models of `make setup`. Ends when every score is final, with a table of scores and
reasons. Without --brokers a broker inside this process is used, which promises nothing. Nothing is left
behind but, on real brokers, topics that begin with demo-.";

/// `invigilator demo`
#[derive(Debug, Args)]
#[command(after_help = DEMO_EXAMPLES)]
pub struct DemoArgs {
    /// Brokers to use instead of the embedded one
    #[arg(long, value_name = "HOST:PORT,...")]
    pub brokers: Option<String>,
    /// The folder with the sample clips
    #[arg(long, value_name = "DIR", default_value = "tests/media/clips")]
    pub clips: PathBuf,
    /// Only these candidates
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// How many times as fast as they were recorded candidates are published
    #[arg(long, value_name = "N", default_value = "2")]
    pub speed: NonZeroU32,
    /// Where the dashboard is; by default 127.0.0.1:8080, or another port if that is taken
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Option<SocketAddr>,
    /// Stay open when all scores are final, until Ctrl-C, even if nobody watches
    #[arg(long)]
    pub stay: bool,
    /// What all analysing commands share.
    #[command(flatten)]
    pub common: CommonArgs,
}

const PUBLISH_EXAMPLES: &str = "\
Examples:
  invigilator publish exam.webm --brokers kafka-0:9092
  invigilator publish exam.webm --session t1/e7/s42 --realtime
  invigilator publish recordings/ --create-topics 4
  invigilator publish 'recordings/*.webm' --loop 50 --realtime
  invigilator publish exam.mp4 --by-reference --media /srv/media
  invigilator publish exam.mp4 --media s3://bucket/exams

Files (WebM, Matroska, MP4) are cut at keyframes into segments, without decoding, and written to
PREFIX.segments; PREFIX.sessions is told their start before and their end behind. Everything is
acknowledged when the command ends. A file is named after its content: published again it is the same
session, and its records change nothing. A stretch that cannot be decoded is published as a segment
without frames. Workers read media by reference only from what worker.media_prefixes lists; where buckets
are and who you are comes from AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
Exit codes: `invigilator --help`.";

/// `invigilator publish`
#[derive(Debug, Args)]
#[command(after_help = PUBLISH_EXAMPLES)]
pub struct PublishArgs {
    /// Video files, folders or globs
    #[arg(required = true, value_name = "FILE")]
    pub inputs: Vec<PathBuf>,
    /// The session that the (only) input stands for; by default it is named after the file's content
    #[arg(long, value_name = "TENANT/EXAM/SESSION")]
    pub session: Option<SessionId>,
    /// Publish every file as so many sessions, their names numbered -1, -2, ...
    #[arg(long = "loop", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub copies: u32,
    /// Send every segment when its end has passed, as a camera would; else as fast as possible
    #[arg(long)]
    pub realtime: bool,
    /// Sessions published at once; by default all with --realtime, else one for each core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub parallel: Option<u32>,
    /// The largest media that travel inside their record, in KiB
    #[arg(long, value_name = "KIB", default_value_t = 900)]
    pub inline_max: u32,
    /// Where larger media go, which records then refer to: a folder or s3://BUCKET/PREFIX
    #[arg(long, value_name = "DIR|URI")]
    pub media: Option<String>,
    /// Put all media there
    #[arg(long, requires = "media")]
    pub by_reference: bool,
    /// Create all topics that do not exist, with so many partitions (for development)
    #[arg(long, value_name = "PARTITIONS", value_parser = clap::value_parser!(i32).range(1..=1000))]
    pub create_topics: Option<i32>,
    /// Brokers to begin with
    #[arg(long, value_name = "HOST:PORT,...")]
    pub brokers: Option<String>,
    /// The policy that will judge: a name from config/policies/, or a file
    #[arg(long, value_name = "FILE|NAME")]
    pub policy: Option<String>,
    /// A settings file; see config/default.toml for all keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Show no progress bar
    #[arg(long)]
    pub no_progress: bool,
}

impl PublishArgs {
    /// The settings that these arguments set.
    pub fn overrides(&self) -> Vec<Override> {
        brokers_override(self.brokers.as_deref()).into_iter().collect()
    }
}

const WORKER_EXAMPLES: &str = "\
Examples:
  invigilator worker
  invigilator worker --role observe --brokers kafka-0:9092,kafka-1:9092
  INVIGILATOR__KAFKA__INSTANCE=score-0 invigilator worker --role score
  invigilator worker --shadow v2 --config new-models.toml

Reads PREFIX.segments, PREFIX.sessions and PREFIX.reviews; writes PREFIX.observations, PREFIX.incidents,
PREFIX.scores, PREFIX.score-state and PREFIX.dead-letters. Metrics and health: telemetry.listen. SIGTERM
or SIGINT: finish what is in hand and leave; a second one: leave now, which loses nothing.

With --shadow the same is read once more, by groups of its own, looked at and judged with these settings, models
and policy; results go to PREFIX.shadow-NAME.observations, .incidents, .scores, .score-state and .dead-letters
(`invigilator topics create --shadow NAME`), and nowhere else. `invigilator compare --shadow NAME` says what
differs.";

/// `invigilator worker`
#[derive(Debug, Args)]
#[command(after_help = WORKER_EXAMPLES)]
pub struct WorkerArgs {
    /// What to run in this process, by default everything
    #[arg(long, value_name = "ROLE", value_delimiter = ',', value_enum)]
    pub role: Vec<RoleArg>,
    /// Work in the shadow of those whose results count: other settings, models or another policy are tried
    #[arg(long, value_name = "NAME")]
    pub shadow: Option<Shadow>,
    /// Brokers to begin with
    #[arg(long, value_name = "HOST:PORT,...")]
    pub brokers: Option<String>,
    /// What all analysing commands share.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// A role on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RoleArg {
    /// Uploaded chunks to segments
    Cut,
    /// Segments to observations
    Observe,
    /// Observations to incidents and scores
    Score,
}

impl RoleArg {
    fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Observe => "observe",
            Self::Score => "score",
        }
    }
}

impl WorkerArgs {
    /// The settings that these arguments set.
    pub fn overrides(&self) -> Vec<Override> {
        let mut overrides = self.common.overrides();
        let default = if self.shadow.is_some() { [RoleArg::Observe, RoleArg::Score].as_slice() } else { &[] };
        let roles = if self.role.is_empty() { default } else { &self.role };
        if !roles.is_empty() {
            let roles: Vec<toml::Value> = roles.iter().map(|role| role.name().into()).collect();
            let argument = if self.role.is_empty() { "--shadow" } else { "--role" };
            overrides.push(Override { argument, key: "worker.roles", value: roles.into() });
        }
        overrides.extend(brokers_override(self.brokers.as_deref()));
        overrides
    }
}

/// What `--brokers` sets.
fn brokers_override(brokers: Option<&str>) -> Option<Override> {
    brokers.map(|brokers| Override { argument: "--brokers", key: "kafka.brokers", value: brokers.into() })
}

/// The arguments that make another command use the same brokers and settings.
fn same_settings(brokers: Option<&str>, config: Option<&Path>) -> Vec<String> {
    let brokers = brokers.map(|brokers| ["--brokers".to_owned(), brokers.to_owned()]);
    let config = config.map(|path| ["--config".to_owned(), path.display().to_string()]);
    brokers.into_iter().chain(config).flatten().collect()
}

/// A moment: RFC 3339, or how long ago.
fn moment(text: &str) -> Result<SystemTime, String> {
    let ago = humantime::parse_duration(text).ok().and_then(|ago| SystemTime::now().checked_sub(ago));
    ago.or_else(|| humantime::parse_rfc3339_weak(text).ok())
        .ok_or_else(|| "neither a time like 2026-11-24T14:00:00Z nor how long ago, like 2h".to_owned())
}

const EVAL_EXAMPLES: &str = "\
Examples:
  invigilator eval tests/media/clips
  invigilator eval footage/ --json accuracy.json
  invigilator eval footage/ --observations seen/
  invigilator eval webcam/ --pairs --plot pairs.svg --thresholds levels.toml

The folder holds videos and labels beside each other. Every figure comes with its sample size and an
interval; seconds not seen count as wrong unless they are labelled unusable.

With --observations nothing is looked at: what another program (or an earlier run) saw in footage/x.mp4 is
read from seen/x.jsonl, one observation a line, bare or as CloudEvents like those of `analyze --json`, and
judged and scored like the product's own. So the detections of both can be compared. A clip is still
decoded, to learn how long it is; one without such a file counts as refused.

With --pairs the folder holds photographs and videos of known persons (models/webcam makes such videos), and
identities.csv says who is in which: file, person, made_from, condition, group.";

/// `invigilator eval`
#[derive(Debug, Args)]
#[command(after_help = EVAL_EXAMPLES)]
pub struct EvalArgs {
    /// A folder with labelled videos or pictures
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Evaluate who is told from whom instead, on the photographs and videos of DIR/identities.csv
    #[arg(long, conflicts_with = "observations")]
    pub pairs: bool,
    /// Also draw how often persons are mistaken, as SVG
    #[arg(long, value_name = "FILE", requires = "pairs")]
    pub plot: Option<PathBuf>,
    /// Also write the levels of similarity, with what they were set on, as a part of a policy
    #[arg(long, value_name = "FILE", requires = "pairs")]
    pub thresholds: Option<PathBuf>,
    /// Judge observations that were made before, DIR/CLIP.jsonl, instead of looking at the clips
    #[arg(long, value_name = "DIR")]
    pub observations: Option<PathBuf>,
    /// Also write all figures as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Show no progress bar
    #[arg(long)]
    pub no_progress: bool,
    /// What all analysing commands share.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Arguments of every command that analyses.
#[derive(Debug, Args)]
pub struct CommonArgs {
    /// The policy that judges: a name from config/policies/, or a file
    #[arg(long, value_name = "FILE|NAME")]
    pub policy: Option<String>,
    /// A settings file; see config/default.toml for all keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Pictures looked at at once, by default as many as there are cores; changes no result
    #[arg(long, value_name = "N")]
    pub threads: Option<u16>,
}

impl CommonArgs {
    /// The settings that these arguments set.
    pub fn overrides(&self) -> Vec<Override> {
        let threads = self.threads.map(|threads| Override {
            argument: "--threads",
            key: "infer.threads",
            value: i64::from(threads).into(),
        });
        threads.into_iter().collect()
    }
}

const MODELS_EXAMPLES: &str = "\
Examples:
  invigilator models list
  invigilator models verify
  invigilator models verify --json";

/// `invigilator models`
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub action: ModelsAction,
}

/// What can be done with the models.
#[derive(Debug, Subcommand)]
pub enum ModelsAction {
    /// Name, task, size, licence and training data of every model
    List(ModelsCommon),
    /// Load every model and compare its hash and its tensors with the manifest
    Verify(ModelsCommon),
}

/// Arguments of both actions.
#[derive(Debug, Args)]
pub struct ModelsCommon {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// A settings file; see config/default.toml for all keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

const CHECK_CONFIG_EXAMPLES: &str = "\
Examples:
  invigilator check-config                        what would be used now
  invigilator check-config my.toml
  invigilator check-config --policy my-policy.toml
  invigilator check-config --schema > settings.schema.json

Environment variables INVIGILATOR__SECTION__KEY=value take part. Prints every mistake at once; exit
code 5 if there is one.";

/// `invigilator check-config`
#[derive(Debug, Args)]
#[command(after_help = CHECK_CONFIG_EXAMPLES)]
pub struct CheckConfigArgs {
    /// The settings file; by default the one in INVIGILATOR_CONFIG, else the built-in defaults
    pub file: Option<PathBuf>,
    /// The policy to check; by default the one that the settings name
    #[arg(long, value_name = "FILE|NAME")]
    pub policy: Option<String>,
    /// Print the JSON schema of settings files instead
    #[arg(long)]
    pub schema: bool,
}

const DOCTOR_EXAMPLES: &str = "\
Examples:
  invigilator doctor
  invigilator doctor --json

Exit code 6 if something that analysing needs is missing, 5 if settings or policy are invalid.";

/// `invigilator doctor`
#[derive(Debug, Args)]
#[command(after_help = DOCTOR_EXAMPLES)]
pub struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// A settings file; see config/default.toml for all keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
