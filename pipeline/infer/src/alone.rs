//! Models without anything around them, for whoever measures what the rest costs.

use crate::error::InferError;
use crate::manifest::{Manifest, Task};
use crate::models::{blazeface, centerface, iris, mesh, nanodet};
use crate::models_in_use::ModelsInUse;
use crate::pixels::letterbox::Letterbox;
use crate::pixels::{Region, Size};
use crate::session::{Model, Runtime};
use crate::settings::VisionSettings;

/// A model on this thread, with an input that does not change.
#[derive(Debug)]
pub struct Alone {
    name: String,
    model: Model,
    input: Vec<u8>,
    size: Size,
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
        let picture = Region::whole(Size::new(width.max(1) as usize, height.max(1) as usize));
        let alone = models.all().map(|model| {
            let size = match model.entry.task {
                Task::Face => Letterbox::snug(picture, blazeface::SIDE).input(),
                Task::FaceDark => centerface::INPUT,
                Task::Mesh => Size::square(mesh::SIDE),
                Task::Iris => Size::square(iris::SIDE),
                Task::Person => Letterbox::snug(picture, nanodet::SIDE).input(),
            };
            let (name, model) = (model.entry.name.clone(), model.load(&runtime)?);
            // What is in it makes no difference to convolutions.
            Ok(Self { name, model, input: vec![128; size.pixels() * 3], size })
        });
        alone.collect()
    }

    /// Its name in the manifest.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs it once.
    ///
    /// # Errors
    /// If ONNX Runtime fails.
    pub fn run(&mut self) -> Result<(), InferError> {
        self.model.run(&self.input, self.size).map(drop)
    }
}
