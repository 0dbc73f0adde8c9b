//! One network in ONNX Runtime.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ndarray::ArrayD;
use ort::ep::{CUDA, ExecutionProvider as _, cuda::ConvAlgorithmSearch};
use ort::session::{Session, builder::SessionBuilder};
use ort::value::TensorRef;
use tract_tflite::internal::*;

use super::file::prepared;
use crate::engine::Provider;

/// Sessions of one network: one for each thread that runs it at the same time, because a session cannot be shared.
pub(crate) struct Sessions {
    file: Vec<u8>,
    input: Vec<usize>,
    provider: Provider,
    threads: usize,
    /// Those that no thread is using.
    idle: Mutex<Vec<Session>>,
}

impl Sessions {
    /// The network in `file` for an input of this shape, and what its outputs are called: `wanted`, or those that the file
    /// declares. `threads` share a run.
    pub(crate) fn new(
        file: &[u8],
        input: &[usize],
        wanted: &[&str],
        provider: Provider,
        threads: usize,
    ) -> TractResult<(Self, Vec<String>)> {
        ensure!(super::is_loaded(), "the library of ONNX Runtime is not loaded (`Cache::load_onnxruntime`)");
        let file = prepared(file, input, wanted)?;
        let idle = Mutex::default();
        let sessions = Self { file, input: input.to_vec(), provider, threads, idle };
        let first = sessions.open(sessions.options()?)?;
        let outputs = first.outputs().iter().map(|output| output.name().to_owned()).collect();
        sessions.keep(first);
        Ok((sessions, outputs))
    }

    pub(crate) fn provider(&self) -> Provider {
        self.provider
    }

    /// Runs it on `input`, and gives its outputs in their order.
    pub(crate) fn run(&self, input: &[f32]) -> TractResult<Vec<ArrayD<f32>>> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut session = match idle {
            Some(session) => session,
            None => self.open(self.options()?)?,
        };
        let outputs = self.run_in(&mut session, input)?;
        self.keep(session);
        Ok(outputs)
    }

    /// The shortest time of each node in so many runs, by ONNX Runtime's own profile, in the order of the run.
    pub(crate) fn profile(&self, input: &[f32], runs: usize) -> TractResult<Vec<(String, Duration)>> {
        let folder = tempfile::tempdir()?;
        let options = self.options()?.with_profiling(folder.path().join("profile"));
        let mut session = self.open(options.map_err(ort::Error::<()>::from)?)?;
        for _ in 0..runs.max(1) {
            self.run_in(&mut session, input)?;
        }
        nodes_of(&std::fs::read(session.end_profiling()?)?)
    }

    fn options(&self) -> TractResult<SessionBuilder> {
        let with_threads = Session::builder()?.with_intra_threads(self.threads);
        let mut options = with_threads.map_err(ort::Error::<()>::from)?;
        if self.provider == Provider::Cuda {
            // Without what gives other numbers in another run, or fewer digits.
            let cuda = CUDA::default().with_tf32(false);
            let cuda = cuda.with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic);
            ensure!(
                cuda.is_available()?,
                "this library of ONNX Runtime is built without CUDA; --onnxruntime-library FILE names another"
            );
            cuda.register(&mut options).context("CUDA cannot be used")?;
        }
        Ok(options)
    }

    fn open(&self, mut options: SessionBuilder) -> TractResult<Session> {
        let session = options.commit_from_memory(&self.file)?;
        ensure!(session.inputs().len() == 1, "it has {} inputs, and one is needed", session.inputs().len());
        Ok(session)
    }

    fn keep(&self, session: Session) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }

    fn run_in(&self, session: &mut Session, input: &[f32]) -> TractResult<Vec<ArrayD<f32>>> {
        let input = TensorRef::from_array_view((self.input.clone(), input))?;
        let outputs = session.run(ort::inputs![input])?;
        let one = |(name, value): (&str, ort::value::ValueRef<'_>)| {
            let (shape, numbers) = value
                .try_extract_tensor::<f32>()
                .with_context(|| format!("its output '{name}' is none of 32-bit floating-point numbers"))?;
            let shape = shape.iter().map(|&side| usize::try_from(side)).collect::<Result<Vec<_>, _>>()?;
            Ok(ArrayD::from_shape_vec(shape, numbers.to_vec())?)
        };
        outputs.iter().map(one).collect()
    }
}

/// Loads the library; what it has to say while it runs, but for errors, is not printed.
pub(super) fn load_library(path: &Path) -> Result<(), String> {
    let environment = match ort::init_from(path) {
        Ok(environment) => environment,
        Err(ort::LoadDynamicError::BadVersion { version_str, .. }) => {
            return Err(format!(
                "it is version {version_str}, and 1.{} or later is needed",
                ort::MINOR_VERSION
            ));
        }
        Err(ort::LoadDynamicError::MissingApi { .. }) => return Err("it is another library".to_owned()),
        Err(ort::LoadDynamicError::Dlopen { error, .. }) => {
            let why = std::error::Error::source(&error).map(ToString::to_string);
            return Err(why.unwrap_or_else(|| error.to_string()));
        }
    };
    environment.with_telemetry(false).with_logger(Arc::new(|_, _, _, _, _| {})).commit();
    Ok(())
}

/// The nodes in a profile of ONNX Runtime: events of the category `Node`, with their times in microseconds.
fn nodes_of(profile: &[u8]) -> TractResult<Vec<(String, Duration)>> {
    let events: Vec<serde_json::Value> = serde_json::from_slice(profile)?;
    let mut nodes: Vec<(String, Duration)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for event in &events {
        let name = event["name"].as_str().and_then(|name| name.strip_suffix("_kernel_time"));
        let (Some(name), Some(time)) = (name, event["dur"].as_u64()) else { continue };
        let time = Duration::from_micros(time);
        match places.get(name) {
            Some(&at) => nodes[at].1 = nodes[at].1.min(time),
            None => {
                places.insert(name.to_owned(), nodes.len());
                let operation = event["args"]["op_name"].as_str().unwrap_or("?");
                nodes.push((format!("{name} ({operation})"), time));
            }
        }
    }
    Ok(nodes)
}
