//! TensorFlow Lite, through tract-tflite.

use tract_tflite::internal::*;

use super::{Imported, tflite_graph};

pub(super) fn import(file: &[u8], input: &[usize], wanted: &[&str]) -> TractResult<Imported> {
    let through_tract =
        with_input_shape(file, input).and_then(|file| tract_tflite::tflite().model_for_read(&mut &file[..]));
    let mut model = match through_tract {
        Ok(model) => model,
        // tract knows more operators, and ours names the one that neither does.
        Err(_) => tflite_graph::import(file, input)?,
    };
    let mut outputs = output_names(file)?;
    if !wanted.is_empty() {
        let outlets = model.output_outlets()?.to_vec();
        let find = |name: &&str| {
            let at = outputs.iter().position(|o| o == name);
            at.map(|at| outlets[at]).with_context(|| format!("no output '{name}'; there are {outputs:?}"))
        };
        let chosen = wanted.iter().map(find).collect::<TractResult<Vec<_>>>()?;
        model.select_output_outlets(&chosen)?;
        outputs = wanted.iter().map(|&name| name.to_owned()).collect();
    }
    Ok(Imported { model, outputs })
}

fn output_names(file: &[u8]) -> TractResult<Vec<String>> {
    let model = tract_tflite::tflite::root_as_model(file)?;
    let graph = model.subgraphs().context("no graph in the file")?.get(0);
    let tensors = graph.tensors().context("no tensors in the file")?;
    let outputs = graph.outputs().context("no outputs in the file")?;
    let name = |at: i32| tensors.get(at as usize).name().unwrap_or_default().to_owned();
    Ok(outputs.iter().map(name).collect())
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
