//! Builds the index from the tables.

use std::collections::{BTreeMap, HashMap};

use streamface_store::{Dataset, FaceRow, FeatureRow, FrameRow, LabelRow};
use streamface_types::{Embeddings, FaceId, Metric};

use super::CandidateLimits;
use super::index::{self, Detection, Face, Frame, Index, Vectors};
use super::mixed::{ClusterParts, all_parts};
use crate::Error;
use crate::matching::{self, Mode};
use crate::questions::Candidate;

/// The index of a dataset, read or rebuilt.
pub(super) fn open(data: &Dataset, limits: CandidateLimits) -> Result<(Index, Vectors), Error> {
    let fingerprint = index::fingerprint(data, &format!("{limits:?}"))?;
    if let Some(found) = index::read(&data.metadata(), &fingerprint) {
        return Ok(found);
    }
    let (index, features) = build(data, limits)?;
    let rows: Vec<&[f32]> = features.iter().map(|f| f.embedding.as_slice()).collect();
    index::write(&data.metadata(), &fingerprint, &index, &rows)?;
    index::read(&data.metadata(), &fingerprint).ok_or_else(|| Error::Index { path: data.metadata() })
}

fn build(data: &Dataset, limits: CandidateLimits) -> Result<(Index, Vec<FeatureRow>), Error> {
    let features = data.read::<FeatureRow>()?;
    let dim = features.first().map_or(0, |f| f.embedding.len());
    if features.iter().any(|f| f.embedding.len() != dim) {
        return Err(Error::MixedEmbeddings { path: data.root().to_owned() });
    }
    let labels: HashMap<FaceId, i64> =
        data.read::<LabelRow>()?.into_iter().map(|row| (row.face, row.label.0)).collect();
    if labels.is_empty() || features.is_empty() {
        return Err(Error::NoLabels { path: data.root().to_owned() });
    }
    let found: HashMap<FaceId, FaceRow> =
        data.read::<FaceRow>()?.into_iter().map(|row| (row.face.clone(), row)).collect();
    let known: HashMap<_, FrameRow> =
        data.read::<FrameRow>()?.into_iter().map(|row| (row.frame.clone(), row)).collect();
    let mut index = Index { dim, ..Index::default() };
    let mut sources: BTreeMap<String, u32> = BTreeMap::new();
    for feature in &features {
        let id = &feature.face;
        if index.frames.last().is_none_or(|f| f.id != id.frame) {
            let row = known.get(&id.frame);
            let size = row.map(|r| [r.width, r.height]).filter(|s| s[0] > 0 && s[1] > 0);
            let size = size.or_else(|| found.get(id).map(|f| f.frame_size));
            let source = row.map(|r| {
                let next = sources.len() as u32;
                *sources.entry(r.source.clone()).or_insert(next)
            });
            let stream_time = row.and_then(|r| r.stream_time);
            index.frames.push(Frame::new(id.frame.clone(), source, stream_time, size));
        }
        index.faces.push(Face {
            frame: index.frames.len() as u32 - 1,
            number: id.index,
            label: labels.get(id).copied().unwrap_or(-1),
            detection: found.get(id).map(|f| Detection::new(f.bbox, f.score, f.blur as f32, f.face_size)),
            rating: feature.quality,
        });
    }
    index.rated = index.faces.iter().all(|face| face.rating.is_some());
    index.sources = vec![String::new(); sources.len()];
    for (source, at) in sources {
        index.sources[at as usize] = source;
    }
    let clusters = index.labels();
    index.means = means(&index, &clusters, &features);
    index.parts = parts(&index, &clusters, &features);
    (index.candidates, index.cannot_link) =
        (candidates(&index, clusters.len(), limits)?, shared_frames(&index, &clusters));
    Ok((index, features))
}

/// Plain means of unit vectors, summed in the order of the faces.
fn means(index: &Index, clusters: &[i64], features: &[FeatureRow]) -> Vec<f32> {
    let mut sums = vec![0.0_f64; clusters.len() * index.dim];
    let mut sizes = vec![0_u32; clusters.len()];
    for (face, feature) in index.faces.iter().zip(features) {
        let Ok(cluster) = clusters.binary_search(&face.label) else { continue };
        sizes[cluster] += 1;
        let sum = &mut sums[cluster * index.dim..][..index.dim];
        sum.iter_mut().zip(&feature.embedding).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    let mean = |(at, sum): (usize, &f64)| (sum / f64::from(sizes[at / index.dim])) as f32;
    sums.iter().enumerate().map(mean).collect()
}

/// The best two parts of each cluster.
fn parts(index: &Index, clusters: &[i64], features: &[FeatureRow]) -> Vec<Option<ClusterParts>> {
    let mut members = vec![Vec::new(); clusters.len()];
    for (at, face) in (0..).zip(&index.faces) {
        if let Ok(cluster) = clusters.binary_search(&face.label) {
            members[cluster].push(at);
        }
    }
    all_parts(index, &members, |face| features[face as usize].embedding.as_slice())
}

/// Candidate pairs of clusters, by the distance of their means.
fn candidates(index: &Index, clusters: usize, limits: CandidateLimits) -> Result<Vec<Candidate>, Error> {
    if clusters < 2 {
        return Ok(Vec::new());
    }
    // Each mean represents its cluster. A zero mean is near no other.
    let has_direction = |c: &usize| index.means[c * index.dim..][..index.dim].iter().any(|&x| x != 0.0);
    let (kept, rows): (Vec<u32>, Vec<&[f32]>) = (0..clusters)
        .filter(has_direction)
        .map(|c| (c as u32, &index.means[c * index.dim..][..index.dim]))
        .unzip();
    let rows =
        Embeddings::new(rows.concat(), index.dim).map_err(|e| Error::Embeddings { why: e.to_string() })?;
    let labels: Vec<i64> = (0..kept.len() as i64).collect();
    let settings =
        matching::Settings::new(Metric::Cosine, Mode::Average, 0.0, limits.distance)?.max_pairs(limits.pairs);
    let found = matching::matches(&rows, &labels, &settings)?;
    let pairs = found.sure.iter().chain(&found.ask);
    let cluster = |label: i64| kept[usize::try_from(label).unwrap_or_default()];
    let mut candidates: Vec<Candidate> = pairs
        .map(|p| Candidate { left: cluster(p.a), right: cluster(p.b), distance: p.distance.clamp(0.0, 2.0) })
        .collect();
    candidates.sort_by_key(|c| (c.left, c.right));
    Ok(candidates)
}

/// Pairs of clusters that share a frame.
fn shared_frames(index: &Index, clusters: &[i64]) -> Vec<(u32, u32)> {
    let mut apart = Vec::new();
    for faces in index.faces.chunk_by(|a, b| a.frame == b.frame) {
        let mut there: Vec<u32> =
            faces.iter().filter_map(|f| clusters.binary_search(&f.label).ok()).map(|c| c as u32).collect();
        there.sort_unstable();
        there.dedup();
        for (at, &a) in there.iter().enumerate() {
            apart.extend(there[at + 1..].iter().map(|&b| (a, b)));
        }
    }
    apart.sort_unstable();
    apart.dedup();
    apart
}
