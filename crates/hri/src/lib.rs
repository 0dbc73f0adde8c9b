//! An exact, durable index of people by their face embeddings, for streams.
//!
//! An [`Index`] stores people. Each person is represented by the mean of its vectors. A new vector matches the person with
//! the nearest mean within a threshold, or it starts a new person. This is the task of the *hierarchical retrieval index* of
//! the StreamFace paper. The paper's greedy tree can miss the nearest person; it is here as [`CompatTree`], with exactly
//! the original's labels. An [`Index`] always finds the person that a flat scan over all means would find, and it is
//! faster than both: proven bounds on a few bytes for each person rule out most people.
//!
//! | item | purpose |
//! |---|---|
//! | [`Index`] | the index in memory: search, insert, remove, merge, split |
//! | [`Store`] | an index in a directory: changes are logged before they are acknowledged; readers continue during writes |
//! | [`Tree`] | similar people in groups, for people to read |
//! | [`CompatTree`] | the original's tree |
//!
//! ```
//! use hri::{Index, Metric, Settings, Threshold};
//!
//! let mut index = Index::new(Settings::new(2, Threshold::new(Metric::Cosine, 0.3)?)?);
//! let ada = index.insert(&[1.0, 0.0], 100)?;
//! let bob = index.insert(&[0.0, 2.0], 101)?;
//! assert!(ada.new && bob.new);
//! assert_eq!(index.search(&[3.0, 0.1])?.map(|found| found.label), Some(ada.label));
//! assert!(index.search(&[-1.0, 0.0])?.is_none());
//! # Ok::<(), hri::Error>(())
//! ```
//!
//! # Features
//!
//! `ndarray`: the methods of [`Index`] that take vectors, for `ndarray` views.

mod check;
mod compat;
mod error;
mod index;
mod metric;
mod prefilter;
mod settings;
mod store;
mod tree;

pub use compat::CompatTree;
pub use error::{Error, Result};
pub use index::{Index, Inserted, MAX_TEXT, Match, Person, PersonInfo, Stats, To};
pub use metric::Threshold;
pub use settings::Settings;
pub use store::{Batch, Durability, KnownPerson, ReadGuard, Recovery, Store};
pub use streamface_kernels::Metric;
pub use tree::{MAX_TREE_PEOPLE, Tree, TreeNode};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The label of a person in an index: numbers from 0, each given once.
pub type Label = u64;

/// The largest dimension of a vector. With it, sums of products of bytes fit into 32 bits.
pub const MAX_DIM: usize = 1 << 16;
