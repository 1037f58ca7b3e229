//! Turns faces into embeddings: eligibility, mesh, aligned crop, model.
//!
//! Runs on the processor, whatever the others run on: a face is compared every few seconds of video, which is
//! too seldom for a batch. A recognizer has as many sessions as there are threads that look; an embedding does
//! not depend on which of them made it. Knows nothing of templates and compares nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use domain::detections::DetectedFace;
use domain::geometry::{Point, Rect};
use domain::identity::{Embedding, Ineligible};
use domain::messages::ModelRef;
use domain::picture::Picture;

use crate::eligibility::eligibility;
use crate::engine::{Engine, Model};
use crate::error::InferError;
use crate::face_measure::put_mesh;
use crate::look::guarded;
use crate::manifest::{Manifest, ModelEntry, RecognitionInput, Task};
use crate::models::mesh::Mesh;
use crate::models::{FoundFace, identity};
use crate::models_in_use::{needed, reference};
use crate::pixels::{Scratch, Size};
use crate::session::Runtime;
use crate::settings::VisionSettings;
use crate::usage::{ModelUsage, Usage};

/// Turns faces into embeddings with a model of the manifest.
#[derive(Debug)]
pub struct Recognizer {
    sessions: Vec<Mutex<Sessions>>,
    entry: ModelEntry,
    input: RecognitionInput,
    side: usize,
    usage: Arc<Usage>,
}

/// What one thread works with.
#[derive(Debug)]
struct Sessions {
    mesh: Model,
    identity: Model,
    pixels: Vec<u8>,
    scratch: Scratch,
}

impl Recognizer {
    /// Loads ONNX Runtime and the models.
    ///
    /// # Errors
    /// If the library, the manifest or a model that is needed is missing or not as described.
    pub fn new(settings: &VisionSettings) -> Result<Self, InferError> {
        let manifest = Manifest::read(&settings.models_dir)?;
        let mesh = needed(&manifest, settings, Task::Mesh, None)?;
        let model = needed(&manifest, settings, Task::Identity, settings.identity_model.as_deref())?;
        let entry = model.entry.clone();
        let input = identity::check(&entry)?.clone();
        let engine = Engine::Here(Runtime::load(&settings.runtime_library)?);
        let load = |_| {
            let (mesh, identity) = (engine.model(&mesh)?, engine.model(&model)?);
            Ok(Mutex::new(Sessions { mesh, identity, pixels: Vec::new(), scratch: Scratch::default() }))
        };
        let sessions = (0..settings.threads.max(1)).map(load).collect::<Result<_, _>>()?;
        let side = identity::side(&entry).unwrap_or_default();
        Ok(Self { sessions, input, side, usage: model.usage, entry })
    }

    /// The model that tells persons apart.
    pub fn model(&self) -> ModelRef {
        reference(&self.entry)
    }

    /// What it has done so far.
    pub fn usage(&self) -> ModelUsage {
        self.usage.of(&self.entry.name)
    }

    /// The embedding of a face, whether or not it can be compared; `None` if the model answers nothing that
    /// has a direction.
    ///
    /// # Errors
    /// If a model cannot run.
    pub fn embed_any(&self, picture: &Picture, face: &DetectedFace) -> Result<Option<Embedding>, InferError> {
        guarded(|| {
            let mut sessions = self.free();
            let found = in_pixels(face, picture);
            let Sessions { mesh, scratch, pixels, .. } = &mut *sessions;
            let mesh = put_mesh(mesh, picture, &found, scratch, pixels)?;
            let mut answer = self.answer(&mut sessions, picture, &mesh, false)?;
            if self.input.mirrored {
                let mirrored = self.answer(&mut sessions, picture, &mesh, true)?;
                // The mean of both: distances stay what they are.
                answer.iter_mut().zip(mirrored).for_each(|(one, other)| *one = f32::midpoint(*one, other));
            }
            let name = format!("{}@{}", self.entry.name, self.entry.version);
            Ok(Embedding::new(name, identity::for_angles(answer, self.input.metric)))
        })
    }

    fn answer(
        &self,
        sessions: &mut Sessions,
        picture: &Picture,
        mesh: &Mesh,
        mirrored: bool,
    ) -> Result<Vec<f32>, InferError> {
        let crop = identity::crop(&self.input.alignment, mesh, mirrored);
        crop.cut(picture, self.side, &mut sessions.scratch, &mut sessions.pixels)?;
        let outputs = sessions.identity.run(&sessions.pixels, Size::square(self.side))?;
        identity::decode(&outputs, &self.entry)
    }

    /// Sessions that nobody uses; the first ones, once they are free, if there are none.
    fn free(&self) -> MutexGuard<'_, Sessions> {
        // They carry nothing from face to face but memory that is overwritten: what a panic left is as good as new.
        let free = self.sessions.iter().find_map(|sessions| match sessions.try_lock() {
            Ok(free) => Some(free),
            Err(TryLockError::Poisoned(left)) => Some(left.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        free.unwrap_or_else(|| self.sessions[0].lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl domain::ports::Recognition for Recognizer {
    type Error = InferError;

    fn embed(
        &self,
        picture: &Picture,
        face: &DetectedFace,
    ) -> Result<Result<Embedding, Ineligible>, InferError> {
        if let Err(reason) = eligibility(picture, face) {
            return Ok(Err(reason));
        }
        Ok(self.embed_any(picture, face)?.ok_or(Ineligible::Unmeasured))
    }
}

/// A face as the mesh is put on it.
fn in_pixels(face: &DetectedFace, picture: &Picture) -> FoundFace {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let Rect { x, y, w, h } = face.rect;
    FoundFace {
        rect: Rect { x: x * width, y: y * height, w: w * width, h: h * height },
        conf: face.conf,
        points: face.points.map(|point| Point { x: point.x * width, y: point.y * height }),
    }
}
