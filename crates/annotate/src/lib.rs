//! Which clusters of faces may be one person, what people say of it, and what follows.
//!
//! | module | what |
//! |---|---|
//! | [`decision`] | [`Decision`]: what was said, by whom, about which faces |
//! | [`matching`] | [`matches`](fn@matching::matches): which clusters may be one person |
//! | [`questions`] | what to ask next, and which answers to doubt |

pub mod decision;
pub mod matching;
pub mod questions;

pub use decision::{AUTO, Compared, Decision, Verdict, What};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
