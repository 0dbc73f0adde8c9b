//! Step 5: people. Complete linkage over all faces at once, two faces of a frame never one person,
//! clusters tied by temporal links joined.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use streamface_cluster::{Constraints, compat, labels, merge_by_links};
use streamface_store::{Dataset, FaceRow, FeatureRow, LabelRow, write_detections, write_matches};
use streamface_types::{Embeddings, FaceId, FaceLink, FrameId, Label};

use super::decided::{Decided, keep_apart};
use super::finalize::print_conflicts;
use super::method::{Clusters, How, append_rows, cluster_rows, count};
use super::state::{self, State};
use crate::args::Method;
use crate::settings::{self, People};

/// What clustering found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClusterSummary {
    /// Faces with an embedding.
    pub faces: usize,
    /// People.
    pub people: usize,
    /// Of these, with one face.
    pub singletons: usize,
    /// Faces of the largest.
    pub largest: usize,
    /// Pairs of faces at distance ≤ threshold.
    pub links: u64,
    /// Clusters before temporal links joined some.
    pub before_merging: usize,
    /// Decisions of the review that the clustering was told of.
    pub decisions: usize,
    /// Pairs in them that cannot be what was said, as the clusters are.
    pub not_followed: usize,
    /// Time it took.
    pub time: Duration,
}

/// Clusters the faces of a dataset and writes labels, annotations and `labeled_faces/`.
///
/// # Errors
/// Features of different models, or what reading and writing meets.
pub fn cluster(data: &Dataset, people: &People, quiet: bool) -> anyhow::Result<ClusterSummary> {
    let start = Instant::now();
    data.compact()?;
    let faces = data.read::<FaceRow>()?;
    let features = data.read::<FeatureRow>()?;
    let links: Vec<FaceLink> = faces
        .iter()
        .filter_map(|f| Some(FaceLink { later: f.face.clone(), earlier: f.link.clone()? }))
        .collect();
    let vectors = matrix(&features)?;
    let decided = Decided::read(data)?;
    let ids: Vec<FaceId> = features.iter().map(|f| f.face.clone()).collect();
    let (apart, taken) = decided.apart(&ids, decided.len())?;
    let mut constraints = same_frame(&features);
    keep_apart(&mut constraints, &apart);
    let before = if people.append { earlier(data, &features, &vectors, people, &decided)? } else { None };
    let (labels, mut summary, found) =
        label(&features, &vectors, &links, people, (&constraints, before.as_ref()), quiet)?;
    let report = decided.report(&ids, &labels)?;
    print_conflicts(&report);
    summary.decisions = decided.len();
    summary.not_followed = report.conflicts.len();
    settings::record(
        data,
        "cluster",
        false,
        &[
            ("threshold", people.linkage.threshold().to_string()),
            ("merging-threshold", people.merging_threshold.to_string()),
            ("metric", people.linkage.metric().to_string()),
            ("method", people.method_name().to_owned()),
        ],
    )?;
    let rows: Vec<LabelRow> =
        features.iter().zip(&labels).map(|(f, &l)| LabelRow::new(f.face.clone(), Label(l.into()))).collect();
    let metadata = data.metadata();
    data.write_annotations(&rows)?;
    write_detections(&metadata.join("detections.csv"), &faces)?;
    write_matches(&metadata.join("matches.csv"), &links)?;
    data.write_processed(&data.read()?, &data.read()?)?;
    data.write_labeled_faces(&rows)?;
    let state = metadata.join(MERGES);
    // Old merges beside new labels would be of other faces: none are better.
    if let Err(e) = std::fs::remove_file(&state)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        return Err(e).with_context(|| state.display().to_string());
    }
    data.replace(rows)?;
    if let Some(merges) = &found.merges {
        let left = (&merges[..], found.parts.as_ref());
        state::write(&state, left, &people.linkage, &vectors, Some(&taken))?;
    }
    summary.time = start.elapsed();
    Ok(summary)
}

/// The merges of the last clustering, for the next one to go on from.
const MERGES: &str = "merges.parquet";

/// An earlier clustering, told in terms of the faces there are now.
struct Earlier {
    state: State,
    is_new: Vec<bool>,
    labels: Vec<Option<u32>>,
    constraints: Constraints,
}

/// What the last clustering left, if it is of faces that are still there and as they were.
fn earlier(
    data: &Dataset,
    features: &[FeatureRow],
    vectors: &Embeddings,
    people: &People,
    decided: &Decided,
) -> anyhow::Result<Option<Earlier>> {
    let path = data.metadata().join(MERGES);
    let Some(mut state) = State::read(&path)? else { return Ok(None) };
    let labelled: BTreeMap<FaceId, Label> =
        data.read::<LabelRow>()?.into_iter().map(|l| (l.face, l.label)).collect();
    let labels: Vec<Option<u32>> =
        features.iter().map(|f| labelled.get(&f.face).and_then(|l| l.0.try_into().ok())).collect();
    let is_new: Vec<bool> = features.iter().map(|f| !labelled.contains_key(&f.face)).collect();
    let now: Vec<u32> = (0_u32..).zip(&is_new).filter(|(_, new)| !**new).map(|(row, _)| row).collect();
    if now.len() != labelled.len() {
        bail!(
            "{} faces of the last clustering are gone; cluster once without --append",
            labelled.len() - now.len()
        );
    }
    let old: Vec<f32> = now.iter().flat_map(|&row| vectors.row(row as usize)).copied().collect();
    state.check(&path, &people.linkage, now.len(), &old)?;
    state.renumber(&now, vectors.len())?;
    let mut constraints = Constraints::default();
    for rows in frames(features) {
        let rows: Vec<usize> = rows.into_iter().filter(|&row| !is_new[row]).collect();
        constraints.cannot_link_group(&rows);
    }
    // The journal only grows, so what the last run took from it can be taken again, from the faces there were.
    let taken = state.taken.clone().unwrap_or_default();
    let ids: Vec<FaceId> = now.iter().map(|&row| features[row as usize].face.clone()).collect();
    let (pairs, again) = decided.apart(&ids, taken.decisions.min(decided.len()))?;
    if state.taken.is_some() && again != taken {
        eprintln!("the decisions that the last clustering took are not those of the journal now: all anew");
        return Ok(None);
    }
    let rows = pairs.iter().map(|&(a, b)| (now[a as usize], now[b as usize]));
    keep_apart(&mut constraints, &rows.collect::<Vec<_>>());
    Ok(Some(Earlier { state, is_new, labels, constraints }))
}

/// Labels by size, one a feature; and what the method found.
fn label(
    features: &[FeatureRow],
    vectors: &Embeddings,
    links: &[FaceLink],
    people: &People,
    (constraints, earlier): (&Constraints, Option<&Earlier>),
    quiet: bool,
) -> anyhow::Result<(Vec<u32>, ClusterSummary, Clusters)> {
    // Features are in the order of their faces.
    let row = |face: &FaceId| features.binary_search_by(|f| f.face.cmp(face)).ok();
    let pairs: Vec<_> = links.iter().filter_map(|l| Some((row(&l.later)?, row(&l.earlier)?))).collect();
    let (found, labels) = if people.compat {
        let scheme = compat::Scheme::new(people.linkage).merging_threshold(people.merging_threshold)?;
        let labels = compat::cluster(vectors, &pairs, &scheme)?;
        (Clusters { clusters: count(&labels), ..Clusters::default() }, labels)
    } else {
        let how = How { method: people.method, neighbours: people.neighbours, quiet };
        let found = match earlier {
            Some(e) => {
                let history = e.state.history(&e.constraints);
                append_rows(vectors, &history, &e.is_new, &people.linkage, constraints, quiet)?
            }
            None => cluster_rows(vectors, &people.linkage, constraints, how)?,
        };
        let metric = people.linkage.metric();
        let merged =
            merge_by_links(vectors, metric, &found.labels, &pairs, people.merging_threshold, constraints)?;
        let labels = match earlier {
            // People keep their numbers.
            Some(e) => labels::as_before(&merged, &e.labels),
            None => labels::by_size(&merged),
        };
        (found, labels)
    };
    let mut sizes = vec![0_usize; count(&labels)];
    labels.iter().for_each(|&l| sizes[l as usize] += 1);
    sizes.retain(|&n| n > 0);
    let summary = ClusterSummary {
        faces: features.len(),
        people: sizes.len(),
        singletons: sizes.iter().filter(|&&n| n == 1).count(),
        largest: sizes.iter().max().copied().unwrap_or(0),
        links: found.links,
        before_merging: found.clusters,
        decisions: 0,
        not_followed: 0,
        time: Duration::ZERO,
    };
    let merges = found.merges.filter(|_| people.method == Method::Complete);
    Ok((labels, summary, Clusters { merges, ..found }))
}

/// Two faces of a frame are two people.
pub(super) fn same_frame(features: &[FeatureRow]) -> Constraints {
    let mut constraints = Constraints::default();
    for rows in frames(features).filter(|rows| rows.len() > 1) {
        constraints.cannot_link_group(&rows);
    }
    constraints
}

/// The features of each frame.
pub(super) fn frames(features: &[FeatureRow]) -> impl Iterator<Item = Vec<usize>> {
    let mut frames: BTreeMap<&FrameId, Vec<usize>> = BTreeMap::new();
    for (row, feature) in features.iter().enumerate() {
        frames.entry(&feature.face.frame).or_default().push(row);
    }
    frames.into_values()
}

/// The embeddings, one a row, all of one model.
pub(super) fn matrix(features: &[FeatureRow]) -> anyhow::Result<Embeddings> {
    let Some(first) = features.first() else { return Ok(Embeddings::default()) };
    let dim = first.embedding.len();
    let mut data = Vec::with_capacity(features.len() * dim);
    for f in features {
        if f.model_sha256 != first.model_sha256 || f.embedding.len() != dim {
            bail!(
                "{} was embedded by {}, {} by {}: distances between models mean nothing; use one directory a model",
                first.face,
                first.model,
                f.face,
                f.model
            );
        }
        data.extend_from_slice(&f.embedding);
    }
    Ok(Embeddings::new(data, dim)?)
}

/// Counts people while faces come in: clustered anew each time a quarter more are there.
#[derive(Debug)]
pub struct PeopleSoFar {
    people: People,
    features: Vec<FeatureRow>,
    counted: usize,
    count: u64,
}

/// Beyond this many faces the count would cost more than a glance is worth.
const MOST_COUNTED: usize = 5_000;

impl PeopleSoFar {
    /// A count that starts with nothing.
    #[must_use]
    pub fn new(people: People) -> Self {
        let people = People { method: Method::Complete, compat: false, ..people };
        Self { people, features: Vec::new(), counted: 0, count: 0 }
    }

    /// More faces.
    pub fn add(&mut self, features: &[FeatureRow]) {
        if self.features.len() + features.len() > MOST_COUNTED {
            self.features = Vec::new();
            self.counted = usize::MAX;
            return;
        }
        if self.counted == usize::MAX {
            return;
        }
        self.features.extend_from_slice(features);
        if self.features.len() > self.counted + self.counted / 4 {
            self.counted = self.features.len();
            let found = matrix(&self.features).and_then(|vectors| {
                let constraints = same_frame(&self.features);
                label(&self.features, &vectors, &[], &self.people, (&constraints, None), true)
            });
            self.count = found.map_or(0, |(_, summary, _)| summary.people as u64);
        }
    }

    /// People at the last count; 0 for none.
    #[must_use]
    pub fn count(&self) -> u64 {
        if self.counted == usize::MAX { 0 } else { self.count }
    }
}
