//! Mean distances of each face from its own cluster and from the nearest other.

/// By position.
pub(super) struct Distances {
    /// Mean distance from the other faces of its cluster; 0 where there are none.
    pub own: Vec<f64>,
    /// The nearest other cluster and the mean distance from its faces; `None` where there is only one cluster.
    pub other: Vec<Option<(usize, f64)>>,
}
