//! Step 6: how well clusters hang together, without any truth, and their likely errors as pictures.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use streamface_eval::labels::stem;
use streamface_eval::{Intrinsic, intrinsic, read_labels};
use streamface_report::{Evaluation, EvaluationLimits, Folder, NoPictures, Pictures};
use streamface_store::{Dataset, FeatureRow, ImageKind, LabelRow, write_atomic};
use streamface_types::{Embeddings, FaceId};

use super::Outcome;
use super::cluster::matrix;
use super::extract::open_existing;
use super::vectors::read_vectors;
use crate::args::EvaluateArgs;

/// `streamface evaluate`.
///
/// # Errors
/// What reading and writing meets; labels that name no face.
pub fn evaluate(args: &EvaluateArgs) -> anyhow::Result<Outcome> {
    let metric = args.metric.unwrap_or_default();
    if let (Some(vectors), Some(labels)) = (&args.vectors, &args.labels) {
        let rows = read_vectors(vectors, metric)?;
        let labels = noise_where_none(labels_of_rows(labels, rows.len())?);
        let found = intrinsic(&rows, &labels, metric, args.errors)?;
        if let Some(out) = &args.out {
            let source = vectors.display().to_string();
            write_page(out, &found, &[], source, args.errors, &mut NoPictures)?;
        }
        return say_result(args, found, args.out.as_deref());
    }
    let data = open_existing(args.dir.as_ref().context("a dataset directory is needed")?)?;
    let (rows, faces, labels) = labelled(&data, args.labels.as_deref())?;
    let found = intrinsic(&rows, &labels, metric, args.errors)?;
    let page = args.out.clone().unwrap_or_else(|| data.root().join("evaluate.html"));
    let mut pictures = Folder::new(data.root().join(ImageKind::Face.folder()));
    write_page(&page, &found, &faces, data.root().display().to_string(), args.errors, &mut pictures)?;
    say_result(args, found, Some(&page))
}

/// The embeddings, faces and labels of a dataset; noise where a face has none.
pub(super) fn labelled(
    data: &Dataset,
    other: Option<&Path>,
) -> anyhow::Result<(Embeddings, Vec<FaceId>, Vec<i64>)> {
    let features = data.read::<FeatureRow>()?;
    let rows = matrix(&features)?;
    let faces: Vec<FaceId> = features.into_iter().map(|f| f.face).collect();
    let known = match other {
        Some(path) => read_labels(path)?,
        None => own_labels(data)?,
    };
    if known.is_empty() {
        bail!("{} has no labels yet; run streamface cluster {0} first", data.root().display());
    }
    let labels = noise_where_none(faces.iter().map(|f| known.get(&f.to_string()).copied()).collect());
    if labels.iter().all(|&l| l < 0) && !faces.is_empty() {
        bail!("the labels name none of the {} faces of {}", faces.len(), data.root().display());
    }
    Ok((rows, faces, labels))
}

/// The dataset's own labels, by the names of the faces.
pub(super) fn own_labels(data: &Dataset) -> anyhow::Result<BTreeMap<String, i64>> {
    Ok(data.read::<LabelRow>()?.into_iter().map(|l| (l.face.to_string(), l.label.0)).collect())
}

/// Labels by the number of the row, of those that have one: CSV `index,label`, or `name,label` with numbers for names.
pub(super) fn labels_of_rows(path: &Path, rows: usize) -> anyhow::Result<Vec<Option<i64>>> {
    let mut labels = vec![None; rows];
    for (name, label) in read_labels(path)? {
        let number = stem(&name);
        let row = number.parse::<usize>().ok().filter(|row| *row < rows && row.to_string() == number);
        let row = row.with_context(|| {
            format!("{}: '{name}' is not the number of one of {rows} rows, counted from 0", path.display())
        })?;
        labels[row] = Some(label);
    }
    Ok(labels)
}

/// What has no label is noise, which all scores leave out.
pub(super) fn noise_where_none(labels: Vec<Option<i64>>) -> Vec<i64> {
    labels.into_iter().map(|label| label.unwrap_or(-1)).collect()
}

fn write_page(
    page: &Path,
    found: &Intrinsic,
    faces: &[FaceId],
    source: String,
    errors: usize,
    pictures: &mut dyn Pictures,
) -> anyhow::Result<()> {
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
    write_atomic(page, |out| evaluation.render(out, pictures).map_err(std::io::Error::other))?;
    Ok(())
}

fn limits(errors: usize) -> EvaluationLimits {
    EvaluationLimits { outliers: errors, ..EvaluationLimits::default() }
}

fn say_result(args: &EvaluateArgs, mut found: Intrinsic, page: Option<&Path>) -> anyhow::Result<Outcome> {
    let doubtful = found.samples.iter().filter(|s| s.silhouette < 0.0).count();
    if !args.samples {
        found.samples.clear();
    }
    if args.common.json {
        say!("{:#}", serde_json::to_value(&found)?);
        return Ok(Outcome::Done);
    }
    let score = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
    say!(
        "faces              {} in {} clusters, {} of one face",
        found.faces,
        found.clusters,
        found.singletons
    );
    say!("silhouette         {} ({})", score(found.silhouette), found.metric);
    say!("Davies–Bouldin     {}", score(found.davies_bouldin));
    say!("Calinski–Harabasz  {}", score(found.calinski_harabasz));
    for skipped in &found.skipped {
        say!("left out           {}: {}", skipped.measure, skipped.why);
    }
    if found.silhouette.is_some() {
        let them = if page.is_some() {
            let shown = limits(args.errors).shown(&found.outliers).len();
            format!("; the {shown} lowest silhouettes are on the page")
        } else {
            String::new()
        };
        say!("likely errors      {doubtful} of {} faces are nearer to another cluster{them}", found.faces);
    }
    if let Some(page) = page {
        say!("page               {}", page.display());
    }
    Ok(Outcome::Done)
}
