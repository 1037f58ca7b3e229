//! Many segments at once: the thread pool, one [`Looker`] per thread, answers in order.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::messages::ModelRef;
use domain::ports::{Look, Sight};
use rayon::prelude::*;

use crate::error::InferError;
use crate::look::Looker;
use crate::manifest::Manifest;
use crate::models_in_use::ModelsInUse;
use crate::session::{Runtime, Usage};
use crate::settings::VisionSettings;

/// Segments that one thread takes together: enough for models to run many times in a row, few enough for
/// threads to end at the same time.
const MOST_TOGETHER: usize = 8;

/// Looks at pictures with the models of a manifest.
///
/// The pictures of a segment are looked at by one thread from start to end, with sessions that no other
/// thread touches: what is seen does not depend on the number of threads or on other segments.
#[derive(Debug)]
pub struct Vision {
    pool: rayon::ThreadPool,
    /// One per thread of the pool, by its index: never contended.
    lookers: Vec<Mutex<Looker>>,
    models: Vec<ModelRef>,
    usages: Vec<(String, Arc<Usage>)>,
}

/// What one model has done so far, on all threads together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelUsage {
    /// Its name in the manifest.
    pub model: String,
    /// How often it ran.
    pub runs: u64,
    /// How long its runs took.
    pub time: Duration,
}

impl Vision {
    /// Loads ONNX Runtime and every model on every thread.
    ///
    /// # Errors
    /// If the library, the manifest or a model that is needed is missing or not as described.
    pub fn new(settings: &VisionSettings) -> Result<Self, InferError> {
        let manifest = Manifest::read(&settings.models_dir)?;
        let models = ModelsInUse::choose(&manifest, settings)?;
        let runtime = Runtime::load(&settings.runtime_library)?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(settings.threads.max(1))
            .thread_name(|index| format!("vision-{index}"))
            .build()
            .map_err(|error| InferError::ThreadsUnavailable { reason: error.to_string() })?;
        let lookers = pool
            .broadcast(|_| Looker::load(&models, &runtime, settings).map(Mutex::new))
            .into_iter()
            .collect::<Result<_, _>>()?;
        Ok(Self { pool, lookers, models: models.refs(), usages: models.usages() })
    }

    /// What each model has done so far.
    pub fn usage(&self) -> Vec<ModelUsage> {
        let told = |(model, usage): &(String, Arc<Usage>)| {
            let (runs, time) = usage.total();
            ModelUsage { model: model.clone(), runs, time }
        };
        self.usages.iter().map(told).collect()
    }
}

impl domain::ports::Vision for Vision {
    type Error = InferError;

    fn look(&self, segments: &[Vec<Look>]) -> Vec<Vec<Result<Sight, InferError>>> {
        let share = segments.len().div_ceil(self.lookers.len()).clamp(1, MOST_TOGETHER);
        let look_at = |segments: &[Vec<Look>]| {
            let thread = rayon::current_thread_index().unwrap_or_default();
            // A looker carries nothing from segment to segment but memory that it overwrites: one that a
            // panic left behind is as good as new.
            self.lookers[thread].lock().unwrap_or_else(PoisonError::into_inner).look(segments)
        };
        self.pool.install(|| segments.par_chunks(share).flat_map_iter(look_at).collect())
    }

    fn models(&self) -> &[ModelRef] {
        &self.models
    }
}
