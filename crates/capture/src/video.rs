//! Keyframes through ffmpeg, and nothing but keyframes.

use std::time::{Duration, Instant};

use ffmpeg::codec::discard::Discard;
use ffmpeg::ffi;
use ffmpeg::format::Pixel;
use ffmpeg::media;
use ffmpeg::software::scaling;
use ffmpeg::{Packet, Rational, Rescale, frame};
use ffmpeg_next as ffmpeg;
use image::RgbImage;
use streamface_types::{StreamTime, Timestamp};

use crate::deadline::Watch;
use crate::error::{Error, Result};
use crate::open::{Ending, Opened, is_playlist, open, pick};
use crate::settings::{Settings, Stop};
use crate::source::{Location, scheme_of};

/// A decoded keyframe.
#[derive(Debug)]
pub struct DecodedFrame {
    /// The picture.
    pub image: RgbImage,
    /// Its presentation time.
    pub time: StreamTime,
}

/// A keyframe as it is read, before it is decoded.
#[derive(Debug, Clone, Copy)]
pub struct Keyframe<'a> {
    /// Its number since the opening, from 0.
    pub number: u64,
    /// Its presentation time.
    pub time: StreamTime,
    /// Its compressed bytes.
    pub bytes: &'a [u8],
}

/// An opened video of which only keyframes are read and decoded.
pub struct VideoReader {
    location: Location,
    name: String,
    opened: Opened,
    decoder: ffmpeg::decoder::Video,
    stream: usize,
    time_base: Rational,
    scaler: Option<Scaler>,
    watch: Watch,
    read_timeout: Duration,
    max_side: u32,
    last: Option<StreamTime>,
    keys: u64,
    corrupt: u64,
    ended: bool,
}

/// A scaling context that may move between threads.
struct Scaler(scaling::Context);

// SAFETY: libswscale ties a context to no thread; it must only not be used by two at once, and
// `VideoReader` uses it through `&mut self` alone.
unsafe impl Send for Scaler {}

impl std::fmt::Debug for VideoReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VideoReader")
            .field("name", &self.name)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

/// Longest body of a download that is believed to have that length, bytes. Cameras announce more for what never ends.
const MAX_BODY: i64 = 1 << 42;

impl VideoReader {
    /// Opens a file or url; at `end`, whatever ffmpeg waits for is broken off.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::NoVideo`], [`Error::Connection`] after
    /// `open_timeout`, [`Error::Stopped`].
    pub fn open(location: &Location, settings: &Settings, stop: &Stop, end: Option<Instant>) -> Result<Self> {
        let shown = location.shown();
        let source = shown.as_str();
        ffmpeg::init().map_err(|e| Error::Open { what: source.into(), why: e.to_string() })?;
        ffmpeg::util::log::set_level(ffmpeg::util::log::Level::Quiet);
        let watch = Watch::new(stop.clone(), end);
        watch.allow(settings.open_timeout);
        let mut opened = open(location, settings, &watch)?;
        let input = &mut opened.input;
        let videos: Vec<usize> = input
            .streams()
            .filter(|stream| stream.parameters().medium() == media::Type::Video)
            .map(|stream| stream.index())
            .collect();
        let best = pick(input, &videos, settings.height).and_then(|index| input.stream(index));
        let best = best.ok_or_else(|| Error::NoVideo(source.to_owned()))?;
        let (stream, time_base, parameters) = (best.index(), best.time_base(), best.parameters());
        let wrong = |e: ffmpeg::Error| Error::Open { what: source.into(), why: format!("no decoder: {e}") };
        let mut context = ffmpeg::codec::Context::from_parameters(parameters).map_err(wrong)?;
        // SAFETY: the context is ours and not yet opened; both are plain settings.
        unsafe {
            let context = context.as_mut_ptr();
            (*context).thread_count = 1;
            (*context).max_pixels = i64::from(settings.max_side) * i64::from(settings.max_side);
        }
        let mut decoder = context.decoder().video().map_err(wrong)?;
        decoder.skip_frame(Discard::NonKey);
        // Sound and further streams are not even read. The same for what lies between keyframes would
        // spare more, but libavformat 5.1 then gives MP4 keyframes the times of other frames.
        let count = input.streams().len();
        for i in (0..count).filter(|&i| i != stream) {
            // SAFETY: `i` is below the number of streams; `discard` is for the format's user to set.
            unsafe { (*(*(*input.as_mut_ptr()).streams.add(i))).discard = ffi::AVDiscard::AVDISCARD_ALL };
        }
        Ok(Self {
            location: location.clone(),
            name: source.to_owned(),
            opened,
            decoder,
            stream,
            time_base,
            scaler: None,
            watch,
            read_timeout: settings.read_timeout,
            max_side: settings.max_side,
            last: None,
            keys: 0,
            corrupt: 0,
            ended: false,
        })
    }

    /// How long the video is by its header; none for a live stream.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        let micros = u64::try_from(self.opened.input.duration()).ok().filter(|&d| d > 0)?;
        Some(Duration::from_micros(micros))
    }

    /// Whether the video ends by itself, as far as its header or its server say: it has a length. A playlist that is
    /// still written, and a body without a length, may go on for ever.
    #[must_use]
    pub fn has_end(&self) -> bool {
        self.duration().is_some() || self.body_length().is_some()
    }

    /// Whether this is one body that is fetched by HTTP, and no playlist.
    #[must_use]
    pub fn is_download(&self) -> bool {
        matches!(&self.location, Location::Url(url) if scheme_of(url).starts_with("http"))
            && !is_playlist(&self.opened.input)
    }

    /// Whether the connection broke off before the end of what is fetched.
    #[must_use]
    pub fn broke_off(&self) -> bool {
        // SAFETY: plain fields of the open input; `pb` is null for what reads by itself.
        unsafe {
            let io = (*self.opened.input.as_ptr()).pb;
            !io.is_null() && (*io).error < 0
        }
    }

    /// Bytes of what is fetched, where the server says so.
    fn body_length(&self) -> Option<i64> {
        if !self.is_download() {
            return None;
        }
        // SAFETY: as in `broke_off`; `avio_size` asks for what the server has said already.
        let length = unsafe {
            let io = (*self.opened.input.as_ptr()).pb;
            if io.is_null() { -1 } else { ffi::avio_size(io) }
        };
        (1..=MAX_BODY).contains(&length).then_some(length)
    }

    /// Where the video's clock begins.
    #[must_use]
    pub fn start_time(&self) -> StreamTime {
        // SAFETY: reads a plain field of the open input.
        let start = unsafe { (*self.opened.input.as_ptr()).start_time };
        StreamTime(if start == ffi::AV_NOPTS_VALUE { 0 } else { start })
    }

    /// Keyframes read since the opening, known ones included.
    #[must_use]
    pub fn keyframes(&self) -> u64 {
        self.keys
    }

    /// Lifts the end that [`Self::open`] was given.
    pub fn lift_end(&mut self) {
        self.watch.lift_end();
    }

    /// When the video was made, where its container says so.
    #[must_use]
    pub fn creation_time(&self) -> Option<Timestamp> {
        self.opened.input.metadata().get("creation_time").and_then(Timestamp::parse_rfc3339)
    }

    /// Keyframes dropped so far because they were corrupt.
    #[must_use]
    pub fn corrupt(&self) -> u64 {
        self.corrupt
    }

    /// The next keyframe that `known` does not have; none at the end. Known ones are passed over without decoding. A corrupt keyframe is
    /// `Some(None)`: counted, and for the caller to judge.
    ///
    /// # Errors
    /// [`Error::Connection`] where nothing came in `read_timeout`, or ffmpeg gave up;
    /// [`Error::TooLarge`]; [`Error::Stopped`].
    pub fn next_keyframe(
        &mut self,
        mut known: impl FnMut(Keyframe<'_>) -> bool,
    ) -> Result<Option<Option<DecodedFrame>>> {
        while !self.ended {
            self.watch.allow(self.read_timeout);
            // A new one each time: reading into a packet does not release what it held.
            let mut packet = Packet::empty();
            match packet.read(&mut self.opened.input) {
                Ok(()) => {}
                Err(ffmpeg::Error::Eof) if !self.opened.guard.has_refused() => break,
                Err(ffmpeg::Error::Other { errno: ffmpeg::util::error::EAGAIN }) => {
                    std::thread::sleep(Duration::from_millis(10));
                    continue;
                }
                Err(e) => {
                    self.ended = true;
                    return Err(self.ending().explain(e));
                }
            }
            if self.watch.stop.is_set() {
                return Err(Error::Stopped);
            }
            if packet.stream() != self.stream || !packet.is_key() {
                continue;
            }
            let time =
                packet.pts().or(packet.dts()).map(|t| t.rescale(self.time_base, Rational(1, 1_000_000)));
            // A packet without a time comes right after the one before it.
            let time = StreamTime(time.unwrap_or_else(|| self.last.map_or(0, |t| t.micros() + 1)));
            self.last = Some(time);
            self.keys += 1;
            if known(Keyframe { number: self.keys - 1, time, bytes: packet.data().unwrap_or_default() }) {
                continue;
            }
            let decoded = if packet.is_corrupt() { None } else { self.decode(&packet)? };
            if decoded.is_none() {
                self.corrupt += 1;
            }
            return Ok(Some(decoded.map(|image| DecodedFrame { image, time })));
        }
        self.ended = true;
        Ok(None)
    }

    fn ending(&self) -> Ending<'_> {
        Ending {
            location: &self.location,
            shown: &self.name,
            guard: Some(&self.opened.guard),
            watch: &self.watch,
            limit: self.read_timeout,
            opening: false,
        }
    }

    /// Time of the last keyframe that was read.
    #[must_use]
    pub fn last_time(&self) -> Option<StreamTime> {
        self.last
    }

    /// One packet in, one picture out: a keyframe needs no other, so the decoder is drained and reset
    /// each time instead of holding frames back for reordering.
    fn decode(&mut self, packet: &Packet) -> Result<Option<RgbImage>> {
        let mut picture = frame::Video::empty();
        let sent = self.decoder.send_packet(packet).and_then(|()| self.decoder.send_eof());
        let got = sent.and_then(|()| self.decoder.receive_frame(&mut picture));
        self.decoder.flush();
        // SAFETY: reads a plain field of a frame that we own.
        let flawed =
            got.is_err() || picture.is_corrupt() || unsafe { (*picture.as_ptr()).decode_error_flags } != 0;
        if flawed { Ok(None) } else { self.convert(&picture) }
    }

    fn convert(&mut self, picture: &frame::Video) -> Result<Option<RgbImage>> {
        let (width, height) = (picture.width(), picture.height());
        if width > self.max_side || height > self.max_side {
            return Err(Error::TooLarge {
                what: self.name.as_str().into(),
                width,
                height,
                limit: self.max_side,
            });
        }
        if width == 0 || height == 0 {
            return Ok(None);
        }
        let fits = |s: &Scaler| {
            let i = s.0.input();
            (i.format, i.width, i.height) == (picture.format(), width, height)
        };
        if !self.scaler.as_ref().is_some_and(fits) {
            let flags = scaling::Flags::BILINEAR;
            let made =
                scaling::Context::get(picture.format(), width, height, Pixel::RGB24, width, height, flags);
            let Ok(mut made) = made else { return Ok(None) };
            set_colours(&mut made, picture);
            self.scaler = Some(Scaler(made));
        }
        let Some(Scaler(scaler)) = self.scaler.as_mut() else { return Ok(None) };
        let mut rgb = frame::Video::empty();
        if scaler.run(picture, &mut rgb).is_err() {
            return Ok(None);
        }
        let (row, stride) = (width as usize * 3, rgb.stride(0));
        let mut pixels = Vec::with_capacity(row * height as usize);
        for line in rgb.data(0).chunks(stride).take(height as usize) {
            pixels.extend_from_slice(&line[..row]);
        }
        Ok(RgbImage::from_raw(width, height, pixels))
    }
}

/// The matrix that the stream names; where it names none, ffmpeg's default (BT.601) stands.
fn set_colours(scaler: &mut scaling::Context, picture: &frame::Video) {
    use ffmpeg::color::{Range, Space};
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

/// The versions of the ffmpeg libraries in use.
#[must_use]
pub fn ffmpeg_version() -> String {
    let show = |v: u32| format!("{}.{}.{}", v >> 16, v >> 8 & 255, v & 255);
    let (codec, format) = (ffmpeg::codec::version(), ffmpeg::format::version());
    format!("libavcodec {}, libavformat {}", show(codec), show(format))
}
