//! A video file or a url: connecting, reconnecting, what was seen before, and naming.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use streamface_store::FrameRow;
use streamface_types::{FrameId, StreamTime, Timestamp};

use super::{Capture, Captured, Earlier, Notice};
use crate::CaptureError;
use crate::clock::Clock;
use crate::video::{DecodedFrame, VideoReader};

/// A video file or url under way.
pub(super) struct Stream {
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

impl Capture {
    pub(super) fn step_stream(&mut self, stream: &mut Stream) -> Result<Option<Captured>, CaptureError> {
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
                Ok(None) => return self.finish(stream).map(|()| None),
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

    /// What is to be said of a source that has come to its end.
    fn finish(&mut self, stream: &Stream) -> Result<(), CaptureError> {
        let Some(reader) = &stream.reader else { return Ok(()) };
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
        Ok(())
    }
}

impl Stream {
    /// A source that is still to be opened; `at` is what an earlier run has of it.
    pub(super) fn new(spec: String, shown: String, name: String, is_url: bool, at: Earlier) -> Self {
        Self {
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
        }
    }

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

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
