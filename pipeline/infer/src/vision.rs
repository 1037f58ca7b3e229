//! Many segments at once: the thread pool, one [`Looker`] per thread, answers in order.

use std::sync::{Arc, Mutex, PoisonError};

use domain::messages::ModelRef;
use domain::ports::{Look, Sight};
use rayon::prelude::*;

use crate::engine::Engine;
use crate::error::InferError;
use crate::look::Looker;
use crate::manifest::Manifest;
use crate::models_in_use::ModelsInUse;
use crate::provider::{self, InUse, Provider};
use crate::runner::{Runner, RunnerThread};
use crate::session::{Loaded, Runtime};
use crate::settings::VisionSettings;
use crate::usage::{ModelUsage, Usage};

/// Segments that one thread takes together: enough for models to run many times in a row, few enough for
/// threads to end at the same time.
const MOST_TOGETHER: usize = 8;

/// Looks at pictures with the models of a manifest.
///
/// The pictures of a segment are looked at by one thread from start to end. On the processor it has sessions
/// that no other thread touches: what is seen does not depend on the number of threads or on other segments.
/// On a GPU all threads share one session of each model, which looks at pictures of several segments at once;
/// how many those are can change the rounding of what comes out, and nothing else.
#[derive(Debug)]
pub struct Vision {
    pool: rayon::ThreadPool,
    /// One per thread of the pool, by its index: never contended.
    lookers: Vec<Mutex<Looker>>,
    models: Vec<ModelRef>,
    usages: Vec<(String, Arc<Usage>)>,
    in_use: InUse,
    /// Ends with this.
    _runner: Option<RunnerThread>,
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
        let (in_use, on_gpu) = provider::choose(&runtime, &models, settings)?;
        match in_use.provider {
            Provider::Cpu => Self::of(settings, &models, in_use, (Engine::Here(runtime), None)),
            Provider::Cuda => Self::together(settings, &models, in_use, on_gpu),
        }
    }

    /// All lookers share these models.
    fn together(
        settings: &VisionSettings,
        models: &ModelsInUse,
        in_use: InUse,
        shared: Vec<Loaded>,
    ) -> Result<Self, InferError> {
        // Fewer would never fill a batch.
        let threads = settings.threads.max(settings.batching.most);
        let (runner, thread) = Runner::start(shared, settings.batching, threads)?;
        let settings = VisionSettings { threads, ..settings.clone() };
        Self::of(&settings, models, in_use, (Engine::Runner(runner), Some(thread)))
    }

    fn of(
        settings: &VisionSettings,
        models: &ModelsInUse,
        in_use: InUse,
        (engine, runner): (Engine, Option<RunnerThread>),
    ) -> Result<Self, InferError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(settings.threads.max(1))
            .thread_name(|index| format!("vision-{index}"))
            .build()
            .map_err(|error| InferError::ThreadsUnavailable { reason: error.to_string() })?;
        let lookers = pool
            .broadcast(|_| Looker::load(models, &engine, settings).map(Mutex::new))
            .into_iter()
            .collect::<Result<_, _>>()?;
        Ok(Self { pool, lookers, models: models.refs(), usages: models.usages(), in_use, _runner: runner })
    }

    /// What models run on, whatever was asked for.
    pub fn in_use(&self) -> &InUse {
        &self.in_use
    }

    /// How many segments are looked at at once.
    pub fn threads(&self) -> usize {
        self.lookers.len()
    }

    /// What each model has done so far.
    pub fn usage(&self) -> Vec<ModelUsage> {
        self.usages.iter().map(|(model, usage)| usage.of(model)).collect()
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use domain::picture::{ColourMatrix, ColourRange, Picture};
    use domain::ports::{Attention, Vision as _};
    use yuv::{YuvChromaSubsampling, YuvConversionMode, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

    use super::*;

    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

    fn picture(golden: &str) -> Arc<Picture> {
        let (width, height) = (640, 480);
        let path = Path::new(ROOT).join(format!("tests/media/clips/golden/{golden}_640x480.rgb"));
        let rgb = std::fs::read(&path)
            .unwrap_or_else(|_| panic!("{} is missing: run `make setup`", path.display()));
        let mut planes = YuvPlanarImageMut::<u8>::alloc(width, height, YuvChromaSubsampling::Yuv420);
        let (range, matrix, mode) = (YuvRange::Full, YuvStandardMatrix::Bt601, YuvConversionMode::Balanced);
        yuv::rgb_to_yuv420(&mut planes, &rgb, width * 3, range, matrix, mode).unwrap();
        let bytes = [planes.y_plane.borrow(), planes.u_plane.borrow(), planes.v_plane.borrow()].concat();
        Arc::new(Picture::new(width, height, ColourMatrix::Bt601, ColourRange::Full, bytes).unwrap())
    }

    /// With the models that run together on a GPU, on the processor, where rounding cannot differ.
    #[test]
    fn what_is_seen_does_not_depend_on_what_is_looked_at_together() {
        let settings = VisionSettings {
            threads: 1,
            person_model: "nanodet_g".to_owned(),
            ..VisionSettings::new(Path::new(ROOT).join("models"))
        };
        let manifest = Manifest::read(&settings.models_dir).unwrap();
        let models = ModelsInUse::choose(&manifest, &settings).unwrap();
        let runtime = Runtime::load(&settings.runtime_library).unwrap();
        let shared = models.all().map(|model| model.load(&runtime).unwrap()).collect();
        let in_use = InUse { provider: Provider::Cuda, fell_back: None };
        let together = Vision::together(&settings, &models, in_use, shared).unwrap();
        assert_eq!(together.threads(), settings.batching.most);

        let (one, two) = (picture("astronaut"), picture("two_faces"));
        let look = |picture: &Arc<Picture>, attention| Look { picture: Arc::clone(picture), attention };
        let segment = |index: usize| -> Vec<Look> {
            let brief = Attention::Unless { faces: 1 };
            let first = if index.is_multiple_of(2) { &one } else { &two };
            vec![look(first, brief), look(first, Attention::Thorough), look(&one, brief)]
        };
        let segments: Vec<Vec<Look>> = (0..12).map(segment).collect();
        let seen = |vision: &Vision| -> Vec<Vec<Sight>> {
            let sights = vision.look(&segments).into_iter();
            sights.map(|segment| segment.into_iter().map(Result::unwrap).collect()).collect()
        };
        let found = seen(&together);
        assert_eq!(found, seen(&Vision::new(&settings).unwrap()));
        assert!(found.iter().flatten().all(|sight| !sight.detections.faces.is_empty()));
    }
}
