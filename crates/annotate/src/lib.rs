//! Which clusters of faces may be one person, what people say of it, and what follows.
//!
//! | module | what |
//! |---|---|
//! | [`decision`] | [`Decision`]: what was said, by whom, about which faces |
//! | [`journal`] | [`Journal`]: decisions on the disk |
//! | [`people`] | [`People`]: who is who, by clusters and decisions |
//! | [`matching`] | [`matches`](fn@matching::matches): which clusters may be one person |
//! | [`questions`] | what to ask next, and which answers to doubt |

pub mod decision;
mod error;
pub mod journal;
pub mod matching;
pub mod people;
pub mod questions;

pub use decision::{AUTO, Compared, Decision, Verdict, What};
pub use error::Error;
pub use journal::{Journal, load};
pub use people::{Change, Conflict, People, Refusal, Report};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
