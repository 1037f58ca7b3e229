//! The form of a settings file: sections, keys, types. Its JSON schema is `config/schema/settings.json`.
//!
//! Where the domain has a type of its own with the same fields, it is used here directly. Bounds are
//! stated twice, here for editors and in [`validate`](super::validate) for the program; a test checks
//! that the program refuses what the schema does.

use std::collections::BTreeMap;

use domain::observe::Reporting;
use domain::observe::quality::QualityGate;
use domain::sampling::Suspicion;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the `invigilator` program; every key is optional and documented in
/// `config/default.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Invigilator settings")]
pub struct RawSettings {
    /// Which instants of a video are looked at.
    pub sampling: RawSampling,
    /// What makes a sample worth a closer look.
    pub suspicion: Suspicion,
    /// When fewer instants are looked at.
    pub adaptive: RawAdaptive,
    /// Which pictures are worth looking at.
    pub quality: QualityGate,
    /// From which confidence on a detection is reported.
    pub observe: Reporting,
    /// How faces are compared with the enrolled one.
    pub identity: RawIdentity,
    /// What only those can read who have the session's key.
    pub privacy: RawPrivacy,
    /// Pictures of flagged moments.
    pub evidence: RawEvidence,
    /// Decoder children and what they accept.
    pub decode: RawDecode,
    /// Models and the threads that run them.
    pub infer: RawInfer,
    /// Which policy judges.
    pub policy: RawPolicy,
    /// Where records come from and go to.
    pub kafka: RawKafka,
    /// What runs in this process, and how much memory it may hold.
    pub worker: RawWorker,
    /// The door for browsers.
    pub gateway: RawGateway,
    /// What operators see.
    pub telemetry: RawTelemetry,
}

/// Which instants of a video are looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSampling {
    /// Samples per second of media time.
    #[schemars(range(min = 0.5, max = 5.0))]
    pub base_fps: f32,
    /// Samples per second in a segment with a suspicious sample; a multiple of `base_fps`.
    #[schemars(range(min = 0.5, max = 10.0))]
    pub escalated_fps: f32,
    /// By how much the picture of a sample may be older than the sample, where that spares decoding.
    #[schemars(range(max = 250))]
    pub slack_ms: u32,
    /// How often persons and objects are looked for while exactly one face is seen; 0: in every sample.
    #[schemars(range(max = 5000))]
    pub things_every_ms: u32,
    /// Length of the stretches that a file is cut into.
    #[schemars(range(min = 1000, max = 10_000))]
    pub segment_ms: u32,
    /// How far pictures may be apart without a hole between them.
    #[schemars(range(min = 1000, max = 60_000))]
    pub hold_ms: u32,
}

/// When fewer instants are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAdaptive {
    /// How long a session is calm before only its keyframes are looked at; 0: that never happens.
    #[schemars(range(max = 3_600_000))]
    pub calm_after_ms: u32,
    /// How far this process may be behind before samples are shed; 0: none ever are.
    #[schemars(range(max = 86_400_000))]
    pub most_behind_ms: u32,
    /// Of tenants that get more than one part of what there is when there is not enough.
    pub shares: BTreeMap<String, u32>,
}

/// How faces are compared with the enrolled one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawIdentity {
    /// How long a template may be used from when it was made, in days.
    #[schemars(range(min = 1, max = 3650))]
    pub keep_days: u16,
    /// How often a face is compared where nothing is in doubt.
    #[schemars(range(min = 1000, max = 600_000))]
    pub every_ms: u32,
    /// Comparisons in a segment where something is in doubt.
    #[schemars(range(min = 4, max = 16))]
    pub burst: u16,
    /// A similarity below this is in doubt.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub doubt_below: f32,
}

/// What only those can read who have the session's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPrivacy {
    /// A file with the tenants' keys; empty = none.
    pub keys_file: String,
    /// Where the sessions' keys lie: `file:///FOLDER/` or `s3://BUCKET/PREFIX/`; empty = nowhere.
    pub vault: String,
    /// Whether payloads are sealed with the keys of their sessions.
    pub encrypt: bool,
}

/// Pictures of flagged moments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawEvidence {
    /// Address of the place that pictures lie in; empty = none are kept.
    pub store: String,
    /// How long a picture is kept, in days.
    #[schemars(range(min = 1, max = 3650))]
    pub keep_days: u16,
    /// Pictures of one session are at least so far apart.
    #[schemars(range(min = 1000, max = 600_000))]
    pub apart_ms: u32,
}

/// Decoder children and what they accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDecode {
    /// How many decoder children run at most.
    #[schemars(range(min = 1, max = 64))]
    pub children: u16,
    /// A decoder that makes no progress for this long is killed.
    #[schemars(range(min = 1000, max = 120_000))]
    pub stall_timeout_ms: u32,
    /// Longer side of the largest accepted picture, in pixels.
    #[schemars(range(min = 64, max = 8192))]
    pub longer_side: u32,
    /// Shorter side of the largest accepted picture, in pixels.
    #[schemars(range(min = 64, max = 8192))]
    pub shorter_side: u32,
    /// The longest accepted video, in hours.
    #[schemars(range(min = 1, max = 48))]
    pub max_hours: u16,
    /// Memory that a decoder may allocate, in MiB.
    #[schemars(range(min = 128, max = 16384))]
    pub memory_mib: u32,
    /// Processor time that a decoder may use in its life, in seconds.
    #[schemars(range(min = 60, max = 86_400))]
    pub cpu_s: u32,
    /// A decoder is replaced after so many segments.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub recycle_after: u32,
    /// Barriers around decoders without which nothing is decoded.
    pub require: Vec<Barrier>,
}

/// What keeps a decoder that was taken over from doing harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Barrier {
    /// No files, no TCP.
    Landlock,
    /// Few calls of the kernel.
    Seccomp,
    /// Memory and processor time are limited.
    Limits,
}

/// Models and the threads that run them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawInfer {
    /// The folder with `manifest.toml`.
    pub models_dir: String,
    /// ONNX Runtime's shared library.
    pub runtime_library: String,
    /// On what models run.
    pub provider: Provider,
    /// What to do on a machine without it.
    pub provider_missing: ProviderMissing,
    /// Most pictures that a GPU looks at together.
    #[schemars(range(min = 1, max = 256))]
    pub batch_pictures: u16,
    /// How long a picture waits for others to be looked at together, in milliseconds.
    #[schemars(range(min = 0, max = 1000))]
    pub batch_wait_ms: u32,
    /// Pictures looked at at once; 0 = as many as there are cores.
    #[schemars(range(min = 0, max = 1024))]
    pub threads: u16,
    /// The model of the manifest that finds persons and objects.
    pub person_model: String,
    /// Whether models trained on research-only data may be used.
    pub accept_research_models: bool,
    /// Most faces of a picture that are measured.
    #[schemars(range(min = 2, max = 16))]
    pub max_measured_faces: u16,
    /// Most parts of a picture that are looked at again for small faces.
    #[schemars(range(min = 0, max = 16))]
    pub max_second_looks: u16,
}

/// On what models run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// The processor.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
}

/// What to do on a machine without the wanted provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProviderMissing {
    /// Not start.
    Refuse,
    /// Work on the processor.
    FallBack,
}

/// Which policy judges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPolicy {
    /// Name of a built-in policy, or a file.
    pub default: String,
}

/// Where records come from and go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawKafka {
    /// Brokers to begin with, host:port, separated by commas.
    pub brokers: String,
    /// How every topic's name begins.
    pub topic_prefix: String,
    /// How every consumer group's name begins.
    pub group_prefix: String,
    /// A stable name for this process; empty = host name and process id.
    pub instance: String,
    /// Whether brokers know this process again by its instance name.
    pub static_membership: bool,
    /// Who shares partitions out among processes.
    pub group_protocol: GroupProtocol,
    /// How long a process may be out of touch before its partitions go to others.
    #[schemars(range(min = 1000, max = 300_000))]
    pub session_timeout_ms: u32,
    /// How long a transaction of scores may stay open before the brokers abort it.
    #[schemars(range(min = 1000, max = 900_000))]
    pub transaction_timeout_ms: u32,
    /// A file of further client properties, `key=value` a line; empty = none.
    pub client_properties: String,
    /// The largest record that is sent or fetched, in KiB.
    #[schemars(range(min = 64, max = 65_536))]
    pub max_record_kib: u32,
}

/// Who shares partitions out among processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupProtocol {
    /// One of them.
    Classic,
    /// The brokers (KIP-848), from Kafka 4.0 on.
    Consumer,
}

/// What runs in this process, and how much memory it may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawWorker {
    /// Roles that run in this process.
    pub roles: Vec<Role>,
    /// Uploads that are cut: what has come and is in no segment yet, in MiB.
    #[schemars(range(min = 16, max = 65_536))]
    pub chunks_mib: u32,
    /// An upload of which nothing comes for this long is taken to be silent.
    #[schemars(range(min = 1000, max = 600_000))]
    pub cut_silence_ms: u32,
    /// Segments that wait to be decoded, in MiB of media.
    #[schemars(range(min = 1, max = 65_536))]
    pub media_mib: u32,
    /// Pictures that wait to be looked at, in MiB.
    #[schemars(range(min = 16, max = 65_536))]
    pub pictures_mib: u32,
    /// Most segments whose pictures are looked at together.
    #[schemars(range(min = 1, max = 256))]
    pub batch: u16,
    /// How long an orderly end may take.
    #[schemars(range(min = 1000, max = 600_000))]
    pub drain_deadline_ms: u32,
    /// How long a transaction of scores gathers records.
    #[schemars(range(min = 10, max = 10_000))]
    pub score_linger_ms: u32,
    /// A session that has ended but lacks records is scored without them after this long.
    #[schemars(range(min = 1000, max = 3_600_000))]
    pub idle_after_end_ms: u32,
    /// For how long a session stays in memory after its score is final.
    #[schemars(range(max = 86_400_000))]
    pub final_in_memory_ms: u32,
    /// A session that never ended is taken to be over after this long without a record.
    #[schemars(range(min = 1000))]
    pub idle_after_ms: u32,
    /// Video of a running session that stops to come for this long is told of.
    #[schemars(range(min = 1000, max = 3_600_000))]
    pub stream_lost_after_ms: u32,
    /// Prefixes of the addresses that media named by reference may come from.
    pub media_prefixes: Vec<String>,
    /// How long a segment that fails for no fault of its own is tried again.
    #[schemars(range(min = 1000, max = 86_400_000))]
    pub retry_for_ms: u32,
}

/// A part of the work that can run in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Uploaded chunks to segments: cuts, without decoding.
    Cut,
    /// Segments to observations: decodes and looks.
    Observe,
    /// Observations to incidents and scores.
    Score,
}

impl Role {
    /// All of them, in the order in which data meets them.
    pub const ALL: [Self; 3] = [Self::Cut, Self::Observe, Self::Score];

    /// As in settings, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Observe => "observe",
            Self::Score => "score",
        }
    }
}

/// The door for browsers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawGateway {
    /// Address of the API and of the pages.
    pub listen: String,
    /// File with the certificate chain, PEM; empty = plain HTTP.
    pub tls_cert: String,
    /// File with its private key, PEM.
    pub tls_key: String,
    /// File with the secrets of the gateway's own tokens, one a line.
    pub key_file: String,
    /// For whom tokens must be meant.
    pub audience: String,
    /// Issuer of the identity provider's tokens; empty = there is none.
    pub issuer: String,
    /// The identity provider's keys: a file, or an address.
    pub jwks: String,
    /// Who the dashboard is to the identity provider, which signs people in; empty = it does not.
    pub sign_in_client: String,
    /// What the dashboard asks for then.
    pub sign_in_scope: String,
    /// For whom it wants the token; empty = the provider knows.
    pub sign_in_resource: String,
    /// Origins that the dashboard may ask besides the issuer's.
    pub sign_in_origins: Vec<String>,
    /// How long an upload token is good, in seconds.
    #[schemars(range(min = 60, max = 86_400))]
    pub token_ttl_s: u32,
    /// The folder with what dashboards are shown; rebuilt from Kafka if it is lost.
    pub store: String,
    /// The largest chunk, in KiB.
    #[schemars(range(min = 16, max = 65_000))]
    pub max_chunk_kib: u32,
    /// How much a session may upload in the long run, in KiB per second.
    #[schemars(range(min = 16, max = 1_000_000))]
    pub session_kib_per_s: u32,
    /// Memory for uploads that are on their way, in MiB.
    #[schemars(range(min = 1, max = 65_536))]
    pub upload_mib: u32,
    /// Most connections.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections: u32,
    /// Most connections from one address; 0: as many as there may be.
    #[schemars(range(max = 1_000_000))]
    pub connections_per_address: u32,
    /// Most listeners of events.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub listeners: u32,
    /// Requests per second of a token.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests_per_s: u32,
    /// How long the header of a request may take.
    #[schemars(range(min = 100, max = 600_000))]
    pub header_timeout_ms: u32,
    /// How long the body of a chunk may take.
    #[schemars(range(min = 100, max = 600_000))]
    pub body_timeout_ms: u32,
    /// How long a chunk may take to be acknowledged by brokers.
    #[schemars(range(min = 1000, max = 600_000))]
    pub append_timeout_ms: u32,
    /// How long requests may go on after the end was asked for.
    #[schemars(range(min = 1000, max = 600_000))]
    pub drain_deadline_ms: u32,
    /// Origins whose pages may call the API from a browser.
    pub cors_origins: Vec<String>,
    /// Names or files of policies that sessions may be created under, besides the built-in ones.
    pub policies: Vec<String>,
    /// File that says which other systems are told of results; empty = none.
    pub subscribers: String,
}

/// What operators see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTelemetry {
    /// Address of `/metrics`, `/healthz` and `/readyz`; empty = none.
    pub listen: String,
    /// Address of an OpenTelemetry collector; empty = none.
    pub otlp_endpoint: String,
    /// Least level that is logged.
    pub log_level: LogLevel,
    /// How a line of the log looks.
    pub log_format: LogFormat,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// A result was lost, or an operator is needed.
    Error,
    /// Something went wrong and was mended.
    Warn,
    /// What an operator did, and what came of it.
    Info,
    /// Each record.
    Debug,
    /// Each picture.
    Trace,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object.
    Json,
    /// For people.
    Text,
}
