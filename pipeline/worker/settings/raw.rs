//! The form of a settings file: sections, keys, types. Its JSON schema is `config/schema/settings.json`.
//!
//! Where the domain has a type of its own with the same fields, it is used here directly. Bounds are
//! stated twice, here for editors and in [`validate`](super::validate) for the program; a test checks
//! that the program refuses what the schema does.

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
    /// Which pictures are worth looking at.
    pub quality: QualityGate,
    /// From which confidence on a detection is reported.
    pub observe: Reporting,
    /// Decoder children and what they accept.
    pub decode: RawDecode,
    /// Models and the threads that run them.
    pub infer: RawInfer,
    /// Which policy judges.
    pub policy: RawPolicy,
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
    /// Length of the stretches that a file is cut into.
    #[schemars(range(min = 1000, max = 10_000))]
    pub segment_ms: u32,
    /// How far pictures may be apart without a hole between them.
    #[schemars(range(min = 1000, max = 60_000))]
    pub hold_ms: u32,
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
}

/// Models and the threads that run them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawInfer {
    /// The folder with `manifest.toml`.
    pub models_dir: String,
    /// ONNX Runtime's shared library.
    pub runtime_library: String,
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

/// Which policy judges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPolicy {
    /// Name of a built-in policy, or a file.
    pub default: String,
}
