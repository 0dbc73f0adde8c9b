//! One network over tract.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ndarray::ArrayD;
use tract_onnx::prelude::*;
use tract_tflite::internal::TractErrorContext as _;

use crate::error::{Error, Result as ModelResult};
use crate::manifest::Format;

/// An output of a network: its shape and its numbers in row-major order.
pub type Tensor = ArrayD<f32>;

/// A network ready to run, with the shape of its one input fixed. Threads may share it; one run uses
/// one thread.
#[derive(Clone)]
pub struct Network {
    name: String,
    input: Vec<usize>,
    plan: Arc<TypedRunnableModel>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("name", &self.name)
            .field("input", &self.input)
            .finish_non_exhaustive()
    }
}

impl Network {
    /// Builds the network in `weights`, a file of `format`, for an input of shape `input`, whatever shape
    /// the file declares. `name` is what errors call it.
    ///
    /// # Errors
    /// [`Error::Network`] with tract's reason.
    pub fn load(name: &str, format: Format, weights: &[u8], input: &[usize]) -> ModelResult<Self> {
        let plan = guarded(name, "loaded", || {
            let fact = f32::fact(input);
            match format {
                Format::Onnx => {
                    // Shapes in the file are those of its export (CenterFace: 10 × 3 × 32 × 32).
                    let onnx = tract_onnx::onnx().with_ignore_output_shapes(true);
                    let mut m = onnx.model_for_read(&mut &*weights)?;
                    m.set_input_fact(0, fact.into())?;
                    m.into_optimized()?.into_runnable()
                }
                Format::Tflite => {
                    let weights = with_input_shape(weights, input)?;
                    let m = tract_tflite::tflite().model_for_read(&mut &weights[..])?;
                    m.into_optimized()?.into_runnable()
                }
            }
        })?;
        Ok(Self { name: name.to_owned(), input: input.to_vec(), plan })
    }

    /// Shape of the input.
    #[must_use]
    pub fn input_shape(&self) -> &[usize] {
        &self.input
    }

    /// Runs the network on `input` (row-major, as many numbers as its shape holds) and gives its
    /// outputs in the file's order.
    ///
    /// # Errors
    /// [`Error::Network`] where the length is wrong or tract fails.
    pub fn run(&self, input: &[f32]) -> ModelResult<Vec<Tensor>> {
        guarded(&self.name, "run", || {
            let tensor = tract_onnx::prelude::Tensor::from_shape(&self.input, input)?;
            let outputs = self.plan.run(tvec!(tensor.into()))?;
            outputs.iter().map(|o| Ok(o.to_plain_array_view::<f32>()?.to_owned())).collect()
        })
    }
}

/// The TensorFlow Lite file with `shape` as the shape of its one input: tract takes it from there, and
/// all others follow from it, save for reshapes that name the batch, where it is put in too. A file
/// made for two faces then runs on one.
fn with_input_shape(weights: &[u8], shape: &[usize]) -> TractResult<Vec<u8>> {
    let model = tract_tflite::tflite::root_as_model(weights)?;
    let graphs = model.subgraphs().filter(|g| !g.is_empty()).context("no graph in the file")?;
    let graph = graphs.get(0);
    let inputs = graph.inputs().filter(|i| i.len() == 1).context("more or less than one input")?;
    let tensors = graph.tensors().context("no tensors in the file")?;
    let tensor = |at: i32| usize::try_from(at).ok().filter(|&i| i < tensors.len()).map(|i| tensors.get(i));
    let declared = tensor(inputs.get(0)).and_then(|t| t.shape()).filter(|s| s.len() == shape.len());
    let declared = declared.context("the input has another number of axes")?;
    let (old, new) = (declared.iter().next(), shape.first());
    // Stretches of the file and the whole numbers to write there. All are parts of `weights`.
    let mut changes: Vec<(&[u8], &[usize])> = vec![(declared.bytes(), shape)];
    if let (Some(old), Some(new)) = (old, new) {
        for operator in graph.operators().into_iter().flatten() {
            let Some(options) = operator.builtin_options_as_reshape_options() else { continue };
            let constant = operator.inputs().filter(|i| i.len() > 1).and_then(|i| tensor(i.get(1)));
            let buffer = constant
                .and_then(|t| Some(model.buffers()?.iter().nth(t.buffer() as usize)?.data()?.bytes()));
            let named = options.new_shape().map(|s| s.bytes());
            for stretch in [buffer, named].into_iter().flatten().filter(|s| s.starts_with(&old.to_le_bytes()))
            {
                changes.push((stretch, std::slice::from_ref(new)));
            }
        }
    }
    let mut changed = weights.to_vec();
    for (stretch, values) in changes {
        let at = stretch.as_ptr().addr() - weights.as_ptr().addr();
        for (slot, &value) in changed[at..at + stretch.len()].chunks_exact_mut(4).zip(values) {
            slot.copy_from_slice(&i32::try_from(value)?.to_le_bytes());
        }
    }
    Ok(changed)
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
        for format in [Format::Onnx, Format::Tflite] {
            for weights in [&b""[..], b"rubbish", &[0xff; 4096], &[0; 4096]] {
                let loaded = Network::load("x", format, weights, &[1, 3, 32, 32]);
                assert!(matches!(loaded, Err(Error::Network { .. })), "{format:?}");
            }
        }
    }
}
