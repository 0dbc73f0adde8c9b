//! A progress bar on standard error; where that is no terminal, a line at each stage and every ten seconds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use streamface_cluster::{Progress, Stage};

/// Shows what an [`Observer`](streamface_cluster::Observer) hears.
pub struct Bar {
    bar: ProgressBar,
    shown: Mutex<Option<Shown>>,
}

struct Shown {
    stage: Stage,
    band: u32,
    since: Instant,
    done: u64,
    line: Instant,
}

impl Bar {
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr_with_hz(8));
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {percent:>3} % {msg}") {
            bar.set_style(style);
        }
        Self { bar, shown: Mutex::new(None) }
    }

    pub fn show(&self, progress: Progress) {
        let now = Instant::now();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let other = |s: &Shown| (s.stage, s.band) != (progress.stage, progress.band) || progress.done == 0;
        let new = shown.as_ref().is_none_or(other);
        let Progress { stage, band, .. } = progress;
        let own = match &mut *shown {
            Some(own) if !new => own,
            slot => slot.insert(Shown { stage, band, since: now, done: 0, line: now }),
        };
        // Threads come by in any order.
        own.done = own.done.max(progress.done);
        let message = message(progress, own.done, own.since.elapsed().as_secs_f64());
        if !self.bar.is_hidden() {
            self.bar.set_length(progress.total);
            self.bar.set_position(own.done);
            self.bar.set_message(message);
        } else if new || own.line.elapsed() > Duration::from_secs(10) {
            own.line = now;
            eprintln!("{:>3} % {message}", own.done * 100 / progress.total.max(1));
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Band, stage, rate and rest.
fn message(p: Progress, done: u64, seconds: f64) -> String {
    // Linking counts links, or points where components go by themselves.
    let (what, unit) = if p.stage == Stage::Join { ("join", "pairs") } else { ("link", "") };
    let mut message = format!("band {}, beyond {:.3} · {what}", p.band, p.reached);
    if done > 0 && seconds > 0.1 {
        let rate = done as f64 / seconds;
        let (by, name) = if rate >= 1e9 {
            (1e9, "G ")
        } else if rate >= 1e6 {
            (1e6, "M ")
        } else {
            (1.0, "")
        };
        let rest = p.total.saturating_sub(done) as f64 / rate;
        message += &format!(" · {:.1} {name}{unit}/s · {rest:.0} s left", rate / by);
    }
    message
}

/// Most memory that this process has held, in MiB; none where the system does not tell.
pub fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib / 1024)
}
