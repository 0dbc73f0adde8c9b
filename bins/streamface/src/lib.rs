//! StreamFace's steps as library calls; the binary `streamface` parses, resolves settings, calls them
//! and shows progress.
//!
//! | module | what |
//! |---|---|
//! | [`args`] | the command line: every flag, once |
//! | [`config`] | flags from a TOML file |
//! | [`settings`] | flags and manifests resolved into what the steps take |
//! | [`pipeline`] | stages side by side over bounded queues, results in order |
//! | [`steps`] | one file a step |
//! | [`progress`] | what a person sees while they run |
//! | [`watch`] | who is on screen, while it is on screen |
//!
//! ```
//! use streamface::pipeline::in_order;
//!
//! // Work on many threads, results in the order of the jobs.
//! let mut jobs = 0..100;
//! let mut squares = Vec::new();
//! in_order(4, 8, || jobs.next(), |n| n * n, |square| {
//!     squares.push(square);
//!     Ok::<(), ()>(())
//! })?;
//! assert_eq!(squares[99], 99 * 99);
//! # Ok::<(), ()>(())
//! ```

/// A line on standard output. A reader who has gone away is no error; a full disk is.
macro_rules! say {
    ($($line:tt)*) => {
        $crate::steps::say_line(format_args!($($line)*))
    };
}

pub mod args;
pub mod config;
pub mod pipeline;
pub mod progress;
pub mod settings;
pub mod steps;
pub mod watch;
