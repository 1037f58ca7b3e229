//! What can go wrong between a picture and its detections, and what each case means for the picture.

use std::path::PathBuf;

use domain::error::ErrorKind;

/// Why a model cannot be used, or a picture could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum InferError {
    /// ONNX Runtime's library is not where the settings say.
    #[error("no ONNX Runtime library at {path}: run `make setup`")]
    RuntimeMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The library is there and does not work.
    #[error("the ONNX Runtime library at {path} cannot be used: {reason}")]
    RuntimeUnusable {
        /// The library.
        path: PathBuf,
        /// What it says.
        reason: String,
    },
    /// A process has one ONNX Runtime, and it already has another one.
    #[error("this process already uses the ONNX Runtime library at {loaded}, not {path}")]
    RuntimeAlreadyLoaded {
        /// The wanted library.
        path: PathBuf,
        /// The loaded one.
        loaded: PathBuf,
    },
    /// The manifest cannot be read.
    #[error("no model manifest at {path}")]
    ManifestUnreadable {
        /// The manifest.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The manifest is not what it should be.
    #[error("the model manifest {path} is invalid")]
    ManifestInvalid {
        /// The manifest.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// The manifest is of a later form than this program knows.
    #[error("the model manifest {path} has schema version {found}, this program reads {known}")]
    ManifestVersion {
        /// The manifest.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version that this program reads.
        known: u32,
    },
    /// No model of the manifest does the task under the asked name.
    #[error("the manifest lists no model {wanted} for the task {task}")]
    ModelUnknown {
        /// Its name, or "any".
        wanted: String,
        /// The task.
        task: &'static str,
    },
    /// The model's file is not there.
    #[error("no file of the model {name} at {path} ({reason}): run `make setup`")]
    ModelMissing {
        /// The model.
        name: String,
        /// Where its file should be.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The model's file is not the one that the manifest describes.
    #[error("refused the model {name}: {path} hashes to {found}, the manifest says {expected}")]
    HashDiffers {
        /// The model.
        name: String,
        /// Its file.
        path: PathBuf,
        /// SHA-256 in the manifest.
        expected: String,
        /// SHA-256 of the file.
        found: String,
    },
    /// The model's inputs or outputs are not the ones that were agreed on.
    #[error("refused the model {name}: {expecting} expects {expected}, {having} has {found}")]
    ContractDiffers {
        /// The model.
        name: String,
        /// Who expects: the manifest or the decoder.
        expecting: &'static str,
        /// The tensors expected.
        expected: String,
        /// Who differs: the file or the manifest.
        having: &'static str,
        /// The tensors found.
        found: String,
    },
    /// The model was trained on data for research only, and the operator has not accepted that.
    #[error("the model {name} was trained on research-only data: needs accept_research_models = true")]
    ResearchOnly {
        /// The model.
        name: String,
    },
    /// ONNX Runtime cannot load the model.
    #[error("ONNX Runtime cannot load the model {name}: {reason}")]
    ModelUnloadable {
        /// The model.
        name: String,
        /// What ONNX Runtime says.
        reason: String,
    },
    /// CUDA is wanted, and the library was built without it.
    #[error(
        "the ONNX Runtime library at {path} was built without CUDA: run `make setup-gpu` and set \
         infer.runtime_library = \"models/onnxruntime-gpu/libonnxruntime.so\", or infer.provider = \"cpu\""
    )]
    CudaNotInLibrary {
        /// The library.
        path: PathBuf,
    },
    /// CUDA is wanted and does not work on this machine.
    #[error(
        "CUDA cannot be used: {reason}; it needs an NVIDIA GPU, its driver, and CUDA and cuDNN where the \
         dynamic linker finds them (models/README.md); infer.provider = \"cpu\" does without"
    )]
    CudaUnusable {
        /// What ONNX Runtime says.
        reason: String,
    },
    /// The GPU, or the thread that works with it, has failed: nothing that follows is known to work.
    #[error("models run on the GPU no longer: {reason}")]
    DeviceFailed {
        /// What ONNX Runtime says.
        reason: String,
    },
    /// The threads could not be started.
    #[error("cannot start the threads of the vision pool: {reason}")]
    ThreadsUnavailable {
        /// What the system says.
        reason: String,
    },
    /// A model failed on a picture.
    #[error("the model {name} failed: {reason}")]
    RunFailed {
        /// The model.
        name: String,
        /// What ONNX Runtime says.
        reason: String,
    },
    /// A picture could not be scaled or converted.
    #[error("cannot convert a picture: {reason}")]
    PixelsUnusable {
        /// What the library says.
        reason: String,
    },
    /// Looking at a picture panicked. This is a bug; other pictures are not affected.
    #[error("looking at a picture panicked: {reason}")]
    Panicked {
        /// The panic's message.
        reason: String,
    },
}

impl InferError {
    /// What it means for the picture that caused it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::RuntimeMissing { .. }
            | Self::RuntimeUnusable { .. }
            | Self::RuntimeAlreadyLoaded { .. }
            | Self::ManifestUnreadable { .. }
            | Self::ManifestInvalid { .. }
            | Self::ManifestVersion { .. }
            | Self::ModelUnknown { .. }
            | Self::ModelMissing { .. }
            | Self::HashDiffers { .. }
            | Self::ContractDiffers { .. }
            | Self::ResearchOnly { .. }
            | Self::ModelUnloadable { .. }
            | Self::CudaNotInLibrary { .. }
            | Self::CudaUnusable { .. }
            | Self::DeviceFailed { .. }
            | Self::ThreadsUnavailable { .. } => ErrorKind::Fatal,
            // Every input has the right shape by construction: what is left is want of memory.
            Self::RunFailed { .. } => ErrorKind::Transient,
            Self::PixelsUnusable { .. } | Self::Panicked { .. } => ErrorKind::Poison,
        }
    }

    /// Whether it says that this machine does not offer CUDA, and nothing else.
    pub(crate) fn is_want_of_cuda(&self) -> bool {
        matches!(self, Self::CudaNotInLibrary { .. } | Self::CudaUnusable { .. })
    }
}

impl domain::ports::VisionError for InferError {
    fn kind(&self) -> ErrorKind {
        Self::kind(self)
    }
}
