//! Exact complete-linkage clustering of embeddings under a distance threshold, without the n × n
//! matrix.
//!
//! Complete linkage cut at a threshold `t` joins two clusters only where *every* pair across them is
//! at distance ≤ t. So the pairs at distance ≤ t, the *links*, are all it needs to know; a missing link
//! is infinite. Where the links do not fit in memory, thresholds go up in bands, and rows fall into parts that are linked one by
//! one; crowds of which nearly all pairs are links are linked on a square of distances. All of it gives exactly the
//! partition that a cut of the full dendrogram gives, and [`append`] gives it for more rows from an earlier run's merges.
//! `docs/clustering/proof.md` in the repository has the proof, the bounds and a picture.
//!
//! | module | what |
//! |---|---|
//! | [`join`](mod@join) | all links: products of bytes with proven bounds find candidates, `f64` decides |
//! | [`mod@components`] | connected components of the links |
//! | [`linkage`] | complete linkage inside each component, components in parallel |
//! | [`constraints`] | pairs that must, and pairs that must not, end up together |
//! | [`merge`] | clusters joined afterwards along temporal links, as the original StreamFace does |
//! | [`compat`] | the original StreamFace's clustering: batches, means, merging |
//! | [`neighbours`] | exact k nearest neighbours |
//! | [`baselines`] | other ways to cluster, to compare with |
//! | [`labels`] | canonical numberings: by first appearance, by size |
//! | [`primitive`] | the slow, obvious twin that the fast way is tested against |
//!
//! Distances are those of [`Metric::distance`]: in `f64` from the `f32` input. Merges happen in the
//! order of distance, then of the smaller id of the two clusters, then of the other id, where a
//! cluster's id is its smallest row. Results do not depend on the number of threads.
//!
//! ```
//! use streamface_cluster::{Constraints, Embeddings, EmbeddingsView, Metric, Settings, complete_linkage};
//!
//! // Three directions: rows 0, 1 and 4 point east, 2 and 5 north, 3 west.
//! let rows = vec![1.0, 0.0, 2.0, 0.1, 0.0, 3.0, -1.0, 0.0, 1.0, -0.1, 0.1, 1.0];
//! let faces = Embeddings::new(rows, 2)?;
//! let settings = Settings::new(Metric::Cosine, 0.3)?;
//! let people = complete_linkage(&faces, &settings, &Constraints::default())?;
//! assert_eq!(people.labels, [0, 0, 1, 2, 0, 1]);
//! assert_eq!((people.clusters, people.links), (3, 4));
//!
//! // Rows of an array are borrowed, not copied.
//! let array = ndarray::arr2(&[[1.0, 0.0], [0.0, 2.0], [3.0, 0.1]]);
//! let rows = EmbeddingsView::try_from(array.view())?;
//! assert_eq!(complete_linkage(rows, &settings, &Constraints::default())?.labels, [0, 1, 0]);
//!
//! // Rows 0 and 4 were seen in one frame: they are two people, however alike.
//! let mut apart = Constraints::default();
//! apart.cannot_link_group(&[0, 4]);
//! let people = complete_linkage(&faces, &settings, &apart)?;
//! assert_eq!(people.labels, [0, 0, 1, 2, 3, 1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod banded;
pub mod baselines;
mod bounded_join;
mod cannot_links;
mod clustering;
pub mod compat;
pub mod components;
pub mod constraints;
mod coverage;
mod distance_matrix;
mod distance_tile;
mod elementwise;
mod error;
mod exact_distance;
mod incremental;
mod initial_merges;
pub mod join;
pub mod labels;
mod link_sink;
pub mod linkage;
pub mod links;
pub mod merge;
pub mod neighbours;
mod panel_blocks;
mod points;
mod prefilter;
pub mod primitive;
pub mod progress;
mod quantized_matrix;
mod settings;
mod spanning_forest;
mod sparse_linkage;
mod squared_distance_gemm;
mod union_find;

pub use clustering::{Clustering, Merge, Parts, cut};
pub use components::components;
pub use constraints::Constraints;
pub use coverage::not_joined;
pub use error::Error;
pub use incremental::{History, append, renumber};
pub use join::{join, join_blocks, join_each};
pub use link_sink::Link;
pub use linkage::average::average_linkage;
pub use linkage::complete::{complete_linkage, complete_linkage_observed, link};
pub use linkage::single::single_linkage;
pub use links::Links;
pub use merge::merge_by_links;
pub use progress::{Observer, Progress, Stage};
pub use settings::Settings;
pub use streamface_types::{Embeddings, EmbeddingsView, Metric, ShapeError};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
