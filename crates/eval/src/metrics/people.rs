//! What went wrong with each person.

use serde::Serialize;

use super::agreement::choose_2;
use super::{Contingency, Noise};

/// One person of the truth, and what a labelling made of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersonErrors {
    /// The person's true label.
    pub label: i64,
    /// Faces.
    pub faces: u64,
    /// The clusters that the faces are in, most of them first, then by label.
    pub parts: Vec<Part>,
    /// Faces of others in the clusters that are this person's: those in which no one has more faces, nor as
    /// many and a smaller label.
    pub intruders: u64,
    /// Pairs of this person's faces that were not put together.
    pub pairs_missed: u64,
    /// Pairs of a face of this person and one of another that were put together.
    pub pairs_wrong: u64,
}

/// The faces of one person in one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The cluster.
    pub label: i64,
    /// Faces of the person.
    pub faces: u64,
    /// Faces of others; 0 where faces of noise are alone.
    pub others: u64,
}

impl PersonErrors {
    /// Wrong pairs: missed ones, and wrongly merged ones.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        self.pairs_missed + self.pairs_wrong
    }
}

/// Everyone with an error, by pairs got wrong, most first; of equals the smaller label.
///
/// Noise (a label below 0) is no person in the truth, but its faces are others; as a predicted label it is one part of a
/// person, whose faces are together where noise counts as a cluster.
#[must_use]
pub fn person_errors(table: &Contingency, noise: Noise) -> Vec<PersonErrors> {
    let mut owner: Vec<Option<(u64, usize)>> = vec![None; table.predicted().len()];
    for &(t, p, n) in table.cells() {
        // Cells come by ascending label of the truth, so that of equals the first stays.
        if owner[p].is_none_or(|(most, _)| n > most) {
            owner[p] = Some((n, t));
        }
    }
    let of = |cells: &[(usize, usize, u64)]| {
        let (t, faces) = (cells[0].0, table.truth()[cells[0].0]);
        let part = |&(_, p, n): &(usize, usize, u64)| Part {
            label: table.predicted_labels()[p],
            faces: n,
            others: if noise.together(table.predicted_labels()[p]) { table.predicted()[p] - n } else { 0 },
        };
        let mut parts: Vec<Part> = cells.iter().map(part).collect();
        let owned = cells.iter().zip(&parts).filter(|((_, p, _), _)| owner[*p].is_some_and(|(_, o)| o == t));
        let intruders = owned.map(|(_, part)| part.others).sum();
        let whole = parts.iter().filter(|part| noise.together(part.label));
        let together: u128 = whole.map(|part| choose_2(part.faces)).sum();
        let pairs_wrong = parts.iter().map(|part| part.faces * part.others).sum();
        parts.sort_by(|a, b| b.faces.cmp(&a.faces).then(a.label.cmp(&b.label)));
        // Below 2^63 for 2^32 faces, which is more than memory holds.
        let pairs_missed = (choose_2(faces) - together) as u64;
        PersonErrors { label: table.truth_labels()[t], faces, parts, intruders, pairs_missed, pairs_wrong }
    };
    let people = table.cells().chunk_by(|a, b| a.0 == b.0).map(of);
    let mut wrong: Vec<PersonErrors> = people.filter(|p| p.label >= 0 && p.pairs() > 0).collect();
    wrong.sort_by(|a, b| b.pairs().cmp(&a.pairs()).then(a.label.cmp(&b.label)));
    wrong
}

/// How two clusters of one labelling meet in one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mistake {
    /// Two people in one predicted cluster.
    Joined,
    /// One person in two predicted clusters.
    Split,
}

/// Faces that are together in one labelling and apart in the other: two cells of the table side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Which way.
    pub mistake: Mistake,
    /// The cluster that holds both: predicted where joined, true where split.
    pub within: i64,
    /// Its commonest cluster of the other labelling, of equals the smaller label.
    pub main: i64,
    /// Faces of it in `within`.
    pub main_faces: u64,
    /// The one it is confused with.
    pub other: i64,
    /// Faces of that in `within`.
    pub other_faces: u64,
}

impl Confusion {
    /// Pairs of faces across.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        self.main_faces * self.other_faces
    }
}

/// Every cluster of either labelling against what else is in it: its commonest part beside each other part.
/// By pairs, most first; as many entries as cells that are not the largest of their cluster.
///
/// Faces of noise are one part of what holds them. Where they are alone, they hold nothing together themselves.
#[must_use]
pub fn confusions(table: &Contingency, noise: Noise) -> Vec<Confusion> {
    let mut found = Vec::new();
    for mistake in [Mistake::Joined, Mistake::Split] {
        // (within, other, faces)
        let mut cells: Vec<(i64, i64, u64)> = table
            .cells()
            .iter()
            .map(|&(t, p, n)| {
                let (t, p) = (table.truth_labels()[t], table.predicted_labels()[p]);
                if mistake == Mistake::Joined { (p, t, n) } else { (t, p, n) }
            })
            .collect();
        cells.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.2.cmp(&a.2)).then(a.1.cmp(&b.1)));
        for cells in cells.chunk_by(|a, b| a.0 == b.0) {
            let (within, main, main_faces) = cells[0];
            if !noise.together(within) {
                continue;
            }
            let beside = |&(_, other, other_faces): &(i64, i64, u64)| Confusion {
                mistake,
                within,
                main,
                main_faces,
                other,
                other_faces,
            };
            found.extend(cells[1..].iter().map(beside));
        }
    }
    found.sort_by(|a, b| {
        let by_label = |c: &Confusion| (c.mistake, c.within, c.other);
        b.pairs().cmp(&a.pairs()).then_with(|| by_label(a).cmp(&by_label(b)))
    });
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Pairs;
    use super::*;

    fn table(samples: &[(i64, i64)]) -> Contingency {
        Contingency::new(samples.iter().copied())
    }

    #[test]
    fn a_split_person_with_an_intruder() {
        // Person 1 in clusters 10 (with a face of person 2) and 11; one of person 1 was set aside.
        let samples = [(1, 10), (1, 10), (1, 11), (1, -1), (2, 10), (2, 12), (3, 13), (-1, 13)];
        let errors = person_errors(&table(&samples), Noise::Cluster);
        let part = |label, faces, others| Part { label, faces, others };
        assert_eq!(errors.iter().map(|e| e.label).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(errors[0].parts, [part(10, 2, 1), part(-1, 1, 0), part(11, 1, 0)]);
        assert_eq!((errors[0].intruders, errors[0].pairs_missed, errors[0].pairs_wrong), (1, 5, 2));
        assert_eq!((errors[1].intruders, errors[1].pairs_missed, errors[1].pairs_wrong), (0, 1, 2));
        // The noise face ties with person 3 and has the smaller label.
        assert_eq!((errors[2].intruders, errors[2].pairs_missed, errors[2].pairs_wrong), (0, 0, 1));
        assert!(person_errors(&table(&[(0, 4), (0, 4), (1, 5)]), Noise::Cluster).is_empty());

        let found = confusions(&table(&samples), Noise::Cluster);
        assert_eq!(found[0].pairs(), 2);
        assert_eq!(
            found.iter().map(|c| (c.mistake, c.within, c.main, c.other)).collect::<Vec<_>>(),
            [
                (Mistake::Joined, 10, 1, 2),
                (Mistake::Split, 1, 10, -1),
                (Mistake::Split, 1, 10, 11),
                (Mistake::Joined, 13, -1, 3),
                (Mistake::Split, 2, 10, 12),
            ]
        );
    }

    #[test]
    fn noise_that_is_alone_is_in_no_wrong_pair() {
        // Person 1 has two faces set aside, and so has person 2; a face of no one is with person 1.
        let samples =
            [(1, 10), (1, 10), (1, -1), (1, -1), (2, 12), (2, -1), (2, -1), (-1, 10), (-1, 13), (-1, 13)];
        let errors = person_errors(&table(&samples), Noise::Alone);
        let part = |label, faces, others| Part { label, faces, others };
        assert_eq!(errors.iter().map(|e| e.label).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(errors[0].parts, [part(-1, 2, 0), part(10, 2, 1)]);
        assert_eq!((errors[0].pairs_missed, errors[0].pairs_wrong), (5, 2));
        assert_eq!((errors[1].pairs_missed, errors[1].pairs_wrong), (3, 0));
        let found = confusions(&table(&samples), Noise::Alone);
        assert!(found.iter().all(|c| c.within >= 0), "{found:?}");
        assert_eq!(
            found.iter().map(|c| (c.mistake, c.within, c.other)).collect::<Vec<_>>(),
            [(Mistake::Split, 1, 10), (Mistake::Joined, 10, -1), (Mistake::Split, 2, 12),]
        );
    }

    proptest! {
        /// Against all pairs; and over everyone, noise included, they are the pairs of the whole.
        #[test]
        fn as_by_all_pairs(samples in prop::collection::vec((0..5i64, -1..5i64), 0..40)) {
            let errors = person_errors(&table(&samples), Noise::Cluster);
            let all = Pairs::new(&table(&samples));
            prop_assert_eq!(errors.iter().map(|e| u128::from(e.pairs_missed)).sum::<u128>(), all.truth_only);
            let wrong = errors.iter().map(|e| u128::from(e.pairs_wrong)).sum::<u128>();
            prop_assert_eq!(wrong, 2 * all.predicted_only);
            for person in 0..5 {
                let (mut missed, mut wrong) = (0, 0);
                for (i, a) in samples.iter().enumerate() {
                    for (j, b) in samples.iter().enumerate() {
                        missed += u64::from(i < j && a.0 == person && b.0 == person && a.1 != b.1);
                        wrong += u64::from(a.0 == person && b.0 != person && a.1 == b.1);
                    }
                }
                let found = errors.iter().find(|e| e.label == person);
                prop_assert_eq!(found.map_or((0, 0), |e| (e.pairs_missed, e.pairs_wrong)), (missed, wrong));
            }
            let owned: u64 = errors.iter().map(|e| e.intruders).sum();
            let strangers: u64 = table(&samples).predicted().iter().sum::<u64>()
                - (-1..5).map(|p| (0..5).map(|t| samples.iter().filter(|s| **s == (t, p)).count())
                    .max().unwrap_or(0) as u64).sum::<u64>();
            prop_assert_eq!(owned, strangers);
            let parts = confusions(&table(&samples), Noise::Cluster);
            let cells = table(&samples).cells().len();
            let clusters = table(&samples).truth().len() + table(&samples).predicted().len();
            prop_assert_eq!(parts.len(), 2 * cells - clusters);
        }
    }
}
