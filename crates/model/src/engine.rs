//! What runs networks.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What runs a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// `streamface-exec`, and tract for the nodes that it does not know. A network most of which it does not know is
    /// left to tract.
    #[default]
    Executor,
    /// tract alone.
    Tract,
    /// ONNX Runtime, on this hardware; networks in ONNX files only. It is there with the feature `onnxruntime`, once
    /// [`crate::Cache::load_onnxruntime`] has loaded its library.
    OnnxRuntime(Provider),
}

/// What ONNX Runtime calculates on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Provider {
    /// The processor.
    #[default]
    Cpu,
    /// The first NVIDIA GPU, with a library that was built for CUDA.
    Cuda,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Executor => "streamface-exec",
            Self::Tract => "tract",
            Self::OnnxRuntime(Provider::Cpu) => "onnxruntime",
            Self::OnnxRuntime(Provider::Cuda) => "onnxruntime (cuda)",
        })
    }
}
