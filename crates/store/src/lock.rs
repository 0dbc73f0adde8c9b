//! A lock on a file.

use std::fs::{File, TryLockError};
use std::io;

/// An exclusive lock on an open file, between processes and within one, given back when it is dropped.
///
/// It is unlocked, not only closed: a process that starts another one has its open files twice until the other program is
/// loaded, and a lock that is merely closed meanwhile would seem to be held still.
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Takes the lock; `None` where another holds it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn take(file: File) -> io::Result<Option<Self>> {
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Where this fails, closing it is what is left.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_given_back_though_the_file_is_open_twice() {
        let dir = tempfile::tempdir().unwrap();
        let open = || File::create(dir.path().join("lock")).unwrap();
        let first = open();
        // What a process just started has of it.
        let twice = first.try_clone().unwrap();
        let held = FileLock::take(first).unwrap();
        assert!(held.is_some());
        assert!(FileLock::take(open()).unwrap().is_none());
        drop(held);
        assert!(FileLock::take(open()).unwrap().is_some());
        drop(twice);
    }
}
