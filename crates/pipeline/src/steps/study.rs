//! Step 4: which threshold suits these faces, and how sure that is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use streamface_cluster::{Constraints, Link, Links, Settings, components, cut};
use streamface_eval::study::{
    Calibration, CalibrationSettings, HistogramSettings, Labelling, Pair, Prior, Study, Target, Truth,
    baseline_text, histograms, recommend, sweep,
};
use streamface_eval::{intrinsic::silhouette, read_labels};
use streamface_model::Manifest;
use streamface_report::StudyPage;
use streamface_store::{Dataset, FaceRow, FeatureRow, write_atomic};
use streamface_types::{Embeddings, FaceId, FrameId, Metric};

use super::Outcome;
use super::cluster::{frames, matrix, same_frame};
use super::compare::compare;
use super::evaluate::labels_of_rows;
use super::extract::open_existing;
use super::method::{How, cluster_rows};
use super::vectors::read_vectors;
use crate::args::{Method, PeopleArgs, StudyArgs};
use crate::settings;

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
    names: Vec<String>,
    source: String,
}

/// `streamface study`.
///
/// # Errors
/// What reading and writing meets; labels that name no face.
pub fn study(args: &StudyArgs) -> anyhow::Result<Outcome> {
    let (faces, out) = faces(args)?;
    if faces.rows.len() < 2 {
        bail!("{} has {} faces: there is nothing to study", faces.source, faces.rows.len());
    }
    let truth = truth(args, &faces)?;
    std::fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let thresholds = &args.thresholds.0;
    let most = thresholds.last().copied().context("at least one threshold")?;

    let how = How { method: Method::Complete, neighbours: 0, quiet: args.common.quiet };
    let linkage = Settings::new(faces.metric, most)?;
    let found = cluster_rows(&faces.rows, &linkage, &faces.constraints, how)?;
    let merges = found.merges.unwrap_or_default();
    let labels: Vec<Vec<i64>> = thresholds
        .iter()
        .map(|&t| cut(faces.rows.len(), &merges, t).into_iter().map(i64::from).collect())
        .collect();
    let few = faces.rows.len() <= args.max_samples;
    let labellings: Vec<Labelling<'_>> = thresholds
        .iter()
        .zip(&labels)
        .map(|(&threshold, labels)| {
            let silhouette = few.then(|| silhouette(&faces.rows, labels, faces.metric).ok()).flatten();
            Labelling { threshold, labels, silhouette: silhouette.map(|s| s.mean) }
        })
        .collect();
    let known = truth.as_ref().map(|labels| Truth {
        labels,
        shots: faces.shots.as_deref(),
        resamples: RESAMPLES,
        seed: SEED,
    });
    let rows = sweep(&labellings, known.as_ref())?;

    // Rows of a matrix are in no frames: nothing to calibrate by.
    let calibration = args.vectors.is_none().then(|| calibrate(&faces)).transpose()?;
    let target = args.false_match_rate.map_or(Target::Purity(args.purity), Target::FalseMatchRate);
    let recommendation =
        calibration.as_ref().map(|found| recommend(target, found, Prior::Sweep(&rows))).transpose()?;
    let sampling = HistogramSettings {
        max_samples: args.max_samples,
        thresholds: thresholds.clone(),
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
    if args.compare {
        let at = [study.threshold().unwrap_or(most / 2.0)];
        let tried = if truth.is_some() { &thresholds[..] } else { &at };
        let same = (&faces.rows, faces.metric, &faces.constraints);
        study.baselines = compare(same, tried, truth.as_deref(), args.common.quiet)?;
    }
    write(&study, &out)?;
    say_result(args, &study, &faces, &out)?;
    Ok(Outcome::Done)
}

fn name_of(source: &str) -> String {
    Path::new(source).file_name().map_or_else(|| source.to_owned(), |n| n.to_string_lossy().into_owned())
}

fn faces(args: &StudyArgs) -> anyhow::Result<(Faces, PathBuf)> {
    if let Some(vectors) = &args.vectors {
        let metric = args.metric.unwrap_or_default();
        let rows = read_vectors(vectors, metric)?;
        let out = args.out.clone().context("--out is needed with --vectors")?;
        let faces = Faces {
            names: (0..rows.len()).map(|row| row.to_string()).collect(),
            rows,
            metric,
            constraints: Constraints::default(),
            shots: None,
            different: Vec::new(),
            same: Vec::new(),
            source: vectors.display().to_string(),
        };
        return Ok((faces, out));
    }
    let data = open_existing(args.dir.as_ref().context("a dataset directory is needed")?)?;
    let out = args.out.clone().unwrap_or_else(|| data.root().to_owned());
    Ok((of_dataset(&data)?, out))
}

fn of_dataset(data: &Dataset) -> anyhow::Result<Faces> {
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
    let people = settings::people(&PeopleArgs::default(), &Manifest::builtin(settings::DEFAULT_EMBEDDER)?)?;
    Ok(Faces {
        shots: Some(shots(&features, &links)?),
        constraints: same_frame(&features),
        rows: matrix(&features)?,
        metric: people.linkage.metric(),
        different,
        same: links,
        names: features.iter().map(|f| f.face.to_string()).collect(),
        source: data.root().display().to_string(),
    })
}

/// The shot of each face: frames that temporal links tie are one.
fn shots(features: &[FeatureRow], links: &[(usize, usize)]) -> anyhow::Result<Vec<u64>> {
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
fn truth(args: &StudyArgs, faces: &Faces) -> anyhow::Result<Option<Vec<Option<i64>>>> {
    let Some(path) = &args.labels else { return Ok(None) };
    let labels = if args.vectors.is_some() {
        labels_of_rows(path, faces.rows.len())?
    } else {
        let known = read_labels(path)?;
        faces.names.iter().map(|n| known.get(n).copied()).collect()
    };
    let missing = labels.iter().filter(|label| label.is_none()).count();
    if missing == labels.len() {
        bail!("{} names none of the {missing} faces of {}", path.display(), faces.source);
    }
    if missing > 0 {
        eprintln!(
            "warning: {} has no label for {missing} of {} faces; they are clustered, but left out of the scores",
            path.display(),
            labels.len()
        );
    }
    Ok(Some(labels))
}

fn calibrate(faces: &Faces) -> anyhow::Result<Calibration> {
    let pairs = |all: &[(usize, usize)]| -> Vec<Pair> {
        let shot = |row: usize| faces.shots.as_ref().map_or(0, |s| s[row]);
        let distance = |a, b| faces.metric.distance(faces.rows.row(a), faces.rows.row(b));
        all.iter().map(|&(a, b)| Pair { distance: distance(a, b), shot: shot(a) }).collect()
    };
    let settings = CalibrationSettings { seed: SEED, ..CalibrationSettings::default() };
    Ok(Calibration::new(&pairs(&faces.different), &pairs(&faces.same), &settings)?)
}

fn write(study: &Study, out: &Path) -> anyhow::Result<()> {
    write_atomic(&out.join("study.html"), |file| {
        StudyPage(study).render(file).map_err(std::io::Error::other)
    })?;
    write_atomic(&out.join("study.json"), |file| study.json(file).map_err(std::io::Error::other))?;
    write_atomic(&out.join("threshold.toml"), |file| {
        std::io::Write::write_all(file, study.toml().as_bytes())
    })?;
    Ok(())
}

fn say_result(args: &StudyArgs, study: &Study, faces: &Faces, out: &Path) -> anyhow::Result<()> {
    let threshold = study.threshold();
    if args.common.json {
        say!(
            "{:#}",
            serde_json::json!({
                "threshold": threshold,
                "recommendation": study.recommendation,
                "sweep": study.sweep,
                "baselines": study.baselines,
                "page": out.join("study.html"),
            })
        );
        return Ok(());
    }
    say!("threshold  clusters  singletons  silhouette  pairwise F  BCubed F");
    for row in &study.sweep {
        let or = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
        say!(
            "{:>9.3}  {:>8}  {:>10}  {:>10}  {:>10}  {:>8}",
            row.threshold,
            row.clusters,
            row.singletons,
            or(row.silhouette),
            or(row.pairwise.as_ref().map(|p| p.value.f)),
            or(row.bcubed.as_ref().map(|p| p.value.f))
        );
    }
    if !study.baselines.is_empty() {
        say!("");
        say!("{}", baseline_text(&study.baselines).trim_end());
    }
    say!("");
    say!("{}", study.why());
    if let Some(calibration) = &study.calibration
        && let (Some(nearest), Some(t)) = (calibration.nearest_different.first(), threshold)
        && nearest.distance <= t
    {
        let (a, b) = faces.different[nearest.index];
        say!(
            "nearest two faces of one frame: {} and {}, {:.3}",
            faces.names[a],
            faces.names[b],
            nearest.distance
        );
    }
    say!("page       {}", out.join("study.html").display());
    match (threshold, &args.dir) {
        (Some(t), Some(dir)) => say!("next       streamface cluster {} --threshold {t}", dir.display()),
        (Some(t), None) => say!("next       --threshold {t}"),
        (None, _) => {}
    }
    Ok(())
}
