//! Pairs from labels.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use streamface_kernels::SplitMix64;

use crate::random::stream;

/// How pairs are drawn from labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Folds; fewer where there are not two people for each, one of them with two rows. Default 10.
    pub folds: usize,
    /// Pairs of one person in a fold, and as many of two; fewer where there are not so many. Default 300.
    pub per_fold: usize,
    /// Pairs of each kind for the curve. Default 2,000,000; all where there are no more.
    pub most: usize,
    /// The same seed draws the same pairs. Default 0.
    pub seed: u64,
}

impl Default for Draw {
    fn default() -> Self {
        Self { folds: 10, per_fold: 300, most: 2_000_000, seed: 0 }
    }
}

/// Pairs that were drawn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drawn {
    /// (row, row, of one person, fold); those in no fold are for the curve alone.
    pub pairs: Vec<(usize, usize, bool, Option<usize>)>,
    /// Whether people are in several folds: there are too few of them for folds of their own.
    pub folds_share_people: bool,
}

/// Pairs of rows by their labels; a label below 0 is no person. Each fold has as many pairs of one person as of two.
///
/// As in LFW's protocol folds share no people: each person is of one fold, and so are all of its pairs that are in one.
/// Where there are not four people, of whom two have two rows, folds are drawn from all pairs alike.
/// Takes memory for the pairs that are drawn, and time in the pairs and rows, however many pairs there are.
#[must_use]
pub fn draw_pairs(labels: &[i64], draw: Draw) -> Drawn {
    let mut rows: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] >= 0).collect();
    rows.sort_by_key(|&row| labels[row]);
    // Pairs are numbered: those that end at a position, for every position. Such a pair begins in its own
    // person for one kind, and before that for the other.
    let mut starts = Vec::with_capacity(rows.len());
    for (at, &row) in rows.iter().enumerate() {
        let new = at == 0 || labels[rows[at - 1]] != labels[row];
        starts.push(if new { at } else { starts[at - 1] });
    }
    let drawn = |of_one: bool, kind: u64| {
        let mut ends = Vec::with_capacity(rows.len());
        let mut all = 0_usize;
        for (at, &start) in starts.iter().enumerate() {
            all += if of_one { at - start } else { start };
            ends.push(all);
        }
        let mut random = stream(draw.seed, kind);
        let mut numbers = distinct(&mut random, all, draw.most);
        // Fisher–Yates: folds are taken from the front.
        for i in (1..numbers.len()).rev() {
            numbers.swap(i, random.below(i + 1));
        }
        let pair = |number: usize| {
            let at = ends.partition_point(|&end| end <= number);
            let before = number - if at == 0 { 0 } else { ends[at - 1] };
            let other = if of_one { starts[at] + before } else { before };
            (rows[other], rows[at])
        };
        numbers.into_iter().map(pair).collect::<Vec<_>>()
    };
    let (same, different) = (drawn(true, 0), drawn(false, 1));
    match folds_of_people(labels, draw) {
        Some(of) => {
            Drawn { pairs: by_people(labels, &of, draw.per_fold, same, different), folds_share_people: false }
        }
        None => Drawn { pairs: by_turns(draw, same, different), folds_share_people: true },
    }
}

/// The fold of each person, dealt out from those with most rows on, so that folds are much alike. `None` where there are
/// not people enough for two folds, each with a pair of either kind.
fn folds_of_people(labels: &[i64], draw: Draw) -> Option<HashMap<i64, usize>> {
    let mut sizes: BTreeMap<i64, usize> = BTreeMap::new();
    labels.iter().filter(|label| **label >= 0).for_each(|label| *sizes.entry(*label).or_default() += 1);
    let several = sizes.values().filter(|&&rows| rows > 1).count();
    let folds = draw.folds.min(sizes.len() / 2).min(several);
    if folds < 2 {
        return None;
    }
    let mut people: Vec<(i64, usize)> = sizes.into_iter().collect();
    // Who comes first of equals is drawn, so that another seed makes other folds.
    let mut random = stream(draw.seed, 2);
    for i in (1..people.len()).rev() {
        people.swap(i, random.below(i + 1));
    }
    people.sort_by_key(|&(_, rows)| std::cmp::Reverse(rows));
    let fold = |at: usize| if (at / folds).is_multiple_of(2) { at % folds } else { folds - 1 - at % folds };
    Some(people.into_iter().enumerate().map(|(at, (label, _))| (label, fold(at))).collect())
}

type DrawnPair = (usize, usize, bool, Option<usize>);

/// Pairs whose people are of one fold are in that one, until it has enough.
fn by_people(
    labels: &[i64],
    fold_of: &HashMap<i64, usize>,
    per_fold: usize,
    same: Vec<(usize, usize)>,
    different: Vec<(usize, usize)>,
) -> Vec<DrawnPair> {
    let fold = |&(a, b): &(usize, usize)| {
        let (a, b) = (fold_of[&labels[a]], fold_of[&labels[b]]);
        (a == b).then_some(a)
    };
    let folds = fold_of.values().max().map_or(0, |last| last + 1);
    let count = |pairs: &[(usize, usize)]| {
        let mut counts = vec![0; folds];
        pairs.iter().filter_map(fold).for_each(|fold| counts[fold] += 1);
        counts
    };
    let room: Vec<usize> = count(&same)
        .into_iter()
        .zip(count(&different))
        .map(|(s, d): (usize, usize)| s.min(d).min(per_fold))
        .collect();
    let placed = |pairs: Vec<(usize, usize)>, of_one: bool| {
        let mut room = room.clone();
        let place = move |pair: (usize, usize)| {
            let fold = fold(&pair).filter(|&fold| room[fold] > 0);
            if let Some(fold) = fold {
                room[fold] -= 1;
            }
            (pair.0, pair.1, of_one, fold)
        };
        pairs.into_iter().map(place).collect::<Vec<_>>()
    };
    [placed(same, true), placed(different, false)].concat()
}

/// Pairs go to the folds in the order of the draw.
fn by_turns(draw: Draw, same: Vec<(usize, usize)>, different: Vec<(usize, usize)>) -> Vec<DrawnPair> {
    let folds = draw.folds.max(1);
    let each = draw.per_fold.min(same.len() / folds).min(different.len() / folds);
    let placed = |pairs: Vec<(usize, usize)>, of_one: bool| {
        let fold = move |k: usize| k.checked_div(each).filter(|&fold| fold < folds);
        pairs.into_iter().enumerate().map(move |(k, (a, b))| (a, b, of_one, fold(k)))
    };
    placed(same, true).chain(placed(different, false)).collect()
}

/// `take` different numbers below `n`, ascending; all of them where there are no more (Floyd's algorithm).
fn distinct(random: &mut SplitMix64, n: usize, take: usize) -> Vec<usize> {
    if n <= take {
        return (0..n).collect();
    }
    let mut taken = BTreeSet::new();
    for last in n - take..n {
        let number = random.below(last + 1);
        if !taken.insert(number) {
            taken.insert(last);
        }
    }
    taken.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folds_share_no_people() {
        // 40 people with 1 to 12 rows each.
        let labels: Vec<i64> = (0..40).flat_map(|p| vec![p; 1 + (p * p % 12) as usize]).collect();
        let of = |folds: usize, seed: u64| {
            draw_pairs(&labels, Draw { folds, per_fold: 20, seed, ..Draw::default() })
        };
        let drawn = of(10, 0);
        assert!(!drawn.folds_share_people);
        let mut fold_of: BTreeMap<i64, usize> = BTreeMap::new();
        let mut counts = vec![[0, 0]; 10];
        for &(a, b, same, fold) in &drawn.pairs {
            let Some(fold) = fold else { continue };
            counts[fold][usize::from(same)] += 1;
            for person in [labels[a], labels[b]] {
                assert_eq!(*fold_of.entry(person).or_insert(fold), fold, "{person}");
            }
        }
        assert!(counts.iter().all(|c| c[0] == c[1] && (10..=20).contains(&c[0])), "{counts:?}");
        assert_ne!(of(10, 0), of(10, 1));
        // Three people are too few for two folds.
        let few = draw_pairs(&[0, 0, 0, 1, 1, 1, 2, 2], Draw { folds: 2, ..Draw::default() });
        assert!(few.folds_share_people && few.pairs.iter().any(|p| p.3.is_some()));
        let four = draw_pairs(&[0, 0, 0, 1, 1, 1, 2, 3], Draw { folds: 10, ..Draw::default() });
        let folds: BTreeSet<usize> = four.pairs.iter().filter_map(|p| p.3).collect();
        assert!(!four.folds_share_people && folds.len() == 2, "{four:?}");
    }

    proptest! {
        #[test]
        fn drawn_pairs_are_what_they_say(
            labels in prop::collection::vec(-1..5_i64, 0..30), most in 1..80_usize, folds in 1..5_usize, per_fold in 1..9_usize,
        ) {
            let draw = Draw { folds, per_fold, most, seed: 3 };
            let Drawn { pairs, folds_share_people } = draw_pairs(&labels, draw);
            prop_assert_eq!(&pairs, &draw_pairs(&labels, draw).pairs);
            let (mut same, mut different) = (0, 0);
            for i in 0..labels.len() {
                for j in 0..i {
                    if labels[i] >= 0 && labels[j] >= 0 {
                        *(if labels[i] == labels[j] { &mut same } else { &mut different }) += 1;
                    }
                }
            }
            let mut seen = BTreeSet::new();
            let (mut found, mut in_fold) = ([0, 0], BTreeMap::new());
            for &(a, b, of_one, fold) in &pairs {
                prop_assert!(labels[a] >= 0 && labels[b] >= 0 && (labels[a] == labels[b]) == of_one && a != b);
                prop_assert!(seen.insert((a.min(b), a.max(b))));
                found[usize::from(of_one)] += 1;
                if let Some(fold) = fold {
                    prop_assert!(fold < folds);
                    *in_fold.entry((fold, of_one)).or_insert(0) += 1;
                }
            }
            prop_assert_eq!(found, [different.min(most), same.min(most)]);
            if folds_share_people {
                let each = per_fold.min(found[0] / folds).min(found[1] / folds);
                prop_assert_eq!(in_fold.len(), if each > 0 { 2 * folds } else { 0 });
                prop_assert!(in_fold.values().all(|&n| n == each));
            } else {
                // As many of one kind as of the other, and no person in two.
                let mut fold_of = BTreeMap::new();
                for &(a, b, _, fold) in pairs.iter().filter(|p| p.3.is_some()) {
                    for person in [labels[a], labels[b]] {
                        prop_assert_eq!(*fold_of.entry(person).or_insert(fold), fold);
                    }
                }
                for fold in 0..folds {
                    let of = |same| in_fold.get(&(fold, same)).copied().unwrap_or(0);
                    prop_assert!(of(true) == of(false) && of(true) <= per_fold);
                }
            }
        }
    }
}
