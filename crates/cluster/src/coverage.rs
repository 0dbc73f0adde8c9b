//! Whether joins of pairs of blocks make up the join of all rows.

use std::ops::Range;

/// Rows that no pair of blocks compares with rows they must be compared with; none where all pairs of `rows` rows are
/// covered, whichever way round and however often. The first gap, in the order of rows, in as far as it is of one kind.
///
/// ```
/// use streamface_cluster::not_joined;
///
/// let joined = [(0..5, 0..5), (5..9, 0..5)];
/// assert_eq!(not_joined(9, &joined), Some((5..9, 5..9)));
/// assert_eq!(not_joined(9, &[joined[0].clone(), joined[1].clone(), (5..9, 5..9)]), None);
/// ```
///
/// O(b² log b) for b pairs of blocks.
#[must_use]
pub fn not_joined(
    rows: usize,
    joined: &[(Range<usize>, Range<usize>)],
) -> Option<(Range<usize>, Range<usize>)> {
    let both = || joined.iter().flat_map(|(a, b)| [(a, b), (b, a)]);
    let mut ends: Vec<usize> = both().flat_map(|(a, _)| [a.start, a.end]).chain([0, rows]).collect();
    ends.retain(|&end| end <= rows);
    ends.sort_unstable();
    ends.dedup();
    for part in ends.windows(2).map(|ends| ends[0]..ends[1]) {
        let mut others: Vec<&Range<usize>> =
            both().filter(|(a, _)| a.start <= part.start && part.end <= a.end).map(|(_, b)| b).collect();
        others.sort_unstable_by_key(|other| (other.start, other.end));
        // A row need not be compared with itself.
        let mut until = if part.len() == 1 { part.end } else { part.start };
        for other in others {
            if other.start > until {
                return Some((part, until..other.start));
            }
            until = until.max(other.end);
        }
        if until < rows {
            return Some((part, until..rows));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamface_kernels::SplitMix64;

    #[test]
    fn a_gap_is_one_and_none_is_overlooked() {
        let mut random = SplitMix64::new(11);
        let mut full = 0;
        for _ in 0..2000 {
            let mut below = |n: usize| (random.uniform() * n as f64) as usize;
            let rows = 1 + below(8);
            let mut block = || {
                let (a, b) = (below(rows + 1), below(rows + 1));
                a.min(b)..a.max(b)
            };
            let joined: Vec<_> = (0..6).map(|_| (block(), block())).collect();
            let has = |i: usize, j: usize| {
                joined
                    .iter()
                    .any(|(a, b)| a.contains(&i) && b.contains(&j) || a.contains(&j) && b.contains(&i))
            };
            let all = (0..rows).all(|i| (i + 1..rows).all(|j| has(i, j)));
            match not_joined(rows, &joined) {
                None => assert!(all, "{rows} {joined:?}"),
                Some((a, b)) => {
                    assert!(!a.is_empty() && !b.is_empty() && b.end <= rows, "{joined:?}");
                    assert!(a.clone().all(|i| b.clone().all(|j| i == j || !has(i, j))), "{rows} {joined:?}");
                    assert!(!all);
                }
            }
            full += usize::from(all);
        }
        assert!(full > 100, "{full}");
        assert_eq!(not_joined(0, &[]), None);
        assert_eq!(not_joined(1, &[]), None);
        assert_eq!(not_joined(3, &[(0..9, 0..9)]), None);
    }
}
