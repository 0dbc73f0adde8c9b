//! Step 9: labels against true ones.

use std::path::{Path, PathBuf};

use streamface_eval::Scores;
use streamface_eval::labels::{Labelled, stem};
use streamface_eval::metrics::{Noise, PersonErrors, ReviewScores, Shared, person_errors};
use streamface_report::{Comparison, ComparisonLimits, Folder, NoPictures, Pictures};
use streamface_store::{Dataset, ImageKind, write_atomic};

use super::dataset_dir::open_reading;
use super::labels::read_label_file;
use super::outputs;
use super::pictures::pictures;
use crate::Result;
use crate::error::At as _;
use crate::settings::{ScoreSettings, Settings as _};

/// What scoring came to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ScoreResult {
    /// The scores.
    pub scores: Scores,
    /// What a review gained, where the labels before it were given.
    pub review: Option<ReviewScores>,
    /// People with errors, the worst first.
    pub people: Vec<PersonErrors>,
    /// Faces that only the true labels name.
    pub only_in_true: Vec<String>,
    /// Faces that only the predicted labels name.
    pub only_in_predicted: Vec<String>,
    /// The true labels.
    pub truth: Labelled,
    /// The predicted labels.
    pub predicted: Labelled,
    /// The page.
    pub page: Option<PathBuf>,
}

/// Step 9: compares labels with true ones. Each is annotations.json, CSV `name,label`, or a dataset directory, whose
/// labels are taken by the rule of [`streamface_annotate::labels`].
///
/// # Errors
/// A file cannot be read, or the two name no face together.
pub fn score(truth: &Path, predicted: &Path, settings: &ScoreSettings) -> Result<ScoreResult> {
    settings.check()?;
    let paths = [truth, predicted];
    let read = paths.into_iter().chain(settings.before.as_deref()).chain(settings.faces.as_deref());
    outputs::check(settings.html.as_deref(), read)?;
    let (truth, mut predicted) = (read_label_file(truth)?, read_label_file(predicted)?);
    let mut before = settings.before.as_deref().map(read_label_file).transpose()?;
    // Texts are numbered alike in all files, since a label is asked to equal itself.
    predicted.agree_with(&truth);
    if let Some(before) = &mut before {
        before.agree_with(&truth);
    }
    let against = || format!("{} against {}", paths[1].display(), paths[0].display());
    let shared = Shared::new(&truth.labels, &predicted.labels).at(against)?;
    let noise = if settings.noise_as_cluster { Noise::Cluster } else { Noise::Alone };
    let scores = shared.scores(noise);
    let review = before.as_ref().map(|before| review(&shared, before, noise));
    let people = person_errors(&shared.table(), noise);
    if let Some(page) = &settings.html {
        let faces = settings.faces.as_deref();
        let names = names(paths[0], paths[1]);
        let comparison = Comparison {
            title: format!("Score of {}", names[1]),
            source: against(),
            names,
            labels: [&truth, &predicted],
            shared: &shared,
            scores: &scores,
            review: review.as_ref().zip(before.as_ref()),
            faces_folder: links(page, faces),
            limits: ComparisonLimits::default(),
        };
        let data = faces.map(dataset_of).transpose()?.flatten();
        let mut pictures: Box<dyn Pictures> = match (&data, faces) {
            (Some(data), _) => Box::new(pictures(data)),
            (None, Some(dir)) => Box::new(Folder::new(faces_of(dir))),
            (None, None) => Box::new(NoPictures),
        };
        write_atomic(page, |out| comparison.render(out, &mut *pictures).map_err(std::io::Error::other))?;
    }
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let (only_in_true, only_in_predicted) = (owned(&shared.only_in_true), owned(&shared.only_in_predicted));
    let page = settings.html.clone();
    Ok(ScoreResult { scores, review, people, only_in_true, only_in_predicted, truth, predicted, page })
}

/// Over the faces that have all three labels.
fn review(shared: &Shared<'_>, before: &Labelled, noise: Noise) -> ReviewScores {
    let by_stem: std::collections::BTreeMap<&str, i64> =
        before.labels.iter().map(|(name, &label)| (stem(name), label)).collect();
    ReviewScores::new(
        shared.both.iter().filter_map(|&(name, truth, after)| Some((truth, *by_stem.get(name)?, after))),
        noise,
    )
}

/// What the two files are called on the page: as little of their paths as tells them apart.
fn names(truth: &Path, predicted: &Path) -> [String; 2] {
    let last = |path: &Path, parts: usize| {
        let all: Vec<_> = path.components().rev().take(parts).collect();
        let path: std::path::PathBuf = all.into_iter().rev().collect();
        path.display().to_string()
    };
    let different = (1..20).find(|&n| last(truth, n) != last(predicted, n));
    match different {
        Some(n) => [last(truth, n), last(predicted, n)],
        None => ["the true labels".to_owned(), "the predicted labels".to_owned()],
    }
}

/// The dataset, where the folder of the pictures is one.
fn dataset_of(dir: &Path) -> Result<Option<Dataset>> {
    if dir.join("metadata").is_dir() { Ok(Some(open_reading(dir)?)) } else { Ok(None) }
}

/// The folder of the pictures: that of a dataset, or the folder itself.
fn faces_of(dir: &Path) -> std::path::PathBuf {
    let inside = dir.join(ImageKind::Face.folder());
    if inside.is_dir() { inside } else { dir.to_owned() }
}

/// Where the page's pictures lead: to the folder where that is beside or below the page, else nowhere.
fn links(page: &Path, faces: Option<&Path>) -> String {
    let beside = |faces: &Path| {
        let parent = page.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (parent, faces) = (parent.canonicalize().ok()?, faces_of(faces).canonicalize().ok()?);
        Some(faces.strip_prefix(parent).ok()?.to_str()?.to_owned())
    };
    faces.and_then(beside).unwrap_or_default()
}
