//! Sure pairs as decisions.

use std::collections::{HashMap, HashSet};

use streamface_types::{Embeddings, FaceId, FrameId, Metric};

use super::clusters::{Clusters, mean};
use super::rules::Sets;
use super::{Error, Pair};
use crate::{Compared, Verdict, What};

/// Faces that stand for a cluster in a decision that nobody looked at: those nearest to its mean. Few, since
/// all that are named become one person, whatever a later clustering makes of them; more than one, so that
/// the decision outlives one that turns out not to belong.
const NAMED: usize = 3;

/// What comes of joining sure pairs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Joins {
    /// The joins, in the order given: a [`What::Compare`] of one pair each, so that each can be taken back by
    /// itself. What earlier ones have made one already is left out.
    pub decisions: Vec<What>,
    /// Pairs that would have made one person of faces that cannot be.
    pub refused: Vec<Refused>,
}

/// A pair that was not joined.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// The pair.
    pub pair: Pair,
    /// What stands in its way.
    pub why: Why,
}

/// Why two clusters, with all that they were joined with before, cannot be one person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// Both have a face in this frame; the first in the order of the rows, of the cluster with fewer frames.
    SameFrame(FrameId),
    /// These two rows were said to be different people.
    Different(u32, u32),
}

/// Joins pairs one after another, nearest first as [`Matches::sure`](super::Matches::sure) has them, where
/// nothing forbids it: no two faces of one frame in different clusters become one person, nor the two rows of
/// a pair of `different`. What a cluster holds already is not questioned.
///
/// `rows`, `labels` and `faces` go together, as for [`matches`](super::matches). O(n log n + c·d), c being the
/// rows of clusters that are joined.
///
/// # Errors
/// [`Error::LabelCount`], [`Error::FaceCount`]; [`Error::Cluster`] for a row of `different` that is not there.
pub fn joins(
    rows: &Embeddings,
    labels: &[i64],
    faces: &[FaceId],
    metric: Metric,
    sure: &[Pair],
    different: &[(u32, u32)],
) -> Result<Joins, Error> {
    let clusters = Clusters::new(rows, labels)?;
    if faces.len() != rows.len() {
        return Err(Error::FaceCount { faces: faces.len(), rows: rows.len() });
    }
    if let Some(&row) = different.iter().flat_map(|(a, b)| [a, b]).find(|&&row| row as usize >= rows.len()) {
        return Err(streamface_cluster::Error::NoSuchRow { row: row as usize, rows: rows.len() }.into());
    }
    let mut people = People::new(&clusters, labels, faces, sure, different);
    let mut named: HashMap<u32, Vec<FaceId>> = HashMap::new();
    let mut name = |c: u32| {
        let typical = || typical(rows, clusters.rows(c as usize), metric);
        let faces = || typical().into_iter().map(|row| faces[row as usize].clone()).collect();
        named.entry(c).or_insert_with(faces).clone()
    };
    let mut found = Joins::default();
    for &pair in sure {
        let (Some(a), Some(b)) = (clusters.find(pair.a), clusters.find(pair.b)) else { continue };
        match people.join(a, b) {
            Ok(false) => {}
            Ok(true) => found.decisions.push(What::Compare {
                pairs: vec![Compared { left: name(a), right: name(b), verdict: Verdict::Same }],
            }),
            Err(why) => found.refused.push(Refused { pair, why }),
        }
    }
    Ok(found)
}

/// The rows nearest to the mean of a cluster, the nearest first.
fn typical(rows: &Embeddings, members: &[u32], metric: Metric) -> Vec<u32> {
    let mean = mean(rows, members);
    let far = |&row: &u32| (metric.distance(&mean, rows.row(row as usize)), row);
    let mut far: Vec<(f64, u32)> = members.iter().map(far).collect();
    far.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    far.into_iter().take(NAMED).map(|(_, row)| row).collect()
}

/// Clusters as they become one, and what each set of them may not hold.
struct People<'a> {
    sets: Sets,
    /// Of each set: its frames, with the first row in each.
    frames: HashMap<u32, HashMap<&'a FrameId, u32>>,
    /// Of each set: what it may not meet.
    apart: HashMap<u32, Vec<Apart>>,
}

/// A cluster that must not be met, and the rows that were said to be different.
#[derive(Clone, Copy)]
struct Apart {
    cluster: u32,
    rows: (u32, u32),
}

impl<'a> People<'a> {
    fn new(
        clusters: &Clusters,
        labels: &[i64],
        faces: &'a [FaceId],
        sure: &[Pair],
        different: &[(u32, u32)],
    ) -> Self {
        // Only what may be joined needs its frames looked at.
        let asked: HashSet<u32> =
            sure.iter().flat_map(|p| [p.a, p.b]).filter_map(|label| clusters.find(label)).collect();
        let frames_of = |c: u32| {
            let mut frames = HashMap::new();
            for &row in clusters.rows(c as usize) {
                frames.entry(&faces[row as usize].frame).or_insert(row);
            }
            (c, frames)
        };
        let frames = asked.into_iter().map(frames_of).collect();
        let mut apart: HashMap<u32, Vec<Apart>> = HashMap::new();
        let cluster = |row: u32| clusters.find(labels[row as usize]);
        for &(p, q) in different {
            if let (Some(a), Some(b)) = (cluster(p), cluster(q))
                && a != b
            {
                apart.entry(a).or_default().push(Apart { cluster: b, rows: (p, q) });
                apart.entry(b).or_default().push(Apart { cluster: a, rows: (p, q) });
            }
        }
        Self { sets: Sets::new(clusters.len()), frames, apart }
    }

    /// Makes two clusters one person. Whether they were two; why they must stay so.
    fn join(&mut self, a: u32, b: u32) -> Result<bool, Why> {
        let (mut a, mut b) = (self.sets.find(a), self.sets.find(b));
        if a == b {
            return Ok(false);
        }
        // The smaller of two goes into the larger: O(n log n) in all.
        let weight =
            |x: u32| self.frames.get(&x).map_or(0, HashMap::len) + self.apart.get(&x).map_or(0, Vec::len);
        if (weight(a), b) < (weight(b), a) {
            (a, b) = (b, a);
        }
        let sets = &mut self.sets;
        let clash = self.apart.get(&b).into_iter().flatten().find(|apart| sets.find(apart.cluster) == a);
        if let Some(&Apart { rows: (p, q), .. }) = clash {
            return Err(Why::Different(p, q));
        }
        let (empty, small) = (HashMap::new(), self.frames.remove(&b).unwrap_or_default());
        let large = self.frames.get(&a).unwrap_or(&empty);
        let shared =
            small.iter().filter(|(frame, _)| large.contains_key(*frame)).min_by_key(|(_, row)| **row);
        if let Some((frame, _)) = shared {
            let frame = FrameId::clone(frame);
            self.frames.insert(b, small);
            return Err(Why::SameFrame(frame));
        }
        self.frames.entry(a).or_default().extend(small);
        let apart = self.apart.remove(&b).unwrap_or_default();
        self.apart.entry(a).or_default().extend(apart);
        self.sets.join(a, b);
        Ok(true)
    }
}
