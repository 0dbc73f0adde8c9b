//! Datasets from and to other programs.

use std::path::Path;

use anyhow::Context as _;
use streamface_eval::read_labels;
use streamface_exchange::{
    ExportSettings, ImportSettings, Labels, Limits, Progress, Snapshot, Summary, detect, export_snapshot,
    import as import_set,
};

use super::Outcome;
use super::extract::open_existing;
use crate::args::{ExportArgs, ImportArgs};
use crate::progress::Bar;

/// `streamface export`.
///
/// # Errors
/// There is something at `--out`, the dataset lacks what the format is made of, or what reading and writing meets.
pub fn export(args: &ExportArgs) -> anyhow::Result<Outcome> {
    let labels = match args.labels.as_str() {
        "auto" => Labels::Auto,
        "reviewed" => Labels::Reviewed,
        file => {
            Labels::Given(read_labels(file).context("--labels takes auto, reviewed or a file of labels")?)
        }
    };
    let data = open_existing(&args.dir)?;
    let settings = ExportSettings {
        labels,
        place: args.copying.place(),
        aligned: args.aligned,
        noise: args.noise,
        shard_faces: args.shard_faces.try_into()?,
        folds: args.folds,
        pairs: args.pairs,
        seed: args.seed,
    };
    let set = Snapshot::read(&data, &settings.labels)?;
    let bar = Bar::new(args.common.quiet);
    let observe = |p: Progress| bar.show(p.what, p.done, p.total);
    let done = export_snapshot(&set, args.format, &args.out, &settings, &observe);
    bar.finish();
    let done = done?;
    let unused = settings.labels == Labels::Auto && set.is_reviewed();
    let note = unused.then_some("a review is there too: --labels reviewed exports it");
    Ok(say_summary(&done, &args.out, args.common.json, note))
}

/// `streamface import`.
///
/// # Errors
/// There is something at `--out`, nothing could be taken, or what reading and writing meets.
pub fn import(args: &ImportArgs) -> anyhow::Result<Outcome> {
    let settings = ImportSettings {
        place: args.copying.place(),
        photos: args.photos,
        images: args.images.clone(),
        pickle: Limits { length: args.max_pickle, ..Limits::default() },
    };
    let format = args.format.or_else(|| detect(&args.path));
    let format = format.with_context(|| {
        format!("{}: it looks like none of the formats that are read; give --format", args.path.display())
    })?;
    let bar = Bar::new(args.common.quiet);
    let observe = |p: Progress| bar.show(p.what, p.done, p.total);
    let done = import_set(&args.path, format, &args.out, &settings, &observe);
    bar.finish();
    let done = done?;
    let next = if done.faces == 0 {
        Some(format!("next: streamface extract {}", args.out.display()))
    } else {
        (done.embeddings > 0).then(|| format!("next: streamface cluster {}", args.out.display()))
    };
    Ok(say_summary(&done, &args.out, args.common.json, next.as_deref()))
}

fn say_summary(done: &Summary, out: &Path, json: bool, note: Option<&str>) -> Outcome {
    for problem in &done.problems.first {
        eprintln!("left out: {problem}");
    }
    let unnamed = done.problems.count - done.problems.first.len() as u64;
    if unnamed > 0 {
        eprintln!("left out: {unnamed} more");
    }
    if json {
        let mut summary = serde_json::to_value(done).unwrap_or_default();
        summary["out"] = out.display().to_string().into();
        say!("{summary:#}");
    } else {
        let embeddings = match done.embeddings {
            0 => String::new(),
            n => format!(", {n} with embeddings"),
        };
        say!("faces    {}{embeddings}", done.faces);
        say!("people   {}", done.people);
        say!("frames   {}", done.frames);
        say!("images   {}", done.images);
        for left in &done.left_out {
            say!("without  {} {}", left.count, left.why);
        }
        say!("out      {}", out.display());
        if let Some(note) = note {
            say!("{note}");
        }
    }
    if done.problems.count > 0 { Outcome::Incomplete } else { Outcome::Done }
}
