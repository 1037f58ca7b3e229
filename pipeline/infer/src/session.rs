//! ONNX Runtime, and the only file that knows it: the library, loaded once per process, and models
//! that are run one picture at a time on the calling thread.
//!
//! Starts no threads of its own and sends no telemetry. Knows nothing of colours or boxes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ndarray::{ArrayView, ShapeBuilder};
use ort::environment::Environment;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionOutputs};
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};

use crate::error::InferError;
use crate::manifest::{Manifest, ModelEntry};
use crate::pixels::Size;

/// ONNX Runtime in this process. The library can be loaded once only, so the first path wins.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// A loaded ONNX Runtime.
#[derive(Debug, Clone)]
pub(crate) struct Runtime(Environment);

impl Runtime {
    /// Loads the library, or takes the loaded one.
    pub(crate) fn load(library: &Path) -> Result<Self, InferError> {
        // A relative path would otherwise be looked for beside the executable first.
        let path =
            library.canonicalize().map_err(|_| InferError::RuntimeMissing { path: library.to_owned() })?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((loaded, environment)) = loaded.as_ref() {
            if *loaded != path {
                return Err(InferError::RuntimeAlreadyLoaded { path, loaded: loaded.clone() });
            }
            return Ok(Self(environment.clone()));
        }
        let unusable = |reason: String| InferError::RuntimeUnusable { path: path.clone(), reason };
        let builder = ort::init_from(&path).map_err(|error| unusable(error.to_string()))?;
        let environment =
            builder.with_telemetry(false).build().map_err(|error| unusable(error.to_string()))?;
        environment.set_log_level(ort::logging::LogLevel::Error);
        *loaded = Some((path, environment.clone()));
        Ok(Self(environment))
    }
}

/// A model whose file and contract have been checked, ready to be loaded by every thread.
#[derive(Debug, Clone)]
pub(crate) struct CheckedModel {
    pub(crate) entry: ModelEntry,
    bytes: Arc<[u8]>,
    /// Of all threads that load it.
    pub(crate) usage: Arc<Usage>,
}

impl CheckedModel {
    /// Reads a model's file; refuses one whose hash differs.
    pub(crate) fn read(manifest: &Manifest, entry: &ModelEntry) -> Result<Self, InferError> {
        Ok(Self { entry: entry.clone(), bytes: manifest.bytes_of(entry)?.into(), usage: Arc::default() })
    }

    /// Makes a session for one thread; refuses a model whose tensors differ from its contract.
    pub(crate) fn load(&self, runtime: &Runtime) -> Result<Model, InferError> {
        let session = session(runtime, &self.bytes).map_err(|error| InferError::ModelUnloadable {
            name: self.entry.name.clone(),
            reason: error.to_string(),
        })?;
        let (expected, found) = (self.entry.signature(), signature(&session));
        if expected != found {
            return Err(InferError::ContractDiffers {
                name: self.entry.name.clone(),
                expecting: "the manifest",
                expected,
                having: "the file",
                found,
            });
        }
        Ok(Model { name: self.entry.name.clone(), session, usage: Arc::clone(&self.usage) })
    }
}

/// A session on one thread. A run is deterministic: one thread, one order of operations.
fn session(runtime: &Runtime, bytes: &[u8]) -> ort::Result<Session> {
    Session::builder(&runtime.0)?
        .with_optimization_level(GraphOptimizationLevel::All)
        .map_err(without_builder)?
        .with_parallel_execution(false)
        .map_err(without_builder)?
        .with_intra_threads(1)
        .map_err(without_builder)?
        .with_inter_threads(1)
        .map_err(without_builder)?
        .with_intra_op_spinning(false)
        .map_err(without_builder)?
        .with_inter_op_spinning(false)
        .map_err(without_builder)?
        .with_deterministic_compute(true)
        .map_err(without_builder)?
        .commit_from_memory(bytes)
}

fn without_builder(error: ort::Error<ort::session::builder::SessionBuilder>) -> ort::Error {
    ort::Error::new_with_code(error.code(), error.message())
}

fn signature(session: &Session) -> String {
    let inputs: Vec<String> = session.inputs().iter().map(outlet_signature).collect();
    let mut outputs: Vec<String> = session.outputs().iter().map(outlet_signature).collect();
    outputs.sort();
    format!("{} -> {}", inputs.join(" "), outputs.join(" "))
}

fn outlet_signature(outlet: &Outlet) -> String {
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
        return format!("{}:{:?}", outlet.name(), outlet.dtype());
    };
    let dtype = match ty {
        TensorElementType::Float32 => "float32".to_owned(),
        TensorElementType::Uint8 => "uint8".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    };
    let length = |length: &i64| if *length < 0 { "N".to_owned() } else { length.to_string() };
    let shape: Vec<String> = shape.iter().map(length).collect();
    format!("{}:{dtype}[{}]", outlet.name(), shape.join(","))
}

/// A model on the thread that runs it.
#[derive(Debug)]
pub(crate) struct Model {
    name: String,
    session: Session,
    usage: Arc<Usage>,
}

impl Model {
    /// Runs the model on one picture, packed RGB, of a size that it takes.
    pub(crate) fn run(&mut self, pixels: &[u8], size: Size) -> Result<Outputs<'_>, InferError> {
        let failed =
            |error: ort::Error| InferError::RunFailed { name: self.name.clone(), reason: error.to_string() };
        let shape = [1, size.height, size.width, 3];
        let input = TensorRef::from_array_view((shape, pixels)).map_err(failed)?;
        let started = Instant::now();
        let outputs = self.session.run(ort::inputs![input]).map_err(failed)?;
        self.usage.add(started.elapsed());
        Ok(Outputs { model: &self.name, outputs })
    }
}

/// How often a model ran and how long, on all threads together.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    runs: AtomicU64,
    nanos: AtomicU64,
}

impl Usage {
    fn add(&self, time: Duration) {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Runs, and the time that they took.
    pub(crate) fn total(&self) -> (u64, Duration) {
        let nanos = self.nanos.load(Ordering::Relaxed);
        (self.runs.load(Ordering::Relaxed), Duration::from_nanos(nanos))
    }
}

/// What a model made of one picture.
pub(crate) struct Outputs<'a> {
    model: &'a str,
    outputs: SessionOutputs<'a>,
}

impl Outputs<'_> {
    /// The values of one output, without the batch.
    pub(crate) fn view<S: ShapeBuilder>(
        &self,
        name: &str,
        shape: S,
    ) -> Result<ArrayView<'_, f32, S::Dim>, InferError> {
        let failed = |reason: String| InferError::RunFailed { name: self.model.to_owned(), reason };
        let output = self.outputs.get(name).ok_or_else(|| failed(format!("no output {name}")))?;
        let (_, values) = output.try_extract_tensor::<f32>().map_err(|error| failed(error.to_string()))?;
        ArrayView::from_shape(shape, values).map_err(|error| failed(format!("output {name}: {error}")))
    }
}
