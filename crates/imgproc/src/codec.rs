//! PNG out, PNG and JPEG in.

use std::io::Cursor;

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
    /// Neither PNG nor JPEG.
    #[error("neither PNG nor JPEG: convert it to one of them")]
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
}

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
    let mut out = Vec::with_capacity(rgb.len() / 2 + 1024);
    let mut encoder = png::Encoder::new(&mut out, rgb.width(), rgb.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_deflate_compression(png::DeflateCompression::FdeflateUltraFast);
    encoder.set_filter(png::Filter::Paeth);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(out)
}

/// Decodes PNG or JPEG, told by the first bytes, as RGB: gray is spread, alpha dropped, 16 bits cut to
/// 8, and a photo turned as its EXIF orientation says.
///
/// # Errors
/// [`ImageError`] where the bytes are no such image, broken or cut short, or beyond the limits; these are checked
/// before memory is taken.
pub fn decode_image(bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, ImageError> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|e| ImageError::Broken(image::ImageError::IoError(e)))?;
    if !matches!(reader.format(), Some(image::ImageFormat::Png | image::ImageFormat::Jpeg)) {
        return Err(ImageError::UnknownFormat);
    }
    let jpeg = reader.format() == Some(image::ImageFormat::Jpeg);
    // The decoder's own checks stand behind ours, for what it needs beside the pixels.
    let mut inner = image::Limits::default();
    inner.max_alloc = Some(limits.max_bytes.saturating_mul(2));
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
