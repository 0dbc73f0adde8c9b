//! What is in datasets, and what was exchanged with other programs.

use std::path::Path;

use streamface_pipeline::disk::Size;
use streamface_pipeline::{ExchangeSummary, LabelSource, PruneResult, ReportResult, StatsResult};

use super::Outcome;

/// `streamface stats`.
pub fn stats(result: &StatsResult, as_json: bool) -> anyhow::Result<()> {
    let found = &result.stats;
    result.warnings.iter().for_each(|said| eprintln!("warning: {said}"));
    if as_json {
        let mut all = serde_json::to_value(found)?;
        all["labels"] = result.labels.iter().map(ToString::to_string).collect();
        say!("{all:#}");
        return Ok(());
    }
    for labels in &result.labels {
        say!("labels    {labels}");
    }
    let t = &found.total;
    let channels = found.channels.len();
    say!("watched   {} in {channels} channel{}", t.watched(), if channels == 1 { "" } else { "s" });
    say!("frames    {} kept of {}, {} with faces", t.frames_kept, t.frames, found.frames_with_faces);
    say!("faces     {} ({} noise, {} without a label)", t.faces, found.noise, found.unlabelled);
    say!("people    {}, {} of one face", t.people, found.singletons);
    if let Some(d) = &found.distances {
        let number = |d: Option<f64>| d.map_or_else(|| "-".to_owned(), |d| format!("{d:.4}"));
        say!("distances {} from the own mean, {} to the nearest other", number(d.intra), number(d.nearest));
    }
    for attribute in &found.attributes {
        let parts = attribute.categories.iter().zip(&attribute.faces).filter(|(_, n)| **n > 0);
        let unknown = (attribute.unknown > 0).then(|| format!("unknown {}", attribute.unknown));
        let parts: Vec<String> = parts.map(|(c, n)| format!("{c} {n}")).chain(unknown).collect();
        say!("{:<9} {}", attribute.name, parts.join(", "));
    }
    found.numbers.iter().for_each(|of| say!("{:<9} {of}", of.name));
    say!("page      {}", result.page.display());
    Ok(())
}

/// `streamface prune`.
pub fn pruned(done: &PruneResult, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        say!("{:#}", serde_json::to_value(done)?);
        return Ok(());
    }
    let PruneResult { frames, left, caches, .. } = done;
    let said = if done.dry_run { "would be removed" } else { "removed" };
    say!(
        "frames    {} pictures {said}, {}; {} left, {}",
        frames.files,
        Size(frames.bytes),
        left.files,
        Size(left.bytes)
    );
    for (count, why) in [
        (done.unsearched, "extract has not searched them yet"),
        (done.unembedded, "analyze has not embedded their faces yet"),
        (done.last, "a run that goes on compares with them"),
    ] {
        if count > 0 {
            say!("left      {count}: {why}");
        }
    }
    if caches.files > 0 {
        say!("caches    {} files {said}, {}", caches.files, Size(caches.bytes));
    }
    Ok(())
}

/// `streamface report`.
pub fn report(result: &ReportResult, as_json: bool) {
    let ReportResult { labels, page, .. } = result;
    result.warning.iter().for_each(|said| eprintln!("warning: {said}"));
    if as_json {
        say!("{:#}", serde_json::json!({"report": page, "labels": labels.to_string()}));
    } else {
        say!("labels    {labels}");
        say!("report    {}", page.display());
    }
}

/// Faces and frames in the words of a summary, of which there is one.
fn singular(why: &str) -> String {
    match why.split_once(' ') {
        Some((word @ ("faces" | "frames" | "pairs"), rest)) => format!("{} {rest}", &word[..word.len() - 1]),
        _ => why.to_owned(),
    }
}

/// `streamface export` to standard output: what else is to be said goes to standard error.
pub fn streamed(done: &ExchangeSummary, labels: &LabelSource) -> Outcome {
    left_out(done);
    eprintln!("{} faces of {} people; labels: {labels}", done.faces, done.people);
    Outcome::complete(done.problems.count == 0)
}

/// `streamface import` and `export`; `labels` are those that were exported, `note` is what to do next.
pub fn exchanged(
    done: &ExchangeSummary,
    labels: Option<&LabelSource>,
    out: &Path,
    note: Option<&str>,
    as_json: bool,
) -> Outcome {
    left_out(done);
    if as_json {
        let mut summary = serde_json::to_value(done).unwrap_or_default();
        summary["out"] = out.display().to_string().into();
        if let Some(labels) = labels {
            summary["labels"] = labels.to_string().into();
        }
        say!("{summary:#}");
    } else {
        let embeddings = match done.embeddings {
            0 => String::new(),
            n => format!(", {n} with embeddings"),
        };
        if let Some(labels) = labels {
            say!("labels   {labels}");
        }
        say!("faces    {}{embeddings}", done.faces);
        say!("people   {}", done.people);
        say!("frames   {}", done.frames);
        say!("images   {}", done.images);
        for left in &done.left_out {
            let why = if left.count == 1 { singular(left.why) } else { left.why.to_owned() };
            say!("without  {} {why}", left.count);
        }
        say!("out      {}", out.display());
        if let Some(note) = note {
            say!("{note}");
        }
    }
    Outcome::complete(done.problems.count == 0)
}

fn left_out(done: &ExchangeSummary) {
    for problem in &done.problems.first {
        eprintln!("left out: {problem}");
    }
    let unnamed = done.problems.count - done.problems.first.len() as u64;
    if unnamed > 0 {
        eprintln!("left out: {unnamed} more");
    }
}
