//! All steps on a source, side by side: decoding and filters on one thread; saving, detection, crops
//! and embeddings on others; links and commits on a third; clustering and the report at the end.

use std::time::Instant;

use streamface_capture::Stop;
use streamface_store::Dataset;

use super::analyze::{record_analyze, unembedded};
use super::capture::{Next, Session, check_source, record_capture, walk};
use super::cluster::{PeopleSoFar, cluster};
use super::extract::{load_extractor, record_extract, rework, unsearched};
use super::models::load_embedder;
use super::report::write_report;
use super::{Outcome, Summary};
use crate::args::RunArgs;
use crate::settings;

/// `streamface run`.
///
/// # Errors
/// What loading, opening, reading and writing meets. What was committed before stays, and the same
/// command goes on from there.
pub fn run(args: &RunArgs, stop: &Stop) -> anyhow::Result<Outcome> {
    let start = Instant::now();
    let capture_settings = settings::capture(&args.frames)?;
    let name = args.frames.name.as_deref();
    check_source(&args.source, name)?;
    let (extractor, detect, extract) = load_extractor(&args.faces)?;
    let embedder = load_embedder()?;
    let people = settings::people(&args.people, embedder.model())?;
    let data = Dataset::open(&args.out)?;
    record_capture(&data, &capture_settings)?;
    record_extract(&data, &extractor, &detect, &extract)?;
    record_analyze(&data, &embedder)?;
    let session = Session::new(&data, &args.work, &args.common, stop)?;
    finish_earlier(session, &extractor, &embedder)?;
    let mut next =
        Next { extractor: Some(extractor), embedder: Some(embedder), people: Some(PeopleSoFar::new(people)) };
    let walked = walk(session, &args.source, name, capture_settings, &mut next);
    let mut summary = match walked {
        Ok(summary) => summary,
        Err(e) => {
            // A source that gave nothing must not leave a directory that looks like a result.
            remove_if_fresh(data);
            return Err(e);
        }
    };
    drop(next);
    let found = cluster(&data, &people)?;
    summary.stages.push(("cluster", found.time));
    summary.people = Some(found);
    let report = write_report(&data, &streamface_capture::shown(&args.source))?;
    summary.wall = start.elapsed();
    summary.notes.push(format!("report   {}", report.display()));
    if summary.stopped {
        summary.notes.push("stopped; the same command goes on from here".into());
    }
    summary.print(args.common.json);
    Ok(summary.outcome())
}

/// Frames that `capture` left unsearched and faces that `extract` left without an embedding.
fn finish_earlier(
    session: Session<'_>,
    extractor: &streamface_detect::Extractor,
    embedder: &streamface_embed::Embedder,
) -> anyhow::Result<()> {
    for find in [unsearched, unembedded] {
        let jobs = find(session.data)?;
        if !jobs.is_empty() {
            let earlier: Summary = rework(session, jobs, Some(extractor), Some(embedder))?;
            for failure in earlier.failures {
                eprintln!("failed: {failure}");
            }
        }
    }
    Ok(())
}

/// Removes a directory in which nothing but settings and the lock was ever written.
fn remove_if_fresh(data: Dataset) {
    let (root, metadata) = (data.root().to_owned(), data.metadata());
    let only = |dir: &std::path::Path, known: &[&str]| {
        std::fs::read_dir(dir)
            .is_ok_and(|entries| entries.flatten().all(|e| known.iter().any(|k| e.file_name() == *k)))
    };
    if only(&root, &["metadata", ".lock"]) && only(&metadata, &["settings.json"]) {
        drop(data);
        // Each of these is ours and known to be there; what fails stays, and harms nobody.
        let _ = std::fs::remove_file(metadata.join("settings.json"));
        let _ = std::fs::remove_dir(&metadata);
        let _ = std::fs::remove_file(root.join(".lock"));
        let _ = std::fs::remove_dir(&root);
    }
}
