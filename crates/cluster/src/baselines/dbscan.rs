//! DBSCAN: M. Ester, H.-P. Kriegel, J. Sander, X. Xu, *A density-based algorithm for discovering clusters
//! in large spatial databases with noise* (KDD 1996).

use crate::union_find::UnionFind;
use crate::{Error, Links};

/// A row is a core where at least `min_points` rows, itself among them, are within the threshold that
/// `links` were found with. Linked cores are one cluster; clusters are numbered by their first core.
/// Another row belongs to the first cluster that has a core it is linked to, or to none.
///
/// With `min_points` ≤ 1 these are the connected components. Time O(links), memory O(rows). Labels are
/// scikit-learn's, except that it writes −1 for `None`.
///
/// # Errors
/// [`Error::Spill`] where the temporary file of the links cannot be read.
pub fn dbscan(links: &Links, min_points: usize) -> Result<Vec<Option<u32>>, Error> {
    let n = links.rows();
    let mut points = vec![1_usize; n];
    links.for_each(|link| {
        points[link.i as usize] += 1;
        points[link.j as usize] += 1;
    })?;
    let core = |row: u32| points[row as usize] >= min_points;
    let mut sets = UnionFind::new(n);
    links.for_each(|link| {
        if core(link.i) && core(link.j) {
            sets.union(link.i, link.j);
        }
    })?;
    // A set's root is its first core, so roots come in the order of the numbers.
    let root = sets.into_roots();
    let mut next = 0;
    let mut of: Vec<Option<u32>> = vec![None; n];
    for row in (0..n as u32).filter(|&row| core(row)) {
        let first = root[row as usize];
        if first == row {
            of[row as usize] = Some(next);
            next += 1;
        } else {
            of[row as usize] = of[first as usize];
        }
    }
    links.for_each(|link| {
        for (own, other) in [(link.i, link.j), (link.j, link.i)] {
            if core(other) && !core(own) {
                let found = of[other as usize];
                let own = &mut of[own as usize];
                *own = if own.is_none() { found } else { (*own).min(found) };
            }
        }
    })?;
    Ok(of)
}

/// Labels without noise: each row that belongs to no cluster becomes one of its own, numbered after the
/// others. Scores that know no noise need this.
///
/// ```
/// use streamface_cluster::baselines::noise_apart;
/// assert_eq!(noise_apart(&[None, Some(0), Some(1), None]), [2, 0, 1, 3]);
/// ```
#[must_use]
pub fn noise_apart(labels: &[Option<u32>]) -> Vec<u32> {
    let mut next = labels.iter().flatten().max().map_or(0, |&most| most + 1);
    let mut own = || {
        next += 1;
        next - 1
    };
    labels.iter().map(|label| label.unwrap_or_else(&mut own)).collect()
}
