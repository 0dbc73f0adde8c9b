//! Average linkage, cut at a threshold.

use streamface_types::EmbeddingsView;

use crate::clustering::{Clustering, Merge, of_merges};
use crate::constraints::Constraints;
use crate::distance_matrix::{self, DistanceMatrix};
use crate::exact_distance::ExactDistance;
use crate::initial_merges::must_links;
use crate::panel_blocks::pairs;
use crate::points::Points;
use crate::{Error, Settings};

/// Clusters rows by average linkage (UPGMA) cut at the threshold: two clusters may join where the mean
/// distance over all pairs across them is ≤ threshold. Means are kept up as clusters join (Lance and
/// Williams), so that they are right to about 10⁻¹³; ties nearer than that may go either way.
///
/// A mean needs all distances: 10 bytes for each of n² pairs, at most the settings' memory. Clusters that hold a
/// cannot-link are infinitely far from each other.
///
/// # Errors
/// [`Error::Dense`] beyond that; [`Error::NoSuchRow`] and [`Error::Contradiction`] for constraints.
pub fn average_linkage<'a>(
    rows: impl Into<EmbeddingsView<'a>>,
    settings: &Settings,
    constraints: &Constraints,
) -> Result<Clustering, Error> {
    // Not generic, so that the loops are compiled in this crate.
    average_linkage_of(rows.into(), settings, constraints)
}

fn average_linkage_of(
    rows: EmbeddingsView<'_>,
    settings: &Settings,
    constraints: &Constraints,
) -> Result<Clustering, Error> {
    let groups = constraints.close(rows.len())?;
    let exact = ExactDistance::new(rows, settings.metric())?;
    let points = Points::new(&exact, &groups.first);
    let (n, first) = (points.len(), points.ids());
    let bytes = distance_matrix::bytes(n);
    if bytes > settings.budget() {
        return Err(Error::Dense { rows: n, bytes, memory: settings.budget() });
    }
    let (square, _) = DistanceMatrix::of_pairs(n, |i, j| {
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
    let mut found = distance_matrix::chain_of(square, sizes, mean);
    found.retain(|m| m.distance <= settings.threshold());
    found.sort_unstable_by(Merge::order);
    let mut merges = must_links(&groups);
    merges.extend(found.into_iter().map(|m| Merge { a: first[m.a as usize], b: first[m.b as usize], ..m }));
    Ok(Clustering { links: pairs(n), bands: 1, ..of_merges(rows.len(), merges) })
}
