//! The manifest of models: which there are, what their files must hash to, what goes in and comes
//! out, and on which terms. Reads `models/manifest.toml` and checks files against it.
//!
//! Obtains nothing: `make setup` does. Knows nothing of ONNX Runtime: `session`
//! compares a loaded model with its contract.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::InferError;

const SCHEMA_VERSION: u32 = 1;

/// Every model that the program can load.
///
/// Fields that only set-up needs (packages, source files) are not read here. Nothing that is read
/// has a default, so a misspelt field is an error all the same.
#[derive(Debug, Clone, Deserialize)]
pub struct Manifest {
    schema_version: u32,
    #[serde(rename = "model")]
    models: Vec<ModelEntry>,
    #[serde(skip)]
    folder: PathBuf,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ModelEntry {
    /// Its name, unique in the manifest.
    pub name: String,
    /// Version of this entry.
    pub version: String,
    /// What it is used for.
    pub task: Task,
    /// The file to load.
    pub onnx: OnnxFile,
    /// SPDX identifier of the weights' licence.
    pub licence: String,
    /// Under which terms its training data was to be had.
    pub training_data_terms: TrainingDataTerms,
    /// What goes in.
    pub input: TensorContract,
    /// What comes out.
    #[serde(rename = "output")]
    pub outputs: Vec<TensorContract>,
    /// The working point.
    pub thresholds: Thresholds,
    /// How faces are cut out for it: models that tell persons apart have one, and no others.
    #[serde(default)]
    pub recognition: Option<RecognitionInput>,
}

/// What a model is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Finds faces.
    Face,
    /// Finds faces in dark scenes.
    FaceDark,
    /// Puts 468 points on a face.
    Mesh,
    /// Puts points on an eye and its iris.
    Iris,
    /// Finds persons and objects.
    Person,
    /// Tells persons apart by their faces.
    Identity,
}

impl Task {
    /// As the manifest and the messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Face => "face",
            Self::FaceDark => "face_dark",
            Self::Mesh => "mesh",
            Self::Iris => "iris",
            Self::Person => "person",
            Self::Identity => "identity",
        }
    }
}

/// Under which terms a model's training data was to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainingDataTerms {
    /// The publisher states terms that allow this use.
    Unrestricted,
    /// No terms are published, or they differ between parts of the data.
    Unclear,
    /// For research only: the operator must accept it explicitly.
    ResearchOnly,
}

/// A converted model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnnxFile {
    /// Path below the folder of the manifest.
    pub file: PathBuf,
    /// SHA-256, lower-case hex.
    pub sha256: String,
}

/// Name, type and shape of an input or output.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorContract {
    /// Its name in the graph.
    pub name: String,
    /// Type of its elements, as NumPy calls it.
    pub dtype: String,
    /// Its dimensions.
    pub shape: Vec<Dimension>,
    /// Order of the dimensions of a picture.
    #[serde(default)]
    pub layout: Option<String>,
    /// Order of the colours of a picture.
    #[serde(default)]
    pub colour: Option<String>,
    /// What is subtracted from the bytes of a picture, in the order of its colours; nothing if left out.
    #[serde(default)]
    pub mean: Option<[f32; 3]>,
    /// What the difference is divided by; one if left out.
    #[serde(default)]
    pub divisor: Option<[f32; 3]>,
}

/// One dimension of a tensor.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Dimension {
    /// As long as this.
    Fixed(i64),
    /// Free; the batch is called "N".
    Free(String),
}

impl TensorContract {
    /// Name, type and shape as one word, the batch as N: what two sides must agree on.
    pub fn signature(&self) -> String {
        let dimension = |dimension: &Dimension| match dimension {
            Dimension::Fixed(length) => length.to_string(),
            Dimension::Free(_) => "N".to_owned(),
        };
        let shape: Vec<String> = self.shape.iter().map(dimension).collect();
        format!("{}:{}[{}]", self.name, self.dtype, shape.join(","))
    }
}

impl ModelEntry {
    /// The signatures of the input and of all outputs, in alphabetical order.
    pub fn signature(&self) -> String {
        let mut outputs: Vec<String> = self.outputs.iter().map(TensorContract::signature).collect();
        outputs.sort();
        format!("{} -> {}", self.input.signature(), outputs.join(" "))
    }
}

/// How the input of a model that tells persons apart is cut out of a picture, and its output compared.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecognitionInput {
    /// Where the face lies in the input.
    pub alignment: Alignment,
    /// Whether the mirror image is looked at too, and the mean of both answers counts: twice the cost.
    pub mirrored: bool,
    /// How two answers are compared.
    pub metric: Metric,
}

/// Where a face lies in the input of a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alignment {
    /// In a square around all points of the mesh, turned so that the eyes are level; its side in longer sides
    /// of the box around them.
    Square(f32),
    /// So that these points of the mesh come as near as possible to these places, as fractions of the input's
    /// width and height, by moving, turning and scaling alone.
    Points(BTreeMap<FacePoint, [f32; 2]>),
}

/// A point of a face; right and left are the person's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FacePoint {
    /// Between the corners of the right eye.
    RightEye,
    /// Between the corners of the left eye.
    LeftEye,
    /// Corner of the right eye beside the temple.
    RightEyeOuter,
    /// Corner of the right eye beside the nose.
    RightEyeInner,
    /// Corner of the left eye beside the nose.
    LeftEyeInner,
    /// Corner of the left eye beside the temple.
    LeftEyeOuter,
    /// Tip of the nose.
    NoseTip,
    /// Where the nose meets the upper lip.
    NoseBase,
    /// Right corner of the mouth.
    MouthRight,
    /// Left corner of the mouth.
    MouthLeft,
}

/// How two answers of a model are compared.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// By the angle between them. Models made for distances of answers of length one rank alike.
    Cosine,
    /// By the distance `d` between them, for models whose answers are not of one length: the similarity is about
    /// `1 - d² / 2r²`, where `r` is this radius. No answer may be longer than it, and the fewer come near, the
    /// better.
    Euclidean(f32),
}

/// The publisher's working point of a detector; absent in models that detect nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Confidence from which on a detection is taken for real.
    pub score: Option<f32>,
    /// Of two boxes that overlap more than this the weaker one is dropped.
    pub nms_iou: Option<f32>,
}

impl Manifest {
    /// Reads `manifest.toml` in the folder of models.
    ///
    /// # Errors
    /// If it is not there or not a manifest.
    pub fn read(folder: &Path) -> Result<Self, InferError> {
        let path = folder.join("manifest.toml");
        let text = std::fs::read_to_string(&path)
            .map_err(|source| InferError::ManifestUnreadable { path: path.clone(), source })?;
        let mut manifest: Self = toml::from_str(&text)
            .map_err(|source| InferError::ManifestInvalid { path: path.clone(), source: Box::new(source) })?;
        if manifest.schema_version != SCHEMA_VERSION {
            let found = manifest.schema_version;
            return Err(InferError::ManifestVersion { path, found, known: SCHEMA_VERSION });
        }
        manifest.folder = folder.to_owned();
        Ok(manifest)
    }

    /// Every model, in the order of the manifest.
    pub fn models(&self) -> &[ModelEntry] {
        &self.models
    }

    /// The model that does a task; the first one if no name is given.
    ///
    /// # Errors
    /// If there is none.
    pub fn model(&self, task: Task, name: Option<&str>) -> Result<&ModelEntry, InferError> {
        let fits = |entry: &&ModelEntry| entry.task == task && name.is_none_or(|name| entry.name == name);
        self.models.iter().find(fits).ok_or_else(|| InferError::ModelUnknown {
            wanted: name.unwrap_or("at all").to_owned(),
            task: task.name(),
        })
    }

    /// The bytes of a model's file, after checking that they are the ones described.
    ///
    /// What was hashed is what is loaded: the file is read once.
    ///
    /// # Errors
    /// If the file is not there or hashes to something else.
    pub fn bytes_of(&self, entry: &ModelEntry) -> Result<Vec<u8>, InferError> {
        let path = self.folder.join(&entry.onnx.file);
        let bytes = std::fs::read(&path).map_err(|error| InferError::ModelMissing {
            name: entry.name.clone(),
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let found = sha256_hex(&bytes);
        if found != entry.onnx.sha256 {
            let (name, expected) = (entry.name.clone(), entry.onnx.sha256.clone());
            return Err(InferError::HashDiffers { name, path, expected, found });
        }
        Ok(bytes)
    }
}

fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
