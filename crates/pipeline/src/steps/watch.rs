//! Who is on screen while a source runs, and everything that was seen as a dataset.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
use streamface_annotate::{Finalized, Numbering};
use streamface_capture::{Stop, shown};
use streamface_model::Manifest;
use streamface_store::{Dataset, FeatureRow, ImageKind, LabelRow};
use streamface_types::{FaceId, Label};
use streamface_web::Options;

use super::Outcome;
use super::analyze::record_analyze;
use super::capture::{Next, Session, check_source, record_capture, remove_if_fresh, walk};
use super::extract::{load_extractor, open_existing, record_extract};
use super::models::load_embedder;
use super::people::Reviewed;
use crate::args::WatchArgs;
use crate::settings;
use crate::watch::{Gallery, Outlets, Page, Presence, Watched, Watcher, Webhook};

/// `streamface watch`.
///
/// # Errors
/// What loading, opening, reading and writing meets.
pub fn watch(args: &WatchArgs, stop: &Stop) -> anyhow::Result<Outcome> {
    let start = Instant::now();
    let mut capture_settings = settings::capture(&args.frames)?;
    // What was on a while ago is not what is on now.
    capture_settings.newest = true;
    let name = args.frames.name.as_deref();
    check_source(&args.source, name)?;
    let (extractor, detect, extract) = load_extractor(&args.faces)?;
    let embedder = load_embedder()?;
    let model = embedder.id();
    let manifest = Manifest::builtin(settings::DEFAULT_EMBEDDER)?;
    let threshold = args.threshold.unwrap_or(manifest.embedder()?.match_threshold);
    let mut gallery = Gallery::new(embedder.dim(), embedder.metric(), threshold)?;
    let mut portraits = BTreeMap::new();
    for dir in &args.people {
        let known = Known::read(&open_existing(dir)?, &model.sha256)
            .with_context(|| format!("--people {}", dir.display()))?;
        gallery.add(&known.features, &known.labels, &known.names)?;
        let faces = dir.join(ImageKind::Face.folder());
        portraits.extend(gallery.portraits().map(|(p, face)| (p, faces.join(format!("{face}.png")))));
    }
    let out = args.out.clone().unwrap_or_else(|| default_out(&args.source, name));
    let data = Dataset::open(&out)?;
    record_capture(&data, &capture_settings)?;
    record_extract(&data, &extractor, &detect, &extract)?;
    record_analyze(&data, &*embedder)?;
    // Whom an earlier watch met.
    let earlier = Known::read(&data, &model.sha256)?;
    gallery.add(&earlier.features, &earlier.labels, &BTreeMap::new())?;
    let known = gallery.len();

    let mut outlets = Outlets::new(args.common.json);
    if let Some(path) = &args.events {
        outlets = outlets.to_file(path)?;
    }
    if let Some(url) = &args.webhook {
        outlets = outlets.to_webhook(Webhook::start(url)?);
    }
    let source = shown(&args.source);
    let page = match args.no_page {
        true => None,
        false => {
            let options = Options { listen: args.listen, ..Options::default() };
            let page = Page::start(&source, portraits, options)?;
            note(args, format_args!("page     {}", page.url()));
            Some(page)
        }
    };
    note(args, format_args!("known    {known} people, within {threshold} of their means"));
    let patience = i64::try_from(args.patience.as_micros()).unwrap_or(i64::MAX);
    let live = args.source.contains("://");
    let watcher = Watcher::new(gallery, Presence::new(patience), outlets, page, live);
    let session = Session::new(&data, &args.work, &args.common, stop)?;
    let mut next =
        Next { extractor: Some(extractor), embedder: Some(embedder), people: None, watcher: Some(watcher) };
    let walked = walk(session, &args.source, name, capture_settings, &mut next);
    let watched = next.watcher.take().map(Watcher::end).unwrap_or_default();
    let mut summary = match walked {
        Ok(summary) => summary,
        Err(e) => {
            remove_if_fresh(data);
            return Err(e);
        }
    };
    keep_labels(&data, &earlier.labels, &watched)?;
    summary.wall = start.elapsed();
    summary.failures.extend(watched.lost.iter().cloned());
    let people: std::collections::BTreeSet<u64> = watched.labels.values().copied().collect();
    summary.notes.push(format!("people   {} on screen, {} of them new", people.len(), watched.new));
    if let (Some(half), Some(most)) = (percentile(&watched.delays, 50), percentile(&watched.delays, 95)) {
        summary.notes.push(format!("delay    {half} ms from capture to name, 95 % within {most} ms"));
    }
    summary.notes.push(format!("next     streamface review {}", out.display()));
    if !args.common.json {
        summary.print(false);
    }
    Ok(summary.outcome())
}

/// Standard output may be events that a program reads.
fn note(args: &WatchArgs, line: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    if !args.common.quiet {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

fn default_out(source: &str, name: Option<&str>) -> PathBuf {
    let stem = || Path::new(source).file_stem().map(|s| s.to_string_lossy().into_owned());
    let name = name.map(str::to_owned).or_else(stem).unwrap_or_default();
    let plain: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    PathBuf::from(format!("watch-{plain}"))
}

/// Who is known from a dataset.
struct Known {
    features: Vec<FeatureRow>,
    labels: BTreeMap<FaceId, i64>,
    names: BTreeMap<i64, String>,
}

impl Known {
    fn read(data: &Dataset, model: &str) -> anyhow::Result<Self> {
        let features = data.read::<FeatureRow>()?;
        if let Some(other) = features.iter().find(|f| f.model_sha256 != model) {
            bail!(
                "{} was embedded by {}, and faces here are not: distances between models mean nothing",
                other.face,
                other.model
            );
        }
        // A review counts as far as it has come.
        let faces = features.iter().map(|row| row.face.clone());
        let Reviewed { people, unclustered, .. } = Reviewed::of(data, faces, true)?;
        let done = Finalized::new(&people, Numbering::Stable);
        let names = done.people.iter().filter_map(|p| Some((p.label, p.name.clone()?))).collect();
        let mut labels: BTreeMap<FaceId, i64> =
            people.faces().iter().cloned().zip(done.labels.iter().copied()).collect();
        // Nobody has said yet that they are no one's.
        for face in unclustered {
            if labels.get(&face).is_some_and(|&label| label < 0) {
                labels.remove(&face);
            }
        }
        Ok(Self { features, labels, names })
    }
}

/// Labels of what was seen, beside those of an earlier watch.
fn keep_labels(data: &Dataset, earlier: &BTreeMap<FaceId, i64>, watched: &Watched) -> anyhow::Result<()> {
    data.compact()?;
    let mut labels = earlier.clone();
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    labels.extend(watched.labels.iter().map(|(face, &n)| (face.clone(), number(n))));
    let rows: Vec<LabelRow> = labels.into_iter().map(|(face, l)| LabelRow::new(face, Label(l))).collect();
    data.write_annotations(&rows)?;
    data.replace(rows)?;
    Ok(())
}

fn percentile(ascending: &[i64], percent: usize) -> Option<i64> {
    ascending.get((ascending.len() * percent / 100).min(ascending.len().saturating_sub(1))).copied()
}
