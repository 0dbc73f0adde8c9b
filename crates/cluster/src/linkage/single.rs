//! Single linkage, cut at a threshold.

use rayon::prelude::*;
use streamface_types::EmbeddingsView;

use crate::clustering::{Clustering, Merge, of_merges};
use crate::constraints::Constraints;
use crate::exact_distance::ExactDistance;
use crate::initial_merges::{copies, must_links, without_copies};
use crate::join::join_observed;
use crate::link_sink::Link;
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
pub fn single_linkage<'a>(
    rows: impl Into<EmbeddingsView<'a>>,
    settings: &Settings,
    constraints: &Constraints,
    observer: Observer<'_>,
) -> Result<Clustering, Error> {
    // Not generic, so that the loops are compiled in this crate.
    single_linkage_of(rows.into(), settings, constraints, observer)
}

fn single_linkage_of(
    rows: EmbeddingsView<'_>,
    settings: &Settings,
    constraints: &Constraints,
    observer: Observer<'_>,
) -> Result<Clustering, Error> {
    let groups = constraints.close(rows.len())?;
    let exact = ExactDistance::new(rows, settings.metric())?;
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
