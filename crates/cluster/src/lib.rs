//! Exact complete-linkage clustering of embeddings under a distance threshold, without the n × n
//! matrix.
//!
//! Complete linkage cut at a threshold `t` joins two clusters only where *every* pair across them is at distance ≤ `t`. So
//! the *links*, the pairs at distance ≤ `t`, are all it needs; a missing link is an infinite distance. Where the links do
//! not fit in memory, the threshold rises in bands, and connected components are linked one by one. Components in which
//! nearly all pairs are links are linked on a matrix of 16-bit distances. The result is always the partition that a cut
//! of the full dendrogram gives. [`append`] gives the same for more rows, from the merges of an earlier run.
//! `docs/clustering/proof.md` in the repository has the proof and the bounds.
//!
//! | module | what |
//! |---|---|
//! | [`join`](mod@join) | all links: byte products with proven bounds rule pairs out, `f64` decides |
//! | [`mod@components`] | connected components of the links |
//! | [`complete_linkage`], [`single_linkage`], [`average_linkage`] | from rows to clusters |
//! | [`constraints`] | pairs that must, and pairs that must not, end up together |
//! | [`merge`] | clusters joined afterwards along temporal links, as the original StreamFace does |
//! | [`compat`] | the original StreamFace's clustering: batches, means, merging |
//! | [`neighbours`] | exact k nearest neighbours |
//! | [`baselines`] | DBSCAN, Chinese whispers, Infomap |
//! | [`labels`] | canonical numberings: by first appearance, by size |
//! | [`primitive`] | the slow, obvious implementation that the fast one is tested against |
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
mod linkage;
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
pub use error::{Error, Result};
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
pub use streamface_types::{Embeddings, EmbeddingsView, Metric};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
