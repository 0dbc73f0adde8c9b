//! Pairs of clusters and decisions: pairs already answered, and sure pairs joined by decisions.

use std::collections::{BTreeSet, HashMap};

use streamface_types::{Embeddings, FaceId, Metric};

use super::Pair;
use super::clusters::{Clusters, mean};
use crate::{AUTO, Action, Compared, Decision, Error, Journal, People, Refusal, Verdict};

/// Faces that represent a cluster in an automatic decision: those nearest to its mean. Few, since all of them
/// become one person in every later clustering; several, so that the decision survives if one of them is
/// moved.
const FACES_PER_SIDE: usize = 3;

/// Pairs of [`labels`](People::labels) that a person answered with "different" or "not sure": not to be asked
/// about again, nor joined.
///
/// `decisions` are those applied to `people`. O(faces named · log n).
#[must_use]
pub fn answered_pairs(people: &People, decisions: &[Decision]) -> Vec<(i64, i64)> {
    let who = |side: &[FaceId]| -> BTreeSet<u32> {
        side.iter().filter_map(|face| people.person_of(people.index(face)?)).collect()
    };
    let mut found = BTreeSet::new();
    for decision in decisions.iter().filter(|d| people.holds(d.id)) {
        let sides: Vec<(&[FaceId], &[FaceId])> = match &decision.action {
            Action::Compare { pairs } => {
                let apart = pairs.iter().filter(|p| p.verdict != Verdict::Same);
                apart.map(|p| (&p.left[..], &p.right[..])).collect()
            }
            Action::Tear { left, right } => vec![(left, right)],
            _ => continue,
        };
        for (left, right) in sides {
            let right = who(right);
            let both = who(left).into_iter().flat_map(|a| right.iter().map(move |&b| (a, b)));
            found.extend(both.filter(|&(a, b)| people.verdict_between(a, b).is_some()).filter_map(
                |(a, b)| {
                    let (a, b) = (people.label(a)?, people.label(b)?);
                    Some((a.min(b), a.max(b)))
                },
            ));
        }
    }
    found.into_iter().collect()
}

/// Result of joining sure pairs.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Joined {
    /// Decisions made, one a pair, so that each can be undone on its own.
    pub decisions: usize,
    /// Pairs that cannot be joined, and why: they share a frame, or contradict earlier decisions.
    pub refused: Vec<(Pair, Refusal)>,
}

/// Joins pairs one after another, the nearest first as in [`Matches::sure`](super::Matches::sure), each by a
/// decision of [`AUTO`], unless [`People::check`] rejects it. Pairs that are one person already are skipped.
///
/// `rows` are the embeddings of the faces of `people`; labels of pairs are those of [`People::labels`],
/// unknown ones are ignored. On an error, earlier joins remain, in `people` and in the journal.
///
/// # Errors
/// [`Error::LabelCount`] if the number of rows is not the number of faces; those of [`Journal::append`].
pub fn join_sure(
    rows: &Embeddings,
    metric: Metric,
    people: &mut People,
    journal: &mut Journal,
    sure: &[Pair],
) -> Result<Joined, Error> {
    let clusters = Clusters::new(rows, &people.labels())?;
    let mut named: HashMap<u32, Vec<FaceId>> = HashMap::new();
    let mut found = Joined::default();
    for &pair in sure {
        let (Some(a), Some(b)) = (clusters.find(pair.a), clusters.find(pair.b)) else { continue };
        let person = |people: &People, cluster: u32| people.person_of(clusters.rows(cluster as usize)[0]);
        if person(people, a) == person(people, b) {
            continue;
        }
        let mut side = |cluster: u32| {
            let typical = || typical(rows, clusters.rows(cluster as usize), metric);
            let faces = || typical().into_iter().map(|row| people.faces()[row as usize].clone()).collect();
            named.entry(cluster).or_insert_with(faces).clone()
        };
        let compared = Compared { left: side(a), right: side(b), verdict: Verdict::Same };
        let action = Action::Compare { pairs: vec![compared] };
        match people.check(&action) {
            Ok(()) => {
                people.apply(&journal.append(AUTO, None, action)?);
                found.decisions += 1;
            }
            Err(refusal) => found.refused.push((pair, refusal)),
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
    far.into_iter().take(FACES_PER_SIDE).map(|(_, row)| row).collect()
}
