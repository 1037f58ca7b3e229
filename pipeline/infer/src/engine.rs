//! What lookers get models from: sessions of their own on the processor, one runner for all of them on a GPU.

use crate::error::InferError;
use crate::pixels::Size;
use crate::runner::{Runner, Shared};
use crate::session::{CheckedModel, Loaded, Outputs, Runtime};

/// Where models run.
#[derive(Debug)]
pub(crate) enum Engine {
    /// On the thread that asks.
    Here(Runtime),
    /// On the thread of a runner.
    Runner(Runner),
}

/// A model as a looker uses it.
#[derive(Debug)]
pub(crate) enum Model {
    /// The looker's own.
    Own(Loaded),
    /// That of a runner.
    Shared(Shared),
}

impl Engine {
    /// A model for one looker.
    pub(crate) fn model(&self, model: &CheckedModel) -> Result<Model, InferError> {
        match self {
            Self::Here(runtime) => model.load(runtime).map(Model::Own),
            Self::Runner(runner) => Ok(Model::Shared(runner.model(&model.entry.name))),
        }
    }
}

impl Model {
    /// Runs the model on one picture, packed RGB, of a size that it takes.
    pub(crate) fn run(&mut self, pixels: &[u8], size: Size) -> Result<Outputs<'_>, InferError> {
        match self {
            Self::Own(model) => model.run(pixels, size),
            Self::Shared(model) => model.run(pixels, size),
        }
    }
}
