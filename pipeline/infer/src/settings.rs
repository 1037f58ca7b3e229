//! What the operator decides about looking at pictures; defaults are what was measured to be good.

use std::path::PathBuf;
use std::time::Duration;

use domain::observe::quality::QualityGate;

use crate::batcher::Batching;
use crate::provider::{IfMissing, Provider};

/// Where the models are and how they are used.
#[derive(Debug, Clone, PartialEq)]
pub struct VisionSettings {
    /// The folder with `manifest.toml`.
    pub models_dir: PathBuf,
    /// ONNX Runtime's shared library.
    pub runtime_library: PathBuf,
    /// On what models run.
    pub provider: Provider,
    /// What to do where that is not there.
    pub if_missing: IfMissing,
    /// How pictures go together on a GPU; on the processor each is looked at alone, which is faster there.
    pub batching: Batching,
    /// How many pictures are looked at at once, and with a GPU at least as many as a batch takes. On the
    /// processor each thread holds its own copy of every model.
    pub threads: usize,
    /// Which model of the manifest finds persons and objects.
    pub person_model: String,
    /// Which model of the manifest tells persons apart; the first one if none is named.
    pub identity_model: Option<String>,
    /// Whether models trained on research-only data may be used. Without them dark scenes are looked
    /// at by the ordinary face detector alone.
    pub accept_research_models: bool,
    /// Which pictures are worth looking at.
    pub gate: QualityGate,
    /// The largest faces of a picture, at most this many, are measured: pose and gaze.
    pub max_measured_faces: usize,
    /// At most this many parts of a picture are looked at again for faces that are small in the whole.
    pub max_second_looks: usize,
    /// Confidence from which on faces are handed on. What counts is decided later, by the policy.
    pub face_floor: f32,
    /// Confidence from which on persons are handed on.
    pub person_floor: f32,
    /// Confidence from which on objects are handed on.
    pub object_floor: f32,
}

impl VisionSettings {
    /// The defaults, for models in a folder as `make setup` fills it.
    pub fn new(models_dir: impl Into<PathBuf>) -> Self {
        let models_dir = models_dir.into();
        Self {
            runtime_library: models_dir.join("onnxruntime/libonnxruntime.so"),
            models_dir,
            provider: Provider::Cpu,
            if_missing: IfMissing::Refuse,
            batching: Batching { most: 16, wait: Duration::from_millis(2) },
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            person_model: "nanodet_g_int8".to_owned(),
            identity_model: None,
            accept_research_models: false,
            gate: QualityGate::default(),
            max_measured_faces: 6,
            max_second_looks: 3,
            face_floor: 0.5,
            person_floor: 0.3,
            object_floor: 0.25,
        }
    }
}
