//! Keras models in HDF5.

use tract_tflite::internal::*;

use super::Imported;

pub(super) fn import(_file: &[u8], _input: &[usize], _wanted: &[&str]) -> TractResult<Imported> {
    bail!("Keras models cannot be read yet")
}
