//! The settings of the program: from commented TOML to values that the stages can rely on.
//!
//! ```text
//! config/default.toml ─▶ file ─▶ environment ─▶ command line     later ones win
//!                └───────┴── layers (key by key) ──┴─▶ raw ─▶ validate ─▶ Settings
//! ```
//!
//! | File | Responsible for |
//! |---|---|
//! | [`layers`] | keys and values of each source, with the place they were written at |
//! | [`raw`] | the form of the file; the JSON schema comes from it |
//! | [`validate`] | what a type cannot say: bounds, and rates that fit together |
//! | [`problem`] | how mistakes are reported: all at once, each with key, place and remedy |
//! | [`fingerprint`] | the hash of what can change an observation |
//! | [`adapters`] | which settings each adapter gets |
//! | [`properties`] | the file of client properties, and its secrets |
//! | [`schema`] | the JSON schemas of settings and policy files |
//! | [`service`] | settings of running services: Kafka, the worker's memory, telemetry |
//! | [`gateway`] | settings of the gateway |
//! | [`places`] | where relative paths lead |
//! | [`policy`] | policies: by name or by file, with id, version and hash |
//!
//! No implicit file is read from the current directory: what a run does must not depend on where it
//! was started. Not responsible for: thresholds of incidents and points; they are the policy's.

pub mod adapters;
pub mod fingerprint;
pub mod gateway;
pub mod layers;
pub mod places;
pub mod policy;
pub mod problem;
pub mod properties;
pub mod raw;
pub mod schema;
pub mod service;
pub mod validate;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::identity::Cadence;
use domain::observe::Reporting;
use domain::observe::quality::QualityGate;
use domain::sampling::{SampleGrid, Suspicion};
use domain::time::Millis;

use crate::media::Prefix;

pub use self::gateway::Gateway;
pub use problem::{Problem, SettingsError};
pub use raw::{Barrier, LogFormat, LogLevel, Provider, ProviderMissing, Role};
pub use service::{Kafka, Telemetry, Worker};

/// The defaults, and their documentation.
pub const DEFAULT_TOML: &str = include_str!("../../../config/default.toml");

/// Names the settings file when `--config` does not.
pub const CONFIG_VARIABLE: &str = "INVIGILATOR_CONFIG";

/// Every environment variable that begins so sets one key: `INVIGILATOR__DECODE__CHILDREN=2`.
pub const VARIABLE_PREFIX: &str = "INVIGILATOR__";

/// Validated settings. What each one means is written in `config/default.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Which instants are looked at.
    pub sampling: Sampling,
    /// What makes a sample worth a closer look.
    pub suspicion: Suspicion,
    /// When fewer instants are looked at.
    pub adaptive: Adaptive,
    /// Which pictures are worth looking at.
    pub quality: QualityGate,
    /// From which confidence on a detection is reported.
    pub observe: Reporting,
    /// How faces are compared with the enrolled one.
    pub identity: Identity,
    /// What is sealed, and with what.
    pub privacy: Privacy,
    /// Pictures of flagged moments.
    pub evidence: Evidence,
    /// Decoder children and what they accept.
    pub decode: Decode,
    /// Models and the threads that run them.
    pub infer: Infer,
    /// Name or file of the policy that is used when none is asked for.
    pub policy: String,
    /// Where records come from and go to.
    pub kafka: Kafka,
    /// What runs in this process, and how much memory it may hold.
    pub worker: Worker,
    /// The door for browsers.
    pub gateway: Gateway,
    /// What operators see.
    pub telemetry: Telemetry,
    /// SHA-256 over everything in here that can change an observation, lower-case hex.
    pub config_hash: String,
    /// The same where models run on the processor, as they do after a fall-back.
    pub config_hash_on_cpu: String,
}

/// Which instants of a video are looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// The base grid and the escalated grid.
    pub grid: SampleGrid,
    /// By how much the picture of a sample may be older than the sample.
    pub slack: Millis,
    /// How often persons and objects are looked for while exactly one face is seen.
    pub things_every: Millis,
    /// Length of a segment.
    pub segment: Millis,
    /// How far pictures may be apart without a hole between them.
    pub hold: Millis,
}

/// When fewer instants are looked at. What follows from it is recorded in each observation's plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adaptive {
    /// How long a session is calm before only its keyframes are looked at; `None`: that never happens.
    pub calm_after: Option<Millis>,
    /// How far this process may be behind before samples are shed; `None`: none ever are.
    pub most_behind: Option<Millis>,
    /// Of tenants that get more than one part of what there is when there is not enough.
    pub shares: BTreeMap<String, u32>,
}

/// How faces are compared with the enrolled one.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// How long a template may be used from when it was made.
    pub keep: Duration,
    /// How often, and how often in doubt.
    pub cadence: Cadence,
}

/// What is sealed, and with what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Privacy {
    /// A file with the tenants' keys.
    pub keys_file: Option<PathBuf>,
    /// Where the sessions' keys lie.
    pub vault: Option<Prefix>,
    /// Whether payloads are sealed with the keys of their sessions.
    pub encrypt: bool,
}

/// Pictures of flagged moments. Which sessions have any is for their policies to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The place that they lie in; `None`: none are kept, whatever policies ask for.
    pub store: Option<Prefix>,
    /// How long a picture is kept.
    pub keep: Duration,
    /// Pictures of one session are at least so far apart.
    pub apart: Millis,
}

/// Decoder children and what they accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decode {
    /// How many run at most.
    pub children: NonZeroUsize,
    /// A child that makes no progress for this long is killed.
    pub stall_timeout: Duration,
    /// Longer side of the largest accepted picture, in pixels.
    pub longer_side: u32,
    /// Shorter side of the largest accepted picture, in pixels.
    pub shorter_side: u32,
    /// The longest accepted video.
    pub max_media: Millis,
    /// Memory that a child may allocate.
    pub memory_bytes: u64,
    /// Processor time that a child may use in its life.
    pub cpu_limit: Duration,
    /// A child is replaced after so many media.
    pub recycle_after: u32,
    /// Barriers without which nothing is decoded.
    pub require: Vec<Barrier>,
}

/// Models and the threads that run them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Infer {
    /// The folder with `manifest.toml`, already resolved.
    pub models_dir: PathBuf,
    /// ONNX Runtime's shared library, already resolved.
    pub runtime_library: PathBuf,
    /// On what models run.
    pub provider: Provider,
    /// What to do on a machine without it.
    pub provider_missing: ProviderMissing,
    /// Most pictures that a GPU looks at together.
    pub batch_pictures: NonZeroUsize,
    /// How long a picture waits for others to be looked at together.
    pub batch_wait: Duration,
    /// How many pictures are looked at at once.
    pub threads: NonZeroUsize,
    /// The model of the manifest that finds persons and objects.
    pub person_model: String,
    /// Whether models trained on research-only data may be used.
    pub accept_research_models: bool,
    /// Most faces of a picture that are measured.
    pub max_measured_faces: usize,
    /// Most parts of a picture that are looked at again for small faces.
    pub max_second_looks: usize,
}

/// Where the settings of one run come from, besides the built-in defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The settings file.
    pub file: Option<PathBuf>,
    /// Environment variables, all of them or those that matter.
    pub environment: Vec<(String, String)>,
    /// What the command line says.
    pub arguments: Vec<Override>,
}

/// One key that the command line sets.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// The argument, for messages: `--fps`.
    pub argument: &'static str,
    /// The key, dotted: `sampling.base_fps`.
    pub key: &'static str,
    /// Its value.
    pub value: toml::Value,
}

impl Sources {
    /// The sources of this process: `--config` or [`CONFIG_VARIABLE`], and the environment.
    pub fn of_process(config: Option<&Path>) -> Self {
        let named = std::env::var_os(CONFIG_VARIABLE).filter(|name| !name.is_empty());
        let mut environment: Vec<(String, String)> = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .filter(|(name, _)| name.starts_with(VARIABLE_PREFIX))
            .collect();
        // The system lists them in no order.
        environment.sort();
        let file = config.map(Path::to_owned).or_else(|| named.map(PathBuf::from));
        Self { file, environment, arguments: Vec::new() }
    }
}

impl Settings {
    /// Reads, merges and checks all sources.
    ///
    /// # Errors
    /// If the file cannot be read, or with every mistake of every source.
    pub fn load(sources: &Sources) -> Result<Self, SettingsError> {
        let merged = layers::merge(sources)?;
        validate::validate(&merged)
    }

    /// The built-in defaults.
    ///
    /// # Panics
    /// Never: a test loads them.
    pub fn defaults() -> Self {
        Self::load(&Sources::default()).expect("the embedded defaults are valid")
    }
}
