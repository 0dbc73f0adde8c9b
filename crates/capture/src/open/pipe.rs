//! Named pipes as sources. Opening one waits for somebody who writes, and so does reading; both without an end that
//! ffmpeg would know of.

use std::fs::File;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};

use crate::deadline::Watch;
use crate::error::{Error, Result};
use crate::source::path_text;

/// Opens a pipe, and waits until something is written to it.
///
/// # Errors
/// [`Error::Io`]; [`Error::Stopped`]; [`Error::Open`] where nothing comes in the time that `watch` allows.
pub(super) fn open_pipe(path: &Path, watch: &Watch, allowed: Duration) -> Result<File> {
    let io = |e: rustix::io::Errno| Error::Io { path: path.to_owned(), source: e.into() };
    let pipe = open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).map_err(io)?;
    let moment = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    loop {
        if watch.stop.is_set() {
            return Err(Error::Stopped);
        }
        if watch.is_late() {
            let why = format!("a named pipe that nobody has written to within {} s", allowed.as_secs_f64());
            return Err(Error::Open { what: path_text(path).into(), why });
        }
        let mut ready = [PollFd::new(&pipe, PollFlags::IN)];
        match poll(&mut ready, Some(&moment)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(pipe.into()),
            Err(e) => return Err(io(e)),
        }
    }
}

/// The pipe as ffmpeg opens it.
pub(super) fn address(pipe: &File) -> String {
    format!("pipe:{}", pipe.as_fd().as_raw_fd())
}
