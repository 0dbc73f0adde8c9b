//! Keyframes through ffmpeg, and nothing but keyframes where these can be decoded alone.

mod ahead;
mod headers;
mod keyframes;
mod streams;
mod whole;

use std::time::{Duration, Instant};

use ffmpeg::{Packet, Rational, decoder, ffi, media};
use ffmpeg_next as ffmpeg;
use image::RgbImage;
use streamface_types::{StreamTime, Timestamp};

use self::ahead::{Ahead, Beside, Worker};
use self::headers::Headers;
use self::streams::{is_video, no_video, own_length, tick};
use crate::buffers::Buffers;
use crate::deadline::Watch;
use crate::error::{Error, Result};
use crate::filters::{FilterSettings, Measured};
use crate::length::{LONG_GAP, Lengths};
use crate::open::{Ending, Opened, is_playlist, open, pick};
use crate::picture::{Converter, Display};
use crate::run::{self, Decodes, Run};
use crate::settings::{Settings, Stop};
use crate::source::{Location, scheme_of};

/// A decoded keyframe.
#[derive(Debug)]
pub struct DecodedFrame {
    /// The picture, as a player shows it: upright, in its display aspect, of ordinary dynamic range.
    pub image: RgbImage,
    /// Its presentation time.
    pub time: StreamTime,
    /// What the filters say of it, where that was asked for along with it.
    pub(crate) measured: Option<Measured>,
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

/// An opened video of which only keyframes are read and decoded. There are four exceptions:
///
/// - A keyframe that an edit list hides stands for the first frame that is shown after it.
/// - A keyframe that cannot be decoded alone (H.264 with intra refresh: a recovery point) stands for the first frame
///   that is whole after it.
/// - A stream in which no keyframe comes for 11 s gives a frame each [`Settings::interval`] until one comes.
/// - [`Self::decode_all`] gives a frame each interval.
pub struct VideoReader {
    location: Location,
    name: String,
    opened: Opened,
    decoder: decoder::Video,
    stream: usize,
    time_base: Rational,
    converter: Converter,
    watch: Watch,
    read_timeout: Duration,
    interval: Duration,
    max_side: u32,
    /// Whether it is a url without a length.
    live: bool,
    /// Time of the last packet, and from one to the next where they have no times.
    at: Option<StreamTime>,
    tick: i64,
    /// End of the video and of what else was read.
    seen: Option<StreamTime>,
    heard: Option<StreamTime>,
    /// Time of the last keyframe.
    last_key: Option<StreamTime>,
    /// Keyframes, and frames in place of them.
    keys: u64,
    /// Keyframe packets.
    key_packets: u64,
    corrupt: u64,
    /// Whether all is decoded.
    all: bool,
    run: Option<Run>,
    /// Whether a run gave a picture, and whether the last one gave none.
    run_succeeded: bool,
    run_failed: bool,
    /// A keyframe packet that is to be looked at next.
    held: Option<(Packet, StreamTime)>,
    /// Whether no keyframe came for too long.
    starved: bool,
    ended: bool,
    /// Keyframes that are decoded already or just now.
    ahead: Option<Ahead>,
    /// Whether keyframes that were decoded ahead must be decoded in order.
    needs_order: bool,
    /// An error behind those frames.
    failed: Option<Error>,
}

impl std::fmt::Debug for VideoReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VideoReader")
            .field("name", &self.name)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

/// Most keyframes that are decoded side by side. One thread cannot read for more, and each takes some megabytes.
const MOST_DECODERS: usize = 32;
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
        let videos: Vec<usize> = input.streams().filter(is_video).map(|stream| stream.index()).collect();
        let best = pick(input, &videos, settings.height).and_then(|index| input.stream(index));
        let best = best.ok_or_else(|| no_video(source, input))?;
        let (stream, time_base, parameters) = (best.index(), best.time_base(), best.parameters());
        let (display, tick, own_length) = (Display::of(&best), tick(&best), own_length(&best));
        let wrong = |e: ffmpeg::Error| Error::Open { what: source.into(), why: format!("no decoder: {e}") };
        let decoder =
            run::open(parameters, time_base, settings.max_side, Decodes::Keyframes).map_err(wrong)?;
        // Further streams are not even read. The same for what lies between keyframes would spare more, but
        // libavformat 5.1 then gives MP4 keyframes the times of other frames. Sound tells whether a file is
        // cut short, where its video does not say how long it is.
        let (count, is_url) = (input.streams().len(), location.is_url());
        let keep = |i: usize| {
            let sound = input.stream(i).is_some_and(|s| s.parameters().medium() == media::Type::Audio);
            i == stream || (sound && !is_url && own_length.is_none())
        };
        for i in (0..count).filter(|&i| !keep(i)).collect::<Vec<_>>() {
            // SAFETY: `i` is below the number of streams; `discard` is for the format's user to set.
            unsafe { (*(*(*input.as_mut_ptr()).streams.add(i))).discard = ffi::AVDiscard::AVDISCARD_ALL };
        }
        let live = is_url && input.duration() <= 0;
        Ok(Self {
            location: location.clone(),
            name: source.to_owned(),
            opened,
            decoder,
            stream,
            time_base,
            converter: Converter::new(display, settings.max_side),
            watch,
            read_timeout: settings.read_timeout,
            interval: settings.interval,
            max_side: settings.max_side,
            live,
            at: None,
            tick,
            seen: None,
            heard: None,
            last_key: None,
            keys: 0,
            key_packets: 0,
            corrupt: 0,
            all: false,
            run: None,
            run_succeeded: false,
            run_failed: false,
            held: None,
            starved: false,
            ended: false,
            ahead: None,
            needs_order: false,
            failed: None,
        })
    }

    /// Takes the memory of pictures from there.
    pub(crate) fn set_buffers(&mut self, buffers: Buffers) {
        self.converter.set_buffers(buffers);
    }

    /// Decodes and measures so many keyframes side by side from now on, where this is a file whose keyframes need nothing of
    /// each other. The frames are the same.
    pub(crate) fn decode_ahead(&mut self, decoders: usize, filters: FilterSettings) {
        let is_file = matches!(&self.location, Location::File(path) if path.is_file());
        if !is_file || is_playlist(&self.opened.input) {
            return;
        }
        let Some(stream) = self.opened.input.stream(self.stream) else { return };
        let (time_base, max_side) = (self.time_base, self.max_side);
        let workers = (0..decoders.clamp(1, MOST_DECODERS)).map_while(|_| {
            let parameters = stream.parameters().clone();
            let open = move |decodes| run::open(parameters.clone(), time_base, max_side, decodes).ok();
            Some(Worker {
                decoder: open(Decodes::WholeKeyframes)?,
                open: Box::new(open),
                converter: self.converter.another(),
                name: self.name.clone(),
                filters,
            })
        });
        self.ahead = Headers::of(&stream.parameters()).map(|headers| Ahead::new(headers, workers));
    }

    /// Whether reading ended because a keyframe that was decoded ahead must be decoded together with what follows it: the file
    /// is to be opened once more, for keyframes in order.
    pub(crate) fn needs_order(&self) -> bool {
        self.needs_order
    }

    /// What other threads have done since the last call.
    pub(crate) fn take_beside(&mut self) -> Beside {
        self.ahead.as_mut().map(|ahead| std::mem::take(&mut ahead.beside)).unwrap_or_default()
    }

    /// Decodes everything, for a frame each [`Settings::interval`], beginning with the next keyframe.
    pub fn decode_all(&mut self) {
        self.all = true;
    }

    /// How long the video is by its header, without sound that goes on; none for a live stream.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        let Lengths { video, file, .. } = self.lengths();
        video.or(file)
    }

    /// What headers promise, and what was read so far.
    pub(crate) fn lengths(&self) -> Lengths {
        let start = self.start_time().micros();
        let since = |t: Option<StreamTime>| {
            Duration::from_micros(
                t.map_or(0, |t| u64::try_from(t.micros().saturating_sub(start)).unwrap_or(0)),
            )
        };
        let file =
            u64::try_from(self.opened.input.duration()).ok().filter(|&d| d > 0).map(Duration::from_micros);
        let video = self.opened.input.stream(self.stream).and_then(|s| own_length(&s));
        Lengths { video, file, seen: since(self.seen), heard: since(self.heard) }
    }

    /// Whether there was one keyframe only, in a video long enough for more.
    #[must_use]
    pub fn is_sparse(&self) -> bool {
        !self.all && self.key_packets == 1 && self.lengths().seen >= LONG_GAP
    }

    /// Whether reading ended because a live stream gave no keyframe for too long.
    #[must_use]
    pub fn is_starved(&self) -> bool {
        self.starved
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

    /// Keyframes since the opening, and frames that stand for them; known ones included, those decoded ahead not.
    #[must_use]
    pub fn keyframes(&self) -> u64 {
        self.keys - self.ahead.as_ref().map_or(0, Ahead::len) as u64
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
}

/// The versions of the ffmpeg libraries in use.
#[must_use]
pub fn ffmpeg_version() -> String {
    let show = |v: u32| format!("{}.{}.{}", v >> 16, v >> 8 & 255, v & 255);
    let (codec, format) = (ffmpeg::codec::version(), ffmpeg::format::version());
    format!("libavcodec {}, libavformat {}", show(codec), show(format))
}
