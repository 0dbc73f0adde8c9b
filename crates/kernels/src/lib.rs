//! Inner loops that are compiled for several instruction sets, the widest of which is chosen at run time.
//!
//! | module | what |
//! |---|---|
//! | [`isa`] | [`Isa`]: what the processor can do; [`dispatch!`]: one body, compiled for each instruction set |
//! | [`aligned`] | [`Aligned`]: a buffer that begins at a cache line; [`prefetch`] |
//! | [`dot`](mod@dot) | dot products and squared differences of `f32`, `f64` and bytes |
//! | [`byte_tile`] | which pairs of a tile of points in bytes reach a bound |
//! | [`byte_bounds`] | bounds of the largest squared distance between a few rows and many, from their bytes |
//! | [`four_bit`] | dot products of vectors of four-bit numbers with queries of bytes |
//! | [`f32_tile`], [`f64_tile`] | squared distances and dot products of tiles of pairs |
//! | [`gemm`], [`column_blocks`] | matrix products; a vector times a matrix with few columns |
//! | [`conv`] | convolutions of pictures with their channels last |
//! | [`nearest`] | exact search for the largest scores, with an error bound of `f32` |
//! | [`subspace`] | [`Directions`](subspace::Directions): orthonormal directions in which most of a set of points lies, in `f32` |
//! | [`directions`](mod@directions) | the same, orthonormal to the precision of `f64` |
//! | [`transpose`] | rows to columns |
//! | [`means`] | sums and means of rows in `f64` |
//! | [`metric`] | [`Metric`]: the cosine and the Euclidean distance |
//! | [`random`] | [`SplitMix64`]: a seeded random generator |
//!
//! **Same bits everywhere.** Sums of floating-point numbers are taken in a fixed order that is documented with each
//! function. Rust neither reorders nor fuses floating-point operations, so every instruction set returns the same bits. Exceptions say
//! so: [`column_blocks`], [`gemm`], [`conv`] and what is built on them. The results of [`nearest`] are the same everywhere.
//!
//! **Safety.** The functions of this crate are safe. An [`Isa`] other than [`Isa::Portable`] exists only where the
//! processor has been asked, so that having one is the proof that its instructions can run.
//!
//! ```
//! use streamface_kernels::{Isa, Metric, dot, dot_i8};
//!
//! let (a, b) = ([3.0, 4.0], [4.0, 3.0]);
//! assert_eq!(dot(&a, &b), 24.0);
//! assert!((Metric::Cosine.distance(&a, &b) - 0.04).abs() < 1e-12);
//! assert_eq!(dot_i8(Isa::detect(), &[1, -2, 3], &[4, 5, -6], 4 + 5 - 6), -24);
//! ```

pub mod aligned;
pub mod byte_bounds;
pub mod byte_tile;
pub mod column_blocks;
pub mod conv;
pub mod directions;
pub mod dot;
pub mod f32_tile;
pub mod f64_tile;
pub mod four_bit;
pub mod gemm;
pub mod isa;
pub mod means;
pub mod metric;
pub mod nearest;
pub mod random;
pub mod subspace;
pub mod transpose;

pub use aligned::{Aligned, prefetch};
pub use dot::{LANES, dot, dot_f64, dot_i8};
pub use isa::Isa;
pub use metric::{Metric, cosine, cosine_of_sums};
pub use random::SplitMix64;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
