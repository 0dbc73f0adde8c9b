//! Complete linkage of rows of which most were linked before, at the cost of what the new ones touch.
//!
//! Up to some threshold rows fall into parts that have nothing to do with each other, and only those parts are linked
//! again that new rows are near ([`parts`]). From there on, or from the start where no parts are known, the history of the
//! old run is enough: its merges, in order, are those between clusters that new rows leave
//! alone ([`replay`]). New rows, and clusters whose partner was taken by one, are compared with one row of each other
//! cluster by the [prefilter](crate::prefilter), those left with more rows by their bytes ([`search`]), and only what may
//! come next is measured in full. Where many clusters have changed by then, all there are become points, and are linked
//! as if there were no history: that is less work, and for all threads.

mod candidates;
mod merge_tree;
mod parts;
mod replay;
mod search;
mod sets;
mod state;
#[cfg(test)]
mod tests;

use streamface_types::EmbeddingsView;

use crate::banded::BandedLinkage;
use crate::cannot_links::CannotLinks;
use crate::clustering::of_merges;
use crate::constraints::Groups;
use crate::exact_distance::ExactDistance;
use crate::initial_merges::{copies, must_links};
use crate::linkage::complete::complete_linkage_with;
use crate::points::Points;
use crate::prefilter::{Projection, Tuning};
use crate::progress::Observer;
use crate::union_find::{UnionFind, order};
use crate::{Clustering, Constraints, Error, Merge, Parts, Settings};
use parts::PartsInput;
use replay::Replay;
use search::{Limits, Search, out};
use sets::Sets;
use state::State;

/// An earlier run of [`complete_linkage`](crate::complete_linkage), on some of the rows that there are now.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    /// All merges that it gave, rows numbered as they are now ([`renumber`]).
    pub merges: &'a [Merge],
    /// Its threshold.
    pub threshold: f64,
    /// The constraints that it had, rows numbered as they are now.
    pub constraints: &'a Constraints,
    /// Its parts, if it knew of any, rows numbered as they are now ([`Parts::renumbered`]).
    pub parts: Option<&'a Parts>,
}

/// The same merges, of rows with other numbers: `now[row]` ascends, so that the order of ties stays.
///
/// # Errors
/// [`Error::NoSuchRow`] for a merge of a row that `now` does not name; [`Error::History`] where `now` does not ascend.
pub fn renumber(merges: &[Merge], now: &[u32]) -> Result<Vec<Merge>, Error> {
    if !now.is_sorted_by(|a, b| a < b) {
        return Err(Error::History { at: 0 });
    }
    let number = |row: u32| {
        now.get(row as usize).copied().ok_or(Error::NoSuchRow { row: row as usize, rows: now.len() })
    };
    merges.iter().map(|m| Ok(Merge { a: number(m.a)?, b: number(m.b)?, ..*m })).collect()
}

/// Gives what [`complete_linkage`](crate::complete_linkage) gives on all rows, from the history of a run on those
/// that are not new: labels and merges are the same, with the same rule for ties and for constraints.
///
/// Time: that of joining the new rows with all; of linking the parts again that new rows are near, up to the threshold of
/// the history's [`Parts`]; and from there on of a search through what clusters there are for each old one that loses
/// its partner to something new, and again whenever it has come as far as that search went; or, where more than one
/// cluster in eight has changed by then, that of linking these clusters as a run from scratch does. Complete linkage is
/// chaotic in large clusters: there each new row changes some 10 to 20 merges, whichever algorithm finds them.
/// Memory: about 2d + 150 bytes a row, the settings' for the parts, and up to 100 KiB, mostly far less, for each
/// cluster that was not there before. One thread goes through old merges; all else uses all there are.
///
/// Constraints may be others than they were: clusters that one has come to or gone from start from scratch. A smaller
/// threshold than that of the history takes part of it; a larger one goes on from its end.
///
/// ```
/// use streamface_cluster::{Constraints, Embeddings, History, Metric, Observer, Settings, append, complete_linkage, renumber};
///
/// let (settings, none) = (Settings::new(Metric::Euclidean, 1.0)?, Constraints::default());
/// let old = complete_linkage(&Embeddings::new(vec![0.0, 5.0, 1.0], 1)?, &settings, &none)?;
/// // A row between the first and the second.
/// let rows = Embeddings::new(vec![0.0, 0.4, 5.0, 1.0], 1)?;
/// let merges = renumber(&old.merges, &[0, 2, 3])?;
/// let history = History { merges: &merges, threshold: 1.0, constraints: &none, parts: None };
/// let is_new = [false, true, false, false];
/// let now = append(&rows, &history, &is_new, &settings, &none, Observer::none())?;
/// assert_eq!(now.labels, [0, 0, 1, 0]);
/// assert_eq!(now.merges, complete_linkage(&rows, &settings, &none)?.merges);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::History`] where the merges cannot be those of a run on the rows that are not new;
/// [`Error::LabelCount`] unless `is_new` has an entry a row, and the parts one, too; those of `complete_linkage`. A history of other rows
/// or of another metric may go unnoticed, and gives a wrong result.
pub fn append<'a>(
    rows: impl Into<EmbeddingsView<'a>>,
    history: &History<'_>,
    is_new: &[bool],
    settings: &Settings,
    constraints: &Constraints,
    observer: Observer<'_>,
) -> Result<Clustering, Error> {
    append_with(
        rows.into(),
        history,
        is_new,
        settings,
        constraints,
        observer,
        (Tuning::default(), Limits::default()),
    )
}

fn append_with(
    rows: EmbeddingsView<'_>,
    history: &History<'_>,
    is_new: &[bool],
    settings: &Settings,
    constraints: &Constraints,
    observer: Observer<'_>,
    (tuning, limits): (Tuning, Limits),
) -> Result<Clustering, Error> {
    let n = rows.len();
    if is_new.len() != n {
        return Err(Error::LabelCount { labels: is_new.len(), rows: n });
    }
    let groups = constraints.close(n)?;
    let before = history.constraints.close(n)?;
    let new = is_new.iter().filter(|new| **new).count();
    if new * 2 > n {
        return complete_linkage_with(rows, settings, constraints, observer, tuning);
    }
    let exact = ExactDistance::new(rows, settings.metric())?;
    let space = Projection::new(&exact, &(0..n as u32).collect::<Vec<_>>(), tuning);
    let (mut merges, roots) = start(&exact, &groups, |_| true);
    let (first, old_roots) = start(&exact, &before, |row| !is_new[row as usize]);
    check(history, &first, is_new)?;

    let mut unchanged = unchanged(&roots, &old_roots, is_new, &groups, &before);
    let threshold = settings.threshold().min(history.threshold);
    let mut old = &history.merges[first.len()..];
    old = &old[..old.partition_point(|m| m.distance <= threshold)];
    let (order, sizes) = order(n, history.merges.iter().map(|m| (m.a, m.b)));
    let search = Search::new(&exact, &space, threshold, &order, limits);
    let begins = history.parts.is_some_and(|known| known.threshold >= 0.0);
    // Beginning is taken for half of the work.
    let first = if begins { observer.before(1.0) } else { observer };
    let beginner = BandedLinkage::new(&exact, &space, settings.most_links(), first.comparing(0.0));
    let fresh: Vec<u32> = (0..n as u32).filter(|&row| !unchanged[roots[row as usize] as usize]).collect();
    let start = PartsInput {
        exact: &exact,
        search: &search,
        order: &order,
        groups: &groups,
        roots: &roots,
        fresh: &fresh,
    };
    let mut begun = None;
    if let Some(known) = history.parts {
        if known.of.len() != n {
            return Err(Error::LabelCount { labels: known.of.len(), rows: n });
        }
        if known.threshold >= 0.0 {
            let until = threshold.min(known.threshold);
            let (below, beyond) = old.split_at(old.partition_point(|m| m.distance <= until));
            begun = Some((start.begin(below, known, until, &beginner)?, below, beyond));
        }
    }
    let (mut parts, mut reached, mut links) = (None, None, 0);
    let (mut now, mut was) = (UnionFind::of_roots(roots), UnionFind::of_roots(old_roots));
    if let Some((begun, below, beyond)) = begun {
        if let Some((merged, compared)) = begun.linked {
            below.iter().for_each(|m| was.union(m.a, m.b));
            merged.iter().for_each(|m| now.union(m.a, m.b));
            unchanged = self::unchanged(&now.roots(), &was.roots(), is_new, &groups, &before);
            merges.extend(merged);
            (reached, links, old) = (Some(begun.parts.threshold), compared, beyond);
        }
        parts = Some(begun.parts);
    }
    let roots = now.roots();
    let clusters = || (0..n).filter(|&row| roots[row] as usize == row);
    let (all, changed) = (clusters().count(), clusters().filter(|&row| !unchanged[row]).count());
    if reached.is_none_or(|reached| reached < threshold)
        && changed.saturating_mul(limits.max_changed_inverse) <= all
    {
        let mut sets = Sets::new(n);
        for (row, root) in (0_u32..).zip(roots).filter(|(row, root)| row != root) {
            sets.union(root, row);
        }
        let out = out(&exact, &order, &sizes);
        let state = State::new(sets, unchanged, order, out);
        let mut replay =
            Replay::new(search, (reached.unwrap_or(0.0), threshold), state, groups.apart.iter().copied());
        replay.run(old);
        links += replay.compared;
        merges.append(&mut replay.merges);
        reached = Some(threshold);
    }
    let mut bands = 1;
    if reached.is_none_or(|reached| reached < settings.threshold()) {
        let mut sets = UnionFind::new(n);
        merges.iter().for_each(|m| sets.union(m.a, m.b));
        let points = Points::new(&exact, &sets.roots());
        let apart = CannotLinks::between(&points, &groups, |row| sets.find(row));
        let observer = if begins { observer.going_on(first.end()) } else { observer };
        let solver = BandedLinkage::new(&exact, &space, settings.most_links(), observer);
        let solved = solver.solve(points, apart, settings.threshold())?;
        merges.extend(solved.merges);
        links += solved.links;
        bands += solved.bands;
    }
    Ok(Clustering { links, bands, parts, ..of_merges(n, merges) })
}

/// What is merged before all else, and the smallest row of each row's cluster then.
fn start(
    exact: &ExactDistance,
    groups: &Groups,
    among: impl Fn(u32) -> bool + Sync,
) -> (Vec<Merge>, Vec<u32>) {
    let mut merges = must_links(groups);
    merges.extend(copies(exact, &merges, groups, among));
    let mut sets = UnionFind::new(exact.rows().len());
    merges.iter().for_each(|m| sets.union(m.a, m.b));
    (merges, sets.into_roots())
}

/// Whether the merges may be those of a run that starts with `first`.
fn check(history: &History<'_>, first: &[Merge], is_new: &[bool]) -> Result<(), Error> {
    let merges = history.merges;
    let mut gone = vec![false; is_new.len()];
    for (at, merge) in merges.iter().enumerate() {
        let (a, b) = (merge.a as usize, merge.b as usize);
        let sound = a < b
            && b < is_new.len()
            && !(is_new[a] || is_new[b] || gone[a] || gone[b])
            && merge.distance <= history.threshold.max(0.0)
            && (at <= first.len() || merges[at - 1].order(merge).is_lt());
        if !sound || first.get(at).is_some_and(|f| f != merge) {
            return Err(Error::History { at });
        }
        gone[b] = true;
    }
    if merges.len() < first.len() {
        return Err(Error::History { at: merges.len() });
    }
    Ok(())
}

/// Which clusters are those of the old run, with no other constraints on them.
fn unchanged(
    roots: &[u32],
    old_roots: &[u32],
    is_new: &[bool],
    groups: &Groups,
    before: &Groups,
) -> Vec<bool> {
    let mut unchanged = vec![true; roots.len()];
    for (row, (&root, &old)) in roots.iter().zip(old_roots).enumerate() {
        if is_new[row] || old_roots[root as usize] != old || roots[old as usize] != root {
            unchanged[root as usize] = false;
            unchanged[roots[old as usize] as usize] = false;
        }
    }
    for (a, b) in groups.apart.symmetric_difference(&before.apart) {
        unchanged[roots[*a as usize] as usize] = false;
        unchanged[roots[*b as usize] as usize] = false;
    }
    unchanged
}
