//! Complete linkage from rows to clusters, and from links.

use rayon::prelude::*;
use streamface_types::EmbeddingsView;

use crate::banded::BandedLinkage;
use crate::cannot_links::CannotLinks;
use crate::clustering::{Clustering, Parts, of_merges};
use crate::constraints::{Constraints, Groups};
use crate::exact_distance::ExactDistance;
use crate::initial_merges::{copies, must_links, without_copies};
use crate::link_sink::Link;
use crate::links::{Links, Piece};
use crate::points::Points;
use crate::prefilter::{Projection, Tuning};
use crate::progress::Observer;
use crate::{Error, Settings, sparse_linkage};

/// Clusters rows by complete linkage cut at the threshold.
///
/// In a cluster of the result all distances are ≤ threshold, except among rows that were must-linked;
/// no cluster holds a cannot-linked pair.
///
/// # Errors
/// [`Error::NoSuchRow`] and [`Error::Contradiction`] for constraints; [`Error::TooManyRows`];
/// [`Error::Ties`] where more pairs than fit in memory are at one and the same distance.
pub fn complete_linkage<'a>(
    rows: impl Into<EmbeddingsView<'a>>,
    settings: &Settings,
    constraints: &Constraints,
) -> Result<Clustering, Error> {
    let rows = rows.into();
    complete_linkage_observed(rows, settings, constraints, Observer::none())
}

/// [`complete_linkage`] that reports its progress.
///
/// # Errors
/// Those of [`complete_linkage`].
pub fn complete_linkage_observed<'a>(
    rows: impl Into<EmbeddingsView<'a>>,
    settings: &Settings,
    constraints: &Constraints,
    observer: Observer<'_>,
) -> Result<Clustering, Error> {
    let rows = rows.into();
    complete_linkage_with(rows, settings, constraints, observer, Tuning::default())
}

pub(crate) fn complete_linkage_with(
    rows: EmbeddingsView<'_>,
    settings: &Settings,
    constraints: &Constraints,
    observer: Observer<'_>,
    tuning: Tuning,
) -> Result<Clustering, Error> {
    // Before the work, not after.
    let groups = constraints.close(rows.len())?;
    let exact = ExactDistance::new(rows, settings.metric())?;
    let space = Projection::new(&exact, &(0..rows.len() as u32).collect::<Vec<_>>(), tuning);
    let mut merges = must_links(&groups);
    let copies = copies(&exact, &merges, &groups, |_| true);
    let order = without_copies(&copies, rows.len());
    merges.extend(copies);
    let place = |row: &u32| order.partition_point(|other| other < &groups.first[*row as usize]) as u32;
    let points = Points::of_rows(&order);
    let points = if groups.any_must() {
        points.grouped(&exact, &order.iter().map(place).collect::<Vec<_>>())
    } else {
        points
    };
    let apart = CannotLinks::new(&points, &groups);
    let solver = BandedLinkage::new(&exact, &space, settings.most_links(), observer);
    let solved = solver.solve(points, apart, settings.threshold())?;
    let (ties, threshold) = solved.parts;
    let ties = ties.into_iter().chain(merges.iter().map(|m| (m.a, m.b)));
    // A single part of all rows carries no information.
    let parts =
        Some(Parts::tied(rows.len(), threshold, ties)?).filter(|parts| parts.of.iter().any(|&of| of > 0));
    merges.extend(solved.merges);
    let (links, bands) = (solved.links, solved.bands);
    Ok(Clustering { links, bands, parts, ..of_merges(rows.len(), merges) })
}

/// Clusters the rows that `links` were found among by complete linkage: all links at once, in memory, 64
/// bytes each. [`complete_linkage`] on the rows themselves has no such limit.
///
/// # Errors
/// [`Error::NoSuchRow`] and [`Error::Contradiction`] for constraints; [`Error::Spill`].
pub fn link(links: Links, constraints: &Constraints) -> Result<Clustering, Error> {
    let groups = constraints.close(links.rows())?;
    let (rows, count) = (links.rows(), links.len());
    let pieces = between_groups(links, &groups)?;
    let mut merges = must_links(&groups);
    merges.extend(sparse_linkage::merges(pieces, rows)?);
    Ok(Clustering { links: count, bands: 1, ..of_merges(rows, merges) })
}

/// Links between the clusters that linkage starts from, each known by its smallest row: two groups are
/// linked where all pairs across them are, at the largest distance, unless they must stay apart.
fn between_groups(links: Links, groups: &Groups) -> Result<Vec<Piece>, Error> {
    if !groups.any_must() && groups.apart.is_empty() {
        return Ok(links.into_pieces());
    }
    let apart = |p: u32, q: u32| groups.apart.contains(&(p, q));
    // Each with the rows that it is of.
    let mut all: Vec<(Link, (u32, u32))> = Vec::new();
    for piece in links.into_pieces() {
        all.extend(piece.read()?.into_iter().filter_map(|l| {
            let (p, q) = (groups.first[l.i as usize], groups.first[l.j as usize]);
            let (i, j) = (p.min(q), p.max(q));
            (i != j && !apart(i, j)).then_some((Link { i, j, distance: l.distance }, (l.i, l.j)))
        }));
    }
    if !groups.any_must() {
        return Ok(vec![Piece::Plain(all.into_iter().map(|(link, _)| link).collect())]);
    }
    // A part that was joined twice counts once.
    all.par_sort_unstable_by_key(|(link, rows)| (link.i, link.j, *rows));
    all.dedup_by_key(|(_, rows)| *rows);
    let whole = |of: &[(Link, (u32, u32))]| {
        let first = of[0].0;
        let pairs = u64::from(groups.size(first.i)) * u64::from(groups.size(first.j));
        let distance = of.iter().map(|(link, _)| link.distance).fold(0.0, f64::max);
        (of.len() as u64 == pairs).then_some(Link { distance, ..first })
    };
    let same = |a: &(Link, (u32, u32)), b: &(Link, (u32, u32))| (a.0.i, a.0.j) == (b.0.i, b.0.j);
    Ok(vec![Piece::Plain(all.chunk_by(same).filter_map(whole).collect())])
}
