//! A video file or a url: connecting, reconnecting, what was seen before, and naming.

use std::time::{Duration, Instant};

use streamface_store::FrameRow;
use streamface_types::{FrameId, StreamTime, Timestamp};

use super::earlier::KnownStream;
use super::repetition::Repetition;
use super::shared::Shared;
use crate::clock::{Clock, now};
use crate::error::{Error, Result};
use crate::frame::{CapturedFrame, Notice};
use crate::length::seconds;
use crate::source::Location;
use crate::video::{DecodedFrame, Keyframe, VideoReader};

/// A video file or url under way.
pub(super) struct Stream {
    location: Location,
    /// The same as it may be shown.
    shown: String,
    name: String,
    reader: Option<VideoReader>,
    /// Whether the stream had no end when it was opened.
    live: bool,
    clock: Option<Clock>,
    at: KnownStream,
    /// Whether a live stream's playlist has been closed: what is in it is the last.
    closing: bool,
    /// Whether keyframes may be repetitions of what the connection before saw.
    catching_up: bool,
    /// Whether a download without a length is the one before once more.
    repetition: Repetition,
    /// Time of the last keyframe of this connection.
    passed: Option<StreamTime>,
    /// Keyframes since the last connection.
    since_connect: u64,
    corrupt_in_row: u32,
    /// Keyframes of this run that could not be decoded.
    corrupt: u64,
    /// Whether the first keyframe is another one than an earlier run saw.
    is_another: bool,
    connected_once: bool,
    /// Whether this run has a keyframe of it.
    decoded: bool,
    /// Whether everything is decoded, because keyframes are too few.
    all: bool,
    /// Whether keyframes are decoded one after the other, because one needs what follows it.
    in_order: bool,
    /// Attempts since the last keyframe.
    attempts: u32,
    /// Connections since then.
    stuck: u32,
    lost_at: Option<Instant>,
}

/// How far two timelines may be apart and still be one: playlists repeat less than a minute.
const SAME_TIMELINE_MICROS: i64 = 60 * 1_000_000;

impl Stream {
    /// The next keyframe that is new; none at the end, or where a limit is reached. After an error the
    /// stream is over.
    pub(super) fn next(&mut self, shared: &mut Shared) -> Result<Option<CapturedFrame>> {
        loop {
            if shared.is_over() {
                return Ok(None);
            }
            if self.reader.is_none() && !self.connect(shared)? {
                return Ok(None);
            }
            let Some(mut reader) = self.reader.take() else { return Ok(None) };
            let before = reader.corrupt();
            let start = Instant::now();
            let next = reader.next_keyframe(|keyframe| self.knows(shared, keyframe, now()));
            let beside = reader.take_beside();
            shared.decode_time += start.elapsed().saturating_sub(beside.waited) + beside.decode;
            shared.filter_time += beside.filters;
            if self.is_another {
                return Err(Error::AnotherFile(self.shown.clone()));
            }
            shared.corrupt += reader.corrupt() - before;
            self.corrupt += reader.corrupt() - before;
            if !self.live && matches!(next, Ok(Some(_))) {
                // Corrupt ones too: a download begun anew must not stumble over them again.
                self.at.keyframes = reader.keyframes();
            }
            self.reader = Some(reader);
            match next {
                Ok(Some(Some(frame))) => {
                    self.corrupt_in_row = 0;
                    return self.frame_of(shared, frame);
                }
                Ok(Some(None)) => {
                    self.corrupt_in_row += 1;
                    if self.live && self.corrupt_in_row >= 2 {
                        self.lose(shared, "two corrupt frames in a row".into())?;
                    }
                }
                Ok(None) if self.live && !self.closing => {
                    if self.ended(shared, "the stream ended".into())? {
                        return Ok(None);
                    }
                }
                Ok(None) if !self.live && self.location.is_url() && self.broke_off() => {
                    self.lose(shared, "the connection broke off before the end".into())?;
                }
                Ok(None) if self.reader.as_ref().is_some_and(VideoReader::needs_order) => {
                    (self.in_order, self.reader) = (true, None);
                }
                Ok(None) if self.is_sparse() => self.begin_again(shared),
                Ok(None) => return self.finish(shared).map(|()| None),
                Err(Error::Connection { .. }) if shared.is_over() => return Ok(None),
                Err(Error::Connection { why, .. }) => {
                    self.all |= self.reader.as_ref().is_some_and(VideoReader::is_starved);
                    if self.ended(shared, why)? {
                        return Ok(None);
                    }
                }
                Err(e @ Error::Playlist { .. }) => return Err(e),
                Err(e) if self.decoded && !matches!(e, Error::Stopped) => {
                    (shared.notice)(Notice::Incomplete(format!("{e}; what came before it is kept")));
                    return Ok(None);
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Opens the stream; false when there is nothing left to open.
    fn connect(&mut self, shared: &mut Shared) -> Result<bool> {
        loop {
            if shared.stop.is_set() {
                return Err(Error::Stopped);
            }
            if self.location.is_url() && shared.end.is_none() {
                shared.end = shared.settings.limit.and_then(|limit| Instant::now().checked_add(limit));
            }
            let end = shared.end.filter(|_| self.location.is_url());
            match VideoReader::open(&self.location, &shared.settings, &shared.stop, end) {
                Ok(reader) => {
                    self.opened(shared, reader);
                    return Ok(true);
                }
                Err(e @ (Error::Stopped | Error::Playlist { .. })) => return Err(e),
                // What was a stream a moment ago will be one again, whatever is sent meanwhile.
                Err(e) if self.connected_once || matches!(e, Error::Connection { .. }) => {
                    if shared.is_over() {
                        return if self.connected_once { Ok(false) } else { Err(e) };
                    }
                    self.give_up_or_pause(shared, e)?;
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Whether a file is over, and had one keyframe only.
    fn is_sparse(&self) -> bool {
        !self.location.is_url() && self.reader.as_ref().is_some_and(VideoReader::is_sparse)
    }

    /// Goes through a file of one keyframe once more, and decodes what follows it.
    fn begin_again(&mut self, shared: &mut Shared) {
        self.all = true;
        let Some(reader) = self.reader.take() else { return };
        let (length, interval) = (seconds(reader.lengths().seen), shared.settings.interval.as_secs_f64());
        (shared.notice)(Notice::Warning(format!(
            "{}: one keyframe only in {length} s of video; what follows it is decoded, a frame each {interval} s",
            self.shown
        )));
    }

    fn opened(&mut self, shared: &mut Shared, mut reader: VideoReader) {
        reader.set_buffers(shared.buffers.clone());
        if self.all {
            reader.decode_all();
        } else if !self.in_order {
            reader.decode_ahead(shared.decoders, shared.settings.filters);
        }
        let duration = reader.duration();
        if !self.connected_once {
            self.live = self.location.is_url() && !reader.has_end();
            (shared.notice)(Notice::Opened { source: self.shown.clone(), duration });
            if let Some(missing) = reader.missing_parts() {
                (shared.notice)(Notice::Warning(format!("{}: {missing}", self.shown)));
            }
        }
        self.closing = self.live && duration.is_some();
        if !self.live {
            // A file that is fetched ends by its own time.
            reader.lift_end();
            shared.end = None;
        }
        let start = reader.creation_time().unwrap_or(shared.settings.start);
        let (live, last) = (self.live, self.at.last);
        let fresh =
            || if live { Clock::of_live(last) } else { Clock::of_file(reader.start_time(), start, last) };
        self.clock.get_or_insert_with(fresh);
        self.catching_up = last.is_some();
        self.passed = None;
        self.connected_once = true;
        self.since_connect = 0;
        self.stuck += 1;
        self.reader = Some(reader);
    }

    /// The connection to a stream has ended: whether this is its end, as it gives the same each time.
    fn ended(&mut self, shared: &mut Shared, why: String) -> Result<bool> {
        let download = self.reader.as_ref().filter(|reader| self.live && reader.is_download());
        if download.is_some_and(|reader| self.repetition.ended(reader.keyframes())) {
            let said = "the server has sent the same once more, so this is a file that has ended";
            (shared.notice)(Notice::Warning(format!("{}: {said}", self.shown)));
            return self.finish(shared).map(|()| true);
        }
        self.lose(shared, why).map(|()| false)
    }

    /// Ends a connection that has lasted long enough.
    fn disconnect(&mut self) {
        if let Some(reader) = self.reader.as_ref().filter(|reader| reader.is_download()) {
            // A file without a length would be fetched from its beginning each time.
            if self.repetition.is_again() {
                return;
            }
            self.repetition.ended(reader.keyframes());
        }
        self.reader = None;
    }

    fn broke_off(&self) -> bool {
        self.reader.as_ref().is_some_and(VideoReader::broke_off)
    }

    /// Ends the connection, to be made anew.
    fn lose(&mut self, shared: &mut Shared, why: String) -> Result<()> {
        self.reader = None;
        if !self.live && self.corrupt_in_row > 0 {
            // The last one is corrupt because the connection broke off within it.
            self.at.keyframes = self.at.keyframes.saturating_sub(1);
            shared.corrupt = shared.corrupt.saturating_sub(1);
            self.corrupt = self.corrupt.saturating_sub(1);
        }
        self.corrupt_in_row = 0;
        let e = Error::Connection { what: self.shown.as_str().into(), why };
        self.give_up_or_pause(shared, e)
    }

    /// Gives up where there is no hope, with `e` as the reason; else waits.
    fn give_up_or_pause(&mut self, shared: &mut Shared, e: Error) -> Result<()> {
        let lost = self.lost_at.get_or_insert_with(Instant::now).elapsed();
        let too_long = shared.settings.give_up_after.is_some_and(|limit| lost >= limit);
        let hopeless = if self.decoded {
            // A file that breaks off at the same place each time has no more.
            too_long || (!self.live && self.stuck >= shared.settings.first_attempts)
        } else {
            // Not one keyframe so far.
            self.attempts + 1 >= shared.settings.first_attempts
        };
        if hopeless {
            return Err(e);
        }
        self.pause(shared, e.to_string());
        Ok(())
    }

    /// Waits before the next attempt: 1 s, 2 s, 4 s … with up to a quarter more, so that many readers
    /// of one server do not come back at one moment.
    fn pause(&mut self, shared: &mut Shared, why: String) {
        if shared.is_over() {
            // The time that was asked for is over, and the stream with it.
            return;
        }
        let base = Duration::from_secs(1 << self.attempts.min(16)).min(shared.settings.retry_pause);
        let jitter = (now().micros() % 250) as u32;
        let pause = base + base * jitter / 1000;
        self.attempts += 1;
        (shared.notice)(Notice::Reconnecting { source: self.shown.clone(), why, pause });
        let until = Instant::now() + pause;
        while Instant::now() < until && !shared.stop.is_set() && !shared.is_over() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Names and judges a decoded frame; none where the limit of a file is reached.
    fn frame_of(&mut self, shared: &mut Shared, frame: DecodedFrame) -> Result<Option<CapturedFrame>> {
        let DecodedFrame { image, time, measured } = frame;
        let first = *self.at.first.get_or_insert(time);
        if !self.live {
            let past = Duration::from_micros(u64::try_from(time.micros() - first.micros()).unwrap_or(0));
            if shared.settings.limit.is_some_and(|limit| past >= limit) {
                self.tell_missing(shared);
                return Ok(None);
            }
        }
        let last = self.at.last;
        let clock = self.clock.get_or_insert_with(|| Clock::of_live(last));
        let captured_at = clock.time(time, now());
        let mut row = FrameRow::new(FrameId::at(&self.name, captured_at)?, self.shown.as_str());
        if self.live {
            self.at.keyframes += 1;
        }
        row.keyframe = self.at.keyframes - 1;
        row.stream_time = Some(time);
        self.at.last = Some((time, captured_at));
        self.decoded = true;
        self.attempts = 0;
        self.stuck = 0;
        self.lost_at = None;
        self.since_connect += 1;
        let interval = shared.settings.reconnect_interval;
        if self.live && !self.closing && interval > 0 && self.since_connect >= interval {
            self.disconnect();
        }
        Ok(Some(shared.judge(row, image, measured)))
    }

    /// What is to be said of a source that has come to its end.
    fn finish(&self, shared: &mut Shared) -> Result<()> {
        let Some(reader) = &self.reader else { return Ok(()) };
        if self.at.last.is_none() {
            let corrupt = reader.corrupt();
            let why = if corrupt > 0 { format!("{corrupt} corrupt") } else { "none found".into() };
            let missing = reader.missing_parts().map(|missing| format!("; {missing}")).unwrap_or_default();
            return Err(Error::NothingDecoded { what: self.shown.as_str().into(), why: why + &missing });
        }
        let cut = if self.live { None } else { reader.cut_short() };
        match cut {
            Some(cut) => (shared.notice)(Notice::Incomplete(format!("{}: {cut}", self.shown))),
            None => match reader.lengths().remark() {
                Some(remark) if remark.is_cut => {
                    (shared.notice)(Notice::Incomplete(format!("{}: {}", self.shown, remark.said)));
                }
                Some(remark) => (shared.notice)(Notice::Warning(format!("{}: {}", self.shown, remark.said))),
                None => {}
            },
        }
        self.tell_missing(shared);
        Ok(())
    }

    /// Says which frames could not be had of a source that has an end; a live stream goes on, whatever it lost.
    fn tell_missing(&self, shared: &mut Shared) {
        let Some(reader) = self.reader.as_ref().filter(|_| !self.live) else { return };
        if self.corrupt > 0 {
            (shared.notice)(Notice::Incomplete(format!(
                "{}: {} of {} keyframes could not be decoded: the file is damaged",
                self.shown,
                self.corrupt,
                reader.keyframes()
            )));
        }
        if let Some(missing) = reader.missing_parts() {
            (shared.notice)(Notice::Incomplete(format!("{}: {missing}", self.shown)));
        }
    }
}

impl Stream {
    /// A source that is still to be opened; `at` is what an earlier run has of it.
    pub(super) fn new(location: Location, shown: String, name: String, at: KnownStream) -> Self {
        Self {
            location,
            shown,
            name,
            reader: None,
            live: false,
            clock: None,
            at,
            closing: false,
            catching_up: false,
            repetition: Repetition::default(),
            passed: None,
            since_connect: 0,
            corrupt_in_row: 0,
            corrupt: 0,
            is_another: false,
            connected_once: false,
            decoded: false,
            all: false,
            in_order: false,
            attempts: 0,
            stuck: 0,
            lost_at: None,
        }
    }

    /// Compares the first keyframe of a file with that of an earlier run, and tells it where there was none.
    fn compare_first(&mut self, shared: &mut Shared, bytes: &[u8]) {
        let checksum = checksum(bytes);
        match self.at.first_keyframe {
            // What an earlier run has nothing of may be any file.
            Some(known) if self.at.keyframes > 0 => self.is_another = known != checksum,
            Some(known) if known == checksum => {}
            _ => {
                self.at.first_keyframe = Some(checksum);
                (shared.notice)(Notice::FirstKeyframe { source: self.shown.clone(), checksum });
            }
        }
    }

    /// Whether a keyframe was seen before. A file's are known by their number. A connection to a live
    /// stream made anew begins with what the last one ended with, if it is the same timeline: if its
    /// clock has moved as far as ours.
    fn knows(&mut self, shared: &mut Shared, keyframe: Keyframe<'_>, now: Timestamp) -> bool {
        if !self.live {
            if keyframe.number == 0 && !keyframe.bytes.is_empty() {
                self.compare_first(shared, keyframe.bytes);
            }
            return self.is_another || keyframe.number < self.at.keyframes;
        }
        if self.repetition.knows(keyframe) {
            return true;
        }
        let time = keyframe.time;
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

/// FNV-1a of 64 bits: enough to tell files apart that nobody made to look alike.
fn checksum(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix)
}
