//! All steps on a source, side by side: decoding and filters on one thread; saving, detection, crops
//! and embeddings on others; links and commits on a third; clustering and the report at the end.

use std::time::Instant;

use streamface_capture::Stop;
use streamface_model::Manifest;
use streamface_store::Dataset;

use super::analyze::{record_analyze, unembedded};
use super::capture::{Next, Session, check_source, record_capture, remove_if_fresh, walk};
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
    settings::batch_size(args.work.batch_size)?;
    let name = args.frames.name.as_deref();
    check_source(&args.source, name)?;
    let (extractor, detect, extract) = load_extractor(&args.faces)?;
    let embedder = load_embedder()?;
    let people = settings::people(&args.people, &Manifest::builtin(settings::DEFAULT_EMBEDDER)?)?;
    let data = Dataset::open(&args.out)?;
    record_capture(&data, &capture_settings)?;
    record_extract(&data, &extractor, &detect, &extract)?;
    record_analyze(&data, &*embedder)?;
    let session = Session::new(&data, &args.work, &args.common, stop)?;
    let earlier = finish_earlier(session, &extractor, &*embedder)?;
    let mut next = Next {
        extractor: Some(extractor),
        embedder: Some(embedder),
        people: Some(PeopleSoFar::new(people)),
        watcher: None,
    };
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
    for done in earlier {
        summary.add(done);
    }
    let found = cluster(&data, &people, args.common.quiet)?;
    summary.stages.push(("cluster", found.time));
    summary.people = Some(found);
    let report = write_report(&data, &streamface_capture::shown(&args.source))?;
    summary.wall = start.elapsed();
    summary.report = Some(report);
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
    embedder: &dyn streamface_embed::Embedder,
) -> anyhow::Result<Vec<Summary>> {
    let mut all = Vec::new();
    for find in [unsearched, unembedded] {
        let jobs = find(session.data)?;
        if !jobs.is_empty() {
            all.push(rework(session, jobs, Some(extractor), Some(embedder))?);
        }
    }
    Ok(all)
}
