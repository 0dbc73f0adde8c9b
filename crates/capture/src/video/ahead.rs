//! Keyframes of a file decoded and measured side by side, ahead of the one that is asked for.
//!
//! One thread reads; each of the others has a decoder and does a keyframe at a time: decoding, the picture in RGB, and what the
//! filters say of it by itself. Their results are taken in the order of the keyframes.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ffmpeg::packet::side_data::Type;
use ffmpeg::{Packet, decoder};
use ffmpeg_next as ffmpeg;
use image::RgbImage;
use streamface_types::StreamTime;

use super::headers::Headers;
use crate::error::Error;
use crate::filters::{FilterSettings, Measured};
use crate::picture::Converter;
use crate::run::{self, Alone, Decodes};

/// What became of a keyframe.
pub(super) enum Decoded {
    Picture(RgbImage, Measured),
    /// It gives no picture without others.
    Nothing,
    Broken,
    Failed(Error),
}

/// Times of other threads, and of waiting for them.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(crate) waited: Duration,
    pub(crate) decode: Duration,
    pub(crate) filters: Duration,
}

/// What a thread works with.
pub(super) struct Worker {
    /// Of keyframes without any error.
    pub(super) decoder: decoder::Video,
    /// Opens another one.
    pub(super) open: Box<dyn Fn(Decodes) -> Option<decoder::Video> + Send>,
    pub(super) converter: Converter,
    /// The video, for errors.
    pub(super) name: String,
    pub(super) filters: FilterSettings,
}

/// A keyframe's result, with the time that decoding and measuring took.
type Done = (Decoded, Duration, Duration);
/// The same, or a panic.
type Slot = Result<Done, Box<dyn Any + Send>>;
/// A keyframe on its way to a thread.
type Job = (Packet, SyncSender<Slot>);

impl Worker {
    fn decode(&mut self, packet: &Packet) -> Done {
        let start = Instant::now();
        let mut alone = run::alone(&mut self.decoder, packet);
        if let Alone::Broken = alone {
            // What a decoder makes of errors depends on what it had before, and what it makes of later keyframes on the errors:
            // a fresh one judges, and another one goes on.
            if let Some(mut fresh) = (self.open)(Decodes::Keyframes) {
                alone = run::alone(&mut fresh, packet);
            }
            if let Some(fresh) = (self.open)(Decodes::WholeKeyframes) {
                self.decoder = fresh;
            }
        }
        let picture = match alone {
            Alone::Picture(picture) => self.converter.picture(&picture, &self.name),
            Alone::Nothing => return (Decoded::Nothing, start.elapsed(), Duration::ZERO),
            Alone::Broken => Ok(None),
        };
        let (decode, start) = (start.elapsed(), Instant::now());
        let decoded = match picture {
            Ok(Some(image)) => {
                let measured = self.filters.measure(&image);
                Decoded::Picture(image, measured)
            }
            Ok(None) => Decoded::Broken,
            Err(e) => Decoded::Failed(e),
        };
        (decoded, decode, start.elapsed())
    }

    fn run(mut self, jobs: &Mutex<Receiver<Job>>) {
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((packet, slot)) = job else { return };
            // A panic is handed on like a result. A slot that nobody waits for is of a capture that has ended.
            let _ = slot.send(catch_unwind(AssertUnwindSafe(|| self.decode(&packet))));
        }
    }
}

/// The threads, and the keyframes that they have or have done, in order.
pub(super) struct Ahead {
    /// None once it ends.
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    waiting: VecDeque<(Receiver<Slot>, StreamTime)>,
    headers: Headers,
    /// The first keyframe, and its headers.
    first: Option<(Packet, Vec<u8>)>,
    pub(super) beside: Beside,
}

impl Ahead {
    /// As many threads as there are workers.
    pub(super) fn new(headers: Headers, workers: impl Iterator<Item = Worker>) -> Self {
        let (jobs, taken) = channel();
        let taken = Arc::new(Mutex::new(taken));
        let threads = workers.map(|worker| {
            let taken = Arc::clone(&taken);
            thread::spawn(move || worker.run(&taken))
        });
        Self {
            jobs: Some(jobs),
            threads: threads.collect(),
            waiting: VecDeque::new(),
            headers,
            first: None,
            beside: Beside::default(),
        }
    }

    /// Keyframes that are not taken yet.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether any of the decoders can decode this keyframe: whether it says of its stream what the first one said, so that
    /// nothing depends on which keyframes a decoder saw before.
    pub(super) fn fits(&self, packet: &Packet) -> bool {
        let changes = |kind| matches!(kind, Type::NewExtraData | Type::ParamChange);
        if self.threads.is_empty() || packet.side_data().any(|data| changes(data.kind())) {
            return false;
        }
        let headers = self.headers.read(packet.data().unwrap_or_default());
        headers.is_some_and(|now| self.first.as_ref().is_none_or(|(_, first)| *first == now))
    }

    /// Has a keyframe decoded that [fits](Self::fits).
    pub(super) fn push(&mut self, packet: Packet, time: StreamTime) {
        if self.first.is_none() {
            let headers = self.headers.read(packet.data().unwrap_or_default());
            self.first = Some((packet.clone(), headers.unwrap_or_default()));
        }
        let (slot, result) = sync_channel(1);
        if let Some(jobs) = &self.jobs {
            // The threads hold the other end for as long as this lives.
            let _ = jobs.send((packet, slot));
        }
        self.waiting.push_back((result, time));
    }

    /// The next keyframe, waiting for it: where there are enough, or `all` that there are are wanted.
    pub(super) fn take(&mut self, all: bool) -> Option<(Decoded, StreamTime)> {
        // One for each thread, one that is waited for and one that is next.
        if !all && self.waiting.len() < self.threads.len() + 2 {
            return None;
        }
        let (result, time) = self.waiting.pop_front()?;
        let start = Instant::now();
        // A thread ends only after this.
        let slot = result.recv().ok()?;
        self.beside.waited += start.elapsed();
        let (decoded, decode, filters) = slot.unwrap_or_else(|panic| resume_unwind(panic));
        self.beside.decode += decode;
        self.beside.filters += filters;
        Some((decoded, time))
    }

    /// Ends it. The first keyframe that was decoded, if any was.
    pub(super) fn into_first(mut self) -> Option<Packet> {
        self.first.take().map(|(packet, _)| packet)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.waiting.clear();
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // Panics of its work were handed on.
            let _ = thread.join();
        }
    }
}
