//! A decoded frame as the picture that a player shows: in RGB, in its display aspect, tone-mapped, upright.

use ffmpeg::color::{Primaries, Range, Space};
use ffmpeg::format::Pixel;
use ffmpeg::format::stream::Stream;
use ffmpeg::packet::side_data::Type as OfStream;
use ffmpeg::software::scaling;
use ffmpeg::util::frame::side_data::Type as OfFrame;
use ffmpeg::{Rational, ffi, frame};
use ffmpeg_next as ffmpeg;
use image::RgbImage;
use image::metadata::Orientation;

use crate::buffers::Buffers;
use crate::error::{Error, Result};
use crate::hdr::{ToneMap, Transfer, peak};
use crate::orientation::{orientation, turned};

/// What a container says of how its video is shown. Of the aspect it has the last word, of all else the frame itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Display {
    orientation: Option<Orientation>,
    /// Width of a pixel by its height.
    aspect: Option<Rational>,
    /// The brightest of all pictures, cd/m².
    peak: Option<f32>,
}

impl Display {
    pub(crate) fn of(stream: &Stream<'_>) -> Self {
        let data = |kind| stream.side_data().find(|d| d.kind() == kind);
        let (content, display) =
            (data(OfStream::ContentLightLevel), data(OfStream::MasteringDisplayMetadata));
        // SAFETY: reads a plain field of an open stream.
        let aspect = unsafe { (*stream.as_ptr()).sample_aspect_ratio };
        Self {
            orientation: data(OfStream::DisplayMatrix).and_then(|d| orientation(d.data())),
            aspect: (aspect.num > 0 && aspect.den > 0).then(|| aspect.into()),
            peak: peak(content.as_ref().map(|d| d.data()), display.as_ref().map(|d| d.data())),
        }
    }
}

/// Width of a pixel by its height, where that is said and can be. None for square pixels.
fn ratio(Rational(wide, high): Rational) -> Option<f64> {
    let ratio = f64::from(wide) / f64::from(high);
    // Less than 0.5 % is a rounding of sizes that had to be even; scaling would only cost sharpness.
    let told = ratio.is_finite() && (0.1..=10.0).contains(&ratio) && (ratio - 1.0).abs() > 0.005;
    told.then_some(ratio)
}

/// The size at which a picture is shown: its height stays, unless its width would go beyond `max_side`.
fn shown_size(width: u32, height: u32, aspect: Option<f64>, max_side: u32) -> (u32, u32) {
    let Some(aspect) = aspect else { return (width, height) };
    let size = |v: f64| (v.round() as u32).max(1);
    let wide = size(f64::from(width) * aspect);
    if wide <= max_side { (wide, height) } else { (width, size(f64::from(height) / aspect)) }
}

/// Turns frames into pictures.
pub(crate) struct Converter {
    display: Display,
    max_side: u32,
    scaler: Option<Scaler>,
    tones: Option<ToneMap>,
    buffers: Buffers,
}

/// What a scaling context was made for.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scaling {
    from: (Pixel, u32, u32),
    to: (Pixel, u32, u32),
    colours: (Space, Range),
}

/// A scaling context that may move between threads, and its output.
struct Scaler {
    made_for: Scaling,
    context: scaling::Context,
    /// Kept, because fresh memory costs more than scaling.
    out: frame::Video,
}

// SAFETY: libswscale ties a context to no thread; it must only not be used by two at once, and
// `Converter` uses it through `&mut self` alone.
unsafe impl Send for Scaler {}

impl Converter {
    pub(crate) fn new(display: Display, max_side: u32) -> Self {
        Self { display, max_side, scaler: None, tones: None, buffers: Buffers::default() }
    }

    /// Another one for the same video.
    pub(crate) fn another(&self) -> Self {
        Self { buffers: self.buffers.clone(), ..Self::new(self.display.clone(), self.max_side) }
    }

    /// Takes the memory of pictures from there.
    pub(crate) fn set_buffers(&mut self, buffers: Buffers) {
        self.buffers = buffers;
    }

    /// The picture of a frame of the video `name`; none where it has none.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    pub(crate) fn picture(&mut self, frame: &frame::Video, name: &str) -> Result<Option<RgbImage>> {
        let (width, height, limit) = (frame.width(), frame.height(), self.max_side);
        if width > limit || height > limit {
            return Err(Error::TooLarge { what: name.into(), width, height, limit });
        }
        Ok(if width == 0 || height == 0 { None } else { self.convert(frame) })
    }

    /// The picture of a frame; none where it has none, or in a format that cannot be converted.
    fn convert(&mut self, frame: &frame::Video) -> Option<RgbImage> {
        let aspect = ratio(self.display.aspect.unwrap_or_else(|| frame.aspect_ratio()));
        let size = shown_size(frame.width(), frame.height(), aspect, self.max_side);
        let image = match Transfer::of(frame.color_transfer_characteristic()) {
            None => {
                let mut pixels = self.buffers.take(size.0 as usize * size.1 as usize * 3);
                let rgb = self.scaled(frame, size, Pixel::RGB24)?;
                // Row by row: byte by byte this took two fifths of the whole capture.
                rows(rgb, size, 3).for_each(|row| pixels.extend_from_slice(row));
                RgbImage::from_raw(size.0, size.1, pixels)?
            }
            Some(transfer) => self.tone_mapped(frame, size, transfer)?,
        };
        let own = frame.side_data(OfFrame::DisplayMatrix).and_then(|d| orientation(d.data()));
        Some(match own.or(self.display.orientation) {
            Some(orientation) => turned(image, orientation),
            None => image,
        })
    }

    fn tone_mapped(
        &mut self,
        frame: &frame::Video,
        size: (u32, u32),
        transfer: Transfer,
    ) -> Option<RgbImage> {
        let rgb = self.scaled(frame, size, Pixel::RGB48LE)?;
        let pixels: Vec<u16> = rows(rgb, size, 6)
            .flat_map(|row| row.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])))
            .collect();
        let content = frame.side_data(OfFrame::ContentLightLevel);
        let display = frame.side_data(OfFrame::MasteringDisplayMetadata);
        let own = peak(content.as_ref().map(|d| d.data()), display.as_ref().map(|d| d.data()));
        let primaries = match frame.color_primaries() {
            Primaries::Unspecified => Primaries::BT2020,
            named => named,
        };
        let tones = match self.tones.take().filter(|t| t.transfer() == transfer) {
            Some(tones) => tones,
            None => ToneMap::new(transfer),
        };
        self.tones.insert(tones).apply(&pixels, size, primaries, own.or(self.display.peak))
    }

    fn scaled(
        &mut self,
        frame: &frame::Video,
        (width, height): (u32, u32),
        to: Pixel,
    ) -> Option<&frame::Video> {
        let wanted = Scaling {
            from: (frame.format(), frame.width(), frame.height()),
            to: (to, width, height),
            colours: (frame.color_space(), frame.color_range()),
        };
        if self.scaler.as_ref().is_none_or(|scaler| scaler.made_for != wanted) {
            let ((from, w, h), same) = (wanted.from, (width, height) == (frame.width(), frame.height()));
            let flags = if same { scaling::Flags::BILINEAR } else { scaling::Flags::BICUBIC };
            let mut made = scaling::Context::get(from, w, h, to, width, height, flags).ok()?;
            set_colours(&mut made, frame);
            self.scaler = Some(Scaler { made_for: wanted, context: made, out: frame::Video::empty() });
        }
        let Scaler { context, out, .. } = self.scaler.as_mut()?;
        context.run(frame, out).ok()?;
        Some(out)
    }
}

/// The rows of a packed picture, without what pads them.
fn rows(picture: &frame::Video, (width, height): (u32, u32), bytes: usize) -> impl Iterator<Item = &[u8]> {
    let row = width as usize * bytes;
    picture.data(0).chunks(picture.stride(0)).take(height as usize).map(move |line| &line[..row])
}

/// The matrix that the stream names; where it names none, ffmpeg's default (BT.601) stands.
fn set_colours(scaler: &mut scaling::Context, picture: &frame::Video) {
    let space = match picture.color_space() {
        Space::BT709 => ffi::SWS_CS_ITU709,
        Space::BT2020NCL | Space::BT2020CL => ffi::SWS_CS_BT2020,
        Space::SMPTE240M => ffi::SWS_CS_SMPTE240M,
        Space::FCC => ffi::SWS_CS_FCC,
        _ => ffi::SWS_CS_DEFAULT,
    };
    let full = i32::from(picture.color_range() == Range::JPEG);
    // SAFETY: the context is initialised; the coefficient table is a static of libswscale.
    unsafe {
        let table = ffi::sws_getCoefficients(space);
        let rgb = ffi::sws_getCoefficients(ffi::SWS_CS_DEFAULT);
        ffi::sws_setColorspaceDetails(scaler.as_mut_ptr(), table, full, rgb, 1, 0, 1 << 16, 1 << 16);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_height_stays_and_the_width_follows_the_aspect() {
        let size = |w, h, sar| shown_size(w, h, ratio(sar), 8192);
        assert_eq!(size(720, 576, Rational(64, 45)), (1024, 576));
        assert_eq!(size(1440, 1080, Rational(4, 3)), (1920, 1080));
        assert_eq!(size(720, 480, Rational(8, 9)), (640, 480));
        for none in [Rational(1, 1), Rational(0, 1), Rational(0, 0), Rational(1, 0), Rational(-4, 3)] {
            assert_eq!(size(720, 576, none), (720, 576));
        }
        // Absurd, or a rounding.
        for none in [Rational(65_535, 1), Rational(1, 65_535), Rational(1280, 1281)] {
            assert_eq!(size(854, 480, none), (854, 480));
        }
        assert_eq!(size(8000, 4000, Rational(2, 1)), (8000, 2000));
    }
}
