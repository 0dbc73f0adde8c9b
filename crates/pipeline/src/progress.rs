//! What a person sees while a step runs, on standard error only.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use streamface_capture::Notice;
use streamface_store::DropReason;

/// Running numbers.
#[derive(Debug, Default)]
pub struct Counts {
    /// Keyframes looked at.
    pub seen: AtomicU64,
    /// Of these, dropped, by [`DropReason::ALL`].
    pub dropped: [AtomicU64; 3],
    /// Frames searched for faces.
    pub searched: AtomicU64,
    /// Faces found above the score.
    pub detected: AtomicU64,
    /// Of these, too small.
    pub small: AtomicU64,
    /// Of these, blurred.
    pub blurred: AtomicU64,
    /// Faces kept.
    pub faces: AtomicU64,
    /// Faces embedded.
    pub embedded: AtomicU64,
    /// People so far, as of the last look.
    pub people: AtomicU64,
    /// Microseconds of the stream seen.
    pub stream_micros: AtomicU64,
}

impl Counts {
    /// Counts a keyframe.
    pub fn count_frame(&self, dropped: Option<DropReason>) {
        self.seen.fetch_add(1, Relaxed);
        if let Some(at) = dropped.and_then(|d| DropReason::ALL.iter().position(|r| *r == d)) {
            self.dropped[at].fetch_add(1, Relaxed);
        }
    }

    /// Keyframes kept.
    pub fn kept(&self) -> u64 {
        self.seen.load(Relaxed).saturating_sub(self.dropped.iter().map(|d| d.load(Relaxed)).sum())
    }
}

/// A line that is redrawn on a terminal, and written anew every ten seconds elsewhere.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: Option<ProgressBar>,
    counts: Arc<Counts>,
    started: Instant,
    last_line: Arc<AtomicU64>,
}

impl Progress {
    /// A progress line over `counts`; none where `quiet`.
    #[must_use]
    pub fn new(counts: Arc<Counts>, quiet: bool) -> Self {
        let bar = (!quiet).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(125));
            bar
        });
        Self { bar, counts, started: Instant::now(), last_line: Arc::default() }
    }

    /// Redraws.
    pub fn tick(&self) {
        let Some(bar) = &self.bar else { return };
        if bar.is_hidden() {
            let now = self.started.elapsed().as_secs();
            let last = self.last_line.load(Relaxed);
            if now >= last + 10 {
                self.last_line.store(now, Relaxed);
                eprintln!("{now:>6} s  {}", self.line());
            }
        } else {
            bar.set_message(self.line());
        }
    }

    fn line(&self) -> String {
        let c = &self.counts;
        let mut line = String::new();
        let elapsed = self.started.elapsed().as_secs_f64().max(0.001);
        let (seen, kept) = (c.seen.load(Relaxed), c.kept());
        if seen > 0 {
            let _ = write!(line, "{seen} keyframes, {kept} kept");
            let dropped = DropReason::ALL.iter().zip(&c.dropped).filter(|(_, n)| n.load(Relaxed) > 0);
            let said: Vec<_> = dropped.map(|(r, n)| format!("{} {}", n.load(Relaxed), r.name())).collect();
            if !said.is_empty() {
                let _ = write!(line, " ({})", said.join(", "));
            }
            let _ = write!(line, " · ");
        }
        let _ = write!(line, "{} faces", c.faces.load(Relaxed).max(c.embedded.load(Relaxed)));
        let people = c.people.load(Relaxed);
        if people > 0 {
            let _ = write!(line, " · {people} people so far");
        }
        let frames = seen.max(c.searched.load(Relaxed)) as f64 / elapsed;
        let _ = write!(line, " · {frames:.1} frames/s");
        let stream = c.stream_micros.load(Relaxed) as f64 / 1e6 / elapsed;
        if stream > 0.0 {
            let _ = write!(line, " · {stream:.1}x real time");
        }
        line
    }

    /// A line of its own, above the progress.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) if !bar.is_hidden() => bar.suspend(|| eprintln!("{text}")),
            _ => eprintln!("{text}"),
        }
    }

    /// What a capture has to say.
    pub fn notice(&self, notice: &Notice) {
        match notice {
            Notice::Opened { .. } if self.bar.is_none() => {}
            Notice::Opened { source, duration: Some(d) } => {
                self.say(&format!("{source}: {} s of video", d.as_secs()));
            }
            Notice::Opened { source, duration: None } => self.say(&format!("{source}: connected, live")),
            Notice::Reconnecting { why, pause, .. } => {
                self.say(&format!("{why}; trying again in {:.0} s (Ctrl-C ends)", pause.as_secs_f64()));
            }
            Notice::Warning(text) => self.say(&format!("warning: {text}")),
            _ => {}
        }
    }

    /// Removes the line.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A bar of one thing after another, each with a known end: redrawn on a terminal, a line every ten seconds
/// elsewhere.
#[derive(Debug)]
pub struct Bar {
    bar: Option<ProgressBar>,
    started: Instant,
    last_line: AtomicU64,
}

impl Bar {
    /// A bar with nothing on it; none where `quiet`.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let bar = (!quiet).then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(8));
            if let Ok(style) =
                ProgressStyle::with_template("{spinner} {msg} [{bar:30}] {percent}%  {eta} left")
            {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, started: Instant::now(), last_line: AtomicU64::new(0) }
    }

    /// How much of `what` is done.
    pub fn show(&self, what: &str, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        if !bar.is_hidden() {
            if bar.message() != what || done == 0 {
                bar.reset();
                bar.set_message(what.to_owned());
            }
            bar.set_length(total.max(1));
            bar.set_position(done);
            return;
        }
        let now = self.started.elapsed().as_secs();
        let last = self.last_line.load(Relaxed);
        if now >= last + 10 && self.last_line.compare_exchange(last, now, Relaxed, Relaxed).is_ok() {
            eprintln!("{now:>6} s  {what}: {:.0} %", 100.0 * done as f64 / total.max(1) as f64);
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
