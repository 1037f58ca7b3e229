//! On what models run: what the operator wants, what becomes of a machine that does not offer it, and what it
//! is in the end. Whether CUDA works is tried, never assumed: every model is loaded on the GPU and runs once.

use crate::error::InferError;
use crate::manifest::Manifest;
use crate::models_in_use::ModelsInUse;
use crate::session::{Loaded, Runtime};
use crate::settings::VisionSettings;

/// On what models run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// The processor, each thread with sessions of its own.
    Cpu,
    /// An NVIDIA GPU, the pictures of many segments at once.
    Cuda,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Cpu, Self::Cuda];

    /// As a label and in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}

/// What to do on a machine that does not offer the wanted provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    /// Work on nothing.
    Refuse,
    /// Work on the processor, and say so.
    FallBack,
}

/// On what models run in the end.
#[derive(Debug)]
pub struct InUse {
    /// What they run on.
    pub provider: Provider,
    /// Why it is not what the operator wanted.
    pub fell_back: Option<InferError>,
}

impl InUse {
    const CPU: Self = Self { provider: Provider::Cpu, fell_back: None };
}

/// Finds out what models run on under these settings.
///
/// # Errors
/// As [`Vision::new`](crate::Vision::new).
pub fn in_use(settings: &VisionSettings) -> Result<InUse, InferError> {
    let models = ModelsInUse::choose(&Manifest::read(&settings.models_dir)?, settings)?;
    choose(&Runtime::load(&settings.runtime_library)?, &models, settings).map(|(in_use, _)| in_use)
}

/// Decides what models run on. On CUDA there is one session of each, which come along, in the order of
/// [`ModelsInUse::all`]; on the processor each thread loads its own.
pub(crate) fn choose(
    runtime: &Runtime,
    models: &ModelsInUse,
    settings: &VisionSettings,
) -> Result<(InUse, Vec<Loaded>), InferError> {
    match settings.provider {
        Provider::Cpu => Ok((InUse::CPU, Vec::new())),
        Provider::Cuda => match models.all().map(|model| model.load_on_cuda(runtime)).collect() {
            Ok(loaded) => Ok((InUse { provider: Provider::Cuda, fell_back: None }, loaded)),
            Err(error) if settings.if_missing == IfMissing::FallBack && error.is_want_of_cuda() => {
                Ok((InUse { fell_back: Some(error), ..InUse::CPU }, Vec::new()))
            }
            Err(error) => Err(error),
        },
    }
}
