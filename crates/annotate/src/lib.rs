//! Which clusters of faces may be one person, what people say of it, and what follows.
//!
//! | module | what |
//! |---|---|
//! | [`decision`] | [`Decision`]: what was said, by whom, about which faces |
//! | [`questions`] | what to ask next, and which answers to doubt |

pub mod decision;
pub mod questions;

pub use decision::{AUTO, Compared, Decision, Verdict, What};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
