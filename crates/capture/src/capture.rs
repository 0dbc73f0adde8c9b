//! Going through sources: reconnecting, resuming, naming, filtering.

mod images;
mod stream;

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use image::RgbImage;
use streamface_store::FrameRow;
use streamface_types::{FrameId, StreamTime, Timestamp};

use self::images::Images;
use self::stream::Stream;
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
    Images { list: VecDeque<(u64, PathBuf, String)> },
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
        Ok(Active::Video(Box::new(Stream::new(spec, shown, name, is_url, at))))
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

    fn judge(&mut self, row: FrameRow, image: RgbImage) -> Captured {
        let start = Instant::now();
        let verdict = self.filter.judge(&image);
        self.filter_time += start.elapsed();
        with_verdict(row, verdict, image)
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
