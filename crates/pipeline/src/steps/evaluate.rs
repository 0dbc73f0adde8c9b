//! Step 6: how well clusters hang together, without any truth, and their likely errors as pictures.

use std::collections::BTreeMap;
use std::path::PathBuf;

use streamface_eval::{Intrinsic, intrinsic};
use streamface_report::{Evaluation, EvaluationLimits, NoPictures, Pictures};
use streamface_store::ImageKind;
use streamface_types::FaceId;

use super::dataset_dir::open_reading;
use super::input::{Input, labelled, labels_of_rows, noise_where_none, read_vectors};
use super::outputs::Output;
use super::pictures::pictures;
use crate::event::Context;
use crate::settings::{EvaluateSettings, Settings as _};
use crate::threads::with_threads;
use crate::{Error, Result};

/// What an evaluation came to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EvaluateResult {
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
pub fn evaluate(
    input: &Input,
    settings: &EvaluateSettings,
    _context: &Context<'_>,
) -> Result<EvaluateResult> {
    settings.check()?;
    let metric = settings.metric.unwrap_or_default();
    with_threads(settings.threads, || {
        let (found, page) = match input {
            Input::Vectors(path) => {
                let rows = read_vectors(path, metric)?;
                let labels = settings.labels.as_ref();
                let labels =
                    labels.ok_or_else(|| Error::Setting("--labels is needed with --vectors".to_owned()))?;
                let labels = noise_where_none(labels_of_rows(labels, rows.len())?);
                let found = intrinsic(&rows, &labels, metric, settings.errors)?;
                if let Some(page) = &settings.out {
                    let (page, source) = (Output::Given(page.clone()), path.display().to_string());
                    write_page(&page, &found, &[], source, settings.errors, &mut NoPictures)?;
                }
                (found, settings.out.clone())
            }
            Input::Dataset(dir) => {
                let data = open_reading(dir)?;
                let (rows, faces, labels) = labelled(&data, settings.labels.as_deref())?;
                let found = intrinsic(&rows, &labels, metric, settings.errors)?;
                let page = Output::new(settings.out.as_ref(), || data.root().join("evaluate.html"));
                let source = data.root().display().to_string();
                write_page(&page, &found, &faces, source, settings.errors, &mut pictures(&data))?;
                (found, Some(page.into_path()))
            }
        };
        Ok(EvaluateResult {
            doubtful: found.samples.iter().filter(|s| s.silhouette < 0.0).count(),
            shown: limits(settings.errors).shown(&found.outliers).len(),
            intrinsic: found,
            page,
        })
    })
}

fn write_page(
    page: &Output,
    found: &Intrinsic,
    faces: &[FaceId],
    source: String,
    errors: usize,
    pictures: &mut dyn Pictures,
) -> Result<()> {
    let evaluation = Evaluation {
        title: "Evaluation of clusters".to_owned(),
        source,
        settings: vec![("metric".to_owned(), found.metric.clone())],
        intrinsic: found,
        faces,
        names: BTreeMap::new(),
        faces_folder: ImageKind::Face.folder().into(),
        limits: limits(errors),
    };
    page.write(|out| evaluation.render(out, pictures).map_err(std::io::Error::other))
}

fn limits(errors: usize) -> EvaluationLimits {
    EvaluationLimits { outliers: errors, ..EvaluationLimits::default() }
}
