//! Other ways to cluster, to lay beside complete linkage: each a function from links or neighbours to
//! labels.
//!
//! | function | what | on |
//! |---|---|---|
//! | [`components`](fn@crate::components) | connected components, which is single linkage cut at the threshold | links |
//! | [`chinese_whispers()`] | each row takes the label that its neighbours favour (Biemann 2006) | [`Graph`] |
//! | [`dbscan()`] | what hangs together by rows with many neighbours (Ester et al. 1996) | links |
//! | [`infomap()`] | the partition by which a random walk is told in fewest bits (Rosvall & Bergstrom 2008) | [`Graph`] |
//!
//! ```
//! use streamface_cluster::baselines::{ChineseWhispers, Graph, Infomap, chinese_whispers, dbscan, infomap};
//! use streamface_cluster::neighbours::nearest;
//! use streamface_cluster::{Embeddings, Metric, Settings, components, join};
//!
//! let rows = Embeddings::new(vec![0.0, 0.1, 5.0, 0.2, 5.1, 5.2, 9.0], 1)?;
//! let links = join(&rows, &Settings::new(Metric::Euclidean, 0.5)?)?;
//! let people = [0, 0, 1, 0, 1, 1, 2];
//! assert_eq!(components(&links)?, people);
//! assert_eq!(dbscan(&links, 3)?, [Some(0), Some(0), Some(1), Some(0), Some(1), Some(1), None]);
//! let graph = Graph::from_links(&links, |distance| 1.0 - distance)?;
//! assert_eq!(chinese_whispers(&graph, &ChineseWhispers::default()), people);
//! let graph = Graph::from_neighbours(&nearest(&rows, Metric::Euclidean, 2)?, 0.5, |d| 1.0 - d)?;
//! assert_eq!(infomap(&graph, &Infomap::default()).labels, people);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chinese_whispers;
mod dbscan;
mod graph;
mod infomap;

pub use chinese_whispers::{ChineseWhispers, chinese_whispers};
pub use dbscan::{dbscan, noise_apart};
pub use graph::Graph;
pub use infomap::{Communities, Infomap, codelength, infomap};
