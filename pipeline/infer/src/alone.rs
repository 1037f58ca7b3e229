//! Models without anything around them, for whoever measures what the rest costs.

use crate::error::InferError;
use crate::manifest::Manifest;
use crate::models::{glance_for, input_for};
use crate::models_in_use::ModelsInUse;
use crate::pixels::Size;
use crate::provider;
use crate::session::{Loaded, Runtime};
use crate::settings::VisionSettings;

/// A model on this thread, with an input that does not change.
#[derive(Debug)]
pub struct Alone {
    model: Loaded,
    input: Vec<u8>,
    size: Size,
    glance: Option<Size>,
}

impl Alone {
    /// Every model that looks at pictures under these settings, with inputs as for pictures of `width` and
    /// `height`.
    ///
    /// # Errors
    /// As [`Vision::new`](crate::Vision::new).
    pub fn load(settings: &VisionSettings, (width, height): (u32, u32)) -> Result<Vec<Self>, InferError> {
        let models = ModelsInUse::choose(&Manifest::read(&settings.models_dir)?, settings)?;
        let runtime = Runtime::load(&settings.runtime_library)?;
        let (_, mut loaded) = provider::choose(&runtime, &models, settings)?;
        if loaded.is_empty() {
            loaded = models.all().map(|model| model.load(&runtime)).collect::<Result<_, _>>()?;
        }
        let picture = Size::new(width.max(1) as usize, height.max(1) as usize);
        let alone = models.all().zip(loaded).map(|(checked, model)| {
            let size = input_for(&checked.entry, picture);
            // What is in it makes no difference to convolutions.
            let glance = glance_for(checked.entry.task, picture);
            Self { model, input: vec![128; size.pixels() * 3], size, glance }
        });
        Ok(alone.collect())
    }

    /// Its name in the manifest.
    pub fn name(&self) -> &str {
        self.model.name()
    }

    /// Runs it once.
    ///
    /// # Errors
    /// If ONNX Runtime fails.
    pub fn run(&mut self) -> Result<(), InferError> {
        self.model.run(&self.input, self.size).map(drop)
    }

    /// Runs it once as for a glance, if it ever glances.
    ///
    /// # Errors
    /// If ONNX Runtime fails.
    pub fn glance(&mut self) -> Result<(), InferError> {
        let Some(size) = self.glance else { return Ok(()) };
        self.model.run(&self.input[..size.pixels() * 3], size).map(drop)
    }
}
