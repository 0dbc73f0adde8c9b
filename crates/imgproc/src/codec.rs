//! PNG out, PNG and JPEG in.
use image::RgbImage;

/// What an image file may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Longest side in pixels. Default 16384.
    pub max_side: u32,
    /// Memory for decoding in bytes. Default 512 MiB.
    pub max_bytes: u64,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_side: 16_384, max_bytes: 512 << 20 }
    }
}

/// An image that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// Neither PNG nor JPEG.
    #[error("not an image: neither PNG nor JPEG")]
    UnknownFormat,
    /// Larger than the limits.
    #[error("image too large: {0}")]
    TooLarge(String),
    /// Broken or cut short.
    #[error("broken image: {0}")]
    Broken(String),
    /// Could not be written as PNG.
    #[error("cannot write PNG: {0}")]
    Encode(String),
}

/// A lossless PNG, fast rather than smallest; the same bytes for the same picture, always.
///
/// # Errors
/// [`ImageError::Encode`] for an image without pixels.
pub fn encode_png(rgb: &RgbImage) -> Result<Vec<u8>, ImageError> {
    let _ = rgb;
    unimplemented!()
}

/// Decodes PNG or JPEG, told by the first bytes, as RGB (gray is spread, alpha dropped).
///
/// # Errors
/// [`ImageError`] where the bytes are no such image, broken, or beyond the limits, which are checked
/// before memory is taken.
pub fn decode_image(bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, ImageError> {
    let _ = (bytes, limits);
    unimplemented!()
}
