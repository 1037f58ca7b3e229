//! Which models of the manifest look at pictures under given settings; and `models verify`, which
//! tries every model of the manifest.

use std::path::Path;
use std::sync::Arc;

use domain::messages::ModelRef;

use crate::error::InferError;
use crate::manifest::{Manifest, ModelEntry, Task, TrainingDataTerms};
use crate::models::{blazeface, centerface, check, identity, iris, mesh, nanodet};
use crate::session::{CheckedModel, Runtime};
use crate::settings::VisionSettings;
use crate::usage::Usage;

/// The models that do the looking, checked and ready to be loaded by every thread.
#[derive(Debug)]
pub(crate) struct ModelsInUse {
    pub(crate) face: CheckedModel,
    /// Trained on research-only data: absent unless that is accepted.
    pub(crate) face_dark: Option<CheckedModel>,
    pub(crate) mesh: CheckedModel,
    pub(crate) iris: CheckedModel,
    pub(crate) person: CheckedModel,
}

impl ModelsInUse {
    /// Reads and checks the models that the settings ask for.
    pub(crate) fn choose(manifest: &Manifest, settings: &VisionSettings) -> Result<Self, InferError> {
        let needed = |task: Task, name: Option<&str>| needed(manifest, settings, task, name);
        let face_dark =
            manifest.model(Task::FaceDark, None).ok().filter(|entry| is_accepted(entry, settings));
        Ok(Self {
            face: needed(Task::Face, None)?,
            face_dark: face_dark.map(|entry| read(manifest, entry)).transpose()?,
            mesh: needed(Task::Mesh, None)?,
            iris: needed(Task::Iris, None)?,
            person: needed(Task::Person, Some(&settings.person_model))?,
        })
    }

    /// What observations say about who looked.
    pub(crate) fn refs(&self) -> Vec<ModelRef> {
        self.all().map(|model| reference(&model.entry)).collect()
    }

    /// How often each model has run, counted from now on.
    pub(crate) fn usages(&self) -> Vec<(String, Arc<Usage>)> {
        self.all().map(|model| (model.entry.name.clone(), Arc::clone(&model.usage))).collect()
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &CheckedModel> {
        let used = [Some(&self.face), self.face_dark.as_ref(), Some(&self.mesh), Some(&self.iris)];
        used.into_iter().flatten().chain([&self.person])
    }
}

/// The model for a task, read and checked.
pub(crate) fn needed(
    manifest: &Manifest,
    settings: &VisionSettings,
    task: Task,
    name: Option<&str>,
) -> Result<CheckedModel, InferError> {
    let entry = manifest.model(task, name)?;
    if !is_accepted(entry, settings) {
        return Err(InferError::ResearchOnly { name: entry.name.clone() });
    }
    read(manifest, entry)
}

fn is_accepted(entry: &ModelEntry, settings: &VisionSettings) -> bool {
    settings.accept_research_models || entry.training_data_terms != TrainingDataTerms::ResearchOnly
}

/// A model, and why it cannot be used if it cannot.
pub type Verified = (ModelEntry, Result<(), InferError>);

/// Checks every model of a manifest: its file, its hash, its tensors. The answers are in the order of
/// the manifest.
///
/// # Errors
/// If there is no manifest or no ONNX Runtime to check with.
pub fn verify(models_dir: &Path, runtime_library: &Path) -> Result<Vec<Verified>, InferError> {
    let manifest = Manifest::read(models_dir)?;
    let runtime = Runtime::load(runtime_library)?;
    let usable = |entry: &ModelEntry| read(&manifest, entry)?.load(&runtime).map(|_| ());
    Ok(manifest.models().iter().map(|entry| (entry.clone(), usable(entry))).collect())
}

/// A model's file, if it is described as the program needs it.
fn read(manifest: &Manifest, entry: &ModelEntry) -> Result<CheckedModel, InferError> {
    match entry.task {
        Task::Face => check(entry, blazeface::SIGNATURE)?,
        Task::FaceDark => check(entry, centerface::SIGNATURE)?,
        Task::Mesh => check(entry, mesh::SIGNATURE)?,
        Task::Iris => check(entry, iris::SIGNATURE)?,
        Task::Person => check(entry, nanodet::SIGNATURE)?,
        Task::Identity => identity::check(entry).map(drop)?,
    }
    CheckedModel::read(manifest, entry)
}

pub(crate) fn reference(entry: &ModelEntry) -> ModelRef {
    ModelRef {
        task: entry.task.name().to_owned(),
        name: entry.name.clone(),
        version: entry.version.clone(),
        sha256: entry.onnx.sha256.clone(),
    }
}
