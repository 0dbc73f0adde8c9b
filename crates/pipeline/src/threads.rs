//! How many threads a step takes.

use std::num::NonZero;

use crate::{Error, Result};

/// Threads to work with: those asked for, else the processors there are.
///
/// # Errors
/// [`Error::Setting`] for 0 and for more than 1024.
pub fn threads(asked: Option<usize>) -> Result<usize> {
    match asked {
        Some(n @ 1..=1024) => Ok(n),
        Some(n) => Err(Error::Setting(format!("threads must be 1 to 1024, not {n}"))),
        None => Ok(std::thread::available_parallelism().map_or(1, NonZero::get)),
    }
}

/// Runs `work` on a pool of as many threads as are asked for; on the one there is where it has as many.
pub(crate) fn with_threads<T: Send>(
    asked: Option<usize>,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    let threads = threads(asked)?;
    if rayon::current_num_threads() == threads {
        return work();
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build()?.install(work)
}
