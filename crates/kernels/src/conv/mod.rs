//! Kernels of convolutional networks.
//!
//! A picture is rows of pixels, a pixel its channels side by side, filled up to a multiple of eight
//! ([`stored_channels`]).
//!
//! | function | what |
//! |---|---|
//! | [`product`] | dense convolutions as products of pixels with [`PackedWeights`] |
//! | [`byte_product`] | the same of one pixel, in whole numbers |
//! | [`winograd`] | dense convolutions of 3 x 3 with a quarter of the products |
//! | [`depthwise`] | a row of a depthwise convolution |
//! | [`activate`] | an [`Activation`] of pixels |
//! | [`larger`], [`accumulate`], [`scale`], [`sum`] | pooling, and sums of rows |
//!
//! One source each for all instruction sets, over registers (`lanes`). Sums are taken in the order that is said with each
//! function, with fused multiplication and addition where there is such an instruction: so instruction sets differ in the
//! last bits, and the number of pixels at once does not matter.

mod depthwise;
mod finish;
mod lanes;
mod pool;
mod product;
mod quantize;
mod tile;
mod winograd;

pub use depthwise::{DepthwiseWeights, Windows, depthwise};
pub use finish::{Activation, activate};
pub use pool::{Pairs, accumulate, larger, scale, sum};
pub use product::{PackedWeights, Pixels, product};
pub use quantize::{ByteOutput, BytePixels, ByteWeights, byte_product};
pub use tile::stored_channels;
pub use winograd::{Bands, SEEN, TILE, Tiles, WinogradWeights, winograd};
