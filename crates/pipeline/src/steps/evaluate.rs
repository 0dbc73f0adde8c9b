//! Step 6: how well clusters hang together, without any truth, and their likely errors as pictures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use streamface_annotate::LabelSource;
use streamface_eval::{Intrinsic, intrinsic};
use streamface_report::{Evaluation, EvaluationLimits, NoPictures, Pictures, ReviewLinks};
use streamface_store::ImageKind;
use streamface_types::FaceId;

use super::dataset_dir::open_reading;
use super::input::{
    Input, LabelledFaces, labelled, labels_of_rows, noise_where_none, read_vectors, tell_unlabelled,
};
use super::outputs::{self, Output};
use super::pictures::pictures;
use crate::event::Context;
use crate::settings::{EvaluateSettings, ReviewSettings, Settings as _};
use crate::threads::with_threads;
use crate::{Error, Result};

/// What an evaluation came to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EvaluateResult {
    /// Which labels were taken.
    pub labels: LabelSource,
    /// What the people are called, of those who have a name.
    pub names: BTreeMap<i64, String>,
    /// The scores.
    pub intrinsic: Intrinsic,
    /// Faces that are nearer to another cluster.
    pub doubtful: usize,
    /// Faces with the lowest silhouettes that the page shows.
    pub shown: usize,
    /// The page.
    pub page: Option<PathBuf>,
}

/// Step 6: how well clusters hang together, and their likely errors.
///
/// # Errors
/// What reading and writing meets; labels that name no face.
pub fn evaluate(input: &Input, settings: &EvaluateSettings, context: &Context<'_>) -> Result<EvaluateResult> {
    settings.check()?;
    let metric = settings.metric.unwrap_or_default();
    // A word such as `reviewed` is no file, and so never the output's place.
    let read = || [input.path()].into_iter().chain(settings.labels.as_deref());
    with_threads(settings.threads, || {
        let (found, page, names, from) = match input {
            Input::Vectors(path) => {
                outputs::check(settings.out.as_deref(), read())?;
                let rows = read_vectors(path, metric)?;
                let labels = settings.labels.as_ref();
                let labels =
                    labels.ok_or_else(|| Error::Setting("--labels is needed with --vectors".to_owned()))?;
                let from = LabelSource::File(labels.clone());
                let of_rows = labels_of_rows(labels, rows.len())?;
                tell_unlabelled(labels, &of_rows, context);
                let labels = noise_where_none(of_rows);
                let found = intrinsic(&rows, &labels, metric, settings.errors)?;
                if let Some(page) = &settings.out {
                    let (page, source) = (Output::Given(page.clone()), path.display().to_string());
                    let shown =
                        Shown { source, faces: &[], names: &BTreeMap::new(), labels: &from, review: None };
                    write_page(&page, &found, &shown, settings.errors, &mut NoPictures)?;
                }
                (found, settings.out.clone(), BTreeMap::new(), from)
            }
            Input::Dataset(dir) => {
                let data = open_reading(dir)?;
                let page = Output::new(settings.out.as_ref(), || data.root().join("evaluate.html"));
                page.check(read())?;
                let LabelledFaces { rows, faces, labels, names, from, unknown } =
                    labelled(&data, settings.labels.as_deref())?;
                unknown.into_iter().for_each(|said| context.warn(said));
                let found = intrinsic(&rows, &labels, metric, settings.errors)?;
                let source = data.root().display().to_string();
                let review = Some(review_of(dir));
                let shown = Shown { source, faces: &faces, names: &names, labels: &from, review };
                write_page(&page, &found, &shown, settings.errors, &mut pictures(&data))?;
                (found, Some(page.into_path()), names, from)
            }
        };
        Ok(EvaluateResult {
            labels: from,
            names,
            doubtful: found.samples.iter().filter(|s| s.silhouette < 0.0).count(),
            shown: limits(settings.errors).shown(&found.outliers).len(),
            intrinsic: found,
            page,
        })
    })
}

/// What the page says beside the scores.
struct Shown<'a> {
    source: String,
    faces: &'a [FaceId],
    names: &'a BTreeMap<i64, String>,
    labels: &'a LabelSource,
    review: Option<ReviewLinks>,
}

/// The review of a dataset at the address where it listens unless told otherwise.
fn review_of(dir: &Path) -> ReviewLinks {
    ReviewLinks {
        address: format!("http://{}", ReviewSettings::default().listen),
        command: format!("streamface review {}", shell_word(&dir.display().to_string())),
    }
}

/// A word as a shell takes it.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn write_page(
    page: &Output,
    found: &Intrinsic,
    shown: &Shown<'_>,
    errors: usize,
    pictures: &mut dyn Pictures,
) -> Result<()> {
    let evaluation = Evaluation {
        title: "Evaluation of clusters".to_owned(),
        source: shown.source.clone(),
        settings: vec![
            ("metric".to_owned(), found.metric.clone()),
            ("labels".to_owned(), shown.labels.to_string()),
        ],
        intrinsic: found,
        faces: shown.faces,
        names: shown.names.clone(),
        faces_folder: ImageKind::Face.folder().into(),
        review: shown.review.clone(),
        limits: limits(errors),
    };
    page.write(|out| evaluation.render(out, pictures).map_err(std::io::Error::other))
}

fn limits(errors: usize) -> EvaluationLimits {
    EvaluationLimits { outliers: errors, ..EvaluationLimits::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_one_that_a_shell_takes() {
        let command = |dir: &str| review_of(Path::new(dir)).command;
        assert_eq!(command("tv/news-1"), "streamface review tv/news-1");
        assert_eq!(command("my news"), "streamface review 'my news'");
        assert_eq!(command("it's"), "streamface review 'it'\\''s'");
        assert_eq!(review_of(Path::new("a")).address, "http://127.0.0.1:7373");
    }
}
