//! People recognised by their embeddings, one by one, while they come in.
//!
//! An [`Index`] holds people, each by the mean of its vectors. A vector is taken for the person with the nearest mean
//! within a threshold, or is a new person: the task of the *hierarchical retrieval index* of the StreamFace paper,
//! whose own tree, greedy and without a way back, is here as [`CompatTree`], to the digit. An [`Index`] misses nobody that
//! measuring all distances would find, and is faster than both: people are passed over by a bound that is proven, on
//! few bytes each.
//!
//! | item | what |
//! |---|---|
//! | [`Index`] | in memory: search, insert, remove, merge, split |
//! | [`Store`] | the same in a directory: every change is logged before it is acknowledged; readers while one writes |
//! | [`Tree`] | similar people in groups, to be read by people |
//! | [`CompatTree`] | the original's tree |
//!
//! ```
//! use hri::{Index, Metric, Settings, Threshold};
//!
//! let threshold = Threshold::new(Metric::Cosine, 0.3)?;
//! let mut index = Index::new(Settings::new(2, threshold)?);
//! let ada = index.insert(&[1.0, 0.0], 100)?;
//! let bob = index.insert(&[0.0, 2.0], 101)?;
//! let again = index.insert(&[3.0, 0.1], 102)?;
//! assert!(ada.new && bob.new && !again.new);
//! assert_eq!((ada.label, bob.label, again.label), (0, 1, 0));
//!
//! let seen = index.search(&[0.9, 0.0])?.map(|m| m.label);
//! assert_eq!(seen, Some(0));
//! assert!(index.search(&[-1.0, 0.0])?.is_none());
//! # Ok::<(), hri::Error>(())
//! ```

mod check;
mod compat;
mod error;
mod index;
mod look;
mod metric;
mod random;
mod settings;
mod store;
mod tree;
mod wide;

pub use compat::CompatTree;
pub use error::Error;
pub use index::{Index, Inserted, Match, Person, Stats, To};
pub use metric::{Metric, Threshold};
pub use settings::Settings;
pub use store::{Durability, Reading, Recovery, Store};
pub use tree::{MOST_PEOPLE, Part, Tree};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// A person's name in an index: a number from 0, given once.
pub type Label = u64;

/// Most numbers in a vector: sums of products of bytes stay within 32 bits.
pub const MAX_DIM: usize = 1 << 16;
