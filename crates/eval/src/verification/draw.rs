//! Pairs from labels.

use std::collections::BTreeSet;

use streamface_kernels::SplitMix64;

use crate::random::stream;

/// How pairs are drawn from labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Folds. Default 10.
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

/// Pairs of rows (row, row, one person, fold) by their labels; a label below 0 is no person. Each fold has as
/// many pairs of one person as of two; pairs in no fold are for the curve alone.
///
/// Folds share people, unlike those of LFW: where people are few, folds by people would have no pairs of two.
/// Takes memory for the pairs that are drawn, and time in the pairs and rows, however many pairs there are.
#[must_use]
pub fn draw_pairs(labels: &[i64], draw: Draw) -> Vec<(usize, usize, bool, Option<usize>)> {
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

    proptest! {
        #[test]
        fn drawn_pairs_are_what_they_say(
            labels in prop::collection::vec(-1..5_i64, 0..30), most in 1..80_usize, folds in 1..5_usize, per_fold in 1..9_usize,
        ) {
            let draw = Draw { folds, per_fold, most, seed: 3 };
            let pairs = draw_pairs(&labels, draw);
            prop_assert_eq!(&pairs, &draw_pairs(&labels, draw));
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
            let each = per_fold.min(found[0] / folds).min(found[1] / folds);
            prop_assert_eq!(in_fold.len(), if each > 0 { 2 * folds } else { 0 });
            prop_assert!(in_fold.values().all(|&n| n == each));
        }
    }
}
