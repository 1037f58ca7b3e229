//! Everything that analysing files needs, made once per process: decoders, models, a policy.

use decode::{Confinement, DecodeError, DecoderPool};
use domain::messages::PipelineRef;
use domain::observe::Observers;
use domain::ports::Vision as _;
use infer::{InUse, InferError, ModelUsage, Provider, Recognizer, Vision};

use crate::analyze::{Analyzer, JudgedBy};
use crate::identity::reference::Photographs;
use crate::observer::{self, Observer};
use crate::settings::Settings;
use crate::settings::policy::LoadedPolicy;

/// Segments per thread that are looked at together: enough that no thread waits for the slowest
/// picture of a batch for long.
const SEGMENTS_PER_THREAD: usize = 2;

/// More segments than this hold more pictures in memory than they save time.
const MOST_SEGMENTS: usize = 16;

/// The parts, ready to work.
#[derive(Debug)]
pub struct Workshop {
    settings: Settings,
    decoder: DecoderPool,
    confinement: Confinement,
    vision: Vision,
    /// Where faces are to be compared.
    recognizer: Option<Recognizer>,
    judged_by: JudgedBy,
}

/// A part that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WorkshopError {
    /// The decoder.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The models.
    #[error(transparent)]
    Infer(#[from] InferError),
}

impl Workshop {
    /// Loads the models and starts the first decoder. `trace` also keeps how each sample was read.
    ///
    /// # Errors
    /// If the machine lacks something: models, ONNX Runtime, GStreamer.
    pub fn open(settings: Settings, policy: LoadedPolicy, trace: bool) -> Result<Self, WorkshopError> {
        let mut decoder = settings.decoder().map_err(DecodeError::Spawn)?;
        // One more, which decodes again what is looked at more closely: it must not wait for the others, which
        // may be waiting for room that it will make.
        decoder.children += 1;
        let decoder = DecoderPool::new(decoder);
        let confinement = decoder.warm_up()?;
        let vision = Vision::new(&settings.vision())?;
        let judged_by = JudgedBy { policy: policy.policy, policy_ref: policy.reference, trace };
        Ok(Self { settings, decoder, confinement, vision, recognizer: None, judged_by })
    }

    /// Loads what compares faces, too.
    ///
    /// # Errors
    /// If the machine lacks it.
    pub fn recognizing(self) -> Result<Self, WorkshopError> {
        let recognizer = Recognizer::new(&self.settings.vision())?;
        Ok(Self { recognizer: Some(recognizer), ..self })
    }

    /// What analyses files with these parts.
    pub fn analyzer(&self) -> Analyzer<'_, Vision> {
        let settings = &self.settings;
        Analyzer {
            decoder: &self.decoder,
            observer: self.observer(format!("analyze-{}", std::process::id())),
            judged_by: self.judged_by.clone(),
            template: None,
            segment: settings.sampling.segment,
            hold: settings.sampling.hold,
            slack: settings.sampling.slack,
            batch: (self.vision.threads() * SEGMENTS_PER_THREAD).min(MOST_SEGMENTS),
        }
    }

    /// What turns pictures into observations with these parts, under the name of `worker`.
    pub fn observer(&self, worker: String) -> Observer<'_, Vision> {
        let settings = &self.settings;
        let config_hash = match self.in_use().provider {
            Provider::Cpu => settings.config_hash_on_cpu.clone(),
            Provider::Cuda => settings.config_hash.clone(),
        };
        let pipeline = PipelineRef { version: env!("CARGO_PKG_VERSION").to_owned(), config_hash };
        Observer {
            vision: &self.vision,
            grid: settings.sampling.grid,
            things_every: settings.sampling.things_every,
            suspicion: settings.suspicion,
            reporting: settings.observe,
            recognizer: self.recognizer.as_ref().map(|recognizer| observer::Recognizer {
                by: recognizer,
                model: recognizer.model(),
                cadence: settings.identity.cadence,
            }),
            witness: None,
            by: Observers { models: self.vision.models().to_vec(), pipeline },
            worker,
        }
    }

    /// What reads photos of a person with these parts; nothing, unless they are [`recognizing`](Self::recognizing).
    pub fn photographs(&self) -> Option<Photographs<'_, Vision, Recognizer>> {
        let Self { decoder, vision, settings, .. } = self;
        self.recognizer.as_ref().map(|recognizer| Photographs {
            decoder,
            vision,
            recognizer,
            reporting: settings.observe,
            alike: settings.identity.cadence.doubt_below,
        })
    }

    /// What decoders are confined by on this machine.
    pub fn confinement(&self) -> Confinement {
        self.confinement
    }

    /// What models run on.
    pub fn in_use(&self) -> &InUse {
        self.vision.in_use()
    }

    /// What each model has done so far.
    pub fn usage(&self) -> Vec<ModelUsage> {
        let mut usage = self.vision.usage();
        usage.extend(self.recognizer.as_ref().map(Recognizer::usage));
        usage
    }

    /// The settings in use.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The policy in use.
    pub fn judged_by(&self) -> &JudgedBy {
        &self.judged_by
    }

    /// The decoder.
    pub fn decoder(&self) -> &DecoderPool {
        &self.decoder
    }
}
