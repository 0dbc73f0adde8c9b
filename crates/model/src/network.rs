//! One network over tract.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ndarray::ArrayD;
use tract_onnx::prelude::*;

use crate::error::{Error, Result as ModelResult};
use crate::import::{Imported, import};
use crate::manifest::Format;

/// An output of a network: its shape and its numbers in row-major order.
pub type Tensor = ArrayD<f32>;

/// A network ready to run, with the shape of its one input fixed. Threads may share it; one run uses
/// one thread.
#[derive(Clone)]
pub struct Network {
    name: String,
    input: Vec<usize>,
    outputs: Vec<String>,
    plan: Arc<TypedRunnableModel>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("name", &self.name)
            .field("input", &self.input)
            .field("outputs", &self.outputs)
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
        let files: Vec<&[u8]> = files.iter().map(AsRef::as_ref).collect();
        let (plan, outputs) = guarded(name, "loaded", || {
            let Imported { model, outputs } = import(format, &files, input, wanted)?;
            Ok((model.into_optimized()?.into_runnable()?, outputs))
        })?;
        Ok(Self { name: name.to_owned(), input: input.to_vec(), outputs, plan })
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
    /// [`Error::Network`] where the length is wrong or tract fails, [`Error::NoNumbers`] where an output holds a NaN.
    pub fn run(&self, input: &[f32]) -> ModelResult<Vec<Tensor>> {
        let outputs: Vec<Tensor> = guarded(&self.name, "run", || {
            let tensor = tract_onnx::prelude::Tensor::from_shape(&self.input, input)?;
            let outputs = self.plan.run(tvec!(tensor.into()))?;
            outputs.iter().map(|o| Ok(o.to_plain_array_view::<f32>()?.to_owned())).collect()
        })?;
        let no_number = |(output, _): &(&Tensor, &String)| output.iter().any(|v| v.is_nan());
        match outputs.iter().zip(&self.outputs).find(no_number) {
            Some((_, output)) => Err(Error::NoNumbers { name: self.name.clone(), output: output.clone() }),
            None => Ok(outputs),
        }
    }
}

/// tract reports most of what is wrong with a file as errors, and panics at some: both end here.
fn guarded<T>(name: &str, doing: &'static str, work: impl FnOnce() -> TractResult<T>) -> ModelResult<T> {
    // tract names the whole operator; its first lines say what.
    let short =
        |why: String| why.lines().map(str::trim).collect::<Vec<_>>().join(" ").chars().take(400).collect();
    let failed = |why: String| Error::Network { name: name.to_owned(), doing, why: short(why) };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|e| failed(format!("{e:#}"))),
        Err(_) => Err(failed("tract gave up on it (panicked)".into())),
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
