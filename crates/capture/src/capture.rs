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

use crate::clock::Clock;
use crate::video::{DecodedFrame, VideoReader};
use crate::{CaptureError, FrameFilter, Settings, Source, Stop, Verdict, shown};

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

/// What an earlier run, or this one so far, has of a source.
#[derive(Debug, Default, Clone)]
struct Earlier {
    /// Stream time of the first keyframe, from which a limit counts.
    first: Option<StreamTime>,
    /// Stream and capture time of the last one.
    last: Option<(StreamTime, Timestamp)>,
    /// Keyframes dealt with: the number of the next one.
    keyframes: u64,
    last_kept: Option<(u64, FrameId)>,
}

/// What an earlier run has of the images of folders.
#[derive(Debug, Default)]
struct Images {
    /// By path: the frame, and whether it was kept.
    done: HashMap<String, (FrameId, bool)>,
    /// Names in use.
    taken: HashSet<FrameId>,
    /// The kept frame that the next image of a stream is to be compared with, still to be loaded.
    before: Option<FrameId>,
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
    /// By source.
    earlier: HashMap<String, Earlier>,
    /// The source that each name in use belongs to.
    owners: HashMap<String, String>,
    images: Images,
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
    /// Whether a live stream's playlist has been closed: what is in it is the last.
    closing: bool,
    /// Whether keyframes may be repetitions of what the connection before saw.
    catching_up: bool,
    /// Time of the last keyframe of this connection.
    passed: Option<StreamTime>,
    /// Keyframes since the last connection.
    since_connect: u64,
    corrupt_in_row: u32,
    connected_once: bool,
    /// Whether this run has a keyframe of it.
    decoded: bool,
    /// Attempts since the last keyframe.
    attempts: u32,
    lost_at: Option<Instant>,
}

/// How far two timelines may be apart and still be one: playlists repeat less than a minute.
const SAME_TIMELINE_MICROS: i64 = 60 * 1_000_000;

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
        let (mut owners, mut images) = (HashMap::new(), Images::default());
        for row in earlier {
            let Some(time) = row.stream_time else {
                images.done.insert(row.source.clone(), (row.frame.clone(), row.dropped.is_none()));
                images.taken.insert(row.frame.clone());
                continue;
            };
            if let Some(name) = row.frame.source() {
                owners.insert(name.to_owned(), row.source.clone());
            }
            let e = known.entry(row.source.clone()).or_default();
            e.keyframes = e.keyframes.max(row.keyframe + 1);
            let captured = row.frame.timestamp().unwrap_or_default();
            if e.last.is_none_or(|(_, last)| last <= captured) {
                e.last = Some((time, captured));
            }
            if row.keyframe == 0 || e.first.is_none() {
                e.first = Some(time);
            }
            if row.dropped.is_none() && e.last_kept.as_ref().is_none_or(|(n, _)| *n <= row.keyframe) {
                e.last_kept = Some((row.keyframe, row.frame.clone()));
            }
        }
        Ok(Self {
            waiting: sources.into(),
            active: None,
            filter: FrameFilter::new(settings.filters),
            earlier: known,
            owners,
            images,
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
                match self.start(source) {
                    Ok(active) => self.active = Some(active),
                    Err(e) => self.failures.push(e),
                }
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

    fn start(&mut self, source: Source) -> Result<Active, CaptureError> {
        let (spec, name, is_url) = match source {
            Source::Images(list) => {
                self.filter.set_last_kept(None);
                let numbered = list.into_iter().zip(0..).map(|((path, stem), n)| (n, path, stem));
                return Ok(Active::Images { list: numbered.collect() });
            }
            Source::Video { path, name } => (path.to_string_lossy().into_owned(), name, false),
            Source::Url { url, name } => (url, name, true),
        };
        let shown = self.known_as(shown(&spec), is_url);
        if let Some(by) = self.owners.get(&name).filter(|by| **by != shown) {
            return Err(CaptureError::NameTaken { what: shown.into(), name, by: by.clone() });
        }
        self.owners.insert(name.clone(), shown.clone());
        let at = self.earlier.get(&shown).cloned().unwrap_or_default();
        let last = at.last_kept.as_ref().and_then(|(_, frame)| (self.load)(frame));
        self.filter.set_last_kept(last.as_ref());
        Ok(Active::Video(Box::new(Stream {
            spec,
            shown,
            name,
            is_url,
            reader: None,
            live: false,
            clock: None,
            at,
            closing: false,
            catching_up: false,
            passed: None,
            since_connect: 0,
            corrupt_in_row: 0,
            connected_once: false,
            decoded: false,
            attempts: 0,
            lost_at: None,
        })))
    }

    /// The name under which an earlier run has this source: `./a.mp4` is `a.mp4`.
    fn known_as(&self, shown: String, is_url: bool) -> String {
        if is_url || self.earlier.contains_key(&shown) {
            return shown;
        }
        let Ok(real) = Path::new(&shown).canonicalize() else { return shown };
        let same = |known: &&String| Path::new(known).canonicalize().is_ok_and(|k| k == real);
        let mut others: Vec<&String> = self.earlier.keys().filter(same).collect();
        others.sort();
        others.first().map_or(shown, |s| (*s).clone())
    }

    fn step_images(
        &mut self,
        list: &mut VecDeque<(u64, std::path::PathBuf, String)>,
    ) -> Result<Option<Captured>, CaptureError> {
        while let Some((number, path, stem)) = list.pop_front() {
            let source = path.to_string_lossy().into_owned();
            if let Some((frame, kept)) = self.images.done.get(&source) {
                if *kept && frame.timestamp().is_some() {
                    self.images.before = Some(frame.clone());
                }
                continue;
            }
            if self.stop.is_set() {
                return Err(CaptureError::Stopped);
            }
            // A folder that grew may hold a name that is in use.
            let numbered = (0_u32..).map(|n| if n == 0 { stem.clone() } else { format!("{stem}-{n}") });
            let mut frames = numbered
                .map(FrameId::new)
                .skip_while(|f| f.as_ref().is_ok_and(|f| self.images.taken.contains(f)));
            let Some(frame) = frames.next() else { continue };
            let frame = match frame {
                Ok(frame) => frame,
                Err(e) => {
                    self.failures.push(e.into());
                    continue;
                }
            };
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
            self.images.taken.insert(frame.clone());
            let mut row = FrameRow::new(frame, source);
            row.keyframe = number;
            if row.frame.timestamp().is_none() {
                // A photo is no frame of a stream: it is scored, never dropped.
                let start = Instant::now();
                let verdict = FrameFilter::scores(&image);
                self.filter_time += start.elapsed();
                return Ok(Some(with_verdict(row, verdict, image)));
            }
            if let Some(last) = self.images.before.take().and_then(|frame| (self.load)(&frame)) {
                self.filter.set_last_kept(Some(&last));
            }
            return Ok(Some(self.judge(row, image)));
        }
        Ok(None)
    }

    fn judge(&mut self, row: FrameRow, image: RgbImage) -> Captured {
        let start = Instant::now();
        let verdict = self.filter.judge(&image);
        self.filter_time += start.elapsed();
        with_verdict(row, verdict, image)
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
            let next = reader.next_keyframe(|number, time| stream.knows(number, time, now()));
            self.decode_time += start.elapsed();
            self.corrupt += reader.corrupt() - before;
            if !stream.live && matches!(next, Ok(Some(_))) {
                // Corrupt ones too: a download begun anew must not stumble over them again.
                stream.at.keyframes = reader.keyframes();
            }
            stream.reader = Some(reader);
            match next {
                Ok(Some(Some(frame))) => {
                    stream.corrupt_in_row = 0;
                    return self.frame_of(stream, frame);
                }
                Ok(Some(None)) => {
                    stream.corrupt_in_row += 1;
                    if stream.live && stream.corrupt_in_row >= 2 {
                        self.lose(stream, "two corrupt frames in a row".into())?;
                    }
                }
                Ok(None) if stream.live && !stream.closing => self.lose(stream, "the stream ended".into())?,
                Ok(None) => return self.finish(stream),
                Err(CaptureError::Connection { .. }) if self.is_over() => return Ok(None),
                Err(CaptureError::Connection { why, .. }) => self.lose(stream, why)?,
                Err(e) if stream.decoded && !matches!(e, CaptureError::Stopped) => {
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
                    self.opened(stream, reader);
                    return Ok(true);
                }
                Err(CaptureError::Stopped) => return Err(CaptureError::Stopped),
                // What was a stream a moment ago will be one again, whatever is sent meanwhile.
                Err(e) if stream.connected_once || matches!(e, CaptureError::Connection { .. }) => {
                    if self.is_over() {
                        return if stream.connected_once { Ok(false) } else { Err(e) };
                    }
                    self.give_up_or_pause(stream, e)?;
                }
                Err(e) => return Err(e),
            }
        }
    }

    fn opened(&mut self, stream: &mut Stream, mut reader: VideoReader) {
        let duration = reader.duration();
        if !stream.connected_once {
            stream.live = stream.is_url && duration.is_none();
            (self.notice)(Notice::Opened { source: stream.shown.clone(), duration });
        }
        stream.closing = stream.live && duration.is_some();
        if !stream.live {
            // A file that is fetched ends by its own time.
            reader.lift_end();
            self.end = None;
        }
        let start = reader.creation_time().unwrap_or(self.settings.start);
        let (live, last) = (stream.live, stream.at.last);
        let fresh =
            || if live { Clock::of_live(last) } else { Clock::of_file(reader.start_time(), start, last) };
        stream.clock.get_or_insert_with(fresh);
        stream.catching_up = last.is_some();
        stream.passed = None;
        stream.connected_once = true;
        stream.since_connect = 0;
        stream.reader = Some(reader);
    }

    /// Ends the connection, to be made anew.
    fn lose(&mut self, stream: &mut Stream, why: String) -> Result<(), CaptureError> {
        stream.reader = None;
        stream.corrupt_in_row = 0;
        let e = CaptureError::Connection { what: stream.shown.as_str().into(), why };
        self.give_up_or_pause(stream, e)
    }

    /// Gives up where there is no hope, with `e` as the reason; else waits.
    fn give_up_or_pause(&mut self, stream: &mut Stream, e: CaptureError) -> Result<(), CaptureError> {
        let lost = stream.lost_at.get_or_insert_with(Instant::now).elapsed();
        let hopeless = if stream.decoded {
            self.settings.give_up_after.is_some_and(|limit| lost >= limit)
        } else {
            // Not one keyframe so far.
            stream.attempts + 1 >= self.settings.first_attempts
        };
        if hopeless {
            return Err(e);
        }
        self.pause(stream, e.to_string());
        Ok(())
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
        let last = stream.at.last;
        let clock = stream.clock.get_or_insert_with(|| Clock::of_live(last));
        let captured_at = clock.time(time, now());
        let mut row = FrameRow::new(FrameId::at(&stream.name, captured_at)?, stream.shown.as_str());
        if stream.live {
            stream.at.keyframes += 1;
        }
        row.keyframe = stream.at.keyframes - 1;
        row.stream_time = Some(time);
        stream.at.last = Some((time, captured_at));
        stream.decoded = true;
        stream.attempts = 0;
        stream.lost_at = None;
        stream.since_connect += 1;
        let interval = self.settings.reconnect_interval;
        if stream.live && !stream.closing && interval > 0 && stream.since_connect >= interval {
            stream.reader = None;
        }
        Ok(Some(self.judge(row, image)))
    }

    fn finish(&mut self, stream: &Stream) -> Result<Option<Captured>, CaptureError> {
        let Some(reader) = &stream.reader else { return Ok(None) };
        if stream.at.last.is_none() {
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
    /// Whether a keyframe was seen before. A file's are known by their number. A connection to a live
    /// stream made anew begins with what the last one ended with, if it is the same timeline: if its
    /// clock has moved as far as ours.
    fn knows(&mut self, number: u64, time: StreamTime, now: Timestamp) -> bool {
        if !self.live {
            return number < self.at.keyframes;
        }
        let Some((until, captured)) = self.at.last.filter(|_| self.catching_up) else { return false };
        let first = self.passed.is_none();
        let back = self.passed.is_some_and(|passed| time < passed);
        self.passed = Some(time);
        let (stream, wall) = (time.micros() - until.micros(), now.micros() - captured.micros());
        let other = first && (stream - wall).abs() > SAME_TIMELINE_MICROS;
        if let Some(clock) = self.clock.as_mut().filter(|_| other || back) {
            clock.lose_anchor();
        }
        self.catching_up = !other && !back && time <= until;
        self.catching_up
    }
}

fn with_verdict(mut row: FrameRow, verdict: Verdict, image: RgbImage) -> Captured {
    (row.width, row.height) = image.dimensions();
    row.empty = Some(verdict.empty);
    row.blur = verdict.blur;
    row.similarity = verdict.similarity;
    row.dropped = verdict.dropped;
    let image = row.dropped.is_none().then_some(image);
    Captured { row, image }
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
