//! The image operations that StreamFace's filters and crops are defined by, with OpenCV's results and
//! faster: each agrees with OpenCV to the digit, or says within which error.
//!
//! Colours are RGB, 8 bits; (x, y) is right and down; the centre of the first pixel is (0, 0).
//!
//! | module | what |
//! |---|---|
//! | [`gray`](mod@gray) | RGB → gray |
//! | [`resize`] | nearest, bilinear, area-averaging |
//! | [`canny`] | the fraction of pixels on no edge |
//! | [`laplacian`] | sharpness as the variance of the Laplacian |
//! | [`similarity`](mod@similarity) | [`Thumbnail`]: how alike two frames are |
//! | [`crop`] | loose and aligned faces |
//! | [`warp`] | [`Similarity`] transforms from landmarks, aligned 112 x 112 faces |
//! | [`smooth`](mod@smooth) | Gaussian smoothing |
//! | [`codec`] | PNG, JPEG and WebP out and in |

pub mod canny;
pub mod codec;
pub mod crop;
pub mod gray;
mod jpeg;
mod lanczos;
pub mod laplacian;
pub mod resize;
pub mod similarity;
pub mod smooth;
pub mod warp;

pub use canny::canny_empty_fraction;
pub use codec::{DecodeLimits, ImageError, decode_image, encode_jpeg, encode_png, encode_webp};
pub use crop::{LooseSettings, LooseSquare, aligned_face, loose_face, loose_square, pixel_box};
pub use gray::gray;
pub use laplacian::{face_blur_variance, laplacian_variance};
pub use resize::{resize_area, resize_bilinear, resize_bilinear_planar, resize_nearest};
pub use similarity::Thumbnail;
pub use smooth::smooth;
pub use warp::{ARCFACE_112, Similarity, warp_similarity};

#[cfg(test)]
mod test;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
