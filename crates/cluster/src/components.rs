//! Connected components of links.

use crate::join::Links;
use crate::labels;
use crate::union_find::UnionFind;

/// The smallest row of each row's component.
pub(crate) fn roots(links: &Links) -> Vec<u32> {
    let mut sets = UnionFind::new(links.rows());
    for link in links.iter() {
        sets.union(link.i, link.j);
    }
    sets.into_roots()
}

/// Connected components of the graph whose edges are `links`, which is also single linkage cut at the
/// threshold: a label for each row, numbered by first appearance.
///
/// ```
/// use streamface_cluster::{Embeddings, Metric, Settings, components, join};
///
/// // Each is near the next: one component, though the ends are far apart.
/// let chain = Embeddings::new(vec![0.0, 9.0, 1.0, 2.0], 1)?;
/// let links = join(&chain, &Settings::new(Metric::Euclidean, 1.0)?)?;
/// assert_eq!(components(&links), [0, 1, 0, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn components(links: &Links) -> Vec<u32> {
    labels::by_first_appearance(&roots(links))
}
