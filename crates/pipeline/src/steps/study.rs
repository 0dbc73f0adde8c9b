//! Step 4: which threshold suits these faces, and how sure that is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use streamface_cluster::{
    Constraints, Link, Links, Merge, Settings as Linkage, components, cut, merge_by_links,
};
use streamface_eval::format::Plural;
use streamface_eval::intrinsic::silhouette;
use streamface_eval::study::{
    Calibration, CalibrationSettings, Grounds, HistogramSettings, Labelling, Pair, Present, PresentOf, Row,
    Study, Truth, histograms, recommend, sweep,
};
use streamface_model::Manifest;
use streamface_report::StudyPage;
use streamface_store::{Dataset, FaceRow, FeatureRow};
use streamface_types::{Embeddings, FaceId, FrameId, Metric};

use super::cluster::embedder_of;
use super::compare::compare;
use super::dataset_dir::open_reading;
use super::decisions::{Decisions, keep_apart};
use super::input::{Input, labels_of_rows, read_vectors};
use super::labelling::{frames, matrix, same_frame};
use super::labels::read_label_file;
use super::last_clustering::LastClustering;
use super::outputs::{self, Output};
use super::study_chances::Chances;
use crate::clustering_method::cluster_rows;
use crate::error::At as _;
use crate::event::Context;
use crate::settings::{Method, Settings as _, StudySettings};
use crate::threads::with_threads;
use crate::{Error, Result};

/// Resamples of bootstraps that go through labels.
const RESAMPLES: usize = 500;
/// Seed of samples and bootstraps.
const SEED: u64 = 1;

/// What is written.
const FILES: [&str; 3] = ["study.html", "study.json", "threshold.toml"];

/// What is studied.
pub(super) struct Faces {
    pub(super) rows: Embeddings,
    pub(super) metric: Metric,
    pub(super) constraints: Constraints,
    /// The shot of each row.
    shots: Option<Vec<u64>>,
    /// Pairs of one frame, and of temporal links.
    different: Vec<(usize, usize)>,
    same: Vec<(usize, usize)>,
    /// None for rows of a matrix.
    pub(super) model: Option<Model>,
    names: Vec<String>,
    source: String,
}

/// The model of a dataset's embeddings, and how they were clustered last.
pub(super) struct Model {
    pub(super) manifest: Manifest,
    last: LastClustering,
}

impl Faces {
    /// The largest distance that clustering goes to where it judges merges.
    pub(super) fn reach(&self) -> Option<f64> {
        Some(self.model.as_ref()?.manifest.embedder().ok()?.threshold)
    }
}

/// What a study came to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StudyResult {
    /// All of it.
    pub study: Study,
    /// The nearest two faces of one frame, and their distance, where that is within the recommended threshold.
    pub nearest_of_a_frame: Option<(String, String, f64)>,
    /// Where `study.html`, `study.json` and `threshold.toml` are.
    pub out: PathBuf,
}

/// Step 4: which threshold suits the faces, and how sure that is.
///
/// # Errors
/// What reading and writing meets; labels that name no face.
pub fn study(input: &Input, settings: &StudySettings, context: &Context<'_>) -> Result<StudyResult> {
    settings.check()?;
    with_threads(settings.threads, || {
        let (faces, out) = faces(input, settings)?;
        if faces.rows.len() < 2 {
            return Err(Error::StepMissing(format!(
                "{} has {}: there is nothing to study",
                faces.source,
                Plural(faces.rows.len(), "face")
            )));
        }
        let truth = truth(input, settings, &faces, context)?;
        if !out.is_dir() {
            std::fs::create_dir_all(&out).map_err(Error::io(&out))?;
        }
        let written = FILES.map(|name| out.join(name));
        outputs::check(
            written.iter().map(PathBuf::as_path),
            [input.path()].into_iter().chain(settings.labels.as_deref()),
        )?;
        let study = study_of(&faces, truth.as_deref(), settings, context)?;
        write(&study, &out)?;
        let nearest = study.calibration.as_ref().and_then(|calibration| {
            let nearest = calibration.nearest_different.first()?;
            let within = study.threshold().is_some_and(|t| nearest.distance <= t);
            let (a, b) = faces.different[nearest.index];
            within.then(|| (faces.names[a].clone(), faces.names[b].clone(), nearest.distance))
        });
        Ok(StudyResult { study, nearest_of_a_frame: nearest, out })
    })
}

fn study_of(
    faces: &Faces,
    truth: Option<&[Option<i64>]>,
    wanted: &StudySettings,
    context: &Context<'_>,
) -> Result<Study> {
    let tried = wanted.thresholds.all();
    let most = tried.last().copied().at(|| "at least one threshold".to_owned())?;
    let in_use = faces.model.as_ref().and_then(|model| model.last.threshold());
    let most = [faces.reach(), in_use].into_iter().flatten().fold(most, f64::max);
    let linkage = Linkage::new(faces.metric, most)?;
    let how = (Method::Complete, 0);
    let found = cluster_rows(&faces.rows, &linkage, &faces.constraints, how, context.observer)?;
    let merges = found.merges.unwrap_or_default();
    let chances = Chances::new(faces, &merges, most, wanted.false_merges)?;
    let by_budget = chances.threshold(&merges);
    let thresholds = with_others(tried, by_budget, in_use);
    let known =
        truth.map(|labels| Truth { labels, shots: faces.shots.as_deref(), resamples: RESAMPLES, seed: SEED });
    let silhouettes = faces.rows.len() <= wanted.max_samples;
    let rows = clusterings(faces, &merges, &thresholds, known.as_ref(), silhouettes, &chances)?;
    let judged = chances.judged(faces, &merges, known.as_ref(), silhouettes)?;
    let present = present(faces, &merges, &judged)?;

    // Rows of a matrix are in no frames: nothing to calibrate by.
    let calibrate = |shots: &Vec<u64>| calibrate(faces, shots, &people(faces, &merges, by_budget)?);
    let calibration = faces.shots.as_ref().map(calibrate).transpose()?;
    let recommendation = recommend(&Grounds {
        by_budget,
        budget: wanted.false_merges,
        rows: &rows,
        present,
        judged: Some(&judged),
        calibration: calibration.as_ref(),
    })?;
    let shown: Vec<f64> = tried.iter().copied().filter(|t| thresholds.contains(t)).collect();
    let sampling = HistogramSettings {
        max_samples: wanted.max_samples,
        thresholds: shown,
        ..HistogramSettings::default()
    };
    let mut study = Study {
        title: format!("Threshold study: {}", name_of(&faces.source)),
        source: faces.source.clone(),
        settings: settings(faces, wanted),
        histograms: Some(histograms(&faces.rows, faces.metric, &sampling)?),
        recommendation: Some(recommendation),
        present,
        calibration,
        judged: Some(judged),
        sweep: rows,
        baselines: Vec::new(),
    };
    if wanted.compare {
        let at = [study.threshold().unwrap_or(most / 2.0)];
        let tried = if truth.is_some() { &thresholds[..] } else { &at };
        let same = (&faces.rows, faces.metric, &faces.constraints);
        study.baselines = compare(same, tried, truth, context)?;
    }
    Ok(study)
}

/// The thresholds asked for, the recommended one and that in use, ascending.
fn with_others(tried: &[f64], by_budget: f64, in_use: Option<f64>) -> Vec<f64> {
    let mut all = tried.to_vec();
    all.push(by_budget);
    all.extend(in_use);
    all.sort_unstable_by(f64::total_cmp);
    all.dedup();
    all
}

/// What is in use: the threshold of the last clustering or, where merges were or will be judged, how far they reach.
fn present(faces: &Faces, merges: &[Merge], judged: &Row) -> Result<Option<Present>> {
    let Some(model) = &faces.model else { return Ok(None) };
    let of_judged = |threshold, of| Some(Present { threshold, of });
    Ok(match (model.last.threshold(), model.last.false_merges()) {
        (Some(threshold), _) => Some(Present { threshold, of: PresentOf::LastClustering }),
        (None, Some(budget)) => {
            let largest = Chances::new(faces, merges, 0.0, budget)?.within.within().largest;
            of_judged(largest, PresentOf::JudgedMerges)
        }
        (None, None) => of_judged(judged.threshold, PresentOf::NotClustered),
    })
}

/// A clustering at each threshold, with how many false merges are expected there.
fn clusterings(
    faces: &Faces,
    merges: &[Merge],
    thresholds: &[f64],
    truth: Option<&Truth<'_>>,
    silhouettes: bool,
    chances: &Chances,
) -> Result<Vec<Row>> {
    let labels: Vec<Vec<i64>> = thresholds.iter().map(|&t| cut_at(faces, merges, t)).collect();
    let labellings: Vec<Labelling<'_>> = thresholds
        .iter()
        .zip(&labels)
        .map(|(&threshold, labels)| labelling(faces, threshold, labels, silhouettes))
        .collect();
    let mut rows = sweep(&labellings, truth)?;
    let mut before = 0.0;
    for row in &mut rows {
        let found = chances.up_to(merges, row.threshold, before);
        before = found.expected;
        row.false_merges = Some(found);
    }
    Ok(rows)
}

fn cut_at(faces: &Faces, merges: &[Merge], threshold: f64) -> Vec<i64> {
    cut(faces.rows.len(), merges, threshold).into_iter().map(i64::from).collect()
}

pub(super) fn labelling<'a>(
    faces: &Faces,
    threshold: f64,
    labels: &'a [i64],
    silhouettes: bool,
) -> Labelling<'a> {
    let of = silhouettes.then(|| silhouette(&faces.rows, labels, faces.metric).ok()).flatten();
    Labelling { threshold, labels, silhouette: of.map(|s| s.mean) }
}

/// Who is who, roughly: clusters at a threshold, joined where they are linked.
fn people(faces: &Faces, merges: &[Merge], threshold: f64) -> Result<Vec<u32>> {
    let labels = cut(faces.rows.len(), merges, threshold);
    let Some(model) = &faces.model else { return Ok(labels) };
    let merging = model.manifest.embedder()?.merging_threshold;
    Ok(merge_by_links(&faces.rows, faces.metric, &labels, &faces.same, merging, &faces.constraints)?)
}

/// What the page shows of the settings.
fn settings(faces: &Faces, wanted: &StudySettings) -> Vec<(String, String)> {
    let mut settings = vec![
        ("metric", faces.metric.to_string()),
        ("faces", faces.rows.len().to_string()),
        ("false merges allowed", wanted.false_merges.to_string()),
        ("thresholds tried", wanted.thresholds.to_string()),
    ];
    if faces.shots.is_some() {
        settings.push(("pairs of faces of one frame", faces.different.len().to_string()));
        settings.push(("temporal links", faces.same.len().to_string()));
    }
    if let Some(path) = &wanted.labels {
        settings.push(("true labels", path.display().to_string()));
    }
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn name_of(source: &str) -> String {
    Path::new(source).file_name().map_or_else(|| source.to_owned(), |n| n.to_string_lossy().into_owned())
}

fn faces(input: &Input, settings: &StudySettings) -> Result<(Faces, PathBuf)> {
    match input {
        Input::Vectors(path) => {
            let metric = settings.metric.unwrap_or_default();
            let rows = read_vectors(path, metric)?;
            let out = settings.out.clone();
            let out = out.ok_or_else(|| Error::Setting("--out is needed with --vectors".to_owned()))?;
            let faces = Faces {
                names: (0..rows.len()).map(|row| row.to_string()).collect(),
                rows,
                metric,
                constraints: Constraints::default(),
                shots: None,
                different: Vec::new(),
                same: Vec::new(),
                model: None,
                source: path.display().to_string(),
            };
            Ok((faces, out))
        }
        Input::Dataset(dir) => {
            let data = open_reading(dir)?;
            let out = settings.out.clone().unwrap_or_else(|| data.root().to_owned());
            Ok((of_dataset(&data)?, out))
        }
    }
}

fn of_dataset(data: &Dataset) -> Result<Faces> {
    let features = data.read::<FeatureRow>()?;
    let row = |face: &FaceId| features.binary_search_by(|f| f.face.cmp(face)).ok();
    let links: Vec<(usize, usize)> = data
        .read::<FaceRow>()?
        .iter()
        .filter_map(|f| Some((row(&f.face)?, row(f.link.as_ref()?)?)))
        .collect();
    let mut different = Vec::new();
    for rows in frames(&features) {
        for (k, &a) in rows.iter().enumerate() {
            different.extend(rows[k + 1..].iter().map(|&b| (a, b)));
        }
    }
    let manifest = embedder_of(data)?;
    let mut constraints = same_frame(&features);
    let decisions = Decisions::read(data)?;
    let ids: Vec<FaceId> = features.iter().map(|f| f.face.clone()).collect();
    keep_apart(&mut constraints, &decisions.apart(&ids, decisions.len())?.0);
    Ok(Faces {
        shots: Some(shots(&features, &links)?),
        constraints,
        rows: matrix(&features)?,
        metric: manifest.embedder()?.metric,
        model: Some(Model { manifest, last: LastClustering::of(data)? }),
        different,
        same: links,
        names: features.iter().map(|f| f.face.to_string()).collect(),
        source: data.root().display().to_string(),
    })
}

/// The shot of each face: frames that temporal links tie are one.
fn shots(features: &[FeatureRow], links: &[(usize, usize)]) -> Result<Vec<u64>> {
    let mut number: BTreeMap<&FrameId, usize> = BTreeMap::new();
    for feature in features {
        let next = number.len();
        number.entry(&feature.face.frame).or_insert(next);
    }
    let frame: Vec<usize> = features.iter().map(|f| number[&f.face.frame]).collect();
    let tied = |&(a, b): &(usize, usize)| {
        let (a, b) = (frame[a] as u32, frame[b] as u32);
        (a != b).then_some(Link { i: a.min(b), j: a.max(b), distance: 0.0 })
    };
    let shot = components(&Links::new(number.len(), links.iter().filter_map(tied).collect())?)?;
    Ok(frame.into_iter().map(|f| shot[f].into()).collect())
}

/// The true label of each face, where it is known.
fn truth(
    input: &Input,
    settings: &StudySettings,
    faces: &Faces,
    context: &Context<'_>,
) -> Result<Option<Vec<Option<i64>>>> {
    let Some(path) = &settings.labels else { return Ok(None) };
    let labels = match input {
        Input::Vectors(_) => labels_of_rows(path, faces.rows.len())?,
        Input::Dataset(_) => {
            let known = read_label_file(path)?.labels;
            faces.names.iter().map(|n| known.get(n).copied()).collect()
        }
    };
    let missing = labels.iter().filter(|label| label.is_none()).count();
    let path = path.display();
    if missing == labels.len() {
        let said = format!("{path} names none of the {missing} faces of {}", faces.source);
        return Err(Error::Mismatch(said));
    }
    if missing > 0 {
        context.warn(format!(
            "{path} has no label for {missing} of {} faces; they are clustered, but left out of the scores",
            labels.len()
        ));
    }
    Ok(Some(labels))
}

/// Error rates; `people` says who is who, roughly.
fn calibrate(faces: &Faces, shots: &[u64], people: &[u32]) -> Result<Calibration> {
    let pairs = |all: &[(usize, usize)]| -> Vec<Pair> {
        let distance = |a, b| faces.metric.distance(faces.rows.row(a), faces.rows.row(b));
        let people = |a: usize, b: usize| [a, b].map(|row| u64::from(people[row]));
        all.iter()
            .map(|&(a, b)| Pair { distance: distance(a, b), people: people(a, b), shot: shots[a] })
            .collect()
    };
    let settings = CalibrationSettings { seed: SEED, ..CalibrationSettings::default() };
    Ok(Calibration::new(&pairs(&faces.different), &pairs(&faces.same), &settings)?)
}

fn write(study: &Study, out: &Path) -> Result<()> {
    // The folder was named, perhaps; what is in it was not.
    let own = |name: &str| Output::Own(out.join(name));
    own(FILES[0]).write(|file| StudyPage(study).render(file).map_err(std::io::Error::other))?;
    own(FILES[1]).write(|file| study.json(file).map_err(std::io::Error::other))?;
    own(FILES[2]).write(|file| std::io::Write::write_all(file, study.toml().as_bytes()))
}
