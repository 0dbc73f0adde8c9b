//! The original StreamFace's clustering, batches and all, for results that can be laid beside its own.
//!
//! 1. Rows in batches of 20,000, in their order: complete linkage in each, cut at the threshold.
//! 2. The clusters' mean vectors, not normalised, are clustered the same way; then once more, by the
//!    means of the clusters that came of it. A mean is over all rows of a cluster, not over means. So a
//!    cluster may be wider than the threshold.
//! 3. Clusters are joined along temporal links ([`merge_by_links`]), gaps are closed.
//! 4. Numbered by size, 0 the largest.
//!
//! Size alone leaves the numbers of equal clusters open; the original's own follow from two habits of
//! its libraries, which are kept here. SciPy's `fcluster` numbers clusters in the order in which a walk
//! of the dendrogram meets them (`order`), and that is also the order in which the
//! means are clustered. NumPy's default sort is not stable: clusters are taken from the end of
//! `argsort(sizes)` (`argsort`). Both together give the very numbers of the original's published
//! sample.
//!
//! What remains different: distances are those of [`Metric::distance`](crate::Metric::distance), so a pair that rounding puts on
//! the other side of the threshold, equal distances, and zero vectors (not a number to SciPy) may come
//! out otherwise; means are summed in `f64` and kept in `f32`. Beyond [`MOST_ORDERED`] clusters in one
//! pass the walk is given up, and its clusters are numbered by first appearance: this bears on the
//! numbers of clusters of equal size, and on nothing else but equal distances.

mod argsort;
mod order;

use std::num::NonZeroUsize;

use rayon::prelude::*;
use streamface_kernels::means::mean;
use streamface_types::{Embeddings, EmbeddingsView};

use crate::{Constraints, Error, Settings, complete_linkage, labels, merge_by_links};

/// Clusters of one pass up to which they are numbered as a walk of the dendrogram meets them: it takes
/// half a square matrix of `f64` over them, 268 MB at most.
pub const MOST_ORDERED: usize = 8192;

/// The original's settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scheme {
    settings: Settings,
    batch: NonZeroUsize,
    merging_threshold: f64,
}

impl Scheme {
    /// The metric and the matching threshold (the original's are cosine and 0.3), with its batches of
    /// 20,000 rows and its merging threshold of 0.5.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        const BATCH: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();
        Self { settings, batch: BATCH, merging_threshold: 0.5 }
    }

    /// Rows of a batch; also means of a batch, where there are that many clusters.
    #[must_use]
    pub fn batch(self, rows: NonZeroUsize) -> Self {
        Self { batch: rows, ..self }
    }

    /// Clusters with a temporal link and a mean distance below this are joined.
    ///
    /// # Errors
    /// [`Error::Threshold`] as for [`Settings::new`].
    pub fn merging_threshold(self, threshold: f64) -> Result<Self, Error> {
        let threshold = Settings::new(self.settings.metric(), threshold)?.threshold();
        Ok(Self { merging_threshold: threshold, ..self })
    }
}

/// Clusters `rows` as the original does: a label for each, 0 the largest cluster. `links` are temporal
/// links, pairs of rows in any order.
///
/// Time: that of complete linkage for each batch and twice for the means, O(n · batch · d) at worst.
/// Memory: the links of a batch, and half a square matrix over its clusters (see [`MOST_ORDERED`]).
///
/// ```
/// use streamface_cluster::{Embeddings, Metric, Settings, compat};
///
/// let rows = Embeddings::new(vec![0.0, 9.0, 0.8, 10.0, 1.6], 1)?;
/// let scheme = compat::Scheme::new(Settings::new(Metric::Euclidean, 1.25)?);
/// // 0 and 0.8 are one cluster, with mean 0.4; 1.6 is within 1.25 of the mean, though not of 0.
/// assert_eq!(compat::cluster(&rows, &[], &scheme)?, [0, 1, 0, 1, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::NoSuchRow`] for a link, [`Error::TooManyRows`].
pub fn cluster<'a>(
    rows: impl Into<EmbeddingsView<'a>>,
    links: &[(usize, usize)],
    scheme: &Scheme,
) -> Result<Vec<u32>, Error> {
    let rows = rows.into();
    if u32::try_from(rows.len()).is_err() {
        return Err(Error::TooManyRows { rows: rows.len() });
    }
    if let Some(row) = links.iter().flat_map(|&(a, b)| [a, b]).find(|&row| row >= rows.len()) {
        return Err(Error::NoSuchRow { row, rows: rows.len() });
    }
    let mut of_rows = batches(rows, scheme)?;
    for _ in 0..2 {
        let number = batches(means(rows, &of_rows).view(), scheme)?;
        for label in &mut of_rows {
            *label = number[*label as usize];
        }
    }
    let none = Constraints::default();
    let metric = scheme.settings.metric();
    let joined = merge_by_links(rows, metric, &of_rows, links, scheme.merging_threshold, &none)?;
    Ok(by_size(&joined))
}

/// One pass: complete linkage batch by batch, numbered as the original numbers.
fn batches(rows: EmbeddingsView<'_>, scheme: &Scheme) -> Result<Vec<u32>, Error> {
    let (batch, dim) = (scheme.batch.get(), rows.dim());
    let mut all = Vec::with_capacity(rows.len());
    let mut next = 0;
    for from in (0..rows.len()).step_by(batch) {
        let to = from.saturating_add(batch).min(rows.len());
        let part = part(rows.as_slice()[from * dim..to * dim].to_vec(), dim);
        let found = complete_linkage(&part, &scheme.settings, &Constraints::default())?;
        let number = if found.clusters <= MOST_ORDERED {
            order::of_clusters(part.view(), scheme.settings.metric(), &found.labels, found.clusters)
        } else {
            (0..found.clusters as u32).collect()
        };
        all.extend(found.labels.iter().map(|&l| next + number[l as usize]));
        next += found.clusters as u32;
    }
    Ok(all)
}

/// The mean vector of each cluster of a numbering without gaps.
fn means(rows: EmbeddingsView<'_>, of_rows: &[u32]) -> Embeddings {
    let (sizes, dim) = (labels::sizes(of_rows), rows.dim());
    let mut first = vec![0_usize; sizes.len() + 1];
    for (c, size) in sizes.iter().enumerate() {
        first[c + 1] = first[c] + size;
    }
    let (mut fill, mut row_at) = (first.clone(), vec![0_usize; rows.len()]);
    for (row, &label) in of_rows.iter().enumerate() {
        row_at[fill[label as usize]] = row;
        fill[label as usize] += 1;
    }
    let of = |c: usize| {
        let own = row_at[first[c]..first[c + 1]].iter().map(|&row| rows.row(row));
        mean(own, dim).into_iter().map(|x| x as f32).collect::<Vec<_>>()
    };
    part((0..sizes.len()).into_par_iter().map(of).flatten_iter().collect(), dim)
}

/// Rows made of rows, or of their means, which lie between the numbers they are means of.
fn part(data: Vec<f32>, dim: usize) -> Embeddings {
    Embeddings::new(data, dim).unwrap_or_else(|e| unreachable!("whole rows of finite numbers: {e}"))
}

/// Numbers clusters by size as the original does.
fn by_size(of_rows: &[u32]) -> Vec<u32> {
    let number = ranks_by_size(&labels::sizes(of_rows));
    of_rows.iter().map(|&l| number[l as usize]).collect()
}

/// The number that the original gives each cluster by its size: from the end of NumPy's `argsort` of the sizes. It
/// numbers clusters this way after clustering, and people once more after its manual annotation.
///
/// ```
/// assert_eq!(streamface_cluster::compat::ranks_by_size(&[1, 3, 1]), [2, 0, 1]);
/// ```
#[must_use]
pub fn ranks_by_size(sizes: &[usize]) -> Vec<u32> {
    let mut number = vec![0; sizes.len()];
    for (new, old) in (0..).zip(argsort::argsort(sizes).into_iter().rev()) {
        number[old] = new;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metric;

    fn scheme(metric: Metric, t: f64, batch: usize) -> Scheme {
        Scheme::new(Settings::new(metric, t).unwrap()).batch(NonZeroUsize::new(batch).unwrap())
    }

    fn line(values: &[f32]) -> Embeddings {
        Embeddings::new(values.to_vec(), 1).unwrap()
    }

    #[test]
    fn a_batch_knows_nothing_of_the_next_but_means_meet() {
        let rows = line(&[0.0, 0.1, 0.2, 10.0, 0.5, 10.5]);
        let scheme = scheme(Metric::Euclidean, 1.0, 4);
        assert_eq!(batches(rows.view(), &scheme).unwrap(), [0, 0, 0, 1, 2, 3]);
        let of = cluster(&rows, &[], &scheme).unwrap();
        assert_eq!(labels::by_first_appearance(&of), [0, 0, 0, 1, 0, 1]);
    }

    #[test]
    fn links_join_what_is_near_enough_on_the_mean() {
        let rows = line(&[0.0, 0.5, 2.0, 9.0, 9.1, 9.2]);
        let scheme = scheme(Metric::Euclidean, 0.6, 20).merging_threshold(2.0).unwrap();
        let links = [(2, 1), (3, 2)];
        assert_eq!(cluster(&rows, &[], &scheme).unwrap(), [1, 1, 2, 0, 0, 0]);
        let of = cluster(&rows, &links, &scheme).unwrap();
        assert_eq!(labels::by_first_appearance(&of), [0, 0, 0, 1, 1, 1]);
        assert_eq!(cluster(&rows, &[(0, 6)], &scheme), Err(Error::NoSuchRow { row: 6, rows: 6 }));
    }

    #[test]
    fn a_mean_is_of_rows_not_of_means() {
        let rows = line(&[0.0, 0.0, 0.0, 4.0]);
        assert_eq!(means(rows.view(), &[0, 0, 0, 0]).as_slice(), [1.0]);
        assert_eq!(means(rows.view(), &[0, 1, 1, 1]).as_slice(), [0.0, 4.0 / 3.0]);
    }

    #[test]
    fn nothing_and_one() {
        let scheme = scheme(Metric::Cosine, 0.3, 20);
        assert!(cluster(&Embeddings::default(), &[], &scheme).unwrap().is_empty());
        assert_eq!(cluster(&line(&[1.0]), &[], &scheme).unwrap(), [0]);
        assert!(scheme.merging_threshold(2.5).is_err());
    }
}
