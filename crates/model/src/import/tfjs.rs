//! TensorFlow.js graph models.

use tract_tflite::internal::*;

use super::Imported;

pub(super) fn import(_files: &[&[u8]], _input: &[usize], _wanted: &[&str]) -> TractResult<Imported> {
    bail!("TensorFlow.js graph models cannot be read yet")
}
