//! PNG, JPEG and WebP out and in.

mod png_out;

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageDecoder, ImageReader, RgbImage};

use crate::jpeg::{self, Photo};

/// What an image file may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Longest side in pixels. Default 16384.
    pub max_side: u32,
    /// Memory for the decoded pixels in bytes. Default 512 MiB.
    pub max_bytes: u64,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_side: 16_384, max_bytes: 512 << 20 }
    }
}

/// An image that could not be read or written. The caller knows the file and names it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// Neither PNG nor JPEG nor WebP.
    #[error("neither PNG nor JPEG nor WebP: convert it to one of them")]
    UnknownFormat,
    /// Larger than the limits.
    #[error("an image of {width} x {height} is too large: at most {max_side} a side and {max_bytes} bytes")]
    TooLarge {
        /// Width it claims, in pixels.
        width: u32,
        /// Height it claims, in pixels.
        height: u32,
        /// Longest side allowed.
        max_side: u32,
        /// Memory allowed.
        max_bytes: u64,
    },
    /// Broken or cut short.
    #[error("broken or cut short: {0}")]
    Broken(#[source] image::ImageError),
    /// Could not be written as PNG.
    #[error("cannot write as PNG: {0}")]
    Encode(#[from] png::EncodingError),
    /// Could not be written as JPEG or WebP.
    #[error("cannot write as {format}: {source}")]
    EncodeAs {
        /// `JPEG` or `WebP`.
        format: &'static str,
        /// Why.
        source: image::ImageError,
    },
}

/// Most memory for texts, a colour profile and a row of pixels of a PNG, bytes.
const MAX_BESIDE: u64 = 32 << 20;

/// A lossless PNG, fast rather than smallest: Paeth's filter and fdeflate's single pass. The same bytes
/// for the same picture, always.
///
/// # Errors
/// [`ImageError::Encode`] for an image without pixels.
///
/// ```
/// use streamface_imgproc::{decode_image, encode_png};
///
/// let image = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8, y as u8, 7]));
/// let png = encode_png(&image)?;
/// assert_eq!(decode_image(&png, &Default::default())?, image);
/// # Ok::<(), streamface_imgproc::ImageError>(())
/// ```
pub fn encode_png(rgb: &RgbImage) -> Result<Vec<u8>, ImageError> {
    png_out::encode(rgb)
}

/// A JPEG of a quality from 1 to 100, as libjpeg counts it, with colour as fine as brightness (4:4:4). The same bytes
/// for the same picture, always.
///
/// # Errors
/// [`ImageError::EncodeAs`] for an image without pixels, or with a side above 65,535.
///
/// ```
/// use streamface_imgproc::{decode_image, encode_jpeg};
///
/// let image = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * 4) as u8, (y * 4) as u8, 90]));
/// let back = decode_image(&encode_jpeg(&image, 90)?, &Default::default())?;
/// let worst = image.iter().zip(back.iter()).map(|(a, b)| a.abs_diff(*b)).max();
/// assert!(worst < Some(16));
/// # Ok::<(), streamface_imgproc::ImageError>(())
/// ```
pub fn encode_jpeg(rgb: &RgbImage, quality: u8) -> Result<Vec<u8>, ImageError> {
    let mut out = Vec::with_capacity(rgb.len() / 8 + 1024);
    let written = JpegEncoder::new_with_quality(&mut out, quality).encode_image(rgb);
    written.map_err(|source| ImageError::EncodeAs { format: "JPEG", source })?;
    Ok(out)
}

/// A lossless WebP. The same bytes for the same picture, always.
///
/// # Errors
/// [`ImageError::EncodeAs`] for an image without pixels, or with a side above 16,384.
///
/// ```
/// use streamface_imgproc::{decode_image, encode_webp};
///
/// let image = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8, y as u8, 7]));
/// assert_eq!(decode_image(&encode_webp(&image)?, &Default::default())?, image);
/// # Ok::<(), streamface_imgproc::ImageError>(())
/// ```
pub fn encode_webp(rgb: &RgbImage) -> Result<Vec<u8>, ImageError> {
    let mut out = Vec::with_capacity(rgb.len() / 2 + 1024);
    let (width, height) = rgb.dimensions();
    let written =
        WebPEncoder::new_lossless(&mut out).encode(rgb, width, height, image::ExtendedColorType::Rgb8);
    written.map_err(|source| ImageError::EncodeAs { format: "WebP", source })?;
    Ok(out)
}

/// Decodes PNG, JPEG or WebP, told by the first bytes, as RGB: gray is spread, alpha dropped, 16 bits cut to
/// 8, and a photo turned as its EXIF orientation says.
///
/// # Errors
/// [`ImageError`] where the bytes are no such image, broken or cut short, or beyond the limits; these are checked
/// before memory is taken.
pub fn decode_image(bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, ImageError> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|e| ImageError::Broken(image::ImageError::IoError(e)))?;
    let known = [image::ImageFormat::Png, image::ImageFormat::Jpeg, image::ImageFormat::WebP];
    if !reader.format().is_some_and(|format| known.contains(&format)) {
        return Err(ImageError::UnknownFormat);
    }
    let jpeg = reader.format() == Some(image::ImageFormat::Jpeg);
    // The decoder's own checks stand behind ours, for what it needs beside the pixels.
    let mut inner = image::Limits::default();
    // A PNG needs only what stands beside its pixels, such as texts, which may be packed and become any length.
    let png = reader.format() == Some(image::ImageFormat::Png);
    inner.max_alloc = Some(if png { MAX_BESIDE } else { limits.max_bytes.saturating_mul(2) });
    reader.limits(inner);
    let mut decoder = reader.into_decoder().map_err(ImageError::Broken)?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > limits.max_side || decoder.total_bytes() > limits.max_bytes {
        let DecodeLimits { max_side, max_bytes } = *limits;
        return Err(ImageError::TooLarge { width, height, max_side, max_bytes });
    }
    let orientation = decoder.orientation().map_err(ImageError::Broken)?;
    let photo = if jpeg { jpeg::decode(bytes, limits.max_bytes) } else { Photo::Other };
    let mut image = match photo {
        Photo::Decoded(photo) => DynamicImage::ImageRgb8(photo),
        Photo::Cut => return Err(cut_photo()),
        Photo::Other => DynamicImage::from_decoder(decoder).map_err(ImageError::Broken)?,
    };
    image.apply_orientation(orientation);
    Ok(image.into_rgb8())
}

fn cut_photo() -> ImageError {
    let kind = image::ImageFormat::Jpeg.into();
    let why = image::error::DecodingError::new(kind, "its data ends before the picture does");
    ImageError::Broken(image::ImageError::Decoding(why))
}
