//! Connected components of links.

use crate::link_sink::Link;
use crate::links::{Links, Piece};
use crate::union_find::UnionFind;
use crate::{Error, labels};

/// Connected components of the graph whose edges are `links`, which is also single linkage cut at the
/// threshold: a label for each row, numbered by first appearance.
///
/// ```
/// use streamface_cluster::{Embeddings, Metric, Settings, components, join};
///
/// // Each is near the next: one component, though the ends are far apart.
/// let chain = Embeddings::new(vec![0.0, 9.0, 1.0, 2.0], 1)?;
/// let links = join(&chain, &Settings::new(Metric::Euclidean, 1.0)?)?;
/// assert_eq!(components(&links)?, [0, 1, 0, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Spill`] where the temporary file of the links cannot be read.
pub fn components(links: &Links) -> Result<Vec<u32>, Error> {
    let mut sets = UnionFind::new(links.rows());
    links.for_each(|link| sets.union(link.i, link.j))?;
    Ok(labels::by_first_appearance(&sets.into_roots()))
}

/// The smallest point of each point's component, and the pieces read.
pub(crate) fn of_pieces(pieces: Vec<Piece>, points: usize) -> Result<(Vec<u32>, Vec<Vec<Link>>), Error> {
    let pieces = pieces.into_iter().map(Piece::read).collect::<Result<Vec<_>, _>>()?;
    let mut sets = UnionFind::new(points);
    for link in pieces.iter().flatten() {
        sets.union(link.i, link.j);
    }
    Ok((sets.into_roots(), pieces))
}

/// Points in order of component, then of point: a component's lists lie together, and the order of points
/// within it, which ties are decided by, stays.
pub(crate) struct Components {
    /// Where each component starts, by its smallest point; empty ones for all other points.
    first: Vec<u32>,
    /// The smallest point of each component.
    roots: Vec<u32>,
    /// Each point's place.
    pub(crate) place: Vec<u32>,
    /// The point at each place.
    pub(crate) point_at: Vec<u32>,
}

impl Components {
    pub(crate) fn new(roots: &[u32]) -> Self {
        let points = roots.len();
        let mut first = vec![0_u32; points + 1];
        for &c in roots {
            first[c as usize + 1] += 1;
        }
        for c in 0..points {
            first[c + 1] += first[c];
        }
        let mut fill = first.clone();
        let (mut place, mut point_at) = (vec![0; points], vec![0; points]);
        for (point, &c) in (0_u32..).zip(roots) {
            let at = &mut fill[c as usize];
            place[point as usize] = *at;
            point_at[*at as usize] = point;
            *at += 1;
        }
        let roots =
            (0_u32..).zip(roots).filter(|(point, root)| point == *root).map(|(point, _)| point).collect();
        Self { first, roots, place, point_at }
    }

    /// Where the component starts whose smallest point is `root`.
    pub(crate) fn first(&self, root: u32) -> usize {
        self.first[root as usize] as usize
    }

    /// Places of the component of this number.
    pub(crate) fn range(&self, component: usize) -> (usize, usize) {
        let root = self.roots[component] as usize;
        (self.first[root] as usize, self.first[root + 1] as usize)
    }

    /// Places of each component.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.roots.len()).map(|c| self.range(c))
    }
}
