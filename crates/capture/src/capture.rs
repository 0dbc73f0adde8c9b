//! Going through sources: reconnecting, resuming, naming, filtering.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use image::RgbImage;
use streamface_imgproc::{DecodeLimits, decode_image};
use streamface_store::{FrameRow, MAX_IMAGE_BYTES};
use streamface_types::{FrameId, StreamTime, Timestamp};

use crate::clock::{Clock, MAX_JUMP_MICROS};
use crate::video::{DecodedFrame, VideoReader};
use crate::{CaptureError, FrameFilter, Settings, Source, Stop, shown};

/// A keyframe that was looked at; with its picture, where it was kept.
#[derive(Debug)]
pub struct Captured {
    /// What the table says of it.
    pub row: FrameRow,
    /// The picture of a kept frame.
    pub image: Option<RgbImage>,
}

/// What a person may want to know while a capture runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A source was opened.
    Opened {
        /// File or url.
        source: String,
        /// Its length, where it has one.
        duration: Option<Duration>,
    },
    /// The connection ended; the next attempt comes after a pause.
    Reconnecting {
        /// The url.
        source: String,
        /// Why.
        why: String,
        /// The pause.
        pause: Duration,
    },
    /// Something is not as its file promises, and the capture went on.
    Warning(String),
}

/// What an earlier run has of a source.
#[derive(Debug, Default, Clone)]
struct Earlier {
    /// Stream time up to which keyframes are committed.
    until: Option<StreamTime>,
    /// First stream time, from which a limit counts.
    first: Option<StreamTime>,
    keyframes: u64,
    last_time: Option<Timestamp>,
    last_kept: Option<(u64, FrameId)>,
}

/// Reads a kept frame of an earlier run back.
type LoadFrame = Box<dyn Fn(&FrameId) -> Option<RgbImage> + Send>;

/// A walk through sources, keyframe by keyframe.
pub struct Capture {
    waiting: VecDeque<Source>,
    active: Option<Active>,
    settings: Settings,
    stop: Stop,
    filter: FrameFilter,
    earlier: HashMap<String, Earlier>,
    /// Images that are committed.
    done: HashSet<FrameId>,
    load: LoadFrame,
    notice: Box<dyn FnMut(Notice) + Send>,
    failures: Vec<CaptureError>,
    corrupt: u64,
    /// When a live capture ends.
    end: Option<Instant>,
    decode_time: Duration,
    filter_time: Duration,
}

enum Active {
    Video(Box<Stream>),
    Images { list: VecDeque<(u64, std::path::PathBuf, String)> },
}

/// A video file or url under way.
struct Stream {
    /// File or url.
    spec: String,
    /// The same as it may be shown.
    shown: String,
    name: String,
    is_url: bool,
    reader: Option<VideoReader>,
    /// Whether the stream had no end when it was opened.
    live: bool,
    clock: Option<Clock>,
    at: Earlier,
    /// Keyframes since the last connection.
    since_connect: u64,
    corrupt_in_row: u32,
    decoded: u64,
    connected_once: bool,
    attempts: u32,
    lost_at: Option<Instant>,
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capture").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

impl Capture {
    /// A walk through `sources` that goes on after `earlier` rows; `load` reads back a kept frame of
    /// those, for the duplicate filter to compare with. `notice` hears what a person may want to know.
    ///
    /// # Errors
    /// [`CaptureError::Setting`].
    pub fn new(
        sources: Vec<Source>,
        settings: Settings,
        stop: Stop,
        earlier: &[FrameRow],
        load: impl Fn(&FrameId) -> Option<RgbImage> + Send + 'static,
        notice: impl FnMut(Notice) + Send + 'static,
    ) -> Result<Self, CaptureError> {
        settings.check()?;
        let mut known: HashMap<String, Earlier> = HashMap::new();
        for row in earlier {
            let e = known.entry(row.source.clone()).or_default();
            e.until = e.until.max(row.stream_time);
            e.first = [e.first, row.stream_time].into_iter().flatten().min();
            e.keyframes = e.keyframes.max(row.keyframe + 1);
            e.last_time = e.last_time.max(row.frame.timestamp());
            if row.dropped.is_none() && e.last_kept.as_ref().is_none_or(|(n, _)| *n <= row.keyframe) {
                e.last_kept = Some((row.keyframe, row.frame.clone()));
            }
        }
        Ok(Self {
            waiting: sources.into(),
            active: None,
            filter: FrameFilter::new(settings.filters),
            earlier: known,
            done: earlier.iter().map(|r| r.frame.clone()).collect(),
            settings,
            stop,
            load: Box::new(load),
            notice: Box::new(notice),
            failures: Vec::new(),
            corrupt: 0,
            end: None,
            decode_time: Duration::ZERO,
            filter_time: Duration::ZERO,
        })
    }

    /// Time spent on reading and decoding (waiting for a live stream included), and on the filters.
    #[must_use]
    pub fn times(&self) -> (Duration, Duration) {
        (self.decode_time, self.filter_time)
    }

    /// The next keyframe, kept or not; none when all sources are done, the limit is reached, or the
    /// stop flag is set. A source that fails is among [`Self::failures`], and the next one follows.
    pub fn next_frame(&mut self) -> Option<Captured> {
        loop {
            if self.stop.is_set() {
                return None;
            }
            let Some(mut active) = self.active.take() else {
                let source = self.waiting.pop_front()?;
                self.active = Some(self.start(source));
                continue;
            };
            let step = match &mut active {
                Active::Video(stream) => self.step_stream(stream),
                Active::Images { list } => self.step_images(list),
            };
            match step {
                Ok(Some(captured)) => {
                    self.active = Some(active);
                    return Some(captured);
                }
                Ok(None) => {}
                Err(CaptureError::Stopped) => return None,
                Err(e) => self.failures.push(e),
            }
        }
    }

    /// Sources and images that failed so far.
    #[must_use]
    pub fn failures(&self) -> &[CaptureError] {
        &self.failures
    }

    /// Corrupt keyframes met so far.
    #[must_use]
    pub fn corrupt(&self) -> u64 {
        self.corrupt
    }

    fn start(&mut self, source: Source) -> Active {
        let stream = |spec: String, name: String, is_url: bool, at: Earlier| {
            Active::Video(Box::new(Stream {
                shown: shown(&spec),
                spec,
                name,
                is_url,
                reader: None,
                live: false,
                clock: None,
                at,
                since_connect: 0,
                corrupt_in_row: 0,
                decoded: 0,
                connected_once: false,
                attempts: 0,
                lost_at: None,
            }))
        };
        match source {
            Source::Images(list) => {
                self.filter.set_last_kept(None);
                let numbered = list.into_iter().zip(0..).map(|((path, stem), n)| (n, path, stem));
                Active::Images { list: numbered.collect() }
            }
            Source::Video { path, name } => {
                let spec = path.to_string_lossy().into_owned();
                let at = self.take_up(&spec);
                stream(spec, name, false, at)
            }
            Source::Url { url, name } => {
                let at = self.take_up(&shown(&url));
                stream(url, name, true, at)
            }
        }
    }

    fn take_up(&mut self, spec: &str) -> Earlier {
        let earlier = self.earlier.get(spec).cloned().unwrap_or_default();
        let last = earlier.last_kept.as_ref().and_then(|(_, frame)| (self.load)(frame));
        self.filter.set_last_kept(last.as_ref());
        earlier
    }

    fn step_images(
        &mut self,
        list: &mut VecDeque<(u64, std::path::PathBuf, String)>,
    ) -> Result<Option<Captured>, CaptureError> {
        while let Some((number, path, stem)) = list.pop_front() {
            let frame = FrameId::new(stem)?;
            if self.done.contains(&frame) {
                if let Some(image) = frame.timestamp().and_then(|_| (self.load)(&frame)) {
                    self.filter.set_last_kept(Some(&image));
                }
                continue;
            }
            if self.stop.is_set() {
                return Err(CaptureError::Stopped);
            }
            let start = Instant::now();
            let read = read_image(&path);
            self.decode_time += start.elapsed();
            let image = match read {
                Ok(image) => image,
                Err(e) => {
                    self.failures.push(e);
                    continue;
                }
            };
            let mut row = FrameRow::new(frame, path.to_string_lossy());
            row.keyframe = number;
            // A photo is not a keyframe of something: it is scored, never dropped.
            let filtered = row.frame.timestamp().is_some();
            return Ok(Some(self.judge(row, image, filtered)));
        }
        Ok(None)
    }

    fn judge(&mut self, mut row: FrameRow, image: RgbImage, may_drop: bool) -> Captured {
        let start = Instant::now();
        let verdict = self.filter.judge(&image);
        self.filter_time += start.elapsed();
        (row.width, row.height) = image.dimensions();
        row.empty = Some(verdict.empty);
        row.blur = verdict.blur;
        row.similarity = verdict.similarity;
        row.dropped = verdict.dropped.filter(|_| may_drop);
        let image = row.dropped.is_none().then_some(image);
        Captured { row, image }
    }

    fn step_stream(&mut self, stream: &mut Stream) -> Result<Option<Captured>, CaptureError> {
        loop {
            if self.is_over() {
                return Ok(None);
            }
            if stream.reader.is_none() && !self.connect(stream)? {
                return Ok(None);
            }
            let Some(mut reader) = stream.reader.take() else { return Ok(None) };
            let before = reader.corrupt();
            let start = Instant::now();
            let next = reader.next_keyframe(|time| stream.knows(time));
            self.decode_time += start.elapsed();
            self.corrupt += reader.corrupt() - before;
            stream.reader = Some(reader);
            match next {
                Ok(Some(Some(frame))) => {
                    stream.corrupt_in_row = 0;
                    if let Some(captured) = self.frame_of(stream, frame)? {
                        return Ok(Some(captured));
                    }
                    return Ok(None);
                }
                Ok(Some(None)) => {
                    stream.corrupt_in_row += 1;
                    if stream.is_url && stream.corrupt_in_row >= 2 {
                        self.lose(stream, "two corrupt frames in a row".into());
                    }
                }
                Ok(None) if stream.is_url && stream.live => self.lose(stream, "the stream ended".into()),
                Ok(None) => return self.finish(stream),
                Err(CaptureError::Connection { .. }) if self.is_over() => return Ok(None),
                Err(CaptureError::Connection { why, .. }) => self.lose(stream, why),
                Err(e) if stream.decoded > 0 && !matches!(e, CaptureError::Stopped) => {
                    (self.notice)(Notice::Warning(format!("{e}; what came before it is kept")));
                    return Ok(None);
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Opens the stream; false when there is nothing left to open.
    fn connect(&mut self, stream: &mut Stream) -> Result<bool, CaptureError> {
        loop {
            if self.stop.is_set() {
                return Err(CaptureError::Stopped);
            }
            if stream.is_url && self.end.is_none() {
                self.end = self.settings.limit.and_then(|limit| Instant::now().checked_add(limit));
            }
            let end = self.end.filter(|_| stream.is_url);
            match VideoReader::open(&stream.spec, &self.settings, &self.stop, end) {
                Ok(reader) => {
                    let duration = reader.duration();
                    if stream.connected_once && stream.live && duration.is_some() {
                        // The playlist of a live stream has been closed: all of it was seen.
                        return Ok(false);
                    }
                    stream.live = duration.is_none();
                    if !stream.connected_once {
                        (self.notice)(Notice::Opened { source: stream.shown.clone(), duration });
                    }
                    let last = stream.at.last_time;
                    let start = reader.creation_time().unwrap_or(self.settings.start);
                    let live = stream.live && stream.is_url;
                    let fresh = || if live { Clock::live(last) } else { Clock::from_start(start, last) };
                    stream.clock.get_or_insert_with(fresh);
                    stream.connected_once = true;
                    stream.attempts = 0;
                    stream.since_connect = 0;
                    stream.lost_at = None;
                    stream.reader = Some(reader);
                    return Ok(true);
                }
                Err(e @ CaptureError::Connection { .. }) => {
                    if self.is_over() {
                        return Ok(false);
                    }
                    let lost = stream.lost_at.get_or_insert_with(Instant::now).elapsed();
                    let hopeless = if stream.connected_once {
                        self.settings.give_up_after.is_some_and(|limit| lost >= limit)
                    } else {
                        stream.attempts + 1 >= self.settings.first_attempts
                    };
                    if hopeless {
                        return Err(e);
                    }
                    let why = e.to_string();
                    self.pause(stream, why);
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Ends the connection, to be made anew.
    fn lose(&mut self, stream: &mut Stream, why: String) {
        stream.reader = None;
        stream.corrupt_in_row = 0;
        stream.lost_at.get_or_insert_with(Instant::now);
        self.pause(stream, why);
    }

    /// Waits before the next attempt: 1 s, 2 s, 4 s … with up to a quarter more, so that many readers
    /// of one server do not come back at one moment.
    fn pause(&mut self, stream: &mut Stream, why: String) {
        let base = Duration::from_secs(1 << stream.attempts.min(16)).min(self.settings.retry_pause);
        let jitter = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos() % 250);
        let pause = base + base * jitter / 1000;
        stream.attempts += 1;
        (self.notice)(Notice::Reconnecting { source: stream.shown.clone(), why, pause });
        let until = Instant::now() + pause;
        while Instant::now() < until && !self.stop.is_set() && !self.is_over() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_over(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// Names and judges a decoded frame; none where the limit of a file is reached.
    fn frame_of(
        &mut self,
        stream: &mut Stream,
        frame: DecodedFrame,
    ) -> Result<Option<Captured>, CaptureError> {
        let DecodedFrame { image, time } = frame;
        let first = *stream.at.first.get_or_insert(time);
        if !stream.live {
            let past = Duration::from_micros(u64::try_from(time.micros() - first.micros()).unwrap_or(0));
            if self.settings.limit.is_some_and(|limit| past >= limit) {
                return Ok(None);
            }
        }
        let jumped = |until: StreamTime| (time.micros() - until.micros()).abs() > MAX_JUMP_MICROS;
        let clock = stream.clock.get_or_insert_with(|| Clock::live(stream.at.last_time));
        if stream.live && stream.at.until.is_some_and(jumped) {
            clock.lose_anchor();
        }
        let captured_at = clock.time(time, now());
        let mut row = FrameRow::new(FrameId::at(&stream.name, captured_at)?, stream.shown.as_str());
        row.keyframe = stream.at.keyframes;
        row.stream_time = Some(time);
        stream.at.keyframes += 1;
        stream.at.until = Some(time);
        stream.at.last_time = Some(captured_at);
        stream.decoded += 1;
        stream.since_connect += 1;
        let interval = self.settings.reconnect_interval;
        if stream.live && interval > 0 && stream.since_connect >= interval {
            stream.reader = None;
        }
        Ok(Some(self.judge(row, image, true)))
    }

    fn finish(&mut self, stream: &Stream) -> Result<Option<Captured>, CaptureError> {
        let Some(reader) = &stream.reader else { return Ok(None) };
        if stream.at.keyframes == 0 {
            let corrupt = reader.corrupt();
            let why = if corrupt > 0 { format!("{corrupt} corrupt") } else { "none found".into() };
            return Err(CaptureError::NothingDecoded { what: stream.shown.as_str().into(), why });
        }
        if let (Some(duration), Some(last), Some(first)) =
            (reader.duration(), reader.last_time(), stream.at.first)
        {
            let seen = Duration::from_micros(u64::try_from(last.micros() - first.micros()).unwrap_or(0));
            // Keyframes lie a few seconds apart; a minute or a tenth missing is more than that.
            let slack = Duration::from_secs(60).min(duration / 10).max(Duration::from_secs(15));
            if seen + slack < duration {
                (self.notice)(Notice::Warning(format!(
                    "{}: cut short: the last keyframe is at {} s, its header promises {} s",
                    stream.shown,
                    seen.as_secs(),
                    duration.as_secs()
                )));
            }
        }
        Ok(None)
    }
}

impl Stream {
    /// Whether a keyframe at `time` was seen before. A connection made anew begins with what the last
    /// one ended with; a clock that jumps back further than that has been set to zero.
    fn knows(&self, time: StreamTime) -> bool {
        // Another session of a live stream: what an earlier run saw says nothing about this clock.
        if self.live && self.decoded == 0 {
            return false;
        }
        let Some(until) = self.at.until else { return false };
        time <= until && (!self.live || until.micros() - time.micros() < MAX_JUMP_MICROS)
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn read_image(path: &Path) -> Result<RgbImage, CaptureError> {
    let what = || path.to_string_lossy().into();
    let io = |source| CaptureError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(MAX_IMAGE_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_IMAGE_BYTES {
        return Err(CaptureError::Image {
            what: what(),
            why: format!("larger than {MAX_IMAGE_BYTES} bytes"),
        });
    }
    decode_image(&bytes, &DecodeLimits::default())
        .map_err(|e| CaptureError::Image { what: what(), why: e.to_string() })
}
