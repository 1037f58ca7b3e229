//! ONNX Runtime, and the only file that knows it: the library, loaded once per process, and models that are
//! run on the calling thread, on the processor or with CUDA, on one picture or on several of one size.
//!
//! Starts no threads of its own and sends no telemetry. Knows nothing of colours or boxes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ndarray::{ArrayView, ShapeBuilder};
use ort::environment::Environment;
use ort::ep::cuda::ConvAlgorithmSearch;
use ort::ep::{CUDA, ExecutionProvider as _, ExecutionProviderDispatch};
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionOutputs};
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};

use crate::error::InferError;
use crate::manifest::{Manifest, ModelEntry, Task};
use crate::models::{input_for, is_glance};
use crate::pixels::Size;
use crate::pixels::encoding::Encoding;
use crate::usage::Usage;

/// ONNX Runtime in this process. The library can be loaded once only, so the first path wins.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// A loaded ONNX Runtime.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    environment: Environment,
    library: PathBuf,
}

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
            return Ok(Self { environment: environment.clone(), library: path });
        }
        let unusable = |reason: String| InferError::RuntimeUnusable { path: path.clone(), reason };
        let builder = ort::init_from(&path).map_err(|error| unusable(error.to_string()))?;
        let environment =
            builder.with_telemetry(false).build().map_err(|error| unusable(error.to_string()))?;
        environment.set_log_level(ort::logging::LogLevel::Error);
        *loaded = Some((path.clone(), environment.clone()));
        Ok(Self { environment, library: path })
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
    pub(crate) fn load(&self, runtime: &Runtime) -> Result<Loaded, InferError> {
        let session = session(runtime, &[], &self.bytes).map_err(|error| InferError::ModelUnloadable {
            name: self.entry.name.clone(),
            reason: error.to_string(),
        })?;
        self.checked(session)
    }

    /// Makes a session on the first GPU and runs it once: much of what CUDA needs is missed no earlier.
    pub(crate) fn load_on_cuda(&self, runtime: &Runtime) -> Result<Loaded, InferError> {
        let unusable = |error: String| InferError::CudaUnusable { reason: error.trim_end().to_owned() };
        if !CUDA::is_available().map_err(|error| unusable(error.to_string()))? {
            return Err(InferError::CudaNotInLibrary { path: runtime.library.clone() });
        }
        let session =
            session(runtime, &[cuda()], &self.bytes).map_err(|error| unusable(error.to_string()))?;
        let mut loaded = self.checked(session)?;
        let size = input_for(&self.entry, Size::new(640, 480));
        loaded.run(&vec![0; size.pixels() * 3], size).map_err(|error| unusable(error.to_string()))?;
        Ok(loaded)
    }

    fn checked(&self, session: Session) -> Result<Loaded, InferError> {
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
        let encoding = Encoding::of(&self.entry.input).ok_or_else(|| InferError::ContractDiffers {
            name: self.entry.name.clone(),
            expecting: "the program",
            expected: "uint8 NHWC RGB, or float32 NHWC or NCHW, RGB or BGR".to_owned(),
            having: "the manifest",
            found: format!("{:?}", self.entry.input),
        })?;
        Ok(Loaded {
            name: self.entry.name.clone(),
            task: self.entry.task,
            session,
            encoding,
            floats: Vec::new(),
            usage: Arc::clone(&self.usage),
        })
    }
}

/// CUDA, as near to the processor's answers as it gets: no products of shortened numbers, and convolutions that
/// are chosen by rule, not by which was faster this time. An error if it is not there.
fn cuda() -> ExecutionProviderDispatch {
    CUDA::default()
        .with_tf32(false)
        .with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic)
        .build()
        .error_on_failure()
}

/// A session for one thread. A run on the processor is deterministic: one thread, one order of operations.
fn session(runtime: &Runtime, providers: &[ExecutionProviderDispatch], bytes: &[u8]) -> ort::Result<Session> {
    Session::builder(&runtime.environment)?
        .with_execution_providers(providers)
        .map_err(without_builder)?
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
pub(crate) struct Loaded {
    name: String,
    task: Task,
    session: Session,
    encoding: Encoding,
    /// The last input, where it is one of floats.
    floats: Vec<f32>,
    usage: Arc<Usage>,
}

impl Loaded {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs the model on as many pictures as there are pixels for, packed RGB, of a size that it takes.
    pub(crate) fn run(&mut self, pixels: &[u8], size: Size) -> Result<Outputs<'_>, InferError> {
        let failed =
            |error: ort::Error| InferError::RunFailed { name: self.name.clone(), reason: error.to_string() };
        let pictures = pixels.len() / (size.pixels() * 3);
        let started = Instant::now();
        let outputs = match &self.encoding {
            Encoding::Bytes => {
                let shape = [pictures, size.height, size.width, 3];
                let input = TensorRef::from_array_view((shape, pixels)).map_err(failed)?;
                self.session.run(ort::inputs![input])
            }
            Encoding::Floats(encoding) => {
                encoding.encode(pixels, size, &mut self.floats);
                let shape = encoding.shape(pictures, size);
                let input = TensorRef::from_array_view((shape, self.floats.as_slice())).map_err(failed)?;
                self.session.run(ort::inputs![input])
            }
        };
        let outputs = outputs.map_err(failed)?;
        self.usage.add(pictures, is_glance(self.task, size), started.elapsed());
        Ok(Outputs { model: &self.name, values: Values::OfSession(outputs) })
    }
}

/// What a model made of one picture of several: the values of each output, by name.
pub(crate) type Answer = Vec<(String, Vec<f32>)>;

/// What a model made of its input.
pub(crate) struct Outputs<'a> {
    model: &'a str,
    values: Values<'a>,
}

enum Values<'a> {
    OfSession(SessionOutputs<'a>),
    Copied(&'a Answer),
}

impl<'a> Outputs<'a> {
    /// What was copied for one picture.
    pub(crate) fn of(model: &'a str, answer: &'a Answer) -> Self {
        Self { model, values: Values::Copied(answer) }
    }

    /// The values of one output for one picture.
    pub(crate) fn view<S: ShapeBuilder>(
        &self,
        name: &str,
        shape: S,
    ) -> Result<ArrayView<'_, f32, S::Dim>, InferError> {
        let values = self.values(name)?;
        ArrayView::from_shape(shape, values).map_err(|error| self.failed(format!("output {name}: {error}")))
    }

    /// One answer for each of so many pictures, in their order.
    pub(crate) fn split(&self, pictures: usize) -> Result<Vec<Answer>, InferError> {
        let names: Vec<&str> = match &self.values {
            Values::OfSession(outputs) => outputs.keys().collect(),
            Values::Copied(answer) => answer.iter().map(|(name, _)| name.as_str()).collect(),
        };
        let mut answers = vec![Answer::new(); pictures];
        for name in names {
            let values = self.values(name)?;
            if values.len() % pictures != 0 {
                return Err(self.failed(format!("output {name} is not one for each of {pictures} pictures")));
            }
            for (answer, values) in answers.iter_mut().zip(values.chunks_exact(values.len() / pictures)) {
                answer.push((name.to_owned(), values.to_vec()));
            }
        }
        Ok(answers)
    }

    fn values(&self, name: &str) -> Result<&[f32], InferError> {
        let missing = || self.failed(format!("no output {name}"));
        match &self.values {
            Values::OfSession(outputs) => {
                let output = outputs.get(name).ok_or_else(missing)?;
                let (_, values) =
                    output.try_extract_tensor::<f32>().map_err(|error| self.failed(error.to_string()))?;
                Ok(values)
            }
            Values::Copied(answer) => {
                let output = answer.iter().find(|(known, _)| known == name);
                output.map(|(_, values)| values.as_slice()).ok_or_else(missing)
            }
        }
    }

    fn failed(&self, reason: String) -> InferError {
        InferError::RunFailed { name: self.model.to_owned(), reason }
    }
}
