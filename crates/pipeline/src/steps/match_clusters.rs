//! Step 7: which clusters may be one person.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use streamface_annotate::labels::holding;
use streamface_annotate::matching::{
    Joined, Matches, Settings as Matching, Stage, answered_pairs, join_sure, keep_possible, matches_observed,
    read_ignored,
};
use streamface_annotate::{Journal, LabelSource, People, ReviewOptions, journal, load};
use streamface_store::files;
use streamface_types::{Embeddings, Label, Metric};

use super::cluster::embedder_of;
use super::dataset_dir::{open_existing, open_reading};
use super::input::{
    Input, LabelledFaces, labelled, labels_of_rows, noise_where_none, read_vectors, tell_unlabelled,
};
use super::outputs::{self, Output};
use crate::error::At as _;
use crate::event::{Context, Event};
use crate::settings::record::record;
use crate::settings::{CompatRule, MatchSettings, PeopleSettings, Settings as _};
use crate::threads::with_threads;
use crate::{Error, Result};

/// What a matching came to.
#[derive(Debug)]
#[non_exhaustive]
pub struct MatchResult {
    /// Which labels the clusters are.
    pub labels: LabelSource,
    /// What people are called, by the labels of the pairs, of those who have a name.
    pub names: BTreeMap<i64, String>,
    /// The pairs.
    pub matches: Matches,
    /// Pairs that were left out since they cannot be one person: they share a frame, or were said to be different.
    pub impossible: usize,
    /// Pairs nearer than this are sure.
    pub min: f64,
    /// Pairs farther than this are not asked about.
    pub max: f64,
    /// What became of the sure ones, where they were joined.
    pub joined: Option<Joined>,
    /// Where the pairs were written.
    pub file: PathBuf,
    /// Time to read.
    pub read: Duration,
    /// Time from start to end.
    pub total: Duration,
}

/// Step 7: which clusters may be one person.
///
/// # Errors
/// Thresholds out of range; what reading and writing meets; labels that name no face.
pub fn match_clusters(input: &Input, settings: &MatchSettings, context: &Context<'_>) -> Result<MatchResult> {
    settings.check()?;
    with_threads(settings.threads, || match input {
        Input::Vectors(path) => of_vectors(path, settings, context),
        Input::Dataset(dir) => of_dataset(dir, settings, context),
    })
}

fn of_vectors(path: &Path, settings: &MatchSettings, context: &Context<'_>) -> Result<MatchResult> {
    let start = Instant::now();
    let (Some(labels), Some(out)) = (&settings.labels, &settings.out) else {
        return Err(Error::Setting("--vectors needs --labels and --out".to_owned()));
    };
    let (Some(min), Some(max)) = (settings.min, settings.max) else {
        return Err(Error::Setting(
            "--vectors needs --min and --max: thresholds belong to the model that made them".to_owned(),
        ));
    };
    let wanted = wanted(settings, settings.metric.unwrap_or_default(), min, max)?;
    outputs::check([out.as_path()], [path, labels.as_path()])?;
    let rows = read_vectors(path, wanted.metric())?;
    let of_rows = labels_of_rows(labels, rows.len())?;
    tell_unlabelled(labels, &of_rows, context);
    let of_rows = noise_where_none(of_rows);
    let read = start.elapsed();
    let matches = find(&rows, &of_rows, &ignored(labels)?, &wanted, context)?;
    Output::Given(out.clone()).write(|file| matches.write(file))?;
    let (file, total) = (out.clone(), start.elapsed());
    Ok(MatchResult {
        labels: LabelSource::File(labels.clone()),
        names: BTreeMap::new(),
        matches,
        impossible: 0,
        min: wanted.min(),
        max: wanted.max(),
        joined: None,
        file,
        read,
        total,
    })
}

fn of_dataset(dir: &Path, settings: &MatchSettings, context: &Context<'_>) -> Result<MatchResult> {
    let start = Instant::now();
    // Pairs that go elsewhere leave the dataset as it is.
    let own = settings.labels.as_deref().is_none_or(|path| path == Path::new("auto"));
    let decides = own && (settings.join || settings.compat == Some(CompatRule::Paper));
    let reads = settings.out.is_some() && !decides;
    let data = if reads { open_reading(dir)? } else { open_existing(dir)? };
    let (linkage, _) = PeopleSettings::default().resolve(&embedder_of(&data)?)?;
    let max = settings.max.unwrap_or(linkage.threshold());
    let min = settings.min.unwrap_or((linkage.threshold() / 2.0).min(max));
    let wanted = wanted(settings, settings.metric.unwrap_or(linkage.metric()), min, max)?;
    let file = Output::new(settings.out.as_ref(), || data.metadata().join("cluster_evals.json"));
    file.check([dir].into_iter().chain(settings.labels.as_deref()))?;
    // Decisions are on the dataset's own clusters.
    let given = if own { Some(Path::new("clusters")) } else { settings.labels.as_deref() };
    let LabelledFaces { rows, faces, mut labels, mut names, mut from, unknown } = labelled(&data, given)?;
    unknown.into_iter().for_each(|said| context.warn(said));
    let mut ignored = match &from {
        LabelSource::File(path) => ignored(path)?,
        _ => {
            let own = data.metadata().join("annotations.json");
            if files::is_there(&own)? { ignored(&own)? } else { Vec::new() }
        }
    };
    let mut people = People::new(faces, &labels, !ReviewOptions::of(&data)?.same_frame)?;
    let mut journal = None;
    if own {
        let path = data.metadata().join(journal::FILE);
        let decisions = if decides {
            let (opened, decisions) = Journal::open(&path)?;
            journal = Some(opened);
            decisions
        } else {
            load(&path)?
        };
        people = people.with_names(&names.into_iter().map(|(label, name)| (Label(label), name)).collect());
        people.replay(&decisions);
        labels = people.labels();
        let named = |key: u32| Some((people.label(key)?, people.name(key)?.to_owned()));
        names = people.people().filter_map(named).collect();
        ignored.extend(answered_pairs(&people, &decisions));
        let decisions = holding(&people, &decisions);
        if decisions > 0 {
            from = LabelSource::Review { decisions };
        }
    }
    let read = start.elapsed();
    let mut matches = find(&rows, &labels, &ignored, &wanted, context)?;
    let impossible = keep_possible(&mut people, &mut matches);
    file.write(|out| matches.write(out))?;
    let file = file.into_path();
    if settings.out.is_none() {
        let settings = [
            ("min", wanted.min().to_string()),
            ("max", wanted.max().to_string()),
            ("metric", wanted.metric().to_string()),
            ("mode", settings.mode.name().to_owned()),
            ("rule", CompatRule::rule(settings.compat).1.to_owned()),
        ];
        record(&data, "match", false, &settings)?;
    }
    let joined = match &mut journal {
        Some(journal) => Some(join_sure(&rows, wanted.metric(), &mut people, journal, &matches.sure)?),
        None => None,
    };
    let total = start.elapsed();
    Ok(MatchResult {
        labels: from,
        names,
        matches,
        impossible,
        min: wanted.min(),
        max: wanted.max(),
        joined,
        file,
        read,
        total,
    })
}

fn wanted(settings: &MatchSettings, metric: Metric, min: f64, max: f64) -> Result<Matching> {
    let wanted = Matching::new(metric, settings.mode.mode(), min, max).at(|| "--min and --max".to_owned())?;
    let mut wanted = wanted.rule(CompatRule::rule(settings.compat).0);
    if let Some(k) = settings.topk {
        wanted = wanted.topk(k);
    }
    if let Some(pairs) = settings.most {
        wanted = wanted.max_pairs(pairs);
    }
    Ok(wanted)
}

/// Pairs that an annotations file says are two people; none of what is no such file.
fn ignored(path: &Path) -> Result<Vec<(i64, i64)>> {
    use std::io::Read as _;
    let mut first = Vec::new();
    // A pipe can be read once, and its labels were.
    if !std::fs::metadata(path).map_err(Error::io(path))?.is_file() {
        return Ok(Vec::new());
    }
    let file = std::fs::File::open(path).map_err(Error::io(path))?;
    file.take(4).read_to_end(&mut first).map_err(Error::io(path))?;
    // As `read_labels` tells it from CSV.
    let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&first);
    if first.first() == Some(&b'{') { Ok(read_ignored(path)?) } else { Ok(Vec::new()) }
}

fn find(
    rows: &Embeddings,
    labels: &[i64],
    ignored: &[(i64, i64)],
    settings: &Matching,
    context: &Context<'_>,
) -> Result<Matches> {
    let listen = |stage, done, total| {
        let what = match stage {
            Stage::Extremes => "looking for the faces farthest apart",
            _ => "comparing clusters",
        };
        context.phase(what, done, total);
    };
    let found = matches_observed(rows, labels, ignored, settings, &listen);
    context.event(&Event::Ended);
    Ok(found?)
}
