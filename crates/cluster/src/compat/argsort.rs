//! NumPy's default `argsort`: which of equal values comes first is what its code happens to do, and the
//! original numbers its clusters by it.

/// Below this, a stretch is sorted by insertion.
const SMALL: usize = 16;

/// The places of `values` in ascending order, equal values in the order of NumPy's generic quicksort:
/// the median of first, middle and last as the pivot, the smaller part first, insertion below 17.
///
/// NumPy falls back to heapsort after 2·log2(n) levels, to which sizes of clusters do not drive a
/// median of three; here a plain sort of the rest takes its place, so that time stays O(n log n).
pub(super) fn argsort(values: &[usize]) -> Vec<usize> {
    let mut at: Vec<usize> = (0..values.len()).collect();
    let depth = 2 * values.len().checked_ilog2().unwrap_or(0);
    let mut open = vec![(0, values.len(), depth)];
    while let Some((mut from, mut to, mut depth)) = open.pop() {
        while to - from > SMALL + 1 {
            if depth == 0 {
                at[from..to].sort_by_key(|&i| values[i]);
                from = to;
                break;
            }
            depth -= 1;
            let middle = from + partition(&mut at[from..to], values);
            // The larger part waits, as it does there; parts do not touch, so only depth depends on it.
            if middle - from < to - 1 - middle {
                open.push((middle + 1, to, depth));
                to = middle;
            } else {
                open.push((from, middle, depth));
                from = middle + 1;
            }
        }
        insertion(&mut at[from..to], values);
    }
    at
}

/// Brings a pivot to its place, which is returned: nothing before it is larger, nothing after smaller.
fn partition(at: &mut [usize], values: &[usize]) -> usize {
    let (last, middle) = (at.len() - 1, (at.len() - 1) / 2);
    for (small, large) in [(0, middle), (middle, last), (0, middle)] {
        if values[at[large]] < values[at[small]] {
            at.swap(large, small);
        }
    }
    let pivot = values[at[middle]];
    at.swap(middle, last - 1);
    let (mut up, mut down) = (0, last - 1);
    loop {
        up += 1;
        while values[at[up]] < pivot {
            up += 1;
        }
        down -= 1;
        while pivot < values[at[down]] {
            down -= 1;
        }
        if up >= down {
            break;
        }
        at.swap(up, down);
    }
    at.swap(up, last - 1);
    up
}

fn insertion(at: &mut [usize], values: &[usize]) {
    for i in 1..at.len() {
        let mut j = i;
        while j > 0 && values[at[j]] < values[at[j - 1]] {
            at.swap(j, j - 1);
            j -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sorted_and_all_there(values in prop::collection::vec(0_usize..40, 0..300)) {
            let at = argsort(&values);
            prop_assert!(at.windows(2).all(|w| values[w[0]] <= values[w[1]]));
            let mut all = at;
            all.sort_unstable();
            prop_assert!(all.into_iter().eq(0..values.len()));
        }
    }

    /// Few enough for insertion, which is stable.
    #[test]
    fn short_ones_are_stable() {
        assert_eq!(argsort(&[2, 1, 2, 1, 0]), [4, 1, 3, 0, 2]);
        assert_eq!(argsort(&[7; 17]), (0..17).collect::<Vec<_>>());
        assert!(argsort(&[]).is_empty());
    }

    /// Of 24 clusters, those with more than one row scattered: the order that NumPy gives.
    #[test]
    fn equal_values_fall_as_they_do_in_numpy() {
        let mut sizes = [1; 24];
        for (at, size) in [(2, 3), (3, 3), (9, 2), (11, 2), (16, 2), (17, 2), (18, 6)] {
            sizes[at] = size;
        }
        let mut at = argsort(&sizes);
        at.reverse();
        let want = [18, 2, 3, 11, 9, 17, 16, 1, 4, 5, 6, 7, 8, 23, 10, 22, 12, 13, 14, 15, 19, 20, 21, 0];
        assert_eq!(at, want);
    }
}
