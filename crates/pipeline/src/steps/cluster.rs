//! Step 5: people. Complete linkage over all faces at once, two faces of a frame never one person,
//! clusters tied by temporal links joined.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use streamface_annotate::Report;
use streamface_cluster::Constraints;
use streamface_model::Manifest;
use streamface_store::{Dataset, FaceRow, FeatureRow, LabelRow, files, write_detections, write_matches};
use streamface_types::{Embeddings, FaceId, FaceLink, Label};

use super::checkpoint::{self, Checkpoint};
use super::dataset_dir::open_existing;
use super::decisions::{Decisions, keep_apart};
use super::kept_labels::{check_labels, imported_labels};
use super::labelling::{ClusterCounts, Earlier, Labelling, frames, label, matrix, same_frame};
use super::models::manifest_of;
use crate::event::Context;
use crate::settings::record::{read_record, record};
use crate::settings::{ClusterSettings, DEFAULT_EMBEDDER, Method, Settings as _};
use crate::threads::with_threads;
use crate::{Error, Result};

/// What a clustering came to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ClusterResult {
    /// What was found.
    pub found: ClusterCounts,
    /// Decisions of the review that the clustering was given.
    pub decisions: usize,
    /// Decisions that are not followed, and why.
    pub report: Report,
    /// Faces that had a label and have none now: they have no embedding.
    pub lost: usize,
    /// Where the labels that the dataset was imported with still are.
    pub imported: Option<PathBuf>,
    /// Time it took.
    pub time: Duration,
}

/// Step 5: people of all faces of a dataset. Writes labels, annotations and `labeled_faces/`.
///
/// # Errors
/// [`Error::Mismatch`] for embeddings of different models, and for a checkpoint of other faces;
/// [`Error::StepMissing`] where faces would lose the labels that they have, since they have no embedding; what reading
/// and writing meets.
pub fn cluster(dir: &Path, settings: &ClusterSettings, context: &Context<'_>) -> Result<ClusterResult> {
    settings.check()?;
    let data = open_existing(dir)?;
    let model = embedder_of(&data)?;
    let mut how = Labelling::of_dataset(&data, &settings.people, &settings.method, &model, context)?;
    how.linkage = settings.resources.limit(how.linkage);
    how.discard_labels = settings.discard_labels;
    with_threads(settings.resources.threads, || cluster_dataset(&data, &how, context))
}

/// The manifest of the embedder that a dataset was analyzed with; the default one where its record names none.
pub(super) fn embedder_of(data: &Dataset) -> Result<Manifest> {
    let record = read_record(data)?;
    let name = record.get("analyze").and_then(|step| step.get("embedder"));
    manifest_of(data, name.map_or(DEFAULT_EMBEDDER, String::as_str))
}

pub(super) fn cluster_dataset(
    data: &Dataset,
    how: &Labelling,
    context: &Context<'_>,
) -> Result<ClusterResult> {
    let start = Instant::now();
    data.compact()?;
    let faces = data.read::<FaceRow>()?;
    let features = data.read::<FeatureRow>()?;
    let links: Vec<FaceLink> = faces
        .iter()
        .filter_map(|f| Some(FaceLink { later: f.face.clone(), earlier: f.link.clone()? }))
        .collect();
    let vectors = matrix(&features)?;
    let decisions = Decisions::read(data)?;
    let ids: Vec<FaceId> = features.iter().map(|f| f.face.clone()).collect();
    let lost = check_labels(data, &ids, how.discard_labels)?;
    let (apart, taken) = decisions.apart(&ids, decisions.len())?;
    let mut constraints = same_frame(&features);
    keep_apart(&mut constraints, &apart);
    let before =
        if how.append { earlier(data, &features, &vectors, how, &decisions, context)? } else { None };
    let (labels, found, clusters) =
        label(&features, &vectors, &links, how, (&constraints, before.as_ref()), context.observer)?;
    let report = decisions.report(&ids, &labels)?;
    let mut settings = vec![
        ("threshold", how.linkage.threshold().to_string()),
        ("merging-threshold", how.merging_threshold.to_string()),
        ("metric", how.linkage.metric().to_string()),
        ("method", how.method_name().to_owned()),
    ];
    if let Some(judge) = how.judge {
        settings.push(("false-merges", judge.false_merges.to_string()));
    }
    if how.method == Method::Infomap {
        settings.push(("neighbours", how.neighbours.to_string()));
    }
    record(data, "cluster", false, &settings)?;
    // For programs that match faces with people and do not know the model.
    let of_model =
        [("metric", how.linkage.metric().to_string()), ("match-threshold", how.match_threshold.to_string())];
    record(data, "embedder", false, &of_model)?;
    let rows: Vec<LabelRow> =
        features.iter().zip(&labels).map(|(f, &l)| LabelRow::new(f.face.clone(), Label(l.into()))).collect();
    let metadata = data.metadata();
    // New clusters have no names yet; what goes on from the last ones keeps theirs.
    let names = if before.is_some() { data.cluster_names()? } else { BTreeMap::new() };
    data.write_annotations(&rows, &names)?;
    write_detections(&metadata.join("detections.csv"), &faces)?;
    write_matches(&metadata.join("matches.csv"), &links)?;
    data.write_processed(&data.read()?, &data.read()?)?;
    data.write_labeled_faces(&rows, &names)?;
    let path = metadata.join(checkpoint::FILE);
    // Old merges beside new labels would be of other faces: none are better.
    files::remove(&path)?;
    data.replace_labels(rows, &names)?;
    if let Some(merges) = &clusters.merges {
        let left = (&merges[..], clusters.parts.as_ref());
        checkpoint::write(&path, left, &how.linkage, &vectors, Some(&taken))?;
    }
    let imported = imported_labels(data);
    Ok(ClusterResult { found, decisions: decisions.len(), report, lost, imported, time: start.elapsed() })
}

/// What the last clustering left, if it is of faces that are still there and as they were.
fn earlier(
    data: &Dataset,
    features: &[FeatureRow],
    vectors: &Embeddings,
    how: &Labelling,
    decisions: &Decisions,
    context: &Context<'_>,
) -> Result<Option<Earlier>> {
    let path = data.metadata().join(checkpoint::FILE);
    // Before it is read as any other file is.
    files::is_there(&path)?;
    let Some(mut checkpoint) = Checkpoint::read(&path)? else { return Ok(None) };
    let labelled: BTreeMap<FaceId, Label> =
        data.read::<LabelRow>()?.into_iter().map(|l| (l.face, l.label)).collect();
    let labels: Vec<Option<u32>> =
        features.iter().map(|f| labelled.get(&f.face).and_then(|l| l.0.try_into().ok())).collect();
    let is_new: Vec<bool> = features.iter().map(|f| !labelled.contains_key(&f.face)).collect();
    let now: Vec<u32> = (0_u32..).zip(&is_new).filter(|(_, new)| !**new).map(|(row, _)| row).collect();
    if now.len() != labelled.len() {
        return Err(Error::Mismatch(format!(
            "{} faces of the last clustering are gone; cluster once without --append",
            labelled.len() - now.len()
        )));
    }
    let old: Vec<f32> = now.iter().flat_map(|&row| vectors.row(row as usize)).copied().collect();
    checkpoint.check(&path, &how.linkage, now.len(), &old)?;
    checkpoint.renumber(&now, vectors.len())?;
    let mut constraints = Constraints::default();
    for rows in frames(features) {
        let rows: Vec<usize> = rows.into_iter().filter(|&row| !is_new[row]).collect();
        constraints.cannot_link_group(&rows);
    }
    // The journal only grows, so what the last run took from it can be taken again, from the faces there were.
    let taken = checkpoint.taken.clone().unwrap_or_default();
    let ids: Vec<FaceId> = now.iter().map(|&row| features[row as usize].face.clone()).collect();
    let (pairs, again) = decisions.apart(&ids, taken.decisions.min(decisions.len()))?;
    if checkpoint.taken.is_some() && again != taken {
        context.warn("the journal of decisions changed; clustering from scratch");
        return Ok(None);
    }
    let rows = pairs.iter().map(|&(a, b)| (now[a as usize], now[b as usize]));
    keep_apart(&mut constraints, &rows.collect::<Vec<_>>());
    Ok(Some(Earlier { checkpoint, is_new, labels, constraints }))
}
