//! People of features: clusters by the wanted method, joined by temporal links.

use std::collections::BTreeMap;

use streamface_cluster::{Constraints, compat, labels, merge_by_links};
use streamface_model::Manifest;
use streamface_store::{Dataset, FeatureMatrix, FeatureRow};
use streamface_types::{Embeddings, FaceId, FaceLink, FrameId};

use super::checkpoint::Checkpoint;
use super::judged_merges::{self, FALSE_MERGES, JudgedMerges, judge};
use super::last_clustering::{COMPAT, LastClustering};
use crate::clustering_method::{Clusters, append_rows, cluster_rows, count};
use crate::event::{Context, Event, Observer};
use crate::settings::{Method, MethodSettings, PeopleSettings};
use crate::{Error, Result};

/// Settings of clustering, with what the model recommends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Labelling {
    /// Metric and threshold.
    pub(super) linkage: streamface_cluster::Settings,
    /// How merges within that threshold are judged; none are where the user gave it.
    pub(super) judge: Option<streamface_eval::merges::Settings>,
    /// Mean distance below which temporally linked clusters merge.
    pub(super) merging_threshold: f64,
    /// Distance from a person's mean within which the model recommends to take a face for that person.
    pub(super) match_threshold: f64,
    /// How faces become people.
    pub(super) method: Method,
    /// Nearest neighbours that Infomap looks at.
    pub(super) neighbours: usize,
    /// As the original does it.
    pub(super) compat: bool,
    /// Go on from the last clustering.
    pub(super) append: bool,
    /// Faces without an embedding lose the labels that they have.
    pub(super) discard_labels: bool,
}

impl Labelling {
    pub(super) fn new(people: &PeopleSettings, method: &MethodSettings, model: &Manifest) -> Result<Self> {
        let (linkage, merging_threshold) = people.resolve(model)?;
        let &MethodSettings { compat, append, .. } = method;
        let (method, neighbours) = (method.method(), method.neighbours());
        let match_threshold = model.embedder()?.match_threshold;
        let judged = people.threshold.is_none() && method == Method::Complete && !compat;
        let false_merges = people.false_merges.unwrap_or(FALSE_MERGES);
        let judge = judged.then(|| judged_merges::settings(model, linkage.threshold(), false_merges));
        Ok(Self {
            linkage,
            judge: judge.transpose()?,
            merging_threshold,
            match_threshold,
            method,
            neighbours,
            compat,
            append,
            discard_labels: false,
        })
    }

    /// As the last clustering of the dataset was, but for what is asked for; says so where that is not the model's way.
    ///
    /// # Errors
    /// Those of [`LastClustering`], and thresholds out of range.
    pub(super) fn of_dataset(
        data: &Dataset,
        people: &PeopleSettings,
        method: &MethodSettings,
        model: &Manifest,
        context: &Context<'_>,
    ) -> Result<Self> {
        let (all_people, all_method) = LastClustering::of(data)?.complete(data, people, method)?;
        let asked = Self::new(people, method, model)?;
        let found = Self::new(&all_people, &all_method, model)?;
        if people.false_merges.is_some() && found.judge.is_none() {
            let method = found.method_name();
            return Err(Error::Setting(format!(
                "false-merges is for complete linkage, and not for '{method}'"
            )));
        }
        let budget = |how: &Self| how.judge.map(|judge| judge.false_merges);
        // A threshold that was given may be the one that the model has.
        let given = budget(&asked).is_some()
            && budget(&found).is_none()
            && found.method == Method::Complete
            && !found.compat;
        let mut kept = Vec::new();
        if given || asked.linkage.threshold() != found.linkage.threshold() {
            kept.push(format!("threshold {}", found.linkage.threshold()));
        }
        if let Some(budget) = budget(&found).filter(|found| budget(&asked) != Some(*found)) {
            kept.push(format!("false-merges {budget}"));
        }
        if asked.merging_threshold != found.merging_threshold {
            kept.push(format!("merging-threshold {}", found.merging_threshold));
        }
        if asked.method_name() != found.method_name() {
            kept.push(format!("method {}", found.method_name()));
        }
        if !kept.is_empty() {
            let said = format!("as in the last clustering: {}; flags change that", kept.join(", "));
            context.event(&Event::Note(said));
        }
        Ok(found)
    }

    /// What the directory's record calls the method.
    pub(super) fn method_name(&self) -> &'static str {
        if self.compat { COMPAT } else { self.method.name() }
    }
}

/// An earlier clustering, in terms of the faces there are now.
pub(super) struct Earlier {
    pub(super) checkpoint: Checkpoint,
    pub(super) is_new: Vec<bool>,
    pub(super) labels: Vec<Option<u32>>,
    pub(super) constraints: Constraints,
}

/// What clustering found.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ClusterCounts {
    /// Faces with an embedding.
    pub faces: usize,
    /// People.
    pub people: usize,
    /// Of these, with one face.
    pub singletons: usize,
    /// Faces of the largest.
    pub largest: usize,
    /// Pairs of faces at distance ≤ threshold that were worked on.
    pub links: u64,
    /// Clusters before temporal links joined some.
    pub before_merging: usize,
    /// Which merges were believed, where no threshold was given.
    pub judged: Option<JudgedMerges>,
}

/// Labels by size, one a feature; and what the method found.
pub(super) fn label(
    features: &[FeatureRow],
    vectors: &Embeddings,
    links: &[FaceLink],
    how: &Labelling,
    (constraints, earlier): (&Constraints, Option<&Earlier>),
    observer: &dyn Observer,
) -> Result<(Vec<u32>, ClusterCounts, Clusters)> {
    // Features are in the order of their faces.
    let row = |face: &FaceId| features.binary_search_by(|f| f.face.cmp(face)).ok();
    let pairs: Vec<_> = links.iter().filter_map(|l| Some((row(&l.later)?, row(&l.earlier)?))).collect();
    let (found, judged, labels) = if how.compat {
        let scheme = compat::Scheme::new(how.linkage).merging_threshold(how.merging_threshold)?;
        let labels = compat::cluster(vectors, &pairs, &scheme)?;
        (Clusters { clusters: count(&labels), ..Clusters::default() }, None, labels)
    } else {
        let found = match earlier {
            Some(e) => {
                let history = e.checkpoint.history(&e.constraints);
                append_rows(vectors, &history, &e.is_new, &how.linkage, constraints, observer)?
            }
            None => cluster_rows(vectors, &how.linkage, constraints, (how.method, how.neighbours), observer)?,
        };
        let (found, judged) = judge(vectors, found, constraints, how)?;
        let metric = how.linkage.metric();
        let merged =
            merge_by_links(vectors, metric, &found.labels, &pairs, how.merging_threshold, constraints)?;
        let labels = match earlier {
            // People keep their numbers.
            Some(e) => labels::as_before(&merged, &e.labels),
            None => labels::by_size(&merged),
        };
        (found, judged, labels)
    };
    let mut sizes = vec![0_usize; count(&labels)];
    labels.iter().for_each(|&l| sizes[l as usize] += 1);
    sizes.retain(|&n| n > 0);
    let counts = ClusterCounts {
        faces: features.len(),
        people: sizes.len(),
        singletons: sizes.iter().filter(|&&n| n == 1).count(),
        largest: sizes.iter().max().copied().unwrap_or(0),
        links: found.links,
        before_merging: found.clusters,
        judged,
    };
    let merges = found.merges.filter(|_| how.method == Method::Complete);
    Ok((labels, counts, Clusters { merges, ..found }))
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
pub(super) fn matrix(features: &[FeatureRow]) -> Result<Embeddings> {
    let mut rows = FeatureMatrix::with_capacity(features.len());
    for f in features {
        rows.push(f).map_err(|e| {
            Error::Mismatch(format!("{e}: distances between models mean nothing; use one directory a model"))
        })?;
    }
    Ok(rows.finish()?)
}
