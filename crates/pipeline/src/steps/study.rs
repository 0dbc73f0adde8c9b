//! Step 4: which threshold suits these faces, and how sure that is.

use std::path::{Path, PathBuf};

use streamface_cluster::{Merge, Settings as Linkage};
use streamface_eval::format::Plural;
use streamface_eval::study::{
    Calibration, CalibrationSettings, Grounds, HistogramSettings, Pair, Present, PresentOf, Row, Study,
    Truth, histograms, recommend,
};
use streamface_report::StudyPage;

use super::compare::compare;
use super::input::Input;
use super::outputs::{self, Output};
use super::study_chances::Chances;
use super::study_clusterings::{clusterings, people, tried, with_others};
use super::study_faces::{Faces, faces, truth};
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
    let tried = &tried(faces, wanted)[..];
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
    let rows = clusterings(faces, &merges, &thresholds, known.as_ref(), silhouettes, (&chances, by_budget))?;
    let judged = chances.judged(faces, &merges, known.as_ref(), silhouettes)?;
    let present = present(faces, &merges, &judged, wanted.false_merges)?;

    // Rows of a matrix are in no frames: nothing to calibrate by.
    let calibrate = |shots: &Vec<u64>| calibrate(faces, shots, &people(faces, &merges, by_budget)?, most);
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

/// What is in use: the threshold of the last clustering or, where merges were or will be judged, how far they reach.
/// `judged` is by `budget`.
fn present(faces: &Faces, merges: &[Merge], judged: &Row, budget: f64) -> Result<Option<Present>> {
    let Some(model) = &faces.model else { return Ok(None) };
    let of_judged = |threshold, of| Some(Present { threshold, of });
    Ok(match (model.last.threshold(), model.last.false_merges()) {
        (Some(threshold), _) => Some(Present { threshold, of: PresentOf::LastClustering }),
        (None, Some(last)) if last == budget => of_judged(judged.threshold, PresentOf::JudgedMerges),
        (None, Some(budget)) => {
            let largest = Chances::new(faces, merges, 0.0, budget)?.within.within().largest;
            of_judged(largest, PresentOf::JudgedMerges)
        }
        (None, None) => of_judged(judged.threshold, PresentOf::NotClustered),
    })
}

/// What the page shows of the settings.
fn settings(faces: &Faces, wanted: &StudySettings) -> Vec<(String, String)> {
    let mut settings = vec![
        ("metric", faces.metric.to_string()),
        ("faces", faces.rows.len().to_string()),
        ("false merges allowed", wanted.false_merges.to_string()),
        ("thresholds tried", wanted.thresholds.as_ref().map_or("default".to_owned(), ToString::to_string)),
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

/// Error rates; `people` says who is who, roughly.
fn calibrate(faces: &Faces, shots: &[u64], people: &[u32], most: f64) -> Result<Calibration> {
    let pairs = |all: &[(usize, usize)]| -> Vec<Pair> {
        let distance = |a, b| faces.metric.distance(faces.rows.row(a), faces.rows.row(b));
        let people = |a: usize, b: usize| [a, b].map(|row| u64::from(people[row]));
        all.iter()
            .map(|&(a, b)| Pair { distance: distance(a, b), people: people(a, b), shot: shots[a] })
            .collect()
    };
    let mut settings = CalibrationSettings { seed: SEED, ..CalibrationSettings::default() };
    if most > settings.max {
        // Distances that are no cosines.
        (settings.step, settings.max) = (most / 90.0, most * 4.0 / 3.0);
    }
    Ok(Calibration::new(&pairs(&faces.different), &pairs(&faces.same), &settings)?)
}

fn write(study: &Study, out: &Path) -> Result<()> {
    // The folder was named, perhaps; what is in it was not.
    let own = |name: &str| Output::Own(out.join(name));
    own(FILES[0]).write(|file| StudyPage(study).render(file).map_err(std::io::Error::other))?;
    own(FILES[1]).write(|file| study.json(file).map_err(std::io::Error::other))?;
    own(FILES[2]).write(|file| std::io::Write::write_all(file, study.toml().as_bytes()))
}
