//! One network, and what runs it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ndarray::ArrayD;
use streamface_exec::{Options, Plan};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::bail;
use tract_onnx::tract_core::plan::eval;

use crate::engine::Engine;
use crate::error::{Error, Result as ModelResult};
use crate::import::{Imported, import};
use crate::manifest::{Format, Manifest};
use crate::onnxruntime::{self, Sessions};
use crate::translate::translate;

/// An output of a network: its shape and its numbers in row-major order.
pub type Tensor = ArrayD<f32>;

/// How a network is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct NetworkOptions {
    /// What runs it.
    pub engine: Engine,
    /// Instruction set of the executor, and threads of the executor or of ONNX Runtime. With more than one thread, a run of
    /// the executor shares the rayon pool that it is called in; ONNX Runtime makes threads of its own.
    pub executor: Options,
}

impl NetworkOptions {
    /// As a model's manifest says: in which numbers, and by which engine.
    #[must_use]
    pub fn of(model: &Manifest) -> Self {
        let executor = Options { precision: model.precision, ..Options::default() };
        Self { engine: model.engine(), executor }
    }
}

/// A part of a run of a network, and its time.
#[derive(Clone, Debug)]
pub struct NodeTime {
    /// The nodes of the file, or what tract made of them.
    pub name: String,
    /// The shortest time of all runs.
    pub time: Duration,
    /// Multiplications; 0 where they are not known, as of tract's nodes.
    pub products: usize,
    /// Bytes of its weights, of what it reads and what it writes; 0 where they are not known.
    pub bytes: usize,
}

#[derive(Clone)]
enum Runner {
    Executor(Arc<Plan>),
    Tract { plan: Arc<TypedRunnableModel>, why: Option<Arc<str>> },
    OnnxRuntime(Arc<Sessions>),
}

/// A network ready to run, with the shape of its one input fixed. Threads may share it; one run uses
/// one thread, if its options do not say otherwise.
#[derive(Clone)]
pub struct Network {
    name: String,
    input: Vec<usize>,
    outputs: Vec<String>,
    runner: Runner,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("name", &self.name)
            .field("input", &self.input)
            .field("outputs", &self.outputs)
            .field("engine", &self.engine())
            .finish_non_exhaustive()
    }
}

impl Network {
    /// Builds the network in `files` for an input of shape `input`, whatever shape the files declare. `name` is what
    /// errors call it. A network of format [`Format::Tfjs`] has its JSON first, then its shards in the JSON's order;
    /// all others are one file. Its outputs are those that the file declares, in the file's order.
    ///
    /// # Errors
    /// [`Error::Network`] with the reason, and the name of the node where one is at fault.
    pub fn load(
        name: &str,
        format: Format,
        files: &[impl AsRef<[u8]>],
        input: &[usize],
    ) -> ModelResult<Self> {
        Self::load_outputs(name, format, files, input, &[])
    }

    /// [`Network::load`] with the outputs named in `wanted`, in that order; of ONNX, TensorFlow.js and Keras files
    /// they may be of inner nodes. Where `wanted` is empty, the outputs are those that the file declares.
    ///
    /// # Errors
    /// [`Error::Network`], also where there is no such output.
    pub fn load_outputs(
        name: &str,
        format: Format,
        files: &[impl AsRef<[u8]>],
        input: &[usize],
        wanted: &[&str],
    ) -> ModelResult<Self> {
        Self::load_with(name, format, files, input, wanted, NetworkOptions::default())
    }

    /// [`Network::load_outputs`], run as `options` say.
    ///
    /// # Errors
    /// [`Error::Network`]; [`Error::NoOnnxRuntime`] where that is asked for and not built in.
    pub fn load_with(
        name: &str,
        format: Format,
        files: &[impl AsRef<[u8]>],
        input: &[usize],
        wanted: &[&str],
        options: NetworkOptions,
    ) -> ModelResult<Self> {
        let files: Vec<&[u8]> = files.iter().map(AsRef::as_ref).collect();
        if matches!(options.engine, Engine::OnnxRuntime(_)) {
            onnxruntime::check_built_in()?;
        }
        let (runner, outputs) = guarded(name, "loaded", || {
            if let Engine::OnnxRuntime(provider) = options.engine {
                let ([file], Format::Onnx) = (&files[..], format) else {
                    bail!("ONNX Runtime reads ONNX files, and this is none: leave it to another engine");
                };
                let threads = options.executor.threads;
                let (sessions, outputs) = Sessions::new(file, input, wanted, provider, threads)?;
                return Ok((Runner::OnnxRuntime(Arc::new(sessions)), outputs));
            }
            let Imported { model, outputs } = import(format, &files, input, wanted)?;
            let why = match options.engine {
                Engine::Tract | Engine::OnnxRuntime(_) => None,
                Engine::Executor => match translate(&model) {
                    Ok(graph) => {
                        // Its weights are in the layers, too.
                        drop(model);
                        let plan = Plan::new(graph, options.executor);
                        return Ok((Runner::Executor(Arc::new(plan)), outputs));
                    }
                    Err(e) => Some(format!("{e:#}").into()),
                },
            };
            Ok((Runner::Tract { plan: model.into_optimized()?.into_runnable()?, why }, outputs))
        })?;
        Ok(Self { name: name.to_owned(), input: input.to_vec(), outputs, runner })
    }

    /// What runs it.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match &self.runner {
            Runner::Executor(_) => Engine::Executor,
            Runner::Tract { .. } => Engine::Tract,
            Runner::OnnxRuntime(sessions) => Engine::OnnxRuntime(sessions.provider()),
        }
    }

    /// Why tract runs it where the executor was to.
    #[must_use]
    pub fn why_not_executor(&self) -> Option<&str> {
        match &self.runner {
            Runner::Executor(_) | Runner::OnnxRuntime(_) => None,
            Runner::Tract { why, .. } => why.as_deref(),
        }
    }

    /// What its outputs are called, in the order of [`Network::run`].
    #[must_use]
    pub fn output_names(&self) -> &[String] {
        &self.outputs
    }

    /// Shape of the input.
    #[must_use]
    pub fn input_shape(&self) -> &[usize] {
        &self.input
    }

    /// Runs the network on `input` (row-major, as many numbers as its shape holds) and gives its
    /// outputs in the order of [`Network::output_names`].
    ///
    /// # Errors
    /// [`Error::Network`] where the length is wrong or the engine fails, [`Error::NoNumbers`] where an output holds a NaN.
    pub fn run(&self, input: &[f32]) -> ModelResult<Vec<Tensor>> {
        let outputs: Vec<Tensor> = guarded(&self.name, "run", || match &self.runner {
            Runner::Executor(plan) => {
                let outputs = plan.run(input)?.into_iter().zip(plan.output_shapes());
                outputs.map(|(numbers, shape)| Ok(ArrayD::from_shape_vec(shape, numbers)?)).collect()
            }
            Runner::Tract { plan, .. } => {
                let outputs = plan.run(self.tract_input(input)?)?;
                outputs.iter().map(|o| Ok(o.to_plain_array_view::<f32>()?.to_owned())).collect()
            }
            Runner::OnnxRuntime(sessions) => sessions.run(input),
        })?;
        let no_number = |(output, _): &(&Tensor, &String)| output.iter().any(|v| v.is_nan());
        match outputs.iter().zip(&self.outputs).find(no_number) {
            Some((_, output)) => Err(Error::NoNumbers { name: self.name.clone(), output: output.clone() }),
            None => Ok(outputs),
        }
    }

    /// Runs the network so many times and says where the time went, in the order of the run.
    ///
    /// # Errors
    /// [`Error::Network`].
    pub fn profile(&self, input: &[f32], runs: usize) -> ModelResult<Vec<NodeTime>> {
        guarded(&self.name, "run", || match &self.runner {
            Runner::Executor(plan) => {
                let jobs = plan.profile(input, runs)?.into_iter();
                let node = |job: streamface_exec::JobTime| NodeTime {
                    name: job.name,
                    time: job.time,
                    products: job.products,
                    bytes: job.bytes,
                };
                Ok(jobs.map(node).collect())
            }
            Runner::Tract { plan, .. } => self.profile_tract(plan, input, runs),
            Runner::OnnxRuntime(sessions) => {
                let node = |(name, time)| NodeTime { name, time, products: 0, bytes: 0 };
                Ok(sessions.profile(input, runs)?.into_iter().map(node).collect())
            }
        })
    }

    fn profile_tract(
        &self,
        plan: &Arc<TypedRunnableModel>,
        input: &[f32],
        runs: usize,
    ) -> TractResult<Vec<NodeTime>> {
        let mut nodes: Vec<(usize, NodeTime)> = Vec::new();
        let mut state = plan.spawn()?;
        for _ in 0..runs.max(1) {
            state.run_plan_with_eval(self.tract_input(input)?, |context, state, node, inputs| {
                let start = Instant::now();
                let result = eval(context, state, node, inputs);
                let time = start.elapsed();
                match nodes.iter_mut().find(|(id, _)| *id == node.id) {
                    Some((_, known)) => known.time = known.time.min(time),
                    None => {
                        let name = format!("{} ({})", node.name, node.op.name());
                        nodes.push((node.id, NodeTime { name, time, products: 0, bytes: 0 }));
                    }
                }
                result
            })?;
        }
        Ok(nodes.into_iter().map(|(_, node)| node).collect())
    }

    fn tract_input(&self, input: &[f32]) -> TractResult<TVec<TValue>> {
        Ok(tvec!(tract_onnx::prelude::Tensor::from_shape(&self.input, input)?.into()))
    }
}

/// Networks report most of what is wrong with a file as errors, and panic at some: both end here.
fn guarded<T>(name: &str, doing: &'static str, work: impl FnOnce() -> TractResult<T>) -> ModelResult<T> {
    // tract names the whole operator; its first lines say what.
    let short =
        |why: String| why.lines().map(str::trim).collect::<Vec<_>>().join(" ").chars().take(400).collect();
    let failed = |why: String| Error::Network { name: name.to_owned(), doing, why: short(why) };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|e| failed(format!("{e:#}"))),
        Err(_) => Err(failed("the engine gave up on it (panicked)".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rubbish_is_an_error_not_a_panic() {
        for format in [Format::Onnx, Format::Tflite, Format::Tfjs, Format::Keras] {
            for weights in [&b""[..], b"rubbish", &[0xff; 4096], &[0; 4096]] {
                let loaded = Network::load("x", format, &[weights], &[1, 3, 32, 32]);
                assert!(matches!(loaded, Err(Error::Network { .. })), "{format:?}");
            }
        }
    }
}
