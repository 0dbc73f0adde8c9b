//! Single and average linkage, cut at a threshold.

use rayon::prelude::*;
use streamface_types::Embeddings;

use crate::clustering::{Clustering, Merge, copies, must_links, of_merges, without_copies};
use crate::constraints::Constraints;
use crate::dense::{self, Square};
use crate::exact::Exact;
use crate::found::Link;
use crate::join::{join_observed, pairs};
use crate::points::Points;
use crate::progress::Observer;
use crate::union_find::UnionFind;
use crate::{Error, Settings};

/// Clusters rows by single linkage cut at the threshold: the connected components of all pairs at distance
/// ≤ threshold, and their merges, after must-links and copies, in order of (distance, the pair's rows), a minimum
/// spanning forest (Gower and Ross, *Minimum spanning trees and single linkage cluster analysis*, 1969).
///
/// A merge that would put a cannot-linked pair together is passed over. Memory: the links of the forest and
/// a buffer of as many more, whatever the threshold; with cannot-links all links, at most the settings' budget.
///
/// # Errors
/// [`Error::NoSuchRow`] and [`Error::Contradiction`] for constraints; [`Error::TooManyRows`];
/// [`Error::TooManyLinks`] where there are cannot-links and more links than the budget holds.
pub fn single_linkage(
    rows: &Embeddings,
    settings: &Settings,
    constraints: &Constraints,
    observer: Observer<'_>,
) -> Result<Clustering, Error> {
    let groups = constraints.close(rows.len())?;
    let exact = Exact::new(rows, settings.metric())?;
    let plain = constraints.cannot_links().is_empty();
    let most = settings.most_links() as usize;
    let mut merges = must_links(&groups);
    let copies = copies(&exact, &merges, &groups, |_| true);
    let among = without_copies(&copies, rows.len());
    merges.extend(copies);
    let (mut forest, mut count): (Vec<Link>, u64) = (Vec::new(), 0);
    join_observed(&exact, &among, settings, observer, |found| {
        count += found.len() as u64;
        forest.extend(found);
        if forest.len() <= most.max(2 * rows.len()) {
            return Ok(());
        }
        if !plain {
            return Err(Error::TooManyLinks { threshold: settings.threshold(), most: most as u64 });
        }
        // The forest of all is the forest of what is left of parts.
        keep_forest(&mut forest, rows.len());
        Ok(())
    })?;
    forest.par_sort_unstable_by(order);
    let mut sets = UnionFind::new(rows.len());
    merges.iter().for_each(|m| sets.union(m.a, m.b));
    let mut apart: Vec<Vec<u32>> = vec![Vec::new(); if plain { 0 } else { rows.len() }];
    for &(a, b) in &groups.apart {
        apart[a as usize].push(b);
        apart[b as usize].push(a);
    }
    for link in forest {
        let (i, j) = (sets.find(link.i), sets.find(link.j));
        let (a, b) = (i.min(j), i.max(j));
        if a == b {
            continue;
        }
        if !plain {
            // The shorter list is searched; both are of groups as they were named when constraints were closed.
            let (few, other) =
                if apart[a as usize].len() < apart[b as usize].len() { (a, b) } else { (b, a) };
            if apart[few as usize].iter().any(|&p| sets.find(p) == other) {
                continue;
            }
            let moved = std::mem::take(&mut apart[b as usize]);
            apart[a as usize].extend(moved);
        }
        sets.union(a, b);
        merges.push(Merge { a, b, distance: link.distance });
    }
    Ok(Clustering { links: count, bands: 1, ..of_merges(rows.len(), merges) })
}

fn order(x: &Link, y: &Link) -> std::cmp::Ordering {
    x.distance.total_cmp(&y.distance).then((x.i, x.j).cmp(&(y.i, y.j)))
}

/// On one thread, as the join holds a lock meanwhile.
fn keep_forest(links: &mut Vec<Link>, rows: usize) {
    links.sort_unstable_by(order);
    let mut sets = UnionFind::new(rows);
    links.retain(|l| {
        let new = sets.find(l.i) != sets.find(l.j);
        sets.union(l.i, l.j);
        new
    });
}

/// Clusters rows by average linkage (UPGMA) cut at the threshold: two clusters may join where the mean
/// distance over all pairs across them is ≤ threshold. Means are kept up as clusters join (Lance and
/// Williams), so that they are right to about 10⁻¹³; ties nearer than that may go either way.
///
/// A mean needs all distances: 10 bytes for each of n² pairs, at most the settings' memory. Clusters that hold a
/// cannot-link are infinitely far from each other.
///
/// # Errors
/// [`Error::Dense`] beyond that; [`Error::NoSuchRow`] and [`Error::Contradiction`] for constraints.
pub fn average_linkage(
    rows: &Embeddings,
    settings: &Settings,
    constraints: &Constraints,
) -> Result<Clustering, Error> {
    let groups = constraints.close(rows.len())?;
    let exact = Exact::new(rows, settings.metric())?;
    let points = Points::new(&exact, &groups.first);
    let (n, first) = (points.len(), points.ids());
    let bytes = dense::bytes(n);
    if bytes > settings.budget() {
        return Err(Error::Dense { rows: n, bytes, memory: settings.budget() });
    }
    let (square, _) = Square::of_pairs(n, |i, j| {
        let (a, b) = (points.members(i), points.members(j));
        let sum = || -> f64 {
            a.iter().flat_map(|&x| b.iter().map(move |&y| (x, y))).map(|(x, y)| exact.distance(x, y)).sum()
        };
        let apart = groups.apart.contains(&(first[i], first[j]));
        (!apart).then(|| sum() / (a.len() * b.len()) as f64)
    });
    let sizes = (0..n).map(|p| points.members(p).len() as f64).collect();
    // Rounding must not bring a mean below both that it is of: chains rest on that.
    let mean = |left: f64, right: f64, a: f64, b: f64| {
        ((a * left + b * right) / (a + b)).clamp(left.min(right), left.max(right))
    };
    let mut found = dense::chain_of(square, sizes, mean);
    found.retain(|m| m.distance <= settings.threshold());
    found.sort_unstable_by(Merge::order);
    let mut merges = must_links(&groups);
    merges.extend(found.into_iter().map(|m| Merge { a: first[m.a as usize], b: first[m.b as usize], ..m }));
    Ok(Clustering { links: pairs(n), bands: 1, ..of_merges(rows.len(), merges) })
}
