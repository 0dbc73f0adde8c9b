//! What a command says at its end, for people and as JSON.

use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde_json::{Map, Value, json};
use streamface_store::DropReason;

use super::cluster::ClusterSummary;
use super::work::Times;
use crate::progress::Counts;

/// How a command ended, apart from errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All was done.
    Done,
    /// Something is missing: a file that could not be read, a result that was wanted. Exit code 1.
    Incomplete,
}

/// The end of a step or a run.
#[derive(Debug, Default)]
pub struct Summary {
    /// What was counted.
    pub frames: Option<FrameNumbers>,
    /// What became of faces.
    pub faces: Option<FaceNumbers>,
    /// What clustering found.
    pub people: Option<ClusterSummary>,
    /// Time at work by stage.
    pub stages: Vec<(&'static str, Duration)>,
    /// Time from start to end.
    pub wall: Duration,
    /// Sources and images that failed.
    pub failures: Vec<String>,
    /// Ended by Ctrl-C.
    pub stopped: bool,
    /// Where the report is.
    pub report: Option<PathBuf>,
    /// Lines at the end: what to do next.
    pub notes: Vec<String>,
}

/// Frames of this call.
#[derive(Debug, Clone, Copy, Default)]
pub struct FrameNumbers {
    /// Keyframes looked at.
    pub seen: u64,
    /// Of these, kept.
    pub kept: u64,
    /// Of these, dropped, by [`DropReason::ALL`].
    pub dropped: [u64; 3],
    /// Keyframes that could not be decoded.
    pub corrupt: u64,
}

/// Faces of this call.
#[derive(Debug, Clone, Copy, Default)]
pub struct FaceNumbers {
    /// Found above the score.
    pub detected: u64,
    /// Too small.
    pub small: u64,
    /// Blurred.
    pub blurred: u64,
    /// Kept.
    pub kept: u64,
    /// Embedded.
    pub embedded: u64,
}

impl Summary {
    /// The numbers of a step.
    pub(crate) fn of(counts: &Counts, corrupt: u64, times: &Times, wall: Duration) -> Self {
        let n = |v: &std::sync::atomic::AtomicU64| v.load(Relaxed);
        let dropped = [0, 1, 2].map(|i| n(&counts.dropped[i]));
        let frames = FrameNumbers { seen: n(&counts.seen), kept: counts.kept(), dropped, corrupt };
        let faces = FaceNumbers {
            detected: n(&counts.detected),
            small: n(&counts.small),
            blurred: n(&counts.blurred),
            kept: n(&counts.faces),
            embedded: n(&counts.embedded),
        };
        let stages = times.all().into_iter().filter(|(_, t)| *t > Duration::ZERO).collect();
        Self { frames: Some(frames), faces: Some(faces), stages, wall, ..Self::default() }
    }

    /// Adds the faces, times and failures of work that was left from an earlier call.
    pub(crate) fn add(&mut self, earlier: Self) {
        if let (Some(all), Some(more)) = (&mut self.faces, earlier.faces) {
            all.detected += more.detected;
            all.small += more.small;
            all.blurred += more.blurred;
            all.kept += more.kept;
            all.embedded += more.embedded;
        }
        for (name, time) in earlier.stages {
            match self.stages.iter_mut().find(|(n, _)| *n == name) {
                Some((_, all)) => *all += time,
                None => self.stages.push((name, time)),
            }
        }
        self.failures.extend(earlier.failures);
    }

    /// How the command ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.failures.is_empty() { Outcome::Done } else { Outcome::Incomplete }
    }

    /// Prints it on standard output.
    pub fn print(&self, as_json: bool) {
        if as_json {
            say!("{:#}", self.to_json());
            return;
        }
        if let Some(f) = self.frames {
            let reasons = DropReason::ALL.iter().zip(f.dropped).filter(|(_, n)| *n > 0);
            let mut said: Vec<_> = reasons.map(|(r, n)| format!("{n} {}", r.name())).collect();
            if f.corrupt > 0 {
                said.push(format!("{} corrupt", f.corrupt));
            }
            let said = if said.is_empty() { String::new() } else { format!(" ({})", said.join(", ")) };
            say!("frames   {} keyframes, {} kept{said}", f.seen, f.kept);
        }
        if let Some(f) = self.faces {
            say!(
                "faces    {} found, {} kept ({} too small, {} blurred)",
                f.detected,
                f.kept,
                f.small,
                f.blurred
            );
        }
        if let Some(p) = self.people {
            say!(
                "people   {} of {} faces ({} seen once; the most seen has {} faces)",
                p.people,
                p.faces,
                p.singletons,
                p.largest
            );
            if p.decisions > 0 {
                let not = p.not_followed;
                let said = if not > 0 { format!(", {not} pairs not followed") } else { String::new() };
                say!("review   {} decisions kept{said}", p.decisions);
            }
        }
        if !self.stages.is_empty() {
            let all: f64 = self.stages.iter().map(|(_, t)| t.as_secs_f64()).sum();
            let share = |t: &Duration| 100.0 * t.as_secs_f64() / all.max(1e-9);
            let said: Vec<_> = self
                .stages
                .iter()
                .map(|(n, t)| format!("{n} {} ms ({:.0} %)", t.as_millis(), share(t)))
                .collect();
            say!("time     {:.1} s; at work: {}", self.wall.as_secs_f64(), said.join(", "));
        }
        if let Some(report) = &self.report {
            say!("report   {}", report.display());
        }
        for note in &self.notes {
            say!("{note}");
        }
        for failure in &self.failures {
            eprintln!("failed: {failure}");
        }
    }

    /// The same as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut all = Map::new();
        if let Some(f) = self.frames {
            let mut frames = json!({"seen": f.seen, "kept": f.kept, "corrupt": f.corrupt});
            for (reason, n) in DropReason::ALL.iter().zip(f.dropped) {
                frames[reason.name()] = n.into();
            }
            all.insert("frames".into(), frames);
        }
        if let Some(f) = self.faces {
            let faces = json!({
                "detected": f.detected, "small": f.small, "blurred": f.blurred, "kept": f.kept, "embedded": f.embedded
            });
            all.insert("faces".into(), faces);
        }
        if let Some(p) = self.people {
            let people = json!({
                "faces": p.faces, "people": p.people, "singletons": p.singletons, "largest": p.largest,
                "links": p.links, "clusters_before_merging": p.before_merging, "decisions": p.decisions,
                "decisions_not_followed": p.not_followed
            });
            all.insert("people".into(), people);
        }
        let stages: Map<_, _> =
            self.stages.iter().map(|(n, t)| ((*n).to_owned(), json!(t.as_secs_f64() * 1e3))).collect();
        all.insert("stage_milliseconds".into(), stages.into());
        all.insert("wall_seconds".into(), json!(self.wall.as_secs_f64()));
        all.insert("stopped".into(), self.stopped.into());
        if let Some(report) = &self.report {
            all.insert("report".into(), report.display().to_string().into());
        }
        all.insert("failures".into(), self.failures.clone().into());
        all.into()
    }
}
