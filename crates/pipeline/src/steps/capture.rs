//! Step 1: keyframes of a source into the dataset; the same walk feeds `run`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use anyhow::Context as _;
use streamface_capture::{Capture, Settings, Stop, sources};
use streamface_detect::Extractor;
use streamface_embed::Embedder;
use streamface_imgproc::{DecodeLimits, decode_image};
use streamface_store::{Dataset, FrameRow, ImageKind};

use super::cluster::PeopleSoFar;
use super::commit::Committer;
use super::work::{Job, Times, Work};
use super::{Outcome, Summary};
use crate::args::{CaptureArgs, Common, WorkArgs};
use crate::in_order::in_order;
use crate::progress::{Counts, Progress};
use crate::settings;
use crate::watch::Watcher;

/// A flag that Ctrl-C and SIGTERM set; the second one ends the process at once.
///
/// # Errors
/// The system refuses a handler.
pub fn register_stop() -> anyhow::Result<Stop> {
    let stop = Stop::new();
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, stop.flag())?;
        signal_hook::flag::register(signal, stop.flag())?;
    }
    Ok(stop)
}

/// What a walk does with the frames it keeps.
#[derive(Debug, Default)]
pub(super) struct Next {
    pub extractor: Option<Extractor>,
    pub embedder: Option<Box<dyn Embedder>>,
    pub people: Option<PeopleSoFar>,
    /// Told of each frame, in order, before it is committed.
    pub watcher: Option<Watcher>,
}

/// What all work on a dataset goes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session<'a> {
    pub data: &'a Dataset,
    pub stop: &'a Stop,
    pub threads: usize,
    pub batch_size: usize,
    pub quiet: bool,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        data: &'a Dataset,
        work: &WorkArgs,
        common: &Common,
        stop: &'a Stop,
    ) -> anyhow::Result<Self> {
        let threads = settings::threads(work.threads)?;
        Ok(Self {
            data,
            stop,
            threads,
            batch_size: settings::batch_size(work.batch_size)?,
            quiet: common.quiet,
        })
    }

    /// Jobs between source and committer: enough to keep all threads busy, few enough that 1080p
    /// frames (6 MB each) take some tens of MB.
    pub(super) fn in_flight(self) -> usize {
        self.threads * 2 + 2
    }
}

/// Walks through a source: every keyframe becomes a row, every kept one an image and whatever `next`
/// makes of it.
pub(super) fn walk(
    session: Session<'_>,
    source: &str,
    name: Option<&str>,
    settings: Settings,
    next: &mut Next,
) -> anyhow::Result<Summary> {
    let Session { data, stop, .. } = session;
    let start = Instant::now();
    let found = sources(source, name)?;
    let one =
        matches!(&found[..], [s] if !matches!(s, streamface_capture::Source::Images(list) if list.len() > 1));
    let (counts, times) = (Arc::new(Counts::default()), Times::default());
    let progress = Progress::new(Arc::clone(&counts), session.quiet);
    let earlier = data.read::<FrameRow>()?;
    let root: PathBuf = data.root().to_owned();
    let load = move |frame: &streamface_types::FrameId| {
        let path = root.join(ImageKind::Frame.folder()).join(format!("{frame}.png"));
        decode_image(&std::fs::read(path).ok()?, &DecodeLimits::default()).ok()
    };
    let told = progress.clone();
    let mut capture = Capture::builder(found)
        .settings(settings)
        .stop(stop.clone())
        .resume(&earlier, load)
        .notice(move |n| told.notice(&n))
        .build()?;
    let mut unreadable = Vec::new();
    drop(earlier);
    let mut committer = Committer::new(data, &counts, &progress, session.batch_size, next.people.take())?;
    let work =
        Work { data, extractor: next.extractor.as_ref(), embedder: next.embedder.as_deref(), times: &times };
    let frames = || {
        let captured = loop {
            match capture.next()? {
                Ok(captured) => break captured,
                Err(e) => unreadable.push(e.to_string()),
            }
        };
        if let Some(t) = captured.row.stream_time {
            counts.stream_micros.fetch_max(u64::try_from(t.micros()).unwrap_or(0), Relaxed);
        }
        Some(Job::Captured(captured))
    };
    let watcher = &mut next.watcher;
    let sink = |done: anyhow::Result<_>| {
        let watched = done.and_then(|done| {
            watcher.as_mut().map_or(Ok(()), |w| w.take(data, &done))?;
            Ok(done)
        });
        let taken = watched.and_then(|done| committer.take(done));
        if taken.is_err() {
            // The source may be waiting for a live stream.
            stop.stop();
        }
        taken
    };
    let went = in_order(session.threads, session.in_flight(), frames, |job| work.run(job), sink);
    // What came before an error is worth keeping.
    let committed = committer.commit();
    progress.finish();
    went.and(committed)?;
    let (decode, filters) = capture.times();
    Times::add(&times.decode, decode);
    Times::add(&times.filters, filters);
    let mut summary = Summary::of(&counts, capture.corrupt(), &times, start.elapsed());
    summary.failures = committer.failures;
    summary.failures.extend(unreadable);
    summary.stopped = stop.is_set();
    if one && summary.frames.is_some_and(|f| f.seen == 0) && !summary.failures.is_empty() {
        anyhow::bail!("{}", summary.failures.join("\n"));
    }
    Ok(summary)
}

/// `streamface capture`.
///
/// # Errors
/// What opening, reading and writing meets.
pub fn capture(args: &CaptureArgs, stop: &Stop) -> anyhow::Result<Outcome> {
    let settings = settings::capture(&args.frames)?;
    settings::batch_size(args.work.batch_size)?;
    check_source(&args.source, args.frames.name.as_deref())?;
    let data = Dataset::open(&args.out)?;
    record_capture(&data, &settings)?;
    let session = Session::new(&data, &args.work, &args.common, stop)?;
    let name = args.frames.name.as_deref();
    let walked = walk(session, &args.source, name, settings, &mut Next::default());
    let mut summary = match walked {
        Ok(summary) => summary,
        Err(e) => {
            remove_if_fresh(data);
            return Err(e);
        }
    };
    data.compact()?;
    summary.faces = None;
    summary.notes.push(format!("next     streamface extract {}", args.out.display()));
    summary.print(args.common.json);
    Ok(summary.outcome())
}

/// A source that is not there is told of before a directory is made for it.
pub(super) fn check_source(source: &str, name: Option<&str>) -> anyhow::Result<()> {
    sources(source, name).map(drop).context("source")
}

pub(super) fn record_capture(data: &Dataset, settings: &Settings) -> anyhow::Result<()> {
    let f = settings.filters;
    settings::record(
        data,
        "capture",
        true,
        &[
            ("empty-threshold", f.empty_threshold.to_string()),
            ("blur-threshold", f.blur_threshold.to_string()),
            ("similarity-threshold", f.similarity_threshold.to_string()),
        ],
    )
}

/// Removes a directory in which nothing but settings and the lock was ever written.
pub(super) fn remove_if_fresh(data: Dataset) {
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
