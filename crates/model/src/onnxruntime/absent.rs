//! What stands for ONNX Runtime where it is not built in: [`super::check_built_in`] is asked before any of it.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use tract_onnx::prelude::{TractResult, tract_ndarray::ArrayD};

use crate::engine::Provider;
use crate::error::Error;

pub(crate) struct Sessions(Infallible);

impl Sessions {
    pub(crate) fn new(
        _: &[u8],
        _: &[usize],
        _: &[&str],
        _: Provider,
        _: usize,
    ) -> TractResult<(Self, Vec<String>)> {
        Err(Error::NoOnnxRuntime.into())
    }

    pub(crate) fn provider(&self) -> Provider {
        match self.0 {}
    }

    pub(crate) fn run(&self, _: &[f32]) -> TractResult<Vec<ArrayD<f32>>> {
        match self.0 {}
    }

    pub(crate) fn profile(&self, _: &[f32], _: usize) -> TractResult<Vec<(String, Duration)>> {
        match self.0 {}
    }
}

pub(super) fn load_library(_: &Path) -> Result<(), String> {
    Err(Error::NoOnnxRuntime.to_string())
}
