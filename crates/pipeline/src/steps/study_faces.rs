//! What a study is of.

use std::collections::BTreeMap;
use std::path::PathBuf;

use streamface_cluster::{Constraints, Link, Links, components};
use streamface_model::Manifest;
use streamface_store::{Dataset, FaceRow, FeatureRow};
use streamface_types::{Embeddings, FaceId, FrameId, Label, Metric};

use super::cluster::embedder_of;
use super::dataset_dir::open_reading;
use super::decisions::{Decisions, keep_apart};
use super::input::{Input, labels_of_rows, read_vectors};
use super::labelling::{frames, matrix, same_frame};
use super::labels::{as_read, is_word, needed, read_label_file};
use super::last_clustering::LastClustering;
use crate::event::Context;
use crate::settings::StudySettings;
use crate::{Error, Result};

/// What is studied.
pub(super) struct Faces {
    pub(super) rows: Embeddings,
    pub(super) metric: Metric,
    pub(super) constraints: Constraints,
    /// The shot of each row.
    pub(super) shots: Option<Vec<u64>>,
    /// Pairs of one frame, and of temporal links.
    pub(super) different: Vec<(usize, usize)>,
    pub(super) same: Vec<(usize, usize)>,
    /// None for rows of a matrix.
    pub(super) model: Option<Model>,
    pub(super) names: Vec<String>,
    pub(super) source: String,
}

/// The model of a dataset's embeddings, and how they were clustered last.
pub(super) struct Model {
    pub(super) manifest: Manifest,
    pub(super) last: LastClustering,
}

impl Faces {
    /// The largest distance that clustering goes to where it judges merges.
    pub(super) fn reach(&self) -> Option<f64> {
        Some(self.model.as_ref()?.manifest.embedder().ok()?.threshold)
    }
}

/// Reads it, and says where the result goes.
pub(super) fn faces(input: &Input, settings: &StudySettings) -> Result<(Faces, PathBuf)> {
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

/// Noise is nobody's other face: each has a label of its own, as in scores.
fn alone(row: i64, label: i64) -> i64 {
    if Label(label).is_noise() { i64::MIN + row } else { label }
}

/// The true label of each face, where it is known.
pub(super) fn truth(
    input: &Input,
    settings: &StudySettings,
    faces: &Faces,
    context: &Context<'_>,
) -> Result<Option<Vec<Option<i64>>>> {
    let Some(path) = &settings.labels else { return Ok(None) };
    let labels = match input {
        Input::Vectors(_) => labels_of_rows(path, faces.rows.len())?,
        Input::Dataset(dir) => {
            let known = if is_word(path) {
                as_read(needed(&open_reading(dir)?, Some(path))?.named).labels
            } else {
                read_label_file(path)?.labels
            };
            faces.names.iter().map(|n| known.get(n).copied()).collect()
        }
    };
    let labels: Vec<Option<i64>> = (0..).zip(labels).map(|(row, label)| Some(alone(row, label?))).collect();
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
