//! How a plan is to run.

use std::str::FromStr;

use streamface_kernels::Isa;

/// In which numbers convolutions are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// `f32`.
    #[default]
    F32,
    /// Convolutions of one pixel in whole numbers of 8 bits: weights have a scale for each channel of the result, pixels one
    /// each, from the numbers of the pixel itself. Faster with AVX-512 VNNI, slower without. All others are in `f32`. A
    /// result that is no number may become one.
    Int8,
}

impl FromStr for Precision {
    type Err = String;

    /// Reads `f32` and `int8`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "f32" => Ok(Self::F32),
            "int8" => Ok(Self::Int8),
            other => Err(format!("precision must be f32 or int8, not '{other}'")),
        }
    }
}

/// How a plan is to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The instruction set.
    pub isa: Isa,
    /// Threads that share a run, of the rayon pool that it is called in. The result is the same for any number.
    pub threads: usize,
    /// In which numbers.
    pub precision: Precision,
}

impl Default for Options {
    /// The best instruction set of the processor, one thread, `f32`.
    fn default() -> Self {
        Self { isa: Isa::detect(), threads: 1, precision: Precision::F32 }
    }
}
