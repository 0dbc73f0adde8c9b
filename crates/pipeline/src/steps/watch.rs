//! Who is on screen while a source runs, and everything that was seen as a dataset.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use streamface_annotate::labels::{ReviewOptions, Reviewed, Whose, dataset_labels};
use streamface_capture::{Source, shown};
use streamface_model::{Manifest, ModelId};
use streamface_store::{Dataset, FeatureRow, ImageKind, LabelRow, NamedLabels};
use streamface_types::{FaceId, Label};
use streamface_web::Options;

use super::analyze::record_analyze;
use super::capture::record_capture;
use super::dataset_dir::{find_source, open_reading, remove_if_fresh};
use super::extract::record_extract;
use super::frame_worker::{Analysis, Done};
use super::labels::by_number;
use super::lacking::other_embedder;
use super::models::{faces_of, features_of, load_embedder, load_extractor, record_of};
use super::outputs;
use super::results::{FaceCounts, FrameCounts, Work};
use super::session::{Next, Session, Worked};
use crate::error::At as _;
use crate::event::{Context, Event};
use crate::settings::{Settings as _, WatchSettings};
use crate::watch::{Frame, Gallery, Outlets, Page, Presence, Set, Watched, Watcher, Webhook};
use crate::{Error, Result};

/// What a watch came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchResult {
    /// Frames.
    pub frames: FrameCounts,
    /// Faces.
    pub faces: FaceCounts,
    /// People who were on screen.
    pub people: usize,
    /// Of these, those who were not known before.
    pub new: u64,
    /// Milliseconds from capture to name, ascending; of a live stream.
    pub delays: Vec<i64>,
    /// Where what was seen is kept.
    pub out: PathBuf,
    /// How the work went.
    pub work: Work,
}

impl WatchResult {
    /// The delay, in milliseconds, within which this share of the frames was named, in percent; none where there
    /// are no delays.
    #[must_use]
    pub fn delay(&self, percent: usize) -> Option<i64> {
        let all = &self.delays;
        all.get((all.len() * percent / 100).min(all.len().saturating_sub(1))).copied()
    }
}

/// Names the people of a source while it runs. [`Event::Seen`] tells who is on screen; everything that was seen is
/// kept as a dataset.
///
/// # Errors
/// What loading, opening, reading and writing meets.
pub fn watch(
    source: impl AsRef<OsStr>,
    settings: &WatchSettings,
    context: &Context<'_>,
) -> Result<WatchResult> {
    let (start, source) = (Instant::now(), source.as_ref());
    settings.check()?;
    let context = &context.running_by(settings.engine.engine(&context.models)?);
    let mut wanted = settings.frames.capture()?;
    // What was on a while ago is not what is on now.
    wanted.newest = true;
    let name = settings.frames.name.as_deref();
    let out = settings.outlets.out.clone().unwrap_or_else(|| default_out(source, name));
    let found = find_source(source, name, &out)?;
    let live = matches!(&found.list[..], [Source::Url { .. }]);
    // Events are appended, to what is no source.
    outputs::check(settings.outlets.events.as_deref(), [Path::new(source)])?;
    let loaded = load_extractor(&faces_of(&settings.faces, &record_of(&out)?), context)?;
    // People are compared with people: what those who are known were embedded by comes first.
    let own = record_of(settings.outlets.people.first().unwrap_or(&out))?;
    let features = features_of(&settings.features, &own);
    let embedder = load_embedder(&features, context)?;
    let model = embedder.id();
    let manifest = Manifest::find(features.embedder())?;
    let threshold = settings.outlets.threshold.unwrap_or(manifest.embedder()?.match_threshold);
    let mut gallery = Gallery::new(embedder.dim(), embedder.metric(), threshold)?;
    let mut sets = Vec::new();
    for dir in &settings.outlets.people {
        let place = || format!("--people {}", dir.display());
        let set = open_reading(dir).at(place)?;
        let known = Known::read(&set, model, Numbers::Finalized).at(place)?;
        let before = gallery.len();
        let numbers = gallery.add(sets.len(), known.set()).at(place)?;
        if before > 0 {
            let (people, new) = (numbers.len(), gallery.len() - before);
            let joined = people - new;
            let said = format!(
                "{}: {people} people, {joined} of them known already, {new} with numbers of their own",
                place()
            );
            context.event(&Event::Note(said));
        }
        sets.push(set);
    }
    let portrait =
        |(person, set, face): (u64, usize, &FaceId)| (person, sets[set].image_path(ImageKind::Face, face));
    let portraits: BTreeMap<u64, PathBuf> = gallery.portraits().map(portrait).collect();
    let data = Dataset::open(&out)?;
    record_capture(&data, &wanted)?;
    record_extract(&data, &settings.faces.detector, &loaded)?;
    record_analyze(&data, features.embedder(), &*embedder, context)?;
    // Whom an earlier watch met.
    let mut earlier = Known::read(&data, model, Numbers::AsTheyAre)?;
    let numbers = gallery.add_earlier(earlier.set())?;
    earlier.renumber(&numbers);
    let known = gallery.len();
    let names = gallery.names();

    let mut outlets = Outlets::default();
    if let Some(path) = &settings.outlets.events {
        outlets = outlets.with_file(path)?;
    }
    if let Some(url) = &settings.outlets.webhook {
        outlets = outlets.with_webhook(Webhook::start(url)?);
    }
    let page = if settings.outlets.no_page {
        None
    } else {
        let options = Options { listen: settings.outlets.listen, ..Options::default() };
        Some(Page::start(&shown(source), portraits, options)?)
    };
    context.event(&Event::Watching { page: page.as_ref().map(Page::url), known, threshold });
    let patience = i64::try_from(settings.outlets.patience.as_micros()).unwrap_or(i64::MAX);
    let mut watcher = Watcher::new(context.observer, gallery, Presence::new(patience), outlets, page, live);
    let session = Session::new(&data, &settings.work, context)?;
    let mut each = |data: &Dataset, done: &Done| {
        let Some(row) = &done.frame else { return Ok(()) };
        let faces = done.found.as_ref().map_or(&[][..], |found| &found.faces);
        watcher.take(data, Frame { row, read_at: done.read_at, faces, features: &done.features })
    };
    let next = Next {
        extractor: Some(&loaded.extractor),
        analysis: Analysis { embedder: Some(&*embedder), models: None },
        people: None,
        format: settings.frames.format,
        each: Some(&mut each),
    };
    let walked = session.walk(found, wanted, next);
    let watched = watcher.end();
    let Worked { frames, faces, mut work, .. } = match walked {
        Ok(worked) => worked,
        Err(e) => {
            remove_if_fresh(data);
            return Err(e);
        }
    };
    keep_labels(&data, &earlier.labels, &watched, &names)?;
    work.wall = start.elapsed();
    work.failures.extend(watched.lost);
    let people = watched.labels.values().copied().collect::<BTreeSet<u64>>().len();
    Ok(WatchResult { frames, faces, people, new: watched.new, delays: watched.delays, out, work })
}

fn default_out(source: &OsStr, name: Option<&str>) -> PathBuf {
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

/// Which numbers people have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// Those that `finalize` gives.
    Finalized,
    /// Those of the labels.
    AsTheyAre,
}

impl Known {
    fn set(&self) -> Set<'_> {
        Set { features: &self.features, labels: &self.labels, names: &self.names }
    }

    /// Gives people the numbers that they have in the gallery.
    fn renumber(&mut self, numbers: &BTreeMap<u64, u64>) {
        for label in self.labels.values_mut() {
            let number = u64::try_from(*label).ok().and_then(|label| numbers.get(&label));
            *label = number.and_then(|&number| i64::try_from(number).ok()).unwrap_or(*label);
        }
    }

    fn read(data: &Dataset, model: &ModelId, numbers: Numbers) -> Result<Self> {
        let features = data.read::<FeatureRow>()?;
        if let Some(said) = features.iter().find_map(|row| other_embedder(data, row, model)) {
            return Err(Error::Mismatch(said));
        }
        // A review counts as far as it has come.
        let (labels, names) = match numbers {
            Numbers::Finalized => {
                let NamedLabels { labels, names } = dataset_labels(data, Whose::Auto)?.named;
                (labels, names)
            }
            Numbers::AsTheyAre => {
                let faces = features.iter().map(|row| row.face.clone()).collect();
                let NamedLabels { labels, names } =
                    Reviewed::of(data, faces, &ReviewOptions::of(data)?)?.labels_as_they_are();
                (labels, names)
            }
        };
        let labels = labels.into_iter().map(|(face, label)| (face, label.0)).collect();
        Ok(Self { features, labels, names: by_number(names) })
    }
}

/// Labels of what was seen, beside those of an earlier watch, and the names of those who have one.
fn keep_labels(
    data: &Dataset,
    earlier: &BTreeMap<FaceId, i64>,
    watched: &Watched,
    names: &BTreeMap<u64, String>,
) -> Result<()> {
    data.compact()?;
    let mut labels = earlier.clone();
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    labels.extend(watched.labels.iter().map(|(face, &n)| (face.clone(), number(n))));
    let rows: Vec<LabelRow> = labels.into_iter().map(|(face, l)| LabelRow::new(face, Label(l))).collect();
    let there: BTreeSet<Label> = rows.iter().map(|row| row.label).collect();
    let names = names.iter().map(|(&n, name)| (Label(number(n)), name.clone()));
    let names = names.filter(|(label, _)| there.contains(label)).collect();
    data.write_annotations(&rows, &names)?;
    data.replace_labels(rows, &names)?;
    Ok(())
}
