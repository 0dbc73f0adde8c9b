//! What a person or a program reads: results on standard output, as text or as JSON, and progress on standard
//! error.

/// A line on standard output. A reader who has gone away is no error; a full disk is.
macro_rules! say {
    ($($line:tt)*) => {
        $crate::render::say_line(format_args!($($line)*))
    };
}

pub mod clusters;
pub mod datasets;
pub mod models;
pub mod review;
pub mod scores;
pub mod study;
pub mod summary;
pub mod terminal;
pub mod watch;

/// See `say!`.
pub fn say_line(line: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            let _ = writeln!(std::io::stderr(), "error: standard output: {e}");
            std::process::exit(2);
        }
        _ => {}
    }
}

/// A number of things, in words: `1 face`, `2 faces`.
pub fn count(n: impl TryInto<u64>, one: &str, more: &str) -> String {
    let n = n.try_into().unwrap_or(u64::MAX);
    format!("{n} {}", if n == 1 { one } else { more })
}

/// `1 face`, `2 faces`.
pub fn faces(n: impl TryInto<u64>) -> String {
    count(n, "face", "faces")
}

/// `1 pair`, `2 pairs`.
pub fn pairs(n: impl TryInto<u64>) -> String {
    count(n, "pair", "pairs")
}

/// How a command ended, apart from errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All was done.
    Done,
    /// Something is missing: a file that could not be read, a result that was wanted. Exit code 1.
    Incomplete,
}

impl Outcome {
    /// Done unless something is missing.
    pub fn complete(complete: bool) -> Self {
        if complete { Self::Done } else { Self::Incomplete }
    }
}
