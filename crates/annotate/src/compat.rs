//! The original's interview: pair by pair in the order of its matches, answered with a number.
//!
//! | answer | meaning for clusters x and y | effect on the interview |
//! |---|---|---|
//! | `0` | one person | no more questions about y |
//! | `1` | x is noise | no more questions about x |
//! | `2` | y is noise | no more questions about y |
//! | `12` | both are noise | no more questions about both |
//! | Enter | two people | continues |
//! | `3` | none | skips the rest of x |
//!
//! Answers become decisions on faces ([`Interview`]), so they also hold in other clusterings. A finished
//! interview of the original leaves only two labellings; [`between`] finds decisions that lead from one to
//! the other. The pairs `ignore` that it saves in between are pairs answered with [`Answer::Different`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;

use streamface_types::FaceId;

use crate::{Action, Compared, Error, Verdict};

/// Maximum faces of a cluster that are shown, and named in the decision.
pub const SHOWN: usize = 25;

/// A typed answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// `0`
    Same,
    /// `1`
    LeftNoisy,
    /// `2`
    RightNoisy,
    /// `12`
    BothNoisy,
    /// Enter
    Different,
    /// `3`
    SkipLeft,
}

impl FromStr for Answer {
    type Err = Error;

    fn from_str(typed: &str) -> Result<Self, Error> {
        match typed.trim() {
            "0" => Ok(Self::Same),
            "1" => Ok(Self::LeftNoisy),
            "2" => Ok(Self::RightNoisy),
            "12" => Ok(Self::BothNoisy),
            "" => Ok(Self::Different),
            "3" => Ok(Self::SkipLeft),
            other => Err(Error::UnknownAnswer { typed: other.to_owned() }),
        }
    }
}

/// Questions about pairs of clusters, in a given order.
///
/// ```
/// use streamface_annotate::compat::{Answer, Interview};
///
/// let faces = [("a_face_0", 0), ("b_face_0", 1), ("c_face_0", 2)].map(|(f, l)| (f.parse().unwrap(), l));
/// let mut asked = Interview::new(faces, [(0, 1), (0, 2), (1, 2)]);
/// assert_eq!(asked.question(), Some((0, 1)));
/// assert_eq!(asked.answer(Answer::Same).len(), 1);
/// // 1 is part of 0 now, so the last pair is not asked.
/// assert_eq!(asked.question(), Some((0, 2)));
/// asked.answer(Answer::Different);
/// assert_eq!(asked.question(), None);
/// ```
#[derive(Debug, Clone)]
pub struct Interview {
    clusters: BTreeMap<i64, Vec<FaceId>>,
    /// The next question is last.
    pairs: Vec<(i64, i64)>,
    /// Clusters that are not asked about any more.
    done: BTreeSet<i64>,
}

impl Interview {
    /// Questions about these pairs of labels. Pairs with an empty cluster are not asked.
    pub fn new(
        labels: impl IntoIterator<Item = (FaceId, i64)>,
        pairs: impl IntoIterator<Item = (i64, i64)>,
    ) -> Self {
        let mut clusters: BTreeMap<i64, Vec<FaceId>> = BTreeMap::new();
        for (face, label) in labels.into_iter().filter(|(_, label)| *label >= 0) {
            clusters.entry(label).or_default().push(face);
        }
        let there = |label: &i64| clusters.contains_key(label);
        let mut pairs: Vec<_> = pairs.into_iter().filter(|(x, y)| x != y && there(x) && there(y)).collect();
        pairs.reverse();
        Self { clusters, pairs, done: BTreeSet::new() }
    }

    /// The next pair (x, y) to answer; `None` at the end.
    pub fn question(&mut self) -> Option<(i64, i64)> {
        while let Some(&(x, y)) = self.pairs.last() {
            if !self.done.contains(&x) && !self.done.contains(&y) {
                return Some((x, y));
            }
            self.pairs.pop();
        }
        None
    }

    /// Answers the current question and returns the decisions to record; none at the end.
    pub fn answer(&mut self, answer: Answer) -> Vec<Action> {
        let Some((x, y)) = self.question() else { return Vec::new() };
        self.pairs.pop();
        let all = |label: i64| self.clusters.get(&label).cloned().unwrap_or_default();
        let shown = |label: i64| all(label).into_iter().take(SHOWN).collect::<Vec<_>>();
        let compared = |verdict| {
            let pairs = vec![Compared { left: shown(x), right: shown(y), verdict }];
            vec![Action::Compare { pairs }]
        };
        let noisy = |labels: &[i64]| {
            vec![Action::Noise { faces: labels.iter().flat_map(|&label| all(label)).collect() }]
        };
        match answer {
            Answer::Same => {
                self.done.insert(y);
                compared(Verdict::Same)
            }
            Answer::Different => compared(Verdict::Different),
            Answer::LeftNoisy => {
                self.done.insert(x);
                noisy(&[x])
            }
            Answer::RightNoisy => {
                self.done.insert(y);
                noisy(&[y])
            }
            Answer::BothNoisy => {
                self.done.extend([x, y]);
                noisy(&[x, y])
            }
            Answer::SkipLeft => {
                self.pairs.retain(|&(left, _)| left != x);
                Vec::new()
            }
        }
    }
}

/// Decisions that turn one labelling into another: noise, then splits, then joins. Faces that are not in both
/// are ignored. Up to [`SHOWN`] faces a side; label numbers do not matter.
///
/// The largest part of a cluster stays (on a tie that with the smallest new label); every other part is split
/// off. Time: O(n log n).
#[must_use]
pub fn between(before: &[(FaceId, i64)], after: &[(FaceId, i64)]) -> Vec<Action> {
    let after: HashMap<&FaceId, i64> = after.iter().map(|(face, label)| (face, *label)).collect();
    // Parts of clusters that stay together, by label before and after.
    let mut parts: BTreeMap<(i64, i64), Vec<FaceId>> = BTreeMap::new();
    for (face, old) in before {
        if let Some(&new) = after.get(face) {
            parts.entry(((*old).max(-1), new.max(-1))).or_default().push(face.clone());
        }
    }
    parts.values_mut().for_each(|faces| faces.sort_unstable());
    let mut largest: BTreeMap<i64, (usize, i64)> = BTreeMap::new();
    for (&(old, new), faces) in parts.iter().filter(|((old, new), _)| *old >= 0 && *new >= 0) {
        let best = largest.entry(old).or_insert((faces.len(), new));
        if faces.len() > best.0 {
            *best = (faces.len(), new);
        }
    }
    let mut said = Vec::new();
    for (_, faces) in parts.iter().filter(|((old, new), _)| *old >= 0 && *new < 0) {
        said.push(Action::Noise { faces: faces.clone() });
    }
    let stays = |old: i64, new: i64| largest.get(&old).is_some_and(|&(_, best)| best == new);
    for (_, faces) in parts.iter().filter(|((old, new), _)| *new >= 0 && !stays(*old, *new)) {
        said.push(Action::Split { faces: faces.clone(), together: true });
    }
    let mut people: BTreeMap<i64, Vec<&[FaceId]>> = BTreeMap::new();
    for ((_, new), faces) in parts.iter().filter(|((_, new), _)| *new >= 0) {
        people.entry(*new).or_default().push(&faces[..faces.len().min(SHOWN)]);
    }
    for parts in people.into_values() {
        let Some((first, rest)) = parts.split_first() else { continue };
        for part in rest {
            let pair = Compared { left: first.to_vec(), right: part.to_vec(), verdict: Verdict::Same };
            said.push(Action::Compare { pairs: vec![pair] });
        }
    }
    said
}
