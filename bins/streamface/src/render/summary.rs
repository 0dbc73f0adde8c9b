//! What a step on frames, or a run, says at its end.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};
use streamface_pipeline::disk::Size;
use streamface_pipeline::{
    AttributeCount, ClusterResult, CropCounts, DiskUse, FaceCounts, FrameCounts, JudgedMerges, LabelSource,
    Work,
};
use streamface_store::DropReason;

use super::Outcome;
use super::terminal::forecast;

/// The end of a step or a run.
#[derive(Debug, Default)]
pub struct Summary {
    /// What was counted.
    pub frames: Option<FrameCounts>,
    /// What became of faces.
    pub faces: Option<FaceCounts>,
    /// Faces that were embedded.
    pub embedded: Option<u64>,
    /// Faces whose pictures were taken for that, and for attributes.
    pub crops: CropCounts,
    /// What became of attributes.
    pub attributes: Vec<AttributeCount>,
    /// What clustering found.
    pub people: Option<ClusterResult>,
    /// Time at work by stage.
    pub stages: Vec<(&'static str, Duration)>,
    /// Time from start to end.
    pub wall: Duration,
    /// Sources, images and faces that failed.
    pub failures: Vec<String>,
    /// Of these, those that were said when they failed.
    pub said: HashSet<String>,
    /// Files of the source's folder that are neither videos nor pictures.
    pub passed_over: Vec<String>,
    /// Ended by Ctrl-C.
    pub stopped: bool,
    /// Which labels the report shows.
    pub labels: Option<LabelSource>,
    /// What was written, and how long the disk has room.
    pub disk: Option<DiskUse>,
    /// Where the report is.
    pub report: Option<PathBuf>,
    /// Lines at the end: what to do next.
    pub notes: Vec<String>,
}

impl Summary {
    /// Of some work, at whose failures this was `said` while they happened.
    pub fn of(work: Work, said: HashSet<String>) -> Self {
        let Work { stages, wall, failures, passed_over, stopped, disk, .. } = work;
        Self { stages, wall, failures, said, passed_over, stopped, disk, ..Self::default() }
    }

    /// How the command ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        Outcome::complete(self.failures.is_empty())
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
            let FaceCounts { detected, kept, small, blurred, .. } = f;
            say!("faces    {detected} found, {kept} kept ({small} too small, {blurred} blurred)");
        }
        if let Some(n) = self.embedded {
            say!("features {} embedded", super::faces(n));
        }
        if self.crops.total() > 0 {
            let CropCounts { known, found, as_they_are, cut_off, .. } = self.crops;
            let beyond =
                if cut_off > 0 { format!("; of {cut_off} it shows too little") } else { String::new() };
            say!(
                "pictures {} embedded from a picture of them: {known} by known landmarks, {found} by landmarks found in \
                 it, {as_they_are} as it is (no face found, no attributes){beyond}",
                super::faces(self.crops.total())
            );
        }
        for a in &self.attributes {
            let how = match (a.replaced, a.imported) {
                (true, _) => ", in the place of what was said before",
                (_, true) => "; those with an imported one keep it",
                _ => "",
            };
            say!("{:<8} {} by {}{how}", a.name, super::faces(a.faces), a.model);
        }
        if let Some(ClusterResult { found: p, decisions, report, lost, imported, .. }) = &self.people {
            if *lost > 0 {
                say!("labels   {lost} faces without an embedding lost their labels");
            }
            if let Some(imported) = imported {
                say!("labels   those that were imported stay in {}", imported.display());
            }
            let (faces, most) = (super::faces(p.faces), super::faces(p.largest));
            say!("people   {} of {faces} ({} seen once; the most seen has {most})", p.people, p.singletons);
            if let Some(j) = &p.judged {
                say!("merges   {}", judged(j));
            }
            if *decisions > 0 {
                let not = report.conflicts.len();
                let said =
                    if not > 0 { format!(", {} not followed", super::pairs(not)) } else { String::new() };
                say!("review   {} kept{said}", super::count(*decisions, "decision", "decisions"));
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
        if let Some(labels) = &self.labels {
            say!("labels   {labels}");
        }
        if let Some(disk) = &self.disk {
            // Of what has come to its end nothing more is to be written.
            let room = if self.stopped { forecast(disk) } else { format!("{} free", Size(disk.free)) };
            say!("disk     {} written; {room}", Size(disk.written));
        }
        if let Some(report) = &self.report {
            say!("report   {}", report.display());
        }
        if self.stopped {
            say!("stopped; the same command goes on from here");
        }
        for note in &self.notes {
            say!("{note}");
        }
        self.print_failures();
    }

    /// Prints on standard error what failed and was not said before.
    pub fn print_failures(&self) {
        for failure in self.failures.iter().filter(|failure| !self.said.contains(*failure)) {
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
                "detected": f.detected, "small": f.small, "blurred": f.blurred, "kept": f.kept, "embedded": f.embedded,
                "analyzed": f.analyzed
            });
            all.insert("faces".into(), faces);
        }
        if let Some(n) = self.embedded {
            let c = self.crops;
            let pictures = json!({
                "known_landmarks": c.known, "found_landmarks": c.found, "as_they_are": c.as_they_are, "cut_off": c.cut_off
            });
            all.insert("features".into(), json!({"embedded": n, "from_pictures": pictures}));
        }
        let attribute = |a: &AttributeCount| json!({"name": a.name, "model": a.model, "faces": a.faces, "replaced": a.replaced, "imported": a.imported});
        all.insert("attributes".into(), self.attributes.iter().map(attribute).collect());
        if let Some(ClusterResult { found: p, decisions, report, lost, .. }) = &self.people {
            let people = json!({
                "faces": p.faces, "people": p.people, "singletons": p.singletons, "largest": p.largest,
                "merges": p.judged.map(|j| json!({
                    "false_merges": j.false_merges, "budget": j.budget, "largest": j.largest, "reach": j.reach,
                    "left": j.left
                })),
                "links": p.links, "clusters_before_merging": p.before_merging, "decisions": decisions,
                "decisions_not_followed": report.conflicts.len(), "names_in_doubt": super::review::names_in_doubt(report),
                "labels_lost": lost
            });
            all.insert("people".into(), people);
        }
        let stages: Map<_, _> =
            self.stages.iter().map(|(n, t)| ((*n).to_owned(), json!(t.as_secs_f64() * 1e3))).collect();
        all.insert("stage_milliseconds".into(), stages.into());
        all.insert("wall_seconds".into(), json!(self.wall.as_secs_f64()));
        all.insert("stopped".into(), self.stopped.into());
        if let Some(labels) = &self.labels {
            all.insert("labels".into(), labels.to_string().into());
        }
        if let Some(d) = &self.disk {
            let disk = json!({
                "written_bytes": d.written, "free_bytes": d.free, "bytes_per_hour": d.per_hour, "measured": d.measured,
                "full_after_seconds": d.full_after.map(|after| after.as_secs()), "needed_bytes": d.needed
            });
            all.insert("disk".into(), disk);
        }
        if let Some(report) = &self.report {
            all.insert("report".into(), report.display().to_string().into());
        }
        all.insert("failures".into(), self.failures.clone().into());
        if !self.passed_over.is_empty() {
            all.insert("passed_over".into(), self.passed_over.clone().into());
        }
        all.into()
    }
}

/// Which merges were made where no threshold was given.
fn judged(j: &JudgedMerges) -> String {
    let made = match j.largest {
        0.0 if j.left == 0 => return "none to make".to_owned(),
        0.0 => "none is sure".to_owned(),
        largest => format!("the sure ones, up to {largest:.2} apart"),
    };
    let left = match j.left {
        0 => String::new(),
        n => format!(
            "; {} up to {} apart left to the review",
            super::count(n, "less sure one", "less sure ones"),
            j.reach
        ),
    };
    format!("{made}; {:.2} of them expected to be wrong, {} allowed{left}", j.false_merges, j.budget)
}
