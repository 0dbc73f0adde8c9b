//! The steps of StreamFace as library calls: from a video or a live stream to a labelled face dataset.
//!
//! ```
//! use streamface_pipeline::in_order::in_order;
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

// For now: the settings still take the flags themselves.
#[path = "../../../bins/streamface/src/args/mod.rs"]
pub mod args;
pub mod in_order;
pub mod progress;
pub mod settings;
pub mod steps;
pub mod watch;
