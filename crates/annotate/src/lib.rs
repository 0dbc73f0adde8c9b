//! Review of clusters of faces: which clusters may be one person, what people decide, and the result.
//!
//! | module | what |
//! |---|---|
//! | [`decision`] | [`Decision`]: what was decided, by whom, about which faces |
//! | [`finalize`] | [`Finalized`]: the result of a review, as files |
//! | [`journal`] | [`Journal`]: decisions on disk, append-only |
//! | [`labels`] | [`dataset_labels`]: which labels of a dataset count, and what its people are called |
//! | [`matching`] | [`matches`](fn@matching::matches): which clusters may be one person |
//! | [`compat`] | the original's interview and its answers |
//! | [`people`] | [`People`]: the result of clusters and decisions |
//! | [`questions`] | which question to ask next, and which answers to doubt |
//! | [`server`] | the review in a browser |

pub mod compat;
pub mod decision;
mod error;
pub mod finalize;
pub mod journal;
pub mod labels;
pub mod matching;
pub mod people;
pub mod questions;
#[cfg(feature = "server")]
pub mod server;

pub use decision::{AUTO, Action, Compared, Decision, Verdict};
pub use error::{Error, Result};
pub use finalize::{Finalized, Numbering};
pub use journal::{Journal, load};
pub use labels::{DatasetLabels, LabelSource, ReviewOptions, Reviewed, Whose, dataset_labels};
pub use people::{Change, Conflict, People, Refusal, Report};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
