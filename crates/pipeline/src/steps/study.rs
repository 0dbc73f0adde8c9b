//! Step 4: which threshold suits these faces, and how sure that is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use streamface_cluster::{Constraints, Link, Links, Settings as Linkage, components, cut, merge_by_links};
use streamface_eval::format::Plural;
use streamface_eval::intrinsic::silhouette;
use streamface_eval::study::{
    Calibration, CalibrationSettings, HistogramSettings, Labelling, Pair, Prior, Study, Target, Truth,
    histograms, recommend, sweep,
};
use streamface_report::StudyPage;
use streamface_store::{Dataset, FaceRow, FeatureRow};
use streamface_types::{Embeddings, FaceId, FrameId, Metric};

use super::cluster::embedder_of;
use super::compare::compare;
use super::dataset_dir::open_reading;
use super::input::{Input, labels_of_rows, read_vectors};
use super::labelling::{frames, matrix, same_frame};
use super::labels::read_label_file;
use super::outputs::Output;
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

/// What is studied.
struct Faces {
    rows: Embeddings,
    metric: Metric,
    constraints: Constraints,
    /// The shot of each row.
    shots: Option<Vec<u64>>,
    /// Pairs of one frame, and of temporal links.
    different: Vec<(usize, usize)>,
    same: Vec<(usize, usize)>,
    /// The model's thresholds: of clusters, and of clusters that are linked.
    threshold: f64,
    merging_threshold: f64,
    names: Vec<String>,
    source: String,
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
    let thresholds = wanted.thresholds.all();
    let most = thresholds.last().copied().at(|| "at least one threshold".to_owned())?;
    let linkage = Linkage::new(faces.metric, most)?;
    let how = (Method::Complete, 0);
    let found = cluster_rows(&faces.rows, &linkage, &faces.constraints, how, context.observer)?;
    let merges = found.merges.unwrap_or_default();
    let labels: Vec<Vec<i64>> = thresholds
        .iter()
        .map(|&t| cut(faces.rows.len(), &merges, t).into_iter().map(i64::from).collect())
        .collect();
    let few = faces.rows.len() <= wanted.max_samples;
    let labellings: Vec<Labelling<'_>> = thresholds
        .iter()
        .zip(&labels)
        .map(|(&threshold, labels)| {
            let silhouette = few.then(|| silhouette(&faces.rows, labels, faces.metric).ok()).flatten();
            Labelling { threshold, labels, silhouette: silhouette.map(|s| s.mean) }
        })
        .collect();
    let known =
        truth.map(|labels| Truth { labels, shots: faces.shots.as_deref(), resamples: RESAMPLES, seed: SEED });
    let rows = sweep(&labellings, known.as_ref())?;

    // Rows of a matrix are in no frames: nothing to calibrate by.
    let people = merge_by_links(
        &faces.rows,
        faces.metric,
        &cut(faces.rows.len(), &merges, faces.threshold),
        &faces.same,
        faces.merging_threshold,
        &faces.constraints,
    )?;
    let calibration = faces.shots.as_ref().map(|shots| calibrate(faces, shots, &people)).transpose()?;
    let target = wanted.false_match_rate.map_or(Target::Purity(wanted.purity), Target::FalseMatchRate);
    let recommendation =
        calibration.as_ref().map(|found| recommend(target, found, Prior::Sweep(&rows))).transpose()?;
    let sampling = HistogramSettings {
        max_samples: wanted.max_samples,
        thresholds: thresholds.to_vec(),
        ..HistogramSettings::default()
    };
    let mut settings = vec![
        ("metric".to_owned(), faces.metric.to_string()),
        ("faces".to_owned(), faces.rows.len().to_string()),
    ];
    if calibration.is_some() {
        settings.push(("pairs of one frame".to_owned(), faces.different.len().to_string()));
        settings.push(("temporal links".to_owned(), faces.same.len().to_string()));
    }
    let mut study = Study {
        title: format!("Threshold study: {}", name_of(&faces.source)),
        source: faces.source.clone(),
        settings,
        recommendation,
        histograms: Some(histograms(&faces.rows, faces.metric, &sampling)?),
        calibration,
        sweep: rows,
        baselines: Vec::new(),
    };
    if wanted.compare {
        let at = [study.threshold().unwrap_or(most / 2.0)];
        let tried = if truth.is_some() { thresholds } else { &at };
        let same = (&faces.rows, faces.metric, &faces.constraints);
        study.baselines = compare(same, tried, truth, context)?;
    }
    Ok(study)
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
                threshold: 0.0,
                merging_threshold: 0.0,
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
    let model = embedder_of(data)?;
    let embedder = model.embedder()?;
    Ok(Faces {
        shots: Some(shots(&features, &links)?),
        constraints: same_frame(&features),
        rows: matrix(&features)?,
        metric: embedder.metric,
        threshold: embedder.threshold,
        merging_threshold: embedder.merging_threshold,
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
    own("study.html").write(|file| StudyPage(study).render(file).map_err(std::io::Error::other))?;
    own("study.json").write(|file| study.json(file).map_err(std::io::Error::other))?;
    own("threshold.toml").write(|file| std::io::Write::write_all(file, study.toml().as_bytes()))
}
