//! From packets to pictures: keyframes alone, and what else is decoded where these are not enough.

use std::time::Duration;

use ffmpeg::{Packet, Rational, Rescale, codec, ffi, frame};
use ffmpeg_next as ffmpeg;
use streamface_types::StreamTime;

use super::ahead::{Ahead, Decoded};
use super::{DecodedFrame, Keyframe, VideoReader};
use crate::error::{Error, Result};
use crate::length::LONG_GAP;
use crate::run::{self, Alone, Decodes, Goal, Run};

/// A live stream without a keyframe for this long is connected to anew, and decoded whole.
const STARVED_MICROS: i64 = 30 * 1_000_000;
/// A keyframe that gives no picture for this long is corrupt.
const PATIENCE_MICROS: i64 = 30 * 1_000_000;

const AGAIN: ffmpeg::Error = ffmpeg::Error::Other { errno: ffmpeg::util::error::EAGAIN };
/// What to do about a video that cannot be read as it comes.
const INDEX_AT_END: &str = "its index is at its end, and a pipe or a server without byte ranges does not go back to its \
                            beginning: fetch it first and give the file";

/// Says whether a keyframe is known.
type Known<'a> = &'a mut dyn FnMut(Keyframe<'_>) -> bool;
/// A keyframe, a corrupt one, or nothing so far.
type Found = Option<Option<DecodedFrame>>;

pub(super) fn micros(time: i64, base: Rational) -> StreamTime {
    StreamTime(time.rescale(base, Rational(1, 1_000_000)))
}

impl VideoReader {
    /// The next keyframe that `known` does not have; none at the end. A frame that stands for keyframes has no bytes
    /// there. Known ones are passed over, mostly without decoding. A corrupt keyframe is
    /// `Some(None)`: counted, and for the caller to judge.
    ///
    /// # Errors
    /// [`Error::Connection`] where nothing came in `read_timeout`, ffmpeg gave up, or a live stream had no
    /// keyframe for 30 s; [`Error::TooLarge`]; [`Error::Stopped`].
    pub fn next_keyframe(
        &mut self,
        mut known: impl FnMut(Keyframe<'_>) -> bool,
    ) -> Result<Option<Option<DecodedFrame>>> {
        loop {
            if let Some(found) = self.pick(&mut known)? {
                return Ok(Some(found));
            }
            if let Some(found) = self.take_ahead()? {
                return Ok(Some(found));
            }
            if self.ended {
                return self.failed.take().map_or(Ok(None), Err);
            }
            let packet = match self.held.take() {
                Some(held) => Some(held),
                None => match self.read() {
                    // What came before it comes first.
                    Err(e) if self.is_ahead() && !matches!(e, Error::Stopped) => {
                        (self.failed, self.ended) = (Some(e), true);
                        continue;
                    }
                    read => read?,
                },
            };
            let found = match packet {
                Some((packet, time)) => self.take(packet, time, &mut known)?,
                None => self.end(&mut known)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    /// The next packet of the video, and its time; none at the end.
    fn read(&mut self) -> Result<Option<(Packet, StreamTime)>> {
        loop {
            self.watch.allow(self.read_timeout);
            // A new one each time: reading into a packet does not release what it held.
            let mut packet = Packet::empty();
            match packet.read(&mut self.opened.input) {
                Ok(()) => {}
                Err(e) if !self.watch.stop.is_set() && !matches!(e, AGAIN) && self.cannot_go_back() => {
                    self.ended = true;
                    let what = self.name.as_str().into();
                    return Err(Error::Open { what, why: INDEX_AT_END.to_owned() });
                }
                Err(ffmpeg::Error::Eof) if !self.opened.guard.has_refused() => return Ok(None),
                Err(AGAIN) => {
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
            if packet.stream() == self.stream {
                let time = self.time_of(&packet);
                return Ok(Some((packet, time)));
            }
            let Some(other) = self.opened.input.stream(packet.stream()) else { continue };
            let ends = packet.pts().map(|t| t.saturating_add(packet.duration().max(0)));
            self.heard = self.heard.max(ends.map(|t| micros(t, other.time_base())));
        }
    }

    /// The time of a packet of the video; one without a time comes a frame after the one before it.
    fn time_of(&mut self, packet: &Packet) -> StreamTime {
        let told = packet.pts().or(packet.dts()).map(|t| micros(t, self.time_base));
        let next = || StreamTime(self.at.map_or(0, |t| t.micros().saturating_add(self.tick)));
        let time = told.unwrap_or_else(next);
        let lasts = match packet.duration() {
            d if d > 0 => micros(d, self.time_base).micros(),
            _ => self.tick,
        };
        self.at = Some(time);
        self.seen = self.seen.max(Some(StreamTime(time.micros().saturating_add(lasts))));
        time
    }

    /// What a packet of the video gives.
    fn take(&mut self, packet: Packet, time: StreamTime, known: Known<'_>) -> Result<Found> {
        let key = packet.is_key();
        let waited = |from: StreamTime| time.micros().saturating_sub(from.micros());
        match &mut self.run {
            Some(run) if matches!(run.goal, Goal::First { patient, .. } if !key || patient) => {
                if waited(run.from) > PATIENCE_MICROS {
                    self.run = None;
                    return Ok(Some(self.corrupted()));
                }
                run.feed(&packet);
                return Ok(None);
            }
            Some(run) if matches!(run.goal, Goal::All { cold, .. } if !key || !cold) => {
                run.feed(&packet);
                return Ok(None);
            }
            Some(Run { goal: Goal::First { .. }, .. }) => {
                self.held = Some((packet, time));
                return self.end_search(known);
            }
            // The keyframe that a run in the cold waits for.
            Some(_) => self.run = None,
            None => {}
        }
        if key {
            return self.take_key(packet, time, known);
        }
        if self.key_packets == 0 {
            self.start(Goal::All { taken: None, cold: true }, &packet, time);
        } else if self.live && self.last_key.is_some_and(|last| waited(last) > STARVED_MICROS) {
            (self.starved, self.ended) = (true, true);
            let why = "no keyframe for 30 s; what lies between is decoded from now on".to_owned();
            return Err(Error::Connection { what: self.name.as_str().into(), why });
        }
        Ok(None)
    }

    fn take_key(&mut self, packet: Packet, time: StreamTime, known: Known<'_>) -> Result<Found> {
        // SAFETY: reads a plain field of a packet that we own.
        let hidden = unsafe { (*ffmpeg::packet::Ref::as_ptr(&packet)).flags } & ffi::AV_PKT_FLAG_DISCARD != 0;
        let by_itself = !hidden && !packet.is_corrupt();
        let fits = self.ahead.as_ref().is_none_or(|ahead| by_itself && ahead.fits(&packet));
        if !fits && self.is_ahead() {
            // Its turn comes when those before it are taken.
            self.held = Some((packet, time));
            return Ok(None);
        }
        self.key_packets += 1;
        self.last_key = Some(time);
        if self.all {
            self.start(Goal::All { taken: None, cold: false }, &packet, time);
            return Ok(None);
        }
        self.keys += 1;
        if known(Keyframe { number: self.keys - 1, time, bytes: packet.data().unwrap_or_default() }) {
            return Ok(None);
        }
        if hidden {
            self.start(Goal::First { hidden, patient: false }, &packet, time);
            return Ok(None);
        }
        if packet.is_corrupt() {
            return Ok(Some(self.corrupted()));
        }
        if !fits && let Some(first) = self.ahead.take().and_then(Ahead::into_first) {
            // One decoder from now on, which has seen what the others have.
            run::alone(&mut self.decoder, &first);
        }
        if let Some(ahead) = &mut self.ahead {
            ahead.push(packet, time);
            return Ok(None);
        }
        match run::alone(&mut self.decoder, &packet) {
            Alone::Picture(picture) => self.found(&picture, time).map(Some),
            // Only of H.264 does the decoder know when a picture is whole again.
            Alone::Nothing if self.decoder.id() == codec::Id::H264 => {
                self.start(Goal::First { hidden, patient: self.run_failed }, &packet, time);
                Ok(None)
            }
            Alone::Nothing | Alone::Broken => Ok(Some(self.corrupted())),
        }
    }

    /// Begins a run with a packet. A decoder that cannot be opened a second time gives nothing.
    fn start(&mut self, goal: Goal, packet: &Packet, time: StreamTime) {
        let Some(stream) = self.opened.input.stream(self.stream) else { return };
        if let Ok(decoder) = run::open(stream.parameters(), self.time_base, self.max_side, Decodes::All) {
            let mut run = Run::new(decoder, goal, time);
            run.feed(packet);
            self.run = Some(run);
        }
    }

    /// The end of the search for the first picture that a keyframe gives together with what follows it.
    fn end_search(&mut self, known: Known<'_>) -> Result<Found> {
        if let Some(run) = &mut self.run {
            run.drain();
        }
        if let Some(found) = self.pick(known)? {
            return Ok(Some(found));
        }
        let hidden = self.run.take().is_some_and(|r| matches!(r.goal, Goal::First { hidden: true, .. }));
        if hidden {
            return Ok(None);
        }
        self.run_failed = true;
        Ok(Some(self.corrupted()))
    }

    /// The end of the video. A last keyframe that would need more than there is, is no fault of the file.
    fn end(&mut self, known: Known<'_>) -> Result<Found> {
        self.ended = true;
        let searching = self.run.as_ref().is_some_and(|r| matches!(r.goal, Goal::First { .. }));
        if searching && !self.run_succeeded {
            return self.end_search(known);
        }
        if let Some(run) = &mut self.run {
            run.drain();
        }
        self.pick(known)
    }

    /// The next frame of a run that is wanted.
    fn pick(&mut self, known: Known<'_>) -> Result<Found> {
        while let Some(run) = &mut self.run {
            let Some(picture) = run.pop() else { return Ok(None) };
            let time = picture.timestamp().map_or(run.from, |t| micros(t, self.time_base));
            let flawed = run::is_flawed(&picture);
            let Goal::All { taken, cold } = &mut run.goal else {
                if flawed {
                    continue;
                }
                self.run = None;
                (self.run_succeeded, self.run_failed) = (true, false);
                return self.found(&picture, time).map(Some);
            };
            let since = |t: StreamTime| time.micros().saturating_sub(t.micros());
            // A clock that was set back begins anew.
            let early = |t: StreamTime, by: Duration| {
                since(t) >= 0 && since(t).unsigned_abs() < by.as_micros() as u64
            };
            let unready = if *cold { early(run.from, LONG_GAP) } else { flawed };
            if unready || taken.is_some_and(|taken| early(taken, self.interval)) {
                continue;
            }
            *taken = Some(time);
            self.keys += 1;
            if !known(Keyframe { number: self.keys - 1, time, bytes: &[] }) {
                return self.found(&picture, time).map(Some);
            }
        }
        Ok(None)
    }

    /// Whether keyframes are waiting that were decoded ahead.
    fn is_ahead(&self) -> bool {
        self.ahead.as_ref().is_some_and(|ahead| ahead.len() > 0)
    }

    /// The next of the keyframes that are decoded ahead, where no more is to be read before it is taken.
    fn take_ahead(&mut self) -> Result<Found> {
        let all = self.ended || self.held.is_some();
        let Some((decoded, time)) = self.ahead.as_mut().and_then(|ahead| ahead.take(all)) else {
            return Ok(None);
        };
        match decoded {
            Decoded::Picture(image, measured) => {
                Ok(Some(Some(DecodedFrame { image, time, measured: Some(measured) })))
            }
            Decoded::Nothing if self.decoder.id() == codec::Id::H264 => {
                (self.needs_order, self.ended, self.ahead) = (true, true, None);
                Ok(None)
            }
            Decoded::Nothing | Decoded::Broken => Ok(Some(self.corrupted())),
            Decoded::Failed(e) => Err(e),
        }
    }

    fn corrupted(&mut self) -> Option<DecodedFrame> {
        self.corrupt += 1;
        None
    }

    /// The picture of a frame; none, and counted as corrupt, where it has none.
    fn found(&mut self, picture: &frame::Video, time: StreamTime) -> Result<Option<DecodedFrame>> {
        Ok(match self.converter.picture(picture, &self.name)? {
            Some(image) => Some(DecodedFrame { image, time, measured: None }),
            None => self.corrupted(),
        })
    }
}
