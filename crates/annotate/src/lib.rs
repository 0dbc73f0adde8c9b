//! Which clusters of faces may be one person, what people say of it, and what follows.
//!
//! | module | what |
//! |---|---|
//! | [`decision`] | [`Decision`]: what was said, by whom, about which faces |
//! | [`finalize`] | [`Finalized`]: the end of a review, as files |
//! | [`journal`] | [`Journal`]: decisions on the disk |
//! | [`matching`] | [`matches`](fn@matching::matches): which clusters may be one person |
//! | [`compat`] | the original's questions, and answers as it takes them |
//! | [`people`] | [`People`]: who is who, by clusters and decisions |
//! | [`questions`] | what to ask next, and which answers to doubt |
//! | [`server`] | the review in a browser |

pub mod compat;
pub mod decision;
mod error;
pub mod finalize;
pub mod journal;
pub mod matching;
pub mod people;
pub mod questions;
#[cfg(feature = "server")]
pub mod server;

pub use decision::{AUTO, Action, Compared, Decision, Verdict};
pub use error::{Error, Result};
pub use finalize::{Finalized, Numbering};
pub use journal::{Journal, load};
pub use people::{Change, Conflict, People, Refusal, Report};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
