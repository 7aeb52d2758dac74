//! One model, one session of ONNX Runtime.

use ort::environment::Environment;
use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};
use ort::session::Session;
use ort::value::TensorRef;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provider {
    /// The processor.
    #[default]
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
    /// An NVIDIA GPU, with kernels made for it at the first use.
    TensorRt,
}

/// How models are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What computes.
    pub provider: Provider,
    /// Threads of one session.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { provider: Provider::Cpu, threads: 2 }
    }
}

/// Why there is no model, or no answer of it. Each says what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// ONNX Runtime's library.
    #[error(
        "ONNX Runtime cannot be loaded from {file}: {why}. Source launch/env, or set ORT_DYLIB_PATH to libonnxruntime.so"
    )]
    Runtime { file: PathBuf, why: String },
    /// The library has not what was asked for.
    #[error("this ONNX Runtime has no {provider:?}: install one that has, or take the processor")]
    Provider { provider: Provider },
    /// A file is not there or cannot be read.
    #[error(
        "{file} cannot be read: {why}. perception/training/make makes models; shipped ones lie in perception/models"
    )]
    Missing { file: PathBuf, why: String },
    /// A card that is none.
    #[error("{file} is no model's card: {why}")]
    Card { file: PathBuf, why: String },
    /// Cut off, or another file.
    #[error(
        "{file} has {found} bytes and its card says {wanted}: it is cut off or another model; fetch it again"
    )]
    Length { file: PathBuf, found: u64, wanted: u64 },
    /// Another file.
    #[error("{file} has the SHA-256 {found} and its card says {wanted}: it is another model; fetch it again")]
    Hash { file: PathBuf, found: String, wanted: String },
    /// It tells other things than this program knows.
    #[error("{file} tells the {what} {found:?}, and this program knows {wanted:?}: train it anew")]
    Classes { file: PathBuf, what: &'static str, found: Vec<String>, wanted: Vec<String> },
    /// ONNX Runtime does not take it.
    #[error("{file} is no model that ONNX Runtime takes: {why}")]
    Refused { file: PathBuf, why: String },
    /// Its answers have another form.
    #[error("{file} answers {what} of the shape {found:?}, expected was {wanted:?}: train it anew")]
    Shape { file: PathBuf, what: String, found: Vec<i64>, wanted: Vec<i64> },
    /// It could not be run.
    #[error("{file} could not be run: {why}")]
    Run { file: PathBuf, why: String },
    /// The picture is no picture.
    #[error(
        "a picture of {width} x {height} with {pixels} pixels cannot be looked at: it must be whole and at least {least} pixels wide and high"
    )]
    Picture { width: usize, height: usize, pixels: usize, least: usize },
}

/// ONNX Runtime, once it is loaded.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

fn environment() -> Result<Environment, ModelError> {
    let mut loaded = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*loaded {
        return Ok(environment.clone());
    }
    let told = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty());
    let file = PathBuf::from(told.unwrap_or_else(|| "libonnxruntime.so".into()));
    let failed = |why: String| ModelError::Runtime { file: file.clone(), why };
    let builder = ort::init_from(&file).map_err(|e| failed(e.to_string()))?;
    let environment =
        builder.with_name("nightshift").with_telemetry(false).build().map_err(|e| failed(e.to_string()))?;
    Ok(loaded.insert(environment).clone())
}

impl Provider {
    fn dispatch(self) -> Result<Option<ExecutionProviderDispatch>, ModelError> {
        let (there, dispatch) = match self {
            Self::Cpu => return Ok(None),
            Self::Cuda => (ep::CUDA::is_available(), ep::CUDA::default().build()),
            Self::TensorRt => (ep::TensorRT::is_available(), ep::TensorRT::default().build()),
        };
        match there {
            Ok(true) => Ok(Some(dispatch.error_on_failure())),
            _ => Err(ModelError::Provider { provider: self }),
        }
    }
}

/// An answer: its shape and its numbers.
pub(crate) type Tensor = (Vec<i64>, Vec<f32>);

/// A model that is ready.
pub(crate) struct Model {
    file: PathBuf,
    session: Session,
}

impl Model {
    /// From a file's bytes.
    pub(crate) fn load(file: &Path, bytes: &[u8], options: &Options) -> Result<Self, ModelError> {
        let environment = environment()?;
        let provider = options.provider.dispatch()?;
        let refused = |why: String| ModelError::Refused { file: file.to_owned(), why };
        let builder = Session::builder(&environment).map_err(|e| refused(e.to_string()))?;
        let mut builder = builder.with_intra_threads(options.threads).map_err(|e| refused(e.to_string()))?;
        // A thread that waits without sleeping takes a core from whatever else the robot computes.
        builder = builder.with_intra_op_spinning(false).map_err(|e| refused(e.to_string()))?;
        if let Some(provider) = provider {
            builder = builder.with_execution_providers([provider]).map_err(|e| refused(e.to_string()))?;
        }
        let session = builder.commit_from_memory(bytes).map_err(|e| refused(e.to_string()))?;
        Ok(Self { file: file.to_owned(), session })
    }

    /// Its only input has the shape; answers the outputs of these names.
    pub(crate) fn run<const N: usize>(
        &mut self,
        shape: [usize; 4],
        values: &[f32],
        names: [&str; N],
    ) -> Result<[Tensor; N], ModelError> {
        let file = self.file.clone();
        let failed = |why: String| ModelError::Run { file: file.clone(), why };
        let input = TensorRef::from_array_view((shape, values)).map_err(|e| failed(e.to_string()))?;
        let outputs = self.session.run(ort::inputs![input]).map_err(|e| failed(e.to_string()))?;
        let mut told = Vec::with_capacity(N);
        for name in names {
            let value = outputs.get(name).ok_or_else(|| failed(format!("it has no output {name}")))?;
            let (shape, values) = value.try_extract_tensor::<f32>().map_err(|e| failed(e.to_string()))?;
            told.push((shape.to_vec(), values.to_vec()));
        }
        Ok(told.try_into().expect("one for each name"))
    }

    /// Makes sure of an answer's shape.
    pub(crate) fn has_shape(&self, what: &str, found: &[i64], wanted: &[usize]) -> Result<(), ModelError> {
        let wanted: Vec<i64> = wanted.iter().map(|side| *side as i64).collect();
        if found == wanted {
            return Ok(());
        }
        let (file, what) = (self.file.clone(), what.to_owned());
        Err(ModelError::Shape { file, what, found: found.to_owned(), wanted })
    }
}
