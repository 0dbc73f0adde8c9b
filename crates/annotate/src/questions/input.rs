//! Clusters and pairs of them, validated once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use streamface_types::Embeddings;

use super::halves::Parts;
use crate::{Error, Result};

/// Two clusters that may be one person.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// One cluster.
    pub left: u32,
    /// The other.
    pub right: u32,
    /// Cosine distance of their means.
    pub distance: f64,
}

/// The clusters and pairs that a [`Queue`](super::Queue) asks about.
#[derive(Debug, Clone)]
pub struct Clusters {
    pub(super) sizes: Vec<u32>,
    pub(super) means: Embeddings,
    /// The smaller cluster is left; ascending, without repetition.
    pub(super) candidates: Vec<Candidate>,
    /// Pairs that cannot be one person, in the same order.
    pub(super) cannot_link: Vec<(u32, u32)>,
    /// The best two parts of clusters that may hold two people.
    pub(super) parts: BTreeMap<u32, Parts>,
}

impl Clusters {
    /// `sizes`: faces of each cluster, n. `means`: their plain means of unit vectors, n × d. `candidates`:
    /// pairs to ask about, at most once each. `cannot_link`: pairs that cannot be one person, such as those
    /// that share a frame.
    ///
    /// O(m log m) for m pairs.
    ///
    /// # Errors
    /// [`Error::MeanCount`], [`Error::TooManyClusters`], and [`Error::ClusterPair`] or [`Error::Distance`]
    /// for the first invalid pair.
    pub fn new(
        sizes: Vec<u32>,
        means: Embeddings,
        mut candidates: Vec<Candidate>,
        mut cannot_link: Vec<(u32, u32)>,
    ) -> Result<Self> {
        let n = sizes.len();
        if n != means.len() {
            return Err(Error::MeanCount { sizes: n, means: means.len() });
        }
        for many in [n, candidates.len() + cannot_link.len()] {
            // Half of what 32 bits hold: answers may add pairs that were no candidates.
            if many > i32::MAX as usize {
                return Err(Error::TooManyClusters { count: many });
            }
        }
        for c in &mut candidates {
            (c.left, c.right) = pair(n, c.left, c.right)?;
            if !(0.0..=2.0).contains(&c.distance) {
                let Candidate { left, right, distance } = *c;
                return Err(Error::Distance { left, right, distance });
            }
        }
        for (a, b) in &mut cannot_link {
            (*a, *b) = pair(n, *a, *b)?;
        }
        candidates.sort_by(|a, b| {
            (a.left, a.right).cmp(&(b.left, b.right)).then(a.distance.total_cmp(&b.distance))
        });
        candidates.dedup_by_key(|c| (c.left, c.right));
        cannot_link.sort_unstable();
        cannot_link.dedup();
        Ok(Self { sizes, means, candidates, cannot_link, parts: BTreeMap::new() })
    }

    /// The best two parts ([`halves`](super::halves())) of clusters that may hold two people. A cluster without is taken to hold
    /// one.
    ///
    /// # Errors
    /// [`Error::ClusterPair`] for a cluster that does not exist, [`Error::Distance`] for an invalid distance.
    pub fn with_parts(mut self, parts: impl IntoIterator<Item = (u32, Parts)>) -> Result<Self> {
        for (cluster, of) in parts {
            if cluster as usize >= self.len() {
                return Err(Error::ClusterPair { left: cluster, right: cluster, clusters: self.len() });
            }
            if !(0.0..=2.0).contains(&of.distance) {
                return Err(Error::Distance { left: cluster, right: cluster, distance: of.distance });
            }
            self.parts.insert(cluster, of);
        }
        Ok(self)
    }

    /// Number of clusters.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// Faces of each cluster.
    #[must_use]
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// The candidates: the smaller cluster left, ascending.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Whether two clusters cannot be one person.
    #[must_use]
    pub fn cannot_link(&self, a: u32, b: u32) -> bool {
        self.cannot_link.binary_search(&(a.min(b), a.max(b))).is_ok()
    }
}

pub(super) fn pair(clusters: usize, left: u32, right: u32) -> Result<(u32, u32)> {
    let (a, b) = (left.min(right), left.max(right));
    if a == b || b as usize >= clusters {
        Err(Error::ClusterPair { left, right, clusters })
    } else {
        Ok((a, b))
    }
}
